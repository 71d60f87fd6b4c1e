"""Client to venue: another order in the place of one; symbol and side stay, a sale's mark too unless tag 27 names one.

U replace order, 38 bytes, then the appendage
off  size  field
---  ----  -----------------
  0     1  kind
  1     4  orig_user_ref_num
  5     4  user_ref_num
  9     4  qty_lots
 13     8  price_ticks
 21     1  time_in_force
 22     1  display
 23     1  sweep
 24    14  cl_ord_id

`qty_lots` is the new total, shares already executed included. `side_letter` is that of tag 27, 0 where there is none.
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, read_u64, write_u16, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.appendage import TAG_SIDE, append_tag, find_tag
from procs.wire.ouch.event import OUCH_REPLACE
from procs.wire.ouch.parts import decode_cl_ord_id, encode_cl_ord_id, is_sale_letter
from shm.jit import hot

REPLACE_FIXED = 38
REPLACE_BYTES = REPLACE_FIXED + 2
MARK_TAG_BYTES = 2  # of tag and letter


@hot
def decode_replace(buf, offset, event):
    """All fields, and the mark of tag 27. Anything else there than one letter of a sale is malformed."""
    price_ticks = read_u64(buf, offset + 13)
    if price_ticks < 0:
        return WIRE_BAD_FIELD
    event["orig_user_ref_num"] = read_u32(buf, offset + 1)
    event["user_ref_num"] = read_u32(buf, offset + 5)
    event["qty_lots"] = read_u32(buf, offset + 9)
    event["price_ticks"] = price_ticks
    event["time_in_force"] = buf[offset + 21]
    event["display"] = buf[offset + 22]
    event["sweep"] = buf[offset + 23]
    decode_cl_ord_id(buf, offset + 24, event)
    mark = find_tag(buf, event, TAG_SIDE)
    if mark < 0:
        return WIRE_OK
    if buf[mark] != MARK_TAG_BYTES or not is_sale_letter(buf[mark + 2]):
        return WIRE_BAD_FIELD
    event["side_letter"] = buf[mark + 2]
    return WIRE_OK


@hot
def encode_replace(buf, offset, event):
    """Write U at `offset`, in its appendage the mark of `side_letter`, if any. Returns the size or a negative code."""
    if not has_room(buf, offset, REPLACE_BYTES):
        return WIRE_NO_ROOM
    if not fits_u32(event["orig_user_ref_num"]) or not fits_u32(event["user_ref_num"]):
        return WIRE_BAD_FIELD
    if not fits_u32(event["qty_lots"]) or event["price_ticks"] < 0:
        return WIRE_BAD_FIELD
    buf[offset] = OUCH_REPLACE
    write_u32(buf, offset + 1, event["orig_user_ref_num"])
    write_u32(buf, offset + 5, event["user_ref_num"])
    write_u32(buf, offset + 9, event["qty_lots"])
    write_u64(buf, offset + 13, event["price_ticks"])
    buf[offset + 21] = event["time_in_force"]
    buf[offset + 22] = event["display"]
    buf[offset + 23] = event["sweep"]
    encode_cl_ord_id(buf, offset + 24, event)
    write_u16(buf, offset + REPLACE_FIXED, 0)
    letter = int(event["side_letter"])
    if letter == 0:
        return REPLACE_BYTES
    if not is_sale_letter(letter):
        return WIRE_BAD_FIELD
    return append_tag(buf, offset, REPLACE_FIXED, REPLACE_BYTES, TAG_SIDE, letter, 1)

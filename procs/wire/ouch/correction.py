"""Venue to client: an execution whose price the venue corrected.

F trade correction, 49 bytes, then the appendage
off  size  field
---  ----  --------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
 13     4  qty_lots
 17     8  price_ticks
 25     1  liquidity_flag
 26     8  match_number
 34     1  reason
 35    14  cl_ord_id
"""

from procs.wire.big_endian import fits_u32, has_room, write_u16, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_CORRECTION
from procs.wire.ouch.executed import decode_executed
from procs.wire.ouch.parts import decode_cl_ord_id, encode_cl_ord_id, encode_head
from shm.jit import hot

CORRECTION_FIXED = 49
CORRECTION_BYTES = CORRECTION_FIXED + 2


@hot
def decode_correction(buf, offset, event):
    """All fields: those of an execution (`executed.py`), a reason's letter, the order text."""
    event["reason"] = buf[offset + 34]
    decode_cl_ord_id(buf, offset + 35, event)
    return decode_executed(buf, offset, event)


@hot
def encode_correction(buf, offset, event):
    """Write F at `offset` with an empty appendage. Returns the size or a negative code."""
    if not has_room(buf, offset, CORRECTION_BYTES):
        return WIRE_NO_ROOM
    if not fits_u32(event["qty_lots"]) or event["price_ticks"] < 0 or event["match_number"] < 0:
        return WIRE_BAD_FIELD
    if event["reason"] < 0 or event["reason"] > 255 or encode_head(buf, offset, OUCH_CORRECTION, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    write_u32(buf, offset + 13, event["qty_lots"])
    write_u64(buf, offset + 17, event["price_ticks"])
    buf[offset + 25] = event["liquidity_flag"]
    write_u64(buf, offset + 26, event["match_number"])
    buf[offset + 34] = event["reason"]
    encode_cl_ord_id(buf, offset + 35, event)
    write_u16(buf, offset + CORRECTION_FIXED, 0)
    return CORRECTION_BYTES

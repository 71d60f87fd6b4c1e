"""Client to venue: a new order.

O enter order, 45 bytes, then the appendage
off  size  field
---  ----  -------------
  0     1  kind
  1     4  user_ref_num
  5     1  side_letter
  6     4  qty_lots
 10     8  symbol
 18     8  price_ticks
 26     1  time_in_force
 27     1  display
 28     1  capacity
 29     1  sweep
 30     1  cross_type
 31    14  cl_ord_id
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, read_u64, write_u16, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_ENTER
from procs.wire.ouch.parts import decode_cl_ord_id, decode_side, encode_cl_ord_id, encode_side
from shm.jit import hot

ENTER_FIXED = 45
ENTER_BYTES = ENTER_FIXED + 2


@hot
def decode_enter(buf, offset, event):
    """All fields."""
    price_ticks = read_u64(buf, offset + 18)
    if price_ticks < 0:
        return WIRE_BAD_FIELD
    event["user_ref_num"] = read_u32(buf, offset + 1)
    event["qty_lots"] = read_u32(buf, offset + 6)
    event["symbol"] = read_u64(buf, offset + 10)
    event["price_ticks"] = price_ticks
    event["time_in_force"] = buf[offset + 26]
    event["display"] = buf[offset + 27]
    event["capacity"] = buf[offset + 28]
    event["sweep"] = buf[offset + 29]
    event["cross_type"] = buf[offset + 30]
    decode_cl_ord_id(buf, offset + 31, event)
    return decode_side(buf, offset + 5, event)


@hot
def encode_enter(buf, offset, event):
    """Write O at `offset` with an empty appendage. Returns the size or a negative code."""
    if not has_room(buf, offset, ENTER_BYTES):
        return WIRE_NO_ROOM
    if not fits_u32(event["user_ref_num"]) or not fits_u32(event["qty_lots"]) or event["price_ticks"] < 0:
        return WIRE_BAD_FIELD
    if encode_side(buf, offset + 5, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    buf[offset] = OUCH_ENTER
    write_u32(buf, offset + 1, event["user_ref_num"])
    write_u32(buf, offset + 6, event["qty_lots"])
    write_u64(buf, offset + 10, event["symbol"])
    write_u64(buf, offset + 18, event["price_ticks"])
    buf[offset + 26] = event["time_in_force"]
    buf[offset + 27] = event["display"]
    buf[offset + 28] = event["capacity"]
    buf[offset + 29] = event["sweep"]
    buf[offset + 30] = event["cross_type"]
    encode_cl_ord_id(buf, offset + 31, event)
    write_u16(buf, offset + ENTER_FIXED, 0)
    return ENTER_BYTES

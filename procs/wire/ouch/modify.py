"""Client to venue: change the side mark of an order (sell, short, short exempt) or lower its size, place kept.

M modify order, 10 bytes, then the appendage
off  size  field
---  ----  ------------
  0     1  kind
  1     4  user_ref_num
  5     1  side_letter
  6     4  qty_lots
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, write_u16, write_u32
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_MODIFY
from procs.wire.ouch.parts import decode_side, encode_side
from shm.jit import hot

MODIFY_FIXED = 10
MODIFY_BYTES = MODIFY_FIXED + 2


@hot
def decode_modify(buf, offset, event):
    """All fields; `qty_lots` is the new intended total."""
    event["user_ref_num"] = read_u32(buf, offset + 1)
    event["qty_lots"] = read_u32(buf, offset + 6)
    return decode_side(buf, offset + 5, event)


@hot
def encode_modify(buf, offset, event):
    """Write M at `offset` with an empty appendage. Returns the size or a negative code."""
    if not has_room(buf, offset, MODIFY_BYTES):
        return WIRE_NO_ROOM
    if not fits_u32(event["user_ref_num"]) or not fits_u32(event["qty_lots"]):
        return WIRE_BAD_FIELD
    if encode_side(buf, offset + 5, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    buf[offset] = OUCH_MODIFY
    write_u32(buf, offset + 1, event["user_ref_num"])
    write_u32(buf, offset + 6, event["qty_lots"])
    write_u16(buf, offset + MODIFY_FIXED, 0)
    return MODIFY_BYTES

"""Client to venue: make an order smaller, or end it.

X cancel order, 9 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     4  user_ref_num
  5     4  qty_lots

`qty_lots` is the new intended total of the order; 0 cancels all that is left.
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, write_u32
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_CANCEL
from shm.jit import hot

CANCEL_BYTES = 9


@hot
def decode_cancel(buf, offset, event):
    """All fields."""
    event["user_ref_num"] = read_u32(buf, offset + 1)
    event["qty_lots"] = read_u32(buf, offset + 5)
    return WIRE_OK


@hot
def encode_cancel(buf, offset, event):
    """Write X at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, CANCEL_BYTES):
        return WIRE_NO_ROOM
    if not fits_u32(event["user_ref_num"]) or not fits_u32(event["qty_lots"]):
        return WIRE_BAD_FIELD
    buf[offset] = OUCH_CANCEL
    write_u32(buf, offset + 1, event["user_ref_num"])
    write_u32(buf, offset + 5, event["qty_lots"])
    return CANCEL_BYTES

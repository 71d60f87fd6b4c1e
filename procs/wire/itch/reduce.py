"""Displayed orders that shrink or leave without trading: X takes shares away, D takes the order.

X order cancel, 23 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  order_ref
 19     4  qty_lots

D order delete, 19 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  order_ref
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, read_u64, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_CANCEL, ITCH_DELETE
from procs.wire.itch.head import encode_head
from shm.jit import hot

CANCEL_BYTES = 23
DELETE_BYTES = 19


@hot
def decode_delete(buf, offset, event):
    """Fields of D, which X begins with."""
    order_ref = read_u64(buf, offset + 11)
    if order_ref < 0:
        return WIRE_BAD_FIELD
    event["order_ref"] = order_ref
    return WIRE_OK


@hot
def decode_cancel(buf, offset, event):
    """X: `qty_lots` shares leave the order."""
    event["qty_lots"] = read_u32(buf, offset + 19)
    return decode_delete(buf, offset, event)


@hot
def encode_cancel(buf, offset, event):
    """Write X at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, CANCEL_BYTES):
        return WIRE_NO_ROOM
    if event["order_ref"] < 0 or not fits_u32(event["qty_lots"]):
        return WIRE_BAD_FIELD
    encode_head(buf, offset, ITCH_CANCEL, event)
    write_u64(buf, offset + 11, event["order_ref"])
    write_u32(buf, offset + 19, event["qty_lots"])
    return CANCEL_BYTES


@hot
def encode_delete(buf, offset, event):
    """Write D at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, DELETE_BYTES):
        return WIRE_NO_ROOM
    if event["order_ref"] < 0:
        return WIRE_BAD_FIELD
    encode_head(buf, offset, ITCH_DELETE, event)
    write_u64(buf, offset + 11, event["order_ref"])
    return DELETE_BYTES

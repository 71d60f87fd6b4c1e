"""Venue to client: an order lost its place in the queue: new price, display or order number.

T order priority update, 30 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
 13     8  price_ticks
 21     1  display
 22     8  order_ref
"""

from procs.wire.big_endian import has_room, read_u64, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_PRIORITY
from procs.wire.ouch.parts import decode_head, encode_head
from shm.jit import hot

PRIORITY_BYTES = 30


@hot
def decode_priority(buf, offset, event):
    """All fields."""
    price_ticks = read_u64(buf, offset + 13)
    order_ref = read_u64(buf, offset + 22)
    if price_ticks < 0 or order_ref < 0:
        return WIRE_BAD_FIELD
    event["price_ticks"] = price_ticks
    event["display"] = buf[offset + 21]
    event["order_ref"] = order_ref
    return decode_head(buf, offset, event)


@hot
def encode_priority(buf, offset, event):
    """Write T at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, PRIORITY_BYTES):
        return WIRE_NO_ROOM
    if event["price_ticks"] < 0 or event["order_ref"] < 0:
        return WIRE_BAD_FIELD
    if encode_head(buf, offset, OUCH_PRIORITY, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    write_u64(buf, offset + 13, event["price_ticks"])
    buf[offset + 21] = event["display"]
    write_u64(buf, offset + 22, event["order_ref"])
    return PRIORITY_BYTES

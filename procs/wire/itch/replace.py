"""A displayed order replaced by another of the same side and instrument.

U order replace, 35 bytes
off  size  field
---  ----  -------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  order_ref
 19     8  new_order_ref
 27     4  qty_lots
 31     4  price_ticks
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, read_u64, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_REPLACE
from procs.wire.itch.head import encode_head
from shm.jit import hot

REPLACE_BYTES = 35


@hot
def decode_replace(buf, offset, event):
    """Old and new reference, new size and price."""
    order_ref = read_u64(buf, offset + 11)
    new_order_ref = read_u64(buf, offset + 19)
    if order_ref < 0 or new_order_ref < 0:
        return WIRE_BAD_FIELD
    event["order_ref"] = order_ref
    event["new_order_ref"] = new_order_ref
    event["qty_lots"] = read_u32(buf, offset + 27)
    event["price_ticks"] = read_u32(buf, offset + 31)
    return WIRE_OK


@hot
def encode_replace(buf, offset, event):
    """Write U at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, REPLACE_BYTES):
        return WIRE_NO_ROOM
    if event["order_ref"] < 0 or event["new_order_ref"] < 0:
        return WIRE_BAD_FIELD
    if not fits_u32(event["qty_lots"]) or not fits_u32(event["price_ticks"]):
        return WIRE_BAD_FIELD
    encode_head(buf, offset, ITCH_REPLACE, event)
    write_u64(buf, offset + 11, event["order_ref"])
    write_u64(buf, offset + 19, event["new_order_ref"])
    write_u32(buf, offset + 27, event["qty_lots"])
    write_u32(buf, offset + 31, event["price_ticks"])
    return REPLACE_BYTES

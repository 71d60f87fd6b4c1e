"""Opening, closing, halt and offering auctions: the one trade of an auction. It changes no displayed order.

Q cross trade, 40 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  qty_lots
 19     8  symbol
 27     4  price_ticks
 31     8  match_number
 39     1  cross_type
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, read_u64, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_CROSS
from procs.wire.itch.head import encode_head
from shm.jit import hot

CROSS_BYTES = 40


@hot
def decode_cross(buf, offset, event):
    """Size 0 means that nothing crossed."""
    qty_lots = read_u64(buf, offset + 11)
    match_number = read_u64(buf, offset + 31)
    if qty_lots < 0 or match_number < 0:
        return WIRE_BAD_FIELD
    event["qty_lots"] = qty_lots
    event["symbol"] = read_u64(buf, offset + 19)
    event["price_ticks"] = read_u32(buf, offset + 27)
    event["match_number"] = match_number
    event["cross_type"] = buf[offset + 39]
    return WIRE_OK


@hot
def encode_cross(buf, offset, event):
    """Write Q at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, CROSS_BYTES):
        return WIRE_NO_ROOM
    if event["qty_lots"] < 0 or event["match_number"] < 0 or not fits_u32(event["price_ticks"]):
        return WIRE_BAD_FIELD
    encode_head(buf, offset, ITCH_CROSS, event)
    write_u64(buf, offset + 11, event["qty_lots"])
    write_u64(buf, offset + 19, event["symbol"])
    write_u32(buf, offset + 27, event["price_ticks"])
    write_u64(buf, offset + 31, event["match_number"])
    buf[offset + 39] = event["cross_type"]
    return CROSS_BYTES

"""What would trade in an auction if it were now.

I net order imbalance indicator, 50 bytes
off  size  field
---  ----  ---------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  qty_lots
 19     8  imbalance_lots
 27     1  imbalance_side
 28     8  symbol
 36     4  far_ticks
 40     4  near_ticks
 44     4  reference_ticks
 48     1  cross_type
 49     1  price_variation
"""

from procs.wire.big_endian import has_room, read_u32, read_u64, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_IMBALANCE
from procs.wire.itch.head import encode_head
from shm.jit import hot

IMBALANCE_BYTES = 50


@hot
def decode_imbalance(buf, offset, event):
    """`qty_lots` shares are paired; `imbalance_side` is the letter B, S, N, O or P."""
    qty_lots = read_u64(buf, offset + 11)
    imbalance_lots = read_u64(buf, offset + 19)
    if qty_lots < 0 or imbalance_lots < 0:
        return WIRE_BAD_FIELD
    event["qty_lots"] = qty_lots
    event["imbalance_lots"] = imbalance_lots
    event["imbalance_side"] = buf[offset + 27]
    event["symbol"] = read_u64(buf, offset + 28)
    event["far_ticks"] = read_u32(buf, offset + 36)
    event["near_ticks"] = read_u32(buf, offset + 40)
    event["reference_ticks"] = read_u32(buf, offset + 44)
    event["cross_type"] = buf[offset + 48]
    event["price_variation"] = buf[offset + 49]
    return WIRE_OK


@hot
def encode_imbalance(buf, offset, event):
    """Write I at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, IMBALANCE_BYTES):
        return WIRE_NO_ROOM
    if event["qty_lots"] < 0 or event["imbalance_lots"] < 0:
        return WIRE_BAD_FIELD
    encode_head(buf, offset, ITCH_IMBALANCE, event)
    write_u64(buf, offset + 11, event["qty_lots"])
    write_u64(buf, offset + 19, event["imbalance_lots"])
    buf[offset + 27] = event["imbalance_side"]
    write_u64(buf, offset + 28, event["symbol"])
    write_u32(buf, offset + 36, int(event["far_ticks"]))
    write_u32(buf, offset + 40, int(event["near_ticks"]))
    write_u32(buf, offset + 44, int(event["reference_ticks"]))
    buf[offset + 48] = event["cross_type"]
    buf[offset + 49] = event["price_variation"]
    return IMBALANCE_BYTES

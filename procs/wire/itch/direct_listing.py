"""Price discovery of a direct listing with a capital raise.

O direct listing with capital raise price discovery, 48 bytes
off  size  field
---  ----  -----------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  symbol
 19     1  open_eligible
 20     4  min_ticks
 24     4  max_ticks
 28     4  near_ticks
 32     8  near_execution_ns
 40     4  lower_ticks
 44     4  upper_ticks
"""

from procs.wire.big_endian import has_room, read_u32, read_u64, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_DIRECT_LISTING
from procs.wire.itch.head import encode_head
from shm.jit import hot

DIRECT_LISTING_BYTES = 48


@hot
def decode_direct_listing(buf, offset, event):
    """Allowed prices, near execution price and time, collar; `open_eligible` is the letter Y or N."""
    near_execution_ns = read_u64(buf, offset + 32)
    if near_execution_ns < 0:
        return WIRE_BAD_FIELD
    event["symbol"] = read_u64(buf, offset + 11)
    event["open_eligible"] = buf[offset + 19]
    event["min_ticks"] = read_u32(buf, offset + 20)
    event["max_ticks"] = read_u32(buf, offset + 24)
    event["near_ticks"] = read_u32(buf, offset + 28)
    event["near_execution_ns"] = near_execution_ns
    event["lower_ticks"] = read_u32(buf, offset + 40)
    event["upper_ticks"] = read_u32(buf, offset + 44)
    return WIRE_OK


@hot
def encode_direct_listing(buf, offset, event):
    """Write O at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, DIRECT_LISTING_BYTES):
        return WIRE_NO_ROOM
    if event["near_execution_ns"] < 0:
        return WIRE_BAD_FIELD
    encode_head(buf, offset, ITCH_DIRECT_LISTING, event)
    write_u64(buf, offset + 11, event["symbol"])
    buf[offset + 19] = event["open_eligible"]
    write_u32(buf, offset + 20, int(event["min_ticks"]))
    write_u32(buf, offset + 24, int(event["max_ticks"]))
    write_u32(buf, offset + 28, int(event["near_ticks"]))
    write_u64(buf, offset + 32, event["near_execution_ns"])
    write_u32(buf, offset + 40, int(event["lower_ticks"]))
    write_u32(buf, offset + 44, int(event["upper_ticks"]))
    return DIRECT_LISTING_BYTES

"""Prices between which a halted instrument may reopen.

J limit-up limit-down auction collar, 35 bytes
off  size  field
---  ----  ---------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  symbol
 19     4  reference_ticks
 23     4  upper_ticks
 27     4  lower_ticks
 31     4  extension
"""

from procs.wire.big_endian import has_room, read_u32, read_u64, write_u32, write_u64
from procs.wire.codes import WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_AUCTION_COLLAR
from procs.wire.itch.head import encode_head
from shm.jit import hot

AUCTION_COLLAR_BYTES = 35


@hot
def decode_auction_collar(buf, offset, event):
    """Symbol, collar, and how often the reopening was put off."""
    event["symbol"] = read_u64(buf, offset + 11)
    event["reference_ticks"] = read_u32(buf, offset + 19)
    event["upper_ticks"] = read_u32(buf, offset + 23)
    event["lower_ticks"] = read_u32(buf, offset + 27)
    event["extension"] = read_u32(buf, offset + 31)
    return WIRE_OK


@hot
def encode_auction_collar(buf, offset, event):
    """Write J at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, AUCTION_COLLAR_BYTES):
        return WIRE_NO_ROOM
    encode_head(buf, offset, ITCH_AUCTION_COLLAR, event)
    write_u64(buf, offset + 11, event["symbol"])
    write_u32(buf, offset + 19, int(event["reference_ticks"]))
    write_u32(buf, offset + 23, int(event["upper_ticks"]))
    write_u32(buf, offset + 27, int(event["lower_ticks"]))
    write_u32(buf, offset + 31, int(event["extension"]))
    return AUCTION_COLLAR_BYTES

"""When an initial public offering is released to quote and trade, and at which price.

K quoting period update, 28 bytes
off  size  field
---  ----  -----------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  symbol
 19     4  release_s
 23     1  release_qualifier
 24     4  price_ticks
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, read_u64, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_QUOTING_PERIOD
from procs.wire.itch.head import encode_head
from shm.jit import hot

QUOTING_PERIOD_BYTES = 28


@hot
def decode_quoting_period(buf, offset, event):
    """Symbol, seconds since midnight, A anticipated or C cancelled, the offering's price."""
    event["symbol"] = read_u64(buf, offset + 11)
    event["release_s"] = read_u32(buf, offset + 19)
    event["release_qualifier"] = buf[offset + 23]
    event["price_ticks"] = read_u32(buf, offset + 24)
    return WIRE_OK


@hot
def encode_quoting_period(buf, offset, event):
    """Write K at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, QUOTING_PERIOD_BYTES):
        return WIRE_NO_ROOM
    if not fits_u32(event["price_ticks"]):
        return WIRE_BAD_FIELD
    encode_head(buf, offset, ITCH_QUOTING_PERIOD, event)
    write_u64(buf, offset + 11, event["symbol"])
    write_u32(buf, offset + 19, int(event["release_s"]))
    buf[offset + 23] = event["release_qualifier"]
    write_u32(buf, offset + 24, event["price_ticks"])
    return QUOTING_PERIOD_BYTES

"""Hidden retail price improvement is there on a side.

N retail price improvement indicator, 20 bytes
off  size  field
---  ----  -------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  symbol
 19     1  interest_side
"""

from procs.wire.big_endian import has_room, read_u64, write_u64
from procs.wire.codes import WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_RETAIL_INTEREST
from procs.wire.itch.head import encode_head
from shm.jit import hot

RETAIL_INTEREST_BYTES = 20


@hot
def decode_retail_interest(buf, offset, event):
    """Symbol and the letter B, S, A (both) or N (none)."""
    event["symbol"] = read_u64(buf, offset + 11)
    event["interest_side"] = buf[offset + 19]
    return WIRE_OK


@hot
def encode_retail_interest(buf, offset, event):
    """Write N at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, RETAIL_INTEREST_BYTES):
        return WIRE_NO_ROOM
    encode_head(buf, offset, ITCH_RETAIL_INTEREST, event)
    write_u64(buf, offset + 11, event["symbol"])
    buf[offset + 19] = event["interest_side"]
    return RETAIL_INTEREST_BYTES

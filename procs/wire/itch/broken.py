"""A trade that the venue took back.

B broken trade, 19 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  match_number
"""

from procs.wire.big_endian import has_room, read_u64, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_BROKEN
from procs.wire.itch.head import encode_head
from shm.jit import hot

BROKEN_BYTES = 19


@hot
def decode_broken(buf, offset, event):
    """The number of the trade."""
    match_number = read_u64(buf, offset + 11)
    if match_number < 0:
        return WIRE_BAD_FIELD
    event["match_number"] = match_number
    return WIRE_OK


@hot
def encode_broken(buf, offset, event):
    """Write B at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, BROKEN_BYTES):
        return WIRE_NO_ROOM
    if event["match_number"] < 0:
        return WIRE_BAD_FIELD
    encode_head(buf, offset, ITCH_BROKEN, event)
    write_u64(buf, offset + 11, event["match_number"])
    return BROKEN_BYTES

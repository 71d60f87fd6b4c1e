"""System events: the phases of the venue's day.

S system event, 12 bytes
off  size  field
---  ----  ----------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     1  event_code
"""

from procs.wire.big_endian import has_room
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_SYSTEM
from procs.wire.itch.head import encode_head
from shm.jit import hot

SYSTEM_BYTES = 12


@hot
def decode_system(buf, offset, event):
    """The letter of the phase."""
    event["event_code"] = buf[offset + 11]
    return WIRE_OK


@hot
def encode_system(buf, offset, event):
    """Write S at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, SYSTEM_BYTES):
        return WIRE_NO_ROOM
    if event["event_code"] < 0 or event["event_code"] > 255:
        return WIRE_BAD_FIELD
    encode_head(buf, offset, ITCH_SYSTEM, event)
    buf[offset + 11] = event["event_code"]
    return SYSTEM_BYTES

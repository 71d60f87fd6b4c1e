"""Venue to client: start and end of the day. The only answer without an order's number.

S system event, 10 bytes
off  size  field
---  ----  ----------
  0     1  kind
  1     8  venue_ns
  9     1  event_code
"""

from procs.wire.big_endian import has_room, read_u64, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_SYSTEM
from shm.jit import hot

SYSTEM_BYTES = 10
OUCH_START_OF_DAY = ord("S")
OUCH_END_OF_DAY = ord("E")


@hot
def decode_system(buf, offset, event):
    """All fields."""
    venue_ns = read_u64(buf, offset + 1)
    if venue_ns < 0:
        return WIRE_BAD_FIELD
    event["venue_ns"] = venue_ns
    event["event_code"] = buf[offset + 9]
    return WIRE_OK


@hot
def encode_system(buf, offset, event):
    """Write S at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, SYSTEM_BYTES):
        return WIRE_NO_ROOM
    if event["venue_ns"] < 0:
        return WIRE_BAD_FIELD
    buf[offset] = OUCH_SYSTEM
    write_u64(buf, offset + 1, event["venue_ns"])
    buf[offset + 9] = event["event_code"]
    return SYSTEM_BYTES

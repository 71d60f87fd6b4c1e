"""Venue to client: what the venue shows of an order changed; the new values stand in the appendage.

R order restated, 14 bytes, then the appendage
off  size  field
---  ----  ------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
 13     1  reason

`tag_value(buf, event, TAG_DISPLAY_PRICE, -1)` and its like (`appendage.py`) read the values.
"""

from procs.wire.big_endian import has_room, write_u16
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_RESTATED
from procs.wire.ouch.parts import decode_head, encode_head
from shm.jit import hot

RESTATED_FIXED = 14
RESTATED_BYTES = RESTATED_FIXED + 2


@hot
def decode_restated(buf, offset, event):
    """Fields before the appendage."""
    event["reason"] = buf[offset + 13]
    return decode_head(buf, offset, event)


@hot
def encode_restated(buf, offset, event):
    """Write R at `offset` with an empty appendage (`append_tag` fills it). Returns the size or a negative code."""
    if not has_room(buf, offset, RESTATED_BYTES):
        return WIRE_NO_ROOM
    if event["reason"] < 0 or event["reason"] > 255:
        return WIRE_BAD_FIELD
    if encode_head(buf, offset, OUCH_RESTATED, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    buf[offset + 13] = event["reason"]
    write_u16(buf, offset + RESTATED_FIXED, 0)
    return RESTATED_BYTES

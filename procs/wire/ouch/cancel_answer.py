"""Venue to client: a cancel that waits (P: the order is in a cross) or is refused (I).

P cancel pending, 13 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num

I cancel reject, 13 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num

Both are the outbound head and nothing else, as is the account query's response: `decode_head` reads them.
"""

from procs.wire.big_endian import has_room
from procs.wire.codes import WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_CANCEL_PENDING, OUCH_CANCEL_REJECT
from procs.wire.ouch.parts import encode_head
from shm.jit import hot

CANCEL_PENDING_BYTES = 13
CANCEL_REJECT_BYTES = 13


@hot
def _encode(buf, offset, kind, event):
    if not has_room(buf, offset, CANCEL_PENDING_BYTES):
        return WIRE_NO_ROOM
    code = encode_head(buf, offset, kind, event)
    return CANCEL_PENDING_BYTES if code == WIRE_OK else code


@hot
def encode_cancel_pending(buf, offset, event):
    """Write P at `offset`. Returns the size or a negative code."""
    return _encode(buf, offset, OUCH_CANCEL_PENDING, event)


@hot
def encode_cancel_reject(buf, offset, event):
    """Write I at `offset`. Returns the size or a negative code."""
    return _encode(buf, offset, OUCH_CANCEL_REJECT, event)

"""The next free UserRefNum: asked by the client, answered by the venue.

Q account query, 1 bytes, then the appendage
off  size  field
---  ----  ------------
  0     1  kind

Q account query response, 13 bytes, outbound
off  size  field
---  ----  ------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
"""

from procs.wire.big_endian import has_room, write_u16
from procs.wire.codes import WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_ACCOUNT_QUERY, OUCH_ACCOUNT_REPLY
from procs.wire.ouch.parts import encode_head
from shm.jit import hot

ACCOUNT_QUERY_BYTES = 3
ACCOUNT_REPLY_BYTES = 13


@hot
def encode_account_query(buf, offset):
    """Write the query at `offset` with an empty appendage. Returns the size or a negative code."""
    if not has_room(buf, offset, ACCOUNT_QUERY_BYTES):
        return WIRE_NO_ROOM
    buf[offset] = OUCH_ACCOUNT_QUERY
    write_u16(buf, offset + 1, 0)
    return ACCOUNT_QUERY_BYTES


@hot
def encode_account_reply(buf, offset, event):
    """Write the response: `user_ref_num` is the next free number. Returns the size or a negative code."""
    if not has_room(buf, offset, ACCOUNT_REPLY_BYTES):
        return WIRE_NO_ROOM
    code = encode_head(buf, offset, OUCH_ACCOUNT_REPLY, event)
    return ACCOUNT_REPLY_BYTES if code == WIRE_OK else code

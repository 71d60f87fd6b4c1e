"""Venue to client: an execution that is undone.

B broken trade, 36 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
 13     8  match_number
 21     1  reason
 22    14  cl_ord_id
"""

from procs.wire.big_endian import has_room, read_u64, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_BROKEN
from procs.wire.ouch.parts import decode_cl_ord_id, decode_head, encode_cl_ord_id, encode_head
from shm.jit import hot

BROKEN_BYTES = 36


@hot
def decode_broken(buf, offset, event):
    """All fields."""
    match_number = read_u64(buf, offset + 13)
    if match_number < 0:
        return WIRE_BAD_FIELD
    event["match_number"] = match_number
    event["reason"] = buf[offset + 21]
    decode_cl_ord_id(buf, offset + 22, event)
    return decode_head(buf, offset, event)


@hot
def encode_broken(buf, offset, event):
    """Write B at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, BROKEN_BYTES):
        return WIRE_NO_ROOM
    if event["match_number"] < 0 or event["reason"] < 0 or event["reason"] > 255:
        return WIRE_BAD_FIELD
    if encode_head(buf, offset, OUCH_BROKEN, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    write_u64(buf, offset + 13, event["match_number"])
    buf[offset + 21] = event["reason"]
    encode_cl_ord_id(buf, offset + 22, event)
    return BROKEN_BYTES

"""Venue to client: an order that was not taken. Its number is used up.

J rejected, 29 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
 13     2  reason
 15    14  cl_ord_id
"""

from procs.wire.big_endian import has_room, read_u16, write_u16
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_REJECTED
from procs.wire.ouch.parts import decode_cl_ord_id, decode_head, encode_cl_ord_id, encode_head
from shm.jit import hot

REJECTED_BYTES = 29


@hot
def decode_rejected(buf, offset, event):
    """All fields; `reason` is a number (OUCH_REJECT_*)."""
    event["reason"] = read_u16(buf, offset + 13)
    decode_cl_ord_id(buf, offset + 15, event)
    return decode_head(buf, offset, event)


@hot
def encode_rejected(buf, offset, event):
    """Write J at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, REJECTED_BYTES):
        return WIRE_NO_ROOM
    if event["reason"] < 0 or event["reason"] > 0xFFFF:
        return WIRE_BAD_FIELD
    if encode_head(buf, offset, OUCH_REJECTED, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    write_u16(buf, offset + 13, event["reason"])
    encode_cl_ord_id(buf, offset + 15, event)
    return REJECTED_BYTES

"""Venue to client: an order whose side mark or size was changed in place.

M order modified, 18 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
 13     1  side_letter
 14     4  qty_lots
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, write_u32
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_MODIFIED
from procs.wire.ouch.parts import decode_head, decode_side, encode_head, encode_side
from shm.jit import hot

MODIFIED_BYTES = 18


@hot
def decode_modified(buf, offset, event):
    """All fields; `qty_lots` is what is now outstanding."""
    event["qty_lots"] = read_u32(buf, offset + 14)
    if decode_side(buf, offset + 13, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    return decode_head(buf, offset, event)


@hot
def encode_modified(buf, offset, event):
    """Write M at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, MODIFIED_BYTES):
        return WIRE_NO_ROOM
    if not fits_u32(event["qty_lots"]) or encode_side(buf, offset + 13, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    if encode_head(buf, offset, OUCH_MODIFIED, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    write_u32(buf, offset + 14, event["qty_lots"])
    return MODIFIED_BYTES

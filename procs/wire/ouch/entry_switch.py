"""Order entry of a firm switched off and on again: asked by the client, confirmed by the venue.

D disable order entry, 9 bytes, then the appendage
off  size  field
---  ----  ------------
  0     1  kind
  1     4  user_ref_num
  5     4  firm

E enable order entry, 9 bytes, then the appendage
off  size  field
---  ----  ------------
  0     1  kind
  1     4  user_ref_num
  5     4  firm

G disable order entry response, 17 bytes, outbound, then the appendage
off  size  field
---  ----  ------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
 13     4  firm

K enable order entry response, 17 bytes, outbound, then the appendage
off  size  field
---  ----  ------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
 13     4  firm

Off, the venue takes no new order of the firm on any port and cancels what is open.
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, write_u16, write_u32
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.parts import decode_head, encode_head
from shm.jit import hot

ENTRY_SWITCH_FIXED = 9
ENTRY_SWITCH_BYTES = ENTRY_SWITCH_FIXED + 2
ENTRY_SWITCH_REPLY_FIXED = 17
ENTRY_SWITCH_REPLY_BYTES = ENTRY_SWITCH_REPLY_FIXED + 2


@hot
def decode_entry_switch(buf, offset, event):
    """All fields of D or E."""
    event["user_ref_num"] = read_u32(buf, offset + 1)
    event["firm"] = read_u32(buf, offset + 5)
    return WIRE_OK


@hot
def decode_entry_switch_reply(buf, offset, event):
    """All fields of G or K."""
    event["firm"] = read_u32(buf, offset + 13)
    return decode_head(buf, offset, event)


@hot
def encode_entry_switch(buf, offset, kind, event):
    """Write D or E (`kind`) at `offset` with an empty appendage. Returns the size or a negative code."""
    if not has_room(buf, offset, ENTRY_SWITCH_BYTES):
        return WIRE_NO_ROOM
    if not fits_u32(event["user_ref_num"]):
        return WIRE_BAD_FIELD
    buf[offset] = kind
    write_u32(buf, offset + 1, event["user_ref_num"])
    write_u32(buf, offset + 5, int(event["firm"]))
    write_u16(buf, offset + ENTRY_SWITCH_FIXED, 0)
    return ENTRY_SWITCH_BYTES


@hot
def encode_entry_switch_reply(buf, offset, kind, event):
    """Write G or K (`kind`) at `offset` with an empty appendage. Returns the size or a negative code."""
    if not has_room(buf, offset, ENTRY_SWITCH_REPLY_BYTES):
        return WIRE_NO_ROOM
    if encode_head(buf, offset, kind, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    write_u32(buf, offset + 13, int(event["firm"]))
    write_u16(buf, offset + ENTRY_SWITCH_REPLY_FIXED, 0)
    return ENTRY_SWITCH_REPLY_BYTES

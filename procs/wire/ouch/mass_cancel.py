"""Cancel all orders of a firm, in one instrument or (symbol of spaces) in all: asked by the client, confirmed.

C mass cancel, 17 bytes, then the appendage
off  size  field
---  ----  ------------
  0     1  kind
  1     4  user_ref_num
  5     4  firm
  9     8  symbol

X mass cancel response, 25 bytes, outbound, then the appendage
off  size  field
---  ----  ------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
 13     4  firm
 17     8  symbol

The orders themselves end by a C (order canceled) each.
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, read_u64, write_u16, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_MASS_CANCEL, OUCH_MASS_CANCEL_REPLY
from procs.wire.ouch.parts import decode_head, encode_head
from shm.jit import hot

MASS_CANCEL_FIXED = 17
MASS_CANCEL_BYTES = MASS_CANCEL_FIXED + 2
MASS_CANCEL_REPLY_FIXED = 25
MASS_CANCEL_REPLY_BYTES = MASS_CANCEL_REPLY_FIXED + 2


@hot
def decode_mass_cancel(buf, offset, event):
    """All fields of the request."""
    event["user_ref_num"] = read_u32(buf, offset + 1)
    event["firm"] = read_u32(buf, offset + 5)
    event["symbol"] = read_u64(buf, offset + 9)
    return WIRE_OK


@hot
def decode_mass_cancel_reply(buf, offset, event):
    """All fields of the response."""
    event["firm"] = read_u32(buf, offset + 13)
    event["symbol"] = read_u64(buf, offset + 17)
    return decode_head(buf, offset, event)


@hot
def encode_mass_cancel(buf, offset, event):
    """Write C at `offset` with an empty appendage. Returns the size or a negative code."""
    if not has_room(buf, offset, MASS_CANCEL_BYTES):
        return WIRE_NO_ROOM
    if not fits_u32(event["user_ref_num"]):
        return WIRE_BAD_FIELD
    buf[offset] = OUCH_MASS_CANCEL
    write_u32(buf, offset + 1, event["user_ref_num"])
    write_u32(buf, offset + 5, int(event["firm"]))
    write_u64(buf, offset + 9, event["symbol"])
    write_u16(buf, offset + MASS_CANCEL_FIXED, 0)
    return MASS_CANCEL_BYTES


@hot
def encode_mass_cancel_reply(buf, offset, event):
    """Write X at `offset` with an empty appendage. Returns the size or a negative code."""
    if not has_room(buf, offset, MASS_CANCEL_REPLY_BYTES):
        return WIRE_NO_ROOM
    if encode_head(buf, offset, OUCH_MASS_CANCEL_REPLY, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    write_u32(buf, offset + 13, int(event["firm"]))
    write_u64(buf, offset + 17, event["symbol"])
    write_u16(buf, offset + MASS_CANCEL_REPLY_FIXED, 0)
    return MASS_CANCEL_REPLY_BYTES

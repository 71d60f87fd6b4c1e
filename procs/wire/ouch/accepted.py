"""Venue to client: an order as the venue took it, new (A) or in the place of another (U).

A order accepted, 62 bytes, then the appendage
off  size  field
---  ----  -------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
 13     1  side_letter
 14     4  qty_lots
 18     8  symbol
 26     8  price_ticks
 34     1  time_in_force
 35     1  display
 36     8  order_ref
 44     1  capacity
 45     1  sweep
 46     1  cross_type
 47     1  order_state
 48    14  cl_ord_id

U order replaced, 66 bytes, outbound, then the appendage
off  size  field
---  ----  -----------------
  0     1  kind
  1     8  venue_ns
  9     4  orig_user_ref_num
 13     4  user_ref_num
 17     1  side_letter
 18     4  qty_lots
 22     8  symbol
 30     8  price_ticks
 38     1  time_in_force
 39     1  display
 40     8  order_ref
 48     1  capacity
 49     1  sweep
 50     1  cross_type
 51     1  order_state
 52    14  cl_ord_id
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, read_u64, write_u16, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_ACCEPTED, OUCH_REPLACED
from procs.wire.ouch.parts import (
    decode_cl_ord_id,
    decode_head,
    decode_side,
    encode_cl_ord_id,
    encode_head,
    encode_side,
)
from shm.jit import hot

ACCEPTED_FIXED = 62
ACCEPTED_BYTES = ACCEPTED_FIXED + 2
REPLACED_FIXED = 66
REPLACED_BYTES = REPLACED_FIXED + 2
BODY_BYTES = 49  # side to client's order text: the same in both, at 13 and at 17


@hot
def _decode_body(buf, offset, event):
    price_ticks = read_u64(buf, offset + 13)
    order_ref = read_u64(buf, offset + 23)
    if price_ticks < 0 or order_ref < 0:
        return WIRE_BAD_FIELD
    event["qty_lots"] = read_u32(buf, offset + 1)
    event["symbol"] = read_u64(buf, offset + 5)
    event["price_ticks"] = price_ticks
    event["time_in_force"] = buf[offset + 21]
    event["display"] = buf[offset + 22]
    event["order_ref"] = order_ref
    event["capacity"] = buf[offset + 31]
    event["sweep"] = buf[offset + 32]
    event["cross_type"] = buf[offset + 33]
    event["order_state"] = buf[offset + 34]
    decode_cl_ord_id(buf, offset + 35, event)
    return decode_side(buf, offset, event)


@hot
def _encode_body(buf, offset, event):
    if not fits_u32(event["qty_lots"]) or event["price_ticks"] < 0 or event["order_ref"] < 0:
        return WIRE_BAD_FIELD
    write_u32(buf, offset + 1, event["qty_lots"])
    write_u64(buf, offset + 5, event["symbol"])
    write_u64(buf, offset + 13, event["price_ticks"])
    buf[offset + 21] = event["time_in_force"]
    buf[offset + 22] = event["display"]
    write_u64(buf, offset + 23, event["order_ref"])
    buf[offset + 31] = event["capacity"]
    buf[offset + 32] = event["sweep"]
    buf[offset + 33] = event["cross_type"]
    buf[offset + 34] = event["order_state"]
    encode_cl_ord_id(buf, offset + 35, event)
    write_u16(buf, offset + BODY_BYTES, 0)
    return encode_side(buf, offset, event)


@hot
def decode_accepted(buf, offset, event):
    """All fields; a dead order (`order_state`) was accepted and cancelled at once."""
    if decode_head(buf, offset, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    return _decode_body(buf, offset + 13, event)


@hot
def decode_replaced(buf, offset, event):
    """All fields; the number of the order replaced in `orig_user_ref_num`."""
    if decode_head(buf, offset, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    event["orig_user_ref_num"] = event["user_ref_num"]
    event["user_ref_num"] = read_u32(buf, offset + 13)
    return _decode_body(buf, offset + 17, event)


@hot
def encode_accepted(buf, offset, event):
    """Write A at `offset` with an empty appendage. Returns the size or a negative code."""
    if not has_room(buf, offset, ACCEPTED_BYTES):
        return WIRE_NO_ROOM
    if encode_head(buf, offset, OUCH_ACCEPTED, event) != WIRE_OK or _encode_body(buf, offset + 13, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    return ACCEPTED_BYTES


@hot
def encode_replaced(buf, offset, event):
    """Write U at `offset` with an empty appendage. Returns the size or a negative code."""
    if not has_room(buf, offset, REPLACED_BYTES):
        return WIRE_NO_ROOM
    if not fits_u32(event["orig_user_ref_num"]):
        return WIRE_BAD_FIELD
    if encode_head(buf, offset, OUCH_REPLACED, event) != WIRE_OK or _encode_body(buf, offset + 17, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    write_u32(buf, offset + 9, event["orig_user_ref_num"])
    write_u32(buf, offset + 13, event["user_ref_num"])
    return REPLACED_BYTES

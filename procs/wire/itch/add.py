"""Orders that join the displayed book: A, and F that also names the firm.

A add order, 36 bytes
off  size  field
---  ----  -----------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  order_ref
 19     1  side
 20     4  qty_lots
 24     8  symbol
 32     4  price_ticks

F add order with attribution, 40 bytes
off  size  field
---  ----  -----------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  order_ref
 19     1  side
 20     4  qty_lots
 24     8  symbol
 32     4  price_ticks
 36     4  note
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, read_u64, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_ADD, ITCH_ADD_ATTRIBUTED
from procs.wire.itch.head import encode_head, letter_of_side, side_of_letter
from shm.jit import hot

ADD_BYTES = 36
ADD_ATTRIBUTED_BYTES = 40


@hot
def decode_add(buf, offset, event):
    """Fields of A and of F before its attribution."""
    order_ref = read_u64(buf, offset + 11)
    side = side_of_letter(buf[offset + 19])
    if order_ref < 0 or side < 0:
        return WIRE_BAD_FIELD
    event["order_ref"] = order_ref
    event["side"] = side
    event["qty_lots"] = read_u32(buf, offset + 20)
    event["symbol"] = read_u64(buf, offset + 24)
    event["price_ticks"] = read_u32(buf, offset + 32)
    return WIRE_OK


@hot
def decode_add_attributed(buf, offset, event):
    """F: an add, then the firm's four letters in `note`."""
    event["note"] = read_u32(buf, offset + 36)
    return decode_add(buf, offset, event)


@hot
def _encode(buf, offset, kind, event):
    side = letter_of_side(event["side"])
    if side < 0 or event["order_ref"] < 0 or not fits_u32(event["qty_lots"]) or not fits_u32(event["price_ticks"]):
        return WIRE_BAD_FIELD
    encode_head(buf, offset, kind, event)
    write_u64(buf, offset + 11, event["order_ref"])
    buf[offset + 19] = side
    write_u32(buf, offset + 20, event["qty_lots"])
    write_u64(buf, offset + 24, event["symbol"])
    write_u32(buf, offset + 32, event["price_ticks"])
    return ADD_BYTES


@hot
def encode_add(buf, offset, event):
    """Write A at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, ADD_BYTES):
        return WIRE_NO_ROOM
    return _encode(buf, offset, ITCH_ADD, event)


@hot
def encode_add_attributed(buf, offset, event):
    """Write F at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, ADD_ATTRIBUTED_BYTES):
        return WIRE_NO_ROOM
    size = _encode(buf, offset, ITCH_ADD_ATTRIBUTED, event)
    if size < 0:
        return size
    write_u32(buf, offset + 36, event["note"])
    return ADD_ATTRIBUTED_BYTES

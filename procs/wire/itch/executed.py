"""Executions of displayed orders: E at the order's price, C at another one.

E order executed, 31 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  order_ref
 19     4  qty_lots
 23     8  match_number

C order executed with price, 36 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  order_ref
 19     4  qty_lots
 23     8  match_number
 31     1  printable
 32     4  price_ticks
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, read_u64, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_EXECUTED, ITCH_EXECUTED_PRICE, ITCH_NOT_PRINTABLE, ITCH_PRINTABLE
from procs.wire.itch.head import encode_head
from shm.jit import hot

EXECUTED_BYTES = 31
EXECUTED_PRICE_BYTES = 36


@hot
def decode_executed(buf, offset, event):
    """Fields of E, which C begins with."""
    order_ref = read_u64(buf, offset + 11)
    match_number = read_u64(buf, offset + 23)
    if order_ref < 0 or match_number < 0:
        return WIRE_BAD_FIELD
    event["order_ref"] = order_ref
    event["qty_lots"] = read_u32(buf, offset + 19)
    event["match_number"] = match_number
    return WIRE_OK


@hot
def decode_executed_price(buf, offset, event):
    """C: an execution, then whether it prints, and its price."""
    printable = buf[offset + 31]
    if printable != ITCH_PRINTABLE and printable != ITCH_NOT_PRINTABLE:
        return WIRE_BAD_FIELD
    event["printable"] = printable
    event["price_ticks"] = read_u32(buf, offset + 32)
    return decode_executed(buf, offset, event)


@hot
def _encode(buf, offset, kind, event):
    if event["order_ref"] < 0 or event["match_number"] < 0 or not fits_u32(event["qty_lots"]):
        return WIRE_BAD_FIELD
    encode_head(buf, offset, kind, event)
    write_u64(buf, offset + 11, event["order_ref"])
    write_u32(buf, offset + 19, event["qty_lots"])
    write_u64(buf, offset + 23, event["match_number"])
    return EXECUTED_BYTES


@hot
def encode_executed(buf, offset, event):
    """Write E at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, EXECUTED_BYTES):
        return WIRE_NO_ROOM
    return _encode(buf, offset, ITCH_EXECUTED, event)


@hot
def encode_executed_price(buf, offset, event):
    """Write C at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, EXECUTED_PRICE_BYTES):
        return WIRE_NO_ROOM
    printable = event["printable"]
    if printable != ITCH_PRINTABLE and printable != ITCH_NOT_PRINTABLE or not fits_u32(event["price_ticks"]):
        return WIRE_BAD_FIELD
    size = _encode(buf, offset, ITCH_EXECUTED_PRICE, event)
    if size < 0:
        return size
    buf[offset + 31] = printable
    write_u32(buf, offset + 32, event["price_ticks"])
    return EXECUTED_PRICE_BYTES

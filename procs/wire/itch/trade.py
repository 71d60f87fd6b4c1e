"""A trade against an order that the book does not show. It changes no displayed order.

P trade, 44 bytes
off  size  field
---  ----  -------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  order_ref
 19     1  side
 20     4  qty_lots
 24     8  symbol
 32     4  price_ticks
 36     8  match_number
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, read_u64, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_TRADE
from procs.wire.itch.head import encode_head, letter_of_side, side_of_letter
from shm.jit import hot

TRADE_BYTES = 44


@hot
def decode_trade(buf, offset, event):
    """Side is that of the hidden order; the venue sends B for all of them today."""
    order_ref = read_u64(buf, offset + 11)
    side = side_of_letter(buf[offset + 19])
    match_number = read_u64(buf, offset + 36)
    if order_ref < 0 or side < 0 or match_number < 0:
        return WIRE_BAD_FIELD
    event["order_ref"] = order_ref
    event["side"] = side
    event["qty_lots"] = read_u32(buf, offset + 20)
    event["symbol"] = read_u64(buf, offset + 24)
    event["price_ticks"] = read_u32(buf, offset + 32)
    event["match_number"] = match_number
    return WIRE_OK


@hot
def encode_trade(buf, offset, event):
    """Write P at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, TRADE_BYTES):
        return WIRE_NO_ROOM
    side = letter_of_side(event["side"])
    if side < 0 or event["order_ref"] < 0 or event["match_number"] < 0:
        return WIRE_BAD_FIELD
    if not fits_u32(event["qty_lots"]) or not fits_u32(event["price_ticks"]):
        return WIRE_BAD_FIELD
    encode_head(buf, offset, ITCH_TRADE, event)
    write_u64(buf, offset + 11, event["order_ref"])
    buf[offset + 19] = side
    write_u32(buf, offset + 20, event["qty_lots"])
    write_u64(buf, offset + 24, event["symbol"])
    write_u32(buf, offset + 32, event["price_ticks"])
    write_u64(buf, offset + 36, event["match_number"])
    return TRADE_BYTES

"""Venue to client: one execution of an order.

E order executed, 34 bytes, then the appendage
off  size  field
---  ----  --------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
 13     4  qty_lots
 17     8  price_ticks
 25     1  liquidity_flag
 26     8  match_number
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, read_u64, write_u16, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_EXECUTED
from procs.wire.ouch.parts import decode_head, encode_head
from shm.jit import hot

EXECUTED_FIXED = 34
EXECUTED_BYTES = EXECUTED_FIXED + 2


@hot
def decode_executed(buf, offset, event):
    """All fields; `qty_lots` is what this execution traded."""
    price_ticks = read_u64(buf, offset + 17)
    match_number = read_u64(buf, offset + 26)
    if price_ticks < 0 or match_number < 0:
        return WIRE_BAD_FIELD
    event["qty_lots"] = read_u32(buf, offset + 13)
    event["price_ticks"] = price_ticks
    event["liquidity_flag"] = buf[offset + 25]
    event["match_number"] = match_number
    return decode_head(buf, offset, event)


@hot
def encode_executed(buf, offset, event):
    """Write E at `offset` with an empty appendage. Returns the size or a negative code."""
    if not has_room(buf, offset, EXECUTED_BYTES):
        return WIRE_NO_ROOM
    if not fits_u32(event["qty_lots"]) or event["price_ticks"] < 0 or event["match_number"] < 0:
        return WIRE_BAD_FIELD
    if encode_head(buf, offset, OUCH_EXECUTED, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    write_u32(buf, offset + 13, event["qty_lots"])
    write_u64(buf, offset + 17, event["price_ticks"])
    buf[offset + 25] = event["liquidity_flag"]
    write_u64(buf, offset + 26, event["match_number"])
    write_u16(buf, offset + EXECUTED_FIXED, 0)
    return EXECUTED_BYTES

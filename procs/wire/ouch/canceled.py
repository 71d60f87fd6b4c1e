"""Venue to client: shares taken from an order, by request or by rule (C), or so as not to trade with itself (D).

C order canceled, 18 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
 13     4  qty_lots
 17     1  reason

D AIQ canceled, 32 bytes
off  size  field
---  ----  --------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
 13     4  qty_lots
 17     1  reason
 18     4  prevented_lots
 22     8  price_ticks
 30     1  liquidity_flag
 31     1  aiq_strategy

Earlier editions of the specification end D before `aiq_strategy`; 31 bytes are taken too, and the strategy reads as 0.
"""

from procs.wire.big_endian import fits_u32, has_room, read_u32, read_u64, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.ouch.event import OUCH_AIQ_CANCELED, OUCH_CANCELED
from procs.wire.ouch.parts import decode_head, encode_head
from shm.jit import hot

CANCELED_BYTES = 18
AIQ_CANCELED_BYTES = 32
AIQ_CANCELED_SHORT_BYTES = 31


@hot
def decode_canceled(buf, offset, event):
    """Fields of C, which D begins with: `qty_lots` shares left the order."""
    event["qty_lots"] = read_u32(buf, offset + 13)
    event["reason"] = buf[offset + 17]
    return decode_head(buf, offset, event)


@hot
def decode_aiq_canceled(buf, offset, size, event):
    """D: what the execution would have been."""
    price_ticks = read_u64(buf, offset + 22)
    if price_ticks < 0:
        return WIRE_BAD_FIELD
    event["prevented_lots"] = read_u32(buf, offset + 18)
    event["price_ticks"] = price_ticks
    event["liquidity_flag"] = buf[offset + 30]
    if size > AIQ_CANCELED_SHORT_BYTES:
        event["aiq_strategy"] = buf[offset + 31]
    return decode_canceled(buf, offset, event)


@hot
def _encode(buf, offset, kind, event):
    if not fits_u32(event["qty_lots"]) or event["reason"] < 0 or event["reason"] > 255:
        return WIRE_BAD_FIELD
    write_u32(buf, offset + 13, event["qty_lots"])
    buf[offset + 17] = event["reason"]
    return encode_head(buf, offset, kind, event)


@hot
def encode_canceled(buf, offset, event):
    """Write C at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, CANCELED_BYTES):
        return WIRE_NO_ROOM
    code = _encode(buf, offset, OUCH_CANCELED, event)
    return CANCELED_BYTES if code == WIRE_OK else code


@hot
def encode_aiq_canceled(buf, offset, event):
    """Write D at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, AIQ_CANCELED_BYTES):
        return WIRE_NO_ROOM
    if event["price_ticks"] < 0 or _encode(buf, offset, OUCH_AIQ_CANCELED, event) != WIRE_OK:
        return WIRE_BAD_FIELD
    write_u32(buf, offset + 18, int(event["prevented_lots"]))
    write_u64(buf, offset + 22, event["price_ticks"])
    buf[offset + 30] = event["liquidity_flag"]
    buf[offset + 31] = event["aiq_strategy"]
    return AIQ_CANCELED_BYTES

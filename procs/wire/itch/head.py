"""What all ITCH messages share: the first eleven bytes, the side letter, and the clearing of an event.

head, 11 bytes
off  size  field
---  ----  -----------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
"""

from procs.wire.big_endian import read_u16, read_u48, write_u16, write_u48
from procs.wire.codes import WIRE_BAD_FIELD
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.jit import hot

LETTER_BUY = ord("B")
LETTER_SELL = ord("S")


@hot
def decode_head(buf, offset, event):
    """Set the head and zero every other number (`directory` fields stay as they were)."""
    event["kind"] = buf[offset]
    event["locate"] = read_u16(buf, offset + 1)
    event["tracking"] = read_u16(buf, offset + 3)
    event["venue_ns"] = read_u48(buf, offset + 5)
    event["order_ref"] = 0
    event["new_order_ref"] = 0
    event["qty_lots"] = 0
    event["price_ticks"] = 0
    event["match_number"] = 0
    event["symbol"] = 0
    event["side"] = 0
    event["note"] = 0
    event["trading_state"] = 0
    event["event_code"] = 0
    event["printable"] = 0


@hot
def encode_head(buf, offset, kind, event):
    """Write the eleven bytes with the given type letter."""
    buf[offset] = kind
    write_u16(buf, offset + 1, event["locate"])
    write_u16(buf, offset + 3, event["tracking"])
    write_u48(buf, offset + 5, event["venue_ns"])


@hot
def side_of_letter(letter):
    """SIDE_* of B or S, else WIRE_BAD_FIELD."""
    if letter == LETTER_BUY:
        return SIDE_BUY
    if letter == LETTER_SELL:
        return SIDE_SELL
    return WIRE_BAD_FIELD


@hot
def letter_of_side(side):
    """B or S of SIDE_*, else WIRE_BAD_FIELD."""
    if side == SIDE_BUY:
        return LETTER_BUY
    if side == SIDE_SELL:
        return LETTER_SELL
    return WIRE_BAD_FIELD

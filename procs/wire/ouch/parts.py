"""What several OUCH messages share: outbound head, side letter, the client's order text, the clearing of an event.

outbound head, 13 bytes
off  size  field
---  ----  ------------
  0     1  kind
  1     8  venue_ns
  9     4  user_ref_num
"""

from procs.wire.big_endian import fits_u32, read_u16, read_u32, read_u64, write_u16, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_OK
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.jit import hot

LETTER_BUY = ord("B")
LETTER_SELL = ord("S")
LETTER_SHORT = ord("T")
LETTER_SHORT_EXEMPT = ord("E")

CL_ORD_ID_BYTES = 14


@hot
def clear_event(event):
    """Zero every field of an OUCH_EVENT row."""
    event["venue_ns"] = 0
    event["user_ref_num"] = 0
    event["orig_user_ref_num"] = 0
    event["qty_lots"] = 0
    event["price_ticks"] = 0
    event["order_ref"] = 0
    event["match_number"] = 0
    event["symbol"] = 0
    event["kind"] = 0
    event["side"] = 0
    event["reason"] = 0
    event["cl_ord_id_hi"] = 0
    event["cl_ord_id_lo"] = 0
    event["appendage_offset"] = 0
    event["appendage_bytes"] = 0
    event["firm"] = 0
    event["prevented_lots"] = 0
    event["side_letter"] = 0
    event["time_in_force"] = 0
    event["display"] = 0
    event["capacity"] = 0
    event["sweep"] = 0
    event["cross_type"] = 0
    event["order_state"] = 0
    event["liquidity_flag"] = 0
    event["event_code"] = 0
    event["aiq_strategy"] = 0


@hot
def decode_head(buf, offset, event):
    """Venue's time and the order's number."""
    venue_ns = read_u64(buf, offset + 1)
    if venue_ns < 0:
        return WIRE_BAD_FIELD
    event["venue_ns"] = venue_ns
    event["user_ref_num"] = read_u32(buf, offset + 9)
    return WIRE_OK


@hot
def encode_head(buf, offset, kind, event):
    """Write the thirteen bytes. Returns WIRE_OK or WIRE_BAD_FIELD."""
    if event["venue_ns"] < 0 or not fits_u32(event["user_ref_num"]):
        return WIRE_BAD_FIELD
    buf[offset] = kind
    write_u64(buf, offset + 1, event["venue_ns"])
    write_u32(buf, offset + 9, event["user_ref_num"])
    return WIRE_OK


@hot
def is_sale_letter(letter):
    """Whether a side letter is that of a sale: long, short, or short and exempt."""
    return letter == LETTER_SELL or letter == LETTER_SHORT or letter == LETTER_SHORT_EXEMPT


@hot
def decode_side(buf, offset, event):
    """Set `side_letter` and the SIDE_* that it means."""
    letter = buf[offset]
    if letter == LETTER_BUY:
        event["side"] = SIDE_BUY
    elif is_sale_letter(letter):
        event["side"] = SIDE_SELL
    else:
        return WIRE_BAD_FIELD
    event["side_letter"] = letter
    return WIRE_OK


@hot
def encode_side(buf, offset, event):
    """Write `side_letter`, or the plain letter of `side` where it is 0."""
    letter = int(event["side_letter"])
    if letter == 0:
        if event["side"] == SIDE_BUY:
            letter = LETTER_BUY
        elif event["side"] == SIDE_SELL:
            letter = LETTER_SELL
        else:
            return WIRE_BAD_FIELD
    buf[offset] = letter
    return WIRE_OK


@hot
def decode_cl_ord_id(buf, offset, event):
    """Fourteen letters as two integers."""
    event["cl_ord_id_hi"] = read_u64(buf, offset)
    event["cl_ord_id_lo"] = (read_u16(buf, offset + 8) << 32) | read_u32(buf, offset + 10)


@hot
def encode_cl_ord_id(buf, offset, event):
    """Write the fourteen letters."""
    write_u64(buf, offset, event["cl_ord_id_hi"])
    write_u16(buf, offset + 8, event["cl_ord_id_lo"] >> 32)
    write_u32(buf, offset + 10, event["cl_ord_id_lo"] & 0xFFFFFFFF)

"""Trading state of one instrument.

H stock trading action, 25 bytes
off  size  field
---  ----  -------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  symbol
 19     1  trading_state
 20     1  reserved
 21     4  note
"""

from procs.wire.big_endian import has_room, read_u32, read_u64, write_u32, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_TRADING_ACTION
from procs.wire.itch.head import encode_head
from shm.codes import TRADING_HALTED, TRADING_OPEN, TRADING_PAUSED, TRADING_QUOTE_ONLY
from shm.jit import hot

TRADING_ACTION_BYTES = 25

LETTER_OPEN = ord("T")
LETTER_HALTED = ord("H")
LETTER_PAUSED = ord("P")
LETTER_QUOTE_ONLY = ord("Q")
SPACE = ord(" ")


@hot
def trading_state_of_letter(letter):
    """TRADING_*; any letter that is not understood means halted, the state in which nothing is sent."""
    if letter == LETTER_OPEN:
        return TRADING_OPEN
    if letter == LETTER_PAUSED:
        return TRADING_PAUSED
    if letter == LETTER_QUOTE_ONLY:
        return TRADING_QUOTE_ONLY
    return TRADING_HALTED


@hot
def letter_of_trading_state(state):
    """The letter of TRADING_*, else WIRE_BAD_FIELD."""
    if state == TRADING_OPEN:
        return LETTER_OPEN
    if state == TRADING_HALTED:
        return LETTER_HALTED
    if state == TRADING_PAUSED:
        return LETTER_PAUSED
    if state == TRADING_QUOTE_ONLY:
        return LETTER_QUOTE_ONLY
    return WIRE_BAD_FIELD


@hot
def decode_trading_action(buf, offset, event):
    """Symbol, state, and the reason's four letters in `note`."""
    event["symbol"] = read_u64(buf, offset + 11)
    event["trading_state"] = trading_state_of_letter(buf[offset + 19])
    event["note"] = read_u32(buf, offset + 21)
    return WIRE_OK


@hot
def encode_trading_action(buf, offset, event):
    """Write H at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, TRADING_ACTION_BYTES):
        return WIRE_NO_ROOM
    letter = letter_of_trading_state(event["trading_state"])
    if letter < 0:
        return WIRE_BAD_FIELD
    encode_head(buf, offset, ITCH_TRADING_ACTION, event)
    write_u64(buf, offset + 11, event["symbol"])
    buf[offset + 19] = letter
    buf[offset + 20] = SPACE
    write_u32(buf, offset + 21, event["note"])
    return TRADING_ACTION_BYTES

"""A market participant's place in one instrument.

L market participant position, 26 bytes
off  size  field
---  ----  --------------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     4  note
 15     8  symbol
 23     1  primary_market_maker
 24     1  market_maker_mode
 25     1  participant_state
"""

from procs.wire.big_endian import has_room, read_u32, read_u64, write_u32, write_u64
from procs.wire.codes import WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_PARTICIPANT
from procs.wire.itch.head import encode_head
from shm.jit import hot

PARTICIPANT_BYTES = 26


@hot
def decode_participant(buf, offset, event):
    """The firm's four letters in `note`, the symbol, three letters."""
    event["note"] = read_u32(buf, offset + 11)
    event["symbol"] = read_u64(buf, offset + 15)
    event["primary_market_maker"] = buf[offset + 23]
    event["market_maker_mode"] = buf[offset + 24]
    event["participant_state"] = buf[offset + 25]
    return WIRE_OK


@hot
def encode_participant(buf, offset, event):
    """Write L at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, PARTICIPANT_BYTES):
        return WIRE_NO_ROOM
    encode_head(buf, offset, ITCH_PARTICIPANT, event)
    write_u32(buf, offset + 11, event["note"])
    write_u64(buf, offset + 15, event["symbol"])
    buf[offset + 23] = event["primary_market_maker"]
    buf[offset + 24] = event["market_maker_mode"]
    buf[offset + 25] = event["participant_state"]
    return PARTICIPANT_BYTES

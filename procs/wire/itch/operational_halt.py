"""One market of the group stops or resumes one instrument, without a halt of trading elsewhere.

h operational halt, 21 bytes
off  size  field
---  ----  -----------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  symbol
 19     1  market_code
 20     1  halt_action
"""

from procs.wire.big_endian import has_room, read_u64, write_u64
from procs.wire.codes import WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_OPERATIONAL_HALT
from procs.wire.itch.head import encode_head
from shm.jit import hot

OPERATIONAL_HALT_BYTES = 21


@hot
def decode_operational_halt(buf, offset, event):
    """Symbol, market Q, B or X, action H halted or T resumed."""
    event["symbol"] = read_u64(buf, offset + 11)
    event["market_code"] = buf[offset + 19]
    event["halt_action"] = buf[offset + 20]
    return WIRE_OK


@hot
def encode_operational_halt(buf, offset, event):
    """Write h at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, OPERATIONAL_HALT_BYTES):
        return WIRE_NO_ROOM
    encode_head(buf, offset, ITCH_OPERATIONAL_HALT, event)
    write_u64(buf, offset + 11, event["symbol"])
    buf[offset + 19] = event["market_code"]
    buf[offset + 20] = event["halt_action"]
    return OPERATIONAL_HALT_BYTES

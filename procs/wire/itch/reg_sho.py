"""Short sale price test of one instrument.

Y Reg SHO restriction, 20 bytes
off  size  field
---  ----  --------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  symbol
 19     1  reg_sho_action
"""

from procs.wire.big_endian import has_room, read_u64, write_u64
from procs.wire.codes import WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_REG_SHO
from procs.wire.itch.head import encode_head
from shm.jit import hot

REG_SHO_BYTES = 20


@hot
def decode_reg_sho(buf, offset, event):
    """Symbol and the letter: 0 none, 1 in effect since today, 2 still in effect."""
    event["symbol"] = read_u64(buf, offset + 11)
    event["reg_sho_action"] = buf[offset + 19]
    return WIRE_OK


@hot
def encode_reg_sho(buf, offset, event):
    """Write Y at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, REG_SHO_BYTES):
        return WIRE_NO_ROOM
    encode_head(buf, offset, ITCH_REG_SHO, event)
    write_u64(buf, offset + 11, event["symbol"])
    buf[offset + 19] = event["reg_sho_action"]
    return REG_SHO_BYTES

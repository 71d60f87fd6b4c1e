"""Market-wide circuit breaker: the day's decline levels of the index (V), and one that was reached (W).

V market-wide circuit breaker levels, 35 bytes
off  size  field
---  ----  ----------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     8  level_1_e8
 19     8  level_2_e8
 27     8  level_3_e8

W market-wide circuit breaker status, 12 bytes
off  size  field
---  ----  --------------
  0     1  kind
  1     2  locate
  3     2  tracking
  5     6  venue_ns
 11     1  breached_level
"""

from procs.wire.big_endian import has_room, read_u64, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.event import ITCH_BREAKER_LEVELS, ITCH_BREAKER_STATUS
from procs.wire.itch.head import encode_head
from shm.jit import hot

BREAKER_LEVELS_BYTES = 35
BREAKER_STATUS_BYTES = 12


@hot
def decode_breaker_levels(buf, offset, event):
    """Three index levels in units of 1e-8, not of price ticks."""
    level_1_e8 = read_u64(buf, offset + 11)
    level_2_e8 = read_u64(buf, offset + 19)
    level_3_e8 = read_u64(buf, offset + 27)
    if level_1_e8 < 0 or level_2_e8 < 0 or level_3_e8 < 0:
        return WIRE_BAD_FIELD
    event["level_1_e8"] = level_1_e8
    event["level_2_e8"] = level_2_e8
    event["level_3_e8"] = level_3_e8
    return WIRE_OK


@hot
def encode_breaker_levels(buf, offset, event):
    """Write V at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, BREAKER_LEVELS_BYTES):
        return WIRE_NO_ROOM
    if event["level_1_e8"] < 0 or event["level_2_e8"] < 0 or event["level_3_e8"] < 0:
        return WIRE_BAD_FIELD
    encode_head(buf, offset, ITCH_BREAKER_LEVELS, event)
    write_u64(buf, offset + 11, event["level_1_e8"])
    write_u64(buf, offset + 19, event["level_2_e8"])
    write_u64(buf, offset + 27, event["level_3_e8"])
    return BREAKER_LEVELS_BYTES


@hot
def decode_breaker_status(buf, offset, event):
    """The letter 1, 2 or 3 of the level that was reached."""
    event["breached_level"] = buf[offset + 11]
    return WIRE_OK


@hot
def encode_breaker_status(buf, offset, event):
    """Write W at `offset`. Returns the size or a negative code."""
    if not has_room(buf, offset, BREAKER_STATUS_BYTES):
        return WIRE_NO_ROOM
    encode_head(buf, offset, ITCH_BREAKER_STATUS, event)
    buf[offset + 11] = event["breached_level"]
    return BREAKER_STATUS_BYTES

"""Whether a datagram may be believed: its framing and the size of every message, before anything is applied."""

from procs.wire.big_endian import read_u16
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_WRONG_SIZE
from procs.wire.itch.sizes import ITCH_SIZES
from procs.wire.moldudp64.blocks import MOLD_BLOCK_HEAD_BYTES, mold_check
from procs.wire.moldudp64.header import MOLD_END_OF_SESSION, MOLD_HEADER_BYTES, mold_sequence
from shm.jit import hot


@hot
def check_datagram(buf, size):
    """Count of messages (0 heartbeat, MOLD_END_OF_SESSION), or a negative WIRE_* code: treat the datagram as lost.

    A type of the specification with another size condemns the datagram; an unknown type is skipped by its length.
    """
    count = mold_check(buf, size)
    if count < 0:
        return count
    if mold_sequence(buf) < 1:
        return WIRE_BAD_FIELD
    if count == MOLD_END_OF_SESSION:
        return count
    offset = MOLD_HEADER_BYTES
    for _ in range(count):
        length = read_u16(buf, offset)
        offset += MOLD_BLOCK_HEAD_BYTES
        if length == 0:
            return WIRE_WRONG_SIZE
        expected = ITCH_SIZES[buf[offset]]
        if expected != 0 and expected != length:
            return WIRE_WRONG_SIZE
        offset += length
    return count


@hot
def offset_of(buf, messages):
    """Offset of the block behind the first `messages` blocks of a checked datagram."""
    offset = MOLD_HEADER_BYTES
    for _ in range(messages):
        offset += MOLD_BLOCK_HEAD_BYTES + read_u16(buf, offset)
    return offset

"""Message blocks behind the header: a two-byte length, then the message, as often as the header says.

Reading: `mold_check` once, then walk

    offset = MOLD_HEADER_BYTES
    for i in range(count):
        size = read_u16(buf, offset)
        ...message at offset + MOLD_BLOCK_HEAD_BYTES...
        offset += MOLD_BLOCK_HEAD_BYTES + size

Writing: `mold_begin`, encode each message at `used + MOLD_BLOCK_HEAD_BYTES`, then `mold_seal` it; or let `mold_append`
copy it in.
"""

from procs.wire.big_endian import has_room, read_u16, write_u16
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_WRONG_COUNT, WIRE_WRONG_SIZE
from procs.wire.moldudp64.header import (
    MOLD_COUNT_MAX,
    MOLD_END_OF_SESSION,
    MOLD_HEADER_BYTES,
    mold_count,
    mold_sequence,
    write_mold_header,
)
from shm.jit import hot

MOLD_BLOCK_HEAD_BYTES = 2


@hot
def mold_check(buf, size):
    """Whether a datagram of `size` bytes at the start of `buf` is whole.

    Returns the count (0 heartbeat, MOLD_END_OF_SESSION) or a negative code. The blocks must fill the datagram exactly,
    heartbeat and end carry none; afterwards the walk needs no further check.
    """
    if not has_room(buf, 0, size):
        return WIRE_NO_ROOM
    if size < MOLD_HEADER_BYTES:
        return WIRE_WRONG_SIZE
    if mold_sequence(buf) < 0:
        return WIRE_BAD_FIELD
    count = mold_count(buf)
    if count == 0 or count == MOLD_END_OF_SESSION:
        return count if size == MOLD_HEADER_BYTES else WIRE_WRONG_SIZE
    offset = MOLD_HEADER_BYTES
    for _ in range(count):
        if offset + MOLD_BLOCK_HEAD_BYTES > size:
            return WIRE_WRONG_COUNT
        offset += MOLD_BLOCK_HEAD_BYTES + read_u16(buf, offset)
        if offset > size:
            return WIRE_WRONG_SIZE
    return count if offset == size else WIRE_WRONG_COUNT


@hot
def mold_begin(buf, session_hi, session_lo, sequence):
    """Start a datagram whose first message is `sequence`. Returns the bytes used; as it stands it is a heartbeat."""
    return write_mold_header(buf, session_hi, session_lo, sequence, 0)


@hot
def mold_end_of_session(buf, session_hi, session_lo, next_sequence):
    """Write the datagram that ends the session. Returns its size or a negative code."""
    return write_mold_header(buf, session_hi, session_lo, next_sequence, MOLD_END_OF_SESSION)


@hot
def mold_room(buf, used, bytes_max):
    """Bytes of message that still fit in a datagram of at most `bytes_max`; negative when not even a block does."""
    if mold_count(buf) >= MOLD_COUNT_MAX:
        return -1
    return min(bytes_max, buf.size) - used - MOLD_BLOCK_HEAD_BYTES


@hot
def mold_seal(buf, used, message_bytes):
    """Count in the message of `message_bytes` that stands at `used + MOLD_BLOCK_HEAD_BYTES`. Returns the bytes used.

    The caller has asked `mold_room` first; a message outside the array gives WIRE_NO_ROOM and changes nothing.
    """
    count = mold_count(buf)
    if message_bytes < 0 or message_bytes > 0xFFFF or count >= MOLD_COUNT_MAX:
        return WIRE_BAD_FIELD
    if used < MOLD_HEADER_BYTES or not has_room(buf, used, MOLD_BLOCK_HEAD_BYTES + message_bytes):
        return WIRE_NO_ROOM
    write_u16(buf, used, message_bytes)
    write_u16(buf, 18, count + 1)
    return used + MOLD_BLOCK_HEAD_BYTES + message_bytes


@hot
def mold_append(buf, used, bytes_max, source, source_offset, message_bytes):
    """Copy one message into the datagram. Returns the bytes used, or WIRE_NO_ROOM: send it and begin another."""
    if not has_room(source, source_offset, message_bytes) or mold_room(buf, used, bytes_max) < message_bytes:
        return WIRE_NO_ROOM
    for i in range(message_bytes):
        buf[used + MOLD_BLOCK_HEAD_BYTES + i] = source[source_offset + i]
    return mold_seal(buf, used, message_bytes)

"""The twenty bytes that open every datagram, downstream and request alike.

downstream datagram and request, 20 bytes
off  size  field
---  ----  --------
  0    10  session
 10     8  sequence
 18     2  count

Downstream: `sequence` numbers the first message; count 0 is a heartbeat that carries the next number to come, 0xFFFF
ends the session. Request: first wanted message and how many. The session's ten letters travel as two integers, the
first eight (`session_hi`) and the last two (`session_lo`).
"""

from procs.wire.big_endian import has_room, read_u16, read_u64, text_word, write_u16, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK, WIRE_WRONG_SIZE
from shm.jit import hot

MOLD_HEADER_BYTES = 20
MOLD_COUNT_MAX = 0xFFFE
MOLD_END_OF_SESSION = 0xFFFF


def session_words(session: str) -> tuple[int, int]:
    """(session_hi, session_lo) of a session name, padded with spaces to ten letters. Cold."""
    padded = session.ljust(10)
    return text_word(padded[:8]), text_word(padded[8:], size=2)


@hot
def mold_session_hi(buf):
    """First eight letters of the session."""
    return read_u64(buf, 0)


@hot
def mold_session_lo(buf):
    """Last two letters of the session."""
    return read_u16(buf, 8)


@hot
def mold_sequence(buf):
    """Number of the first message; the next one to come in a heartbeat or an end; first wanted in a request."""
    return read_u64(buf, 10)


@hot
def mold_count(buf):
    """Messages in the datagram or wanted; 0 heartbeat, MOLD_END_OF_SESSION."""
    return read_u16(buf, 18)


@hot
def write_mold_header(buf, session_hi, session_lo, sequence, count):
    """Write the twenty bytes at the start of `buf`. Returns their size or a negative code."""
    if not has_room(buf, 0, MOLD_HEADER_BYTES):
        return WIRE_NO_ROOM
    if sequence < 0 or count < 0 or count > MOLD_END_OF_SESSION:
        return WIRE_BAD_FIELD
    write_u64(buf, 0, session_hi)
    write_u16(buf, 8, session_lo)
    write_u64(buf, 10, sequence)
    write_u16(buf, 18, count)
    return MOLD_HEADER_BYTES


@hot
def check_mold_request(buf, size):
    """Whether a datagram of `size` bytes is a request: WIRE_OK or a negative code. Then read sequence and count."""
    if not has_room(buf, 0, size):
        return WIRE_NO_ROOM
    if size != MOLD_HEADER_BYTES:
        return WIRE_WRONG_SIZE
    if mold_sequence(buf) < 1 or mold_count(buf) < 1:
        return WIRE_BAD_FIELD
    return WIRE_OK

"""MoldUDP64: datagrams are packed to their limit, walked exactly, refused whole when anything disagrees."""

import numpy as np
import pytest

from procs.wire.big_endian import read_u16, write_u16, write_u64
from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_OK, WIRE_WRONG_COUNT, WIRE_WRONG_SIZE
from procs.wire.moldudp64.blocks import (
    MOLD_BLOCK_HEAD_BYTES,
    mold_append,
    mold_begin,
    mold_check,
    mold_end_of_session,
    mold_room,
    mold_seal,
)
from procs.wire.moldudp64.header import (
    MOLD_END_OF_SESSION,
    MOLD_HEADER_BYTES,
    check_mold_request,
    mold_count,
    mold_sequence,
    mold_session_hi,
    mold_session_lo,
    session_words,
    write_mold_header,
)
from shm.jit import hot

SESSION = session_words("QUINTET")
SEED = 64


@hot
def block_at(buf, offset):
    return read_u16(buf, offset)


@hot
def set_u16(buf, offset, value):
    write_u16(buf, offset, value)


@hot
def set_u64(buf, offset, value):
    write_u64(buf, offset, value)


def blocks(buf, size):
    """The messages of a whole datagram, walked as the docstring says."""
    at, found = MOLD_HEADER_BYTES, []
    for _ in range(mold_check(buf, size)):
        length = block_at(buf, at)
        found.append(buf[at + MOLD_BLOCK_HEAD_BYTES : at + MOLD_BLOCK_HEAD_BYTES + length].tobytes())
        at += MOLD_BLOCK_HEAD_BYTES + length
    return found


def datagram(*messages, sequence=1):
    buf = np.zeros(1500, np.uint8)
    used = mold_begin(buf, *SESSION, sequence)
    for message in messages:
        used = mold_append(buf, used, 1500, np.frombuffer(message, np.uint8).copy(), 0, len(message))
    return buf, used


def test_messages_are_packed_until_the_limit_and_come_back_in_order():
    rng = np.random.default_rng(SEED)
    messages = [rng.integers(0, 256, int(n), dtype=np.uint8).tobytes() for n in rng.integers(0, 51, 300)]
    buf, got, sequence, at = np.zeros(2048, np.uint8), [], 1, 0
    while at < len(messages):
        used = mold_begin(buf, *SESSION, sequence)
        first = at
        while at < len(messages):
            grown = mold_append(buf, used, 400, np.frombuffer(messages[at], np.uint8).copy(), 0, len(messages[at]))
            if grown == WIRE_NO_ROOM:
                break
            used, at = grown, at + 1
        assert used <= 400, f"seed {SEED}"
        assert at == len(messages) or used + MOLD_BLOCK_HEAD_BYTES + len(messages[at]) > 400, "closed too early"
        assert mold_sequence(buf) == sequence and mold_count(buf) == at - first
        got += blocks(buf, used)
        sequence += at - first
    assert got == messages


def test_a_message_encoded_in_place_is_sealed_behind_its_length():
    buf = np.zeros(64, np.uint8)
    used = mold_begin(buf, *SESSION, 5)
    assert mold_room(buf, used, 64) == 64 - 22
    buf[used + MOLD_BLOCK_HEAD_BYTES : used + MOLD_BLOCK_HEAD_BYTES + 3] = (7, 8, 9)
    used = mold_seal(buf, used, 3)
    assert used == 25 and blocks(buf, used) == [bytes([7, 8, 9])]
    assert mold_seal(buf, used, 64 - 25 - 2 + 1) == WIRE_NO_ROOM and mold_count(buf) == 1
    assert mold_room(buf, 63, 64) < 0


def test_header_heartbeat_and_end_of_session():
    buf = np.zeros(40, np.uint8)
    assert mold_begin(buf, *SESSION, 77) == MOLD_HEADER_BYTES
    assert buf[:10].tobytes() == b"QUINTET   "
    assert (mold_session_hi(buf), mold_session_lo(buf), mold_sequence(buf)) == (*SESSION, 77)
    assert mold_check(buf, MOLD_HEADER_BYTES) == 0
    assert mold_check(buf, MOLD_HEADER_BYTES + 1) == WIRE_WRONG_SIZE
    assert mold_end_of_session(buf, *SESSION, 78) == MOLD_HEADER_BYTES
    assert mold_check(buf, MOLD_HEADER_BYTES) == MOLD_END_OF_SESSION
    assert mold_check(buf, MOLD_HEADER_BYTES + 2) == WIRE_WRONG_SIZE


def test_requests_go_both_ways():
    buf = np.zeros(20, np.uint8)
    assert write_mold_header(buf, *SESSION, 1000, 250) == 20
    assert check_mold_request(buf, 20) == WIRE_OK
    assert (mold_sequence(buf), mold_count(buf)) == (1000, 250)
    assert check_mold_request(buf, 19) == WIRE_WRONG_SIZE
    assert check_mold_request(buf, 21) == WIRE_NO_ROOM
    for sequence, count in ((0, 1), (1, 0)):
        write_mold_header(buf, *SESSION, sequence, count)
        assert check_mold_request(buf, 20) == WIRE_BAD_FIELD
    assert write_mold_header(buf, *SESSION, -1, 1) == WIRE_BAD_FIELD
    assert write_mold_header(buf, *SESSION, 1, 65536) == WIRE_BAD_FIELD
    assert write_mold_header(np.zeros(19, np.uint8), *SESSION, 1, 1) == WIRE_NO_ROOM


def spoil_count(buf, used):
    set_u16(buf, 18, 3)
    return used


def spoil_count_down(buf, used):
    set_u16(buf, 18, 1)
    return used


def spoil_last_length(buf, used):
    set_u16(buf, MOLD_HEADER_BYTES + 5, 9)
    return used


def spoil_first_length(buf, used):
    set_u16(buf, MOLD_HEADER_BYTES, 0xFFFF)
    return used


def spoil_sequence(buf, used):
    set_u64(buf, 10, -5)
    return used


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda buf, used: used, 2),
        (lambda buf, used: used - 1, WIRE_WRONG_SIZE),
        (lambda buf, used: used + 1, WIRE_WRONG_COUNT),
        (lambda buf, used: 19, WIRE_WRONG_SIZE),
        (lambda buf, used: 0, WIRE_WRONG_SIZE),
        (lambda buf, used: -1, WIRE_NO_ROOM),
        (lambda buf, used: 1501, WIRE_NO_ROOM),
        (lambda buf, used: MOLD_HEADER_BYTES, WIRE_WRONG_COUNT),
        (lambda buf, used: MOLD_HEADER_BYTES + 1, WIRE_WRONG_COUNT),
        (spoil_count, WIRE_WRONG_COUNT),
        (spoil_count_down, WIRE_WRONG_COUNT),
        (spoil_last_length, WIRE_WRONG_SIZE),
        (spoil_first_length, WIRE_WRONG_SIZE),
        (spoil_sequence, WIRE_BAD_FIELD),
    ],
)
def test_a_datagram_must_be_exact(spoil, expected):
    buf, used = datagram(b"abc", b"defg")
    assert mold_check(buf, spoil(buf, used)) == expected


def test_a_datagram_of_the_greatest_count_is_closed_to_more():
    buf = np.zeros(1500, np.uint8)
    used = mold_begin(buf, *SESSION, 1)
    set_u16(buf, 18, 0xFFFE)
    assert mold_room(buf, used, 1500) < 0
    assert mold_seal(buf, used, 1) == WIRE_BAD_FIELD

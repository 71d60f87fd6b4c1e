"""SoupBinTCP: packets come out of a stream whole, however it was cut; logins match genuine ones byte for byte."""

import numpy as np
import pytest

from procs.wire.codes import WIRE_BAD_FIELD, WIRE_NO_ROOM, WIRE_UNKNOWN_TYPE, WIRE_WRONG_SIZE
from procs.wire.soupbintcp.ascii_number import NUMBER_MAX, read_number, write_number
from procs.wire.soupbintcp.login import (
    LOGIN_NO_SESSION,
    encode_login_accepted,
    encode_login_rejected,
    encode_login_request,
    padded_text,
    parse_login_accepted,
    parse_login_rejected,
    parse_login_request,
)
from procs.wire.soupbintcp.packet import (
    SOUP_CLIENT_HEARTBEAT,
    SOUP_DEBUG,
    SOUP_END_OF_SESSION,
    SOUP_HEAD_BYTES,
    SOUP_LOGOUT,
    SOUP_SEQUENCED,
    SOUP_SERVER_HEARTBEAT,
    SOUP_UNSEQUENCED,
    encode_soup_data,
    encode_soup_empty,
    soup_next,
    soup_seal,
    soup_type,
)
from tests.support.data import shared_data
from tests.support.pcap import read_pcap

SEED = 300


def array(raw):
    return np.frombuffer(raw, np.uint8).copy()


def texts():
    return np.zeros(6, np.uint8), np.zeros(10, np.uint8), np.zeros(10, np.uint8)


def packets(rng, count):
    """Random packets and their stream."""
    found = []
    for _ in range(count):
        buf = np.zeros(128, np.uint8)
        payload = rng.integers(0, 256, int(rng.integers(0, 60))).astype(np.uint8)
        kind = int(rng.choice([SOUP_SEQUENCED, SOUP_UNSEQUENCED, SOUP_DEBUG]))
        size = encode_soup_data(buf, 0, kind, payload, payload.size)
        found.append(buf[:size].tobytes())
    return found


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 64, 1000])
def test_packets_come_out_whole_however_the_stream_is_cut(cut):
    expected = packets(np.random.default_rng(SEED), 40)
    stream, carry, start, end, got = array(b"".join(expected)), np.zeros(256, np.uint8), 0, 0, []
    at = 0
    while at < stream.size or end > start:
        if start > 0:  # what is left moves to the front of the carry
            carry[: end - start] = carry[start:end].copy()
            start, end = 0, end - start
        piece = stream[at : at + min(cut, carry.size - end)]
        carry[end : end + piece.size] = piece
        at, end = at + piece.size, end + piece.size
        while (size := soup_next(carry, start, end)) > 0:
            got.append(carry[start : start + size].tobytes())
            start += size
        assert size == 0
    assert got == expected, f"seed {SEED}"


def test_a_stream_that_cannot_be_followed_is_refused():
    buf = np.zeros(64, np.uint8)
    assert soup_next(buf, 0, 64) == WIRE_WRONG_SIZE, "length 0 has no type"
    buf[:2] = (0xFF, 0xFF)
    assert soup_next(buf, 0, 64) == WIRE_NO_ROOM, "longer than the carry can ever hold"
    buf[:2] = (0, 62)
    assert soup_next(buf, 0, 64) == 64
    assert soup_next(buf, 0, 63) == 0
    assert soup_next(buf, 0, 1) == 0 and soup_next(buf, 64, 64) == 0
    for start, end in ((-1, 5), (5, 4), (0, 65)):
        assert soup_next(buf, start, end) == WIRE_NO_ROOM


@pytest.mark.parametrize("kind", [SOUP_SERVER_HEARTBEAT, SOUP_CLIENT_HEARTBEAT, SOUP_END_OF_SESSION, SOUP_LOGOUT])
def test_packets_without_payload_are_three_bytes(kind):
    buf = np.zeros(8, np.uint8)
    assert encode_soup_empty(buf, 2, kind) == SOUP_HEAD_BYTES
    assert buf.tobytes() == b"\0\0\0\1" + bytes([kind]) + b"\0\0\0"
    assert soup_type(buf, 2) == kind
    assert encode_soup_empty(buf, 6, kind) == WIRE_NO_ROOM


def test_a_payload_in_place_is_sealed_and_impossible_ones_are_refused():
    buf = np.zeros(20, np.uint8)
    buf[5:8] = (1, 2, 3)
    assert soup_seal(buf, 2, SOUP_UNSEQUENCED, 3) == 6
    assert buf[2:8].tobytes() == b"\0\4U\1\2\3"
    assert soup_seal(buf, 2, SOUP_UNSEQUENCED, 16) == WIRE_NO_ROOM
    assert soup_seal(buf, 2, SOUP_UNSEQUENCED, -1) == WIRE_BAD_FIELD
    assert encode_soup_data(buf, 0, SOUP_SEQUENCED, np.zeros(2, np.uint8), 3) == WIRE_NO_ROOM


def test_a_genuine_login_request_is_parsed_and_made_again():
    payload = array(read_pcap(shared_data("soupbintcp", "LoginRequestPacket.pcap"))[0].payload)
    assert soup_next(payload, 0, payload.size) == payload.size
    username, password, session = texts()
    assert parse_login_request(payload, 0, payload.size, username, password, session) == 0
    assert (username.tobytes(), password.tobytes(), session.tobytes()) == (b"user  ", b"password  ", b" " * 10)
    made = np.zeros(payload.size, np.uint8)
    size = encode_login_request(made, 0, padded_text("user", 6), padded_text("password", 10), session, 0)
    assert made[:size].tobytes() == payload.tobytes()


def test_a_genuine_login_accepted_is_parsed_and_made_again():
    payload = array(read_pcap(shared_data("soupbintcp", "LoginAcceptedPacket.pcap"))[0].payload)
    session = np.zeros(10, np.uint8)
    assert parse_login_accepted(payload, 0, payload.size, session) == 135
    assert session.tobytes() == b"1689192121"
    made = np.zeros(payload.size, np.uint8)
    assert encode_login_accepted(made, 0, session, 135) == payload.size
    assert made.tobytes() == payload.tobytes()


def test_a_rejected_login_gives_its_reason():
    buf = np.zeros(10, np.uint8)
    assert encode_login_rejected(buf, 1, LOGIN_NO_SESSION) == 4
    assert parse_login_rejected(buf, 1, 4) == LOGIN_NO_SESSION


def test_logins_of_another_type_size_or_place_are_refused():
    buf, session = np.zeros(49, np.uint8), np.zeros(10, np.uint8)
    username, password, _ = texts()
    encode_login_request(buf, 0, padded_text("a", 6), padded_text("b", 10), padded_text("", 10), NUMBER_MAX)
    assert parse_login_request(buf, 0, 49, username, password, session) == NUMBER_MAX
    assert parse_login_request(buf, 0, 48, username, password, session) == WIRE_WRONG_SIZE
    assert parse_login_request(buf, 1, 49, username, password, session) == WIRE_NO_ROOM
    assert parse_login_request(buf, 0, 49, password, password, session) == WIRE_BAD_FIELD
    assert parse_login_accepted(buf, 0, 33, session) == WIRE_UNKNOWN_TYPE
    assert parse_login_rejected(buf, 0, 4) == WIRE_UNKNOWN_TYPE
    buf[48] = ord("x")
    assert parse_login_request(buf, 0, 49, username, password, session) == WIRE_BAD_FIELD
    for sequence in (-1, NUMBER_MAX + 1):
        assert encode_login_accepted(buf, 0, session, sequence) == WIRE_BAD_FIELD
    with pytest.raises(ValueError, match="found 11") as raised:
        padded_text("secretsecre", 10)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("                   0", 0),
        ("                 135", 135),
        ("135                 ", 135),
        ("00000000000000000135", 135),
        ("                    ", WIRE_BAD_FIELD),
        ("        1 2         ", WIRE_BAD_FIELD),
        ("                  -1", WIRE_BAD_FIELD),
        ("                 1.5", WIRE_BAD_FIELD),
        ("  999999999999999999", NUMBER_MAX),
        (" 1000000000000000000", WIRE_BAD_FIELD),
        ("99999999999999999999", WIRE_BAD_FIELD),
    ],
)
def test_numbers_in_text(text, expected):
    assert read_number(array(text.encode()), 0, 20) == expected


def test_numbers_are_written_as_they_are_read():
    for value in (0, 7, 10, 135, 10**17, NUMBER_MAX):
        buf = np.zeros(22, np.uint8)
        write_number(buf, 1, 20, value)
        assert buf[1:21].tobytes() == str(value).rjust(20).encode()
        assert read_number(buf, 1, 20) == value

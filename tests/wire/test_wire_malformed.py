"""Bytes that lie: whatever arrives, every decoder answers with a code, touches nothing outside, and never crashes.

Valid messages are spoilt at random: bits flipped, bytes changed, cut, lengthened. Each array is exactly as long as its
content, so that `NUMBA_BOUNDSCHECK=1` or the JIT switched off catch any read beyond.
"""

from collections import Counter

import numpy as np
import pytest

from procs.wire.big_endian import read_u16_bytewise
from procs.wire.codes import WIRE_NAMES, WIRE_NO_ROOM, WIRE_OK
from procs.wire.itch.decode_all import decode_itch_all
from procs.wire.itch.encode_all import encode_itch_all
from procs.wire.itch.event import ITCH_EVENT
from procs.wire.itch.sizes import SIZE_OF
from procs.wire.moldudp64.blocks import MOLD_BLOCK_HEAD_BYTES, mold_check
from procs.wire.moldudp64.header import MOLD_END_OF_SESSION, MOLD_HEADER_BYTES, check_mold_request
from procs.wire.ouch.event import OUCH_EVENT
from procs.wire.ouch.inbound import decode_ouch_inbound, encode_ouch_inbound
from procs.wire.ouch.outbound import decode_ouch_outbound, encode_ouch_outbound
from procs.wire.ouch.sizes import FIXED_OF_INBOUND, FIXED_OF_OUTBOUND
from procs.wire.soupbintcp.login import parse_login_accepted, parse_login_rejected, parse_login_request
from procs.wire.soupbintcp.packet import soup_next

SEED = 5
ROUNDS = 10_000


def spoilt(rng, raw: bytes) -> bytes:
    """The message with up to three changes."""
    changed = bytearray(raw)
    for _ in range(int(rng.integers(0, 4))):
        what = rng.integers(0, 4)
        at = int(rng.integers(0, max(1, len(changed))))
        if what == 0 and changed:
            changed[at] ^= 1 << int(rng.integers(0, 8))
        elif what == 1 and changed:
            changed[at] = int(rng.integers(0, 256))
        elif what == 2:
            del changed[at:]
        else:
            changed.append(int(rng.integers(0, 256)))
    return bytes(changed)


def corpus_of(fixed, letters, appendage=b""):
    """One message of each type, zero but for its type letter and the `letters` {type: (offset, letter)} it must carry."""
    found = []
    for kind, size in fixed.items():
        raw = bytearray(size)
        raw[0] = ord(kind)
        at, letter = letters.get(kind, (0, kind))
        raw[at] = ord(letter)
        found.append(bytes(raw) + appendage)
    return found


APPENDAGE = b"\x00\x0a\x05\x02FIRM\x03\x12ab"
ITCH_CORPUS = corpus_of(SIZE_OF, {"A": (19, "B"), "F": (19, "S"), "P": (19, "B"), "C": (31, "Y")})
INBOUND_CORPUS = corpus_of(FIXED_OF_INBOUND, {"O": (5, "B"), "M": (5, "T")}, APPENDAGE)
OUTBOUND_CORPUS = corpus_of(FIXED_OF_OUTBOUND, {"A": (13, "B"), "U": (17, "S"), "M": (13, "T")}, APPENDAGE)


@pytest.mark.parametrize(
    ("name", "corpus", "dtype", "decode", "encode"),
    [
        ("itch", ITCH_CORPUS, ITCH_EVENT, decode_itch_all, encode_itch_all),
        ("ouch inbound", INBOUND_CORPUS, OUCH_EVENT, decode_ouch_inbound, encode_ouch_inbound),
        ("ouch outbound", OUTBOUND_CORPUS, OUCH_EVENT, decode_ouch_outbound, encode_ouch_outbound),
    ],
    ids=["itch", "ouch_inbound", "ouch_outbound"],
)
def test_spoilt_messages_are_answered_with_codes(name, corpus, dtype, decode, encode):
    rng, seen = np.random.default_rng(SEED), Counter()
    event, out = np.zeros(1, dtype), np.zeros(100, np.uint8)
    row = event[0]
    for _ in range(ROUNDS):
        raw = spoilt(rng, corpus[int(rng.integers(0, len(corpus)))])
        buf, shown = np.frombuffer(raw, np.uint8).copy(), f"seed {SEED}: {raw.hex()}"
        code = decode(buf, 0, buf.size, row)
        seen[WIRE_NAMES[int(code)]] += 1
        if code == WIRE_OK:
            assert encode(out, 0, row) > 0, shown
        if dtype is OUCH_EVENT and code > 0:
            assert row["appendage_offset"] + row["appendage_bytes"] <= buf.size, shown
        if raw:
            assert decode(buf, 1, buf.size, row) == WIRE_NO_ROOM, shown
    print(name, dict(seen))
    assert set(seen) == {"ok", "unknown_type", "wrong_size", "bad_field"}, seen


def test_spoilt_datagrams_are_answered_with_codes():
    rng, seen = np.random.default_rng(SEED), Counter()
    datagram = bytes(17) + b"\1\0\3" + 3 * (b"\x00\x13" + bytes(19))
    for _ in range(ROUNDS):
        raw = spoilt(rng, datagram)
        buf = np.frombuffer(raw, np.uint8).copy()
        check_mold_request(buf, buf.size)
        count = mold_check(buf, buf.size)
        if count < 0:
            seen[WIRE_NAMES[int(count)]] += 1
            continue
        seen["ok"] += 1
        at = MOLD_HEADER_BYTES
        for _ in range(0 if count == MOLD_END_OF_SESSION else count):
            at += MOLD_BLOCK_HEAD_BYTES + read_u16_bytewise(buf, at)
        assert at == buf.size, f"seed {SEED}: {raw.hex()}"
    print(dict(seen))
    assert set(seen) == {"ok", "wrong_size", "wrong_count", "bad_field"}, seen


def test_spoilt_streams_are_answered_with_codes():
    login = b"\x00\x2fL" + b"user  password  " + b" " * 10 + b"20".rjust(20)
    accepted = b"\x00\x1fA" + b"QUINTET   " + b"7".rjust(20)
    stream = b"\x00\x01R" + login + accepted + b"\x00\x02JA" + b"\x00\x05Sabcd"
    rng, seen = np.random.default_rng(SEED), Counter()
    username, password, session = np.zeros(6, np.uint8), np.zeros(10, np.uint8), np.zeros(10, np.uint8)
    for _ in range(ROUNDS // 4):
        buf = np.frombuffer(spoilt(rng, stream), np.uint8).copy()
        start = 0
        while (size := soup_next(buf, start, buf.size)) > 0:
            seen["packets"] += 1
            parse_login_request(buf, start, size, username, password, session)
            parse_login_accepted(buf, start, size, session)
            parse_login_rejected(buf, start, size)
            start += size
        seen["waits" if size == 0 else WIRE_NAMES[int(size)]] += 1
        assert start <= buf.size
    print(dict(seen))
    assert set(seen) == {"packets", "waits", "wrong_size", "no_room"}, seen

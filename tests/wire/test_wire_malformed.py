"""Bytes that lie: whatever arrives, every decoder answers with a code, touches nothing outside, and never crashes.

Valid messages are spoilt at random in a compiled loop: bits flipped, lengths changed, pieces cut, bytes added. Each
array is exactly as long as its content, so that `NUMBA_BOUNDSCHECK=1` or the JIT switched off catch any read beyond.
"""

import numpy as np

from procs.wire.big_endian import read_u16
from procs.wire.codes import WIRE_NAMES
from procs.wire.itch.decode import decode_itch
from procs.wire.itch.encode import encode_itch
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
from shm.jit import JIT_OFF, hot

SEED = 5
ROUNDS = 3_000 if JIT_OFF else 60_000
CODES = 8  # index = code + 5: -5..2


@hot
def next_random(words):
    """xorshift on a positive int64 state, the same in both modes."""
    x = words[0]
    x ^= (x << 13) & 0x3FFFFFFFFFFFFFFF
    x ^= x >> 7
    x ^= (x << 17) & 0x3FFFFFFFFFFFFFFF
    words[0] = x
    return x >> 8


@hot
def spoil(words, source, source_size, target):
    """Copy a message into `target` with up to three changes; returns the size, at most `target.size`."""
    size = source_size
    for i in range(size):
        target[i] = source[i]
    for _ in range(next_random(words) % 4):
        what = next_random(words) % 4
        at = next_random(words) % max(size, 1)
        if what == 0 and size > 0:
            target[at] = target[at] ^ (1 << (next_random(words) % 8))
        elif what == 1 and size > 0:
            target[at] = next_random(words) % 256
        elif what == 2:
            size = at
        elif size < target.size:
            target[size] = next_random(words) % 256
            size += 1
    return size


def corpus_of(fixed, appendage):
    """Rows of plausible messages, one of each type: letters where letters stand, digits of small value elsewhere."""
    rows, sizes = np.zeros((len(fixed), 96), np.uint8), np.zeros(len(fixed), np.int64)
    for row, (letter, size) in enumerate(fixed.items()):
        rows[row, 0] = ord(letter)
        rows[row, 5] = ord("B") if appendage and size == 45 else 0
        for at in (13, 17, 19):
            rows[row, at] = ord("B") if at < size else 0
        rows[row, 31] = ord("Y") if size == 36 else rows[row, 31]
        tail = b"\x00\x0a\x05\x02FIRM\x03\x12ab" if appendage else b""
        rows[row, size : size + len(tail)] = np.frombuffer(tail, np.uint8)
        sizes[row] = size + len(tail)
    return rows, sizes


@hot
def run_itch(rounds, words, corpus, sizes, scratch, counts, event, out):
    """Decode spoilt messages at the very end of the array, where a read too far leaves it."""
    wrong = 0
    for _ in range(rounds):
        pick = next_random(words) % sizes.size
        size = spoil(words, corpus[pick], sizes[pick], scratch)
        code = decode_itch(scratch, 0, size, event)
        counts[code + 5] += 1
        if code == 1 and encode_itch(out, 0, event) != size:
            wrong += 1
        if decode_itch(scratch, scratch.size - size + 1, size, event) != -4 and size > 0:
            wrong += 1
    return wrong


@hot
def run_ouch(rounds, inbound, words, corpus, sizes, scratch, counts, event, out):
    wrong = 0
    for _ in range(rounds):
        pick = next_random(words) % sizes.size
        size = spoil(words, corpus[pick], sizes[pick], scratch)
        if inbound:
            code = decode_ouch_inbound(scratch, 0, size, event)
            if code == 1 and encode_ouch_inbound(out, 0, event) < 1:
                wrong += 1
        else:
            code = decode_ouch_outbound(scratch, 0, size, event)
            if code == 1 and encode_ouch_outbound(out, 0, event) < 1:
                wrong += 1
        counts[code + 5] += 1
        end = event["appendage_offset"] + event["appendage_bytes"]
        if code > 0 and end > size:
            wrong += 1
    return wrong


@hot
def run_mold(rounds, words, datagram, scratch, counts):
    """Spoilt datagrams; a whole one is walked to its exact end."""
    wrong = 0
    for _ in range(rounds):
        size = spoil(words, datagram, datagram.size, scratch)
        count = mold_check(scratch, size)
        check_mold_request(scratch, size)
        if count < 0:
            counts[count + 5] += 1
            continue
        counts[6] += 1
        at = MOLD_HEADER_BYTES
        if count != MOLD_END_OF_SESSION:
            for _k in range(count):
                at += MOLD_BLOCK_HEAD_BYTES + read_u16(scratch, at)
        if at != size:
            wrong += 1
    return wrong


@hot
def run_soup(rounds, words, stream, scratch, texts, counts):
    """Spoilt streams are followed until they end, stop making sense, or wait for more."""
    wrong = 0
    for _ in range(rounds):
        end = spoil(words, stream, stream.size, scratch)
        start = 0
        while True:
            size = soup_next(scratch, start, end)
            if size <= 0:
                counts[size + 5] += 1
                break
            counts[6] += 1
            parse_login_request(scratch, start, size, texts[0, :6], texts[1], texts[2])
            parse_login_accepted(scratch, start, size, texts[2])
            parse_login_rejected(scratch, start, size)
            start += size
        if start > end:
            wrong += 1
    return wrong


def seen(counts):
    return {WIRE_NAMES.get(i - 5, "waits"): int(n) for i, n in enumerate(counts) if n}


def fresh():
    return np.array([SEED * 7919], np.int64), np.zeros(CODES, np.int64)


def test_spoilt_itch_messages_are_answered_with_codes():
    corpus, sizes = corpus_of(SIZE_OF, False)
    (words, counts), out = fresh(), np.zeros(64, np.uint8)
    event = np.zeros(1, ITCH_EVENT)
    wrong = run_itch(ROUNDS, words, corpus, sizes, np.zeros(60, np.uint8), counts, event[0], out)
    assert wrong == 0 and counts.sum() == ROUNDS, f"seed {SEED}: {seen(counts)}"
    assert set(seen(counts)) == {"ok", "skipped", "unknown_type", "wrong_size", "bad_field"}, seen(counts)


def test_spoilt_ouch_messages_are_answered_with_codes():
    for inbound, fixed in ((True, FIXED_OF_INBOUND), (False, FIXED_OF_OUTBOUND)):
        corpus, sizes = corpus_of(fixed, True)
        (words, counts), out, event = fresh(), np.zeros(80, np.uint8), np.zeros(1, OUCH_EVENT)
        wrong = run_ouch(ROUNDS, inbound, words, corpus, sizes, np.zeros(90, np.uint8), counts, event[0], out)
        assert wrong == 0 and counts.sum() == ROUNDS, f"seed {SEED}: {seen(counts)}"
        assert set(seen(counts)) == {"ok", "skipped", "unknown_type", "wrong_size", "bad_field"}, seen(counts)


def test_spoilt_datagrams_are_answered_with_codes():
    datagram = np.zeros(20 + 3 * 21, np.uint8)
    datagram[17], datagram[19] = 1, 3
    for k in range(3):
        datagram[20 + 21 * k + 1] = 19
    words, counts = fresh()
    assert mold_check(datagram, datagram.size) == 3
    wrong = run_mold(ROUNDS, words, datagram, np.zeros(90, np.uint8), counts)
    assert wrong == 0 and counts.sum() == ROUNDS, f"seed {SEED}: {seen(counts)}"
    assert set(seen(counts)) >= {"ok", "wrong_size", "wrong_count"}, seen(counts)


def test_spoilt_streams_are_answered_with_codes():
    login = b"\x00\x2fL" + b"user  password  " + b" " * 10 + b"20".rjust(20)
    accepted = b"\x00\x1fA" + b"QUINTET   " + b"7".rjust(20)
    stream = np.frombuffer(b"\x00\x01R" + login + accepted + b"\x00\x02JA" + b"\x00\x05Sabcd", np.uint8).copy()
    words, counts = fresh()
    wrong = run_soup(ROUNDS, words, stream, np.zeros(stream.size + 4, np.uint8), np.zeros((3, 10), np.uint8), counts)
    assert wrong == 0, f"seed {SEED}: {seen(counts)}"
    assert set(seen(counts)) >= {"ok", "waits", "no_room"}, seen(counts)

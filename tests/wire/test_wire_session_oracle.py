"""MoldUDP64 datagrams and SoupBinTCP streams, valid and spoilt, cut by the compiled readers and by a plain reading."""

import random
import struct
from collections import Counter

import numpy as np
import pytest

from procs.wire.big_endian import read_u16
from procs.wire.moldudp64.blocks import MOLD_BLOCK_HEAD_BYTES, mold_check
from procs.wire.moldudp64.header import (
    MOLD_END_OF_SESSION,
    MOLD_HEADER_BYTES,
    mold_sequence,
    mold_session_hi,
    mold_session_lo,
)
from procs.wire.soupbintcp.packet import soup_next, soup_type
from shm.jit import JIT_OFF, hot

ROW_BYTES = 256
PIECES = 16  # most blocks or packets of a row
BATCH = 10_000
COUNT = 20_000 if JIT_OFF else 30_000
SOAK_COUNT = 1_000_000
ANSWER, HI, LO, SEQUENCE = 0, 1, 2, 3  # words of a row's head
BROKEN = 1_000_000  # the oracle's answer for what must be refused


@hot
def cut_datagrams(rows, sizes, heads, pieces):
    """Answer and header of each datagram; (offset, size) of its messages."""
    for row in range(rows.shape[0]):
        buf = rows[row, : sizes[row]]
        count = mold_check(buf, sizes[row])
        heads[row, ANSWER] = count
        if count < 0:
            continue
        heads[row, HI], heads[row, LO] = mold_session_hi(buf), mold_session_lo(buf)
        heads[row, SEQUENCE] = mold_sequence(buf)
        at = MOLD_HEADER_BYTES
        for k in range(0 if count == MOLD_END_OF_SESSION else min(count, PIECES)):
            size = read_u16(buf, at)
            pieces[row, k, 0], pieces[row, k, 1] = at + MOLD_BLOCK_HEAD_BYTES, size
            at += MOLD_BLOCK_HEAD_BYTES + size


@hot
def cut_streams(rows, sizes, heads, pieces):
    """The answer that ended each stream; (offset, size, type) of its packets."""
    for row in range(rows.shape[0]):
        buf, at = rows[row, : sizes[row]], 0
        for k in range(PIECES + 1):
            size = soup_next(buf, at, sizes[row])
            heads[row, ANSWER] = size
            if size <= 0 or k == PIECES:
                break
            pieces[row, k, 0], pieces[row, k, 1], pieces[row, k, 2] = at, size, soup_type(buf, at)
            at += size


def read_datagram(raw: bytes) -> tuple:
    """(answer, session high, low, sequence, [(offset, size)]) by the specification; BROKEN where it is none."""
    if len(raw) < 20:
        return BROKEN, 0, 0, 0, []
    high, low, sequence, count = struct.unpack(">qHQH", raw[:20])
    pieces, at = [], 20
    for _ in range(0 if count == 0xFFFF else count):
        if at + 2 > len(raw):
            return BROKEN, 0, 0, 0, []
        size = int.from_bytes(raw[at : at + 2], "big")
        pieces.append((at + 2, size))
        at += 2 + size
    if at != len(raw) or sequence >= 1 << 63:
        return BROKEN, 0, 0, 0, []
    return count, high, low, sequence, pieces


def read_stream(raw: bytes) -> tuple:
    """(answer that ends it, 0, 0, 0, [(offset, size, type)]): 0 waits for more, BROKEN cannot be followed."""
    pieces, at = [], 0
    while len(raw) - at >= 2:
        length = int.from_bytes(raw[at : at + 2], "big")
        if length == 0 or 2 + length > len(raw):  # no type; longer than the whole buffer
            return BROKEN, 0, 0, 0, pieces
        if at + 2 + length > len(raw):
            break
        pieces.append((at, 2 + length, raw[at + 2]))
        at += 2 + length
    return 0, 0, 0, 0, pieces


def make_datagram(rng: random.Random) -> bytes:
    messages = [rng.randbytes(rng.randrange(1, 30)) for _ in range(rng.randrange(6))]
    count = len(messages) if messages or rng.random() < 0.7 else 0xFFFF
    head = rng.randbytes(10) + struct.pack(">QH", rng.randrange(1 << 63), count)
    return head + b"".join(struct.pack(">H", len(message)) + message for message in messages)


def make_stream(rng: random.Random) -> bytes:
    packets = [rng.choice(b"SUH+AJZ").to_bytes(1, "big") + rng.randbytes(rng.randrange(20)) for _ in range(6)]
    raw = b"".join(struct.pack(">H", len(packet)) + packet for packet in packets)
    return raw[: rng.randrange(1, len(raw) + 1)]


def spoilt(rng: random.Random, raw: bytes) -> bytes:
    """One in two as it is; else a byte changed, a length that lies, cut, or longer."""
    changed, what = bytearray(raw), rng.randrange(8)
    at = rng.randrange(len(changed))
    if what == 0:
        changed[at] = rng.randrange(256)
    elif what == 1:
        changed[at : at + 2] = b"\0" + bytes([rng.randrange(40)])
    elif what == 2:
        del changed[at:]
    elif what == 3:
        changed += rng.randbytes(rng.randrange(1, 6))
    return bytes(changed)


KINDS = {
    "datagrams": (make_datagram, read_datagram, cut_datagrams),
    "streams": (make_stream, read_stream, cut_streams),
}


def compare_many(kind: str, seed: int, count: int) -> None:
    make, read, cut = KINDS[kind]
    rng, seen = random.Random(seed), Counter()
    for _ in range(count // BATCH):
        raws = [spoilt(rng, make(rng))[:ROW_BYTES] for _ in range(BATCH)]
        rows, sizes = np.zeros((BATCH, ROW_BYTES), np.uint8), np.array([len(raw) for raw in raws])
        for row, raw in enumerate(raws):
            rows[row, : len(raw)] = np.frombuffer(raw, np.uint8)
        heads, pieces = np.zeros((BATCH, 4), np.int64), np.zeros((BATCH, PIECES, 3), np.int64)
        cut(rows, sizes, heads, pieces)
        for raw, head, found in zip(raws, heads.tolist(), pieces.tolist(), strict=True):
            answer, *rest, expected = read(raw)
            shown = f"{kind}, seed {seed}, {raw.hex()}"
            assert answer == (head[ANSWER] if head[ANSWER] >= 0 else BROKEN), (shown, head, answer)
            assert head[1:] == rest, shown
            told = [tuple(piece[: len(expected[0])]) for piece in found[: len(expected)]] if expected else []
            assert told == expected and not any(any(piece) for piece in found[len(expected) :]), shown
            seen[answer if answer in (0, BROKEN, 0xFFFF) else "whole"] += 1
    print(f"{kind}, seed {seed}: {dict(seen)}")
    assert seen[BROKEN] > count / 20 and seen[0] > count / 20


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cut_out_is_what_a_plain_reading_cuts_out(kind):
    compare_many(kind, 71, COUNT)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
def test_a_million_are_cut_as_a_plain_reading_cuts_them(kind):
    compare_many(kind, 72, SOAK_COUNT)

"""The whole market-data session under spoilt datagrams: no crash, hang, growth, or touch outside its arrays.

A generated session goes in through the frames of feed_handler's step, two datagrams in ten spoilt, out of order and
doubled, on all three lines. Two feeds get the same datagrams with different rubbish behind each, and must agree on
everything that they say; their arrays lie between guard bytes. The checks are first shown to bite.
"""

import numpy as np
import pytest

from procs.feed_handler.arbitration import ARB_ROW, LINE_RETRANSMISSION, LINES
from procs.feed_handler.book_check import check
from procs.feed_handler.step import step
from procs.net import port
from procs.wire.moldudp64.header import MOLD_HEADER_BYTES
from shm.atomics import record_at
from shm.counters import COUNTERS
from shm.jit import JIT_OFF, hot
from shm.records.frame import FRAME_BYTES
from shm.records.tick import TICK
from shm.ring import ring_advance, ring_peek, ring_release
from tests.support.feed_bench import FeedBench
from tests.support.guarded import Guards, deadline, resident_mib
from tests.support.itch_flow import ItchFlow
from tests.support.spoil import draw
from tests.support.spoil_more import spoil_at

SEED = 31
ROUNDS = 20_000 if JIT_OFF else 100_000
SOAK_ROUNDS = 1_000_000
LIFE_ROUNDS = 1_000  # then a new life: spoilt content makes books suspect, and a suspect book takes nothing more
SYMBOLS = [f"S{number:03d}" for number in range(12)]
ROW_BYTES = 1024
RUBBISH_BYTES = 256
STEP_NS = 200_000
GROWTH_MIB_MAX = 24
SECONDS = 300
WHOLE, BROKEN_READER, BROKEN_WRITER = 0, 1, 2
WORD = np.dtype([("word", "<i8")])
CORPUS = {}


@hot
def put_datagram(random, rows, sizes, cursor, arb, frame_bytes, frame, at, rubbish):
    """One datagram of the corpus, spoilt or not, into a frame. Returns its size."""
    if draw(random, 60) > 0:
        row = cursor[0] % rows.shape[0]
        cursor[0] += 1
    else:
        row = draw(random, rows.shape[0])
    size = int(sizes[row])
    for i in range(size):
        frame_bytes[at, i] = rows[row, i]
    if draw(random, 10) < 2:
        size = spoil_at(random, frame_bytes[at], size, ROW_BYTES)
    if draw(random, 5_000) > 0 and size >= MOLD_HEADER_BYTES:  # a sequence far ahead ends what the session can learn
        offset = draw(random, 16)
        seq = arb["next_seq"]
        if offset == 5:
            seq += draw(random, 20)
        elif offset == 6:
            seq = max(1, seq - draw(random, 20))
        for i in range(8):
            frame_bytes[at, 10 + i] = (seq >> (8 * (7 - i))) & 255
    for i in range(size, size + RUBBISH_BYTES):
        frame_bytes[at, i] = rubbish
    frame["size"] = size
    frame["line"] = draw(random, 2) if draw(random, 8) > 0 else LINE_RETRANSMISSION
    return size


@hot
def take_ticks(reader, digest):
    """Read and give back every tick; returns what they said, folded into `digest`."""
    address = ring_peek(reader)
    while address != 0:
        tick = record_at(address, TICK)
        digest = (digest * 31 + int(tick["kind"]) + int(tick["instrument_id"])) & 0xFFFFFFFFFFFF
        digest = (digest * 31 + tick["venue_seq"] + tick["bid_price_ticks"] + tick["ask_qty_lots"]) & 0xFFFFFFFFFFFF
        ring_advance(reader)
        address = ring_peek(reader)
    ring_release(reader)
    return digest


@hot
def feed_rounds(variant, rounds, random, rows, sizes, cursor, state, reader, clock, rubbish, digest):
    """Datagrams and steps. Returns the digest of all ticks."""
    feed = state.feed[0]
    arb = record_at(feed["arb_addr"], ARB_ROW)
    for _ in range(rounds):
        frames = 1 if draw(random, 8) > 0 else 1 + draw(random, 3)
        for at in range(frames):
            frame = state.port_in.frames[at]
            size = put_datagram(random, rows, sizes, cursor, arb, state.port_in.frame_bytes, frame, at, rubbish)
            frame["stamp_ns"] = clock[0]["base_ns"]
            if variant == BROKEN_READER:
                digest += int(state.port_in.frame_bytes[at, size])
        state.port_in.count[0] = frames
        clock[0]["base_ns"] += STEP_NS
        step(state, clock[0]["base_ns"])
        if variant == BROKEN_WRITER:
            outside = record_at(feed["book_addr"] - 8, WORD)
            outside["word"] = 7
        state.port_out.count[0] = 0
        digest = take_ticks(reader, digest)
    return digest


class Session:
    """One feed over many lives, and what it said."""

    def __init__(self, rubbish: int, seed: int):
        self.guards, self.rubbish = Guards(), rubbish
        self.random, self.cursor, self.digest = np.array([seed]), np.zeros(1, np.int64), 0
        with self.guards.around():
            self.bench = FeedBench(SYMBOLS, [set(SYMBOLS[:4])])
        self.alive = len(port._alive)

    def new_life(self) -> None:
        """A restarted process: the arrays of the last life are checked and let go."""
        assert self.guards.broken() == []
        self.guards.blocks.clear()
        del port._alive[self.alive :]
        self.cursor[0] = 0
        with self.guards.around():
            self.bench.restart()
        self.bench.step()  # says stale

    def play(self, variant: int, rounds: int, corpus) -> None:
        bench, (rows, sizes) = self.bench, corpus
        self.digest = feed_rounds(
            *(variant, rounds, self.random, rows, sizes, self.cursor, bench.state),
            *(bench.readers[0][0], bench.clock, self.rubbish, self.digest),
        )
        bench.now_ns = int(bench.clock[0]["base_ns"])

    def told(self) -> tuple:
        """Everything that it said and holds, but for addresses."""
        arb, counters = self.bench.parts.arb.row[0], [self.bench.counter(counter.id) for counter in COUNTERS]
        words = [int(arb[name]) for name in ARB_ROW.names if not name.endswith("_addr")]
        held = self.bench.parts.book.orders
        return self.digest, tuple(counters), tuple(words), held["order_ref"].tobytes(), held["qty_lots"].tobytes()


def corpus():
    """The datagrams of a generated session as an array."""
    if not CORPUS:
        flow = ItchFlow(SEED, SYMBOLS).open_day().trade(6_000)
        raws = flow.split(seed=SEED)
        rows, sizes = np.zeros((len(raws), ROW_BYTES), np.uint8), np.array([len(raw) for raw in raws])
        for row, raw in enumerate(raws):
            rows[row, : len(raw)] = np.frombuffer(raw, np.uint8)
        CORPUS["datagrams"] = rows, sizes
    return CORPUS["datagrams"]


def sessions(seed: int) -> list[Session]:
    return [Session(rubbish, seed) for rubbish in (0x00, 0xFF)]


def hold(rounds: int, seed: int) -> None:
    """Play lives until the rounds are done; both sessions agree after each, and nothing outside was touched."""
    assert ROW_BYTES + RUBBISH_BYTES <= FRAME_BYTES
    pair, datagrams, before = sessions(seed), corpus(), 0.0
    for life in range(rounds // LIFE_ROUNDS):
        with deadline(SECONDS):
            for session in pair:
                session.new_life()
                session.play(WHOLE, LIFE_ROUNDS, datagrams)
        assert pair[0].told() == pair[1].told(), f"seed {seed}, life {life}: bytes behind a datagram were used"
        arb = pair[0].bench.parts.arb.row[0]
        assert 0 <= arb["kept"] <= 256 and arb["next_seq"] <= arb["ahead_seq"]
        check(pair[0].bench.parts.book)
        before = before or resident_mib()
    for session in pair:
        assert session.guards.broken() == []
    assert resident_mib() - before < GROWTH_MIB_MAX, f"{resident_mib() - before:.0f} MiB more than after the first life"
    seen = {counter.label: count for counter, count in zip(COUNTERS, pair[0].told()[1], strict=True) if count}
    print(f"seed {seed}", seen)
    expected = {"messages", "duplicates", "gaps", "malformed", "foreign", "unknown", "book", "ticks", "requests"}
    missing = {word for word in expected if not any(label.startswith("feed_") and word in label for label in seen)}
    assert missing == set(), "the datagrams did not reach everything"


@pytest.mark.parametrize("variant", [BROKEN_READER, BROKEN_WRITER], ids=["reader", "writer"])
def test_a_session_that_touches_what_is_not_its_own_is_caught(variant):
    pair = sessions(SEED)
    try:
        for session in pair:
            session.new_life()
            session.play(variant, 20, corpus())
    except IndexError:
        return  # with bounds checks
    caught = any(session.guards.broken() for session in pair)
    assert caught if variant == BROKEN_WRITER else pair[0].told() != pair[1].told()


def test_spoilt_datagrams_neither_break_nor_grow_the_session():
    assert LINES == 3
    hold(ROUNDS, SEED)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_million_rounds_of_spoilt_datagrams_neither_break_nor_grow_the_session():
    hold(SOAK_ROUNDS, SEED + 1)

"""The whole order-entry session under spoilt streams: no crash, hang, growth, or touch outside its arrays.

What a venue says about our orders goes in through the frames of order_sender's step, three packets in twenty spoilt, the
stream cut at random places, the connection closed now and then and taken over again. Two senders get the same bytes with
different rubbish behind what they received, and must agree on everything that they say; their arrays lie between guard
bytes. The checks are first shown to bite. The login, which is Python, hears spoilt answers in pieces, too.
"""

import random
import struct
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest

from procs.order_sender import state as sender_state
from procs.order_sender.desk import DESK, PHASE_DOWN, PHASE_READY, SWEEP_NONE
from procs.order_sender.login import LOGGING_IN, OFFERED, STOPPED, WAITING, SessionClient
from procs.order_sender.session import H_FD, H_HALT, H_LEFTOVER, H_LOST, H_OFFER, H_TAKEN, H_VENUE_SEQ, say, word
from procs.order_sender.state import arrays_of, check
from procs.order_sender.step import step
from procs.order_sender.wire_out import note_send
from procs.wire.ouch.sizes import FIXED_OF_OUTBOUND
from shm.atomics import record_at
from shm.codes import STATE_ACTIVE
from shm.control import control_set
from shm.counters import COUNTERS
from shm.instance import stamp
from shm.jit import JIT_OFF, hot
from shm.journal import journal_drain
from shm.records.frame import FRAME_FLAG_CLOSED
from tests.support.guarded import Guards, deadline, resident_mib
from tests.support.ouch_venue import FakeVenue, VenueOrder, packet
from tests.support.sender_bench import SYMBOLS, SenderBench
from tests.support.spoil import draw, fill
from tests.support.spoil_more import spoil_at

SEED = 47
ROUNDS = 20_000 if JIT_OFF else 100_000
SOAK_ROUNDS = 1_000_000
LIFE_ROUNDS = 2_000  # then new orders: the venue's words about closed ones change little
LOGINS = 500 if JIT_OFF else 2_000
BYTES_KEPT_MAX = 500  # behind a length that lies everything waits: then the connection is closed soon
ORDERS = 24
SLOTS = 256  # few, because every loss looks at all
PACKET_BYTES = 256
RUBBISH_BYTES = 300
GROWTH_MIB_MAX = 24
SECONDS = 300
WHOLE, BROKEN_READER, BROKEN_WRITER = 0, 1, 2
WORD = np.dtype([("word", "<i8")])
STREAM_FROM, STREAM_TO = 0, 1  # of `cut`: what of the spoilt packet is still to come
STAMPS = ("stamp", "_ns")
KINDS = {"sessions", "reports", "malformed", "unknown", "heartbeats"}


@hot
def next_bytes(random, rows, sizes, stream, cut):
    """The next packet, spoilt or not, becomes what is still to come."""
    row = draw(random, rows.shape[0])
    size = int(sizes[row])
    for i in range(size):
        stream[i] = rows[row, i]
    if draw(random, 20) < 3:
        size = spoil_at(random, stream, size, PACKET_BYTES)
    cut[STREAM_FROM] = 0
    cut[STREAM_TO] = size


@hot
def offer_again(random, desk, leftover):
    """What the control thread does after a loss: another connection, sometimes with bytes behind the login's answer."""
    left = draw(random, 40) if draw(random, 4) == 0 else 0
    for i in range(left):
        leftover[i] = draw(random, 256)
    say(desk, H_FD, 7)
    say(desk, H_VENUE_SEQ, desk["venue_seq"])
    say(desk, H_LEFTOVER, left)
    say(desk, H_OFFER, word(desk, H_OFFER) + 1)


@hot
def session_rounds(variant, rounds, random, rows, sizes, stream, cut, state, journal, leftover, rubbish, clock):
    """Pieces of the stream and steps. Returns a word that only a broken reader makes depend on `rubbish`."""
    desk = state.desk[0]
    read = 0
    for _ in range(rounds):
        if cut[STREAM_FROM] >= cut[STREAM_TO]:
            next_bytes(random, rows, sizes, stream, cut)
        begin, most = cut[STREAM_FROM], cut[STREAM_TO] - cut[STREAM_FROM]
        size = most if draw(random, 3) > 0 else 1 + draw(random, most)
        for i in range(size):
            state.port_in.frame_bytes[0, i] = stream[begin + i]
        cut[STREAM_FROM] += size
        frame = state.port_in.frames[0]
        frame["size"] = size
        patience = 400 if desk["received_to"] < BYTES_KEPT_MAX else 4
        frame["flags"] = FRAME_FLAG_CLOSED if draw(random, patience) == 0 else 0
        frame["line"] = 0
        frame["stamp_ns"] = stamp(state.me[0])
        state.port_in.count[0] = 1
        end = desk["received_to"] + size
        fill(state.port_in.frame_bytes[0], size, size + RUBBISH_BYTES, rubbish)
        fill(state.received, end, min(end + RUBBISH_BYTES, state.received.size), rubbish)
        if variant == BROKEN_READER:
            read += int(state.received[end])
        if variant == BROKEN_WRITER:
            outside = record_at(desk["rows_addr"] - 8, WORD)
            outside["word"] = 7
        journal_drain(journal)
        clock[0] += 1_000
        step(state, clock[0])
        waiting = int(state.port_out.frames[0]["size"]) - state.port_out.taken[0]
        if waiting > 0:
            state.port_out.frames[0]["stamp_ns"] = stamp(state.me[0])
            state.port_out.taken[0] = 0
            state.port_out.frames[0]["size"] = 0
            note_send(desk, waiting)
        if desk["phase"] == PHASE_DOWN and desk["sweep"] == SWEEP_NONE and word(desk, H_OFFER) == word(desk, H_TAKEN):
            cut[STREAM_FROM] = cut[STREAM_TO]
            offer_again(random, desk, leftover)
    return read


class Session:
    """One order_sender over many lives of its orders, and what it said."""

    def __init__(self, rubbish: int, seed: int):
        self.guards, self.rubbish, self.read = Guards(), rubbish, 0
        self.random, self.clock = np.array([seed]), np.zeros(1, np.int64)
        self.stream, self.cut = np.zeros(PACKET_BYTES, np.uint8), np.zeros(2, np.int64)
        with self.guards.around(), patch.object(sender_state, "SLOTS", SLOTS):
            self.bench = SenderBench(report_capacity=4096, journal_capacity=4096)

    def new_orders(self) -> list[int]:
        """A connection in good order, every scope open, and ORDERS accepted orders. Returns their references."""
        bench = self.bench
        desk = bench.state.desk[0]
        for scope in range(1 + 1 + 2 + len(SYMBOLS)):
            control_set(bench.control[0], scope, STATE_ACTIVE)
        bench.state.port_in.count[0] = 0
        if desk["phase"] != PHASE_DOWN:
            bench.lose()
        for _ in range(200):
            if desk["phase"] == PHASE_DOWN and desk["sweep"] == SWEEP_NONE:
                break
            bench.step()
        bench.venue.stream.clear()
        bench.venue.received.clear()
        bench.venue.orders.clear()
        bench.venue.login(1)
        bench.venue.next_ref = 1  # nothing that is still unanswered arrived
        for at, value in ((H_FD, 7), (H_VENUE_SEQ, int(desk["venue_seq"])), (H_LEFTOVER, 0)):
            say(desk, at, value)
        if word(desk, H_OFFER) == word(desk, H_TAKEN):
            say(desk, H_OFFER, word(desk, H_OFFER) + 1)
        for _ in range(400):
            bench.cycle()
            if bench.phase == PHASE_READY:
                break
        assert bench.phase == PHASE_READY, f"never ready again: phase {bench.phase}"
        self._cancel_all()
        orders = [bench.new(qty=100 + k, instrument=k % len(SYMBOLS)) for k in range(ORDERS)]
        for _ in range(40):
            bench.cycle()
        refs = [bench.ref(order) for order in orders]
        assert len({ref for ref in refs if ref in bench.venue.orders}) == ORDERS, "orders did not reach the venue"
        for reader in bench.readers:
            reader.read()
            reader.catch_up([])
            reader.reports.clear()
        self.clock[0] = bench.now_ns
        self.cut[:] = 0
        return refs

    def _cancel_all(self) -> None:
        """The venue takes back what earlier lives left open, so that slots do not run out."""
        rows = arrays_of(self.bench.state).rows
        for row in rows[rows["leaves_lots"] > 0]:
            self.bench.venue.say("C", struct.pack(">IIc", int(row["user_ref_num"]), int(row["leaves_lots"]), b"U"))
        for _ in range(20):
            self.bench.cycle()

    def play(self, variant: int, rounds: int, packets: tuple) -> None:
        state, arrays = self.bench.state, arrays_of(self.bench.state)
        self.read += session_rounds(
            *(variant, rounds, self.random, *packets, self.stream, self.cut, state),
            *(arrays.journal[0], arrays.leftover, self.rubbish, self.clock),
        )
        self.bench.now_ns = int(self.clock[0])

    def told(self) -> tuple:
        """Everything that it said and holds, but for addresses and latency times."""
        state, arrays = self.bench.state, arrays_of(self.bench.state)
        desk = [int(state.desk[0][name]) for name in DESK.names if not _private(name)]
        rows = [arrays.rows[name].tobytes() for name in arrays.rows.dtype.names if not _private(name)]
        trades, recent = arrays.trades.tobytes(), arrays.recent["kind"].tobytes()
        counters = [self.bench.counter(counter.id) for counter in COUNTERS if counter.unit != "ns"]
        return self.read, tuple(desk), rows, trades, recent, tuple(counters), self.bench.errors()


def _private(name: str) -> bool:
    return name.endswith("_addr") or any(part in name for part in STAMPS)


def packets_about(refs: list[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What a venue may say about these orders, and about none, as packets in rows."""
    rng, venue = random.Random(seed), FakeVenue(auto=False)
    for ref in refs:
        venue.orders[ref] = VenueOrder(ref, "B", 100, SYMBOLS[0], 1_000_000)
        venue.accept(ref)
        match = venue.execute(ref, 10)
        venue.cancel(ref, 5)
        venue.priority(ref, 1_000_100)
        venue.cancel_pending(ref)
        venue.cancel_reject(ref)
        venue.break_trade(ref, match)
        if rng.random() < 0.2:
            venue.cancel(ref)
        if rng.random() < 0.1:
            venue.reject(ref)
    venue.say("Q", struct.pack(">I", max(refs) + 1))
    venue.system()
    said = [packet(b"S", message) for message in venue.stream]
    for kind, size in FIXED_OF_OUTBOUND.items():
        body = bytearray(kind.encode() + rng.randbytes(size - 1))
        body[1] = 0  # times of the venue fit int64
        body[9:13] = struct.pack(">I", rng.choice(refs))
        said += [packet(b"S", bytes(body)), packet(b"S", bytes(body) + b"\0\0")]
    said += [packet(b"H"), packet(b"+", b"words"), packet(b"U", b"x" * 9), packet(b"H"), packet(b"H")]
    rows, sizes = np.zeros((len(said), PACKET_BYTES), np.uint8), np.array([len(raw) for raw in said])
    for row, raw in enumerate(said):
        rows[row, : len(raw)] = np.frombuffer(raw, np.uint8)
    return rows, sizes


def sessions(seed: int) -> list[Session]:
    return [Session(rubbish, seed) for rubbish in (0x00, 0xFF)]


def hold(rounds: int, seed: int, life_rounds: int = LIFE_ROUNDS) -> None:
    """Play until the rounds are done; both sessions agree after each life, and nothing outside was touched."""
    pair, before = sessions(seed), 0.0
    for life in range(rounds // life_rounds):
        with deadline(SECONDS):
            for session in pair:
                packets = packets_about(session.new_orders(), seed + life)
                session.play(WHOLE, life_rounds, packets)
        shown = f"seed {seed}, life {life}"
        for one, other in zip(pair[0].told(), pair[1].told(), strict=True):
            assert one == other, f"{shown}: bytes behind what was received were used"
        check(pair[0].bench.state)
        assert 0 <= pair[0].bench.state.desk[0]["received_to"] <= pair[0].bench.state.received.size
        assert pair[0].guards.broken() == pair[1].guards.broken() == [], shown
        before = before or resident_mib()
    assert resident_mib() - before < GROWTH_MIB_MAX, f"{resident_mib() - before:.0f} MiB more than after the first life"
    counted = {counter.label: pair[0].bench.counter(counter.id) for counter in COUNTERS}
    seen = {label: value for label, value in counted.items() if value and label.startswith("sender_")}
    print(f"seed {seed}", seen, pair[0].bench.errors())
    missing = {kind for kind in KINDS if not any(kind in label for label in seen)}
    assert missing == set(), "the streams did not reach everything"


@pytest.mark.timeout(600)  # the first to run compiles
@pytest.mark.parametrize("variant", [BROKEN_READER, BROKEN_WRITER], ids=["reader", "writer"])
def test_a_session_that_touches_what_is_not_its_own_is_caught(variant):
    pair = sessions(SEED)
    for session in pair:
        session.play(variant, 20, packets_about(session.new_orders(), SEED))
    caught = any(session.guards.broken() for session in pair)
    assert caught if variant == BROKEN_WRITER else pair[0].told() != pair[1].told()


@pytest.mark.timeout(900)
def test_spoilt_streams_neither_break_nor_grow_the_session():
    hold(ROUNDS, SEED)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_million_pieces_of_spoilt_streams_neither_break_nor_grow_the_session():
    hold(SOAK_ROUNDS, SEED + 1)


# --- the login ---


class Pieces:
    """A socket that hears a login and answers with given bytes, in pieces; then it is silent or closed."""

    def __init__(self, answer: bytes, rng: random.Random):
        self.answer, self.rng, self.closes = answer, rng, rng.random() < 0.5

    def sendall(self, data: bytes) -> None:
        assert len(data) == 49

    def recv(self, most: int) -> bytes:
        if not self.answer and not self.closes:
            raise BlockingIOError
        size = min(most, self.rng.choice((1, 3, 10, 1000)))
        piece, self.answer = self.answer[:size], self.answer[size:]
        return piece

    def fileno(self) -> int:
        return 7

    def close(self) -> None:
        self.answer, self.closes = b"", True


def login_answer(rng: random.Random, sequence: int) -> bytes:
    """An answer to a login request, spoilt three times in four."""
    accepted = packet(b"A", b"000000001A" + str(sequence).encode().rjust(20))
    kinds = (
        accepted,
        packet(b"J", b"A"),
        packet(b"J", b"S"),
        packet(b"+", b"hello") + accepted,
        packet(b"H") + accepted,
    )
    raw = bytearray(rng.choice(kinds) + rng.randbytes(rng.randrange(60)))
    for _ in range(rng.randrange(4)):
        raw[rng.randrange(len(raw))] = rng.choice((0, 255, rng.randrange(256)))
    return bytes(raw[: rng.randrange(1, len(raw) + 1)]) if rng.random() < 0.3 else bytes(raw)


def test_spoilt_answers_to_a_login_are_refused_or_followed_and_nothing_else():
    rng, now, errors = random.Random(SEED), [0.0], []
    with patch.object(sender_state, "SLOTS", SLOTS):
        bench = SenderBench(report_capacity=64, journal_capacity=4096)
    desk, arrays = bench.state.desk[0], arrays_of(bench.state)
    settings = SimpleNamespace(host="", port=0, username="qntet", password="canary", logins_per_minute_max=10**9)
    sockets: list[Pieces] = []

    def connect(host, port, timeout_s):
        sockets.append(Pieces(login_answer(rng, client.applied_seq + 1), rng))
        return sockets[-1]

    client = SessionClient(
        settings, bench.state, lambda *error: errors.append(error), clock=lambda: now[0], connect=connect, seed=1
    )
    seen, before = {WAITING: 0, LOGGING_IN: 0, OFFERED: 0, STOPPED: 0}, resident_mib()
    with deadline(SECONDS):
        while len(sockets) < LOGINS:
            client.turn()
            now[0] += 0.5
            seen[client.phase] += 1
            assert 0 <= client.received <= len(client.buffer)
            if client.phase == OFFERED:
                assert 0 <= word(desk, H_LEFTOVER) <= len(arrays.leftover)
                bench.step()  # taken over, with what came behind the answer
                if bench.phase != PHASE_DOWN:
                    bench.lose()
                for _ in range(20):
                    bench.step()
                assert word(desk, H_LOST) == word(desk, H_TAKEN) == word(desk, H_OFFER)
            if client.phase == STOPPED:
                for _ in range(20):
                    bench.step()
                assert word(desk, H_HALT) == 0, "the hot thread says HALTED"
                control_set(bench.control[0], 1, STATE_ACTIVE)  # a person resumed
    print(f"seed {SEED}", seen, len(errors))
    assert min(seen.values()) > LOGINS // 100
    assert resident_mib() - before < GROWTH_MIB_MAX

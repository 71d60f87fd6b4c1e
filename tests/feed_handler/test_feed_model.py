"""A whole generated session over two bad lines and a bad server: the books equal the oracle, nothing twice, no hole."""

import random

import pytest

from procs.feed_handler.arbitration import LINE_A, LINE_B, LINE_RETRANSMISSION, TIMEOUT_NS
from shm.codes import CHANNEL_ENDED, TICK_FRESH, TICK_RESYNC, TICK_STALE
from shm.counters import FEED_MESSAGES, FEED_RECOVERED, FEED_REQUESTS
from shm.jit import JIT_OFF
from tests.support.feed_bench import MS, FeedBench
from tests.support.itch_flow import ItchFlow, datagram, end_of_session

SYMBOLS = ["AAAA", "BBBB", "CCCC"]
EVENTS = 400 if JIT_OFF else 4000
DATAGRAM_NS = MS // 20


def bad_line(rng, raws, *, loss, duplicate=0.0, reorder=0):
    """The datagrams as one line brings them: [(place, raw)], lost, doubled and up to `reorder` places late."""
    out = []
    for place, raw in enumerate(raws):
        for _ in range(1 + (rng.random() < duplicate)):
            if rng.random() >= loss:
                late = rng.randrange(reorder + 1) if rng.random() < 0.05 else 0
                out.append((place + late, raw))
    return sorted(out, key=lambda pair: pair[0])


class Server:
    """Answers requests after a while: split in another way, in part, twice, or not at all."""

    def __init__(self, rng, flow, *, silent_until=0):
        self.rng, self.flow, self.silent_until = rng, flow, silent_until
        self.waiting = []

    def ask(self, now, first, count):
        if now < self.silent_until or self.rng.random() < 0.1:
            return
        last = first + count - 1 if self.rng.random() < 0.7 else first + self.rng.randrange(count)
        first = max(1, first - self.rng.randrange(3))
        for raw in self.flow.split(first=first, last=last, most=30, seed=self.rng.randrange(1000)):
            self.waiting += [(now + MS, raw)] * (2 if self.rng.random() < 0.1 else 1)

    def answers(self, now):
        ready = [raw for at, raw in self.waiting if at <= now]
        self.waiting = [(at, raw) for at, raw in self.waiting if at > now]
        return [(LINE_RETRANSMISSION, raw) for raw in ready[:20]]


def no_tick_while_stale(ticks):
    """Ticks tell of a stale channel, then nothing until a resync; every sequence number once and upwards."""
    fresh, last_seq = False, 0
    for tick in ticks:
        kind = int(tick["kind"])
        if kind == TICK_FRESH:
            fresh = True
        elif kind == TICK_STALE:
            fresh = False
        elif kind == TICK_RESYNC:
            assert not fresh
        else:
            assert fresh
            assert tick["venue_seq"] > last_seq
            last_seq = int(tick["venue_seq"])


@pytest.mark.parametrize(
    ("seed", "loss", "duplicate", "reorder", "silent_ms"),
    [
        (1, 0.01, 0.01, 64, 0),  # each line on its own
        (2, 0.01, 0.0, 0, 0),
        (3, 0.3, 0.1, 64, 0),  # many holes on both lines at once
        (4, 0.3, 0.0, 8, 60),  # and a server that is silent at first
    ],
)
def test_bad_lines_and_a_bad_server_lose_nothing(seed, loss, duplicate, reorder, silent_ms):
    print(f"seed {seed}")
    rng = random.Random(seed)
    flow = ItchFlow(seed, SYMBOLS).open_day().trade(EVENTS)
    bench = FeedBench(SYMBOLS, [{"AAAA", "CCCC"}])
    server = Server(rng, flow, silent_until=bench.now_ns + silent_ms * MS)
    raws = flow.split(seed=seed)
    arriving = [
        (place, line, raw)
        for line in (LINE_A, LINE_B)
        for place, raw in bad_line(rng, raws, loss=loss, duplicate=duplicate, reorder=reorder)
    ]
    arriving.sort(key=lambda each: (each[0], rng.random()))
    ticks, at = [], 0
    while at < len(arriving):
        upto = at + rng.randrange(1, 8)
        bench.wait(DATAGRAM_NS * (upto - at))
        bench.step(*[(line, raw) for _, line, raw in arriving[at:upto]], *server.answers(bench.now_ns))
        at = upto
        for first, count in bench.requests():
            server.ask(bench.now_ns, first, count)
        ticks += bench.take()
    for _ in range(400):
        bench.wait(5 * MS)
        last = (LINE_A, end_of_session(len(flow.messages) + 1))
        bench.step(last, *server.answers(bench.now_ns))
        for first, count in bench.requests():
            server.ask(bench.now_ns, first, count)
        ticks += bench.take()
        if bench.channel()["state"] == CHANNEL_ENDED:
            break
    assert bench.channel()["state"] == CHANNEL_ENDED
    assert bench.counter(FEED_MESSAGES) == len(flow.messages)
    bench.assert_books_equal(flow.books)
    no_tick_while_stale(ticks)
    assert not bench.parts.arb.window.any() and bench.parts.arb.row[0]["kept"] == 0
    if loss > 0.1:
        assert bench.counter(FEED_RECOVERED) > 0


def test_what_the_other_line_brings_in_time_is_never_asked_for():
    rng = random.Random(7)
    flow = ItchFlow(7, SYMBOLS).open_day().trade(EVENTS)
    bench = FeedBench(SYMBOLS, [{"AAAA"}], window_ns=20 * MS)
    raws = flow.split(seed=7)
    for place, raw in enumerate(raws):
        lost = rng.choice((LINE_A, LINE_B, None, None, None, None))
        bench.wait(DATAGRAM_NS)
        bench.step(*[(line, raw) for line in (LINE_A, LINE_B) if line != lost])
        if lost == LINE_A and place > 0:
            bench.step((LINE_A, datagram(1, [])))  # late heartbeats say nothing new
    assert bench.counter(FEED_REQUESTS) == 0
    bench.assert_books_equal(flow.books)


def test_a_server_that_never_answers_is_asked_ever_more_rarely():
    bench = FeedBench(SYMBOLS, [{"AAAA"}])
    flow = ItchFlow(8, SYMBOLS).open_day()
    bench.step((LINE_A, flow.split(first=3)[0]))
    asked = []
    for _ in range(200):
        bench.wait(TIMEOUT_NS // 10)
        bench.step((LINE_A, datagram(len(flow.messages) + 1, [])))
        asked += [bench.now_ns for _ in bench.requests()]
    waits = [after - before for before, after in zip(asked, asked[1:], strict=False)]
    assert waits == sorted(waits) and waits[-1] >= 8 * waits[0]
    assert bench.take()[-1]["kind"] == TICK_STALE

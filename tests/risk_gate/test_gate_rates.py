"""Rates: under bursts and a clock that goes back and forth no sliding window is over its cap, and no cancel waits.

The oracle (tests/oracles/windows.py) keeps every reading of the clock in a list and counts anew for each question.
"""

import os
from random import Random

import pytest

import shm.codes as codes
from shm.jit import JIT_OFF
from tests.oracles.windows import Sent, most_in_a_window
from tests.support.gate import NOW_NS, Gate, kinds

SEED = int(os.environ.get("QUINTET_SEED", "20261121"))
STEPS = 120 if JIT_OFF else 500
SOAK_STEPS = 2_500 if JIT_OFF else 100_000
WINDOW_NS, ORDERS_MAX, MESSAGES_MAX, HEADROOM, CANCELS_MAX = 1_000, 12, 30, 10, 9
BURST_NS, BURST_LOTS = 700, 90
JITTER_NS = 150  # how far one reading of the clock may be from the true time, before or behind it
RATES = dict(
    rate_window_ns=WINDOW_NS,
    rate_orders_max=ORDERS_MAX,
    rate_messages_max=MESSAGES_MAX,
    rate_headroom=HEADROOM,
    rate_cancels_max=CANCELS_MAX,
    burst_window_ns=BURST_NS,
    burst_lots_max=BURST_LOTS,
    open_orders_max=10_000,
    long_lots_max=10**9,
    short_lots_max=10**9,
)


class Flood:
    """A gate of one strategy whose clock jitters around the true time, and what it let pass."""

    def __init__(self, seed):
        self.random = Random(seed)
        self.gate = Gate(strategies=1, instruments=1, ring=256, slots=1024, rejects=256, journal=1 << 15)
        loose = dict(open_orders_max=10_000, long_lots_max=10**9, short_lots_max=10**9)
        self.gate.limit(0, **loose)
        self.gate.limit(1, **RATES)
        self.gate.limit(2, open_orders_max=10_000)
        self.sent, self.true_ns, self.true_orders = Sent(), NOW_NS, []
        self.open: list[int] = []  # intent ids that may be cancelled

    def tick(self):
        """Time goes on: sometimes by nothing (a burst), sometimes by a window; the reading is off by the jitter."""
        self.true_ns += self.random.choice((0, 0, 0, 1, 10, 60, WINDOW_NS // 3, WINDOW_NS))
        self.gate.now_ns = self.true_ns + self.random.randint(-JITTER_NS, JITTER_NS)
        self.gate.top(0)
        self.gate.channel()
        self.gate.beat()

    def expected(self, lots):
        """What the rules say to an order now, from the list alone."""
        now, sent = self.gate.now_ns, self.sent
        if sent.orders_inside(now, WINDOW_NS) >= ORDERS_MAX:
            return codes.REJECT_RATE
        if sent.messages_inside(now, WINDOW_NS) >= MESSAGES_MAX - HEADROOM:
            return codes.REJECT_MESSAGE_RATE
        if sent.cancels_inside(now, WINDOW_NS) >= CANCELS_MAX:
            return codes.REJECT_CANCEL_RATE
        if sent.lots_inside(now, BURST_NS) + lots > BURST_LOTS:
            return codes.REJECT_BURST_LOTS
        return codes.PASS

    def wave(self):
        """A burst of orders and cancels in one step; every answer is the oracle's."""
        wanted = []
        for _ in range(self.random.randint(1, 16)):
            if self.open and self.random.random() < 0.35:
                target = self.open.pop(self.random.randrange(len(self.open)))
                self.gate.cancel(target)
                wanted.append(("cancel", target))
            else:
                lots = self.random.randint(1, 12)
                wanted.append(("new", self.gate.intent(qty_lots=lots), lots))
        answers = []
        for kind, *about in wanted:
            if kind == "cancel":
                self.sent.note(self.gate.now_ns)
                answers.append(codes.PASS)
            else:
                code = self.expected(about[1])
                answers.append(code)
                if code == codes.PASS:
                    self.sent.note(self.gate.now_ns, about[1])
                    self.true_orders.append(self.true_ns)
                    self.open.append(about[0])
        self.gate.step()  # one: what is not answered in it was delayed
        out = kinds(self.gate.orders())
        assert out.count("cancel") == sum(kind == "cancel" for kind, *_ in wanted), "a cancel was refused or delayed"
        assert out == [kind for (kind, *_), code in zip(wanted, answers, strict=True) if code == codes.PASS]
        assert self.gate.codes() == [code for code in answers if code != codes.PASS]

    def close_orders(self):
        """The venue ends what is open, so that places are free again; the rates know nothing of it."""
        for slot in self.gate.exposure.slots[
            self.gate.exposure.places[: int(self.gate.exposure.book[0]["open_count"])]
        ]:
            self.gate.report(codes.REPORT_CANCELED, slot, leaves_lots=0)
        self.open.clear()
        while self.gate.step():
            pass


def flood(steps, seed):
    print(f"seed {seed}")
    held = Flood(seed)
    for number in range(steps):
        held.tick()
        held.wave()
        if number % 25 == 24:
            held.close_orders()
    return held


def check_windows(held):
    """By the readings of the clock, and by true time less what the clock may be off at both ends."""
    assert most_in_a_window(held.sent.readings, WINDOW_NS) <= ORDERS_MAX
    assert most_in_a_window(held.true_orders, WINDOW_NS - 2 * JITTER_NS) <= ORDERS_MAX
    assert most_in_a_window([at for at, _ in held.sent.orders], WINDOW_NS) == ORDERS_MAX, "the cap was reached"
    assert len(held.sent.cancels) > 0


def test_no_sliding_window_is_over_its_cap_under_bursts_and_a_clock_that_goes_back_and_forth():
    check_windows(flood(STEPS, SEED))


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(SEED, SEED + 5))
def test_no_sliding_window_is_over_its_cap_in_a_long_flood(seed):
    check_windows(flood(SOAK_STEPS // 5, seed))


def test_cancels_pass_in_the_same_step_while_every_rate_is_exhausted():
    gate = Gate(strategies=1, instruments=1, ring=256, slots=256, rejects=256)
    for row in range(3):
        gate.limit(row, open_orders_max=1000)
    ids = [gate.intent(qty_lots=1) for _ in range(60)]
    while gate.step():
        pass
    assert len(gate.orders()) == 60 and gate.codes() == []
    least = dict(rate_orders_max=1, rate_messages_max=1, rate_headroom=0, rate_cancels_max=1)
    for row in (1, 2):
        gate.limit(row, **RATES | least)
    for first in range(0, 60, 8):
        batch = ids[first : first + 8]
        for target in batch:
            gate.intent(qty_lots=1)
            gate.cancel(target)
        gate.step()
        assert kinds(gate.orders()) == ["cancel"] * len(batch), "every cancel at once, no new order"
        assert len(gate.codes()) == len(batch)


def test_a_clock_that_jumps_ahead_and_back_opens_no_window_twice():
    gate = Gate(strategies=1, instruments=1, ring=256, slots=256, rejects=256)
    gate.limit(1, **RATES | dict(burst_lots_max=10**9, rate_messages_max=10**6, rate_cancels_max=10**6))

    def passed_at(now_ns, tries=ORDERS_MAX + 3):
        gate.now_ns = now_ns
        gate.top(0)
        gate.channel()
        for _ in range(tries):
            gate.intent(qty_lots=1)
        while gate.step():
            pass
        gate.codes()
        return len(gate.orders())

    assert passed_at(NOW_NS) == ORDERS_MAX
    assert passed_at(NOW_NS + WINDOW_NS - 1) == 0
    assert passed_at(NOW_NS + 10 * WINDOW_NS) == ORDERS_MAX
    assert passed_at(NOW_NS) == 0, "back: what passed ahead of this time still counts"
    assert passed_at(NOW_NS + 10 * WINDOW_NS + 5) == 0
    assert passed_at(NOW_NS + 11 * WINDOW_NS) == ORDERS_MAX


def test_a_clock_that_jumps_ahead_and_back_finds_the_lots_again_that_it_had_let_go():
    gate = Gate(strategies=1, instruments=1, ring=256, slots=256, rejects=256)
    limits = {1: dict(burst_window_ns=BURST_NS, burst_lots_max=BURST_LOTS, long_lots_max=10**9, open_orders_max=200)}
    limits |= {0: dict(long_lots_max=10**9, open_orders_max=200), 2: dict(open_orders_max=200)}
    for row, fields in limits.items():
        gate.limit(row, **fields)

    def answer(now_ns, lots):
        gate.now_ns = now_ns
        gate.top(0)
        gate.channel()
        gate.intent(qty_lots=lots)
        while gate.step():
            pass
        return len(gate.orders()), gate.codes()

    full = (0, [codes.REJECT_BURST_LOTS])
    assert answer(NOW_NS, BURST_LOTS - 10) == (1, [])
    assert answer(NOW_NS + 10 * BURST_NS, 5) == (1, [])
    assert answer(NOW_NS, 6) == full, "what passed now and ahead of now"
    assert answer(NOW_NS + 20 * BURST_NS, BURST_LOTS + 1) == full, "refused, and everything before it was let go"
    assert answer(NOW_NS + BURST_NS - 1, 6) == full
    assert answer(NOW_NS + BURST_NS - 1, 5) == (1, [])
    assert answer(NOW_NS + 11 * BURST_NS, BURST_LOTS) == (1, [])

"""Same orders, own orders, executions, fill bursts and venue rejects against slow oracles, under bursts and a clock that jitters."""

import os
from random import Random

import numpy as np
import pytest

import shm.codes as codes
from procs.risk_gate.case import CASE, STORM_RESUMED
from procs.risk_gate.checks import check_executions, check_fill_burst
from procs.risk_gate.fills import note_fill
from procs.risk_gate.holds import HELD_REJECTS, is_released, release
from procs.risk_gate.limit_rows import limits_of
from procs.risk_gate.own_orders import best_slot, delist, enlist, reprice
from procs.risk_gate.rows import NO_SLOT, SAME_RING, new_exposure
from procs.risk_gate.same_order import remember_new, same_in_window, same_is_full
from procs.risk_gate.state import parts_of
from procs.risk_gate.venue_rejects import note_reject, refuse_again, rejects_in_window, release_session, storm_of
from shm.jit import JIT_OFF
from shm.journal import journal_drain
from shm.records.limits import LIMIT_NONE
from shm.records.report import REPORT
from tests.oracles.activity import Fills, OwnOrders, Rejects, SameOrders
from tests.support.gate import SESSION, STRATEGY_0, Gate

SEED = int(os.environ.get("QUINTET_SEED", "20240306"))
STEPS = 4_000 if JIT_OFF else 30_000  # of each of the four: together more than a hundred thousand
SOAK_STEPS = 40_000 if JIT_OFF else 350_000
WINDOWS = (1, 40, 300)
BUY, SELL = codes.SIDE_BUY, codes.SIDE_SELL


def jitter(random, now):
    """The next logic time: bursts at one instant, steps that hit a window's edge, and clocks that run backwards."""
    return max(1, now + random.choice((0,) * 12 + (1,) * 8 + (2, 39, 40, 41, 299, 300, 301, -1, -5, -50)))


def same_orders(seed, steps):
    print("seed", seed)
    random, oracle = Random(seed), SameOrders()
    exposure = new_exposure(4, 2, np.ones(3, bool))
    account, case = exposure.strategies[0], np.zeros(1, CASE)[0]
    now, refused = 10_000, 0
    for _ in range(steps):
        now = jitter(random, now)
        window, most = random.choice(WINDOWS), random.choice((1, 2, 3, 50))
        content = (random.randrange(2), random.choice((BUY, SELL)), random.choice((100, 110)), random.choice((1, 5)))
        account["same_window_ns"], case["now_ns"] = window, now
        case["instrument_id"], case["side"], case["price"], case["qty"] = content
        wanted = oracle.count(content, now, window)
        assert same_in_window(account, case, most) == min(wanted, most), (content, now, window)
        assert same_is_full(account, case) == (len(oracle.made) > SAME_RING)
        refused += wanted >= most
        if wanted < most:
            remember_new(account, *content, now)
            oracle.add(content, now, max(WINDOWS) + 60)
    assert steps // 20 < refused < steps - steps // 20, "both answers are tried"


def own_orders(seed, steps):
    print("seed", seed)
    random, oracle, open_slots = Random(seed), OwnOrders(), []
    exposure = new_exposure(64, 2, np.ones(2, bool))
    book, free = exposure.book[0], list(range(64))
    met = 0
    for _ in range(steps):
        dice, price = random.random(), 10_000 + random.randint(-20, 20)
        if dice < 0.45 and free:
            slot, instrument, side = free.pop(random.randrange(len(free))), random.randrange(2), random.choice((1, 2))
            order = exposure.slots[slot]
            order["instrument_id"], order["side"], order["price_ticks"] = instrument, side, price
            enlist(book, slot)
            open_slots.append(slot)
            oracle.orders[slot] = (instrument, side, price)
        elif dice < 0.6 and open_slots:
            slot = random.choice(open_slots)
            reprice(book, slot, price)
            oracle.orders[slot] = (*oracle.orders[slot][:2], price)
        elif open_slots:
            slot = open_slots.pop(random.randrange(len(open_slots)))
            delist(book, slot)
            del oracle.orders[slot]
            free.append(slot)
        instrument, side = random.randrange(2), random.choice((BUY, SELL))
        best = best_slot(exposure.instruments[instrument], side)
        found = None if best == NO_SLOT else int(exposure.slots[best]["price_ticks"])
        assert found == oracle.best(instrument, side)
        met += found is not None
    assert steps // 4 < met < steps, "empty sides are tried"


def fills(seed, steps):
    """Executions with Greeks, a person who lets the strategy go on now and then, limits that change in between."""
    print("seed", seed)
    random, answers = Random(seed), {}
    gate = Gate(instruments=2)
    row, account = gate.state.gate[0], gate.exposure.strategies[0]
    report = np.zeros(1, REPORT)[0]
    now, left, newest = 10_000, 0, 0
    for _ in range(steps):
        if left == 0:  # another strategy, another day
            journal_drain(gate.journal[0])
            left = random.randint(1, 60)
            window = random.choice(WINDOWS)
            sizes = dict(lots_max=random.choice((3, 12, LIMIT_NONE)), delta_max=random.choice((200, 900, LIMIT_NONE)))
            sizes |= dict(vega_max=random.choice((15, 60, LIMIT_NONE)), reset=random.choice((1, 50, LIMIT_NONE)))
            oracle = Fills(executions_max=random.choice((5, 30, LIMIT_NONE)), window=window, newest=newest, **sizes)
            gate.acknowledge(STRATEGY_0)
            gate.limit(
                2,
                executions_max=oracle.executions_max,
                fill_window_ns=window,
                fill_lots_max=oracle.lots_max,
                fill_delta_micro_max=oracle.delta_max,
                fill_vega_micro_max=oracle.vega_max,
                fill_reset_ns=oracle.reset,
            )
            greeks = [(random.choice((-50, 0, 100)), random.choice((-7, 0, 5))) for _ in range(2)]
            for instrument, (delta, vega) in enumerate(greeks):
                gate.greek(instrument, delta=delta, vega=vega)
            limits_of(row, 2, newest)
            release(account)
            account["burst_until_ns"] = 0
        left -= 1
        now = jitter(random, now)
        instrument, side, lots = random.randrange(2), random.choice((BUY, BUY, SELL)), random.choice((1, 1, 2, 4))
        report["kind"], report["now_ns"], report["qty_lots"] = codes.REPORT_EXECUTED, now, lots
        report["instrument_id"], report["strategy_id"], report["side"] = instrument, 0, side
        note_fill(row, report, 1)
        oracle.fill(now, lots, lots if side == BUY else -lots, *greeks[instrument])
        newest = oracle.newest
        counted, released = int(account["executions_counted"]), is_released(row, 0, account)
        code = check_executions(counted, account["executions_max"], released)
        if code == codes.PASS:
            code = check_fill_burst(now, account["burst_until_ns"], released)
        found = "pass" if code == codes.PASS else codes.REJECT_NAMES[int(code)]
        assert found == oracle.answer(now), (now, oracle)
        assert (gate.said(STRATEGY_0) == codes.STATE_HALTED) == oracle.held
        answers[found] = answers.get(found, 0) + 1
        if oracle.held and random.random() < 0.3:
            gate.acknowledge(STRATEGY_0)
            assert is_released(row, 0, account) == 1
            release(account)
            oracle.let_go()
    print(answers)
    assert set(answers) == {"pass", "executions", "fill_burst"} and min(answers.values()) > steps // 50


class Storm:
    """A gate of two strategies and one session, and what an oracle says of each and of the firm."""

    SCOPES = (STRATEGY_0, STRATEGY_0 + 1, SESSION)
    STATES = (codes.STATE_HALTED, codes.STATE_HALTED, codes.STATE_CANCEL_ONLY)

    def __init__(self, random):
        self.random, self.gate, self.log = random, Gate(), []
        self.oracles = []
        self.report = np.zeros(1, REPORT)[0]

    def day(self):
        """Another day with other limits: nothing is held, counted or remembered."""
        self.log.clear()
        self.oracles.clear()
        for which, scope in enumerate(self.SCOPES):
            most, window = self.random.choice((1, 2, 5, 12, LIMIT_NONE)), self.random.choice(WINDOWS)
            self.oracles.append(Rejects(most, window))
            row = self.gate.instruments + which
            self.gate.limit(row, venue_rejects_max=most, venue_rejects_window_ns=window)
            self.gate.acknowledge(scope)
        self.gate.state = self.gate.new_state()

    def refuse(self, now):
        """One report; now and then one that does not count."""
        strategy, counts = self.random.randrange(2), self.random.random() < 0.9
        kind = codes.REPORT_REJECTED
        found = 0 if counts else 1
        if not counts and self.random.random() < 0.5:
            kind, found = self.random.choice((codes.REPORT_EXPIRED, codes.REPORT_NEVER_ARRIVED)), 0
        self.log.append((kind, strategy, now, found))
        self.say(*self.log[-1], live=1)
        if counts:
            self.oracles[strategy].reject(now, strategy)
            self.oracles[2].reject(now, strategy)

    def say(self, kind, strategy, now, found, live):
        self.report["kind"], self.report["strategy_id"], self.report["now_ns"] = kind, strategy, now
        note_reject(self.gate.state.gate[0], 0, self.report, found, live)

    def let_go(self, which):
        self.log.append((which,))
        self.release(which)
        self.oracles[which].let_go()

    def release(self, which):
        if which == 2:
            release_session(self.gate.state.gate[0], 0)
        else:
            release(self.account(which))

    def account(self, which):
        return self.gate.exposure.accounts[self.gate.instruments + which + (which == 2)]

    def restart(self):
        """A new life of the gate counts everything once, and says again what a person did not let go on."""
        self.gate.state = self.gate.new_state()
        for entry in self.log:
            if len(entry) == 1:
                self.release(*entry)
            else:
                self.say(*entry, live=0)
        refuse_again(self.gate.state.gate[0])
        for oracle in self.oracles:
            oracle.acknowledged = False

    def check(self):
        for which, oracle in enumerate(self.oracles):
            wanted = self.STATES[which] if oracle.stands else 0
            assert self.gate.said(self.SCOPES[which]) == wanted, (which, oracle)
            assert rejects_in_window(self.account(which), oracle.newest) == oracle.count(), (which, oracle)
            if which == 2:
                held_by = int(parts_of(self.gate.state).streams[0]["held"]) - 1
                assert held_by == (-1 if oracle.held_by is None else oracle.held_by)
            else:
                assert bool(self.account(which)["held"] & HELD_REJECTS) == (oracle.held_by is not None)

    def person(self, which):
        """Somebody resumes what is held; then an order passes, at once or later."""
        oracle, row = self.oracles[which], self.gate.state.gate[0]
        if oracle.stands:
            self.gate.acknowledge(self.SCOPES[which])
            oracle.acknowledged = True
        if oracle.acknowledged and self.random.random() < 0.5:
            released = storm_of(row, 0) == STORM_RESUMED if which == 2 else is_released(row, which, self.account(which))
            assert released
            self.let_go(which)


def rejects(seed, steps):
    """Orders that the venue refuses, restarts of the gate, a person now and then, limits that change in between."""
    print("seed", seed)
    steps //= 6  # each is three counts, each looked at in four ways
    random = Random(seed)
    storm, now, left, held = Storm(random), 10_000, 0, [0, 0, 0]
    for _ in range(steps):
        if left == 0:
            left = random.randint(1, 120)
            storm.day()
        left -= 1
        now = jitter(random, now)
        storm.refuse(now)
        if random.random() < 0.1:
            storm.person(random.randrange(3))
        if random.random() < 0.01:
            storm.restart()
        storm.check()
        for which, oracle in enumerate(storm.oracles):
            held[which] += oracle.held_by is not None
    print(held)
    assert all(steps // 20 < times < steps - steps // 20 for times in held), "both are tried"


@pytest.mark.parametrize("run", [same_orders, own_orders, fills, rejects])
def test_random_activity_is_judged_as_the_oracle_says(run):
    run(SEED, STEPS)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("run", [same_orders, own_orders, fills, rejects])
def test_a_million_random_steps_of_activity_are_judged_as_the_oracle_says(run):
    run(SEED + 1, SOAK_STEPS)

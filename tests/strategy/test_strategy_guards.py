"""Message budget, protection in fast moves and the quoting obligation: what they hold back, pull and count."""

import random
from fractions import Fraction

import numpy as np
import pytest

from procs.strategy.budget import budget_wait_until, spend
from procs.strategy.obligation import ABSENT, PRESENT, THIN, WIDE, quality_of
from procs.strategy.rules import RULES
from procs.strategy.slot import SLOT
from procs.strategy.state import DESK
from shm.atomics import record_view
from shm.codes import (
    INTENT_CANCEL,
    INTENT_NEW,
    INTENT_REPLACE,
    REPORT_ACCEPTED,
    REPORT_CANCELED,
    SIDE_BUY,
    SIDE_SELL,
    TICK_STALE,
)
from shm.counters import (
    STRATEGY_HELD_BACK,
    STRATEGY_JUMPS,
    STRATEGY_OBLIGED_NS,
    STRATEGY_PRESENT_NS,
    STRATEGY_WIDE_NS,
)
from tests.support.strategy_bench import ROW, StrategyBench

MS = 1_000_000
MID = 1_000_100


def counted(bench, counter_id):
    address = int(bench.state.me[0]["counters_addr"]) + 8 * counter_id
    return int(record_view(address, np.dtype([("value", "<i8")]))["value"])


def made(**params):
    bench = StrategyBench(half_spread_ticks=200, qty_lots=100, **params)
    bench.fresh()
    return bench


def show(bench, mid, now_ns):
    bench.book([(mid - 100, 300)], [(mid + 100, 300)])
    bench.tick()
    bench.step(now_ns)
    return bench.intents()


def accept(bench, intents, now_ns):
    for intent in intents:
        about = dict(price_ticks=int(intent["price_ticks"]), leaves_lots=100)
        bench.report(REPORT_ACCEPTED, int(intent["intent_id"]), int(intent["side"]), **about)
    bench.step(now_ns)
    assert bench.intents() == []


def test_budget_is_a_bucket_of_tokens_filled_by_logic_time():
    seed = 11
    print("seed", seed)
    chance, token_ns, burst = random.Random(seed), 3_000, 5
    desk = np.zeros(1, DESK)
    desk["token_ns"], desk["bucket_ns"] = token_ns, token_ns * burst
    now, tokens, refused = 1_000_000, Fraction(burst), 0
    for _ in range(2_000):
        passed = chance.choice((0, 0, 500, 2_999, 3_000, 40_000))
        now += passed
        tokens = min(Fraction(burst), tokens + Fraction(passed, token_ns))
        may = budget_wait_until(desk[0]) <= now
        assert may == (tokens >= 1)
        refused += not may
        if may or chance.random() < 0.2:  # a cancel goes all the same, and is paid for later
            spend(desk[0], now)
            tokens -= 1
    assert 100 < refused < 1_900


def test_replaces_wait_for_the_budget_and_go_by_themselves_but_cancels_do_not_wait():
    bench = made()
    bench.state.desk[0]["token_ns"], bench.state.desk[0]["bucket_ns"] = 10 * MS, 20 * MS
    accept(bench, show(bench, MID, MS), MS)
    assert show(bench, MID + 300, 2 * MS) == []
    assert counted(bench, STRATEGY_HELD_BACK) == 2
    bench.step(10 * MS)
    assert bench.intents() == [] and counted(bench, STRATEGY_HELD_BACK) == 2  # it waits without asking again
    bench.step(11 * MS)
    assert [i["kind"] for i in bench.intents()] == [INTENT_REPLACE]
    bench.tick(kind=TICK_STALE, row=-1)
    bench.step(12 * MS)
    assert [i["kind"] for i in bench.intents()] == [INTENT_CANCEL]  # of the side that nothing is in flight for


def calm(bench, steps):
    """A mid that moves one step up and down and then back, 0.2 s apart: sigma becomes known. Returns the logic time."""
    now = MS
    for k in range(steps):
        now += 200 * MS
        for intent in show(bench, MID + 100 * (k // 4 % 2), now):
            kind = REPORT_ACCEPTED if intent["kind"] == INTENT_NEW else 0
            assert kind, "a threshold of ten steps keeps the quotes"
            about = dict(price_ticks=int(intent["price_ticks"]), leaves_lots=100)
            bench.report(kind, int(intent["intent_id"]), int(intent["side"]), **about)
        bench.step(now)
    return now


def test_a_jump_pulls_both_quotes_for_the_pause_and_is_counted_once():
    bench = made(requote_price_ticks=1_000, jump_sigmas=6.0, jump_pause_ms=1_000)
    now = calm(bench, 40)
    assert bench.state.views[ROW]["volatility_milli"] > 0 and counted(bench, STRATEGY_JUMPS) == 0
    pulled = show(bench, MID + 3_000, now + 10 * MS)
    assert [i["kind"] for i in pulled] == [INTENT_CANCEL, INTENT_CANCEL]
    for cancel in pulled:
        about = dict(qty_lots=100, leaves_lots=0)
        bench.report(REPORT_CANCELED, int(cancel["target_intent_id"]), int(cancel["side"]), **about)
    bench.step(now + 20 * MS)
    assert show(bench, MID + 3_000, now + 100 * MS) == []  # still within a window of the jump: the pause begins again
    bench.step(now + 1_099 * MS)
    assert bench.intents() == []
    bench.step(now + 2_200 * MS)
    assert [i["kind"] for i in bench.intents()] == [INTENT_NEW, INTENT_NEW]
    assert counted(bench, STRATEGY_JUMPS) == 1


@pytest.mark.parametrize("params", [{"jump_sigmas": 0.0}, {"jump_sigmas": 1_000.0}])
def test_the_same_move_is_no_jump_when_the_bound_is_off_or_far(params):
    bench = made(requote_price_ticks=1_000, **params)
    now = calm(bench, 40)
    assert [i["kind"] for i in show(bench, MID + 3_000, now + 10 * MS)] == [INTENT_REPLACE]  # the bid waits for its way
    assert counted(bench, STRATEGY_JUMPS) == 0


OBLIGATION = """
bid  price lots  ask  price lots   result
1      900  100  1     1100  100   PRESENT
1      900   10  1     1100  100   PRESENT
1      900    9  1     1100  100   THIN
1      900  100  1     1100    9   THIN
1      899  100  1     1100  100   WIDE
1      899    9  1     1100    9   WIDE
0        0    0  1     1100  100   ABSENT
1      900  100  0        0    0   ABSENT
0        0    0  0        0    0   ABSENT
"""


@pytest.mark.parametrize("row", OBLIGATION.strip().splitlines()[1:])
def test_what_rests_is_judged_by_spread_then_size(row):
    *numbers, expected = row.split()
    slots, rules = np.zeros(2, SLOT), np.zeros(1, RULES)
    slots[["intent_id", "price_ticks", "leaves_lots"]] = [tuple(map(int, numbers[k : k + 3])) for k in (0, 3)]
    rules["obligation_spread_ticks"], rules["obligation_lots"] = 200, 10
    named = {"PRESENT": PRESENT, "THIN": THIN, "WIDE": WIDE, "ABSENT": ABSENT}
    assert quality_of(slots, 0, 1, 1, 1, rules[0]) == named[expected]


def test_presence_is_counted_in_logic_time_only_while_the_channel_is_fresh():
    bench = made(obligation_spread_ticks=400)
    bench.state.rules["in_universe"] = np.arange(len(bench.state.rules)) == ROW
    intents = show(bench, MID, 100 * MS)  # absent from here
    accept(bench, intents, 110 * MS)  # both rest, 400 apart, from here
    show(bench, MID, 140 * MS)
    assert counted(bench, STRATEGY_OBLIGED_NS) == 40 * MS and counted(bench, STRATEGY_PRESENT_NS) == 30 * MS
    bench.state.rules[ROW]["obligation_spread_ticks"] = 399
    show(bench, MID, 150 * MS)
    show(bench, MID, 170 * MS)
    assert counted(bench, STRATEGY_WIDE_NS) == 20 * MS and counted(bench, STRATEGY_PRESENT_NS) == 40 * MS
    bench.tick(kind=TICK_STALE, row=-1)
    bench.step(180 * MS)
    bench.step(900 * MS)
    assert counted(bench, STRATEGY_OBLIGED_NS) == 80 * MS
    assert {int(i["side"]) for i in bench.intents()} == {SIDE_BUY, SIDE_SELL}

"""Random books, fills, refusals and stale channels: the strategy step against a slow desk (tests/oracles/desk.py)."""

import random

import pytest

from procs.strategy.slot import SLOT_NONE, SLOT_WORKING, SLOTS, check, first_slot
from shm.codes import SIDE_BUY, SIDE_SELL, TICK_FRESH, TICK_STALE
from shm.jit import JIT_OFF
from tests.oracles.desk import Desk
from tests.support.strategy_bench import ROW, StrategyBench

MS = 1_000_000
STEPS = 1_000 if JIT_OFF else 4_000


def deliver(bench, desk, chance):
    """Hand over a prefix of what the desk said: order is kept within rejects and within reports, not between them."""
    for said in list(desk.out):
        if chance.random() < 0.3:
            break
        desk.out.remove(said)
        if said[0] == "reject":
            bench.reject(*said[1:])
        else:
            bench.report(*said[1:4], **said[4])


def agree(bench, desk):
    """When nothing is on the way, both sides name the same resting orders and the same position."""
    for side in (SIDE_BUY, SIDE_SELL):
        first = first_slot(ROW, side)
        slots = bench.state.slots[first : first + SLOTS]
        working = slots[slots["state"] != SLOT_NONE]
        assert set(working["state"]) <= {SLOT_WORKING}
        fields = ["intent_id", "price_ticks", "leaves_lots", "cum_lots"]
        mine = [(o.intent_id, o.price, o.leaves, o.done) for o in desk.resting.values() if o.side == side]
        assert sorted(tuple(map(int, slot)) for slot in working[fields]) == sorted(mine)
    assert bench.state.views[ROW]["position_lots"] == desk.position


DAYS = [
    (1, {"qty_lots": 100, "skew_ticks": 0}),
    (2, {"qty_lots": 100, "refill_percent": 100}),
    (3, {"qty_lots": 60, "levels": 4, "skew_ticks": 0, "position_lots_max": 300}),
    (4, {"qty_lots": 60, "levels": 3, "hold_percent": 60, "refill_percent": 90, "position_lots_max": 300}),
]


@pytest.mark.parametrize("seed, params", DAYS)
def test_random_days_keep_every_rule_and_end_without_orders(seed, params):
    print("seed", seed)
    chance = random.Random(seed)
    params = {"half_spread_ticks": 200, "position_lots_max": 400, "skew_ticks": 20, **params}
    bench = StrategyBench("fixed_spread", **params)
    desk = Desk(orders_max=2 * params.get("levels", 1))
    mid, now_ns, fresh, rested = 1_000_000, MS, True, 0
    bench.fresh()
    for _ in range(STEPS):
        now_ns += chance.choice((0, 1_000, 100_000, 30 * MS))
        whim = chance.random()
        if whim < 0.4:
            mid += 100 * chance.choice((-3, -1, 0, 1, 3))
            bench.book([(mid - 100, 300)], [(mid + 100, 300)])
            bench.tick()
        elif whim < 0.6:
            desk.trade(chance)
        elif whim < 0.63:
            fresh = not fresh
            bench.tick(kind=TICK_FRESH if fresh else TICK_STALE, row=-1)
        elif whim < 0.65:
            desk.lose_all()
        for _ in range(chance.randint(0, 2 * params.get("levels", 1))):
            desk.answer(chance)
        deliver(bench, desk, chance)
        bench.step(now_ns)
        for intent in bench.intents():
            desk.take(intent)
        for slot in bench.state.slots:
            check(slot)
        if not desk.waiting and not desk.out:
            agree(bench, desk)
            rested += len(desk.resting)
    assert rested > STEPS // 20  # it really made a market
    assert desk.reduced > 0 or params.get("levels", 1) == 1  # a fill of one level leaves less room for the next
    bench.tick(kind=TICK_STALE, row=-1)
    for _ in range(200):
        now_ns += 5 * MS
        desk.answer(chance)
        deliver(bench, desk, chance)
        bench.step(now_ns)
        for intent in bench.intents():
            desk.take(intent)
    assert not desk.resting and not desk.waiting and not desk.out
    agree(bench, desk)

"""Random books, fills, refusals and stale channels: the strategy step against a slow desk (tests/oracles/desk.py)."""

import random

import pytest

from procs.strategy.quoter import SLOT_NONE, SLOT_WORKING, check
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
        slot = bench.state.slots[ROW * 2 + side - 1]
        mine = [order for order in desk.resting.values() if order.side == side]
        assert slot["state"] == (SLOT_WORKING if mine else SLOT_NONE), (slot, mine)
        if mine:
            assert (slot["intent_id"], slot["price_ticks"], slot["leaves_lots"], slot["cum_lots"]) == (
                mine[0].intent_id,
                mine[0].price,
                mine[0].leaves,
                mine[0].done,
            )
    assert bench.state.views[ROW]["position_lots"] == desk.position


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_days_keep_every_rule_and_end_without_orders(seed):
    print("seed", seed)
    chance = random.Random(seed)
    bench = StrategyBench("fixed_spread", half_spread_ticks=200, qty_lots=100, position_lots_max=400, skew_ticks=100)
    desk = Desk()
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
        for _ in range(chance.randint(0, 2)):
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

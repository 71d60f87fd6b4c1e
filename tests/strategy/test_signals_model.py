"""Each signal against the same formula over everything that happened (tests/oracles/signals.py)."""

import math
import random
from fractions import Fraction

import numpy as np
import pytest

from procs.strategy.signals.flow import add_trade, flow_at
from procs.strategy.signals.imbalance import imbalance_ppm
from procs.strategy.signals.intensity import ORDERS_MIN, fit_intensity, reach_trade, settle_reach
from procs.strategy.signals.microprice import update_microprice
from procs.strategy.signals.record import REACH_BUCKETS, new_signals
from procs.strategy.signals.volatility import SAMPLE_NS, update_volatility
from procs.strategy.view import VIEW
from shm.codes import SIDE_BUY, SIDE_SELL, TICK_EXECUTE, TICK_FRESH, TICK_STALE
from tests.oracles import signals as oracle
from tests.support.strategy_bench import ROW, StrategyBench

STEP = 100
SECOND = 1_000_000_000
MID2 = 2_000_000


@pytest.fixture
def one():
    return new_signals(1)


def test_imbalance_is_the_exact_ratio_and_mirrors_with_the_sides():
    chance = random.Random(1)
    for _ in range(300):
        bid, ask = chance.choice((0, 1, 7, chance.randrange(10**9))), chance.randrange(10**9)
        exact = Fraction(bid - ask, max(1, bid + ask)) * 1_000_000
        assert imbalance_ppm(bid, ask) == math.trunc(exact) == -imbalance_ppm(ask, bid)
    assert imbalance_ppm(0, 0) == 0


def test_flow_is_the_sum_of_all_trades_each_decayed_by_its_age(one):
    chance = random.Random(2)
    now, half, trades = SECOND, 5 * SECOND, []
    for _ in range(300):
        now += chance.randrange(0, SECOND // 2)
        side, lots = chance.choice((SIDE_BUY, SIDE_SELL, 0)), chance.randrange(1, 1_000)
        add_trade(one[0], side, lots, now, half)
        if side:
            trades.append((now, 1 if side == SIDE_SELL else -1, lots))
        later = now + chance.randrange(0, SECOND)
        assert flow_at(one[0], later, half) == pytest.approx(oracle.flow(trades, later, half), rel=1e-9, abs=1e-6)
        now = later


def test_volatility_is_zhou_s_estimate_over_all_samples(one):
    chance = random.Random(3)
    now, mid2, half, kept = SECOND, MID2, 20 * SECOND, []
    for _ in range(400):
        if not kept or now - kept[-1][0] >= SAMPLE_NS:
            kept.append((now, mid2 / 2))
        sigma = update_volatility(one[0], mid2, now, half)
        if len(kept) > 21:
            assert sigma == pytest.approx(oracle.volatility(kept, half), rel=1e-9, abs=1e-9)
        now += chance.randrange(1, SECOND // 5)
        mid2 += 2 * chance.randrange(-STEP, STEP)


@pytest.mark.parametrize("seed", [4, 5])
def test_bounce_between_bid_and_ask_hardly_raises_the_volatility(one, seed):
    print("seed", seed)
    chance = random.Random(seed)
    true, price, squares = 150.0, MID2 / 2, 0.0  # ticks per square root of a second
    before, count = price, 6_000
    for k in range(count):
        price += chance.gauss(0.0, true * math.sqrt(0.1))
        seen = price + chance.choice((-STEP / 2, STEP / 2))
        sigma = update_volatility(one[0], round(2 * seen), SECOND + k * SAMPLE_NS, 10_000 * SECOND)
        squares += (seen - before) ** 2
        before = seen
    naive = math.sqrt(squares / (count * 0.1))
    print("robust", sigma, "naive", naive)
    assert naive > 1.5 * true
    assert sigma == pytest.approx(true, rel=0.15)


def orders_of(chance, arrival, decay, seconds):
    """(when_ns, distance in steps) of market orders of one side: Poisson, reach beyond half a step exponential."""
    now = 0.0
    rate = arrival * math.exp(-decay * 0.5)
    while (now := now + chance.expovariate(rate)) < seconds:
        yield int(now * SECOND) + 1, 0.5 + chance.expovariate(decay)


def test_intensity_finds_the_a_and_k_that_made_the_orders_and_agrees_with_least_squares(one):
    seed, arrival, decay, half = 6, 8.0, 0.9, 200 * SECOND
    print("seed", seed)
    chance = random.Random(seed)
    both = [(t, far, side) for side in (SIDE_BUY, SIDE_SELL) for t, far in orders_of(chance, arrival, decay, 600)]
    settle_reach(one[0], 1, half)
    seen = []
    for when, far, side in sorted(both):
        steps = math.floor(far * 2) / 2  # prices are on the grid of half steps from the mid
        away = int(steps * STEP) if side == SIDE_SELL else -int(steps * STEP)
        reach_trade(one[0], side, MID2 // 2 + away // 2, MID2, STEP)  # part of a sweep, nearer
        reach_trade(one[0], side, MID2 // 2 + away, MID2, STEP)
        settle_reach(one[0], when, half)
        seen.append((when, min(int(steps * 2), REACH_BUCKETS - 1)))
    view = np.zeros(1, VIEW)
    fit_intensity(one[0], view[0])
    found = int(view[0]["arrival_micro"]) / 1e6, int(view[0]["decay_milli"]) / 1e3
    slow = oracle.intensity(seen, 1, seen[-1][0], half, REACH_BUCKETS, ORDERS_MIN)
    assert found == pytest.approx(slow, rel=2e-3)
    assert found == pytest.approx((arrival, decay), rel=0.2)


def test_intensity_stays_unknown_without_orders_or_when_all_reach_as_far(one):
    view = np.zeros(1, VIEW)
    settle_reach(one[0], 1, SECOND)
    settle_reach(one[0], 10 * SECOND, 100 * SECOND)
    fit_intensity(one[0], view[0])
    assert (view[0]["arrival_micro"], view[0]["decay_milli"]) == (0, 0)
    for k in range(9):
        reach_trade(one[0], SIDE_SELL, MID2 // 2 + STEP // 2, MID2, STEP)
        settle_reach(one[0], (11 + k) * SECOND, 100 * SECOND)
    fit_intensity(one[0], view[0])
    assert (view[0]["arrival_micro"], view[0]["decay_milli"]) == (0, 0)


def book_of(state, mid2):
    """(bid, ask, imbalance) of one of ten states: five strengths, asks heavier first, then bids."""
    strength, sign = state % 5, 1 if state >= 5 else -1
    return mid2 // 2 - STEP // 2, mid2 // 2 + STEP // 2, sign * (2 * strength + 1) * 100_000


def test_microprice_begins_as_the_weighted_mid(one):
    assert update_microprice(one[0], 1_000_000, 1_000_100, STEP, 500_000) == 1_000_075_000
    assert update_microprice(one[0], 1_000_000, 1_000_100, STEP, 0) == 1_000_050_000
    assert update_microprice(one[0], 1_000_000, 1_001_000, STEP, -500_000) == 1_000_250_000  # too wide to be learned


def test_microprice_learns_stoikov_s_fixed_point_of_a_known_market(one):
    seed = 7
    print("seed", seed)
    chance = random.Random(seed)
    up = [0.02 + 0.03 * max(0, k) for k in (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)]
    down = up[::-1]
    order = [4, 3, 2, 1, 0, 5, 6, 7, 8, 9]  # up[] runs from heaviest asks to heaviest bids; states by strength
    chance_up = [up[order.index(state)] for state in range(10)]
    chance_down = [down[order.index(state)] for state in range(10)]
    moves_to = np.full((10, 10), 0.0)
    for state in range(10):
        stays = 1.0 - chance_up[state] - chance_down[state]
        moves_to[state] += (1.0 - stays) / 10
        moves_to[state] += stays / 9
        moves_to[state][state] -= stays / 9
    exact = oracle.lean(chance_up, chance_down, moves_to)
    assert exact == pytest.approx([-exact[(k + 5) % 10] for k in range(10)], abs=1e-9)
    state, mid2, total, count = 0, MID2, np.zeros(5), 0
    for k in range(30_000):
        update_microprice(one[0], *book_of(state, mid2)[:2], STEP, book_of(state, mid2)[2])
        whim = chance.random()
        if whim < chance_up[state] + chance_down[state]:
            mid2 += 2 * STEP if whim < chance_up[state] else -2 * STEP
            state = chance.randrange(10)
        else:
            state = chance.choice([other for other in range(10) if other != state])
        if k >= 10_000 and k % 10 == 0:
            total += one[0]["lean"][:5] / (STEP * 1e6)
            count += 1
    print("learned", total / count, "exact", exact[5:])
    assert max(abs(exact)) < 0.5
    assert total / count == pytest.approx(exact[5:], abs=0.04)


def test_the_view_of_any_strategy_carries_the_signals_of_the_others_book_and_trades():
    bench = StrategyBench(half_spread_ticks=500)
    bench.fresh()
    bids = [(1_000_000 - STEP * k, lots) for k, lots in enumerate((300, 200, 100, 50, 50))]
    asks = [(1_000_000 + STEP * (k + 1), lots) for k, lots in enumerate((100, 100, 100, 400, 400))]
    bench.book(bids, asks)
    bench.tick()
    bench.step(SECOND)
    for side, lots in ((SIDE_SELL, 30), (SIDE_SELL, 5), (SIDE_BUY, 10)):
        price = 1_000_000 + (STEP if side == SIDE_SELL else 0)
        bench.tick(kind=TICK_EXECUTE, side=side, price_ticks=price, qty_lots=lots)
    bench.step(2 * SECOND)
    view = bench.state.views[ROW]
    found = [int(view[f"imbalance_{levels}_ppm"]) for levels in (1, 3, 5)]
    assert found == [500_000, 333_333, -222_222]
    assert view["microprice_milli"] == 1_000_075_000
    assert view["flow_lots"] == 25
    reach = bench.state.signals[ROW]["reach"]
    assert reach[1] == 2.0 and reach.sum() == 2.0  # two buyers' trades of one datagram are one order


def test_what_happened_out_of_sight_is_no_move_and_no_time():
    bench = StrategyBench(half_spread_ticks=500, jump_sigmas=0.0)
    bench.fresh()
    for k in range(40):
        mid = 1_000_000 + STEP * (k // 2 % 2)
        bench.book([(mid, 300)], [(mid + STEP, 100)])
        bench.tick()
        bench.step((k + 1) * SECOND)
    before = bench.state.signals[ROW].copy()
    bench.tick(kind=TICK_STALE, row=-1)
    bench.step(41 * SECOND)
    bench.book([(1_500_000, 300)], [(1_500_000 + STEP, 100)])
    bench.tick(kind=TICK_FRESH, row=-1)
    bench.step(5_000 * SECOND)
    after = bench.state.signals[ROW]
    assert after["samples"] == before["samples"] > 30
    assert after["square_sum"] == before["square_sum"]
    assert after["reach_s"] == before["reach_s"]
    assert list(after["lean"]) == list(before["lean"])

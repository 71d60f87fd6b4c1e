"""GLFT: its distances against the published formulas in plain numbers, its limits, and that it stays in the queue."""

import math

import numpy as np
import pytest

from procs.strategy.load import load_strategy
from procs.strategy.view import OUT
from shm.codes import REPORT_ACCEPTED
from tests.support.strategy_bench import ROW, StrategyBench

STEP, MID = 100, 1_000_000
GLFT = load_strategy("glft")


def asked(position=0, params=None, **seen):
    """GLFT's answer for a book around MID."""
    view = dict(quote_tick_ticks=STEP, microprice_milli=MID * 1000, position_lots=position, volatility_milli=150_000)
    view |= dict(arrival_micro=2_000_000, decay_milli=800, obligation_spread_ticks=10**9) | seen
    values = {name: param.default for name, param in GLFT.params.items()} | (params or {})
    out = np.zeros(1, OUT)[0]
    GLFT.quote(view, values, {}, out)
    out["bid_level_price_ticks"] -= out["bid_level_price_ticks"] % STEP
    out["ask_level_price_ticks"] += -out["ask_level_price_ticks"] % STEP
    return out


def distances(q, sigma, arrival, k, gamma):
    """(bid, ask) distance from the mid: (4.6) and (4.7) of Guéant (2017), xi = gamma, Delta = 1."""
    first = math.log(1 + gamma / k) / gamma
    root = math.sqrt(sigma**2 * gamma / (2 * k * arrival) * (1 + gamma / k) ** (1 + k / gamma))
    return first + (2 * q + 1) / 2 * root, first - (2 * q - 1) / 2 * root


@pytest.mark.parametrize("position", [-300, -100, 0, 50, 200, 400])
@pytest.mark.parametrize("gamma", [0.01, 0.05, 0.5])
def test_prices_are_the_closed_form_rounded_away_from_the_microprice(position, gamma):
    out = asked(position, {"risk_aversion": gamma, "half_spread_steps_max": 50.0})
    bid, ask = distances(position / 100, 1.5, 2.0, 0.8, gamma)
    assert out["bid_price_ticks"] == math.floor(MID / STEP - bid) * STEP
    assert out["ask_price_ticks"] == math.ceil(MID / STEP + ask) * STEP


def test_unknown_signals_fall_back_to_the_parameters():
    out = asked(volatility_milli=0, arrival_micro=0, decay_milli=0)
    bid, ask = distances(0, 0.2, 1.0, 1.5, 0.05)
    assert out["bid_price_ticks"] == math.floor(MID / STEP - bid) * STEP
    assert out["ask_price_ticks"] == math.ceil(MID / STEP + ask) * STEP


def test_spread_and_skew_are_cut_and_the_position_limit_takes_the_side_away():
    wild = asked(volatility_milli=10**9, params={"half_spread_steps_max": 4.0})
    assert (wild["bid_price_ticks"], wild["ask_price_ticks"]) == (MID - 4 * STEP, MID + 4 * STEP)
    full = asked(position=1_000)
    assert (full["bid_qty_lots"], full["ask_qty_lots"]) == (0, 100)
    near = asked(position=-930)
    assert (near["bid_qty_lots"], near["ask_qty_lots"]) == (100, 70)


@pytest.mark.parametrize("position", [-300, -40, 0, 250])
@pytest.mark.parametrize("spread_steps", [1, 2, 3, 4, 7])
def test_no_pair_is_wider_than_the_obligation_and_the_skew_stays(position, spread_steps):
    for shift in range(0, 1_000, 130):  # the microprice anywhere between two steps
        seen = {"volatility_milli": 900_000, "microprice_milli": MID * 1000 + shift * STEP}
        free = asked(position, **seen)
        bound = asked(position, **seen, obligation_spread_ticks=spread_steps * STEP + STEP // 2)
        wide, narrow = (int(out["ask_price_ticks"] - out["bid_price_ticks"]) for out in (free, bound))
        assert min(wide, spread_steps * STEP) - STEP <= narrow <= spread_steps * STEP
        middles = [int(out["ask_price_ticks"] + out["bid_price_ticks"]) for out in (free, bound)]
        assert abs(middles[0] - middles[1]) <= 2 * STEP  # twice the middle: each price is off by less than a step


def test_levels_stand_behind_one_another_and_share_the_room_to_the_position_limit():
    out = asked(position=700, params={"levels": 4, "level_steps": 2.0, "qty_lots": 100})
    assert (out["bid_level_price_ticks"] - out["bid_price_ticks"]).tolist() == [0, -200, -400, -600]
    assert (out["ask_level_price_ticks"] - out["ask_price_ticks"]).tolist() == [0, 200, 400, 600]
    assert out["bid_level_qty_lots"].tolist() == [100, 100, 100, 0]
    assert out["ask_level_qty_lots"].tolist() == [100, 100, 100, 100]


def test_on_the_desk_a_small_change_of_the_book_causes_no_message():
    bench = StrategyBench("glft")
    bench.fresh()
    bench.book([(MID - 100, 300)], [(MID + 100, 300)])
    bench.tick()
    bench.step(1_000_000)
    bid, ask = bench.intents()
    assert bid["price_ticks"] <= MID - STEP and ask["price_ticks"] >= MID + STEP
    for k, lots in enumerate((280, 330, 310)):
        if k == 0:
            for intent in (bid, ask):
                about = dict(price_ticks=int(intent["price_ticks"]), leaves_lots=100)
                bench.report(REPORT_ACCEPTED, int(intent["intent_id"]), int(intent["side"]), **about)
        bench.book([(MID - 100, lots)], [(MID + 100, 300)])
        bench.tick()
        bench.step(2_000_000 + k)
        assert bench.intents() == []
    assert bench.state.views[ROW]["imbalance_1_ppm"] != 0

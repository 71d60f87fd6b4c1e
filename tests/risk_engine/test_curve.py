"""Volatility curves: knots come back, variance is linear between them, wings are flat, the overlay adds, misuse is refused."""

import math
import random

import numpy as np
import pytest

from procs.risk_engine.black_scholes import option_price
from procs.risk_engine.curve import VOL_MIN, first_arbitrage, new_curve, vol_at, vols_at, with_overlay
from procs.risk_engine.errors import BadCurve

SEED = 5
STRIKES = [80.0, 90.0, 100.0, 120.0]
VOLS = [0.32, 0.26, 0.20, 0.18]
CURVE = new_curve(STRIKES, VOLS)

# overlay: shift 1 point, +2 points at 90, 0 at 100: so +3 up to 90, +1 from 100 on, linear in ln(strike) between
OVERLAY = """
strike   curve   with overlay
40       0.32    0.35
80       0.32    0.35
90       0.26    0.29
94.8683  0.2320  0.2520
100      0.20    0.21
120      0.18    0.19
500      0.18    0.19
"""


@pytest.mark.parametrize("line", OVERLAY.strip().splitlines()[1:])
def test_the_overlay_adds_points_at_strikes_and_a_parallel_shift(line):
    strike, plain, overlaid = map(float, line.split())
    assert vol_at(CURVE, strike) == pytest.approx(plain, abs=1e-4)
    made = with_overlay(CURVE, shift=0.01, strikes=[90.0, 100.0], points=[0.02, 0.0])
    assert vol_at(made, strike) == pytest.approx(overlaid, abs=1e-4)


def test_between_knots_the_variance_is_linear_in_log_strike():
    draw = random.Random(SEED)
    for _ in range(300):
        strike = draw.uniform(60.0, 150.0)
        expected = np.interp(math.log(strike), np.log(STRIKES), np.square(VOLS)) ** 0.5
        assert vol_at(CURVE, strike) == pytest.approx(expected, rel=1e-12), (SEED, strike)


def test_a_batch_gives_what_single_calls_give_and_knots_come_back():
    vols = np.zeros(4)
    vols_at(CURVE, np.array(STRIKES), vols)
    assert vols == pytest.approx(VOLS, rel=1e-14)
    assert [vol_at(CURVE, strike) for strike in STRIKES] == vols.tolist()


def test_one_knot_is_a_flat_curve_and_another_overlay_replaces_the_one_before():
    flat = with_overlay(new_curve([100.0], [0.2]), shift=0.05)
    assert {round(vol_at(flat, strike), 12) for strike in (1.0, 100.0, 9_999.0)} == {0.25}
    assert vol_at(with_overlay(flat, shift=-0.05), 100.0) == pytest.approx(0.15)
    assert vol_at(with_overlay(flat), 100.0) == pytest.approx(0.2)


def test_an_overlay_that_sinks_the_vol_between_strikes_stops_at_the_least_vol():
    """Checked at knots and overlay strikes only; between them the variance bends below the line of the overlay."""
    made = with_overlay(new_curve([1.0, 1000.0], [2.0, 0.01]), strikes=[1.0, 1000.0], points=[-1.9985, -0.0085])
    vols = np.zeros(500)
    vols_at(made, np.geomspace(1.0, 1000.0, 500), vols)
    assert (vols >= VOL_MIN).all()


REFUSED = (
    ("no knots", lambda: new_curve([], []), "at least one"),
    ("fewer vols", lambda: new_curve([90, 100], [0.2]), "as many vols as strikes"),
    ("not ascending", lambda: new_curve([100, 90], [0.2, 0.2]), "ascending"),
    ("twice", lambda: new_curve([100, 100], [0.2, 0.2]), "each once"),
    ("strike 0", lambda: new_curve([0, 100], [0.2, 0.2]), "above 0"),
    ("strike nan", lambda: new_curve([math.nan, 100], [0.2, 0.2]), "finite"),
    ("vol 0", lambda: new_curve([90, 100], [0.0, 0.2]), "vols from 0.001 to 10.0"),
    ("vol nan", lambda: new_curve([90, 100], [math.nan, 0.2]), "vols from 0.001 to 10.0"),
    ("vol in points", lambda: new_curve([90, 100], [20.0, 21.0]), "1.00 is 100 %"),
    ("shift nan", lambda: with_overlay(CURVE, shift=math.nan), "a finite shift"),
    ("shift in points", lambda: with_overlay(CURVE, shift=-1.0), "0.01 is one point"),
    ("points inf", lambda: with_overlay(CURVE, strikes=[90], points=[math.inf]), "finite points"),
    ("fewer points", lambda: with_overlay(CURVE, strikes=[90, 100], points=[0.01]), "as many finite points as strikes"),
    ("below 0 at its strike", lambda: with_overlay(CURVE, strikes=[90, 95, 100], points=[0, -0.3, 0]), "strike 95"),
)


@pytest.mark.parametrize("what, make, words", REFUSED, ids=[row[0] for row in REFUSED])
def test_misuse_is_refused_with_what_was_expected(what, make, words):
    with pytest.raises(BadCurve) as refused:
        make()
    assert words in str(refused.value)


def test_interpolation_adds_no_arbitrage_between_knots_and_a_flat_wing_bends_at_the_last_one():
    assert first_arbitrage(CURVE, np.array(STRIKES), 100.0, 0.25, 1e-3) == -1
    inside = np.arange(80.0, 120.1, 2.5)
    assert first_arbitrage(CURVE, inside, 100.0, 0.25, 1e-3) == -1
    with_wing = np.arange(70.0, 120.1, 2.5)  # 80 is row 4: the strike after it shows the bend
    assert first_arbitrage(CURVE, with_wing, 100.0, 0.25, 1e-3) == 5
    assert first_arbitrage(CURVE, with_wing, 100.0, 0.25, 0.05) == -1, "it is worth less than five cents"


def test_arbitrage_is_named_by_its_strike():
    broken = new_curve(
        [95.0, 100.0, 105.0], [0.2, 0.3, 0.2]
    )  # one strike too dear: the next call is too cheap beside it
    grid = np.array([95.0, 100.0, 105.0])
    assert first_arbitrage(broken, grid, 100.0, 0.25, 1e-3) == 2
    calls = [option_price(1, 100.0, strike, 0.25, 0.0, 0.0, vol_at(broken, strike)) for strike in grid]
    assert calls[1] > 0.5 * (calls[0] + calls[2])
    dearer = new_curve([100.0, 110.0], [0.1, 0.5])
    assert first_arbitrage(dearer, np.array([100.0, 110.0]), 100.0, 0.25, 1e-3) == 1

"""Implied volatility: the vol that made a price comes back, and a price without one is told why."""

import itertools
import math
from collections import Counter

import pytest

from procs.risk_engine.american import american_price, new_tree
from procs.risk_engine.black_scholes import option_greeks, option_price
from procs.risk_engine.implied_volatility import (
    AMERICAN_VOL_MAX,
    IV_ABOVE_MAX,
    IV_BAD_INPUT,
    IV_BELOW_INTRINSIC,
    IV_NO_TIME_VALUE,
    IV_OK,
    american_implied_vol,
    implied_vol,
    implied_vols,
)

RELATIVE = 1e-9
SPOT = 100.0
STRIKES = (10.0, 40.0, 60.0, 80.0, 90.0, 97.0, 99.9, 100.0, 100.1, 103.0, 110.0, 125.0, 160.0, 250.0, 1000.0)
YEARS = (1 / 365, 7 / 365, 30 / 365, 0.25, 1.0, 5.0, 30.0)
VOLS = (0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
RATE_AND_CARRY = ((0.0, 0.0), (0.05, 0.03), (0.05, 0.0), (-0.01, -0.03), (0.2, 0.2))
CODES = {
    "ok": IV_OK,
    "below intrinsic": IV_BELOW_INTRINSIC,
    "no time value": IV_NO_TIME_VALUE,
    "above max": IV_ABOVE_MAX,
    "bad input": IV_BAD_INPUT,
}

# spot 100, rate 5 %, carry 5 %, so that the call's upper bound is 100 and the put's is K exp(-0.05 T)
BOUNDS = """
right  price            strike  years  -> answer
call   9.9              100     1.0    ok
call   100.0            100     1.0    above max
call   99.99            100     1.0    ok
call   150.0            100     1.0    above max
call   0.0              150     1.0    no time value
call   1e-300           150     1.0    ok
call   52.438528        50      1.0    below intrinsic
call   52.4385287749    50      1.0    below intrinsic
call   52.4385287750    50      1.0    ok
put    0.0              100     1.0    no time value
put    95.12294246      100     1.0    above max
put    95.0             100     1.0    ok
put    42.6             150     1.0    below intrinsic
put    42.7             150     1.0    ok
call   nan              100     1.0    bad input
call   inf              100     1.0    bad input
call   -0.01            100     1.0    bad input
call   5.0              0       1.0    bad input
call   5.0              -1      1.0    bad input
call   5.0              nan     1.0    bad input
call   5.0              100     0.0    bad input
call   5.0              100     -1.0   bad input
call   5.0              100     nan    bad input
none   5.0              100     1.0    bad input
"""


def bounds():
    for line in BOUNDS.strip().splitlines()[1:]:
        right, price, strike, years, *answer = line.split()
        yield {"call": 1, "put": -1, "none": 0}[right], float(price), float(strike), float(years), " ".join(answer)


@pytest.mark.parametrize("right, price, strike, years, answer", list(bounds()))
def test_prices_at_and_beyond_the_bounds_are_told_apart(right, price, strike, years, answer):
    code, vol = implied_vol(right, price, SPOT, strike, years, 0.05, 0.05)
    assert code == CODES[answer], {found: name for name, found in CODES.items()}[code]
    assert (vol > 0.0 and math.isfinite(vol)) if code == IV_OK else vol == 0.0


def test_the_vol_that_made_a_price_comes_back_to_1e_9():
    """Wherever the price as a double still knows it: an error of its last digit must move the vol by less than 1e-9."""
    worst, codes, known = 0.0, Counter(), 0
    for right, strike, years, vol, (rate, carry) in itertools.product((1, -1), STRIKES, YEARS, VOLS, RATE_AND_CARRY):
        price, _, _, vega, _, _ = option_greeks(right, SPOT, strike, years, rate, carry, vol, 1.0)
        code, found = implied_vol(right, price, SPOT, strike, years, rate, carry)
        codes[code] += 1
        legs = SPOT * math.exp((carry - rate) * years) + strike * math.exp(-rate * years)
        if vega * vol * RELATIVE > 3e-16 * legs:
            known += 1
            assert code == IV_OK, (right, strike, years, vol, rate, carry, price)
            worst = max(worst, abs(found / vol - 1.0))
    print(f"\n{sum(codes.values()):,} prices, {known:,} of them know their vol; largest relative error {worst:.1e}")
    print(f"codes {dict(codes)}")
    assert known > 5_000 and worst <= RELATIVE
    assert not codes[IV_BAD_INPUT]


def test_prices_that_do_not_know_their_vol_are_reproduced_all_the_same():
    for right, strike, years, vol, (rate, carry) in itertools.product((1, -1), STRIKES, YEARS, VOLS, RATE_AND_CARRY):
        price = option_price(right, SPOT, strike, years, rate, carry, vol)
        code, found = implied_vol(right, price, SPOT, strike, years, rate, carry)
        if code == IV_OK:
            again = option_price(right, SPOT, strike, years, rate, carry, found)
            assert abs(again - price) <= 1e-12 * max(price, SPOT, strike), (right, strike, years, vol, rate, carry)
        if code == IV_BELOW_INTRINSIC:
            pytest.fail(f"a model price is never below its intrinsic value: {right, strike, years, vol, rate, carry}")


def test_implied_vol_equals_quantlib():
    QuantLib = pytest.importorskip(
        "QuantLib", reason="QuantLib is not installed and implied vol is NOT compared with it: pip install -e '.[test]'"
    )
    worst, compared = 0.0, 0
    for right, strike, years, vol in itertools.product((1, -1), STRIKES[2:-2], YEARS[2:-1], VOLS[3:7]):
        rate, carry = 0.05, 0.03
        forward, discount = SPOT * math.exp(carry * years), math.exp(-rate * years)
        # both are given the same price; QuantLib inverts out of the money, so that it is given that side
        if (right == 1) != (strike >= forward):
            continue
        price = option_price(right, SPOT, strike, years, rate, carry, vol)
        if price < 1e-8:
            continue
        kind = QuantLib.Option.Call if right == 1 else QuantLib.Option.Put
        deviation = QuantLib.blackFormulaImpliedStdDev(kind, strike, forward, price, discount, 0.0, vol, 1e-14, 1000)
        code, found = implied_vol(right, price, SPOT, strike, years, rate, carry)
        assert code == IV_OK
        compared += 1
        worst = max(worst, abs(found * math.sqrt(years) / deviation - 1.0))
    print(f"\n{compared} implied vols, largest relative difference {worst:.1e}")
    assert compared > 150 and worst <= RELATIVE


def test_a_batch_gives_what_the_single_calls_give():
    import numpy as np

    rights = np.array([1, -1, 1, -1])
    prices = np.array([9.9, 42.6, 1.0, 100.0])
    strikes = np.array([100.0, 150.0, 130.0, 100.0])
    terms = np.array([SPOT, 1.0, 0.05, 0.05])
    codes, vols = np.zeros(4, np.int64), np.zeros(4)
    implied_vols(rights, prices, strikes, terms, codes, vols)
    for row in range(4):
        one = implied_vol(int(rights[row]), float(prices[row]), SPOT, float(strikes[row]), 1.0, 0.05, 0.05)
        assert (codes[row], vols[row]) == one


def test_an_american_price_gives_its_vol_back_or_says_why_not():
    tree = new_tree(51)
    for right, strike, vol in itertools.product((1, -1), (80.0, 100.0, 120.0), (0.1, 0.4, 1.5)):
        price = american_price(right, SPOT, strike, 0.5, 0.05, 0.02, vol, tree)
        code, found = american_implied_vol(right, price, SPOT, strike, 0.5, 0.05, 0.02, tree)
        if code == IV_NO_TIME_VALUE:  # exercised at once: every smaller vol has the same price
            assert price == pytest.approx(right * (SPOT - strike))
            continue
        assert code == IV_OK and found == pytest.approx(vol, rel=RELATIVE)
    assert american_implied_vol(-1, 9.9, SPOT, 110.0, 0.5, 0.05, 0.02, tree) == (IV_BELOW_INTRINSIC, 0.0)
    assert american_implied_vol(-1, 10.0, SPOT, 110.0, 0.5, 0.05, 0.02, tree) == (IV_NO_TIME_VALUE, 0.0)
    assert american_implied_vol(-1, 110.0, SPOT, 110.0, 0.5, 0.05, 0.02, tree) == (IV_ABOVE_MAX, 0.0)
    assert american_implied_vol(-1, math.nan, SPOT, 110.0, 0.5, 0.05, 0.02, tree) == (IV_BAD_INPUT, 0.0)
    top = american_price(-1, SPOT, 110.0, 0.5, 0.05, 0.02, AMERICAN_VOL_MAX, tree)
    assert american_implied_vol(-1, top, SPOT, 110.0, 0.5, 0.05, 0.02, tree)[0] == IV_OK

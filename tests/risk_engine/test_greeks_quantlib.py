"""Greeks equal QuantLib's BlackCalculator to 1e-9 relative over a grid."""

import itertools
import math

import pytest

from procs.risk_engine.black_scholes import option_greeks

QuantLib = pytest.importorskip(
    "QuantLib", reason="QuantLib is not installed and Greeks are NOT compared with it: pip install -e '.[test]'"
)

RELATIVE = 1e-9
GRID = {
    "right": (1, -1),
    "strike": (50.0, 80.0, 95.0, 99.5, 100.0, 101.0, 107.5, 130.0, 200.0),
    "years": (1 / 365, 7 / 365, 0.25, 1.0, 5.0),
    "vol": (0.05, 0.12, 0.3, 0.8, 2.0),
    "rate": (-0.01, 0.0, 0.03, 0.1),
    "yield_": (0.0, 0.02, 0.07),
    "on_future": (False, True),
}
SPOT = 100.0
NAMES = ("price", "delta", "gamma", "vega", "theta", "rho")


def quantlib_greeks(right, strike, years, vol, rate, carry, on_future):
    discount = math.exp(-rate * years)
    forward = SPOT * math.exp(carry * years)
    kind = QuantLib.Option.Call if right == 1 else QuantLib.Option.Put
    option = QuantLib.BlackCalculator(
        QuantLib.PlainVanillaPayoff(kind, strike), forward, vol * math.sqrt(years), discount
    )
    rho = -years * option.value() if on_future else option.rho(years)
    theta = option.theta(SPOT, years) / 365.0
    return option.value(), option.delta(SPOT), option.gamma(SPOT), option.vega(years), theta, rho


def points():
    for right, strike, years, vol, rate, yield_, on_future in itertools.product(*GRID.values()):
        if not (on_future and yield_):
            yield right, strike, years, vol, rate, (0.0 if on_future else rate - yield_), on_future


def test_price_and_greeks_equal_quantlib():
    """QuantLib's own N(x) is right to 1e-15 absolute (N(-5.65) to 1e-7 of itself): smaller ones have no nine digits.

    So each figure is compared relative to itself, or, where it is smaller than that, to 1e-5 of its natural scale (the
    price of the underlying for a price, and so on). Far tails are compared with sixty digits in test_black_scholes.py.
    """
    worst, compared, by_itself = dict.fromkeys(NAMES, 0.0), 0, 0
    for right, strike, years, vol, rate, carry, on_future in points():
        found = option_greeks(right, SPOT, strike, years, rate, carry, vol, 0.0 if on_future else 1.0)
        expected = quantlib_greeks(right, strike, years, vol, rate, carry, on_future)
        root = math.sqrt(years)
        scales = (SPOT, 1.0, 1 / (SPOT * vol * root), SPOT * root, SPOT * (vol / root + 0.1) / 365.0, SPOT * years)
        for name, ours, theirs, scale in zip(NAMES, found, expected, scales, strict=True):
            size = max(abs(theirs), 1e-5 * scale)
            compared += 1
            by_itself += abs(theirs) >= size
            worst[name] = max(worst[name], abs(ours - theirs) / size)
    print("\ngreek   largest relative difference")
    print("\n".join(f"{name:<7} {off:.1e}" for name, off in worst.items()))
    print(f"{compared:,} figures, {by_itself:,} of them relative to themselves")
    assert compared == 6 * 2 * 9 * 5 * 5 * 4 * 4 and by_itself > 0.7 * compared
    assert max(worst.values()) <= RELATIVE, worst

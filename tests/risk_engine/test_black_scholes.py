"""European prices: published examples, the limits, and sixty digits where QuantLib itself has fewer."""

import math
import random

import pytest

from procs.risk_engine.black_scholes import RIGHT_CALL, RIGHT_PUT, normal_cdf, option_greeks, option_price
from tests.oracles.option_price import european

SEED = 20180205
RIGHTS = {"call": RIGHT_CALL, "put": RIGHT_PUT}

# Haug, The Complete Guide to Option Pricing Formulas, 2nd ed., chapter 1
PUBLISHED = """
right  spot  strike  years  rate  carry   vol    price     source
call     60      65   0.25  0.08   0.08  0.30   2.1334     1.1.1 Black-Scholes, a share
put     100      95   0.50  0.10   0.05  0.20   2.4648     1.1.2 Merton, an index with yield 5 %
call     19      19   0.75  0.10   0.00  0.28   1.7011     1.1.3 Black-76, a future on oil
put      19      19   0.75  0.10   0.00  0.28   1.7011     1.1.3 Black-76
call   1.56     1.6   0.50  0.06  -0.02  0.12   0.0291     1.1.5 Garman and Kohlhagen, carry = 6 % - 8 %
"""

# right, spot, strike, years, rate, carry, vol -> price, delta; everything else is 0 where years is 0
LIMITS = """
right  spot  strike  years  rate  carry   vol    price                      delta            why
call    110     100      0  0.05   0.05   0.2    10                         1                expired in the money
call     90     100      0  0.05   0.05   0.2    0                          0                expired out of the money
put      90     100      0  0.05   0.05   0.2    10                        -1                expired in the money
put     110     100      0  0.05   0.05   0.2    0                          0                expired out of the money
call    100     100      0  0.05   0.05   0.2    0                          0.5              expired at the money
put     100     100      0  0.05   0.05   0.2    0                         -0.5              expired at the money
call    110     100     -1  0.05   0.05   0.2    10                         1                past its expiry
call    100      90      1  0.05   0.05   0      100-90*exp(-0.05)          1                no volatility, in
put     100      90      1  0.05   0.05   0      0                          0                no volatility, out
put     100     110      1  0.05   0.00   0      10*exp(-0.05)             -exp(-0.05)       no volatility, a future
call    100     100      1  0.00   0.00   0      0                          0.5              no volatility, at the money
call    1e6       1      1  0.05   0.05   0.2    1e6-exp(-0.05)             1                deep in
put     1e6       1      1  0.05   0.05   0.2    0                          0                deep out
call      1     1e6      1  0.05   0.05   0.2    0                          0                deep out
put       1     1e6      1  0.05   0.05   0.2    1e6*exp(-0.05)-1          -1                deep in
"""


def rows(table):
    for line in table.strip().splitlines()[1:]:
        right, *words = line.split(maxsplit=9 if table is LIMITS else 8)
        numbers = [eval(word, {"exp": math.exp}) for word in words[:-1]]
        yield pytest.param(RIGHTS[right], *numbers, id=words[-1] + " " + right)


@pytest.mark.parametrize("right, spot, strike, years, rate, carry, vol, price", list(rows(PUBLISHED)))
def test_published_examples_come_out(right, spot, strike, years, rate, carry, vol, price):
    found = option_price(right, float(spot), float(strike), years, rate, carry, vol)
    assert round(found, 4) == price


@pytest.mark.parametrize("right, spot, strike, years, rate, carry, vol, price, delta", list(rows(LIMITS)))
def test_limits_are_exact_and_never_nan(right, spot, strike, years, rate, carry, vol, price, delta):
    found = option_greeks(right, float(spot), float(strike), float(years), rate, carry, float(vol), 1.0)
    assert found[0] == option_price(right, float(spot), float(strike), float(years), rate, carry, float(vol))
    assert found[0] == pytest.approx(price, rel=1e-15, abs=0)
    assert found[1] == pytest.approx(delta, rel=1e-15, abs=0)
    assert all(math.isfinite(number) for number in found)
    if years <= 0:
        assert found[2:] == (0, 0, 0, 0), "an expired option has price and delta only"


def test_the_normal_distribution_is_right_to_the_last_digits_in_both_tails():
    for x, tail in ((-8.0, 6.220960574271785e-16), (-20.0, 2.753624118606234e-89), (-37.0, 5.725571222524577e-300)):
        assert normal_cdf(x) == pytest.approx(tail, rel=1e-12, abs=0)
        assert normal_cdf(-x) == pytest.approx(1.0, rel=1e-15, abs=0)
    assert normal_cdf(0.0) == 0.5


def test_far_out_of_the_money_prices_have_nine_right_digits_by_sixty_digit_arithmetic():
    draw, least = random.Random(SEED), 1.0
    for _ in range(150):
        right = draw.choice((1, -1))
        strike = 100.0 * math.exp(right * draw.uniform(0.0, 0.8))
        years, vol = draw.uniform(0.05, 2.0), draw.uniform(0.1, 0.5)
        rate, carry = draw.uniform(-0.01, 0.08), draw.uniform(-0.03, 0.06)
        exact = european(right, 100.0, strike, years, rate, carry, vol)
        if exact < 1e-250:
            continue
        least = min(least, exact)
        found = option_price(right, 100.0, strike, years, rate, carry, vol)
        assert found == pytest.approx(exact, rel=1e-9, abs=0), (SEED, right, strike, years, rate, carry, vol)
    print(f"seed {SEED}; least price {least:.3g}")
    assert least < 1e-30, "the tail was reached"

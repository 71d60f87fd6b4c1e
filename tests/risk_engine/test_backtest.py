"""Exceptions and Kupiec's test: published figures, by hand, both directions; a VaR that is equalled is not exceeded."""

import math

import pytest

from procs.risk_engine.backtest import backtest, kupiec
from procs.risk_engine.errors import BadScenarios

# Kupiec (1995); Jorion, Value at Risk, 3rd ed., chapter 6: the region that is not rejected at 5 %. For 255 days at 99 % the
# table prints N < 7; the ratio of none at all is 5.13, so that the test itself rejects it.
REGION = """
level_bps  days   not rejected from  to
9900        255                   1   6
9900        510                   2  10
9900       1000                   5  16
9750        255                   3  11
9500        255                   7  20
9500       1000                  38  64
"""

# 2 ln(likelihood ratio) worked out by hand
RATIOS = """
days  exceptions  level_bps   ratio     p_value
250            6      9900    3.5554    0.0594
250            0      9900    5.0252    0.0250
1              1      9500    5.9915    0.0144
20             1      9500    0         1
"""


@pytest.mark.parametrize("line", REGION.strip().splitlines()[1:])
def test_the_region_of_no_rejection_is_the_published_one(line):
    level_bps, days, low, high = map(int, line.split())
    passed = [count for count in range(days // 4) if kupiec(days, count, level_bps)[1] > 0.05]
    assert passed == list(range(low, high + 1))


@pytest.mark.parametrize("line", RATIOS.strip().splitlines()[1:])
def test_ratio_and_p_value_by_hand(line):
    days, exceptions, level_bps, *expected = line.split()
    found = kupiec(int(days), int(exceptions), int(level_bps))
    assert found == pytest.approx(tuple(map(float, expected)), abs=5e-5)


def test_only_a_loss_beyond_the_var_is_an_exception():
    found = backtest([-3.0, -3.0001, 5.0, -2.9, -10.0], [3.0, 3.0, 3.0, 3.0, 3.0], 9500)
    assert (found.days, found.exceptions, found.exception_rows) == (5, 2, (1, 4))
    assert found.expected == 0.25 and found.likelihood_ratio > 0


def test_a_negative_var_is_exceeded_by_a_gain_that_is_too_small():
    assert backtest([1.0], [-2.0], 9900).exceptions == 1
    assert backtest([3.0], [-2.0], 9900).exceptions == 0


@pytest.mark.parametrize(
    "make",
    (
        lambda: kupiec(0, 0, 9900),
        lambda: kupiec(10, 11, 9900),
        lambda: kupiec(10, -1, 9900),
        lambda: kupiec(10, 1, 10_000),
        lambda: backtest([1.0], [1.0, 2.0], 9900),
        lambda: backtest([math.nan], [1.0], 9900),
        lambda: backtest([1.0], [math.inf], 9900),
        lambda: backtest([], [], 9900),
    ),
)
def test_bad_input_is_refused(make):
    with pytest.raises(BadScenarios):
        make()

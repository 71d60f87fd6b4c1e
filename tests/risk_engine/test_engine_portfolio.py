"""Sums of a portfolio against fractions: per-lot figures, exposures and P&L in the firm's currency, at random."""

import random
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from procs.risk_engine.portfolio import MONEY_BOUND, clamp, exposures, lot_greeks, profit, to_firm
from procs.risk_engine.revalue import COLUMNS
from shm.records.greeks import GREEKS, GREEKS_VALID
from shm.records.pnl import PNL

ROUNDING = """
micro              fx_ppm         divisor  in the firm's currency
0                  1_000_000      1        0
7                  1_000_000      2        4
-7                 1_000_000      2        -3
1                  500_000        1        1
1                  499_999        1        0
-1                 500_000        1        0
-1                 500_001        1        -1
1_000_000          1_100_000      1        1_100_000
10**30             10**12         2        5*10**35
"""


@pytest.mark.parametrize("line", ROUNDING.strip().splitlines()[1:])
def test_an_amount_goes_into_the_firms_currency_to_the_nearest(line):
    micro, fx_ppm, divisor, expected = (eval(word) for word in line.split())  # sums as written above
    assert to_firm(micro, fx_ppm, divisor) == expected
    exact = Fraction(micro * fx_ppm, 1_000_000 * divisor)
    assert abs(Fraction(expected) - exact) <= Fraction(1, 2)


def test_what_a_record_cannot_carry_is_cut_to_its_bound():
    assert (clamp(10**30), clamp(-(10**30)), clamp(5)) == (MONEY_BOUND, -MONEY_BOUND, 5)


def test_an_instrument_that_is_no_option_is_worth_exactly_its_mark_in_integers():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    n = 50
    units = np.array([rng.choice((100, 5_000, 1_000_000)) for _ in range(n)], np.int64)
    marks = np.array([rng.randrange(1, 4_000_000_000) for _ in range(n)], np.int64)
    rates = np.array([rng.choice((1_000_000, 1_085_000, 6_543)) for _ in range(n)], np.int64)
    contracts = SimpleNamespace(
        rows=np.arange(n),
        roots=np.arange(n),
        underlying=np.arange(n),
        at_underlying=np.arange(n),
        option=np.zeros(n, bool),
        units=units,
    )
    seen = SimpleNamespace(marks=marks, fx_ppm=rates, mark_ns=np.arange(n))
    usable = np.arange(n) % 7 != 0
    rows = lot_greeks(contracts, np.zeros((n, COLUMNS)), np.ones(n), usable, seen)
    for at in range(n):
        exact = Fraction(int(marks[at]) * int(units[at]) * int(rates[at]), 2_000_000)
        if usable[at]:
            assert abs(Fraction(int(rows["value_micro"][at])) - exact) <= Fraction(1, 2)
            assert rows["delta_micro"][at] == rows["value_micro"][at] and rows["gamma_micro"][at] == 0
        assert rows["flags"][at] == (GREEKS_VALID if usable[at] else 0)
        assert (rows["value_micro"][at] == 0) == (not usable[at] or exact < Fraction(1, 2))


def test_exposures_are_sums_of_lots_times_greeks_whatever_their_size():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(50):
        n = rng.randrange(1, 30)
        rows = np.zeros(n, GREEKS)
        for name in ("delta_micro", "gamma_micro", "vega_micro", "theta_micro", "rho_micro", "value_micro"):
            rows[name] = [rng.randrange(-(1 << 61), 1 << 61) >> rng.randrange(0, 60) for _ in range(n)]
        lots = np.array([rng.choice((0, rng.randrange(-(10**9), 10**9))) for _ in range(n)], np.int64)
        sums = exposures(lots, rows)
        pairs = [(int(lots[k]), rows[k]) for k in range(n)]
        for name in ("delta", "gamma", "vega", "theta", "rho"):
            assert sums[f"{name}_micro"] == clamp(sum(size * int(row[f"{name}_micro"]) for size, row in pairs))
        assert sums["net_micro"] == clamp(sum(size * int(row["value_micro"]) for size, row in pairs))
        assert sums["gross_micro"] == clamp(sum(abs(size * int(row["value_micro"])) for size, row in pairs))


def test_profit_adds_up_in_each_currency_and_is_rounded_down_once():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    rates = {0: 1_000_000, 1: 1_085_333, 2: 6_541}
    for _ in range(50):
        n = rng.randrange(1, 20)
        rows = np.zeros(n, PNL)
        for name in ("realised_micro", "unrealised_micro", "fees_micro"):
            rows[name] = [rng.randrange(-(10**12), 10**12) for _ in range(n)]
        rows["fills"] = [rng.randrange(0, 3) for _ in range(n)]
        money = np.array([rng.randrange(3) for _ in range(n)], np.int64)
        expected = 0
        for currency, rate in rates.items():
            own = sum(
                int(row["realised_micro"]) + int(row["unrealised_micro"]) - int(row["fees_micro"])
                for row, held in zip(rows, money, strict=True)
                if held == currency and row["fills"]
            )
            exact = Fraction(own * rate, 1_000_000)
            expected += exact.numerator // exact.denominator
        assert profit(rows, money, np.array([rates[int(held)] for held in money], np.int64)) == expected

"""The money rules as tables that a trader can review: average cost, FIFO, fees, rounding."""

import random
from fractions import Fraction

import numpy as np
import pytest

from procs.position_keeper.accounts import charge, check, clear, execute
from procs.position_keeper.lots import LOTS_FULL, LOTS_KEPT, QUEUE, drop_all, lots_for, lots_of, trade_lots
from procs.position_keeper.money import FEE_RULE, fee_of, rounded, share_of, spread_of, unrealised_of
from shm.codes import LIQUIDITY_ADDED, LIQUIDITY_REMOVED, SIDE_BUY, SIDE_SELL
from shm.records.position import POSITION
from tests.oracles.position import rounded as rounded_fraction

UNIT = 100  # 1 price tick of 1e-4 USD on 1 share
SIDES = {"buy": SIDE_BUY, "sell": SIDE_SELL}
LIQUIDITIES = {"added": LIQUIDITY_ADDED, "removed": LIQUIDITY_REMOVED}


def rows(text):
    """Cells of an aligned text table, header left out."""
    return [line.replace("|", " ").split() for line in text.strip().splitlines()[1:]]


def rule(per_lot=0, e8=0, least=0):
    return np.array([(per_lot, e8, least, 0)], FEE_RULE)[0:1][0]


FEES = {"added": rule(-2000), "removed": rule(3000)}


class Row:
    """One row by both methods."""

    def __init__(self, lots=64):
        self.position, self.queue = np.zeros(1, POSITION)[0], np.zeros(1, QUEUE)[0]
        self.pool, self.lots = lots_for(lots)

    def trade(self, side, lots, price, liquidity="added", unit=UNIT):
        held, cash = self.position["position_lots"], self.position["sold_micro"] - self.position["bought_micro"]
        signed = lots if side == "buy" else -lots
        told = trade_lots(self.pool[0], self.queue, held, cash, signed, price, unit)
        execute(self.position, SIDES[side], lots, price, unit)
        fee = fee_of(FEES[liquidity], lots, price, unit)
        charge(self.position, LIQUIDITIES[liquidity], lots, lots * price * unit, fee)
        self.check()
        return told

    def check(self):
        check(self.position)
        cash = self.position["sold_micro"] - self.position["bought_micro"]
        if not self.queue["unusable"]:
            assert self.queue["realised_micro"] - self.queue["cost_micro"] == cash
            assert sum(lots for _, lots in lots_of(self.pool, self.queue)) == abs(self.position["position_lots"])


# money in micro-units; the columns behind the bar are the row after the trade
BOTH_METHODS = {
    "long, closed in parts: FIFO takes the oldest price, average cost the mean": """
        side lots price   liquidity | position cost        realised fees    | fifo_cost   fifo_realised
        buy  100  1000000 added     | 100      10000000000 0        -200000 | 10000000000 0
        buy  100  1010000 added     | 200      20100000000 0        -400000 | 20100000000 0
        sell 50   1020000 added     | 150      15075000000 75000000 -500000 | 15100000000 100000000
        sell 150  1000000 removed   | 0        0           0        -50000  | 0           0
    """,
    "short, turned round in one trade": """
        side lots price   liquidity | position cost        realised fees    | fifo_cost   fifo_realised
        sell 10   1000000 added     | -10      -1000000000 0        -20000  | -1000000000 0
        buy  25   990000  removed   | 15       1485000000  10000000 55000   | 1485000000  10000000
        sell 15   990000  added     | 0        0           10000000 25000   | 0           10000000
    """,
    "long to short through zero with two lots open": """
        side lots price   liquidity | position cost        realised fees    | fifo_cost   fifo_realised
        buy  10   1000000 added     | 10       1000000000  0        -20000  | 1000000000  0
        buy  10   1020000 added     | 20       2020000000  0        -40000  | 2020000000  0
        sell 30   1010000 added     | -10      -1010000000 0        -100000 | -1010000000 0
        buy  5    1000000 added     | -5       -505000000  5000000  -110000 | -505000000  5000000
    """,
    "a cost that does not divide is rounded to the nearest, its remainder stays": """
        side lots price   liquidity | position cost        realised fees    | fifo_cost   fifo_realised
        buy  1    1000001 added     | 1        100000100   0        -2000   | 100000100   0
        buy  2    1000002 added     | 3        300000500   0        -6000   | 300000500   0
        sell 1    1000001 added     | 2        200000333   -67      -8000   | 200000400   0
        sell 1    1000001 added     | 1        100000166   -134     -10000  | 100000200   -100
        sell 1    1000001 added     | 0        0           -200     -12000  | 0           -200
    """,
}


@pytest.mark.parametrize("name", BOTH_METHODS)
def test_average_cost_and_fifo_side_by_side(name):
    row = Row()
    for line in rows(BOTH_METHODS[name]):
        side, lots, price, liquidity, *expected = line
        row.trade(side, int(lots), int(price), liquidity)
        found = [row.position[field] for field in ("position_lots", "cost_micro", "realised_micro", "fees_micro")]
        found += [row.queue["cost_micro"], row.queue["realised_micro"]]
        assert [int(word) for word in found] == [int(word) for word in expected], line


ROUNDING = """
    amount  divisor | rounded
    0       3       | 0
    1       3       | 0
    2       3       | 1
    -1      3       | 0
    -2      3       | -1
    1       2       | 1
    -1      2       | -1
    3       2       | 2
    -3      2       | -2
    5       10      | 1
    4       10      | 0
    -5      10      | -1
    7       1       | 7
"""


@pytest.mark.parametrize("amount,divisor,expected", rows(ROUNDING))
def test_the_one_rounding_rule(amount, divisor, expected):
    assert rounded(int(amount), int(divisor)) == int(expected)
    assert rounded_fraction(Fraction(int(amount), int(divisor))) == int(expected)


# 1 share at 1 USD is a value of 1,000,000 micro-units: 1e-8 of it is 0.01, so 50 of them are half a micro-unit
FEE_TABLE = """
    per_lot e8       least   | lots price      | fee          why
    -2000   0        0       | 100  1000000    | -200000      a_rebate_a_lot
    3000    0        0       | 7    1000000    | 21000        a_fee_a_lot
    0       50       0       | 1    10000      | 1            half_a_micro-unit_goes_up
    0       49       0       | 1    10000      | 0            less_than_half_goes_down
    0       -50      0       | 1    10000      | -1           a_rebate_of_a_half_goes_away_from_zero_too
    0       -49      0       | 1    10000      | 0            and_less_than_half_to_zero
    0       2780     0       | 300  1234567    | 1029629      27.8_millionths_of_37,037.01_USD:_1,029,628.878
    3000    2780     0       | 300  1234567    | 1929629      both_rates_add_up
    3000    0        1000000 | 100  1000000    | 1000000      the_least_fee_of_an_execution
    3000    0        1000000 | 1000 1000000    | 3000000      above_the_least
    0       100000000 0      | 1    1999999900 | 199999990000 all_of_the_value
"""


@pytest.mark.parametrize("per_lot,e8,least,lots,price,fee,why", rows(FEE_TABLE))
def test_fee_table(per_lot, e8, least, lots, price, fee, why):
    held = rule(int(per_lot), int(e8), int(least))
    assert fee_of(held, int(lots), int(price), UNIT) == int(fee), why


def test_fee_of_the_greatest_value_does_not_overflow():
    value = 2_000_000_000 * 23_000_000 * 100  # 4.6e18, just inside int64
    assert fee_of(rule(0, 99_999_999), 23_000_000, 2_000_000_000, 100) == rounded_fraction(
        Fraction(value * 99_999_999, 10**8)
    )


def test_share_of_huge_costs_neither_overflows_nor_loses_the_sign():
    for cost in (2**61 + 12345, -(2**61) - 12345, 7, -7, 0):
        for part, whole in ((1, 3), (2**31 - 1, 2**31), (2, 2), (1, 2)):
            assert share_of(cost, part, whole) == rounded_fraction(Fraction(cost * part, whole))


def test_spread_and_marks_need_a_mid():
    assert spread_of(SIDE_BUY, 100, 999_900, 2_000_000, 100) == 1_000_000
    assert spread_of(SIDE_SELL, 100, 1_000_100, 2_000_000, 100) == 1_000_000
    assert spread_of(SIDE_BUY, 100, 1_000_100, 2_000_000, 100) == -1_000_000
    assert spread_of(SIDE_BUY, 100, 999_900, 0, 100) == 0
    assert (spread_of(SIDE_BUY, 1, 2, 3, 1), spread_of(SIDE_BUY, 1, 1, 3, 1)) == (-1, 1)
    assert unrealised_of(-10, -1_000_000_000, 1_980_000, 100) == 10_000_000
    assert unrealised_of(10, 1_000_000_000, 0, 100) == 0


def test_lots_of_one_price_in_a_row_share_a_lot_and_closed_ones_are_free_again():
    row = Row(lots=2)
    for _ in range(5):
        row.trade("buy", 10, 1_000_000)
    row.trade("buy", 1, 1_000_100)
    assert lots_of(row.pool, row.queue) == [(1_000_000, 50), (1_000_100, 1)] and row.pool[0]["used"] == 2
    row.trade("sell", 51, 1_000_000)
    assert lots_of(row.pool, row.queue) == [] and row.pool[0]["used"] == 0


# a pool of two lots; `told` is what the trade says
FULL_POOL = """
    side lots price   | told unusable position fifo_realised
    buy  1    1000000 | kept 0        1        0
    buy  1    1000100 | kept 0        2        0
    buy  1    1000200 | FULL 1        3        0
    sell 1    1000900 | kept 1        2        0
    sell 2    1001000 | kept 0        0        260000
    buy  1    1000000 | kept 0        1        260000
    sell 3    1000100 | kept 0        -2       270000
"""


def test_a_row_without_a_free_lot_is_unusable_until_flat_and_then_exact_again():
    row = Row(lots=2)
    for side, lots, price, told, unusable, position, realised in rows(FULL_POOL):
        assert row.trade(side, int(lots), int(price)) == {"kept": LOTS_KEPT, "FULL": LOTS_FULL}[told]
        assert row.queue["unusable"] == int(unusable) and row.position["position_lots"] == int(position)
        assert row.queue["realised_micro"] == int(realised), (side, lots, price)
    assert row.pool[0]["used"] == 1


def test_a_row_without_a_free_lot_that_turns_round_opens_its_lots_anew():
    row = Row(lots=1)
    row.trade("buy", 1, 1_000_000)
    assert row.trade("buy", 1, 1_000_100) == LOTS_FULL
    assert row.trade("sell", 5, 1_000_200) == LOTS_KEPT
    assert lots_of(row.pool, row.queue) == [(1_000_200, 3)] and row.queue["unusable"] == 0
    assert row.queue["realised_micro"] == row.position["realised_micro"] == 30_000


def test_rows_share_one_pool_and_give_everything_back():
    chance = random.Random(3)
    print("seed 3")
    first, second = Row(lots=16), Row(lots=0)
    second.pool = first.pool
    for _ in range(300):
        row = chance.choice((first, second))
        row.trade(chance.choice(("buy", "sell")), chance.randint(1, 9), 1_000_000 + chance.randint(-9, 9))
        held = len(lots_of(first.pool, first.queue)) + len(lots_of(first.pool, second.queue))
        assert first.pool[0]["used"] == held <= 16
    for row in (first, second):
        clear(row.position)
        drop_all(first.pool[0], row.queue)
    assert first.pool[0]["used"] == 0
    free, seen = int(first.pool[0]["free"]), set()
    while free:
        seen.add(free)
        free = int(first.lots[free]["next"])
    assert len(seen) == 16

"""Average-cost accounting as tables that a trader can review, and random trades against a slow oracle."""

import random

import numpy as np
import pytest

from procs.position_keeper.accounts import check, execute, fee_of, share_of, spread_of, undo, unrealised_of
from shm.codes import LIQUIDITY_ADDED, LIQUIDITY_REMOVED, SIDE_BUY, SIDE_SELL
from shm.jit import JIT_OFF
from shm.records.position import POSITION
from tests.oracles.position import Account, Fill

SIDES = {"buy": SIDE_BUY, "sell": SIDE_SELL}
LIQUIDITIES = {"added": LIQUIDITY_ADDED, "removed": LIQUIDITY_REMOVED}
ADDED_MICRO, REMOVED_MICRO = -2000, 3000

# unit 100: 1 price tick of 1e-4 USD on 1 share. Columns after the arrow are the account after the event.
SCENARIOS = {
    "long, closed in parts": """
        event   side  lots  price    liquidity -> position  cost         realised  fees
        trade   buy   100   1000000  added     ->  100      10000000000  0         -200000
        trade   buy   100   1010000  added     ->  200      20100000000  0         -400000
        trade   sell  50    1020000  added     ->  150      15075000000  75000000  -500000
        trade   sell  150   1000000  removed   ->  0        0            0         -50000
    """,
    "short, turned round in one trade": """
        event   side  lots  price    liquidity -> position  cost         realised  fees
        trade   sell  10    1000000  added     ->  -10      -1000000000  0         -20000
        trade   buy   25    990000   removed   ->  15       1485000000   10000000  55000
        trade   sell  15    990000   added     ->  0        0            10000000  25000
    """,
    "a cost that does not divide keeps its remainder": """
        event   side  lots  price    liquidity -> position  cost         realised  fees
        trade   buy   1     1000001  added     ->  1        100000100    0         -2000
        trade   buy   2     1000002  added     ->  3        300000500    0         -6000
        trade   sell  1     1000001  added     ->  2        200000334    -66       -8000
        trade   sell  1     1000001  added     ->  1        100000167    -133      -10000
        trade   sell  1     1000001  added     ->  0        0            -200      -12000
    """,
    "a broken trade gives everything back": """
        event   side  lots  price    liquidity -> position  cost         realised  fees
        trade   buy   10    1000000  added     ->  10       1000000000   0         -20000
        trade   buy   10    1200000  removed   ->  20       2200000000   0         10000
        break   buy   10    1200000  removed   ->  10       1100000000   100000000 -20000
        trade   sell  10    1000000  added     ->  0        0            0         -40000
    """,
}


def apply(row, event, side, lots, price, liquidity, unit=100):
    book = execute if event == "trade" else undo
    book(row, side, lots, price, unit)
    fee = fee_of(liquidity, lots, ADDED_MICRO, REMOVED_MICRO)
    row["fees_micro"] += fee if event == "trade" else -fee


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_table(name):
    row = np.zeros(1, POSITION)[0:1][0]
    for line in SCENARIOS[name].strip().splitlines()[1:]:
        event, side, lots, price, liquidity, _, *expected = line.split()
        apply(row, event, SIDES[side], int(lots), int(price), LIQUIDITIES[liquidity])
        found = [int(row[field]) for field in ("position_lots", "cost_micro", "realised_micro", "fees_micro")]
        assert found == [int(word) for word in expected], line
        check(row)


@pytest.mark.parametrize("seed", range(4))
def test_random_trades_and_breaks_equal_the_oracle_exactly(seed):
    print("seed", seed)
    chance = random.Random(seed)
    unit = chance.choice((100, 5000, 1))
    row, account, fills = np.zeros(1, POSITION)[0], Account(unit), []
    for _ in range(60 if JIT_OFF else 150):
        if fills and chance.random() < 0.1:
            fill, liquidity = fills.pop(chance.randrange(len(fills)))
            account.undo(fill)
            event = "break"
        else:
            liquidity = chance.choice((LIQUIDITY_ADDED, LIQUIDITY_REMOVED))
            fee = ADDED_MICRO if liquidity == LIQUIDITY_ADDED else REMOVED_MICRO
            fill = Fill(chance.choice((1, -1)), chance.randint(1, 40), chance.randint(999_000, 1_001_000), fee)
            fills.append((fill, liquidity))
            account.execute(fill)
            event = "trade"
        apply(row, event, SIDE_BUY if fill.sign > 0 else SIDE_SELL, fill.lots, fill.price, liquidity, unit)
        check(row)
        for field, value in account.totals().items():
            assert row[field] == value, (field, account.events)
        cost, realised = account.average_cost(exact=False)
        assert (row["cost_micro"], row["realised_micro"]) == (cost, realised)
        exact_cost, _exact_realised = account.average_cost(exact=True)
        assert abs(row["cost_micro"] - exact_cost) < len(account.events)  # one micro-unit a close, at most


def test_share_of_huge_costs_neither_overflows_nor_rounds_away_from_zero():
    for cost in (2**61 + 12345, -(2**61) - 12345, 7, -7, 0):
        for part, whole in ((1, 3), (2**31 - 1, 2**31), (2, 2)):
            exact = abs(cost) * part // whole
            assert share_of(cost, part, whole) == (exact if cost >= 0 else -exact)


def test_spread_and_marks_need_a_mid():
    assert spread_of(SIDE_BUY, 100, 999_900, 2_000_000, 100) == 1_000_000
    assert spread_of(SIDE_SELL, 100, 1_000_100, 2_000_000, 100) == 1_000_000
    assert spread_of(SIDE_BUY, 100, 1_000_100, 2_000_000, 100) == -1_000_000
    assert spread_of(SIDE_BUY, 100, 999_900, 0, 100) == 0
    assert unrealised_of(-10, -1_000_000_000, 1_980_000, 100) == 10_000_000
    assert unrealised_of(10, 1_000_000_000, 0, 100) == 0

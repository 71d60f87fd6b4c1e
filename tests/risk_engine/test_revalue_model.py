"""Revaluation, stress and margin of random portfolios equal the slow oracle; what cannot be valued is named first."""

import math

import numpy as np
import pytest

from procs.risk_engine.american import new_tree
from procs.risk_engine.book import KIND_EQUITY, KIND_FUTURE, KIND_OPTION_AMERICAN, first_invalid
from procs.risk_engine.errors import BadMarginRule, BadScenarios
from procs.risk_engine.margin import POINTS, class_points, new_rule, point_move, portfolio_margin
from procs.risk_engine.revalue import COLUMNS, DELTA, GAMMA, RHO, THETA, VALUE, VEGA, revalue, value_at, values_under
from procs.risk_engine.stress import new_grid, stress_grid, worst_point
from tests.oracles import portfolio_risk as oracle
from tests.oracles.option_price import bump
from tests.support.risk_book import SPOTS, book_of, random_portfolio, seeds

SEEDS = seeds(1, 3)
STEPS = 15
UNDERLYINGS = len(SPOTS)


@pytest.mark.parametrize("seed", SEEDS)
def test_values_of_any_kind_equal_the_oracle_now_and_under_a_scenario(seed):
    book, _, spots, portfolio = random_portfolio(seed, 60)
    tree, results, values = new_tree(STEPS), np.zeros((60, COLUMNS)), np.zeros(60)
    assert first_invalid(book, spots) == -1
    revalue(book, spots, tree, results)
    moved, shifts = spots * np.array([0.9, 1.2, 1.05]), np.array([0.05, -0.1, 0.3])
    values_under(book, moved, shifts, 0.0, tree, values)
    for row, (one, _) in enumerate(portfolio):
        u = one.underlying
        assert results[row, VALUE] == pytest.approx(oracle.value(one, SPOTS[u], 0.0, STEPS), rel=1e-9, abs=1e-7), (
            seed,
            row,
        )
        expected = oracle.value(one, moved[u], shifts[u], STEPS)
        assert values[row] == pytest.approx(expected, rel=1e-9, abs=1e-7), (seed, row, one)


def slopes(one, spot) -> dict:
    """Central differences of the oracle's value, {column: (slope, how exact)}; a tree's value is not smooth in spot or time."""

    def at(spot, vol=0.0, rate=0.0, days=0.0):
        return oracle.value(one._replace(rate=one.rate + rate, years=one.years - days / 365), spot, vol, STEPS)

    size, h = one.multiplier * spot, 1e-3 * spot
    vega = bump(lambda x: at(spot, vol=x), 0.0, 1e-3) if one.kind not in (KIND_EQUITY, KIND_FUTURE) else 0.0
    found = {VEGA: (vega, 1e-5 * size), RHO: (bump(lambda x: at(spot, rate=x), 0.0, 1e-4), 1e-6 * size)}
    if one.kind != KIND_OPTION_AMERICAN:
        found[DELTA] = bump(at, spot, h), 1e-5 * one.multiplier
        found[GAMMA] = (at(spot + h) - 2 * at(spot) + at(spot - h)) / (h * h), 1e-5 * one.multiplier
        found[THETA] = bump(lambda x: at(spot, days=x), 0.0, 0.05), 1e-7 * size
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_greeks_are_the_slopes_of_the_value_in_their_stated_units(seed):
    book, _, spots, portfolio = random_portfolio(seed, 60)
    results = np.zeros((60, COLUMNS))
    revalue(book, spots, new_tree(STEPS), results)
    for row, (one, _) in enumerate(portfolio):
        for column, (slope, exact) in slopes(one, SPOTS[one.underlying]).items():
            assert results[row, column] == pytest.approx(slope, rel=1e-3, abs=exact), (seed, row, column, one)


# what one field of an otherwise sane option, on its spot, makes of its row
INVALID = """
field           value   -> answer
kind            0          refused
kind            5          refused
kind            -1         refused
underlying      -1         refused
underlying      3          refused
right           0          refused
right           2          refused
strike          0          refused
strike          -5         refused
strike          nan        refused
strike          inf        refused
years           nan        refused
years           inf        refused
years           9000       refused
years           -1         valued
years           0          valued
multiplier      0          refused
multiplier      nan        refused
vol             -0.1       refused
vol             nan        refused
vol             inf        refused
vol             0          valued
rate            nan        refused
rate            1000       refused
dividend_yield  inf        refused
dividend_yield  -500       refused
carry_per_rate  nan        refused
"""


@pytest.mark.parametrize("line", INVALID.strip().splitlines()[1:])
@pytest.mark.parametrize("kind", (3, 4))
def test_rows_that_cannot_be_valued_are_named_before_anything_is_valued(line, kind):
    field, value, answer = line.split()
    sane = oracle.Instrument(kind, 1, 1, 2700.0, 0.5, 100.0, 0.2, 0.02, 0.01, 1.0)
    assert first_invalid(book_of([sane, sane]), np.array(SPOTS)) == -1
    book = book_of(
        [sane, sane._replace(**{field: float(value) if "." in value or value in ("nan", "inf") else int(value)})]
    )
    found = first_invalid(book, np.array(SPOTS))
    assert found == (1 if answer == "refused" else -1)
    if answer == "valued":
        assert math.isfinite(value_at(book, 1, 2700.0, 0.0, 0.0, new_tree(STEPS)))


@pytest.mark.parametrize("spot", (0.0, -1.0, math.nan, math.inf))
def test_a_price_of_an_underlying_that_is_none_names_the_first_row_on_it(spot):
    book, _, spots, portfolio = random_portfolio(4, 30)
    spots[1] = spot
    first = next(row for row, (one, _) in enumerate(portfolio) if one.underlying == 1)
    assert first_invalid(book, spots) == first


@pytest.mark.parametrize("seed", SEEDS)
def test_the_stress_grid_equals_the_oracle_by_underlying_and_firm(seed):
    book, contracts, spots, portfolio = random_portfolio(seed, 40)
    prices, vols, grid = new_grid(UNDERLYINGS, [-0.2, -0.05, 0.0, 0.1], [-0.1, 0.0, 0.25])
    grid[:] = np.nan
    stress_grid(book, contracts, spots, prices, vols, new_tree(STEPS), grid)
    for plane in range(UNDERLYINGS + 1):
        which = None if plane == UNDERLYINGS else plane
        expected = [[oracle.stress(portfolio, SPOTS, which, p, v, STEPS) for v in vols] for p in prices]
        assert grid[plane] == pytest.approx(np.array(expected), rel=1e-8, abs=1e-4), (seed, plane)
        worst, at_price, at_vol = worst_point(grid[plane])
        assert worst == grid[plane].min() == grid[plane, at_price, at_vol]
    assert grid[UNDERLYINGS] == pytest.approx(grid[:UNDERLYINGS].sum(axis=0), rel=1e-9, abs=1e-6)
    assert (np.abs(grid[:, 2, 1]) < 1e-9).all(), "nothing moved"


def test_a_value_that_is_no_number_is_never_taken_for_a_small_loss():
    plane = np.array([[5.0, 1.0], [math.nan, -3.0]])
    worst, at_price, at_vol = worst_point(plane)
    assert math.isnan(worst) and (at_price, at_vol) == (1, 0)
    rule, margins = new_rule([-0.1, -0.1], [0.1, 0.1], [0, 1], [0.0, 0.0]), np.zeros(2)
    for point in range(POINTS):
        points = np.full((2, POINTS), -100.0)
        points[1, point] = math.nan
        assert math.isnan(portfolio_margin(rule, points, np.ones(2), margins)), point
        assert margins[0] == 100.0 and math.isnan(margins[1])


@pytest.mark.parametrize(
    "prices, vols, words",
    (
        ([], [0.1], "price moves"),
        ([-1.0], [0.1], "above -1"),
        ([math.nan], [0.1], "finite fractions"),
        ([math.inf], [0.1], "finite fractions"),
        ([0.1], [], "vol moves"),
        ([0.1], [math.nan], "0.1 is 10 points"),
    ),
)
def test_moves_that_are_none_are_refused(prices, vols, words):
    with pytest.raises(BadScenarios) as refused:
        new_grid(2, prices, vols)
    assert words in str(refused.value)


def test_the_ten_points_are_five_equal_steps_down_and_five_up():
    rule = new_rule([-0.15, -0.08], [0.15, 0.06], [0, 1], [0.0, 0.9])
    assert POINTS == 10
    moves = [[round(point_move(rule, u, point), 12) for point in range(POINTS)] for u in (0, 1)]
    assert moves[0] == [-0.15, -0.12, -0.09, -0.06, -0.03, 0.03, 0.06, 0.09, 0.12, 0.15]
    assert moves[1] == [-0.08, -0.064, -0.048, -0.032, -0.016, 0.012, 0.024, 0.036, 0.048, 0.06]


# two classes of shares at 100, futures with multiplier 10; offsets and minimum as given; margin by hand
MARGIN = """
position                            group of b  offset  minimum   margin  why
100 shares a                                 1    0.0     0.375     1500  15 % of 10,000
-100 shares a                                1    0.0     0.375     1500  the other way
100 shares a, 100 shares b                   1    0.9     0.375     3000  two groups: no offset
100 shares a, 100 shares b                   0    0.9     0.375     3000  one group, both lose at one point
100 shares a, -100 shares b                  1    0.9     0.375     3000  two groups, a hedge counts nothing
100 shares a, -100 shares b                  0    0.9     0.375      150  one group: 1,500 lost, 90 % of 1,500 gained
100 shares a, -100 shares b                  0    1.0     0.375        0  a full offset; shares have no minimum
10 futures a                                 1    0.0     0.375     1500  15 % of 10 x 10 x 100
10 futures a, -100 shares a                  1    0.0     0.375     37.5  hedged within a class: the minimum, 10 x 10 x 0.375
10 futures a, -100 shares a                  1    0.0     0            0  no minimum configured
"""


@pytest.mark.parametrize("line", MARGIN.strip().splitlines()[1:])
def test_margin_by_hand(line):
    words = line[36:].split(maxsplit=4)
    instruments, contracts = [], []
    for position in line[:36].split(","):
        count, what, which = position.split()
        kind = KIND_EQUITY if what == "shares" else KIND_FUTURE
        instruments.append(
            oracle.Instrument(kind, "ab".index(which), 0, 0, 0.0, 1.0 if what == "shares" else 10.0, 0, 0, 0, 0)
        )
        contracts.append(float(count))
    group, offset, minimum, expected = int(words[0]), *map(float, words[1:4])
    rule = new_rule([-0.15, -0.15], [0.15, 0.15], [0, group], [offset, offset], minimum)
    points, minimums, margins = np.zeros((2, POINTS)), np.zeros(2), np.zeros(2)
    class_points(book_of(instruments), np.array(contracts), np.full(2, 100.0), rule, new_tree(STEPS), points, minimums)
    assert portfolio_margin(rule, points, minimums, margins) == pytest.approx(expected, abs=1e-9)
    assert margins.sum() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_margin_of_random_portfolios_equals_the_oracle(seed):
    book, contracts, spots, portfolio = random_portfolio(seed, 30)
    down, up, group, offset = [-0.15, -0.08, -0.1], [0.15, 0.06, 0.1], [1, 0, 0], [0.9, 0.0]
    rule = new_rule(down, up, group, offset)
    points, minimums, margins = np.zeros((UNDERLYINGS, POINTS)), np.zeros(UNDERLYINGS), np.zeros(2)
    class_points(book, contracts, spots, rule, new_tree(STEPS), points, minimums)
    found = portfolio_margin(rule, points, minimums, margins)
    assert found == pytest.approx(oracle.margin(portfolio, SPOTS, down, up, group, offset, 0.375, STEPS), rel=1e-9), (
        seed
    )


REFUSED = (
    ("down 0", dict(down=[0.0]), "below 0"),
    ("down past nothing", dict(down=[-1.0]), "above -1"),
    ("up negative", dict(up=[-0.1]), "up of each class above 0"),
    ("up infinite", dict(up=[math.inf]), "finite"),
    ("down nan", dict(down=[math.nan]), "below 0"),
    ("group beyond", dict(group=[1]), "from 0 to 0"),
    ("offset above 1", dict(offset=[1.1]), "from 0 to 1"),
    ("offset nan", dict(offset=[math.nan]), "from 0 to 1"),
    ("minimum negative", dict(minimum_per_unit=-0.1), "at least 0"),
    ("fewer ups", dict(up=[0.1, 0.1]), "as many"),
)


@pytest.mark.parametrize("what, change, words", REFUSED, ids=[row[0] for row in REFUSED])
def test_a_rule_that_bounds_no_loss_is_refused(what, change, words):
    with pytest.raises(BadMarginRule) as refused:
        new_rule(**(dict(down=[-0.15], up=[0.15], group=[0], offset=[0.0]) | change))
    assert words in str(refused.value)

"""VaR and expected shortfall of each method equal the slow oracle on random portfolios; bad input is refused."""

import math
import random
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pytest

from procs.risk_engine.american import new_tree
from procs.risk_engine.errors import BadScenarios
from procs.risk_engine.revalue import COLUMNS, revalue, values_under
from procs.risk_engine.scenarios import (
    covariance,
    draw_normals,
    factorise,
    log_returns,
    monte_carlo_factors,
    scenario_pnl,
)
from procs.risk_engine.var import factor_exposures, normal_quantile, parametric_loss, tail_loss
from tests.oracles import portfolio_risk as oracle
from tests.support.risk_book import SPOTS, random_portfolio, seeds

SEEDS = seeds(11, 2)
SEED, STEPS = 10, 5
UNDERLYINGS = len(SPOTS)

# P&L of 20 scenarios: -10, -9, ..., -1 and ten gains; by hand
TAIL = """
scenarios  level_bps  -> var     es      why
20         9500          10     10       the worst one in twenty
20         9000           9      9.5     the second worst; mean of the two
20         8000           7      8.5     the fourth worst; (10 + 9 + 8 + 7) / 4
20         9900          10     10       a fifth of a scenario: the worst
20         9250           9      9.6667  1.5 scenarios: (10 + 0.5 x 9) / 1.5
20         5500           2      6       nine scenarios: (10 + ... + 2) / 9
1          9900          10     10       one scenario
"""


@pytest.mark.parametrize("line", TAIL.strip().splitlines()[1:])
def test_quantile_and_shortfall_by_hand(line):
    scenarios, level, value_at_risk, shortfall = map(float, line.split()[:4])
    gains = ([-10.0, -9, -8, -7, -6, -5, -4, -3, -2, -1, *range(1, 11)])[: int(scenarios)]
    shuffled = random.Random(1).sample(gains, len(gains))
    found = tail_loss(np.array(shuffled), int(level))
    assert found.value_at_risk == value_at_risk
    assert found.expected_shortfall == pytest.approx(shortfall, abs=5e-5)
    assert shuffled[found.worst_scenario] == -10.0


def test_the_tail_of_random_gains_equals_the_oracle_at_every_level():
    draw = random.Random(SEED)
    for _ in range(300):
        gains = [draw.choice((draw.gauss(0, 1e6), -5.0, 0.0)) for _ in range(draw.randint(1, 600))]
        level_bps = draw.choice((9900, 9950, 9750, 9500, 9999, 5001, draw.randint(5001, 9999)))
        found = tail_loss(np.array(gains), level_bps)
        value_at_risk, shortfall = oracle.tail(gains, Fraction(level_bps, 10_000))
        assert found.value_at_risk == value_at_risk, (SEED, len(gains), level_bps)
        assert found.expected_shortfall == pytest.approx(shortfall, rel=1e-9, abs=1e-9)
        assert found.expected_shortfall >= found.value_at_risk - 1e-9 * abs(found.value_at_risk)


def scenarios_of(seed, count):
    draw = random.Random(seed)
    days = [[draw.gauss(0, 0.02) for _ in SPOTS] + [draw.gauss(0, 0.015) for _ in SPOTS] for _ in range(count)]
    factors = np.array(days)
    return days, np.ascontiguousarray(factors[:, :UNDERLYINGS]), np.ascontiguousarray(factors[:, UNDERLYINGS:])


def scopes(contracts, portfolio):
    """Quantities of the firm, of one underlying, of nobody; and the oracle's portfolios."""
    on_first = np.array([one.underlying == 0 for one, _ in portfolio])
    quantities = np.array([contracts, contracts * on_first, np.zeros_like(contracts)])
    return quantities, (portfolio, [held for held in portfolio if held[0].underlying == 0], [])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("days", (0.0, 1.0))
def test_historical_simulation_with_full_revaluation_equals_the_oracle(seed, days):
    book, contracts, spots, portfolio = random_portfolio(seed, 25)
    past, returns, vol_changes = scenarios_of(seed, 40)
    quantities, held = scopes(contracts, portfolio)
    tree, base, pnl = new_tree(STEPS), np.zeros(25), np.zeros((3, 40))
    values_under(book, spots, np.zeros(UNDERLYINGS), 0.0, tree, base)
    later = book._replace(years=book.years - days / 365)
    scenario_pnl(later, base, quantities, spots, returns, vol_changes, tree, pnl)
    for scope in range(3):
        moves = ([math.exp(x) for x in day[:UNDERLYINGS]] for day in past)
        expected = [
            oracle.gain(held[scope], SPOTS, move, day[UNDERLYINGS:], STEPS, days)
            for move, day in zip(moves, past, strict=True)
        ]
        assert pnl[scope] == pytest.approx(expected, rel=1e-8, abs=1e-4), (seed, scope)
        value_at_risk, shortfall = oracle.tail(expected, Fraction(95, 100))
        found = tail_loss(pnl[scope], 9500)
        assert found[:2] == pytest.approx((value_at_risk, shortfall), rel=1e-8, abs=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_parametric_equals_the_oracles_moments(seed):
    book, contracts, spots, portfolio = random_portfolio(seed, 25)
    past, _, _ = scenarios_of(seed, 40)
    greeks, linear, curvature = np.zeros((25, COLUMNS)), np.zeros(2 * UNDERLYINGS), np.zeros(UNDERLYINGS)
    revalue(book, spots, new_tree(STEPS), greeks)
    theta = factor_exposures(book, greeks, contracts, spots, linear, curvature)
    a, g, t = [0.0] * 2 * UNDERLYINGS, [0.0] * UNDERLYINGS, 0.0
    for row, (one, count) in enumerate(portfolio):
        _, delta, gamma, vega, decay, _ = greeks[row].tolist()
        u, spot = one.underlying, SPOTS[one.underlying]
        a[u] += count * delta * spot
        a[UNDERLYINGS + u] += count * vega
        g[u] += count * (gamma * spot**2 + delta * spot)
        t += count * decay
    assert (linear.tolist(), curvature.tolist(), theta) == (pytest.approx(a), pytest.approx(g), pytest.approx(t))
    cov = oracle.covariance(past)
    assert covariance(past) == pytest.approx(np.array(cov), rel=1e-12)
    for level_bps in (9500, 9900):
        found = parametric_loss(linear, curvature, np.array(cov), theta, level_bps)
        expected = oracle.delta_gamma_normal(t, a, g, cov, level_bps / 10_000)
        assert found[:2] == pytest.approx(expected, rel=1e-8), (seed, level_bps)


@pytest.mark.parametrize("seed", SEEDS)
def test_monte_carlo_equals_the_oracle_on_the_same_normals(seed):
    book, contracts, spots, portfolio = random_portfolio(seed, 25)
    past, _, _ = scenarios_of(seed, 40)
    cov, count = covariance(past), 60
    returns, vol_changes = monte_carlo_factors(cov, seed, count)
    lower = np.linalg.cholesky(cov)
    tree, base, pnl = new_tree(STEPS), np.zeros(25), np.zeros((1, count))
    values_under(book, spots, np.zeros(UNDERLYINGS), 0.0, tree, base)
    scenario_pnl(book, base, contracts[None, :], spots, returns, vol_changes, tree, pnl)
    expected = []
    for normals in draw_normals(seed, count, 2 * UNDERLYINGS).tolist():
        factors = [sum(lower[i, j] * normals[j] for j in range(i + 1)) for i in range(2 * UNDERLYINGS)]
        moves = [math.exp(x) for x in factors[:UNDERLYINGS]]
        expected.append(oracle.gain(portfolio, SPOTS, moves, factors[UNDERLYINGS:], STEPS))
    assert pnl[0] == pytest.approx(expected, rel=1e-7, abs=1e-3), seed
    assert tail_loss(pnl[0], 9500)[:2] == pytest.approx(oracle.tail(expected, Fraction(95, 100)), rel=1e-7)


def test_a_seed_gives_the_same_scenarios_again_and_another_seed_others():
    cov = covariance(scenarios_of(1, 50)[0])
    first, again, other = (monte_carlo_factors(cov, seed, 100) for seed in (7, 7, 8))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_drawn_scenarios_have_the_covariance_that_was_asked_for():
    cov = covariance(scenarios_of(2, 50)[0])
    found = covariance(np.hstack(monte_carlo_factors(cov, 3, 200_000)))
    size = np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
    assert np.abs(found - cov).max() / size.max() < 0.01


def test_for_a_linear_book_the_three_methods_agree():
    """One share: log returns of 1 % a day, so VaR at 99 % is close to 2.326 % of the price."""
    from procs.risk_engine.book import KIND_EQUITY, new_book

    book, spots, tree = new_book(1), np.array([100.0]), new_tree(STEPS)
    book.kind[0], book.multiplier[0] = KIND_EQUITY, 1.0
    cov = np.array([[1e-4, 0.0], [0.0, 0.0]])
    drawn = monte_carlo_factors(cov, 1, 200_000)
    pnl = np.zeros((1, 200_000))
    scenario_pnl(book, np.array([100.0]), np.array([[1.0]]), spots, *drawn, tree, pnl)
    greeks, linear, curvature = np.zeros((1, COLUMNS)), np.zeros(2), np.zeros(1)
    revalue(book, spots, tree, greeks)
    factor_exposures(book, greeks, np.ones(1), spots, linear, curvature)
    by_formula = parametric_loss(linear, curvature, cov, 0.0, 9900)
    by_drawing = tail_loss(pnl[0], 9900)
    assert by_formula.value_at_risk == pytest.approx(2.326, abs=0.01)
    assert by_drawing.value_at_risk == pytest.approx(100 * (1 - math.exp(-0.02326)), abs=0.02)
    assert by_drawing.expected_shortfall == pytest.approx(by_formula.expected_shortfall, abs=0.05)


def test_a_singular_covariance_is_drawn_from_and_one_that_is_none_is_refused():
    twice = np.array([[4.0, 4.0], [4.0, 4.0]]) * 1e-4
    lower = np.zeros((2, 2))
    assert factorise(twice, lower) == 1 and lower @ lower.T == pytest.approx(twice)
    returns, vol_changes = monte_carlo_factors(twice, 1, 50)
    assert np.array_equal(returns, vol_changes) and returns.std() > 0
    assert factorise(np.zeros((2, 2)), lower) == 0
    short = covariance(scenarios_of(4, 3)[0])  # three days, six factors
    assert factorise(short, np.zeros((6, 6))) == 3
    assert factorise(np.array([[1.0, 2.0], [2.0, 1.0]]), lower) == -1
    for matrix in ([[1.0, 2.0], [2.0, 1.0]], [[1.0, 0.5], [0.4, 1.0]], [[math.nan, 0], [0, 1]], [[1.0]]):
        with pytest.raises(BadScenarios, match="positive semi-definite"):
            monte_carlo_factors(np.array(matrix), 1, 10)


def test_the_normal_quantile_equals_the_standard_librarys():
    for level in (0.5001, 0.9, 0.95, 0.975, 0.99, 0.999, 0.9999, 0.0001, 0.3):
        assert normal_quantile(level) == pytest.approx(NormalDist().inv_cdf(level), rel=1e-12)


REFUSED = (
    ("a level as a fraction", lambda: tail_loss(np.ones(5), 0.99), "whole basis points"),
    ("a level of one", lambda: tail_loss(np.ones(5), 10_000), "below 10000"),
    ("the tail's share for its level", lambda: tail_loss(np.ones(5), 100), "above 5000"),
    ("no scenarios", lambda: tail_loss(np.ones(0), 9900), "at least one scenario"),
    ("a P&L that is nan", lambda: tail_loss(np.array([1.0, math.nan]), 9900), "with 1 not finite"),
    ("one day of prices", lambda: log_returns([[1.0, 2.0]]), "at least two days"),
    ("a price of 0", lambda: log_returns([[1.0], [0.0]]), "above 0"),
    ("a price that is nan", lambda: log_returns([[1.0], [math.nan]]), "finite prices"),
    ("factors that are nan", lambda: covariance([[math.nan, 1.0]]), "finite factors"),
    ("no factors", lambda: covariance(np.zeros((0, 2))), "at least one scenario"),
    ("other factors", lambda: parametric_loss(np.ones(4), np.ones(2), np.ones((2, 2)), 0.0, 9900), "4 first-order"),
    ("infinite exposure", lambda: parametric_loss([math.inf, 0], [0], np.eye(2), 0.0, 9900), "finite exposures"),
    ("a covariance that is nan", lambda: parametric_loss([0, 0], [0], np.full((2, 2), math.nan), 0.0, 9900), "finite"),
)


@pytest.mark.parametrize("what, make, words", REFUSED, ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_with_what_was_expected(what, make, words):
    with pytest.raises(BadScenarios) as refused:
        make()
    assert words in str(refused.value)


def test_log_returns_by_hand():
    assert log_returns([[100.0, 50.0], [110.0, 50.0], [99.0, 25.0]]) == pytest.approx(
        np.array([[math.log(1.1), 0.0], [math.log(0.9), math.log(0.5)]])
    )

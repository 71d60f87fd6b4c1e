"""Scenarios of risk factors, and what portfolios gain under each by full revaluation.

A scenario is one joint move over the horizon: for each underlying its log return, and the change of vol that is added
to each of its options, per 1.00. Historical ones are past days; those of Monte Carlo are drawn from a covariance.

Factors stand in this order wherever there is one array for all: returns of the underlyings, then their vol changes.
"""

import math

import numpy as np

from procs.risk_engine.black_scholes import price_of_legs
from procs.risk_engine.book import KIND_OPTION_EUROPEAN, carry_of
from procs.risk_engine.errors import BadScenarios
from procs.risk_engine.revalue import value_at
from shm.jit import hot

_PIVOT_MIN = 1e-12  # of the largest variance: smaller is a factor that the others determine


@hot
def scenario_pnl(book, base_values, quantities, spots, returns, vol_changes, tree, pnl):
    """P&L of portfolios under every scenario into pnl[portfolios, scenarios], currency, positive is gain.

    book: at the horizon (its `years` shorter by the horizon when time is to pass); base_values[n]: per contract now.
    quantities: float64[portfolios, n], contracts, negative is short; returns and vol_changes: float64[scenarios,
    underlyings]. Each instrument is valued once a scenario, however many portfolios hold it, and not at all when none.
    """
    pnl[:] = 0.0
    for row in range(base_values.shape[0]):
        if held_by_any(quantities, row) == 0:
            continue
        underlying, base = book.underlying[row], base_values[row]
        spot = spots[underlying]
        if book.kind[row] == KIND_OPTION_EUROPEAN:
            european_pnl(book, row, base, quantities, spot, returns, vol_changes, pnl)
            continue
        for scenario in range(returns.shape[0]):
            moved = spot * math.exp(returns[scenario, underlying])
            gain = value_at(book, row, moved, vol_changes[scenario, underlying], 0.0, tree) - base
            add_gain(quantities, row, gain, pnl, scenario)


@hot
def european_pnl(book, row, base, quantities, spot, returns, vol_changes, pnl):
    """One European option's part of scenario_pnl: what no scenario changes is worked out once: half the time."""
    underlying, right, strike, multiplier = (
        book.underlying[row],
        book.right[row],
        book.strike[row],
        book.multiplier[row],
    )
    years, rate, carry, vol = max(book.years[row], 0.0), book.rate[row], carry_of(book, row, 0.0), book.vol[row]
    root, log_moneyness = math.sqrt(years), math.log(spot / strike) + carry * years
    asset, cash = spot * math.exp((carry - rate) * years), strike * math.exp(-rate * years)
    for scenario in range(returns.shape[0]):
        moved = returns[scenario, underlying]
        deviation = max(vol + vol_changes[scenario, underlying], 0.0) * root
        price = price_of_legs(right, log_moneyness + moved, asset * math.exp(moved), cash, deviation)
        add_gain(quantities, row, multiplier * price - base, pnl, scenario)


@hot
def add_gain(quantities, row, gain, pnl, scenario):
    """A contract's gain to every portfolio, by its quantity."""
    for portfolio in range(quantities.shape[0]):
        pnl[portfolio, scenario] += quantities[portfolio, row] * gain


@hot
def held_by_any(quantities, row):
    """1 when a portfolio has a quantity of the row, else 0."""
    for portfolio in range(quantities.shape[0]):
        if quantities[portfolio, row] != 0.0:
            return 1
    return 0


def log_returns(prices) -> np.ndarray:
    """float64[days - 1, underlyings] of positive prices float64[days, underlyings]. Raises BadScenarios."""
    prices = np.asarray(prices, np.float64)
    if prices.ndim != 2 or len(prices) < 2 or not ((prices > 0) & np.isfinite(prices)).all():
        raise BadScenarios(
            where="price history",
            expected="at least two days of finite prices above 0, days x underlyings",
            found=f"shape {prices.shape}, smallest {prices.min() if prices.size else 'none'}",
            do="fill or drop the days that miss a price",
        )
    return np.diff(np.log(prices), axis=0)


def covariance(factors) -> np.ndarray:
    """Covariance of factors float64[scenarios, m] over their horizon, about zero: sum of f f' / scenarios.

    About zero because a window of days cannot tell a mean from noise (RiskMetrics Technical Document, 1996, 5.3.1).
    Raises BadScenarios.
    """
    factors = np.asarray(factors, np.float64)
    if factors.ndim != 2 or len(factors) == 0 or not np.isfinite(factors).all():
        raise BadScenarios(
            where="covariance",
            expected="at least one scenario of finite factors, scenarios x factors",
            found=f"shape {factors.shape}",
            do="drop the days that miss a factor",
        )
    return factors.T @ factors / len(factors)


@hot
def factorise(matrix, lower):
    """Cholesky factor of a positive semi-definite matrix[m, m] into lower[m, m]; returns its rank, or -1: not one.

    A window shorter than the factors gives a singular covariance, which numpy's refuses; here a factor that the ones
    before it determine gets a zero column.
    """
    size = matrix.shape[0]
    largest = 0.0
    for row in range(size):
        largest = max(largest, matrix[row, row])
    rank = 0
    lower[:] = 0.0
    for column in range(size):
        pivot = matrix[column, column]
        for k in range(column):
            pivot -= lower[column, k] * lower[column, k]
        if not pivot >= -_PIVOT_MIN * largest:
            return -1
        if pivot <= _PIVOT_MIN * largest:
            continue
        root = math.sqrt(pivot)
        lower[column, column] = root
        rank += 1
        for row in range(column + 1, size):
            rest = matrix[row, column]
            for k in range(column):
                rest -= lower[row, k] * lower[column, k]
            lower[row, column] = rest / root
    return rank


@hot
def correlate(lower, normals, returns, vol_changes):
    """Factors lower @ z for each row z of normals[scenarios, m], into returns and vol_changes[scenarios, m / 2]."""
    underlyings = returns.shape[1]
    for scenario in range(normals.shape[0]):
        for row in range(lower.shape[0]):
            factor = 0.0
            for k in range(row + 1):
                factor += lower[row, k] * normals[scenario, k]
            if row < underlyings:
                returns[scenario, row] = factor
            else:
                vol_changes[scenario, row - underlyings] = factor


def draw_normals(seed: int, scenarios: int, factors: int) -> np.ndarray:
    """Standard normals float64[scenarios, factors] of the counter-based Philox generator: a seed gives them again."""
    return np.random.Generator(np.random.Philox(seed)).standard_normal((scenarios, factors))


def monte_carlo_factors(covariance_matrix, seed: int, scenarios: int) -> tuple[np.ndarray, np.ndarray]:
    """(returns, vol_changes), each float64[scenarios, underlyings], joint normal with that covariance and mean zero.

    The covariance is over both kinds of factors, so of an even number of rows. Raises BadScenarios.
    """
    matrix = np.ascontiguousarray(covariance_matrix, np.float64)
    size = len(matrix)
    lower = np.zeros((size, size))
    sound = matrix.shape == (size, size) and size % 2 == 0 and np.allclose(matrix, matrix.T, rtol=1e-9, atol=0.0)
    if not sound or not np.isfinite(matrix).all() or factorise(matrix, lower) < 0:
        raise BadScenarios(
            where="Monte Carlo",
            expected="a symmetric, positive semi-definite covariance of returns, then vol changes",
            found=np.array2string(matrix, threshold=16),
            do="take the covariance of one common window for all factors",
        )
    returns, vol_changes = np.zeros((scenarios, size // 2)), np.zeros((scenarios, size // 2))
    correlate(lower, draw_normals(seed, scenarios, size), returns, vol_changes)
    return returns, vol_changes

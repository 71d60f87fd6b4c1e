"""Every kind of risk figure of one random book, as JSON: `python -m tests.support.risk_figures`."""

import json

import numpy as np

from procs.risk_engine.american import new_tree
from procs.risk_engine.curve import first_arbitrage, new_curve, vols_at, with_overlay
from procs.risk_engine.implied_volatility import american_implied_vol, implied_vol
from procs.risk_engine.margin import POINTS, class_points, new_rule, portfolio_margin
from procs.risk_engine.revalue import COLUMNS, revalue, values_under
from procs.risk_engine.scenarios import covariance, monte_carlo_factors, scenario_pnl
from procs.risk_engine.stress import stress_grid
from procs.risk_engine.var import factor_exposures, parametric_loss, tail_loss
from tests.support.risk_book import random_portfolio

SEED, ROWS, SCENARIOS = 99, 12, 20


def figures() -> dict[str, list[float]]:
    """{what: its numbers}; small, because it also runs uncompiled."""
    book, contracts, spots, _ = random_portfolio(SEED, ROWS)
    tree, greeks = new_tree(9), np.zeros((ROWS, COLUMNS))
    revalue(book, spots, tree, greeks)
    base, values = greeks[:, 0].copy(), np.zeros(ROWS)
    values_under(book, spots * 1.1, np.full(3, 0.02), 0.01, tree, values)
    factors = np.random.Generator(np.random.Philox(SEED)).normal(0.0, 0.02, (30, 6))
    cov = covariance(factors)
    drawn, pnl = monte_carlo_factors(cov, SEED, SCENARIOS), np.zeros((1, SCENARIOS))
    scenario_pnl(book, base, contracts[None, :], spots, *drawn, tree, pnl)
    linear, curvature = np.zeros(6), np.zeros(3)
    theta = factor_exposures(book, greeks, contracts, spots, linear, curvature)
    grid = np.zeros((4, 3, 2))
    stress_grid(book, contracts, spots, np.array([-0.1, 0.0, 0.2]), np.array([-0.05, 0.1]), tree, grid)
    rule = new_rule([-0.15, -0.08, -0.1], [0.15, 0.06, 0.1], [0, 0, 1], [0.9, 0.0])
    points, minimums, margins = np.zeros((3, POINTS)), np.zeros(3), np.zeros(2)
    class_points(book, contracts, spots, rule, tree, points, minimums)
    portfolio_margin(rule, points, minimums, margins)
    curve = with_overlay(new_curve([80.0, 100.0, 120.0], [0.3, 0.2, 0.25]), 0.01, [90.0, 110.0], [0.02, 0.0])
    strikes, vols = np.linspace(70.0, 130.0, 13), np.zeros(13)
    vols_at(curve, strikes, vols)
    inverted = [implied_vol(1, price, 100.0, 105.0, 0.5, 0.03, 0.01) for price in (1e-9, 0.5, 20.0, 90.0, 200.0)]
    early = [american_implied_vol(-1, price, 100.0, 105.0, 0.5, 0.03, 0.01, tree) for price in (4.0, 5.0, 12.0)]
    numbers = {
        "greeks": greeks,
        "values": values,
        "pnl": pnl,
        "losses": [*tail_loss(pnl[0], 9500), *parametric_loss(linear, curvature, cov, theta, 9900)],
        "stress": grid,
        "margin": [*margins, *points.ravel()],
        "curve": [*vols, first_arbitrage(curve, strikes, 100.0, 0.5, 1e-3)],
        "implied": [*inverted, *early],
    }
    return {what: np.asarray(found, np.float64).ravel().tolist() for what, found in numbers.items()}


if __name__ == "__main__":
    print(json.dumps(figures()))

"""Stress: what the portfolio gains or loses when prices and volatilities move at once, over a grid of both.

Full revaluation at every point, time and rates held. `price_moves` are fractions of the spot (-0.1 is 10 % down,
above -1), `vol_moves` are added to every vol (0.1 is 10 points). Results in the currency of the book's rows, positive
is gain. Quantities are contracts, float64, negative is short. Callers have asked `first_invalid` before.
"""

import math

import numpy as np

from procs.risk_engine.errors import BadScenarios
from procs.risk_engine.revalue import value_at
from shm.jit import hot


def new_grid(underlyings: int, price_moves, vol_moves) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(price_moves, vol_moves, grid) as stress_grid wants them. Raises BadScenarios."""
    prices, vols = np.array(price_moves, np.float64), np.array(vol_moves, np.float64)
    tests = (
        ("price moves", "finite fractions above -1", prices, np.isfinite(prices) & (prices > -1.0)),
        ("vol moves", "finite vols (0.1 is 10 points)", vols, np.isfinite(vols)),
    )
    for what, expected, moves, good in tests:
        if moves.ndim != 1 or len(moves) == 0 or not good.all():
            raise BadScenarios(
                where=f"stress grid, {what}",
                expected=f"at least one move, {expected}",
                found=moves.tolist(),
                do="correct the configuration",
            )
    return prices, vols, np.zeros((underlyings + 1, len(prices), len(vols)))


@hot
def stress_grid(book, quantities, spots, price_moves, vol_moves, tree, grid):
    """P&L into grid[underlyings + 1, price moves, vol moves]; the last plane is the firm's, all underlyings together.

    Cost: one valuation a row with a quantity and grid point.
    """
    firm = grid.shape[0] - 1
    grid[:] = 0.0
    for row in range(quantities.shape[0]):
        quantity = quantities[row]
        if quantity == 0.0:
            continue
        underlying = book.underlying[row]
        spot = spots[underlying]
        now = value_at(book, row, spot, 0.0, 0.0, tree)
        for p in range(price_moves.shape[0]):
            for v in range(vol_moves.shape[0]):
                then = value_at(book, row, spot * (1.0 + price_moves[p]), vol_moves[v], 0.0, tree)
                gain = quantity * (then - now)
                grid[underlying, p, v] += gain
                grid[firm, p, v] += gain


@hot
def worst_point(plane):
    """(P&L, price move's index, vol move's index) of the smallest value of one plane; a NaN is the worst."""
    worst, at_price, at_vol = plane[0, 0], 0, 0
    for p in range(plane.shape[0]):
        for v in range(plane.shape[1]):
            if math.isnan(plane[p, v]):
                return plane[p, v], p, v
            if plane[p, v] < worst:
                worst, at_price, at_vol = plane[p, v], p, v
    return worst, at_price, at_vol

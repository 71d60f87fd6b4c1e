"""Stress: what the portfolio gains or loses when prices and volatilities move at once, over a grid of both.

Full revaluation at every point, time and rates held. `price_moves` are fractions of the spot (-0.1 is 10 % down,
above -1), `vol_moves` are added to every vol (0.1 is 10 points). Results in the currency of the book's rows, positive
is gain. Quantities are contracts, float64, negative is short. Callers have asked `first_invalid` before.
"""

from procs.risk_engine.revalue import value_at
from shm.jit import hot


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
    """(P&L, price move's index, vol move's index) of the smallest value of one plane of the grid."""
    worst, at_price, at_vol = plane[0, 0], 0, 0
    for p in range(plane.shape[0]):
        for v in range(plane.shape[1]):
            if plane[p, v] < worst:
                worst, at_price, at_vol = plane[p, v], p, v
    return worst, at_price, at_vol

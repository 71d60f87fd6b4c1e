"""Value at risk and expected shortfall over one horizon, by three methods. Both are losses, positive is bad.

**Historical**: scenarios are the past joint moves (scenarios.py), each with full revaluation; then `tail_loss`.
**Monte Carlo**: scenarios are drawn from the covariance of the same window; then the same.
**Parametric**, delta-gamma normal: with f the factors (log returns, vol changes) of mean zero and covariance C,

    P&L = m + a'f + f'G f / 2       m: theta x days        a: delta S for returns, vega for vol changes
                                    G: diagonal, gamma S^2 + delta S for returns (second order of S e^f), 0 for vols
    mean = m + tr(G C) / 2          variance = a'C a + tr(G C G C) / 2
    VaR = -mean + z sd              ES = -mean + sd n(z) / (1 - level)        z: normal quantile of the level

The moments are exact for that P&L; that it is normal is the approximation, worst for books short of gamma. The cross
moment of skewed P&L is left to the other two methods.

**The quantile**: of N scenario P&Ls sorted from the worst, x_1 <= ... <= x_N, with t = N (1 - level) the tail's length,
VaR = -x_k for k = ceil(t), at least 1: the smallest loss that at most a share 1 - level of the scenarios exceeds (500
scenarios at 99 %: the fifth worst). ES = -(x_1 + ... + x_(k-1) + (t - k + 1) x_k) / t: the mean of the worst share 1 -
level, with the part of x_k that belongs to it (Acerbi and Tasche, 2002); for t < 1 it is the worst loss. The level is
integer basis points so that t is exact: 0.01 x 500 is not 5 in doubles.
"""

import math
from typing import NamedTuple

import numpy as np

from procs.risk_engine.black_scholes import normal_cdf, normal_density
from procs.risk_engine.book import KIND_EQUITY
from procs.risk_engine.errors import BadScenarios
from procs.risk_engine.revalue import DELTA, GAMMA, THETA, VEGA
from shm.jit import hot

LEVEL_ONE_BPS = 10_000


class TailLoss(NamedTuple):
    """Losses in currency, positive is bad; a portfolio that gains in every scenario has a negative VaR."""

    value_at_risk: float
    expected_shortfall: float
    worst_scenario: int  # index of the greatest loss, -1 for the parametric method


def _check_level(level_bps: int) -> None:
    if not (isinstance(level_bps, int | np.integer) and 5_000 < level_bps < LEVEL_ONE_BPS):
        raise BadScenarios(
            where="level of VaR",
            expected="whole basis points above 5000 and below 10000 (9900 is 99 %)",
            found=level_bps,
            do="correct the configuration",
        )


def tail_loss(pnl, level_bps: int) -> TailLoss:
    """VaR and ES of scenario P&Ls float64[N] by the order statistics above. Raises BadScenarios, also for a NaN."""
    _check_level(level_bps)
    pnl = np.asarray(pnl, np.float64)
    if pnl.ndim != 1 or len(pnl) == 0 or not np.isfinite(pnl).all():
        raise BadScenarios(
            where="scenario P&L",
            expected="at least one scenario, all finite",
            found=f"{pnl.shape} with {np.count_nonzero(~np.isfinite(pnl))} not finite",
            do="value the book at the scenarios again; the row that first_invalid names cannot be valued",
        )
    tail_bps = len(pnl) * (LEVEL_ONE_BPS - level_bps)  # N (1 - level), exact
    rank = max(-(-tail_bps // LEVEL_ONE_BPS), 1)
    worst = np.sort(np.partition(pnl, rank - 1)[:rank])
    if tail_bps < LEVEL_ONE_BPS:
        shortfall = worst[0]
    else:
        tail = tail_bps / LEVEL_ONE_BPS
        shortfall = (worst[:-1].sum() + (tail - rank + 1) * worst[-1]) / tail
    return TailLoss(-float(worst[-1]), -float(shortfall), int(np.argmin(pnl)))


@hot
def normal_quantile(level):
    """z with N(z) = level, for 0 < level < 1, by Newton's method with bounded steps."""
    z = 0.0
    for _ in range(60):
        step = (normal_cdf(z) - level) / max(normal_density(z), 1e-300)
        z -= min(max(step, -1.0), 1.0)
        if math.fabs(step) < 1e-15:
            break
    return z


@hot
def factor_exposures(book, greeks, quantities, spots, linear, curvature):
    """First and second order of one portfolio's P&L in its factors; returns theta, currency per calendar day.

    greeks: float64[n, COLUMNS] of revalue; quantities[n]: contracts. linear[2 underlyings] and curvature[underlyings],
    the diagonal of G, in currency per 1.00 of factor (and of its square).
    """
    linear[:] = 0.0
    curvature[:] = 0.0
    underlyings = spots.shape[0]
    theta = 0.0
    for row in range(quantities.shape[0]):
        underlying, quantity = book.underlying[row], quantities[row]
        spot = spots[underlying]
        linear[underlying] += quantity * greeks[row, DELTA] * spot
        curvature[underlying] += quantity * (greeks[row, GAMMA] * spot + greeks[row, DELTA]) * spot
        if book.kind[row] != KIND_EQUITY:
            linear[underlyings + underlying] += quantity * greeks[row, VEGA]
            theta += quantity * greeks[row, THETA]
    return theta


def parametric_loss(linear, curvature, covariance_matrix, theta_days: float, level_bps: int) -> TailLoss:
    """Delta-gamma normal VaR and ES, the formula above.

    linear[2 u] and curvature[u] from factor_exposures; covariance float64[2 u, 2 u] over the horizon; theta_days: theta
    times the horizon's calendar days, 0.0 where no time passes.
    """
    _check_level(level_bps)
    linear, curvature = np.asarray(linear, np.float64), np.asarray(curvature, np.float64)
    matrix = np.asarray(covariance_matrix, np.float64)
    underlyings = len(curvature)
    if len(linear) != 2 * underlyings or matrix.shape != (2 * underlyings, 2 * underlyings):
        raise BadScenarios(
            where="parametric VaR",
            expected=f"{2 * underlyings} first-order exposures and a square covariance of them",
            found=f"{linear.shape} and {matrix.shape}",
            do="order factors as returns of the underlyings, then their vol changes",
        )
    if not all(np.isfinite(numbers).all() for numbers in (linear, curvature, matrix, theta_days)):
        raise BadScenarios(
            where="parametric VaR",
            expected="finite exposures and covariances",
            found=f"linear {linear}, curvature {curvature}, theta {theta_days}, covariance {matrix}",
            do="ask first_invalid which row cannot be valued",
        )
    bent = curvature[:, None] * matrix[:underlyings, :underlyings]
    mean = theta_days + 0.5 * float(np.trace(bent))
    variance = float(linear @ matrix @ linear) + 0.5 * float(np.sum(bent * bent.T))
    level = level_bps / LEVEL_ONE_BPS
    deviation = math.sqrt(max(variance, 0.0))
    z = normal_quantile(level)
    return TailLoss(z * deviation - mean, deviation * normal_density(z) / (1.0 - level) - mean, -1)

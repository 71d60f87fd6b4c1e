"""A volatility curve of one expiry: implied vols at strikes, and the operator's overlay.

Between knots the variance (vol squared; times years it is the total variance) is linear in ln(strike), outside them the
vol of the outermost knot holds. Linear total variance keeps what lies between two arbitrage-free knots close to free of
arbitrage, and unlike a spline it cannot swing below 0. A flat wing bends a steep curve at its last knot, where a
butterfly may be worth a little less than 0. `first_arbitrage` says where.

The overlay is added to that vol: a parallel shift, and points at strikes of the operator's choice, linear in ln(strike)
between them and held flat outside. To move one wing alone, give a 0 at the strike from which on nothing shall change.

Strikes in currency per unit of the underlying, vols and overlay per year and 1.00 (0.01 is one vol point).
"""

import math
from typing import NamedTuple

import numpy as np

from procs.risk_engine.black_scholes import RIGHT_CALL, option_price
from procs.risk_engine.errors import BadCurve
from shm.jit import hot

VOL_MIN, VOL_MAX = 0.001, 10.0  # with the overlay; outside somebody has mistyped points for vols


class VolCurve(NamedTuple):
    """float64 arrays; made by `new_curve` and `with_overlay`, and not changed afterwards."""

    log_strikes: np.ndarray  # ascending
    variances: np.ndarray  # vol squared
    overlay_log_strikes: np.ndarray  # ascending, at least one
    overlay_vols: np.ndarray  # parallel shift included


def _ascending(where: str, strikes: np.ndarray) -> None:
    if not (np.isfinite(strikes).all() and (strikes > 0).all() and (np.diff(strikes) > 0).all()):
        raise BadCurve(
            where=where,
            expected="finite strikes above 0, ascending, each once",
            found=strikes.tolist(),
            do="sort them and drop what occurs twice",
        )


def new_curve(strikes, vols) -> VolCurve:
    """A curve through vols[m] at strikes[m], m at least 1, without overlay. Raises BadCurve."""
    strikes, vols = np.array(strikes, np.float64), np.array(vols, np.float64)
    if strikes.ndim != 1 or len(strikes) == 0 or strikes.shape != vols.shape:
        raise BadCurve(
            where="volatility curve",
            expected="as many vols as strikes, at least one",
            found=f"{strikes.shape} and {vols.shape}",
            do="leave out strikes that have no implied vol",
        )
    _ascending("volatility curve", strikes)
    if not ((vols >= VOL_MIN) & (vols <= VOL_MAX)).all():
        raise BadCurve(
            where="volatility curve",
            expected=f"vols from {VOL_MIN} to {VOL_MAX} (1.00 is 100 % a year)",
            found=vols.tolist(),
            do="leave out strikes whose implied vol is not usable",
        )
    return VolCurve(np.log(strikes), vols * vols, np.zeros(1), np.zeros(1))


def with_overlay(curve: VolCurve, shift: float = 0.0, strikes=(), points=()) -> VolCurve:
    """The same knots under another overlay, which replaces the one before.

    shift and points[p] at strikes[p] are added to vols, 0.01 is one point. Raises BadCurve when the sum leaves
    VOL_MIN to VOL_MAX at any knot or overlay strike.
    """
    strikes, points = np.array(strikes, np.float64), np.array(points, np.float64)
    if strikes.shape != points.shape or not (np.isfinite(points).all() and math.isfinite(shift)):
        raise BadCurve(
            where="volatility overlay",
            expected="a finite shift, and as many finite points as strikes",
            found=f"shift {shift}, strikes {strikes.tolist()}, points {points.tolist()}",
            do="give one number of vol (0.01 is one point) for each strike",
        )
    _ascending("volatility overlay", strikes)
    if len(strikes):
        made = curve._replace(overlay_log_strikes=np.log(strikes), overlay_vols=points + shift)
    else:
        made = curve._replace(overlay_log_strikes=np.zeros(1), overlay_vols=np.full(1, shift, np.float64))
    for log_strike in (*made.log_strikes, *np.log(strikes)):
        vol = raw_vol_at(made, log_strike)
        if not VOL_MIN <= vol <= VOL_MAX:
            raise BadCurve(
                where=f"volatility overlay at strike {math.exp(log_strike):g}",
                expected=f"curve and overlay together from {VOL_MIN} to {VOL_MAX}",
                found=f"{vol:g}",
                do="give points of vol (0.01 is one point), smaller than the vol itself",
            )
    return made


@hot
def interpolate(xs, ys, x):
    """Piecewise linear through (xs, ys), xs ascending; flat outside."""
    last = xs.shape[0] - 1
    if not x > xs[0]:
        return ys[0]
    if x >= xs[last]:
        return ys[last]
    low, high = 0, last  # xs[low] < x < xs[high]
    while high - low > 1:
        middle = (low + high) // 2
        if xs[middle] <= x:
            low = middle
        else:
            high = middle
    share = (x - xs[low]) / (xs[high] - xs[low])
    return ys[low] + share * (ys[high] - ys[low])


@hot
def raw_vol_at(curve, log_strike):
    """Curve and overlay together, not bounded."""
    vol = math.sqrt(interpolate(curve.log_strikes, curve.variances, log_strike))
    return vol + interpolate(curve.overlay_log_strikes, curve.overlay_vols, log_strike)


@hot
def vol_at(curve, strike):
    """Vol of one strike, per year, between VOL_MIN and VOL_MAX; strike above 0."""
    return min(max(raw_vol_at(curve, math.log(strike)), VOL_MIN), VOL_MAX)


@hot
def vols_at(curve, strikes, vols):
    """Vols of many strikes into vols[n]."""
    for row in range(strikes.shape[0]):
        vols[row] = vol_at(curve, strikes[row])


@hot
def first_arbitrage(curve, strikes, forward, years, tolerance):
    """Index of the first of `strikes` (ascending) whose call is dearer than the one before, or not convex; or -1.

    Undiscounted Black-76 prices on `forward`, the curve with its overlay; differences up to `tolerance`, in currency
    per unit of the underlying, are let pass (half a tick of the option is a sensible one).
    """
    before, slope_before = forward, -1.0
    strike_before = 0.0
    for row in range(strikes.shape[0]):
        price = option_price(RIGHT_CALL, forward, strikes[row], years, 0.0, 0.0, vol_at(curve, strikes[row]))
        width = strikes[row] - strike_before
        slope = (price - before) / width
        if price > before + tolerance or slope < slope_before - tolerance / width:
            return row
        before, slope_before, strike_before = price, slope, strikes[row]
    return -1

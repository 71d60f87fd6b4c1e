"""Back-test of VaR: how often the loss was greater, and how likely that is if the VaR is right.

Kupiec's proportion-of-failures test (1995): with x exceptions in n days and p = 1 - level,

    LR = -2 ln( (1 - p)^(n - x) p^x / ((1 - x/n)^(n - x) (x/n)^x) )         chi-squared with one degree of freedom

and its p-value P(chi2_1 > LR) = erfc(sqrt(LR / 2)). The VaR is rejected at 5 % from LR 3.84 on, in both directions: one
that is never exceeded is wrong, too. With few days the test has little power: 0 of 30 at 95 % is no rejection.
"""

import math
from typing import NamedTuple

import numpy as np

from procs.risk_engine.errors import BadScenarios
from procs.risk_engine.var import LEVEL_ONE_BPS


class Backtest(NamedTuple):
    """Exceptions and Kupiec's test."""

    days: int
    exceptions: int
    exception_rows: tuple[int, ...]
    expected: float  # exceptions, days x (1 - level)
    likelihood_ratio: float
    p_value: float


def _log_likelihood(days: int, exceptions: int, share: float) -> float:
    quiet = (days - exceptions) * math.log1p(-share) if days > exceptions else 0.0
    return quiet + (exceptions * math.log(share) if exceptions else 0.0)


def kupiec(days: int, exceptions: int, level_bps: int) -> tuple[float, float]:
    """(likelihood ratio, p-value) of `exceptions` in `days` against the level. Raises BadScenarios."""
    if not (0 <= exceptions <= days and days > 0 and 0 < level_bps < LEVEL_ONE_BPS):
        raise BadScenarios(
            where="Kupiec's test",
            expected="0 <= exceptions <= days, at least one day, a level in basis points below 10000",
            found=f"{exceptions} of {days} at {level_bps}",
            do="test the days for which there were both a VaR and a P&L",
        )
    said = _log_likelihood(days, exceptions, (LEVEL_ONE_BPS - level_bps) / LEVEL_ONE_BPS)
    seen = _log_likelihood(days, exceptions, exceptions / days)
    ratio = max(2.0 * (seen - said), 0.0)  # rounding may leave -1e-16 when both are equal
    return ratio, math.erfc(math.sqrt(0.5 * ratio))


def backtest(pnl, values_at_risk, level_bps: int) -> Backtest:
    """pnl[n], positive is gain, against values_at_risk[n], positive is loss, said the day before.

    An exception is a loss greater than the VaR; one that equals it is none.
    """
    pnl, said = np.asarray(pnl, np.float64), np.asarray(values_at_risk, np.float64)
    if pnl.shape != said.shape or pnl.ndim != 1 or not (np.isfinite(pnl).all() and np.isfinite(said).all()):
        raise BadScenarios(
            where="back-test",
            expected="a finite VaR for each day with a finite P&L",
            found=f"{pnl.shape} and {said.shape}",
            do="leave out the days that have no VaR, and say so",
        )
    rows = tuple(int(row) for row in np.flatnonzero(-pnl > said))
    ratio, p_value = kupiec(len(pnl), len(rows), level_bps)
    expected = len(pnl) * (LEVEL_ONE_BPS - level_bps) / LEVEL_ONE_BPS
    return Backtest(len(pnl), len(rows), rows, expected, ratio, p_value)

"""Portfolio risk oracle: stress, margin, and the three VaRs, written again from sentences with lists and fractions.

An instrument is an `Instrument`; a portfolio is a list of (instrument, contracts). Nothing is shared between
calculations, every value is worked out anew from its closed formula.
"""

import math
from fractions import Fraction
from statistics import NormalDist
from typing import NamedTuple

from tests.oracles.option_price import american

EQUITY, FUTURE, EUROPEAN, AMERICAN = 1, 2, 3, 4


class Instrument(NamedTuple):
    """Fields in the order of the book's columns."""

    kind: int
    underlying: int
    right: int
    strike: float
    years: float
    multiplier: float
    vol: float
    rate: float
    dividend_yield: float
    carry_per_rate: float


def value(one: Instrument, spot: float, vol_shift: float = 0.0, steps: int = 0) -> float:
    """Of one contract."""
    if one.kind == EQUITY:
        return one.multiplier * spot
    carry = one.carry_per_rate * one.rate - one.dividend_yield
    forward = spot * math.exp(carry * one.years)
    if one.kind == FUTURE:
        return one.multiplier * forward
    if one.years <= 0:
        return one.multiplier * max(one.right * (spot - one.strike), 0.0)
    vol = one.vol + vol_shift
    if vol <= 0:
        raise ValueError("the oracle wants a vol above 0")
    if one.kind == AMERICAN:
        return one.multiplier * american(one.right, spot, one.strike, one.years, one.rate, carry, vol, steps)
    deviation = vol * math.sqrt(one.years)
    d1 = math.log(forward / one.strike) / deviation + deviation / 2
    above = NormalDist().cdf(one.right * d1), NormalDist().cdf(one.right * (d1 - deviation))
    return one.multiplier * math.exp(-one.rate * one.years) * one.right * (forward * above[0] - one.strike * above[1])


def gain(portfolio, spots, moves, vol_shifts, steps: int, days: float = 0.0) -> float:
    """P&L when underlying u moves from spots[u] to spots[u] * moves[u], its vols by vol_shifts[u], after some days."""
    total = 0.0
    for one, contracts in portfolio:
        u = one.underlying
        later = one._replace(years=one.years - days / 365)
        total += contracts * (
            value(later, spots[u] * moves[u], vol_shifts[u], steps) - value(one, spots[u], 0.0, steps)
        )
    return total


def stress(portfolio, spots, underlying, price_move, vol_move, steps) -> float:
    """P&L of what hangs on one underlying (None: on any) when it moves by that fraction and those points of vol."""
    held = [(one, contracts) for one, contracts in portfolio if underlying in (None, one.underlying)]
    return gain(held, spots, [1 + price_move] * len(spots), [vol_move] * len(spots), steps)


def margin(portfolio, spots, down, up, group, offset, minimum, steps) -> float:
    """Sum over groups: the greatest of ten losses, gains of a class counted in part, at least the minimum charge."""
    total = 0.0
    for g in range(len(offset)):
        members = [u for u in range(len(spots)) if group[u] == g]
        losses = []
        for fifth, side in [(5, down), (4, down), (3, down), (2, down), (1, down)] + [(k, up) for k in (1, 2, 3, 4, 5)]:
            gains = [stress(portfolio, spots, u, side[u] * fifth / 5, 0.0, steps) for u in members]
            losses.append(-sum(x if x < 0 else x * offset[g] for x in gains))
        least = sum(
            minimum * one.multiplier * abs(contracts)
            for one, contracts in portfolio
            if one.underlying in members and one.kind != EQUITY
        )
        total += max([least, *losses])
    return total


def tail(gains, level: Fraction) -> tuple[float, float]:
    """(VaR, ES): the worst share 1 - level of the outcomes, each outcome a block of probability 1/N, laid end to end."""
    share = 1 - level
    value_at_risk, lost, taken = None, Fraction(0), Fraction(0)
    for outcome in sorted(gains):
        part = min(Fraction(1, len(gains)), share - taken)
        if part <= 0:
            break
        lost -= Fraction(outcome) * part
        taken += part
        value_at_risk = -outcome
    return value_at_risk, float(lost / share)


def covariance(factors) -> list[list[float]]:
    """About zero, exact until the last division."""
    size = len(factors[0])
    return [
        [float(sum(Fraction(day[i]) * Fraction(day[j]) for day in factors) / len(factors)) for j in range(size)]
        for i in range(size)
    ]


def delta_gamma_normal(theta_gain, linear, curvature, cov, level: float) -> tuple[float, float]:
    """(VaR, ES) of theta + a'f + f'G f / 2 as a normal of the same two moments.

    The second moment by Isserlis: E[f_i f_j f_k f_l] = c_ij c_kl + c_ik c_jl + c_il c_jk, every term written out.
    """
    bent = range(len(curvature))
    straight = range(len(linear))
    first = theta_gain + sum(curvature[i] * cov[i][i] / 2 for i in bent)
    second = theta_gain**2
    second += 2 * theta_gain * sum(curvature[i] * cov[i][i] / 2 for i in bent)
    second += sum(linear[i] * linear[j] * cov[i][j] for i in straight for j in straight)
    for i in bent:
        for j in bent:
            fourth = cov[i][i] * cov[j][j] + 2 * cov[i][j] * cov[i][j]
            second += curvature[i] * curvature[j] / 4 * fourth
    deviation = math.sqrt(second - first**2)
    z = NormalDist().inv_cdf(level)
    return z * deviation - first, deviation * NormalDist().pdf(z) / (1 - level) - first

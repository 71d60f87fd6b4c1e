"""Portfolio margin by scenario: per class the worst of ten price points, with offsets between classes of one group.

The risk-based haircut of SEC Rule 15c3-1a (17 CFR 240.15c3-1a(b)(1)) and FINRA Rule 4210(g), which the Options Clearing
Corporation computes as TIMS (its RBH/CPM User Guide). A class is an underlying with everything on it. Its range is
divided into five equal steps down and five up; every position is revalued at each point, volatility, rates and time
held.

    class                                            range          group offset (share of a gain that counts)
    equity, narrow-based index                       -15 % +15 %    0 (each class its own group), or as approved
    broad-based index, not of high capitalisation    -10 % +10 %    0.90 among indexes of a group
    broad-based index of high capitalisation          -8 %  +6 %    0.90

    at point i: group P&L = sum over its classes of (a loss in full, a gain times the group's offset)
    group margin = the greatest loss over the ten points, at least minimum_per_unit x multiplier x |quantity| over its
                   options and futures (0.375 per unit by the rule);        portfolio margin = sum of the groups

A class alone in its group is charged its own worst point, its gains offset nothing. Ranges, groups and offsets are
configuration: the rule names them by product, and so must whoever sets them up.
"""

import math
from typing import NamedTuple

import numpy as np

from procs.risk_engine.book import KIND_EQUITY
from procs.risk_engine.errors import BadMarginRule
from procs.risk_engine.revalue import value_at
from shm.jit import hot

STEPS_A_SIDE = 5
POINTS = 2 * STEPS_A_SIDE
MINIMUM_PER_UNIT = 0.375  # currency per unit of the underlying: $37.50 for an option on 100 shares


class MarginRule(NamedTuple):
    """Arrays per underlying (class): down, up, group; per group: offset. See new_rule."""

    down: np.ndarray
    up: np.ndarray
    group: np.ndarray
    offset: np.ndarray
    minimum_per_unit: np.ndarray  # one number


def new_rule(down, up, group, offset, minimum_per_unit: float = MINIMUM_PER_UNIT) -> MarginRule:
    """A checked rule. down[u] in (-1, 0) and up[u] > 0 are fractions of the spot, group[u] an index of offset[g], which
    is 0 to 1. Raises BadMarginRule."""
    rule = MarginRule(
        np.array(down, np.float64),
        np.array(up, np.float64),
        np.array(group, np.int64),
        np.array(offset, np.float64),
        np.array([minimum_per_unit], np.float64),
    )
    groups = len(rule.offset)
    tests = (
        ("down of each class above -1 and below 0", down, (rule.down > -1) & (rule.down < 0)),
        ("up of each class above 0, finite", up, (rule.up > 0) & np.isfinite(rule.up)),
        (f"group of each class from 0 to {groups - 1}", group, (rule.group >= 0) & (rule.group < groups)),
        ("offset of each group from 0 to 1", offset, (rule.offset >= 0) & (rule.offset <= 1)),
        (
            "a minimum of at least 0",
            minimum_per_unit,
            (rule.minimum_per_unit >= 0) & np.isfinite(rule.minimum_per_unit),
        ),
        ("as many down, up and group as classes", len(rule.up), len(rule.down) == len(rule.up) == len(rule.group)),
    )
    for expected, found, good in tests:
        if not np.all(good):
            raise BadMarginRule(where="margin rule", expected=expected, found=found, do="correct the configuration")
    return rule


@hot
def point_move(rule, underlying, point):
    """Fraction by which the price moves at a point: 0 to 4 from the whole way down, 5 to 9 to the whole way up."""
    if point < STEPS_A_SIDE:
        return rule.down[underlying] * (STEPS_A_SIDE - point) / STEPS_A_SIDE
    return rule.up[underlying] * (point - STEPS_A_SIDE + 1) / STEPS_A_SIDE


@hot
def class_points(book, quantities, spots, rule, tree, points, minimums):
    """P&L of every class at every point into points[underlyings, POINTS]; the least charge of each into minimums[u].

    Quantities are contracts, float64, negative is short; P&L in the currency of the book's rows, positive is gain.
    """
    points[:] = 0.0
    minimums[:] = 0.0
    for row in range(quantities.shape[0]):
        quantity = quantities[row]
        if quantity == 0.0:
            continue
        underlying = book.underlying[row]
        spot = spots[underlying]
        now = value_at(book, row, spot, 0.0, 0.0, tree)
        for point in range(POINTS):
            then = value_at(book, row, spot * (1.0 + point_move(rule, underlying, point)), 0.0, 0.0, tree)
            points[underlying, point] += quantity * (then - now)
        if book.kind[row] != KIND_EQUITY:
            minimums[underlying] += rule.minimum_per_unit[0] * book.multiplier[row] * math.fabs(quantity)


@hot
def group_loss(rule, points, group, point):
    """Loss of one group at one point, positive: losses in full, gains times the group's offset."""
    loss = 0.0
    for underlying in range(points.shape[0]):
        if rule.group[underlying] == group:
            gain = points[underlying, point]
            loss -= gain if gain < 0.0 else gain * rule.offset[group]
    return loss


@hot
def portfolio_margin(rule, points, minimums, margins):
    """Margin of each group into margins[g] from what class_points gave; returns their sum, in currency, at least 0.

    A P&L that is NaN makes its group's margin and the sum NaN, so that nobody takes it for a small one.
    """
    total = 0.0
    for group in range(margins.shape[0]):
        least, worst = 0.0, 0.0
        for underlying in range(points.shape[0]):
            if rule.group[underlying] == group:
                least += minimums[underlying]
        for point in range(POINTS):
            loss = group_loss(rule, points, group, point)
            if not loss <= worst:
                worst = loss
            if math.isnan(worst):
                break
        margins[group] = least if least > worst else worst
        total += margins[group]
    return total

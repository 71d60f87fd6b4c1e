"""Markout: how the mid moved after our fills, the adverse selection that stands beside the spread earned.

    move(h) = sum over fills of side * (mid h later - mid at the fill) * lots,   side +1 bought, -1 sold

Negative when the market goes on where it took us: we bought before it fell. Fills are gathered in buckets of one
BUCKETS-th of the horizon, which is how exact the horizon is; memory does not grow with fills. Money is in micro-units.

A fill joins the bucket of its time; a bucket is counted when the horizon has passed since it was closed.

off  size  type     field        meaning of MARKOUT, one for each horizon
---  ----  -------  -----------  ----------------------------------------
  0     8  i8       oldest       number of the oldest bucket not yet counted: logic time over a bucket's width
  8     8  i8       held_lots    bought and sold in all buckets; 0 nothing waits
 16   160  i8x20    signed_lots  bought less sold, by bucket number modulo PLACES
176   160  i8x20    lots         bought and sold
336   160  i8x20    signed_mid2  signed lots times twice the mid at the fill
496    16  i8x2     reserved     zero
"""

import numpy as np

from shm.counters import STRATEGY_MARKED_LOTS, STRATEGY_MARKOUT_MICRO
from shm.instance import count
from shm.jit import hot

HORIZONS_S = (1, 10, 60)
HORIZONS = 3
BUCKETS = 16
PLACES = 20  # a horizon of buckets, the one that fills, and the one that closes
SECOND_NS = 1_000_000_000

MARKOUT = np.dtype(
    [
        ("oldest", "<i8"),
        ("held_lots", "<i8"),
        ("signed_lots", "<i8", (PLACES,)),
        ("lots", "<i8", (PLACES,)),
        ("signed_mid2", "<i8", (PLACES,)),
        ("reserved", "<i8", (2,)),
    ]
)

assert MARKOUT.itemsize == 512
assert HORIZONS == len(HORIZONS_S) and PLACES > BUCKETS + 1


@hot
def _number(horizon, now_ns):
    return now_ns // (HORIZONS_S[horizon] * (SECOND_NS // BUCKETS))


@hot
def settle_markout(me, markout, horizon, mid2, unit_micro, now_ns):
    """Count the fills whose horizon has passed against the mid of now. Cheap when nothing waits."""
    if markout["held_lots"] == 0:
        return
    due = _number(horizon, now_ns) - BUCKETS
    number = markout["oldest"]
    while number < due and markout["held_lots"] > 0:
        place = number % PLACES
        lots = markout["lots"][place]
        if lots > 0:
            moved2 = markout["signed_lots"][place] * mid2 - markout["signed_mid2"][place]
            count(me, STRATEGY_MARKOUT_MICRO + horizon, moved2 * unit_micro // 2)
            count(me, STRATEGY_MARKED_LOTS + horizon, lots)
            markout["held_lots"] -= lots
            markout["lots"][place] = 0
            markout["signed_lots"][place] = 0
            markout["signed_mid2"][place] = 0
        number += 1
    markout["oldest"] = number


@hot
def add_fill(me, markout, horizon, signed_lots, mid2, unit_micro, now_ns):
    """A fill of `signed_lots` (bought is positive) while twice the mid was `mid2`; 0 when no mid was ever seen."""
    if mid2 <= 0:
        return
    settle_markout(me, markout, horizon, mid2, unit_micro, now_ns)
    number = _number(horizon, now_ns)
    if markout["held_lots"] == 0:
        markout["oldest"] = number
    number = max(number, markout["oldest"])  # logic time of another ring may be a little older
    place = number % PLACES
    markout["signed_lots"][place] += signed_lots
    markout["lots"][place] += abs(signed_lots)
    markout["signed_mid2"][place] += signed_lots * mid2
    markout["held_lots"] += abs(signed_lots)

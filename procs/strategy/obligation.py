"""Quoting obligation, measured live: how much of the open time our resting quotes were what a market maker owes.

Time is counted by what rested meanwhile: `present` with both sides, at most `obligation_spread_ticks` apart and at
least `obligation_lots` on each; `wide` or `thin` with both sides but too far apart or too small. The rest of the
obliged time one side was missing. Obliged is the time in which the instrument is open and its channel fresh, in logic
time.
"""

from shm.counters import (
    STRATEGY_OBLIGED_NS,
    STRATEGY_PRESENT_NS,
    STRATEGY_THIN_NS,
    STRATEGY_WIDE_NS,
)
from shm.instance import count
from shm.jit import hot

NOT_OBLIGED = 0
ABSENT = 1
WIDE = 2
THIN = 3
PRESENT = 4


@hot
def quality_of(bid, ask, rules):
    """ABSENT, WIDE, THIN or PRESENT, of the two SLOTs of an instrument."""
    if bid["intent_id"] == 0 or ask["intent_id"] == 0:
        return ABSENT
    if ask["price_ticks"] - bid["price_ticks"] > rules["obligation_spread_ticks"]:
        return WIDE
    if min(bid["leaves_lots"], ask["leaves_lots"]) < rules["obligation_lots"]:
        return THIN
    return PRESENT


@hot
def measure(me, mark, quality, now_ns):
    """Count the time since the last call as what rested then, and remember `quality` from now on."""
    elapsed_ns = now_ns - mark["quality_ns"]
    before = mark["quality"]
    if before != NOT_OBLIGED and elapsed_ns > 0:
        count(me, STRATEGY_OBLIGED_NS, elapsed_ns)
        if before == PRESENT:
            count(me, STRATEGY_PRESENT_NS, elapsed_ns)
        elif before == WIDE:
            count(me, STRATEGY_WIDE_NS, elapsed_ns)
        elif before == THIN:
            count(me, STRATEGY_THIN_NS, elapsed_ns)
    mark["quality"] = quality
    mark["quality_ns"] = now_ns

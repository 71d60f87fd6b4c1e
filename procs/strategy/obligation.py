"""Quoting obligation, measured live: how much of the open time our resting quotes were what a market maker owes.

Time is counted by what rested meanwhile: `present` with an order of at least `obligation_lots` on both sides, at most
`obligation_spread_ticks` apart; `wide` or `thin` with both sides but too far apart or too small. The rest of the
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
def _best(slots, first, span, sign, lots_min):
    # most aggressive price (times `sign`) at which one of our orders of at least `lots_min` rests; 0 none
    best = 0
    for k in range(first, first + span):
        slot = slots[k]
        price = sign * slot["price_ticks"]
        if slot["intent_id"] != 0 and slot["leaves_lots"] >= lots_min and (best == 0 or price > best):
            best = price
    return best


@hot
def quality_of(slots, bid_first, bid_span, ask_first, ask_span, rules):
    """ABSENT, WIDE, THIN or PRESENT, of the orders that rest of an instrument: its best ones, and best of full size."""
    bid, ask = _best(slots, bid_first, bid_span, 1, 1), _best(slots, ask_first, ask_span, -1, 1)
    if bid == 0 or ask == 0:
        return ABSENT
    widest, lots = rules["obligation_spread_ticks"], rules["obligation_lots"]
    if -ask - bid > widest:
        return WIDE
    bid, ask = _best(slots, bid_first, bid_span, 1, lots), _best(slots, ask_first, ask_span, -1, lots)
    if bid == 0 or ask == 0 or -ask - bid > widest:
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

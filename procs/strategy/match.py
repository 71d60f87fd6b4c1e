"""Match: which of our orders serves which level of the wanted ladder, and what each order should become.

Queue priority first: an order that already stands where a level wants one is left there, so that a ladder that shifts
by one step moves one order, not all of them.

1. A level within tolerance of a working order takes that order's price. From the market outwards, each level takes the
   most aggressive order that it can hold; with levels and orders both in price order nothing holds more of them.
2. Orders at a level's price serve it, the oldest first. Too much stands there: the youngest are reduced in place or
   cancelled. Less than `refill_percent` of what is wanted: a second order tops it up, and the first keeps its place.
   In between nothing happens. So no order is ever cancelled and made again, or replaced, at the price that it has.
3. A level without an order takes one that serves none: a working one is replaced to its price, one with an action in
   flight is waited for, and only then a free slot becomes a new order.
4. A working order that serves no level is cancelled.
"""

from procs.strategy.ladder import ahead_of, reaches
from procs.strategy.slot import (
    HOLD,
    SLOT_CANCEL_IN_FLIGHT,
    SLOT_NONE,
    SLOT_REDUCE_IN_FLIGHT,
    SLOT_WORKING,
    SLOTS,
    WAIT,
)
from shm.codes import INTENT_CANCEL, INTENT_NEW, INTENT_REDUCE, INTENT_REPLACE, SIDE_BUY
from shm.jit import hot

NO_LEVEL = -1


# --- the price of a level ------------------------------------------------------------------------------------------


@hot
def _standing_price(slot):
    # where the order stands or will stand; 0 when it has no price that could serve a level
    if slot["pending_id"] != 0:
        return slot["pending_price"]
    if slot["state"] == SLOT_NONE or slot["state"] == SLOT_CANCEL_IN_FLIGHT or slot["pull"] != 0:
        return 0
    return slot["price_ticks"]


@hot
def _standing_lots(slot):
    if slot["pending_id"] != 0 or slot["state"] == SLOT_REDUCE_IN_FLIGHT:
        return slot["pending_lots"]
    return slot["leaves_lots"]


@hot
def _tolerated(side, own, wish, price, rules):
    # whether an order at `own` is near enough to a level that wants `wish`, rounded `price`
    if own == price or abs(own - price) < rules["requote_price_ticks"]:
        return True
    hold, step = rules["hold_ticks"], rules["quote_tick_ticks"]
    if side == SIDE_BUY:
        return own - hold <= wish < own + step + hold
    return own - step - hold < wish <= own + hold


@hot
def _too_wide(own, price, opposite_ticks, rules):
    # whether holding would break the quoting obligation where moving would keep it
    widest = rules["obligation_spread_ticks"]
    return opposite_ticks > 0 and abs(opposite_ticks - own) > widest >= abs(opposite_ticks - price)


@hot
def _taken(ladder, level, price):
    for before in range(level):
        if ladder["price_ticks"][before] == price:
            return True
    return False


@hot
def _hold_prices(slots, first, span, side, ladder, opposite_ticks, rules):
    for level in range(ladder["levels"]):
        wish, price, best = ladder["wish_ticks"][level], ladder["price_ticks"][level], 0
        for k in range(first, first + span):
            own = _standing_price(slots[k])
            if own == 0 or reaches(side, own, opposite_ticks) or _taken(ladder, level, own):
                continue
            if level == 0 and _too_wide(own, price, opposite_ticks, rules):
                continue
            if (best == 0 or ahead_of(side, own, best)) and _tolerated(side, own, wish, price, rules):
                best = own
        if best != 0:
            ladder["price_ticks"][level] = best
        elif _taken(ladder, level, price):  # an order held for a level before it stands there
            for before in range(level):
                if ladder["price_ticks"][before] == price:
                    ladder["qty_lots"][before] += ladder["qty_lots"][level]
            ladder["qty_lots"][level] = 0


# --- orders and levels ---------------------------------------------------------------------------------------------


@hot
def _level_at(ladder, price):
    for level in range(ladder["levels"]):
        if ladder["price_ticks"][level] == price and ladder["qty_lots"][level] > 0:
            return level
    return NO_LEVEL


@hot
def _attach(slots, first, span, ladder):
    for k in range(first, first + span):
        slot = slots[k]
        slot["want_lots"] = 0
        slot["want_price"] = 0
        slot["level"] = NO_LEVEL
        price = _standing_price(slot)
        if price != 0:
            slot["level"] = _level_at(ladder, price)


@hot
def _age(slot):
    return slot["intent_id"] if slot["pending_id"] == 0 else slot["pending_id"]


@hot
def _oldest(slots, first, span, level, after):
    # row of the oldest order of a level whose intent is newer than `after`, or -1
    found = -1
    for k in range(first, first + span):
        age = _age(slots[k])
        if slots[k]["level"] == level and age > after and (found < 0 or age < _age(slots[found])):
            found = k
    return found


@hot
def _share_out(slots, first, span, ladder, level):
    """Give the wanted size of a level to its orders, oldest first.

    Returns (wanted size that none of them has, size that stands, whether a second order may join: one works alone).
    """
    left, standing, orders, working = ladder["qty_lots"][level], 0, 0, 0
    k = _oldest(slots, first, span, level, 0)
    while k >= 0:
        slot = slots[k]
        lots = _standing_lots(slot)
        slot["want_price"] = ladder["price_ticks"][level]
        slot["want_lots"] = min(lots, left)
        left -= slot["want_lots"]
        standing += lots
        orders += 1
        working += 1 if slot["state"] == SLOT_WORKING else 0
        k = _oldest(slots, first, span, level, _age(slot))
    return left, standing, orders == 1 and working == 1


@hot
def _spare(slots, first, span, wanted_state):
    # a slot that serves no level: working (1), in flight or being pulled (2); its row, or -1
    for k in range(first, first + span):
        slot = slots[k]
        if slot["level"] != NO_LEVEL or slot["state"] == SLOT_NONE:
            continue
        working = slot["state"] == SLOT_WORKING and slot["pull"] == 0
        if working == (wanted_state == 1):
            return k
    return -1


@hot
def _free(slots, first):
    for k in range(first, first + SLOTS):
        if slots[k]["state"] == SLOT_NONE and slots[k]["level"] == NO_LEVEL:
            return k
    return -1


@hot
def _serve(slots, k, level, price, lots):
    slots[k]["level"] = level
    slots[k]["want_price"] = price
    slots[k]["want_lots"] = lots


@hot
def match(slots, first, span, side, ladder, opposite_ticks, rules):
    """Set `level`, `want_price` and `want_lots` of the SLOTS rows from `first`; behind `span` all are free.

    `opposite_ticks`: most aggressive price of the other side, 0 for none. An order that stands in its way is not held,
    nor one that would be too far from it for the quoting obligation. Returns the new span.
    """
    _hold_prices(slots, first, span, side, ladder, opposite_ticks, rules)
    _attach(slots, first, span, ladder)
    for k in range(first + span, first + SLOTS):
        slots[k]["level"] = NO_LEVEL
    for level in range(ladder["levels"]):
        wanted = ladder["qty_lots"][level]
        if wanted == 0:
            continue
        price = ladder["price_ticks"][level]
        left, standing, alone = _share_out(slots, first, span, ladder, level)
        k = -1
        if standing == 0:
            k = _spare(slots, first, span, 1)
            if k < 0:
                k = _spare(slots, first, span, 2)
            if k < 0:
                k = _free(slots, first)
        elif alone and left > 0 and standing * 100 < wanted * rules["refill_percent"]:
            k = _free(slots, first)
        if k >= 0:
            _serve(slots, k, level, price, left)
            span = max(span, k - first + 1)
    return span


# --- what a slot does about it -------------------------------------------------------------------------------------


@hot
def crosses_own(slots, first, span, side, price):
    """Whether an order of `side` at `price` could meet one of ours on the opposite side: resting or on its way."""
    for k in range(first, first + span):
        slot = slots[k]
        if slot["intent_id"] != 0 and reaches(side, price, slot["price_ticks"]):
            return True
        if slot["pending_id"] != 0 and reaches(side, price, slot["pending_price"]):
            return True
    return False


@hot
def _lower(slot, now_ns):
    # cancel or reduce a working order, or leave it
    if slot["want_lots"] > 0 and slot["pull"] == 0:
        if slot["leaves_lots"] <= slot["want_lots"]:
            return HOLD
        slot["pending_lots"] = slot["want_lots"]
        return WAIT if now_ns < slot["cancel_after_ns"] else INTENT_REDUCE
    return WAIT if now_ns < slot["cancel_after_ns"] else INTENT_CANCEL


@hot
def decide(slots, k, opposite_first, opposite_span, side, now_ns):
    """What the order in row `k` does: HOLD, WAIT, or an INTENT_* whose price and open size are in pending_*."""
    slot = slots[k]
    state = slot["state"]
    if state != SLOT_NONE and state != SLOT_WORKING:
        return HOLD
    if state == SLOT_NONE and slot["want_lots"] == 0:
        return HOLD
    price = slot["want_price"]
    if state == SLOT_WORKING and (slot["pull"] != 0 or slot["want_lots"] == 0 or price == slot["price_ticks"]):
        return _lower(slot, now_ns)
    if now_ns < slot["backoff_until_ns"]:
        return WAIT
    if crosses_own(slots, opposite_first, opposite_span, side, price):
        return HOLD  # the answer that frees the way wakes us
    slot["pending_price"] = price
    slot["pending_lots"] = slot["want_lots"]
    return INTENT_NEW if state == SLOT_NONE else INTENT_REPLACE

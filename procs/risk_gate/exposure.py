"""Exposure: positions and open orders, owned by the gate alone. Reserved when an order passes, released by reports.

```
order table      slots[ORDER_SLOT]; `places` lists the open slots first, then the free ones; two maps find a slot
by_instrument    position, open buy lots, open sell lots, open orders    (row = instrument_id)
by_pair          the same for one strategy in one instrument    (row = strategy_id * instruments + instrument_id)
by_strategy      open orders                                    (row = strategy_id)
by_firm          open orders                                    (row 0)
```

A replace and the order that it replaces are a family: the venue has at most one of them alive, so a family counts as
one open order, and its open lots are the greatest `leaves_lots` of its members, the worst that can still trade.
Members are linked by parent (replaced) and child (replacing); a report about one changes the family's share by the
difference. Quantities of a replace are totals that include what has traded, so an execution of the parent makes the
child in flight smaller too.

report            order                                             family
----------------  ------------------------------------------------  ---------------------------------------------
ACCEPTED          leaves, price, size as the venue says             leaves 0 closes
REPLACED          leaves, price, size as the venue says             the order replaced closes
RESTATED          leaves, price, size as the venue says             leaves 0 closes
CANCELED          leaves as the venue says                          leaves 0 closes
EXECUTED          leaves as the venue says; position moves          children in flight shrink; leaves 0 closes
REJECTED          closes, if it was never alive                     the order that it would have replaced stays
EXPIRED           closes, if it was never alive                     the order that it would have replaced stays
NEVER_ARRIVED     closes, if it was never alive                     the order that it would have replaced stays
CANCEL_REJECTED   may be cancelled again
CANCEL_PENDING    nothing
UNKNOWN           nothing: what may be at the venue stays reserved
BROKEN            position moves back; the order does not reopen
"""

from typing import NamedTuple

import numpy as np

from procs.risk_gate.checks import QTY_BOUND
from shm.codes import (
    REPORT_ACCEPTED,
    REPORT_BROKEN,
    REPORT_CANCEL_PENDING,
    REPORT_CANCEL_REJECTED,
    REPORT_CANCELED,
    REPORT_EXECUTED,
    REPORT_EXPIRED,
    REPORT_NEVER_ARRIVED,
    REPORT_REJECTED,
    REPORT_REPLACED,
    REPORT_RESTATED,
    REPORT_UNKNOWN,
    SIDE_BUY,
    SIDE_SELL,
)
from shm.int_map import MAP_MISSING, int_map, map_get, map_len, map_put, map_remove
from shm.jit import hot

NO_SLOT = -1
FAMILY_MAX = 8  # members in flight at once; a strategy that replaces faster than the venue answers waits

# what apply_report found, OR-ed
APPLIED = 1
FOUND_UNKNOWN = 2  # no such order here; positions still move, a live one is adopted and will be cancelled
FOUND_OVERFILL = 4  # more traded than was open
FOUND_IMPOSSIBLE = 8  # out of range, or contradicts what is known; exposure was kept

ORDER_SLOT = np.dtype(
    [
        (name, "<i8")
        for name in (
            *("order_id", "intent_id", "instrument_id", "strategy_id", "session_id", "side"),
            *("price_ticks", "qty_lots", "leaves_lots", "cum_lots"),
            *("parent", "child"),  # slots of the family, or NO_SLOT
            "alive",  # 1 once the venue acknowledged it
            "cancelling",  # 1 while a cancel is on its way
            "cancel_stamp_ns",  # latency time of the last cancel passed
            "incarnation",  # of the strategy that wanted it; -1 adopted: nobody here did
            "place",  # index in `places`
        )
    ]
)
HOLDING = np.dtype([(name, "<i8") for name in ("position", "open_buy", "open_sell", "orders")])


class Exposure(NamedTuple):
    """Private arrays of the gate; nothing outside reads them."""

    slots: np.ndarray  # ORDER_SLOT[n]
    places: np.ndarray  # int64[n], a permutation of the slots: open ones first
    open_count: np.ndarray  # int64[1]
    by_intent: np.ndarray  # IntMap intent_id -> slot
    by_order: np.ndarray  # IntMap order_id -> slot
    by_instrument: np.ndarray  # HOLDING[instruments]
    by_pair: np.ndarray  # HOLDING[strategies * instruments]
    by_strategy: np.ndarray  # HOLDING[strategies]
    by_firm: np.ndarray  # HOLDING[1]
    pair_seen_seq: np.ndarray  # int64[strategies * instruments]: last report about this row
    pair_fill_seq: np.ndarray  # int64[strategies * instruments]: last report that moved its position


def new_exposure(slots: int, strategies: int, instruments: int) -> Exposure:
    """Everything flat and empty. `slots` is the greatest number of orders that can be open at once."""
    table = np.zeros(slots, ORDER_SLOT)
    places = np.arange(slots, dtype=np.int64)
    table["place"] = places
    return Exposure(
        slots=table,
        places=places,
        open_count=np.zeros(1, np.int64),
        by_intent=int_map(slots),
        by_order=int_map(slots),
        by_instrument=np.zeros(instruments, HOLDING),
        by_pair=np.zeros(strategies * instruments, HOLDING),
        by_strategy=np.zeros(strategies, HOLDING),
        by_firm=np.zeros(1, HOLDING),
        pair_seen_seq=np.zeros(strategies * instruments, np.int64),
        pair_fill_seq=np.zeros(strategies * instruments, np.int64),
    )


# --- sums ------------------------------------------------------------------------------------------------------------


@hot
def has_room(exposure):
    """1 when the order table takes one more."""
    return 1 if exposure.open_count[0] < exposure.slots.shape[0] else 0


@hot
def pair_of(exposure, strategy_id, instrument_id):
    """Row of `by_pair`."""
    return strategy_id * exposure.by_instrument.shape[0] + instrument_id


@hot
def open_side(holding, side):
    """Open lots of one side of a holding."""
    return holding["open_buy"] if side == SIDE_BUY else holding["open_sell"]


@hot
def _add_open(holding, side, lots):
    if side == SIDE_BUY:
        holding["open_buy"] += lots
    else:
        holding["open_sell"] += lots


@hot
def _shift(exposure, slot, lots, orders):
    """Change what the family of `slot` counts for by `lots` and `orders`."""
    order = exposure.slots[slot]
    instrument, strategy, side = order["instrument_id"], order["strategy_id"], order["side"]
    pair = pair_of(exposure, strategy, instrument)
    _add_open(exposure.by_instrument[instrument], side, lots)
    _add_open(exposure.by_pair[pair], side, lots)
    if orders != 0:
        exposure.by_instrument[instrument]["orders"] += orders
        exposure.by_pair[pair]["orders"] += orders
        exposure.by_strategy[strategy]["orders"] += orders
        exposure.by_firm[0]["orders"] += orders


@hot
def _move_position(exposure, strategy_id, instrument_id, lots):
    exposure.by_instrument[instrument_id]["position"] += lots
    exposure.by_pair[pair_of(exposure, strategy_id, instrument_id)]["position"] += lots


@hot
def family_leaves(exposure, slot):
    """The most that the family of `slot` can still trade; 0 for NO_SLOT."""
    if slot == NO_SLOT:
        return 0
    slots = exposure.slots
    while slots[slot]["parent"] != NO_SLOT:
        slot = slots[slot]["parent"]
    greatest = 0
    while slot != NO_SLOT:
        greatest = max(greatest, slots[slot]["leaves_lots"])
        slot = slots[slot]["child"]
    return greatest


@hot
def family_size(exposure, slot):
    """Members of the family up to the newest, counted from its oldest. `slot` must be open."""
    slots = exposure.slots
    size = 1
    up = slots[slot]["parent"]
    while up != NO_SLOT:
        size += 1
        up = slots[up]["parent"]
    down = slots[slot]["child"]
    while down != NO_SLOT:
        size += 1
        down = slots[down]["child"]
    return size


@hot
def replace_leaves(exposure, target, qty_lots):
    """What a replace of `target` by the total `qty_lots` would leave open."""
    return max(0, qty_lots - exposure.slots[target]["cum_lots"])


# --- orders ----------------------------------------------------------------------------------------------------------


@hot
def find_intent(exposure, intent_id):
    """Slot of the open order that intent `intent_id` made, or NO_SLOT."""
    slot = map_get(exposure.by_intent, intent_id)
    return NO_SLOT if slot == MAP_MISSING else slot


@hot
def find_order(exposure, order_id):
    """Slot of the open order `order_id`, or NO_SLOT."""
    slot = map_get(exposure.by_order, order_id)
    return NO_SLOT if slot == MAP_MISSING else slot


@hot
def _take_slot(exposure, order_id, intent_id):
    """A cleared slot, listed and named; NO_SLOT when the table is full or a name is taken."""
    count = exposure.open_count[0]
    if count >= exposure.slots.shape[0] or find_order(exposure, order_id) != NO_SLOT:
        return NO_SLOT
    slot = exposure.places[count]
    if find_intent(exposure, intent_id) != NO_SLOT or map_put(exposure.by_intent, intent_id, slot) == 0:
        return NO_SLOT
    if map_put(exposure.by_order, order_id, slot) == 0:
        map_remove(exposure.by_intent, intent_id)
        return NO_SLOT
    exposure.open_count[0] = count + 1
    order = exposure.slots[slot]
    order["order_id"] = order_id
    order["intent_id"] = intent_id
    order["cum_lots"] = 0
    order["parent"] = NO_SLOT
    order["child"] = NO_SLOT
    order["alive"] = 0
    order["cancelling"] = 0
    order["cancel_stamp_ns"] = 0
    return slot


@hot
def reserve_new(exposure, asked):
    """Open the order of a passed NEW and count all of it. `asked` has the fields of DECISION or REPORT.

    Returns its slot, or NO_SLOT when the table is full or an id is taken; then nothing changed. Its session and
    incarnation are the caller's to fill.
    """
    slot = _take_slot(exposure, asked["order_id"], asked["intent_id"])
    if slot == NO_SLOT:
        return NO_SLOT
    order = exposure.slots[slot]
    order["instrument_id"] = asked["instrument_id"]
    order["strategy_id"] = asked["strategy_id"]
    order["side"] = asked["side"]
    order["price_ticks"] = asked["price_ticks"]
    order["qty_lots"] = asked["qty_lots"]
    order["leaves_lots"] = asked["qty_lots"]
    _shift(exposure, slot, order["leaves_lots"], 1)
    return slot


@hot
def reserve_replace(exposure, target, asked):
    """Open the order of a passed REPLACE as the child of slot `target`; the family counts its greater member.

    Returns its slot, or NO_SLOT as `reserve_new`. Caller made sure that `target` is open and has no child.
    """
    before = family_leaves(exposure, target)
    slot = _take_slot(exposure, asked["order_id"], asked["intent_id"])
    if slot == NO_SLOT:
        return NO_SLOT
    old = exposure.slots[target]
    order = exposure.slots[slot]
    order["instrument_id"] = old["instrument_id"]
    order["strategy_id"] = old["strategy_id"]
    order["session_id"] = old["session_id"]
    order["incarnation"] = old["incarnation"]
    order["side"] = old["side"]
    order["price_ticks"] = asked["price_ticks"]
    order["qty_lots"] = asked["qty_lots"]
    order["leaves_lots"] = replace_leaves(exposure, target, asked["qty_lots"])
    order["cum_lots"] = old["cum_lots"]
    order["parent"] = target
    old["child"] = slot
    _shift(exposure, slot, family_leaves(exposure, slot) - before, 0)
    return slot


@hot
def _close(exposure, slot):
    """Unlink and free one slot. Returns a remaining member of its family, or NO_SLOT."""
    slots = exposure.slots
    order = slots[slot]
    parent, child = order["parent"], order["child"]
    if parent != NO_SLOT:
        slots[parent]["child"] = child
    if child != NO_SLOT:
        slots[child]["parent"] = parent
    map_remove(exposure.by_intent, order["intent_id"])
    map_remove(exposure.by_order, order["order_id"])
    last = exposure.open_count[0] - 1
    place, moved = order["place"], exposure.places[last]
    exposure.places[place] = moved
    slots[moved]["place"] = place
    exposure.places[last] = slot
    order["place"] = last
    exposure.open_count[0] = last
    order["leaves_lots"] = 0
    return child if child != NO_SLOT else parent


@hot
def _settle(exposure, slot, before, closes):
    """Bring the sums from `before` to what the family of `slot` now counts for; first close `slot` if it `closes`."""
    if closes:
        rest = _close(exposure, slot)  # its instrument, strategy and side stay readable in the freed slot
        _shift(exposure, slot, family_leaves(exposure, rest) - before, -1 if rest == NO_SLOT else 0)
    else:
        _shift(exposure, slot, family_leaves(exposure, slot) - before, 0)


# --- reports ---------------------------------------------------------------------------------------------------------


@hot
def _in_range(exposure, report):
    """Whether a report names an instrument, a strategy and a side that exist."""
    instrument, strategy, side = int(report["instrument_id"]), int(report["strategy_id"]), int(report["side"])
    return (
        0 <= instrument < exposure.by_instrument.shape[0]
        and 0 <= strategy < exposure.by_strategy.shape[0]
        and (side == SIDE_BUY or side == SIDE_SELL)
    )


@hot
def _fill(exposure, slot, report):
    """EXECUTED: position moves whatever is known of the order."""
    qty, leaves = report["qty_lots"], report["leaves_lots"]
    if qty <= 0 or qty > QTY_BOUND:
        return FOUND_IMPOSSIBLE
    signed = qty if report["side"] == SIDE_BUY else -qty
    _move_position(exposure, int(report["strategy_id"]), int(report["instrument_id"]), signed)
    if slot == NO_SLOT:
        return FOUND_UNKNOWN
    slots = exposure.slots
    order = slots[slot]
    before = family_leaves(exposure, slot)
    found = 0
    if qty > order["leaves_lots"]:
        found = FOUND_OVERFILL
    elif leaves != order["leaves_lots"] - qty:
        found = FOUND_IMPOSSIBLE
    if leaves < 0 or leaves > QTY_BOUND:
        leaves = max(0, order["leaves_lots"] - qty)
    order["leaves_lots"] = leaves
    order["cum_lots"] += qty
    order["alive"] = 1
    child = order["child"]
    while child != NO_SLOT:
        slots[child]["leaves_lots"] = max(0, slots[child]["leaves_lots"] - qty)
        slots[child]["cum_lots"] += qty
        child = slots[child]["child"]
    _settle(exposure, slot, before, leaves == 0)
    return found


@hot
def _adopt(exposure, report):
    """An open order that nobody here passed: count it, under an incarnation that has it cancelled."""
    slot = reserve_new(exposure, report)
    if slot == NO_SLOT:
        return NO_SLOT
    order = exposure.slots[slot]
    order["session_id"] = report["session_id"]
    order["incarnation"] = -1
    return slot


@hot
def _rest(exposure, slot, report):
    """ACCEPTED, REPLACED, RESTATED, CANCELED: what is open is what the venue says."""
    kind, leaves = int(report["kind"]), report["leaves_lots"]
    if leaves < 0 or leaves > QTY_BOUND:
        return FOUND_IMPOSSIBLE
    found = 0
    if slot == NO_SLOT:
        found = FOUND_UNKNOWN
        if leaves > 0 and report["order_id"] > 0 and 0 <= report["qty_lots"] <= QTY_BOUND:
            slot = _adopt(exposure, report)
        if slot == NO_SLOT:
            return found
    order = exposure.slots[slot]
    before = family_leaves(exposure, slot)
    if kind == REPORT_CANCELED:
        order["cancelling"] = 0
    else:
        order["price_ticks"] = report["price_ticks"]
        order["qty_lots"] = report["qty_lots"]
        order["alive"] = 1
    order["leaves_lots"] = leaves
    if kind == REPORT_REPLACED:
        old = find_order(exposure, report["old_order_id"])
        if old != NO_SLOT and old == order["parent"]:
            _close(exposure, old)
        elif old != NO_SLOT and old != slot:
            _settle(exposure, old, family_leaves(exposure, old), True)
    _settle(exposure, slot, before, leaves == 0)
    return found


@hot
def apply_report(exposure, report):
    """Apply one REPORT. The caller sees to it that each is applied once and in order. Returns APPLIED | FOUND_*."""
    kind = int(report["kind"])
    if not _in_range(exposure, report):
        return APPLIED | FOUND_IMPOSSIBLE
    slot = find_order(exposure, report["order_id"])
    found = 0
    if slot != NO_SLOT:
        order = exposure.slots[slot]
        if (
            order["instrument_id"] != report["instrument_id"]
            or order["strategy_id"] != report["strategy_id"]
            or order["side"] != report["side"]
        ):
            return APPLIED | FOUND_IMPOSSIBLE
    pair = pair_of(exposure, int(report["strategy_id"]), int(report["instrument_id"]))
    exposure.pair_seen_seq[pair] = report["report_seq"]
    if kind == REPORT_EXECUTED:
        exposure.pair_fill_seq[pair] = report["report_seq"]
        found = _fill(exposure, slot, report)
    elif kind == REPORT_BROKEN:
        exposure.pair_fill_seq[pair] = report["report_seq"]
        qty = report["qty_lots"]
        if qty <= 0 or qty > QTY_BOUND:
            return APPLIED | FOUND_IMPOSSIBLE
        signed = -qty if report["side"] == SIDE_BUY else qty
        _move_position(exposure, int(report["strategy_id"]), int(report["instrument_id"]), signed)
    elif kind == REPORT_ACCEPTED or kind == REPORT_REPLACED or kind == REPORT_RESTATED or kind == REPORT_CANCELED:
        found = _rest(exposure, slot, report)
    elif kind == REPORT_REJECTED or kind == REPORT_EXPIRED or kind == REPORT_NEVER_ARRIVED:
        if slot == NO_SLOT:
            return APPLIED | FOUND_UNKNOWN
        if exposure.slots[slot]["alive"] == 1:
            return APPLIED | FOUND_IMPOSSIBLE
        _settle(exposure, slot, family_leaves(exposure, slot), True)
    elif kind == REPORT_CANCEL_REJECTED:
        if slot != NO_SLOT:  # an order that closed meanwhile is the usual reason
            exposure.slots[slot]["cancelling"] = 0
    elif kind != REPORT_CANCEL_PENDING and kind != REPORT_UNKNOWN:
        found = FOUND_IMPOSSIBLE
    return APPLIED | found


# --- invariants ------------------------------------------------------------------------------------------------------


def check(exposure: Exposure) -> None:
    """Assert the rules: sums equal what the slots say, nothing negative, maps and places complete. Cold, for tests."""
    count = int(exposure.open_count[0])
    slots = exposure.slots
    places = [int(place) for place in exposure.places]
    assert sorted(places) == list(range(len(slots))), "places is a permutation"
    assert all(int(slots[slot]["place"]) == row for row, slot in enumerate(places)), "each slot knows its place"
    assert map_len(exposure.by_intent) == count and map_len(exposure.by_order) == count, "maps hold the open orders"
    instruments, pairs = np.zeros_like(exposure.by_instrument), np.zeros_like(exposure.by_pair)
    for slot in places[:count]:
        order = slots[slot]
        assert order["leaves_lots"] >= 0 and order["cum_lots"] >= 0, f"negative lots: {order}"
        assert find_intent(exposure, order["intent_id"]) == slot == find_order(exposure, order["order_id"]), order
        if order["child"] != NO_SLOT:
            assert slots[int(order["child"])]["parent"] == slot, f"child does not know its parent: {order}"
        if order["parent"] != NO_SLOT:
            assert slots[int(order["parent"])]["child"] == slot, f"parent does not know its child: {order}"
            continue  # the family is counted at its oldest member
        field = "open_buy" if order["side"] == SIDE_BUY else "open_sell"
        pair = int(order["strategy_id"]) * len(instruments) + int(order["instrument_id"])
        for row in (instruments[int(order["instrument_id"])], pairs[pair]):
            row[field] += family_leaves(exposure, slot)
            row["orders"] += 1
    for name in ("open_buy", "open_sell", "orders"):
        assert (exposure.by_instrument[name] == instruments[name]).all(), f"instrument {name}: {exposure.by_instrument}"
        assert (exposure.by_pair[name] == pairs[name]).all(), f"pair {name}: {exposure.by_pair}"
    by_strategy = pairs["orders"].reshape(len(exposure.by_strategy), -1).sum(axis=1)
    assert (exposure.by_strategy["orders"] == by_strategy).all(), "orders by strategy"
    assert exposure.by_firm[0]["orders"] == pairs["orders"].sum(), "orders of the firm"
    positions = exposure.by_pair["position"].reshape(len(exposure.by_strategy), -1).sum(axis=0)
    assert (exposure.by_instrument["position"] == positions).all(), "an instrument's position is its strategies' sum"

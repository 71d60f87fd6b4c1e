"""Exposure: positions and open orders, owned by the gate alone. Reserved when an order passes, released by reports.

```
order table    slots[ORDER_SLOT]; `places` lists the open slots first, then the free ones; two maps find a slot
instruments    position, open buy lots, open sell lots, open orders    (row = instrument_id)
pairs          the same for one strategy in one instrument      (row = strategy_id * instruments + instrument_id)
strategies     open orders                                      (row = strategy_id)
firm           open orders                                      (row 0)
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

Hot functions take `book`, one record of addresses, and the two maps (why: state.py).
"""

from typing import NamedTuple

import numpy as np

from procs.risk_gate.checks import QTY_BOUND
from shm.atomics import address_of, record_at
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
FOUND_UNKNOWN = 1  # no such order here; positions still move, a live one is adopted and will be cancelled
FOUND_OVERFILL = 2  # more traded than was open
FOUND_IMPOSSIBLE = 4  # out of range, or contradicts what is known; exposure was kept

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
HOLDING = np.dtype(
    [
        (name, "<i8")
        for name in (
            *("position", "open_buy", "open_sell", "orders"),
            "seen_seq",  # pairs: last report about this row
            "fill_seq",  # pairs: last report that moved its position
        )
    ]
)
BOOK = np.dtype(
    [
        (name, "<i8")
        for name in (
            *("slots_addr", "places_addr", "instruments_addr", "pairs_addr", "strategies_addr", "firm_addr"),
            *("slots", "instruments", "strategies"),  # how many of each
            "open_count",  # open orders: the first so many of `places`
        )
    ]
)
WORD = np.dtype([("value", "<i8")])  # one element of a private int64 array
SLOT_BYTES, HOLDING_BYTES = ORDER_SLOT.itemsize, HOLDING.itemsize


class Exposure(NamedTuple):
    """Private arrays of the gate, for cold code; `book` names their addresses to hot code."""

    book: np.ndarray  # BOOK[1]
    by_intent: np.ndarray  # IntMap intent_id -> slot
    by_order: np.ndarray  # IntMap order_id -> slot
    slots: np.ndarray  # ORDER_SLOT[n]
    places: np.ndarray  # int64[n], a permutation of the slots: open ones first
    instruments: np.ndarray  # HOLDING[instruments]
    pairs: np.ndarray  # HOLDING[strategies * instruments]
    strategies: np.ndarray  # HOLDING[strategies]
    firm: np.ndarray  # HOLDING[1]


def new_exposure(slots: int, strategies: int, instruments: int) -> Exposure:
    """Everything flat and empty. `slots` is the greatest number of orders that can be open at once. Keep it alive."""
    exposure = Exposure(
        book=np.zeros(1, BOOK),
        by_intent=int_map(slots),
        by_order=int_map(slots),
        slots=np.zeros(slots, ORDER_SLOT),
        places=np.arange(slots, dtype=np.int64),
        instruments=np.zeros(instruments, HOLDING),
        pairs=np.zeros(strategies * instruments, HOLDING),
        strategies=np.zeros(strategies, HOLDING),
        firm=np.zeros(1, HOLDING),
    )
    exposure.slots["place"] = exposure.places
    book = exposure.book[0]
    for name in ("slots", "places", "instruments", "pairs", "strategies", "firm"):
        book[f"{name}_addr"] = address_of(getattr(exposure, name))
    book["slots"], book["strategies"], book["instruments"] = slots, strategies, instruments
    return exposure


# --- rows ------------------------------------------------------------------------------------------------------------


@hot
def word_at(first_addr, index):
    """Element `index` of the private int64 array at `first_addr`, as a record with a `value`."""
    return record_at(first_addr + index * 8, WORD)


@hot
def order_at(book, slot):
    """ORDER_SLOT `slot`, in range."""
    return record_at(book["slots_addr"] + slot * SLOT_BYTES, ORDER_SLOT)


@hot
def open_slot(book, place):
    """Slot of the `place`-th open order."""
    return word_at(book["places_addr"], place)["value"]


@hot
def instrument_holding(book, instrument_id):
    """HOLDING of an instrument, in range."""
    return record_at(book["instruments_addr"] + instrument_id * HOLDING_BYTES, HOLDING)


@hot
def pair_holding(book, strategy_id, instrument_id):
    """HOLDING of a strategy in an instrument, in range."""
    row = strategy_id * book["instruments"] + instrument_id
    return record_at(book["pairs_addr"] + row * HOLDING_BYTES, HOLDING)


@hot
def strategy_holding(book, strategy_id):
    """HOLDING of a strategy: only its open orders count."""
    return record_at(book["strategies_addr"] + strategy_id * HOLDING_BYTES, HOLDING)


@hot
def firm_holding(book):
    """HOLDING of the firm: only its open orders count."""
    return record_at(book["firm_addr"], HOLDING)


# --- sums ------------------------------------------------------------------------------------------------------------


@hot
def has_room(book):
    """1 when the order table takes one more."""
    return 1 if book["open_count"] < book["slots"] else 0


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
def _shift(book, order, lots, orders):
    """Change what the family of `order` counts for by `lots` and `orders`."""
    instrument = instrument_holding(book, order["instrument_id"])
    pair = pair_holding(book, order["strategy_id"], order["instrument_id"])
    _add_open(instrument, order["side"], lots)
    _add_open(pair, order["side"], lots)
    if orders != 0:
        instrument["orders"] += orders
        pair["orders"] += orders
        strategy = strategy_holding(book, order["strategy_id"])
        strategy["orders"] += orders
        firm = firm_holding(book)
        firm["orders"] += orders


@hot
def _move_position(book, strategy_id, instrument_id, lots):
    instrument = instrument_holding(book, instrument_id)
    instrument["position"] += lots
    pair = pair_holding(book, strategy_id, instrument_id)
    pair["position"] += lots


@hot
def family_leaves(book, slot):
    """The most that the family of `slot` can still trade; 0 for NO_SLOT."""
    if slot == NO_SLOT:
        return 0
    parent = order_at(book, slot)["parent"]
    while parent != NO_SLOT:
        slot = parent
        parent = order_at(book, slot)["parent"]
    greatest = 0
    while slot != NO_SLOT:
        order = order_at(book, slot)
        greatest = max(greatest, order["leaves_lots"])
        slot = order["child"]
    return greatest


@hot
def family_size(book, slot):
    """Members of the family of an open `slot`."""
    size = 1
    other = order_at(book, slot)["parent"]
    while other != NO_SLOT:
        size += 1
        other = order_at(book, other)["parent"]
    other = order_at(book, slot)["child"]
    while other != NO_SLOT:
        size += 1
        other = order_at(book, other)["child"]
    return size


@hot
def replace_leaves(book, target, qty_lots):
    """What a replace of `target` by the total `qty_lots` would leave open."""
    return max(0, qty_lots - order_at(book, target)["cum_lots"])


# --- orders ----------------------------------------------------------------------------------------------------------


@hot
def find_slot(by_id, key):
    """Slot of the open order that `by_id` names by `key` (an intent or an order id), or NO_SLOT."""
    slot = map_get(by_id, key)
    return NO_SLOT if slot == MAP_MISSING else slot


@hot
def _take_slot(book, by_intent, by_order, order_id, intent_id):
    """A cleared slot, listed and named; NO_SLOT when the table is full or a name is taken."""
    count = book["open_count"]
    if count >= book["slots"] or find_slot(by_order, order_id) != NO_SLOT:
        return NO_SLOT
    slot = open_slot(book, count)
    if find_slot(by_intent, intent_id) != NO_SLOT or map_put(by_intent, intent_id, slot) == 0:
        return NO_SLOT
    if map_put(by_order, order_id, slot) == 0:
        map_remove(by_intent, intent_id)
        return NO_SLOT
    book["open_count"] = count + 1
    order = order_at(book, slot)
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
def reserve_new(book, by_intent, by_order, asked):
    """Open the order of a passed NEW and count all of it. `asked` has the fields of DECISION or REPORT.

    Returns its slot, or NO_SLOT when the table is full or an id is taken; then nothing changed. Its session and
    incarnation are the caller's to fill.
    """
    slot = _take_slot(book, by_intent, by_order, asked["order_id"], asked["intent_id"])
    if slot == NO_SLOT:
        return NO_SLOT
    order = order_at(book, slot)
    order["instrument_id"] = asked["instrument_id"]
    order["strategy_id"] = asked["strategy_id"]
    order["side"] = asked["side"]
    order["price_ticks"] = asked["price_ticks"]
    order["qty_lots"] = asked["qty_lots"]
    order["leaves_lots"] = asked["qty_lots"]
    _shift(book, order, order["leaves_lots"], 1)
    return slot


@hot
def reserve_replace(book, by_intent, by_order, target, asked):
    """Open the order of a passed REPLACE as the child of slot `target`; the family counts its greater member.

    Returns its slot, or NO_SLOT as `reserve_new`. Caller made sure that `target` is open and has no child.
    """
    before = family_leaves(book, target)
    slot = _take_slot(book, by_intent, by_order, asked["order_id"], asked["intent_id"])
    if slot == NO_SLOT:
        return NO_SLOT
    old = order_at(book, target)
    order = order_at(book, slot)
    order["instrument_id"] = old["instrument_id"]
    order["strategy_id"] = old["strategy_id"]
    order["session_id"] = old["session_id"]
    order["incarnation"] = old["incarnation"]
    order["side"] = old["side"]
    order["price_ticks"] = asked["price_ticks"]
    order["qty_lots"] = asked["qty_lots"]
    order["leaves_lots"] = replace_leaves(book, target, asked["qty_lots"])
    order["cum_lots"] = old["cum_lots"]
    order["parent"] = target
    old["child"] = slot
    _shift(book, order, family_leaves(book, slot) - before, 0)
    return slot


@hot
def _close(book, by_intent, by_order, slot):
    """Unlink and free one slot. Returns a remaining member of its family, or NO_SLOT."""
    order = order_at(book, slot)
    parent, child = order["parent"], order["child"]
    if parent != NO_SLOT:
        above = order_at(book, parent)
        above["child"] = child
    if child != NO_SLOT:
        below = order_at(book, child)
        below["parent"] = parent
    map_remove(by_intent, order["intent_id"])
    map_remove(by_order, order["order_id"])
    last = book["open_count"] - 1
    place, moved = order["place"], open_slot(book, last)
    hole, end = word_at(book["places_addr"], place), word_at(book["places_addr"], last)
    hole["value"] = moved
    end["value"] = slot
    other = order_at(book, moved)
    other["place"] = place
    order["place"] = last
    book["open_count"] = last
    order["leaves_lots"] = 0
    return child if child != NO_SLOT else parent


@hot
def _close_and_settle(book, by_intent, by_order, slot, before):
    """Close `slot` and bring the sums from `before` to what the rest of its family counts for."""
    rest = _close(book, by_intent, by_order, slot)
    order = order_at(book, slot)  # freed, but its instrument, strategy and side are still to be read
    _shift(book, order, family_leaves(book, rest) - before, -1 if rest == NO_SLOT else 0)


@hot
def _settle(book, by_intent, by_order, slot, before):
    """Bring the sums from `before` to what the family of `slot` now counts for; nothing left to trade closes it."""
    order = order_at(book, slot)
    if order["leaves_lots"] == 0:
        _close_and_settle(book, by_intent, by_order, slot, before)
    else:
        _shift(book, order, family_leaves(book, slot) - before, 0)


# --- reports ---------------------------------------------------------------------------------------------------------


@hot
def _in_range(book, report):
    """1 when a report names an instrument, a strategy and a side that exist."""
    instrument, strategy, side = int(report["instrument_id"]), int(report["strategy_id"]), int(report["side"])
    if instrument < 0 or instrument >= book["instruments"] or strategy < 0 or strategy >= book["strategies"]:
        return 0
    return 1 if side == SIDE_BUY or side == SIDE_SELL else 0


@hot
def _fill(book, by_intent, by_order, slot, report):
    """EXECUTED: position moves whatever is known of the order."""
    qty, leaves = report["qty_lots"], report["leaves_lots"]
    if qty <= 0 or qty > QTY_BOUND:
        return FOUND_IMPOSSIBLE
    signed = qty if report["side"] == SIDE_BUY else -qty
    _move_position(book, int(report["strategy_id"]), int(report["instrument_id"]), signed)
    if slot == NO_SLOT:
        return FOUND_UNKNOWN
    order = order_at(book, slot)
    before = family_leaves(book, slot)
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
        younger = order_at(book, child)
        younger["leaves_lots"] = max(0, younger["leaves_lots"] - qty)
        younger["cum_lots"] += qty
        child = younger["child"]
    _settle(book, by_intent, by_order, slot, before)
    return found


@hot
def _adopt(book, by_intent, by_order, report):
    """An open order that nobody here passed: count it, under an incarnation that has it cancelled."""
    if report["leaves_lots"] == 0 or report["order_id"] <= 0 or report["qty_lots"] < 0:
        return NO_SLOT
    if report["qty_lots"] > QTY_BOUND:
        return NO_SLOT
    slot = reserve_new(book, by_intent, by_order, report)
    if slot != NO_SLOT:
        order = order_at(book, slot)
        order["session_id"] = report["session_id"]
        order["incarnation"] = -1
    return slot


@hot
def _close_replaced(book, by_intent, by_order, slot, report):
    """REPLACED: the order that `slot` replaced is gone."""
    old = find_slot(by_order, report["old_order_id"])
    if old == NO_SLOT or old == slot:
        return
    if old == order_at(book, slot)["parent"]:
        _close(book, by_intent, by_order, old)  # the family lives on: its sums are settled with `slot`
    else:
        _close_and_settle(book, by_intent, by_order, old, family_leaves(book, old))


@hot
def _rest(book, by_intent, by_order, slot, report):
    """ACCEPTED, REPLACED, RESTATED, CANCELED: what is open is what the venue says."""
    kind, leaves = int(report["kind"]), report["leaves_lots"]
    if leaves < 0 or leaves > QTY_BOUND:
        return FOUND_IMPOSSIBLE
    found = 0
    if slot == NO_SLOT:
        found = FOUND_UNKNOWN
        slot = _adopt(book, by_intent, by_order, report)
        if slot == NO_SLOT:
            return found
    order = order_at(book, slot)
    before = family_leaves(book, slot)
    if kind == REPORT_CANCELED:
        order["cancelling"] = 0
    else:
        order["price_ticks"] = report["price_ticks"]
        order["qty_lots"] = report["qty_lots"]
        order["alive"] = 1
    order["leaves_lots"] = leaves
    if kind == REPORT_REPLACED:
        _close_replaced(book, by_intent, by_order, slot, report)
    _settle(book, by_intent, by_order, slot, before)
    return found


@hot
def _break(book, report):
    """BROKEN: the position moves back."""
    qty = report["qty_lots"]
    if qty <= 0 or qty > QTY_BOUND:
        return FOUND_IMPOSSIBLE
    signed = -qty if report["side"] == SIDE_BUY else qty
    _move_position(book, int(report["strategy_id"]), int(report["instrument_id"]), signed)
    return 0


@hot
def _never_lived(book, by_intent, by_order, slot):
    """REJECTED, EXPIRED, NEVER_ARRIVED: release the order, unless the venue once said that it lives."""
    if slot == NO_SLOT:
        return FOUND_UNKNOWN
    if order_at(book, slot)["alive"] == 1:
        return FOUND_IMPOSSIBLE
    _close_and_settle(book, by_intent, by_order, slot, family_leaves(book, slot))
    return 0


@hot
def apply_report(book, by_intent, by_order, report):
    """Apply one REPORT. The caller sees to it that each is applied once and in order. Returns FOUND_*, OR-ed, or 0."""
    kind = int(report["kind"])
    if _in_range(book, report) == 0:
        return FOUND_IMPOSSIBLE
    slot = find_slot(by_order, report["order_id"])
    if slot != NO_SLOT:
        order = order_at(book, slot)
        if order["instrument_id"] != int(report["instrument_id"]) or order["side"] != int(report["side"]):
            return FOUND_IMPOSSIBLE
        if order["strategy_id"] != int(report["strategy_id"]):
            return FOUND_IMPOSSIBLE
    pair = pair_holding(book, int(report["strategy_id"]), int(report["instrument_id"]))
    pair["seen_seq"] = report["report_seq"]
    if kind == REPORT_EXECUTED:
        pair["fill_seq"] = report["report_seq"]
        return _fill(book, by_intent, by_order, slot, report)
    if kind == REPORT_BROKEN:
        pair["fill_seq"] = report["report_seq"]
        return _break(book, report)
    if kind == REPORT_ACCEPTED or kind == REPORT_REPLACED or kind == REPORT_RESTATED or kind == REPORT_CANCELED:
        return _rest(book, by_intent, by_order, slot, report)
    if kind == REPORT_REJECTED or kind == REPORT_EXPIRED or kind == REPORT_NEVER_ARRIVED:
        return _never_lived(book, by_intent, by_order, slot)
    if kind == REPORT_CANCEL_REJECTED:
        if slot != NO_SLOT:  # an order that closed meanwhile is the usual reason
            order = order_at(book, slot)
            order["cancelling"] = 0
        return 0
    return 0 if kind == REPORT_CANCEL_PENDING or kind == REPORT_UNKNOWN else FOUND_IMPOSSIBLE


# --- invariants ------------------------------------------------------------------------------------------------------


def check(exposure: Exposure) -> None:
    """Assert the rules: sums equal what the slots say, nothing negative, maps and places complete. Cold, for tests."""
    count, slots = int(exposure.book[0]["open_count"]), exposure.slots
    places = [int(place) for place in exposure.places]
    assert sorted(places) == list(range(len(slots))), "places is a permutation"
    assert (slots["place"][places] == np.arange(len(slots))).all(), "each slot knows its place"
    assert map_len(exposure.by_intent) == count and map_len(exposure.by_order) == count, "maps hold the open orders"
    instruments, pairs = np.zeros_like(exposure.instruments), np.zeros_like(exposure.pairs)
    for slot in places[:count]:
        order = slots[slot]
        assert order["leaves_lots"] >= 0 and order["cum_lots"] >= 0, f"negative lots: {order}"
        assert find_slot(exposure.by_intent, order["intent_id"]) == slot, f"intent map: {order}"
        assert find_slot(exposure.by_order, order["order_id"]) == slot, f"order map: {order}"
        if order["child"] != NO_SLOT:
            assert slots[int(order["child"])]["parent"] == slot, f"child does not know its parent: {order}"
        if order["parent"] != NO_SLOT:
            assert slots[int(order["parent"])]["child"] == slot, f"parent does not know its child: {order}"
            continue  # the family is counted at its oldest member
        greatest, member = 0, slot
        while member != NO_SLOT:
            greatest, member = max(greatest, int(slots[member]["leaves_lots"])), int(slots[member]["child"])
        pair = int(order["strategy_id"]) * len(instruments) + int(order["instrument_id"])
        for row in (instruments[int(order["instrument_id"])], pairs[pair]):
            row["open_buy" if order["side"] == SIDE_BUY else "open_sell"] += greatest
            row["orders"] += 1
    for name in ("open_buy", "open_sell", "orders"):
        assert (exposure.instruments[name] == instruments[name]).all(), f"instrument {name}: {exposure.instruments}"
        assert (exposure.pairs[name] == pairs[name]).all(), f"pair {name}: {exposure.pairs}"
    by_strategy = pairs["orders"].reshape(len(exposure.strategies), -1).sum(axis=1)
    assert (exposure.strategies["orders"] == by_strategy).all(), "orders by strategy"
    assert exposure.firm[0]["orders"] == pairs["orders"].sum(), "orders of the firm"
    positions = exposure.pairs["position"].reshape(len(exposure.strategies), -1).sum(axis=0)
    assert (exposure.instruments["position"] == positions).all(), "an instrument's position is its strategies' sum"

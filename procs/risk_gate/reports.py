"""Reports: what each report of order_sender does to orders and positions.

report            order                                             family
----------------  ------------------------------------------------  ---------------------------------------------
ACCEPTED          leaves, price, size as the venue says             leaves 0 closes
REPLACED          leaves, price, size as the venue says             the order replaced closes
RESTATED          leaves, price, size as the venue says             leaves 0 closes
CANCELED          leaves as the venue says; size less what went     leaves 0 closes
EXECUTED          leaves as the venue says; position moves          children in flight shrink; leaves 0 closes
REJECTED          closes, if it was never alive                     the order that it would have replaced stays
EXPIRED           closes, if it was never alive                     the order that it would have replaced stays
NEVER_ARRIVED     closes, if it was never alive                     the order that it would have replaced stays
CANCEL_REJECTED   may be cancelled and reduced again
CANCEL_PENDING    nothing
UNKNOWN           nothing: what may be at the venue stays reserved
BROKEN            position moves back; the order does not reopen
CORRECTED         position moves by the difference of the sizes     what is open stays

A reduce is answered by CANCELED with leaves above 0: until then all of the order counts. An execution is remembered by
its match number; a correction of one that is not is impossible, and shows as a difference with position_keeper.
"""

from procs.risk_gate.exposure import (
    close_member,
    close_order,
    family_leaves,
    family_value,
    find_slot,
    move_position,
    reserve_new,
    set_leaves,
    settle,
)
from procs.risk_gate.money import QTY_BOUND
from procs.risk_gate.own_orders import reprice
from procs.risk_gate.rows import FILL_BYTES, FILL_SLOT, FILLS, NO_SLOT, account_at, order_at, pair_at
from shm.atomics import record_at
from shm.codes import (
    REPORT_ACCEPTED,
    REPORT_BROKEN,
    REPORT_CANCEL_PENDING,
    REPORT_CANCEL_REJECTED,
    REPORT_CANCELED,
    REPORT_CORRECTED,
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
from shm.int_map import map_put, map_remove
from shm.jit import hot

# what apply_report found, OR-ed
FOUND_UNKNOWN = 1  # no such order here; positions still move, a live one is adopted and will be cancelled
FOUND_OVERFILL = 2  # more traded than was open
FOUND_IMPOSSIBLE = 4  # out of range, or contradicts what is known; exposure was kept

MATCH_BITS = (1 << 60) - 1  # with the side below it the key stays clear of the map's own values


# --- executions ------------------------------------------------------------------------------------------------------


@hot
def _in_range(book, report):
    """1 when a report names an instrument, a strategy and a side that exist."""
    instrument, strategy, side = int(report["instrument_id"]), int(report["strategy_id"]), int(report["side"])
    if instrument < 0 or instrument >= book["instruments"] or strategy < 0 or strategy >= book["strategies"]:
        return 0
    return 1 if side == SIDE_BUY or side == SIDE_SELL else 0


@hot
def _match_key(report):
    """Number and side: a trade with ourselves has one number for both."""
    return ((report["match_number"] & MATCH_BITS) << 1) | (int(report["side"]) & 1)


@hot
def _remember(book, by_match, report):
    """Keep an execution's size for a correction, in the place of the oldest."""
    slot = book["fill_count"] & (FILLS - 1)
    fill = record_at(book["fills_addr"] + slot * FILL_BYTES, FILL_SLOT)
    if book["fill_count"] >= FILLS and find_slot(by_match, fill["key"]) == slot:
        map_remove(by_match, fill["key"])
    fill["key"] = _match_key(report)
    fill["lots"] = report["qty_lots"]
    map_put(by_match, fill["key"], slot)
    book["fill_count"] += 1


@hot
def _move(book, report, lots):
    """Move the position by `lots` in the direction of the report's side."""
    signed = lots if int(report["side"]) == SIDE_BUY else -lots
    move_position(book, int(report["strategy_id"]), int(report["instrument_id"]), signed, report["price_ticks"])


@hot
def _count_execution(book, report):
    instrument = account_at(book, int(report["instrument_id"]))
    strategy = account_at(book, book["instruments"] + int(report["strategy_id"]))
    firm = account_at(book, book["instruments"] + book["strategies"])
    instrument["executions"] += 1
    strategy["executions"] += 1
    firm["executions"] += 1


@hot
def _shrink_children(book, order, lots):
    """The total of a replace in flight includes what its parent trades."""
    child = order["child"]
    while child != NO_SLOT:
        younger = order_at(book, child)
        set_leaves(book, younger, max(0, younger["leaves_lots"] - lots))
        younger["cum_lots"] += lots
        child = younger["child"]


@hot
def _fill(book, by_intent, by_order, by_match, slot, report):
    """EXECUTED: position moves whatever is known of the order."""
    qty, leaves = report["qty_lots"], report["leaves_lots"]
    if qty <= 0 or qty > QTY_BOUND:
        return FOUND_IMPOSSIBLE
    _move(book, report, qty)
    _count_execution(book, report)
    _remember(book, by_match, report)
    if slot == NO_SLOT:
        return FOUND_UNKNOWN
    order = order_at(book, slot)
    lots, value = family_leaves(book, slot), family_value(book, slot)
    found = 0
    if qty > order["leaves_lots"]:
        found = FOUND_OVERFILL
    elif leaves != order["leaves_lots"] - qty:
        found = FOUND_IMPOSSIBLE
    if leaves < 0 or leaves > QTY_BOUND:
        leaves = max(0, order["leaves_lots"] - qty)
    set_leaves(book, order, leaves)
    order["cum_lots"] += qty
    order["alive"] = 1
    _shrink_children(book, order, qty)
    settle(book, by_intent, by_order, slot, lots, value)
    return found


@hot
def _break(book, by_match, report):
    """BROKEN: the position moves back."""
    qty = report["qty_lots"]
    if qty <= 0 or qty > QTY_BOUND:
        return FOUND_IMPOSSIBLE
    map_remove(by_match, _match_key(report))
    _move(book, report, -qty)
    return 0


@hot
def _correct_totals(book, by_intent, by_order, slot, change):
    """What an order has traded changes by `change`; what its replaces in flight would leave open with it."""
    lots, value = family_leaves(book, slot), family_value(book, slot)
    order = order_at(book, slot)
    order["cum_lots"] += change
    child = order["child"]
    while child != NO_SLOT:
        younger = order_at(book, child)
        younger["cum_lots"] += change
        set_leaves(book, younger, max(0, younger["qty_lots"] - younger["cum_lots"]))
        child = younger["child"]
    settle(book, by_intent, by_order, slot, lots, value)


@hot
def _correct(book, by_intent, by_order, by_match, slot, report):
    """CORRECTED: the position moves by what the execution's size changed; values follow the mark, not its price."""
    qty = report["qty_lots"]
    if qty <= 0 or qty > QTY_BOUND:
        return FOUND_IMPOSSIBLE
    place = find_slot(by_match, _match_key(report))
    if place == NO_SLOT:
        return FOUND_IMPOSSIBLE
    fill = record_at(book["fills_addr"] + place * FILL_BYTES, FILL_SLOT)
    change = qty - fill["lots"]
    fill["lots"] = qty
    _move(book, report, change)
    if slot != NO_SLOT:
        _correct_totals(book, by_intent, by_order, slot, change)
    return 0


# --- orders ----------------------------------------------------------------------------------------------------------


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
        close_member(book, by_intent, by_order, old)  # the family lives on: its sums are settled with `slot`
    else:
        close_order(book, by_intent, by_order, old, family_leaves(book, old), family_value(book, old))


@hot
def _shrink(order, leaves):
    """CANCELED: its size is what traded and what is left. What is left answers a reduce, if one was on its way."""
    order["qty_lots"] = min(order["qty_lots"], order["cum_lots"] + leaves)
    if order["reducing"] == 1 and leaves > 0:
        order["reducing"] = 0
    else:
        order["cancelling"] = 0


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
    lots, value = family_leaves(book, slot), family_value(book, slot)
    if kind == REPORT_CANCELED:
        _shrink(order, leaves)
    else:
        reprice(book, slot, report["price_ticks"])
        order["qty_lots"] = report["qty_lots"]
        order["alive"] = 1
    set_leaves(book, order, leaves)
    if kind == REPORT_REPLACED:
        _close_replaced(book, by_intent, by_order, slot, report)
    settle(book, by_intent, by_order, slot, lots, value)
    return found


@hot
def _never_lived(book, by_intent, by_order, slot):
    """REJECTED, EXPIRED, NEVER_ARRIVED: release the order, unless the venue once said that it lives."""
    if slot == NO_SLOT:
        return FOUND_UNKNOWN
    if order_at(book, slot)["alive"] == 1:
        return FOUND_IMPOSSIBLE
    close_order(book, by_intent, by_order, slot, family_leaves(book, slot), family_value(book, slot))
    return 0


@hot
def _may_leave_again(book, slot):
    """CANCEL_REJECTED: an order that closed meanwhile is the usual reason."""
    if slot != NO_SLOT:
        order = order_at(book, slot)
        order["cancelling"] = 0
        order["reducing"] = 0


@hot
def _contradicts(book, slot, report):
    """1 when the report names another instrument, side or strategy than its order has."""
    if slot == NO_SLOT:
        return 0
    order = order_at(book, slot)
    if order["instrument_id"] != int(report["instrument_id"]) or order["side"] != int(report["side"]):
        return 1
    return 1 if order["strategy_id"] != int(report["strategy_id"]) else 0


@hot
def apply_report(book, by_intent, by_order, by_match, report):
    """Apply one REPORT. The caller sees to it that each is applied once and in order. Returns FOUND_*, OR-ed, or 0."""
    kind = int(report["kind"])
    if _in_range(book, report) == 0:
        return FOUND_IMPOSSIBLE
    slot = find_slot(by_order, report["order_id"])
    if _contradicts(book, slot, report) == 1:
        return FOUND_IMPOSSIBLE
    pair = pair_at(book, int(report["strategy_id"]), int(report["instrument_id"]))
    pair["seen_seq"] = report["report_seq"]
    if kind == REPORT_EXECUTED or kind == REPORT_BROKEN or kind == REPORT_CORRECTED:
        pair["fill_seq"] = report["report_seq"]
    if kind == REPORT_EXECUTED:
        return _fill(book, by_intent, by_order, by_match, slot, report)
    if kind == REPORT_BROKEN:
        return _break(book, by_match, report)
    if kind == REPORT_CORRECTED:
        return _correct(book, by_intent, by_order, by_match, slot, report)
    if kind == REPORT_ACCEPTED or kind == REPORT_REPLACED or kind == REPORT_RESTATED or kind == REPORT_CANCELED:
        return _rest(book, by_intent, by_order, slot, report)
    if kind == REPORT_REJECTED or kind == REPORT_EXPIRED or kind == REPORT_NEVER_ARRIVED:
        return _never_lived(book, by_intent, by_order, slot)
    if kind == REPORT_CANCEL_REJECTED:
        _may_leave_again(book, slot)
        return 0
    return 0 if kind == REPORT_CANCEL_PENDING or kind == REPORT_UNKNOWN else FOUND_IMPOSSIBLE

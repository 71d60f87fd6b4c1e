"""Exposure: positions and open orders, owned by the gate alone. Reserved when an order passes, released by reports.

A replace and the order that it replaces are a family: the venue has at most one of them alive, so a family counts as
one open order, and its open lots and its value are the greatest of its members, the worst that can still trade.
Members are linked by parent (replaced) and child (replacing); a report about one changes the family's share by the
difference. Quantities of a replace are totals that include what has traded, so an execution of the parent makes the
child in flight smaller too.

All sums are kept by differences, so nothing here ever looks at all orders or instruments. What a report does is in
reports.py, the rows are in rows.py. Hot functions take `book`, one record of addresses, and the maps (why: state.py).
"""

from procs.risk_gate.money import order_value, position_value, worst_gross
from procs.risk_gate.own_orders import delist, enlist
from procs.risk_gate.portfolio import follow
from procs.risk_gate.rows import NO_SLOT, account_at, holding_at, open_slot, order_at, pair_at, word_at
from shm.codes import SIDE_BUY
from shm.int_map import MAP_MISSING, map_get, map_put, map_remove
from shm.jit import hot, hot_inline

FAMILY_MAX = 8  # members in flight at once; a strategy that replaces faster than the venue answers waits


# --- sums ------------------------------------------------------------------------------------------------------------


@hot
def has_room(book):
    """1 when the order table takes one more."""
    return 1 if book["open_count"] < book["slots"] else 0


@hot
def _add_open(holding, side, lots, value):
    if side == SIDE_BUY:
        holding["open_buy"] += lots
        holding["value_buy"] += value
    else:
        holding["open_sell"] += lots
        holding["value_sell"] += value


@hot
def _regross(part, total):
    """Bring a part's worst case, and the sum that it belongs to, to its values."""
    gross = worst_gross(part["value"], part["value_buy"], part["value_sell"])
    total["gross"] += gross - part["gross"]
    part["gross"] = gross


@hot
def _shift(book, order, lots, value, orders):
    """Change what the family of `order` counts for, in all four scopes."""
    side = order["side"]
    instrument = holding_at(book, order["instrument_id"])
    pair = pair_at(book, order["strategy_id"], order["instrument_id"])
    strategy = holding_at(book, book["instruments"] + order["strategy_id"])
    firm = holding_at(book, book["instruments"] + book["strategies"])
    _add_open(instrument, side, lots, value)
    _add_open(pair, side, lots, value)
    _add_open(strategy, side, 0, value)
    _add_open(firm, side, 0, value)
    if orders != 0:
        instrument["orders"] += orders
        pair["orders"] += orders
        strategy["orders"] += orders
        firm["orders"] += orders
    _regross(pair, strategy)
    _regross(instrument, firm)
    if lots != 0:
        follow(book, order["instrument_id"], 0, lots if side == SIDE_BUY else 0, 0 if side == SIDE_BUY else lots)


@hot
def _revalue(part, total, account):
    """Bring the value of a part's position, and the sum that it belongs to, to its lots and its mark."""
    value = position_value(part["position"], part["mark"], account)
    total["value"] += value - part["value"]
    part["value"] = value
    _regross(part, total)


@hot
def _revalue_both(book, strategy_id, instrument_id):
    account = account_at(book, instrument_id)
    firm = holding_at(book, book["instruments"] + book["strategies"])
    _revalue(holding_at(book, instrument_id), firm, account)
    strategy = holding_at(book, book["instruments"] + strategy_id)
    _revalue(pair_at(book, strategy_id, instrument_id), strategy, account)


@hot
def move_position(book, strategy_id, instrument_id, lots, price):
    """Move the position of a strategy and of its instrument by signed `lots`. `price` values what has no mark yet."""
    instrument = holding_at(book, instrument_id)
    pair = pair_at(book, strategy_id, instrument_id)
    instrument["position"] += lots
    pair["position"] += lots
    if instrument["mark"] == 0:
        instrument["mark"] = price
    if pair["mark"] == 0:
        pair["mark"] = price
    _revalue_both(book, strategy_id, instrument_id)
    follow(book, instrument_id, lots, 0, 0)


@hot_inline
def mark_position(book, strategy_id, instrument_id, mark):
    """Value the position of a strategy and of its instrument at `mark` from now on."""
    instrument = holding_at(book, instrument_id)
    pair = pair_at(book, strategy_id, instrument_id)
    if instrument["mark"] == mark and pair["mark"] == mark:
        return
    instrument["mark"] = mark
    pair["mark"] = mark
    if instrument["position"] != 0 or pair["position"] != 0:
        _revalue_both(book, strategy_id, instrument_id)


# --- families --------------------------------------------------------------------------------------------------------


@hot
def _oldest(book, slot):
    parent = order_at(book, slot)["parent"]
    while parent != NO_SLOT:
        slot = parent
        parent = order_at(book, slot)["parent"]
    return slot


@hot
def family_leaves(book, slot):
    """The most lots that the family of `slot` can still trade; 0 for NO_SLOT."""
    greatest = 0
    if slot != NO_SLOT:
        slot = _oldest(book, slot)
    while slot != NO_SLOT:
        order = order_at(book, slot)
        greatest = max(greatest, order["leaves_lots"])
        slot = order["child"]
    return greatest


@hot
def family_value(book, slot):
    """The greatest value that the family of `slot` can still trade; 0 for NO_SLOT."""
    greatest = 0
    if slot != NO_SLOT:
        slot = _oldest(book, slot)
    while slot != NO_SLOT:
        order = order_at(book, slot)
        greatest = max(greatest, order["value"])
        slot = order["child"]
    return greatest


@hot
def family_size(book, slot):
    """Members of the family of an open `slot`."""
    size = 0
    slot = _oldest(book, slot)
    while slot != NO_SLOT:
        size += 1
        slot = order_at(book, slot)["child"]
    return size


@hot
def replace_leaves(book, target, qty_lots):
    """What a replace of `target` by the total `qty_lots` would leave open."""
    return max(0, qty_lots - order_at(book, target)["cum_lots"])


@hot
def set_leaves(book, order, leaves):
    """What an order leaves open, and its value at its price. The caller settles its family."""
    order["leaves_lots"] = leaves
    order["value"] = order_value(order["price_ticks"], leaves, account_at(book, order["instrument_id"]))


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
    order["reducing"] = 0
    order["reduce_stamp_ns"] = 0
    order["short"] = 0
    return slot


@hot
def reserve_new(book, by_intent, by_order, asked):
    """Open the order of a passed NEW and count all of it. `asked` has the fields of DECISION or REPORT.

    Returns its slot, or NO_SLOT when the table is full or an id is taken; then nothing changed. Its session,
    incarnation and mark are the caller's to fill.
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
    set_leaves(book, order, asked["qty_lots"])
    enlist(book, slot)
    _shift(book, order, order["leaves_lots"], order["value"], 1)
    return slot


@hot
def reserve_replace(book, by_intent, by_order, target, asked):
    """Open the order of a passed REPLACE as the child of slot `target`; the family counts its greater member.

    Returns its slot, or NO_SLOT as `reserve_new`. Caller made sure that `target` is open and has no child.
    """
    lots, value = family_leaves(book, target), family_value(book, target)
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
    set_leaves(book, order, replace_leaves(book, target, asked["qty_lots"]))
    order["cum_lots"] = old["cum_lots"]
    order["parent"] = target
    old["child"] = slot
    order["short"] = old["short"]
    enlist(book, slot)
    _shift(book, order, family_leaves(book, slot) - lots, family_value(book, slot) - value, 0)
    return slot


@hot
def close_member(book, by_intent, by_order, slot):
    """Unlink and free one slot; the sums stay. Returns a remaining member of its family, or NO_SLOT."""
    order = order_at(book, slot)
    parent, child = order["parent"], order["child"]
    if parent != NO_SLOT:
        above = order_at(book, parent)
        above["child"] = child
    if child != NO_SLOT:
        below = order_at(book, child)
        below["parent"] = parent
    delist(book, slot)
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
    order["value"] = 0
    return child if child != NO_SLOT else parent


@hot
def close_order(book, by_intent, by_order, slot, lots, value):
    """Close `slot` and bring the sums from `lots` and `value` to what the rest of its family counts for."""
    rest = close_member(book, by_intent, by_order, slot)
    order = order_at(book, slot)  # freed, but its instrument, strategy and side are still to be read
    lots, value = family_leaves(book, rest) - lots, family_value(book, rest) - value
    _shift(book, order, lots, value, -1 if rest == NO_SLOT else 0)


@hot
def settle(book, by_intent, by_order, slot, lots, value):
    """Bring the sums from `lots` and `value` to what the family of `slot` now counts for; nothing left closes it."""
    order = order_at(book, slot)
    if order["leaves_lots"] == 0:
        close_order(book, by_intent, by_order, slot, lots, value)
    else:
        _shift(book, order, family_leaves(book, slot) - lots, family_value(book, slot) - value, 0)

"""Price-time matching: what one input does to the books, and the events that tell of it.

Inputs are `enter`, `cancel`, `reduce`, `replace`, and for history `hit` (a named resting order traded), `cross` (a
named order traded in an auction) and `print_trade`. Each appends its events to `books["events"]`, in the order in which
the world learns of them; the caller hands them on and sets `words["events"]` back to 0 before the next input.

How an aggressor meets the book: TIF_DAY rests what is left, TIF_IOC lets it die, TIF_HISTORY rests it and trades with
members' orders only, because history already says what it did to everybody else. Own orders are not kept from
matching each other: that is the member's duty.
"""

from procs.venue.book import (
    EVENT_ADD,
    EVENT_DELETE,
    EVENT_EXECUTE,
    EVENT_EXPIRE,
    EVENT_REDUCE,
    EVENT_REPLACE,
    EVENT_TRADE,
    FAILED_POOL,
    FAILED_UNKNOWN,
    FAILED_VALUE,
    SWEEP_MAX,
    book_of,
    find_order,
    has_room,
    insert_order,
    key_of,
    shrink_order,
)
from shm.codes import SIDE_BUY, SIDE_SELL, TIF_DAY, TIF_IOC
from shm.jit import hot

TIF_HISTORY = 3
EVERY_PRIORITY = 1 << 62
PRICE_MAX = 4_294_967_295  # four bytes on the wire
QTY_MAX = 1_000_000  # OUCH: less than one million; keeps money far below 2^62


@hot
def _event(books, kind, slot):
    """Claim the next event, filled from a resting order. Returns its row."""
    words = books["words"]
    row = words["events"]
    words["events"] = row + 1
    order = books["orders"][slot]
    event = books["events"][row]
    event["kind"] = kind
    event["instrument"], event["side"], event["owner"] = order["instrument"], order["side"], order["owner"]
    event["ref"], event["old_ref"], event["user_ref"] = order["ref"], 0, order["user_ref"]
    event["price"], event["order_price"] = order["price"], order["price"]
    event["qty"], event["left"], event["match"] = order["qty"], order["qty"], 0
    event["other_ref"], event["other_user_ref"], event["other_owner"] = 0, 0, 0
    event["now_ns"] = words["now_ns"]
    return row


@hot
def _bare_event(books, kind, instrument, side):
    """Claim the next event without a resting order behind it. Returns its row."""
    words = books["words"]
    row = words["events"]
    words["events"] = row + 1
    event = books["events"][row]
    event["kind"], event["instrument"], event["side"], event["owner"] = kind, instrument, side, 0
    event["ref"], event["old_ref"], event["user_ref"], event["left"], event["match"] = 0, 0, 0, 0, 0
    event["other_ref"], event["other_user_ref"], event["other_owner"] = 0, 0, 0
    event["now_ns"] = words["now_ns"]
    return row


@hot
def _execute(books, slot, price, qty):
    """Trade `qty` lots of a resting order at `price` with the aggressor named in `words`."""
    words = books["words"]
    event = books["events"][_event(books, EVENT_EXECUTE, slot)]
    event["price"], event["qty"], event["match"] = price, qty, words["next_match"]
    event["other_ref"], event["other_user_ref"] = words["aggressor_ref"], words["aggressor_user_ref"]
    event["other_owner"] = words["aggressor_owner"]
    words["next_match"] += 1
    words["executions"] += 1
    books["orders"][slot]["executed"] += qty
    event["left"] = shrink_order(books, slot, qty)


@hot
def _meet(books, book, key_min, priority_max, qty, members_only):
    """Trade up to `qty` lots with the resting orders of `book`, best first. Returns the lots not traded.

    Meets levels with keys of at least `key_min`; on the level of exactly `key_min` only orders older than
    `priority_max`. With `members_only` anonymous orders are passed over.
    """
    budget = SWEEP_MAX
    rank = books["depth"][book] - 1
    while qty > 0 and rank >= 0 and books["keys"][book, rank] >= key_min:
        key = books["keys"][book, rank]
        slot = books["levels"][books["places"][book, rank]]["head"]
        while slot >= 0 and qty > 0:
            order = books["orders"][slot]
            behind = order["next"]
            if key == key_min and order["priority"] >= priority_max:
                break
            if order["owner"] > 0 or members_only == 0:
                if budget == 0:
                    return qty
                budget -= 1
                size = min(qty, order["qty"])
                _execute(books, slot, order["price"], size)
                qty -= size
            slot = behind
        rank -= 1
    return qty


@hot
def _name_aggressor(books, owner, ref, user_ref):
    words = books["words"]
    words["aggressor_owner"], words["aggressor_ref"], words["aggressor_user_ref"] = owner, ref, user_ref


@hot
def crosses(books, instrument, side, price):
    """1 if an order of that side and price would meet a resting order of the other side, else 0."""
    book = book_of(instrument, SIDE_SELL if side == SIDE_BUY else SIDE_BUY)
    count = books["depth"][book]
    return 1 if count > 0 and books["keys"][book, count - 1] >= -key_of(side, price) else 0


@hot
def _take(books, instrument, side, price, qty, members_only):
    """Let an aggressor of `side` trade down to its price. Returns the lots not traded."""
    if members_only and books["words"]["member_orders"] == 0:
        return qty
    book = book_of(instrument, SIDE_SELL if side == SIDE_BUY else SIDE_BUY)
    return _meet(books, book, -key_of(side, price), EVERY_PRIORITY, qty, members_only)


@hot
def valid_values(books, instrument, side, price, qty):
    """1 if an order with these values may enter the books at all."""
    if instrument < 0 or instrument >= books["words"]["instruments"] or (side != SIDE_BUY and side != SIDE_SELL):
        return 0
    return 1 if 0 < price <= PRICE_MAX and 0 < qty < QTY_MAX else 0


@hot
def enter(books, instrument, side, price, qty, tif, owner, user_ref):
    """A new order. Returns its reference, or FAILED_VALUE or FAILED_POOL (nothing changed).

    Events: EXECUTE of each order met, then ADD of the rest, or EXPIRE of what an immediate order left.
    """
    words = books["words"]
    if valid_values(books, instrument, side, price, qty) == 0 or tif < TIF_DAY or tif > TIF_HISTORY:
        return FAILED_VALUE
    if has_room(books, instrument, side, price) == 0:
        return FAILED_POOL
    ref = words["next_ref"]
    _name_aggressor(books, owner, ref, user_ref)
    left = _take(books, instrument, side, price, qty, 1 if tif == TIF_HISTORY else 0)
    _rest(books, instrument, side, price, left, tif, owner)
    if words["next_ref"] == ref:  # nothing rested: the reference is used all the same
        words["next_ref"] = ref + 1
    else:
        _sign(books, ref, user_ref, qty - left)
    return ref


@hot
def _sign(books, ref, user_ref, executed):
    """Give a fresh resting order its member's number and history, and say so in its ADD event."""
    slot = find_order(books, ref)
    books["orders"][slot]["user_ref"] = user_ref
    books["orders"][slot]["executed"] = executed
    books["events"][books["words"]["events"] - 1]["user_ref"] = user_ref


@hot
def _rest(books, instrument, side, price, left, tif, owner):
    """What is left of an aggressor rests or dies; so does what a full sweep left across the other side."""
    if left == 0:
        return
    dies = tif == TIF_IOC or (tif == TIF_DAY and crosses(books, instrument, side, price))
    if not dies:
        _event(books, EVENT_ADD, insert_order(books, instrument, side, price, left, owner))
        return
    words = books["words"]
    event = books["events"][_bare_event(books, EVENT_EXPIRE, instrument, side)]
    event["owner"], event["ref"], event["user_ref"] = owner, words["aggressor_ref"], words["aggressor_user_ref"]
    event["price"], event["order_price"], event["qty"] = price, price, left


@hot
def cancel(books, ref):
    """Take an order off the book. Returns the lots that it still had, or FAILED_UNKNOWN. Event: DELETE."""
    slot = find_order(books, ref)
    if slot < 0:
        return FAILED_UNKNOWN
    event = books["events"][_event(books, EVENT_DELETE, slot)]
    event["left"] = 0
    qty = books["orders"][slot]["qty"]
    shrink_order(books, slot, qty)
    return qty


@hot
def reduce(books, ref, qty):
    """Take `qty` lots off an order, which keeps its priority. Returns the lots left (0: deleted), or a FAILED_*.

    Events: REDUCE, or DELETE when nothing is left.
    """
    slot = find_order(books, ref)
    if slot < 0:
        return FAILED_UNKNOWN
    if qty <= 0:
        return FAILED_VALUE
    if qty >= books["orders"][slot]["qty"]:
        cancel(books, ref)
        return 0
    event = books["events"][_event(books, EVENT_REDUCE, slot)]
    event["qty"] = qty
    event["left"] = shrink_order(books, slot, qty)
    return event["left"]


@hot
def replace(books, ref, price, qty, user_ref, tif):
    """Move an order to `price` with `qty` open lots, a new reference and a new priority. Returns it, or a FAILED_*.

    Events: REPLACE; or, when it trades on entry, DELETE, the executions, and ADD of the rest.
    """
    words = books["words"]
    slot = find_order(books, ref)
    if slot < 0:
        return FAILED_UNKNOWN
    order = books["orders"][slot]
    instrument, side, owner = order["instrument"], order["side"], order["owner"]
    executed = order["executed"]
    if valid_values(books, instrument, side, price, qty) == 0 or tif < TIF_DAY or tif > TIF_HISTORY:
        return FAILED_VALUE
    if has_room(books, instrument, side, price) == 0:
        return FAILED_POOL
    new_ref = words["next_ref"]
    _name_aggressor(books, owner, new_ref, user_ref)
    deleted = _event(books, EVENT_DELETE, slot)
    books["events"][deleted]["left"] = 0
    shrink_order(books, slot, order["qty"])
    left = _take(books, instrument, side, price, qty, 1 if tif == TIF_HISTORY else 0)
    traded = left < qty
    _rest(books, instrument, side, price, left, tif, owner)
    if words["next_ref"] == new_ref:
        words["next_ref"] = new_ref + 1
        return new_ref
    _sign(books, new_ref, user_ref, executed + qty - left)
    if not traded:  # the pair DELETE, ADD becomes one REPLACE
        words["events"] -= 1
        event = books["events"][deleted]
        event["kind"], event["old_ref"], event["ref"], event["user_ref"] = EVENT_REPLACE, ref, new_ref, user_ref
        event["price"], event["order_price"], event["qty"], event["left"] = price, price, qty, qty
    return new_ref


@hot
def hit(books, ref, qty, instrument, side, price):
    """History: an aggressor of `side` trades `qty` lots with order `ref` at `price`. Returns the lots not traded.

    Members' orders with a better price, or the same price and older than `ref`, trade first; then `ref` itself as far
    as it goes; then, if it was short, members' orders behind it. Nobody else: history says what happened to them.
    """
    _name_aggressor(books, 0, 0, 0)
    book = book_of(instrument, SIDE_SELL if side == SIDE_BUY else SIDE_BUY)
    key = -key_of(side, price)
    members = books["words"]["member_orders"] > 0
    slot = find_order(books, ref)
    if members and slot < 0:
        qty = _meet(books, book, key, 0, qty, 1)
    elif members and books["orders"][slot]["key"] >= key:
        qty = _meet(books, book, books["orders"][slot]["key"], books["orders"][slot]["priority"], qty, 1)
    elif members:
        qty = _meet(books, book, key, EVERY_PRIORITY, qty, 1)
    if slot >= 0 and qty > 0:
        size = min(qty, books["orders"][slot]["qty"])
        _execute(books, slot, books["orders"][slot]["price"], size)
        qty -= size
    if members and qty > 0:
        qty = _meet(books, book, key, EVERY_PRIORITY, qty, 1)
    return qty


@hot
def cross(books, ref, qty, price):
    """History: an auction traded `qty` lots of order `ref` at `price`. Returns the lots not traded."""
    slot = find_order(books, ref)
    if slot < 0:
        return qty
    _name_aggressor(books, 0, 0, 0)
    size = min(qty, books["orders"][slot]["qty"])
    _execute(books, slot, price, size)
    return qty - size


@hot
def print_trade(books, instrument, side, price, qty):
    """History: `qty` lots traded at `price` with something the book does not show; members there trade first."""
    words = books["words"]
    if valid_values(books, instrument, side, price, qty) == 0:
        return FAILED_VALUE
    _name_aggressor(books, 0, 0, 0)
    left = _take(books, instrument, side, price, qty, 1)
    if left > 0:
        event = books["events"][_bare_event(books, EVENT_TRADE, instrument, side)]
        event["price"], event["order_price"], event["qty"], event["match"] = price, price, left, words["next_match"]
        words["next_match"] += 1
    return left

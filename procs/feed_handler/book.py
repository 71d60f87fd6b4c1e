"""Book: full-depth, order-by-order books of a whole market in private arrays. Hot; allocated once in `open_book`.

```
order_heads (order_map.py) -> order -- level --> level <-- level_heads (levels.py): side and price
                              next, prev ......  next, prev: the queue, oldest first, a ring through the level
                                                   ▲
                     sides[side_index]: best ──────┘ and ladder (ladder.py), sorted, in a block of one pool
```

`side_index` is 2 * instrument_id for bids and one more for asks. Orders, levels and ladder words come from pools that
all instruments share: an instrument without orders costs 32 bytes. Hot functions take `book`, the BOOK_ROW (rows.py).
Every operation judges the whole message first: impossible content returns a negative BOOK_* code and changes nothing.
On success price_ticks, qty_lots, left_lots and side of the BOOK_ROW say which order it was.
"""

import numpy as np

from procs.feed_handler.ladder import level_at, side_at, words_of
from procs.feed_handler.levels import drop_level, level_for, level_row
from procs.feed_handler.order_map import NO_LINK, link_of, node_at, put_order, remove_order
from procs.feed_handler.rows import LEVEL_ROW, NODE_BYTES, ORDER_ROW
from shm.atomics import record_at
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.jit import hot

BOOK_OK = 1
BOOK_UNKNOWN_ORDER = -1
BOOK_DUPLICATE_ORDER = -2
BOOK_EXCESS = -3  # more executed or cancelled than the order has left
BOOK_PRICE = -4
BOOK_QTY = -5
BOOK_SIDE = -6
BOOK_INSTRUMENT = -7  # outside our rows, or not the instrument of the order
BOOK_ORDERS_FULL = -8
BOOK_LEVELS_FULL = -9
BOOK_NAMES = {
    -1: "unknown order",
    -2: "duplicate order",
    -3: "more than the order has left",
    -4: "price",
    -5: "quantity",
    -6: "side",
    -7: "instrument",
    -8: "order pool full",
    -9: "level pool full",
}

PRICE_TICKS_MAX = (1 << 32) - 1  # the wire's field
QTY_LOTS_MAX = (1 << 32) - 1


# --- parts -----------------------------------------------------------------------------------------------------------


@hot
def _order_row(book, slot):
    return record_at(book["nodes_addr"] + slot * NODE_BYTES, ORDER_ROW)


@hot
def _join_queue(book, level, slot, qty_lots):
    """The order `slot` becomes the youngest of `level`."""
    row = level_row(book, level)
    order = _order_row(book, slot)
    youngest = int(row["prev"])
    order["qty_lots"] = qty_lots
    order["level"] = level
    order["next"] = level
    order["prev"] = youngest
    row["prev"] = slot
    _order_row(book, youngest)["next"] = slot  # the level itself when it had none
    row["qty_lots"] += qty_lots
    row["orders"] += 1


@hot
def _leave_queue(book, order):
    """Take an order out of its queue; its level stays, perhaps empty."""
    row = level_row(book, int(order["level"]))
    older = int(order["prev"])
    younger = int(order["next"])
    _order_row(book, older)["next"] = younger
    _order_row(book, younger)["prev"] = older
    row["qty_lots"] -= np.int64(order["qty_lots"])
    row["orders"] -= 1


@hot
def _leave(book, link, slot):
    """The order that `link` names leaves its queue, its level if it was the last, and the map."""
    order = _order_row(book, slot)
    level = int(order["level"])
    remove_order(book, link)
    _leave_queue(book, order)
    order["level"] = 0
    order["next"] = book["order_free"]
    book["order_free"] = slot
    book["orders"] -= 1
    if level_row(book, level)["orders"] == 0:
        drop_level(book, level)


@hot
def _is_known(book, order_ref):
    """Whether the reference is in the book. One above all before needs no search: venues number orders in sequence."""
    return order_ref <= book["ref_max"] and link_of(book, order_ref) != NO_LINK


@hot
def _tell(book, side_index, price_ticks, qty_lots, left_lots):
    book["price_ticks"] = price_ticks
    book["qty_lots"] = qty_lots
    book["left_lots"] = left_lots
    book["side"] = SIDE_BUY + (side_index & 1)


# --- operations ------------------------------------------------------------------------------------------------------


@hot
def book_add(book, instrument_id, order_ref, side, qty_lots, price_ticks):
    """An order joins the book at the end of its level. Returns BOOK_OK or a negative BOOK_* code."""
    if instrument_id < 0 or 2 * instrument_id >= book["sides"]:
        return BOOK_INSTRUMENT
    if side != SIDE_BUY and side != SIDE_SELL:
        return BOOK_SIDE
    if price_ticks <= 0 or price_ticks > PRICE_TICKS_MAX:
        return BOOK_PRICE
    if qty_lots <= 0 or qty_lots > QTY_LOTS_MAX:
        return BOOK_QTY
    if _is_known(book, order_ref):
        return BOOK_DUPLICATE_ORDER
    slot = book["order_free"]
    if slot == 0:
        return BOOK_ORDERS_FULL
    side_index = 2 * instrument_id + side - SIDE_BUY
    level = level_for(book, side_index, price_ticks)
    if level == 0:
        return BOOK_LEVELS_FULL
    order = _order_row(book, slot)
    book["order_free"] = int(order["next"])
    book["orders"] += 1
    book["ref_max"] = max(book["ref_max"], order_ref)
    order["order_ref"] = order_ref
    put_order(book, order_ref, slot)
    _join_queue(book, level, slot, qty_lots)
    _tell(book, side_index, price_ticks, qty_lots, qty_lots)
    return BOOK_OK


@hot
def book_reduce(book, instrument_id, order_ref, qty_lots):
    """Execute or partly cancel: the order becomes smaller by `qty_lots`, keeps its place, and leaves at 0.

    Returns BOOK_OK or a negative BOOK_* code.
    """
    link = link_of(book, order_ref)
    if link == NO_LINK:
        return BOOK_UNKNOWN_ORDER
    slot = node_at(link)
    order = _order_row(book, slot)
    row = level_row(book, int(order["level"]))
    side_index = int(row["side_index"])
    if side_index >> 1 != instrument_id:
        return BOOK_INSTRUMENT
    if qty_lots <= 0:
        return BOOK_QTY
    left_lots = np.int64(order["qty_lots"]) - qty_lots
    if left_lots < 0:
        return BOOK_EXCESS
    _tell(book, side_index, np.int64(row["price_ticks"]), qty_lots, left_lots)
    if left_lots == 0:
        _leave(book, link, slot)
    else:
        order["qty_lots"] = left_lots
        row["qty_lots"] -= qty_lots
    return BOOK_OK


@hot
def book_delete(book, instrument_id, order_ref):
    """The order leaves the book. Returns BOOK_OK or a negative BOOK_* code."""
    link = link_of(book, order_ref)
    if link == NO_LINK:
        return BOOK_UNKNOWN_ORDER
    slot = node_at(link)
    order = _order_row(book, slot)
    row = level_row(book, int(order["level"]))
    side_index = int(row["side_index"])
    if side_index >> 1 != instrument_id:
        return BOOK_INSTRUMENT
    _tell(book, side_index, np.int64(row["price_ticks"]), np.int64(order["qty_lots"]), 0)
    _leave(book, link, slot)
    return BOOK_OK


@hot
def book_replace(book, instrument_id, order_ref, new_ref, qty_lots, price_ticks):
    """The order leaves and another takes its side at the end of the queue. Returns BOOK_OK or a negative BOOK_* code.

    The BOOK_ROW tells price and size of the new order; left_lots and old_price_ticks are those of the old one. It needs
    no free order.
    """
    if price_ticks <= 0 or price_ticks > PRICE_TICKS_MAX:
        return BOOK_PRICE
    if qty_lots <= 0 or qty_lots > QTY_LOTS_MAX:
        return BOOK_QTY
    link = link_of(book, order_ref)
    if link == NO_LINK:
        return BOOK_UNKNOWN_ORDER
    slot = node_at(link)
    order = _order_row(book, slot)
    old_level = int(order["level"])
    old_lots = np.int64(order["qty_lots"])
    side_index = int(level_row(book, old_level)["side_index"])
    if side_index >> 1 != instrument_id:
        return BOOK_INSTRUMENT
    if _is_known(book, new_ref):
        return BOOK_DUPLICATE_ORDER
    level = level_for(book, side_index, price_ticks)
    if level == 0:
        return BOOK_LEVELS_FULL
    book["old_price_ticks"] = level_row(book, old_level)["price_ticks"]
    remove_order(book, link)
    book["ref_max"] = max(book["ref_max"], new_ref)
    order["order_ref"] = new_ref
    put_order(book, new_ref, slot)
    _leave_queue(book, order)
    _join_queue(book, level, slot, qty_lots)
    if level_row(book, old_level)["orders"] == 0:
        drop_level(book, old_level)
    _tell(book, side_index, price_ticks, qty_lots, old_lots)
    return BOOK_OK


@hot
def book_forget(book, instrument_id):
    """Every order of the instrument leaves; what they held is free for the others. Costs a deletion for each."""
    for side_index in range(2 * instrument_id, 2 * instrument_id + 2):
        side = side_at(book, side_index)
        while int(side["best"]) != 0:
            slot = int(level_row(book, int(side["best"]))["next"])
            _leave(book, link_of(book, _order_row(book, slot)["order_ref"]), slot)


# --- views -----------------------------------------------------------------------------------------------------------


@hot
def best_level(book, side_index):
    """The LEVEL_ROW of the best level; price and size are 0 for an empty side."""
    return level_row(book, int(side_at(book, side_index)["best"]))


@hot
def depth_side(book, side_index, prices, sizes, orders):
    """Best levels of a side into three int64 arrays of equal length, best first, zeros behind the last level."""
    side = side_at(book, side_index)
    levels = int(side["levels"])
    words = words_of(book, side)
    for rank in range(prices.shape[0]):
        level = level_at(words, levels - 1 - rank) if rank < levels else 0
        row = record_at(book["nodes_addr"] + level * NODE_BYTES, LEVEL_ROW)
        prices[rank] = np.int64(row["price_ticks"])
        sizes[rank] = row["qty_lots"]
        orders[rank] = int(row["orders"])

"""Book: full-depth, order-by-order books of many instruments in private arrays. Hot; allocated once.

```
order_map (place) -> orders[slot] -- level --> levels[level] <-- ladder[side_index] (sorted, best at the end)
                       next, prev                head, tail            sides[side_index]: best price and size, cached
```

A level keeps its orders in price-time priority, oldest first. `side_index` is 2 * instrument_id for bids and one more
for asks. Slot 0 and level 0 mean none. Every operation judges the whole message first: impossible content returns a
negative BOOK_* code and changes nothing. On success `event[0]` says which order it was.

ORDER_ROW, 32 bytes                                LEVEL_ROW, 32 bytes
off  type  field       meaning                     off  type  field        meaning
  0  i8    order_ref   venue's reference             0  i8    price_ticks  price of the level
  8  i8    qty_lots    what is left of it            8  i8    qty_lots     sum of its orders
 16  i4    level       level that it rests on       16  i4    orders       number of orders
 20  i4    next        next younger; free list      20  i4    head         oldest order; free list
 24  i4    prev        next older                   24  i4    tail         youngest order
 28  i4    reserved    zero                         28  i4    side_index   whose level it is

Memory for a million orders: 32 MB of orders, 32 MB of map, at most 32 MB of levels; beside them 16 bytes a rung of
ladder for each instrument (64 KiB at 4,096 levels a side).
"""

from typing import NamedTuple

import numpy as np

from procs.feed_handler.ladder import LEVEL_MASK, insert_rung, key_of, remove_rung, rung_of
from procs.feed_handler.order_map import ORDERS_MAX, SLOT_MASK, order_map, place_of, put_at, remove_at
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

PRICE_TICKS_MAX = (1 << 32) - 1  # the wire's field; a ladder word keeps 39 bits of price
QTY_LOTS_MAX = (1 << 32) - 1

ORDER_ROW = np.dtype(
    [("order_ref", "<i8"), ("qty_lots", "<i8"), ("level", "<i4"), ("next", "<i4"), ("prev", "<i4"), ("reserved", "<i4")]
)
LEVEL_ROW = np.dtype(
    [
        ("price_ticks", "<i8"),
        ("qty_lots", "<i8"),
        ("orders", "<i4"),
        ("head", "<i4"),
        ("tail", "<i4"),
        ("side_index", "<i4"),
    ]
)
SIDE_ROW = np.dtype([("price_ticks", "<i8"), ("qty_lots", "<i8"), ("levels", "<i8"), ("reserved", "<i8")])
BOOK_EVENT = np.dtype([("price_ticks", "<i8"), ("qty_lots", "<i8"), ("left_lots", "<i8"), ("side", "<i8")])

assert ORDER_ROW.itemsize == 32
assert LEVEL_ROW.itemsize == 32
assert SIDE_ROW.itemsize == 32  # both sides of an instrument share a cache line

POOL_ORDER_FREE, POOL_LEVEL_FREE, POOL_ORDERS, POOL_LEVELS = 0, 1, 2, 3  # words of Book.pool


class Book(NamedTuple):
    """`pool`: first free order, first free level, live orders, live levels. `event`: what the last success did."""

    orders: np.ndarray
    places: np.ndarray
    levels: np.ndarray
    ladder: np.ndarray
    sides: np.ndarray
    pool: np.ndarray
    event: np.ndarray


def open_book(*, instruments: int, orders_max: int, levels_max: int = 0, rungs_max: int = 4096) -> Book:
    """Allocate empty books. `levels_max` is shared by all books (default: what orders_max can need, at most 2^24)."""
    if not 0 < orders_max <= ORDERS_MAX:
        raise ValueError(f"orders_max: expected 1..{ORDERS_MAX}, found {orders_max}")
    levels_max = min(levels_max or orders_max, LEVEL_MASK - 1, orders_max, 2 * instruments * rungs_max)
    book = Book(
        orders=np.zeros(orders_max + 2, ORDER_ROW),  # slot 0 is none, one spare lets a full book replace
        places=order_map(orders_max + 1),
        levels=np.zeros(levels_max + 2, LEVEL_ROW),
        ladder=np.zeros((2 * instruments, rungs_max), np.int64),
        sides=np.zeros(2 * instruments, SIDE_ROW),
        pool=np.zeros(8, np.int64),
        event=np.zeros(1, BOOK_EVENT),
    )
    clear_book(book)
    return book


def clear_book(book: Book) -> None:
    """Forget every order. Cold: writes all of the memory."""
    for rows, link, pool_word in ((book.orders, "next", POOL_ORDER_FREE), (book.levels, "head", POOL_LEVEL_FREE)):
        rows[:] = 0
        rows[link][1:-1] = np.arange(2, len(rows))
        book.pool[pool_word] = 1
    book.places[:] = 0
    book.ladder[:] = 0
    book.sides[:] = 0
    book.event[:] = 0
    book.pool[POOL_ORDERS] = book.pool[POOL_LEVELS] = 0


# --- parts -----------------------------------------------------------------------------------------------------------


@hot
def _refresh_best(book, side_index):
    """Copy price and size of the best level to the side's row."""
    side = book.sides[side_index]
    levels = side["levels"]
    if levels == 0:
        side["price_ticks"] = 0
        side["qty_lots"] = 0
    else:
        best = book.levels[book.ladder[side_index, levels - 1] & LEVEL_MASK]
        side["price_ticks"] = best["price_ticks"]
        side["qty_lots"] = best["qty_lots"]


@hot
def _level_for(book, side_index, price_ticks):
    """Level of that price, made if there is none; 0 when pool or ladder is full. One level is kept for replaces."""
    side = book.sides[side_index]
    words = book.ladder[side_index]
    key = key_of(side_index, price_ticks)
    rung = rung_of(words, side["levels"], key)
    if rung >= 0:
        return words[rung] & LEVEL_MASK
    if side["levels"] == words.shape[0] or book.pool[POOL_LEVEL_FREE] == 0:
        return 0
    level = book.pool[POOL_LEVEL_FREE]
    row = book.levels[level]
    book.pool[POOL_LEVEL_FREE] = row["head"]
    book.pool[POOL_LEVELS] += 1
    insert_rung(words, side["levels"], -1 - rung, key, level)
    side["levels"] += 1
    row["price_ticks"] = price_ticks
    row["qty_lots"] = 0
    row["orders"] = 0
    row["head"] = 0
    row["tail"] = 0
    row["side_index"] = side_index
    return level


@hot
def _drop_level(book, level):
    row = book.levels[level]
    side_index = int(row["side_index"])
    side = book.sides[side_index]
    words = book.ladder[side_index]
    rung = rung_of(words, side["levels"], key_of(side_index, row["price_ticks"]))
    remove_rung(words, side["levels"], rung)
    side["levels"] -= 1
    row["head"] = book.pool[POOL_LEVEL_FREE]
    row["side_index"] = -1
    book.pool[POOL_LEVEL_FREE] = level
    book.pool[POOL_LEVELS] -= 1


@hot
def _join(book, place, order_ref, level, qty_lots):
    """New order at the end of `level`'s queue. A free slot exists."""
    slot = book.pool[POOL_ORDER_FREE]
    order = book.orders[slot]
    book.pool[POOL_ORDER_FREE] = int(order["next"])
    book.pool[POOL_ORDERS] += 1
    row = book.levels[level]
    tail = int(row["tail"])
    order["order_ref"] = order_ref
    order["qty_lots"] = qty_lots
    order["level"] = level
    order["next"] = 0
    order["prev"] = tail
    if tail == 0:
        row["head"] = slot
    else:
        book.orders[tail]["next"] = slot
    row["tail"] = slot
    row["qty_lots"] += qty_lots
    row["orders"] += 1
    put_at(book.places, place, order_ref, slot)


@hot
def _leave(book, place):
    """Take the order at `place` out of its queue and of the map; an empty level goes too."""
    slot = book.places[place] & SLOT_MASK
    order = book.orders[slot]
    level = int(order["level"])
    older = int(order["prev"])
    younger = int(order["next"])
    row = book.levels[level]
    if older == 0:
        row["head"] = younger
    else:
        book.orders[older]["next"] = younger
    if younger == 0:
        row["tail"] = older
    else:
        book.orders[younger]["prev"] = older
    row["qty_lots"] -= order["qty_lots"]
    row["orders"] -= 1
    remove_at(book.places, place)
    order["level"] = 0
    order["next"] = book.pool[POOL_ORDER_FREE]
    book.pool[POOL_ORDER_FREE] = slot
    book.pool[POOL_ORDERS] -= 1
    if row["orders"] == 0:
        _drop_level(book, level)


@hot
def _tell(book, side_index, price_ticks, qty_lots, left_lots):
    event = book.event[0]
    event["price_ticks"] = price_ticks
    event["qty_lots"] = qty_lots
    event["left_lots"] = left_lots
    event["side"] = SIDE_SELL if side_index & 1 else SIDE_BUY


# --- operations ------------------------------------------------------------------------------------------------------


@hot
def book_add(book, instrument_id, order_ref, side, qty_lots, price_ticks):
    """An order joins the book at the end of its level. Returns BOOK_OK or a negative BOOK_* code."""
    if instrument_id < 0 or 2 * instrument_id >= book.sides.shape[0]:
        return BOOK_INSTRUMENT
    if side != SIDE_BUY and side != SIDE_SELL:
        return BOOK_SIDE
    if price_ticks <= 0 or price_ticks > PRICE_TICKS_MAX:
        return BOOK_PRICE
    if qty_lots <= 0 or qty_lots > QTY_LOTS_MAX:
        return BOOK_QTY
    place = place_of(book.places, book.orders, order_ref)
    if place >= 0:
        return BOOK_DUPLICATE_ORDER
    if book.pool[POOL_ORDERS] >= book.orders.shape[0] - 2:
        return BOOK_ORDERS_FULL
    side_index = 2 * instrument_id + side - SIDE_BUY
    level = _level_for(book, side_index, price_ticks)
    if level == 0:
        return BOOK_LEVELS_FULL
    _join(book, -1 - place, order_ref, level, qty_lots)
    _refresh_best(book, side_index)
    _tell(book, side_index, price_ticks, qty_lots, qty_lots)
    return BOOK_OK


@hot
def book_reduce(book, instrument_id, order_ref, qty_lots):
    """Execute or partly cancel: the order becomes smaller by `qty_lots`, keeps its place, and leaves at 0.

    Returns BOOK_OK or a negative BOOK_* code.
    """
    place = place_of(book.places, book.orders, order_ref)
    if place < 0:
        return BOOK_UNKNOWN_ORDER
    order = book.orders[book.places[place] & SLOT_MASK]
    row = book.levels[int(order["level"])]
    side_index = int(row["side_index"])
    if side_index >> 1 != instrument_id:
        return BOOK_INSTRUMENT
    if qty_lots <= 0:
        return BOOK_QTY
    if qty_lots > order["qty_lots"]:
        return BOOK_EXCESS
    _tell(book, side_index, row["price_ticks"], qty_lots, order["qty_lots"] - qty_lots)
    if qty_lots == order["qty_lots"]:
        _leave(book, place)
    else:
        order["qty_lots"] -= qty_lots
        row["qty_lots"] -= qty_lots
    _refresh_best(book, side_index)
    return BOOK_OK


@hot
def book_delete(book, instrument_id, order_ref):
    """The order leaves the book. Returns BOOK_OK or a negative BOOK_* code."""
    place = place_of(book.places, book.orders, order_ref)
    if place < 0:
        return BOOK_UNKNOWN_ORDER
    order = book.orders[book.places[place] & SLOT_MASK]
    row = book.levels[int(order["level"])]
    side_index = int(row["side_index"])
    if side_index >> 1 != instrument_id:
        return BOOK_INSTRUMENT
    _tell(book, side_index, row["price_ticks"], order["qty_lots"], 0)
    _leave(book, place)
    _refresh_best(book, side_index)
    return BOOK_OK


@hot
def book_replace(book, instrument_id, order_ref, new_ref, qty_lots, price_ticks):
    """The order leaves and another takes its side at the end of the queue. Returns BOOK_OK or a negative BOOK_* code.

    `event[0]` tells price and size of the new order; left_lots is the size of the old one.
    """
    if price_ticks <= 0 or price_ticks > PRICE_TICKS_MAX:
        return BOOK_PRICE
    if qty_lots <= 0 or qty_lots > QTY_LOTS_MAX:
        return BOOK_QTY
    place = place_of(book.places, book.orders, order_ref)
    if place < 0:
        return BOOK_UNKNOWN_ORDER
    order = book.orders[book.places[place] & SLOT_MASK]
    side_index = int(book.levels[int(order["level"])]["side_index"])
    if side_index >> 1 != instrument_id:
        return BOOK_INSTRUMENT
    new_place = place_of(book.places, book.orders, new_ref)
    if new_place >= 0:
        return BOOK_DUPLICATE_ORDER
    level = _level_for(book, side_index, price_ticks)
    if level == 0:
        return BOOK_LEVELS_FULL
    old_lots = order["qty_lots"]
    _join(book, -1 - new_place, new_ref, level, qty_lots)
    _leave(book, place)  # after the join, which moves no word: `place` still holds the old order
    _refresh_best(book, side_index)
    _tell(book, side_index, price_ticks, qty_lots, old_lots)
    return BOOK_OK


# --- views -----------------------------------------------------------------------------------------------------------


@hot
def depth_side(book, side_index, prices, sizes, orders):
    """Best levels of a side into three int64 arrays of equal length, best first, zeros behind the last level."""
    levels = book.sides[side_index]["levels"]
    for rank in range(prices.shape[0]):
        if rank < levels:
            row = book.levels[book.ladder[side_index, levels - 1 - rank] & LEVEL_MASK]
            prices[rank] = row["price_ticks"]
            sizes[rank] = row["qty_lots"]
            orders[rank] = int(row["orders"])
        else:
            prices[rank] = 0
            sizes[rank] = 0
            orders[rank] = 0

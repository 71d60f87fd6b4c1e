"""Book: full-depth, order-by-order books of many instruments in private arrays. Hot; allocated once.

```
places (order_map.py) -> orders[slot] -- level --> levels[level] <-- ladder[side_index] (ladder.py), best at the end
                         next, prev                head, tail        sides[side_index]: best price and size, cached
```

A level keeps its orders in price-time priority, oldest first. `side_index` is 2 * instrument_id for bids and one more
for asks. Slot 0 and level 0 mean none. Hot functions take `book`, the BOOK_ROW (rows.py) of the books.
Every operation judges the whole message first: impossible content returns a negative BOOK_* code and changes nothing.
On success price_ticks, qty_lots, left_lots and side of the BOOK_ROW say which order it was.

Memory for a million orders: 32 MB of orders, 32 MB of map, at most 32 MB of levels; beside them 16 bytes a rung of
ladder for each instrument (64 KiB at 4,096 levels a side).
"""

from typing import NamedTuple

import numpy as np

from procs.feed_handler.ladder import LEVEL_MASK, insert_rung, key_of, level_at, remove_rung, rung_of
from procs.feed_handler.order_map import ORDERS_MAX, order_map, place_of, put_at, remove_at, slot_at
from procs.feed_handler.rows import BOOK_ROW, LEVEL_BYTES, LEVEL_ROW, ORDER_BYTES, ORDER_ROW, SIDE_BYTES, SIDE_ROW
from shm.atomics import address_of, record_at
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


class Book(NamedTuple):
    """Owner of the memory. Hot code takes `row[0]`, which holds the addresses of the rest."""

    row: np.ndarray
    orders: np.ndarray
    places: np.ndarray
    levels: np.ndarray
    ladder: np.ndarray
    sides: np.ndarray


def open_book(*, instruments: int, orders_max: int, rungs_max: int = 4096) -> Book:
    """Allocate empty books for `orders_max` live orders in all and `rungs_max` price levels a side."""
    if not 0 < orders_max <= ORDERS_MAX:
        raise ValueError(f"orders_max: expected 1..{ORDERS_MAX}, found {orders_max}")
    levels_max = min(LEVEL_MASK - 1, orders_max, 2 * instruments * rungs_max)
    book = Book(
        row=np.zeros(1, BOOK_ROW),
        orders=np.zeros(orders_max + 2, ORDER_ROW),  # slot 0 is none, one spare lets a full book replace
        places=order_map(orders_max + 1),
        levels=np.zeros(levels_max + 2, LEVEL_ROW),
        ladder=np.zeros((2 * instruments, rungs_max), np.int64),
        sides=np.zeros(2 * instruments, SIDE_ROW),
    )
    row = book.row[0]
    for name in ("orders", "places", "levels", "ladder", "sides"):
        row[f"{name}_addr"] = address_of(getattr(book, name))
    row["places_mask"] = len(book.places) - 1
    row["rungs_max"], row["sides"], row["orders_max"] = rungs_max, 2 * instruments, orders_max
    clear_book(book)
    return book


def clear_book(book: Book) -> None:
    """Forget every order. Cold: writes all of the memory."""
    for rows, link in ((book.orders, "next"), (book.levels, "head")):
        rows[:] = 0
        rows[link][1:-1] = np.arange(2, len(rows))
    book.places[:] = 0
    book.ladder[:] = 0
    book.sides[:] = 0
    row = book.row[0]
    row["order_free"] = row["level_free"] = 1
    row["orders"] = row["levels"] = 0


# --- parts -----------------------------------------------------------------------------------------------------------


@hot
def _words_of(book, side_index):
    return book["ladder_addr"] + side_index * book["rungs_max"] * 8


@hot
def _find_best(book, side_index):
    """Copy price and size of the best level to the side's row, after the old best level went away."""
    side = record_at(book["sides_addr"] + side_index * SIDE_BYTES, SIDE_ROW)
    levels = side["levels"]
    if levels == 0:
        side["price_ticks"] = 0
        side["qty_lots"] = 0
    else:
        best = level_at(_words_of(book, side_index), levels - 1)
        row = record_at(book["levels_addr"] + best * LEVEL_BYTES, LEVEL_ROW)
        side["price_ticks"] = row["price_ticks"]
        side["qty_lots"] = row["qty_lots"]


@hot
def _show_best(book, row):
    """The level `row` changed its size or is new: copy it to its side's row if it is the best."""
    side_index = np.int64(row["side_index"])
    side = record_at(book["sides_addr"] + side_index * SIDE_BYTES, SIDE_ROW)
    price_ticks = row["price_ticks"]
    best_ticks = side["price_ticks"]
    better = price_ticks < best_ticks if side_index & 1 else price_ticks > best_ticks
    if better or price_ticks == best_ticks or best_ticks == 0:
        side["price_ticks"] = price_ticks
        side["qty_lots"] = row["qty_lots"]


@hot
def _level_for(book, side_index, price_ticks):
    """Level of that price, made if there is none; 0 when pool or ladder is full."""
    side = record_at(book["sides_addr"] + side_index * SIDE_BYTES, SIDE_ROW)
    words = _words_of(book, side_index)
    levels = side["levels"]
    key = key_of(side_index, price_ticks)
    rung = rung_of(words, levels, key)
    if rung >= 0:
        return level_at(words, rung)
    level = book["level_free"]
    if level == 0 or levels == book["rungs_max"]:
        return 0
    row = record_at(book["levels_addr"] + level * LEVEL_BYTES, LEVEL_ROW)
    book["level_free"] = int(row["head"])
    book["levels"] += 1
    insert_rung(words, levels, -1 - rung, key, level)
    side["levels"] = levels + 1
    row["price_ticks"] = price_ticks
    row["qty_lots"] = 0
    row["orders"] = 0
    row["head"] = 0
    row["tail"] = 0
    row["side_index"] = side_index
    return level


@hot
def _drop_level(book, level):
    row = record_at(book["levels_addr"] + level * LEVEL_BYTES, LEVEL_ROW)
    side_index = np.int64(row["side_index"])
    side = record_at(book["sides_addr"] + side_index * SIDE_BYTES, SIDE_ROW)
    words = _words_of(book, side_index)
    levels = side["levels"]
    remove_rung(words, levels, rung_of(words, levels, key_of(side_index, row["price_ticks"])))
    side["levels"] = levels - 1
    row["head"] = book["level_free"]
    row["side_index"] = -1
    book["level_free"] = level
    book["levels"] -= 1
    if row["price_ticks"] == side["price_ticks"]:
        _find_best(book, side_index)


@hot
def _join(book, place, order_ref, level, qty_lots):
    """New order at the end of `level`'s queue. A free slot exists."""
    slot = book["order_free"]
    order = record_at(book["orders_addr"] + slot * ORDER_BYTES, ORDER_ROW)
    book["order_free"] = int(order["next"])
    book["orders"] += 1
    row = record_at(book["levels_addr"] + level * LEVEL_BYTES, LEVEL_ROW)
    tail = int(row["tail"])
    order["order_ref"] = order_ref
    order["qty_lots"] = qty_lots
    order["level"] = level
    order["next"] = 0
    order["prev"] = tail
    if tail == 0:
        row["head"] = slot
    else:
        record_at(book["orders_addr"] + tail * ORDER_BYTES, ORDER_ROW)["next"] = slot
    row["tail"] = slot
    row["qty_lots"] += qty_lots
    row["orders"] += 1
    _show_best(book, row)
    put_at(book, place, order_ref, slot)


@hot
def _leave(book, place):
    """Take the order at `place` out of its queue and of the map; an empty level goes too."""
    slot = slot_at(book, place)
    orders = book["orders_addr"]
    order = record_at(orders + slot * ORDER_BYTES, ORDER_ROW)
    level = np.int64(order["level"])
    older = int(order["prev"])
    younger = int(order["next"])
    row = record_at(book["levels_addr"] + level * LEVEL_BYTES, LEVEL_ROW)
    if older == 0:
        row["head"] = younger
    else:
        record_at(orders + older * ORDER_BYTES, ORDER_ROW)["next"] = younger
    if younger == 0:
        row["tail"] = older
    else:
        record_at(orders + younger * ORDER_BYTES, ORDER_ROW)["prev"] = older
    row["qty_lots"] -= order["qty_lots"]
    row["orders"] -= 1
    remove_at(book, place)
    order["level"] = 0
    order["next"] = book["order_free"]
    book["order_free"] = slot
    book["orders"] -= 1
    if row["orders"] == 0:
        _drop_level(book, level)
    else:
        _show_best(book, row)


@hot
def _tell(book, side_index, price_ticks, qty_lots, left_lots):
    book["price_ticks"] = price_ticks
    book["qty_lots"] = qty_lots
    book["left_lots"] = left_lots
    book["side"] = SIDE_SELL if side_index & 1 else SIDE_BUY


@hot
def _level_of(book, place):
    """Address of the level on which the order at `place` rests."""
    order = record_at(book["orders_addr"] + slot_at(book, place) * ORDER_BYTES, ORDER_ROW)
    return book["levels_addr"] + int(order["level"]) * LEVEL_BYTES


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
    place = place_of(book, order_ref)
    if place >= 0:
        return BOOK_DUPLICATE_ORDER
    if book["orders"] >= book["orders_max"]:
        return BOOK_ORDERS_FULL
    side_index = 2 * instrument_id + side - SIDE_BUY
    level = _level_for(book, side_index, price_ticks)
    if level == 0:
        return BOOK_LEVELS_FULL
    _join(book, -1 - place, order_ref, level, qty_lots)
    _tell(book, side_index, price_ticks, qty_lots, qty_lots)
    return BOOK_OK


@hot
def book_reduce(book, instrument_id, order_ref, qty_lots):
    """Execute or partly cancel: the order becomes smaller by `qty_lots`, keeps its place, and leaves at 0.

    Returns BOOK_OK or a negative BOOK_* code.
    """
    place = place_of(book, order_ref)
    if place < 0:
        return BOOK_UNKNOWN_ORDER
    order = record_at(book["orders_addr"] + slot_at(book, place) * ORDER_BYTES, ORDER_ROW)
    row = record_at(_level_of(book, place), LEVEL_ROW)
    side_index = np.int64(row["side_index"])
    if side_index >> 1 != instrument_id:
        return BOOK_INSTRUMENT
    if qty_lots <= 0:
        return BOOK_QTY
    left_lots = order["qty_lots"] - qty_lots
    if left_lots < 0:
        return BOOK_EXCESS
    _tell(book, side_index, row["price_ticks"], qty_lots, left_lots)
    if left_lots == 0:
        _leave(book, place)
    else:
        order["qty_lots"] = left_lots
        row["qty_lots"] -= qty_lots
        _show_best(book, row)
    return BOOK_OK


@hot
def book_delete(book, instrument_id, order_ref):
    """The order leaves the book. Returns BOOK_OK or a negative BOOK_* code."""
    place = place_of(book, order_ref)
    if place < 0:
        return BOOK_UNKNOWN_ORDER
    order = record_at(book["orders_addr"] + slot_at(book, place) * ORDER_BYTES, ORDER_ROW)
    row = record_at(_level_of(book, place), LEVEL_ROW)
    side_index = np.int64(row["side_index"])
    if side_index >> 1 != instrument_id:
        return BOOK_INSTRUMENT
    _tell(book, side_index, row["price_ticks"], order["qty_lots"], 0)
    _leave(book, place)
    return BOOK_OK


@hot
def book_replace(book, instrument_id, order_ref, new_ref, qty_lots, price_ticks):
    """The order leaves and another takes its side at the end of the queue. Returns BOOK_OK or a negative BOOK_* code.

    The BOOK_ROW tells price and size of the new order; left_lots and old_price_ticks are those of the old one.
    """
    if price_ticks <= 0 or price_ticks > PRICE_TICKS_MAX:
        return BOOK_PRICE
    if qty_lots <= 0 or qty_lots > QTY_LOTS_MAX:
        return BOOK_QTY
    place = place_of(book, order_ref)
    if place < 0:
        return BOOK_UNKNOWN_ORDER
    side_index = np.int64(record_at(_level_of(book, place), LEVEL_ROW)["side_index"])
    if side_index >> 1 != instrument_id:
        return BOOK_INSTRUMENT
    new_place = place_of(book, new_ref)
    if new_place >= 0:
        return BOOK_DUPLICATE_ORDER
    level = _level_for(book, side_index, price_ticks)
    if level == 0:
        return BOOK_LEVELS_FULL
    old_lots = record_at(book["orders_addr"] + slot_at(book, place) * ORDER_BYTES, ORDER_ROW)["qty_lots"]
    book["old_price_ticks"] = record_at(_level_of(book, place), LEVEL_ROW)["price_ticks"]
    _join(book, -1 - new_place, new_ref, level, qty_lots)
    _leave(book, place)  # after the join, which moves no word: `place` still holds the old order
    _tell(book, side_index, price_ticks, qty_lots, old_lots)
    return BOOK_OK


# --- views -----------------------------------------------------------------------------------------------------------


@hot
def depth_side(book, side_index, prices, sizes, orders):
    """Best levels of a side into three int64 arrays of equal length, best first, zeros behind the last level."""
    levels = record_at(book["sides_addr"] + side_index * SIDE_BYTES, SIDE_ROW)["levels"]
    words = _words_of(book, side_index)
    for rank in range(prices.shape[0]):
        if rank < levels:
            level = level_at(words, levels - 1 - rank)
            row = record_at(book["levels_addr"] + level * LEVEL_BYTES, LEVEL_ROW)
            prices[rank] = row["price_ticks"]
            sizes[rank] = row["qty_lots"]
            orders[rank] = int(row["orders"])
        else:
            prices[rank] = 0
            sizes[rank] = 0
            orders[rank] = 0

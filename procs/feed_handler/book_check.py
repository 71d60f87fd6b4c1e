"""The rules that a Book keeps, as one cold function, and its contents in plain Python for people and tests."""

import numpy as np

from procs.feed_handler.book import link_of, node_at
from procs.feed_handler.book_memory import Book, first_order
from procs.feed_handler.ladder import LEVEL_BITS, LEVEL_MASK
from procs.feed_handler.ladder_pool import BLOCK_WORDS
from procs.feed_handler.levels import FREE_LEVEL, level_for


class BookBroken(AssertionError):
    """A rule of the book does not hold; the text says which one and where."""


def _require(holds, rule, **where):
    if not holds:
        raise BookBroken(f"{rule}; found {where}")


def _free_length(rows, base, first, most):
    length = 0
    while first:
        length += 1
        _require(length <= most, "a free list ends", base=base)
        first = int(rows[first - base]["next"])
    return length


def ladder_of(book: Book, side_index: int) -> np.ndarray:
    """The sorted words of a side, worst first."""
    side = book.sides[side_index]
    return book.ladder["word"][int(side["block"]) : int(side["block"]) + int(side["levels"])]


def _check_side(book: Book, side_index: int) -> int:
    """Returns the side's orders."""
    side, words = book.sides[side_index], ladder_of(book, side_index)
    keys = words >> LEVEL_BITS
    _require(np.all(np.diff(keys) > 0), "levels are sorted and their prices differ", side_index=side_index)
    _require(side["best"] == (words[-1] & LEVEL_MASK if len(words) else 0), "the best is named", side=side_index)
    live = 0
    for key, word in zip(keys.tolist(), words.tolist(), strict=True):
        level = word & LEVEL_MASK
        row = book.levels[level]
        _require(row["side_index"] == side_index, "a level knows its side", level=level)
        _require(abs(key) == row["price_ticks"], "the key is the price", level=level)
        _require(level_for(book.row[0], side_index, abs(key)) == level, "side and price find it", level=level)
        live += _check_queue(book, level)
    return live


def _check_queue(book: Book, level: int) -> int:
    """Returns the level's orders."""
    row, base = book.levels[level], first_order(book)
    slot, older, orders, lots = int(row["next"]), level, 0, 0
    while slot != level:
        order = book.orders[slot - base]
        _require(order["level"] == level, "an order knows its level", slot=slot, level=level)
        _require(order["prev"] == older, "the queue is linked both ways", slot=slot)
        _require(order["qty_lots"] > 0, "a resting order has something left", slot=slot)
        link = link_of(book.row[0], int(order["order_ref"]))
        _require(link and node_at(link) == slot, "the map finds it", slot=slot)
        lots += int(order["qty_lots"])
        orders += 1
        older, slot = slot, int(order["next"])
    _require(row["prev"] == older, "the last of the queue is the youngest", level=level)
    _require(orders > 0 and row["orders"] == orders, "a level counts its orders", level=level)
    _require(row["qty_lots"] == lots, "a level sums its orders", level=level, found=lots)
    return orders


def check(book: Book) -> None:
    """Assert every invariant. Cold: reads all books."""
    row, base = book.row[0], first_order(book)
    live_orders = sum(_check_side(book, int(side)) for side in np.flatnonzero(book.sides["levels"]))
    live_levels = int(book.sides["levels"].sum())
    _require(row["orders"] == live_orders, "orders are counted", counted=live_orders)
    _require(row["levels"] == live_levels, "levels are counted", counted=live_levels)
    _require(np.all(book.sides[book.sides["levels"] == 0].view("<i4") == 0), "an empty side holds nothing")
    free = _free_length(book.orders, base, int(row["order_free"]), len(book.orders))
    _require(free == len(book.orders) - live_orders, "what is not live is free", orders=live_orders, free=free)
    _require(np.count_nonzero(book.orders["level"]) == live_orders, "a free order has no level")
    free = _free_length(book.levels, 0, int(row["level_free"]), len(book.levels))
    _require(free == len(book.levels) - 1 - live_levels, "what is not live is free", levels=live_levels, free=free)
    _require(np.count_nonzero(book.levels["side_index"][1:] != FREE_LEVEL) == live_levels, "a free level has no side")
    _require(np.all(book.nodes[:1].view("<i8") == 0), "node 0 is none")
    _check_chains(book)
    _check_pool(book)


def _check_chains(book: Book) -> None:
    for heads, rows, base, live in (
        (book.order_heads, book.orders, first_order(book), int(book.row[0]["orders"])),
        (book.level_heads, book.levels, 0, int(book.row[0]["levels"])),
    ):
        named = 0
        for slot in heads["half"][heads["half"] != 0].tolist():
            while slot:
                named += 1
                _require(named <= live, "each live row is in one chain", live=live)
                slot = int(rows[slot - base]["chain"])
        _require(named == live, "each live row is in one chain", named=named, live=live)


def _check_pool(book: Book) -> None:
    """Every word of the pool is in one block, free or a side's; only the first block is in none."""
    owners = np.zeros(len(book.ladder) // BLOCK_WORDS, np.int64)
    owners[0] = 1
    for side in book.sides[book.sides["levels"] > 0]:
        first = int(side["block"]) // BLOCK_WORDS
        _require(side["levels"] <= BLOCK_WORDS << int(side["size_class"]), "a ladder fits its block", block=first)
        owners[first : first + (1 << int(side["size_class"]))] += 1
    for size_class, word in enumerate(book.ladder_free["word"].tolist()):
        while word:
            first = word // BLOCK_WORDS
            _require(book.ladder_marks["mark"][first] == size_class + 1, "a free block is marked", block=word)
            owners[first : first + (1 << size_class)] += 1
            _require(owners[first] == 1, "a free block is free", block=word)
            word = int(book.ladder["word"][word])
    _require(np.all(owners == 1), "every block of the pool is somewhere once")


def contents(book: Book, instrument_id: int, side: int) -> list:
    """[(price, size, [(order reference, size), ...]), ...] of one side, best first, oldest order first."""
    out, base = [], first_order(book)
    for word in ladder_of(book, 2 * instrument_id + side - 1)[::-1].tolist():
        level = word & LEVEL_MASK
        row = book.levels[level]
        queue, slot = [], int(row["next"])
        while slot != level:
            order = book.orders[slot - base]
            queue.append((int(order["order_ref"]), int(order["qty_lots"])))
            slot = int(order["next"])
        out.append((int(row["price_ticks"]), int(row["qty_lots"]), queue))
    return out

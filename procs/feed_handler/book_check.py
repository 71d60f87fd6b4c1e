"""The rules that a Book keeps, as one cold function, and its contents in plain Python for people and tests."""

import numpy as np

from procs.feed_handler.book import Book
from procs.feed_handler.ladder import LEVEL_BITS, LEVEL_MASK
from procs.feed_handler.order_map import SLOT_BITS, SLOT_MASK, place_of, tag_of


class BookBroken(AssertionError):
    """A rule of the book does not hold; the text says which one and where."""


def _require(holds, rule, **where):
    if not holds:
        raise BookBroken(f"{rule}; found {where}")


def _free_length(rows, link, first, most):
    length = 0
    while first:
        length += 1
        _require(length <= most, "a free list ends", link=link)
        first = int(rows[first][link])
    return length


def check(book: Book) -> None:
    """Assert every invariant. Cold: reads all books."""
    live_orders, live_levels = 0, 0
    for side_index in range(len(book.sides)):
        side, words = book.sides[side_index], book.ladder[side_index]
        levels = int(side["levels"])
        _require(np.all(words[levels:] == 0), "rungs above the best are empty", side_index=side_index)
        keys = words[:levels] >> LEVEL_BITS
        _require(np.all(np.diff(keys) > 0), "levels are sorted and their prices differ", side_index=side_index)
        for rung in range(levels):
            level = int(words[rung]) & LEVEL_MASK
            row = book.levels[level]
            _require(row["side_index"] == side_index, "a level knows its side", level=level)
            _require(abs(int(keys[rung])) == row["price_ticks"], "the key is the price", level=level)
            slot, older, orders, lots = int(row["head"]), 0, 0, 0
            while slot:
                order = book.orders[slot]
                _require(order["level"] == level, "an order knows its level", slot=slot, level=level)
                _require(order["prev"] == older, "the queue is linked both ways", slot=slot)
                _require(order["qty_lots"] > 0, "a resting order has something left", slot=slot)
                place = place_of(book.row[0], int(order["order_ref"]))
                _require(place >= 0 and book.places[place] & SLOT_MASK == slot, "the map finds it", slot=slot)
                lots += int(order["qty_lots"])
                orders += 1
                older, slot = slot, int(order["next"])
            _require(row["tail"] == older, "the tail is the youngest", level=level)
            _require(orders > 0 and row["orders"] == orders, "a level counts its orders", level=level)
            _require(row["qty_lots"] == lots, "a level sums its orders", level=level, found=lots)
            live_orders += orders
        best = book.levels[int(words[levels - 1]) & LEVEL_MASK] if levels else None
        expected = (int(best["price_ticks"]), int(best["qty_lots"])) if levels else (0, 0)
        _require((int(side["price_ticks"]), int(side["qty_lots"])) == expected, "the best is cached", side=side_index)
        live_levels += levels
    _require(book.row[0]["orders"] == live_orders, "orders are counted", counted=live_orders)
    _require(book.row[0]["levels"] == live_levels, "levels are counted", counted=live_levels)
    for rows, link, free, live in (
        (book.orders, "next", "order_free", live_orders),
        (book.levels, "head", "level_free", live_levels),
    ):
        length = _free_length(rows, link, int(book.row[0][free]), len(rows))
        _require(length == len(rows) - 1 - live, "what is not live is free", link=link, free=length, live=live)
    _require(np.count_nonzero(book.places) == live_orders, "the map holds the live orders only")
    _check_probe_runs(book)


def _check_probe_runs(book):
    mask = len(book.places) - 1
    for place in np.flatnonzero(book.places):
        word = int(book.places[place])
        order_ref = int(book.orders[word & SLOT_MASK]["order_ref"])
        _require(word >> SLOT_BITS == tag_of(order_ref), "a word carries the tag of its order", place=place)
        probe = tag_of(order_ref) & mask
        while probe != place:
            _require(book.places[probe] != 0, "no hole before a word in its probe run", place=place, hole=probe)
            probe = (probe + 1) & mask


def contents(book: Book, instrument_id: int, side: int) -> list:
    """[(price, size, [(order reference, size), ...]), ...] of one side, best first, oldest order first."""
    side_index = 2 * instrument_id + side - 1
    out = []
    for rung in range(int(book.sides[side_index]["levels"]) - 1, -1, -1):
        row = book.levels[int(book.ladder[side_index, rung]) & LEVEL_MASK]
        queue, slot = [], int(row["head"])
        while slot:
            queue.append((int(book.orders[slot]["order_ref"]), int(book.orders[slot]["qty_lots"])))
            slot = int(book.orders[slot]["next"])
        out.append((int(row["price_ticks"]), int(row["qty_lots"]), queue))
    return out

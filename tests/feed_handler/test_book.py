"""The book by example: what each operation does, and that impossible messages change nothing."""

import numpy as np
import pytest

from procs.feed_handler.book import (
    BOOK_DUPLICATE_ORDER,
    BOOK_EXCESS,
    BOOK_INSTRUMENT,
    BOOK_LEVELS_FULL,
    BOOK_OK,
    BOOK_ORDERS_FULL,
    BOOK_PRICE,
    BOOK_QTY,
    BOOK_SIDE,
    BOOK_UNKNOWN_ORDER,
    best_level,
    book_add,
    book_delete,
    book_reduce,
    book_replace,
    depth_side,
)
from procs.feed_handler.book_check import BookBroken, check, contents
from procs.feed_handler.book_memory import open_book
from shm.codes import SIDE_BUY, SIDE_SELL


@pytest.fixture
def book():
    made = open_book(instruments=2, orders_max=16, levels_max=8)
    assert book_add(made.row[0], 0, 1, SIDE_BUY, 100, 5000) == BOOK_OK
    assert book_add(made.row[0], 0, 2, SIDE_BUY, 200, 5000) == BOOK_OK
    assert book_add(made.row[0], 0, 3, SIDE_BUY, 300, 4900) == BOOK_OK
    assert book_add(made.row[0], 0, 4, SIDE_SELL, 400, 5100) == BOOK_OK
    assert book_add(made.row[0], 0, 5, SIDE_SELL, 500, 5200) == BOOK_OK
    check(made)
    return made


def side_top(book, instrument, side):
    row = best_level(book.row[0], 2 * instrument + side - 1)
    return int(row["price_ticks"]), int(row["qty_lots"])


def test_best_prices_are_cached_with_the_size_of_their_level(book):
    assert side_top(book, 0, SIDE_BUY) == (5000, 300)
    assert side_top(book, 0, SIDE_SELL) == (5100, 400)
    assert side_top(book, 1, SIDE_BUY) == (0, 0)


def test_a_partial_execution_keeps_the_place_in_the_queue(book):
    assert book_reduce(book.row[0], 0, 1, 40) == BOOK_OK
    assert contents(book, 0, SIDE_BUY)[0] == (5000, 260, [(1, 60), (2, 200)])
    event = book.row[0]
    assert (event["price_ticks"], event["qty_lots"], event["left_lots"], event["side"]) == (5000, 40, 60, SIDE_BUY)
    check(book)


def test_the_last_order_of_a_level_takes_the_level_with_it(book):
    assert book_reduce(book.row[0], 0, 4, 400) == BOOK_OK
    assert side_top(book, 0, SIDE_SELL) == (5200, 500)
    assert book_delete(book.row[0], 0, 5) == BOOK_OK
    assert side_top(book, 0, SIDE_SELL) == (0, 0)
    check(book)


def test_replace_at_the_same_price_loses_priority(book):
    assert book_replace(book.row[0], 0, 1, 9, 100, 5000) == BOOK_OK
    assert contents(book, 0, SIDE_BUY)[0] == (5000, 300, [(2, 200), (9, 100)])
    assert book.row[0]["left_lots"] == 100
    check(book)


def test_replace_of_the_only_order_moves_the_level(book):
    assert book_replace(book.row[0], 0, 4, 9, 50, 5150) == BOOK_OK
    assert [level[:2] for level in contents(book, 0, SIDE_SELL)] == [(5150, 50), (5200, 500)]
    check(book)


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        (book_add, (0, 1, SIDE_BUY, 100, 5000), BOOK_DUPLICATE_ORDER),
        (book_add, (0, 9, 3, 100, 5000), BOOK_SIDE),
        (book_add, (0, 9, 0, 100, 5000), BOOK_SIDE),
        (book_add, (0, 9, SIDE_BUY, 0, 5000), BOOK_QTY),
        (book_add, (0, 9, SIDE_BUY, 100, 0), BOOK_PRICE),
        (book_add, (0, 9, SIDE_BUY, 100, 1 << 32), BOOK_PRICE),
        (book_add, (2, 9, SIDE_BUY, 100, 5000), BOOK_INSTRUMENT),
        (book_add, (-1, 9, SIDE_BUY, 100, 5000), BOOK_INSTRUMENT),
        (book_reduce, (0, 9, 10), BOOK_UNKNOWN_ORDER),
        (book_reduce, (1, 1, 10), BOOK_INSTRUMENT),
        (book_reduce, (0, 1, 101), BOOK_EXCESS),
        (book_reduce, (0, 1, 0), BOOK_QTY),
        (book_delete, (0, 9), BOOK_UNKNOWN_ORDER),
        (book_delete, (1, 1), BOOK_INSTRUMENT),
        (book_replace, (0, 9, 10, 100, 5000), BOOK_UNKNOWN_ORDER),
        (book_replace, (0, 1, 2, 100, 5000), BOOK_DUPLICATE_ORDER),
        (book_replace, (0, 1, 1, 100, 5000), BOOK_DUPLICATE_ORDER),
        (book_replace, (0, 1, 9, 0, 5000), BOOK_QTY),
        (book_replace, (0, 1, 9, 100, 0), BOOK_PRICE),
        (book_replace, (1, 1, 9, 100, 5000), BOOK_INSTRUMENT),
    ],
)
def test_an_impossible_message_returns_its_code_and_changes_nothing(book, operation, arguments, code):
    before = [array.copy() for array in book]
    assert operation(book.row[0], *arguments) == code
    for array, copy in zip(book, before, strict=True):
        assert np.array_equal(array, copy)
    check(book)


def test_a_full_pool_refuses_adds_but_still_replaces(book):
    for ref in range(100, 111):
        assert book_add(book.row[0], 1, ref, SIDE_SELL, 1, 7000) == BOOK_OK
    assert book_add(book.row[0], 1, 200, SIDE_SELL, 1, 7000) == BOOK_ORDERS_FULL
    assert book_replace(book.row[0], 1, 100, 200, 1, 7100) == BOOK_OK
    check(book)
    assert book_delete(book.row[0], 1, 200) == BOOK_OK
    assert book_add(book.row[0], 1, 201, SIDE_SELL, 1, 7000) == BOOK_OK
    check(book)


def test_a_full_ladder_refuses_a_new_price_and_takes_a_known_one():
    book = open_book(instruments=1, orders_max=16, levels_max=3)
    for ref, price in enumerate((10, 20, 30), 1):
        assert book_add(book.row[0], 0, ref, SIDE_BUY, 1, price) == BOOK_OK
    assert book_add(book.row[0], 0, 9, SIDE_BUY, 1, 25) == BOOK_LEVELS_FULL
    assert book_add(book.row[0], 0, 9, SIDE_BUY, 1, 20) == BOOK_OK
    check(book)


def test_depth_is_best_first_with_zeros_behind_the_last_level(book):
    prices, sizes, orders = (np.full(5, -1) for _ in range(3))
    depth_side(book.row[0], 0, prices, sizes, orders)
    assert (prices.tolist(), sizes.tolist(), orders.tolist()) == (
        [5000, 4900, 0, 0, 0],
        [300, 300, 0, 0, 0],
        [2, 1, 0, 0, 0],
    )
    depth_side(book.row[0], 1, prices, sizes, orders)
    assert prices.tolist() == [5100, 5200, 0, 0, 0]


def test_check_finds_a_broken_sum(book):
    book.levels["qty_lots"][int(book.sides[0]["best"])] += 1
    with pytest.raises(BookBroken, match="sums its orders"):
        check(book)

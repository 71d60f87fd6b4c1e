"""A whole market in one set of pools: thousands of instruments, deep ladders, and what happens when a pool is full."""

import random

import pytest

from procs.feed_handler.book import (
    BOOK_LEVELS_FULL,
    BOOK_OK,
    BOOK_ORDERS_FULL,
    best_level,
    book_add,
    book_delete,
    book_forget,
    book_reduce,
    book_replace,
)
from procs.feed_handler.book_check import check, contents
from procs.feed_handler.book_memory import book_bytes, open_book
from procs.feed_handler.ladder_pool import give_block, take_block
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.jit import JIT_OFF
from tests.oracles.book import OracleBooks

SIDES = (SIDE_BUY, SIDE_SELL)
MARKET = 8_192
OPERATIONS = {"add": book_add, "reduce": book_reduce, "delete": book_delete, "replace": book_replace}


def expected(oracle, instrument, side):
    return [(price, lots, oracle.queue(instrument, side, price)) for price, lots, _ in oracle.levels(instrument, side)]


def assert_same(book, oracle, instruments):
    for instrument in instruments:
        for side in SIDES:
            assert contents(book, instrument, side) == expected(oracle, instrument, side), (instrument, side)


class Market:
    """Random possible messages for the book and its oracle; half of the traffic meets a tenth of the instruments."""

    def __init__(self, seed, instruments):
        self.rng = random.Random(seed)
        self.instruments = instruments
        self.oracle = OracleBooks(instruments)
        self.live, self.next_ref = [], 1

    def draw(self):
        """(name, arguments) of the next message, already applied to the oracle."""
        rng = self.rng
        kind = rng.choices(("add", "reduce", "delete", "replace"), (50, 12, 26, 12))[0]
        if len(self.live) < 2 or kind == "add":
            instrument = rng.randrange(self.instruments // 10 + 1 if rng.random() < 0.5 else self.instruments)
            kind = "add"
            arguments = (instrument, self.next_ref, rng.choice(SIDES), rng.randrange(1, 900), self.price())
        else:
            at = rng.randrange(len(self.live))
            self.live[at], self.live[-1] = self.live[-1], self.live[at]
            ref = self.live[-1]
            instrument, side, price = self.oracle.where[ref]
            left = self.oracle.sides[instrument, side][price][ref]
            if kind == "reduce":
                arguments = (instrument, ref, left if rng.random() < 0.4 else rng.randrange(1, left + 1))
            elif kind == "delete":
                arguments = (instrument, ref)
            else:
                arguments = (instrument, ref, self.next_ref, rng.randrange(1, 900), self.price())
        assert getattr(self.oracle, kind)(*arguments) == "ok"
        if kind != "add" and ref not in self.oracle.where:
            self.live.pop()
        if kind in ("add", "replace"):
            self.live.append(self.next_ref)
            self.next_ref += rng.choice((1, 1, 2, 7))
        return kind, arguments

    def price(self):
        return 100 * (10_000 + int(self.rng.expovariate(0.02)) * self.rng.choice((-1, 1)))


def run_market(seed, instruments, messages, whole_every, orders_max):
    print(f"seed {seed} instruments {instruments} messages {messages}")
    market = Market(seed, instruments)
    book = open_book(instruments=instruments, orders_max=orders_max, levels_max=orders_max)
    for done in range(messages):
        kind, arguments = market.draw()
        assert OPERATIONS[kind](book.row[0], *arguments) == BOOK_OK, (seed, done, kind, arguments)
        instrument = arguments[0]
        tops = (best_level(book.row[0], 2 * instrument + side) for side in (0, 1))
        shown = tuple(int(row[field]) for row in tops for field in ("price_ticks", "qty_lots"))
        assert shown == market.oracle.top(instrument), (seed, done, kind, arguments)
        if done % 16 == 0:
            assert_same(book, market.oracle, [instrument])
        if done % whole_every == whole_every - 1:
            check(book)
            assert_same(book, market.oracle, range(instruments))
    check(book)
    assert_same(book, market.oracle, range(instruments))
    for ref in market.live:
        assert book_delete(book.row[0], market.oracle.where[ref][0], ref) == BOOK_OK
    check(book)
    assert (book.row[0]["orders"], book.row[0]["levels"]) == (0, 0)


def test_a_few_books_equal_the_oracle_whole_after_every_message():
    run_market(seed=11, instruments=4, messages=300, whole_every=1, orders_max=2_000)


def test_the_books_of_a_whole_market_equal_the_oracle_s():
    run_market(
        seed=12, instruments=MARKET, messages=4_000 if JIT_OFF else 20_000, whole_every=20_000, orders_max=65_536
    )


@pytest.mark.soak
def test_the_books_of_a_whole_market_equal_the_oracle_s_for_a_million_messages():
    run_market(seed=13, instruments=MARKET, messages=1_000_000, whole_every=100_000, orders_max=1_048_576)


@pytest.mark.parametrize("side", SIDES)
def test_a_ladder_of_thousands_of_levels_far_from_the_touch_is_whole_and_gives_its_memory_back(side):
    levels = 600 if JIT_OFF else 5_000
    book = open_book(instruments=2, orders_max=3 * levels, levels_max=2 * levels)
    oracle = OracleBooks(2)
    prices = random.Random(21).sample(range(1, 1_000_000), levels)
    for ref, price in enumerate(prices, 1):
        assert book_add(book.row[0], 0, ref, side, ref, price) == BOOK_OK
        oracle.add(0, ref, side, ref, price)
    assert book_add(book.row[0], 1, 1_000_000, side, 7, 500) == BOOK_OK
    oracle.add(1, 1_000_000, side, 7, 500)
    check(book)
    assert_same(book, oracle, (0, 1))
    for ref in random.Random(22).sample(range(1, levels + 1), levels - 3):
        assert book_delete(book.row[0], 0, ref) == BOOK_OK
        oracle.delete(0, ref)
    check(book)
    assert_same(book, oracle, (0, 1))
    assert book.sides[side - 1]["size_class"] == 0, "three levels need one line of the pool"


def test_queues_keep_the_order_of_arrival_whatever_leaves_from_them():
    book = open_book(instruments=1, orders_max=64, levels_max=8)
    for ref in range(1, 11):
        assert book_add(book.row[0], 0, ref, SIDE_BUY, 10 * ref, 5000) == BOOK_OK
    for ref in (1, 10, 5):  # oldest, youngest, one in the middle
        assert book_delete(book.row[0], 0, ref) == BOOK_OK
    assert book_reduce(book.row[0], 0, 4, 15) == BOOK_OK  # keeps its place
    assert book_replace(book.row[0], 0, 2, 20, 1, 5000) == BOOK_OK  # goes to the end
    assert book_add(book.row[0], 0, 1, SIDE_BUY, 5, 5000) == BOOK_OK  # a reference that is free again
    queue = [(3, 30), (4, 25), (6, 60), (7, 70), (8, 80), (9, 90), (20, 1), (1, 5)]
    assert contents(book, 0, SIDE_BUY) == [(5000, sum(lots for _, lots in queue), queue)]
    check(book)


def test_a_full_order_pool_refuses_an_add_changes_nothing_and_still_replaces():
    book = open_book(instruments=3, orders_max=4, levels_max=8)
    for ref in range(1, 5):
        assert book_add(book.row[0], 0, ref, SIDE_SELL, 1, 7000 + ref) == BOOK_OK
    before = book.nodes.copy()
    assert book_add(book.row[0], 1, 9, SIDE_SELL, 1, 7000) == BOOK_ORDERS_FULL
    assert (book.nodes == before).all()
    assert book_replace(book.row[0], 0, 1, 9, 1, 7100) == BOOK_OK
    check(book)


def test_a_full_level_pool_refuses_a_new_price_changes_nothing_and_takes_known_ones():
    book = open_book(instruments=2, orders_max=16, levels_max=3)
    for ref, price in enumerate((10, 20, 30), 1):
        assert book_add(book.row[0], 0, ref, SIDE_BUY, 1, price) == BOOK_OK
    before = [array.copy() for array in book]
    assert book_add(book.row[0], 1, 9, SIDE_BUY, 1, 25) == BOOK_LEVELS_FULL
    assert book_replace(book.row[0], 0, 1, 9, 1, 25) == BOOK_LEVELS_FULL
    assert all((array == copy).all() for array, copy in zip(book, before, strict=True))
    assert book_add(book.row[0], 0, 9, SIDE_BUY, 1, 20) == BOOK_OK
    check(book)


def test_a_full_ladder_pool_refuses_a_new_price_changes_nothing_and_goes_on_when_there_is_room_again():
    book = open_book(instruments=2, orders_max=64, levels_max=32)
    for price in range(1, 9):  # a whole block
        assert book_add(book.row[0], 0, price, SIDE_BUY, 1, price) == BOOK_OK
    taken = []
    while block := take_block(book.row[0], 0):
        taken.append(block)
    before = [array.copy() for array in book]
    assert book_add(book.row[0], 0, 9, SIDE_BUY, 1, 9) == BOOK_LEVELS_FULL  # would double
    assert book_add(book.row[0], 1, 9, SIDE_SELL, 1, 9) == BOOK_LEVELS_FULL  # would begin
    assert all((array == copy).all() for array, copy in zip(book, before, strict=True))
    for block in random.Random(41).sample(taken, len(taken)):
        give_block(book.row[0], block, 0)
    assert book_add(book.row[0], 0, 9, SIDE_BUY, 1, 9) == BOOK_OK
    assert book_add(book.row[0], 1, 10, SIDE_SELL, 1, 9) == BOOK_OK
    check(book)


def test_what_a_forgotten_instrument_held_is_free_for_the_others():
    market = Market(31, 3)
    book = open_book(instruments=3, orders_max=200, levels_max=200)
    while len(market.live) < 150:
        kind, arguments = market.draw()
        assert OPERATIONS[kind](book.row[0], *arguments) == BOOK_OK
    book_forget(book.row[0], 0)
    check(book)
    assert contents(book, 0, SIDE_BUY) == contents(book, 0, SIDE_SELL) == []
    assert_same(book, market.oracle, (1, 2))
    held = sum(len(queue) for i in (1, 2) for side in SIDES for _, _, queue in contents(book, i, side))
    assert book.row[0]["orders"] == held
    for ref in range(10**6, 10**6 + 200 - held):
        assert book_add(book.row[0], 1, ref, SIDE_BUY, 1, 77) == BOOK_OK
    assert book_add(book.row[0], 1, 1, SIDE_BUY, 1, 77) == BOOK_ORDERS_FULL


def test_memory_is_what_the_dtypes_say_and_an_instrument_costs_next_to_nothing():
    size = {"orders_max": 1_000_000, "levels_max": 500_000}
    a_million = book_bytes(instruments=1, **size)
    book = open_book(instruments=1, **size)
    arrays = [getattr(book, name) for name in book._fields if name not in ("row", "levels", "orders")]
    assert a_million == sum(array.nbytes for array in arrays)
    assert a_million < 80_000_000, "32 bytes an order and a level, 8 of buckets for each, 32 of ladder a level"
    per_instrument = (book_bytes(instruments=10_001, **size) - a_million) / 10_000
    assert per_instrument < 200, "two rows of a side, and a line of ladder for each"

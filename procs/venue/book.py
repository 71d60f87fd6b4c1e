"""The venue's order books in private arrays: orders in FIFO queues on price levels, two sides per instrument.

```
keys[book, 0..depth-1]   sorted ascending, the best last        book = 2 * instrument + (0 buy, 1 sell)
places[book, same]       row of `levels`                        key  = price for a buy, -price for a sell
levels[row]              head and tail of its queue             a greater key is always the better price
orders[slot]             next and previous in the queue
refs                     order reference -> slot
```

A sorted array beats a tree here: prices move near the best, which is the end, so an insertion shifts few words.
All pools are bounded and allocated once; a full pool is a result code. Free rows are chained through `next`.
"""

from typing import NamedTuple

import numpy as np

from shm.codes import SIDE_BUY
from shm.int_map import MAP_MISSING, int_map, map_get, map_len, map_put, map_remove
from shm.jit import hot

ORDERS_MAX = 65_536  # resting orders on all books; a real E-mini session holds 12,000. 112 bytes each: 7 MiB
LEVELS_MAX = 16_384  # price levels on all books
DEPTH_MAX = 4_096  # price levels on one side of one book; 64 KiB a side
EVENTS_MAX = 16_384  # what one input may cause, with room to spare
SWEEP_MAX = 8_192  # executions of one aggressor; its rest is cancelled beyond. Relation: two events each stay in room
MEMBERS_MAX = 4  # accounts; owner 0 is the anonymous flow or history, members are 1..MEMBERS_MAX

assert SWEEP_MAX + 16 <= EVENTS_MAX

ORDER = np.dtype(
    [
        ("ref", "<i8"),  # venue's order reference; 0 in a free row
        ("key", "<i8"),
        ("price", "<i8"),
        ("qty", "<i8"),  # open lots
        ("priority", "<i8"),  # entry order over all books; a replace takes a new one
        ("next", "<i8"),  # slot behind in the queue, or the next free row; -1 ends
        ("prev", "<i8"),
        ("level", "<i8"),
        ("user_ref", "<i8"),  # member's own number
        ("executed", "<i8"),  # lots traded under this user_ref and those it replaced
        ("owner", "<i4"),
        ("instrument", "<i4"),
        ("side", "<i4"),
        ("letters", "<i4"),  # member's capacity letter, side letter << 8: what a replacement repeats
    ]
)
LEVEL = np.dtype([("key", "<i8"), ("head", "<i8"), ("tail", "<i8"), ("qty", "<i8"), ("count", "<i8"), ("book", "<i8")])

EVENT_ADD = 1  # an order rests
EVENT_EXECUTE = 2  # a resting order traded
EVENT_REDUCE = 3  # a resting order became smaller
EVENT_DELETE = 4  # a resting order left the book
EVENT_REPLACE = 5  # a resting order moved under a new reference, new priority
EVENT_TRADE = 6  # a trade that no displayed order stands behind
EVENT_EXPIRE = 7  # rest of an immediate order died; the book never showed it

EVENT = np.dtype(
    [
        ("kind", "<i4"),
        ("instrument", "<i4"),
        ("side", "<i4"),  # of the resting order; of the aggressor in EVENT_TRADE
        ("owner", "<i4"),  # of the resting order
        ("ref", "<i8"),
        ("old_ref", "<i8"),
        ("price", "<i8"),  # of the trade, or of the order
        ("order_price", "<i8"),  # EVENT_EXECUTE: displayed price of the resting order
        ("qty", "<i8"),
        ("left", "<i8"),  # lots open afterwards
        ("user_ref", "<i8"),
        ("match", "<i8"),
        ("other_ref", "<i8"),  # aggressor
        ("other_user_ref", "<i8"),
        ("other_owner", "<i4"),
        ("reserved", "<i4"),
        ("now_ns", "<i8"),
    ]
)

WORDS = np.dtype(
    [
        ("now_ns", "<i8"),
        ("next_ref", "<i8"),
        ("next_match", "<i8"),
        ("next_priority", "<i8"),
        ("free_order", "<i8"),
        ("free_level", "<i8"),
        ("orders", "<i8"),
        ("member_orders", "<i8"),
        ("events", "<i8"),
        ("aggressor_owner", "<i8"),
        ("aggressor_ref", "<i8"),
        ("aggressor_user_ref", "<i8"),
        ("instruments", "<i8"),
        ("executions", "<i8"),
    ]
)

FAILED_POOL = -1  # no free order row, level row or room on that side of the book
FAILED_UNKNOWN = -2  # no resting order of that reference
FAILED_VALUE = -3  # instrument, side, price or quantity out of range


class Books(NamedTuple):
    """All books of the venue. `words` is one row of counters and pool heads."""

    words: np.ndarray
    orders: np.ndarray
    levels: np.ndarray
    keys: np.ndarray
    places: np.ndarray
    depth: np.ndarray
    refs: np.ndarray
    events: np.ndarray


def make_books(
    instruments: int,
    orders: int = ORDERS_MAX,
    levels: int = LEVELS_MAX,
    depth: int = DEPTH_MAX,
    events: int = EVENTS_MAX,
) -> Books:
    """Empty books for `instruments` instruments; every pool is allocated here and nowhere else."""
    books = Books(
        words=np.zeros(1, WORDS),
        orders=np.zeros(orders, ORDER),
        levels=np.zeros(levels, LEVEL),
        keys=np.zeros((2 * instruments, depth), np.int64),
        places=np.zeros((2 * instruments, depth), np.int64),
        depth=np.zeros(2 * instruments, np.int64),
        refs=int_map(orders),
        events=np.zeros(events, EVENT),
    )
    books.orders["next"] = np.arange(1, orders + 1)
    books.orders["next"][-1] = -1
    books.levels["head"] = np.arange(1, levels + 1)
    books.levels["head"][-1] = -1
    words = books.words[0]
    words["next_ref"] = words["next_match"] = words["next_priority"] = 1
    words["instruments"] = instruments
    return books


@hot
def book_of(instrument, side):
    """Row of `keys` for one side of one instrument."""
    return 2 * instrument + (0 if side == SIDE_BUY else 1)


@hot
def key_of(side, price):
    """Price turned so that greater is better."""
    return price if side == SIDE_BUY else -price


@hot
def find_order(books, ref):
    """Slot of a resting order, or FAILED_UNKNOWN."""
    slot = map_get(books.refs, ref)
    return FAILED_UNKNOWN if slot == MAP_MISSING else slot


@hot
def best_price(books, instrument, side):
    """Best price of one side; 0 when it is empty."""
    book = book_of(instrument, side)
    count = books.depth[book]
    if count == 0:
        return 0
    key = books.keys[book, count - 1]
    return key if side == SIDE_BUY else -key


@hot
def rank_of(books, book, key):
    """Index of the first level on `book` whose key is not below `key` (binary search)."""
    low = 0
    high = books.depth[book]
    while low < high:
        middle = (low + high) >> 1
        if books.keys[book, middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@hot
def _open_level(books, book, key, rank):
    """Insert an empty level at `rank`. Returns its row or FAILED_POOL."""
    words = books.words[0]
    row = words["free_level"]
    count = books.depth[book]
    if row < 0 or count >= books.keys.shape[1]:
        return FAILED_POOL
    level = books.levels[row]
    words["free_level"] = level["head"]
    level["key"], level["head"], level["tail"] = key, -1, -1
    level["qty"], level["count"], level["book"] = 0, 0, book
    at = count
    while at > rank:
        books.keys[book, at] = books.keys[book, at - 1]
        books.places[book, at] = books.places[book, at - 1]
        at -= 1
    books.keys[book, rank] = key
    books.places[book, rank] = row
    books.depth[book] = count + 1
    return row


@hot
def _close_level(books, row):
    """Take an empty level out of its book and free its row."""
    level = books.levels[row]
    book = level["book"]
    at = rank_of(books, book, level["key"])
    last = books.depth[book] - 1
    while at < last:
        books.keys[book, at] = books.keys[book, at + 1]
        books.places[book, at] = books.places[book, at + 1]
        at += 1
    books.depth[book] = last
    level["head"] = books.words[0]["free_level"]
    books.words[0]["free_level"] = row


@hot
def has_room(books, instrument, side, price):
    """1 if one more order can rest at that price, else 0. Asked before anything changes, so nothing is half done."""
    if books.words[0]["free_order"] < 0 or map_len(books.refs) >= books.orders.shape[0]:
        return 0
    book = book_of(instrument, side)
    key = key_of(side, price)
    rank = rank_of(books, book, key)
    count = books.depth[book]
    if rank < count and books.keys[book, rank] == key:
        return 1
    return 1 if books.words[0]["free_level"] >= 0 and count < books.keys.shape[1] else 0


@hot
def insert_order(books, instrument, side, price, qty, owner):
    """Rest an order at the back of its queue under the next reference. Returns its slot. Caller: after `has_room`."""
    words = books.words[0]
    book = book_of(instrument, side)
    key = key_of(side, price)
    rank = rank_of(books, book, key)
    if rank < books.depth[book] and books.keys[book, rank] == key:
        row = books.places[book, rank]
    else:
        row = _open_level(books, book, key, rank)
        if row < 0:
            return FAILED_POOL
    slot = words["free_order"]
    order = books.orders[slot]
    words["free_order"] = order["next"]
    level = books.levels[row]
    order["ref"], order["key"], order["price"], order["qty"] = words["next_ref"], key, price, qty
    order["priority"] = words["next_priority"]
    order["level"], order["next"], order["prev"] = row, -1, level["tail"]
    order["user_ref"], order["executed"] = 0, 0
    order["owner"], order["instrument"], order["side"] = owner, instrument, side
    order["letters"] = 0
    if level["tail"] >= 0:
        books.orders[level["tail"]]["next"] = slot
    else:
        level["head"] = slot
    level["tail"] = slot
    level["qty"] += qty
    level["count"] += 1
    map_put(books.refs, words["next_ref"], slot)
    words["next_ref"] += 1
    words["next_priority"] += 1
    words["orders"] += 1
    if owner > 0:
        words["member_orders"] += 1
    return slot


@hot
def shrink_order(books, slot, qty):
    """Take `qty` lots off a resting order, which keeps its place; at zero it leaves the book. Returns the lots left."""
    order = books.orders[slot]
    order["qty"] -= qty
    left = order["qty"]
    books.levels[order["level"]]["qty"] -= qty
    if left == 0:
        _remove_order(books, slot)
    return left


@hot
def _remove_order(books, slot):
    words = books.words[0]
    order = books.orders[slot]
    row = order["level"]
    level = books.levels[row]
    if order["prev"] >= 0:
        books.orders[order["prev"]]["next"] = order["next"]
    else:
        level["head"] = order["next"]
    if order["next"] >= 0:
        books.orders[order["next"]]["prev"] = order["prev"]
    else:
        level["tail"] = order["prev"]
    level["count"] -= 1
    if level["count"] == 0:
        _close_level(books, row)
    map_remove(books.refs, order["ref"])
    if order["owner"] > 0:
        words["member_orders"] -= 1
    words["orders"] -= 1
    order["ref"] = 0
    order["next"] = words["free_order"]
    words["free_order"] = slot


def book_orders(books: Books, instrument: int, side: int) -> list[tuple[int, int, int, int]]:
    """(price, ref, qty, owner) of one side, best first, each level in queue order. Cold: for tests and reports."""
    rows = []
    book = int(book_of(instrument, side))
    for rank in range(int(books.depth[book]) - 1, -1, -1):
        slot = int(books.levels[books.places[book, rank]]["head"])
        while slot >= 0:
            order = books.orders[slot]
            rows.append((int(order["price"]), int(order["ref"]), int(order["qty"]), int(order["owner"])))
            slot = int(order["next"])
    return rows


def check(books: Books) -> None:
    """Assert every invariant of the books. Cold."""
    words = books.words[0]
    seen = 0
    for book in range(books.depth.shape[0]):
        count = int(books.depth[book])
        keys = books.keys[book, :count]
        assert (np.diff(keys) > 0).all(), f"keys of book {book} are not strictly ascending"
        for rank in range(count):
            row = int(books.places[book, rank])
            level = books.levels[row]
            assert level["key"] == keys[rank] and level["book"] == book and level["count"] > 0, (book, rank)
            slot, before, qty, orders = int(level["head"]), -1, 0, 0
            while slot >= 0:
                order = books.orders[slot]
                assert order["prev"] == before and order["level"] == row and order["qty"] > 0, (book, rank, slot)
                assert order["key"] == level["key"] and find_order(books, order["ref"]) == slot, (book, rank, slot)
                before, qty, orders, slot = slot, qty + int(order["qty"]), orders + 1, int(order["next"])
            assert level["tail"] == before and level["qty"] == qty and level["count"] == orders, (book, rank)
            seen += orders
    assert seen == words["orders"] == map_len(books.refs), (seen, words["orders"], map_len(books.refs))
    assert words["member_orders"] == (books.orders["owner"][books.orders["ref"] > 0] > 0).sum()

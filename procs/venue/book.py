"""The venue's order books in private arrays: orders in FIFO queues on price levels, two sides per instrument.

```
keys[book, 0..depth-1]   sorted ascending, the best last        book = 2 * instrument + (0 buy, 1 sell)
places[book, same]       row of `levels`                        key  = price for a buy, -price for a sell
levels[row]              head and tail of its queue             a greater key is always the better price
orders[slot]             next and previous in the queue
refs                     order reference -> slot
```

A sorted array beats a tree here: prices move near the best, which is the end, so an insertion shifts few words.
All pools are bounded and allocated once; a full pool is a result code. Free rows are chained through `next`. Everything
is one record, BOOKS, which compiled functions take as one pointer: a tuple of as many arrays made them slow to compile.
"""

import numpy as np

from shm.codes import SIDE_BUY
from shm.int_map import MAP_MISSING, int_map, map_get, map_len, map_put, map_remove
from shm.jit import hot

ORDERS_MAX = 65_536  # resting orders on all books; a real E-mini session holds 12,000. 112 bytes each: 7 MiB
LEVELS_MAX = 16_384  # price levels on all books
INSTRUMENTS_MAX = 64  # all instruments of the configuration; two sides of DEPTH_MAX words each
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
        ("owner", "<i8"),
        ("instrument", "<i8"),
        ("side", "<i8"),
        ("letters", "<i8"),  # member's capacity letter, side letter << 8: what a replacement repeats
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
        ("kind", "<i8"),
        ("instrument", "<i8"),
        ("side", "<i8"),  # of the resting order; of the aggressor in EVENT_TRADE
        ("owner", "<i8"),  # of the resting order
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
        ("other_owner", "<i8"),
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


def map_shape(capacity: int) -> tuple[int, int]:
    """Shape of an `int_map` for `capacity` keys, to lay one out inside a record."""
    return int_map(capacity).shape


def prepare_map(table: np.ndarray) -> None:
    """Make a zeroed map empty."""
    table[:] = int_map((len(table) - 1) // 2)


BOOKS = np.dtype(
    [
        ("words", WORDS),
        ("orders", ORDER, (ORDERS_MAX,)),
        ("levels", LEVEL, (LEVELS_MAX,)),
        ("keys", "<i8", (2 * INSTRUMENTS_MAX, DEPTH_MAX)),
        ("places", "<i8", (2 * INSTRUMENTS_MAX, DEPTH_MAX)),
        ("depth", "<i8", (2 * INSTRUMENTS_MAX,)),
        ("refs", "<i8", map_shape(ORDERS_MAX)),
        ("events", EVENT, (EVENTS_MAX,)),
    ]
)


def prepare_books(books, instruments: int, orders: int = ORDERS_MAX, levels: int = LEVELS_MAX) -> None:
    """Make zeroed BOOKS empty books of `instruments` instruments; fewer `orders` or `levels` make small pools."""
    if instruments > INSTRUMENTS_MAX:
        raise ValueError(f"prepare_books: expected at most {INSTRUMENTS_MAX} instruments, found {instruments}")
    books["orders"]["next"] = np.arange(1, ORDERS_MAX + 1)
    books["orders"]["next"][orders - 1] = -1
    books["levels"]["head"] = np.arange(1, LEVELS_MAX + 1)
    books["levels"]["head"][levels - 1] = -1
    prepare_map(books["refs"])
    words = books["words"]
    words["next_ref"] = words["next_match"] = words["next_priority"] = 1
    words["instruments"] = instruments


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
    slot = map_get(books["refs"], ref)
    return FAILED_UNKNOWN if slot == MAP_MISSING else slot


@hot
def best_price(books, instrument, side):
    """Best price of one side; 0 when it is empty."""
    book = book_of(instrument, side)
    count = books["depth"][book]
    if count == 0:
        return 0
    key = books["keys"][book, count - 1]
    return key if side == SIDE_BUY else -key


@hot
def rank_of(books, book, key):
    """Index of the first level on `book` whose key is not below `key` (binary search)."""
    low = 0
    high = books["depth"][book]
    while low < high:
        middle = (low + high) >> 1
        if books["keys"][book, middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@hot
def _open_level(books, book, key, rank):
    """Insert an empty level at `rank`. Returns its row or FAILED_POOL."""
    words = books["words"]
    row = words["free_level"]
    count = books["depth"][book]
    if row < 0 or count >= books["keys"].shape[1]:
        return FAILED_POOL
    level = books["levels"][row]
    words["free_level"] = level["head"]
    level["key"], level["head"], level["tail"] = key, -1, -1
    level["qty"], level["count"], level["book"] = 0, 0, book
    at = count
    while at > rank:
        books["keys"][book, at] = books["keys"][book, at - 1]
        books["places"][book, at] = books["places"][book, at - 1]
        at -= 1
    books["keys"][book, rank] = key
    books["places"][book, rank] = row
    books["depth"][book] = count + 1
    return row


@hot
def _close_level(books, row):
    """Take an empty level out of its book and free its row."""
    level = books["levels"][row]
    book = level["book"]
    at = rank_of(books, book, level["key"])
    last = books["depth"][book] - 1
    while at < last:
        books["keys"][book, at] = books["keys"][book, at + 1]
        books["places"][book, at] = books["places"][book, at + 1]
        at += 1
    books["depth"][book] = last
    level["head"] = books["words"]["free_level"]
    books["words"]["free_level"] = row


@hot
def has_room(books, instrument, side, price):
    """1 if one more order can rest at that price, else 0. Asked before anything changes, so nothing is half done."""
    if books["words"]["free_order"] < 0 or map_len(books["refs"]) >= ORDERS_MAX:
        return 0
    book = book_of(instrument, side)
    key = key_of(side, price)
    rank = rank_of(books, book, key)
    count = books["depth"][book]
    if rank < count and books["keys"][book, rank] == key:
        return 1
    return 1 if books["words"]["free_level"] >= 0 and count < books["keys"].shape[1] else 0


@hot
def insert_order(books, instrument, side, price, qty, owner):
    """Rest an order at the back of its queue under the next reference. Returns its slot. Caller: after `has_room`."""
    words = books["words"]
    book = book_of(instrument, side)
    key = key_of(side, price)
    rank = rank_of(books, book, key)
    if rank < books["depth"][book] and books["keys"][book, rank] == key:
        row = books["places"][book, rank]
    else:
        row = _open_level(books, book, key, rank)
        if row < 0:
            return FAILED_POOL
    slot = words["free_order"]
    order = books["orders"][slot]
    words["free_order"] = order["next"]
    level = books["levels"][row]
    order["ref"], order["key"], order["price"], order["qty"] = words["next_ref"], key, price, qty
    order["priority"] = words["next_priority"]
    order["level"], order["next"], order["prev"] = row, -1, level["tail"]
    order["user_ref"], order["executed"] = 0, 0
    order["owner"], order["instrument"], order["side"] = owner, instrument, side
    order["letters"] = 0
    if level["tail"] >= 0:
        books["orders"][level["tail"]]["next"] = slot
    else:
        level["head"] = slot
    level["tail"] = slot
    level["qty"] += qty
    level["count"] += 1
    map_put(books["refs"], words["next_ref"], slot)
    words["next_ref"] += 1
    words["next_priority"] += 1
    words["orders"] += 1
    if owner > 0:
        words["member_orders"] += 1
    return slot


@hot
def shrink_order(books, slot, qty):
    """Take `qty` lots off a resting order, which keeps its place; at zero it leaves the book. Returns the lots left."""
    order = books["orders"][slot]
    order["qty"] -= qty
    left = order["qty"]
    books["levels"][order["level"]]["qty"] -= qty
    if left == 0:
        _remove_order(books, slot)
    return left


@hot
def _remove_order(books, slot):
    words = books["words"]
    order = books["orders"][slot]
    row = order["level"]
    level = books["levels"][row]
    if order["prev"] >= 0:
        books["orders"][order["prev"]]["next"] = order["next"]
    else:
        level["head"] = order["next"]
    if order["next"] >= 0:
        books["orders"][order["next"]]["prev"] = order["prev"]
    else:
        level["tail"] = order["prev"]
    level["count"] -= 1
    if level["count"] == 0:
        _close_level(books, row)
    map_remove(books["refs"], order["ref"])
    if order["owner"] > 0:
        words["member_orders"] -= 1
    words["orders"] -= 1
    order["ref"] = 0
    order["next"] = words["free_order"]
    words["free_order"] = slot


def book_orders(books, instrument: int, side: int) -> list[tuple[int, int, int, int]]:
    """(price, ref, qty, owner) of one side, best first, each level in queue order. Cold: for tests and reports."""
    rows = []
    book = int(book_of(instrument, side))
    for rank in range(int(books["depth"][book]) - 1, -1, -1):
        slot = int(books["levels"][books["places"][book, rank]]["head"])
        while slot >= 0:
            order = books["orders"][slot]
            rows.append((int(order["price"]), int(order["ref"]), int(order["qty"]), int(order["owner"])))
            slot = int(order["next"])
    return rows


def check(books) -> None:
    """Assert every invariant of the books. Cold."""
    words = books["words"]
    seen = 0
    for book in range(books["depth"].shape[0]):
        count = int(books["depth"][book])
        keys = books["keys"][book, :count]
        assert (np.diff(keys) > 0).all(), f"keys of book {book} are not strictly ascending"
        for rank in range(count):
            row = int(books["places"][book, rank])
            level = books["levels"][row]
            assert level["key"] == keys[rank] and level["book"] == book and level["count"] > 0, (book, rank)
            slot, before, qty, orders = int(level["head"]), -1, 0, 0
            while slot >= 0:
                order = books["orders"][slot]
                assert order["prev"] == before and order["level"] == row and order["qty"] > 0, (book, rank, slot)
                assert order["key"] == level["key"] and find_order(books, order["ref"]) == slot, (book, rank, slot)
                before, qty, orders, slot = slot, qty + int(order["qty"]), orders + 1, int(order["next"])
            assert level["tail"] == before and level["qty"] == qty and level["count"] == orders, (book, rank)
            seen += orders
    assert seen == words["orders"] == map_len(books["refs"]), (seen, words["orders"], map_len(books["refs"]))
    assert words["member_orders"] == (books["orders"]["owner"][books["orders"]["ref"] > 0] > 0).sum()

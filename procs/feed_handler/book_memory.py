"""The memory of the books: how much, in which arrays, and cleared. Cold.

`book_bytes` is what `open_book` allocates, so a host's profile can be judged before it starts.
"""

from typing import NamedTuple

import numpy as np

from procs.feed_handler.ladder import LEVEL_MASK
from procs.feed_handler.ladder_pool import BLOCK_BITS, BLOCK_WORDS, MARK, clear_pool, pool_classes
from procs.feed_handler.levels import FREE_LEVEL
from procs.feed_handler.memory import zeroed_rows
from procs.feed_handler.rows import BOOK_ROW, HALF, LEVEL_ROW, ORDER_ROW, SIDE_ROW, WORD
from shm.atomics import address_of

LEVELS_MAX = LEVEL_MASK
ORDERS_MAX = 1 << 26  # 2 GiB of rows
HEADS_FACTOR = 2  # buckets for each row, before rounding up to a power of two
WORDS_FACTOR = 4  # a block may be down to a quarter full


class Book(NamedTuple):
    """Owner of the memory. Hot code takes `row[0]`, which holds the addresses of the rest.

    `levels` and `orders` are views of `nodes`: level n is levels[n], order n is orders[n - len(levels)].
    """

    row: np.ndarray
    nodes: np.ndarray
    levels: np.ndarray
    orders: np.ndarray
    order_heads: np.ndarray
    level_heads: np.ndarray
    sides: np.ndarray
    ladder: np.ndarray
    ladder_free: np.ndarray
    ladder_marks: np.ndarray


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()


def _sizes(instruments: int, orders_max: int, levels_max: int) -> dict[str, tuple[int, np.dtype]]:
    classes = pool_classes(WORDS_FACTOR * levels_max + BLOCK_WORDS * min(2 * instruments, levels_max) + 1)
    return {
        "nodes": (1 + levels_max + orders_max, ORDER_ROW),
        "order_heads": (_power_of_two(HEADS_FACTOR * orders_max), HALF),
        "level_heads": (_power_of_two(HEADS_FACTOR * levels_max), HALF),
        "sides": (2 * instruments, SIDE_ROW),
        "ladder": (BLOCK_WORDS << classes, WORD),
        "ladder_free": (classes, WORD),
        "ladder_marks": ((BLOCK_WORDS << classes) >> BLOCK_BITS, MARK),
    }


def book_bytes(*, instruments: int, orders_max: int, levels_max: int) -> int:
    """Bytes of private memory that books of this size take."""
    sizes = _sizes(instruments, orders_max, levels_max)
    return sum(rows * dtype.itemsize for rows, dtype in sizes.values())


def open_book(*, instruments: int, orders_max: int, levels_max: int) -> Book:
    """Allocate empty books for `orders_max` live orders and `levels_max` price levels, of all instruments together."""
    for name, found, most in (("orders_max", orders_max, ORDERS_MAX), ("levels_max", levels_max, LEVELS_MAX)):
        if not 0 < found <= most:
            raise ValueError(f"{name}: expected 1..{most}, found {found}")
    parts = {
        name: zeroed_rows(rows, dtype) for name, (rows, dtype) in _sizes(instruments, orders_max, levels_max).items()
    }
    nodes = parts["nodes"]
    book = Book(
        row=zeroed_rows(1, BOOK_ROW),
        levels=nodes[: levels_max + 1].view(LEVEL_ROW),
        orders=nodes[levels_max + 1 :],
        **parts,
    )
    row = book.row[0]
    for name in parts:
        row[f"{name}_addr"] = address_of(parts[name])
    for name in ("order_heads", "level_heads"):
        row[f"{name}_mask"] = len(parts[name]) - 1
    row["sides"] = 2 * instruments
    row["ladder_classes"] = len(book.ladder_free)
    clear_book(book)
    return book


def clear_book(book: Book) -> None:
    """Forget every order. Writes all of the memory, so that no page is touched for the first time by hot code."""
    for rows in (book.nodes.view("<i8"), book.order_heads, book.level_heads, book.sides):
        rows[:] = 0
    first = len(book.levels)
    book.levels["side_index"][1:] = FREE_LEVEL
    book.levels["next"][1:-1] = np.arange(2, first)
    book.orders["next"][:-1] = np.arange(first + 1, first + len(book.orders))
    clear_pool(book.row[0], book.ladder, book.ladder_free, book.ladder_marks)
    row = book.row[0]
    row["level_free"], row["order_free"] = 1, first
    row["orders"] = row["levels"] = row["ref_max"] = 0


def first_order(book: Book) -> int:
    """Node number of orders[0]."""
    return len(book.levels)

"""Levels: (side, price) -> level, found by hash, made and dropped. Hot.

An add finds its level by one hash, whatever the depth of the ladder; only one that comes or goes touches the ladder.
"""

import numpy as np

from procs.feed_handler.ladder import enter_ladder, leave_ladder
from procs.feed_handler.order_map import node_at
from procs.feed_handler.rows import HALF, HALF_BYTES, LEVEL_ROW, LINK_OFFSET, NODE_BYTES
from shm.atomics import crc32c_word, record_at
from shm.jit import hot

FREE_LEVEL = -1  # side_index of a level that is none


@hot
def level_bucket(book, side_index, price_ticks):
    """Address of the link to the first level of the bucket."""
    bucket = crc32c_word(0, (side_index << 32) | price_ticks) & book["level_heads_mask"]
    return book["level_heads_addr"] + bucket * HALF_BYTES


@hot
def level_row(book, level):
    """The LEVEL_ROW of a level; that of none is all zero."""
    return record_at(book["nodes_addr"] + level * NODE_BYTES, LEVEL_ROW)


@hot
def _make_level(book, side_index, price_ticks):
    level = book["level_free"]
    if level == 0 or not enter_ladder(book, side_index, price_ticks, level):
        return 0
    row = level_row(book, level)
    book["level_free"] = int(row["next"])
    book["levels"] += 1
    head = record_at(level_bucket(book, side_index, price_ticks), HALF)
    row["qty_lots"] = 0
    row["price_ticks"] = price_ticks
    row["side_index"] = side_index
    row["next"] = level
    row["prev"] = level
    row["chain"] = head["half"]
    row["orders"] = 0
    head["half"] = level
    return level


@hot
def level_for(book, side_index, price_ticks):
    """Level of that price, made without an order if there is none; 0, and nothing changed, when a pool is full."""
    level = node_at(level_bucket(book, side_index, price_ticks))
    while level != 0:
        row = level_row(book, level)
        if np.int64(row["price_ticks"]) == price_ticks and int(row["side_index"]) == side_index:
            return level
        level = int(row["chain"])
    return _make_level(book, side_index, price_ticks)


@hot
def drop_level(book, level):
    """Give a level without orders back to the pool."""
    row = level_row(book, level)
    side_index = int(row["side_index"])
    price_ticks = np.int64(row["price_ticks"])
    link = level_bucket(book, side_index, price_ticks)
    while node_at(link) != level:
        link = book["nodes_addr"] + node_at(link) * NODE_BYTES + LINK_OFFSET
    record_at(link, HALF)["half"] = row["chain"]
    leave_ladder(book, side_index, price_ticks)
    row["side_index"] = FREE_LEVEL
    row["next"] = book["level_free"]
    book["level_free"] = level
    book["levels"] -= 1

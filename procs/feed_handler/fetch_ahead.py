"""Ask for the cache lines that a datagram will need, all of its messages at once. Hot; changes nothing but its notes.

A message misses the cache several times in a row in a large book. About an order that is there: its bucket, the order,
the order's level and neighbours. About a new one: the bucket of its level, the level, the youngest order there. Each
pass asks for one of them for every message, so the misses of a datagram overlap.
"""

import numpy as np

from procs.feed_handler.levels import level_bucket
from procs.feed_handler.order_map import node_at, order_bucket
from procs.feed_handler.rows import LEVEL_ROW, NODE_BYTES, ORDER_ROW, WORD
from procs.wire.big_endian import read_u16, read_u32, read_u64
from procs.wire.moldudp64.blocks import MOLD_BLOCK_HEAD_BYTES
from shm.atomics import prefetch, record_at
from shm.jit import hot

FETCH_MESSAGES_MIN = 4  # below it there is little to overlap
FETCH_MESSAGES_MAX = 128  # a full datagram has at most 96 order messages
FETCH_ORDERS_MIN = 16_384  # a smaller book lies in the second-level cache
REF_OFFSET = 11  # of the order reference, in every message about an order
SIDE_OFFSET, PRICE_OFFSET = 19, 32  # of a new order
LOCATE_OFFSET = 1

NOTE_ROW = np.dtype([("addr", "<i8"), ("new_addr", "<i8")])  # what comes next of a known order, of a new one
NOTE_BYTES = NOTE_ROW.itemsize

OLD_OF_KIND = np.zeros(256, np.int64)  # 1: about an order that is in the book
NEW_OF_KIND = np.zeros(256, np.int64)  # 1: a new order
for _letter in "ECXDU":
    OLD_OF_KIND[ord(_letter)] = 1
for _letter in "AF":
    NEW_OF_KIND[ord(_letter)] = 1


@hot
def _note(notes_addr, k):
    return record_at(notes_addr + k * NOTE_BYTES, NOTE_ROW)


@hot
def _fetch_orders(book, notes_addr, notes):
    for k in range(notes):
        note = _note(notes_addr, k)
        note["addr"] = book["nodes_addr"] + node_at(note["addr"]) * NODE_BYTES
        prefetch(note["addr"])


@hot
def _fetch_levels(book, notes_addr, notes):
    for k in range(notes):
        note = _note(notes_addr, k)
        note["new_addr"] = book["nodes_addr"] + node_at(note["new_addr"]) * NODE_BYTES
        prefetch(note["new_addr"])


@hot
def _fetch_neighbours(book, notes_addr, orders, levels):
    nodes = book["nodes_addr"]
    for k in range(orders):
        order = record_at(_note(notes_addr, k)["addr"], ORDER_ROW)
        prefetch(nodes + int(order["level"]) * NODE_BYTES)
        prefetch(nodes + int(order["next"]) * NODE_BYTES)
        prefetch(nodes + int(order["prev"]) * NODE_BYTES)
    for k in range(levels):
        level = record_at(_note(notes_addr, k)["new_addr"], LEVEL_ROW)
        prefetch(nodes + int(level["prev"]) * NODE_BYTES)


@hot
def fetch_ahead(feed, book, buf, offset, messages):
    """Ask for what the next `messages` blocks of a checked datagram need, from the block at `offset` on."""
    notes_addr = feed["notes_addr"]
    orders = 0
    levels = 0
    for _ in range(min(messages, FETCH_MESSAGES_MAX)):
        at = offset + MOLD_BLOCK_HEAD_BYTES
        kind = buf[at]
        if OLD_OF_KIND[kind] != 0:
            link = order_bucket(book, read_u64(buf, at + REF_OFFSET))
            prefetch(link)
            _note(notes_addr, orders)["addr"] = link
            orders += 1
        elif NEW_OF_KIND[kind] != 0:
            locate = read_u16(buf, at + LOCATE_OFFSET)
            instrument_id = record_at(feed["locates_addr"] + locate * 8, WORD)["word"]
            side_index = 2 * instrument_id + (1 if buf[at + SIDE_OFFSET] == 83 else 0)
            link = level_bucket(book, side_index, read_u32(buf, at + PRICE_OFFSET))
            prefetch(link)
            _note(notes_addr, levels)["new_addr"] = link
            levels += 1
        offset = at + read_u16(buf, offset)
    _fetch_orders(book, notes_addr, orders)
    _fetch_levels(book, notes_addr, levels)
    _fetch_neighbours(book, notes_addr, orders, levels)

"""Ask for the cache lines that a datagram will need, all of its messages at once. Hot; changes nothing but its notes.

A message misses the cache several times in a row in a large book. About an order that is there: its bucket, the order,
the order's level and neighbours. About a new one: the bucket of its level, the level, the youngest order there. Each
pass asks for one of them for every message, so the misses of a datagram overlap.
"""

import numpy as np

from procs.feed_handler.levels import level_bucket
from procs.feed_handler.order_map import node_at, order_bucket
from procs.feed_handler.rows import LEVEL_ROW, NODE_BYTES, ORDER_ROW, WORD
from procs.wire.big_endian import has_room, read_u16, read_u32, read_u64
from procs.wire.itch.head import LETTER_SELL
from procs.wire.moldudp64.blocks import MOLD_BLOCK_HEAD_BYTES
from shm.atomics import prefetch, record_at
from shm.jit import hot, hot_inline

FETCH_MESSAGES_MIN = 4  # below it there is little to overlap
FETCH_MESSAGES_MAX = 128  # a full datagram has at most 96 order messages
FETCH_ORDERS_MIN = 16_384  # a smaller book lies in the second-level cache
REF_OFFSET = 11  # of the order reference, in every message about an order
SIDE_OFFSET, PRICE_OFFSET = 19, 32  # of a new order
LOCATE_OFFSET = 1
READ_BYTES = PRICE_OFFSET + 4  # of every message, whatever it is: a branch on its kind costs more than what it saves

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


@hot_inline
def fetch_ahead(feed, book, buf, offset, messages):
    """Ask for what the next `messages` blocks of a checked datagram need, from the block at `offset` on."""
    notes_addr = feed["notes_addr"]
    orders = 0
    levels = 0
    for _ in range(min(messages, FETCH_MESSAGES_MAX)):
        at = offset + MOLD_BLOCK_HEAD_BYTES
        if not has_room(buf, at, READ_BYTES):
            break
        kind = buf[at]
        link = order_bucket(book, read_u64(buf, at + REF_OFFSET))
        prefetch(link)
        _note(notes_addr, orders)["addr"] = link
        orders += OLD_OF_KIND[kind]
        instrument_id = record_at(feed["locates_addr"] + read_u16(buf, at + LOCATE_OFFSET) * 8, WORD)["word"]
        side = 1 if buf[at + SIDE_OFFSET] == LETTER_SELL else 0
        link = level_bucket(book, 2 * instrument_id + side, read_u32(buf, at + PRICE_OFFSET))
        _note(notes_addr, levels)["new_addr"] = link
        prefetch(notes_addr + (link - notes_addr) * NEW_OF_KIND[kind])
        levels += NEW_OF_KIND[kind]
        offset = at + read_u16(buf, offset)
    _fetch_orders(book, notes_addr, orders)
    _fetch_levels(book, notes_addr, levels)
    _fetch_neighbours(book, notes_addr, orders, levels)

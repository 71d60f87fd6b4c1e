"""Ask for the cache lines that a datagram will need, all of its messages at once. Hot; changes nothing but its notes.

An order message misses the cache three times in a row in a large book: its place in the map, the order, the order's
level and neighbours. Each pass here asks for one of them for every message, so the misses of a datagram overlap.
"""

import numpy as np

from procs.feed_handler.order_map import SLOT_BITS, SLOT_MASK, tag_of
from procs.feed_handler.rows import LEVEL_BYTES, ORDER_BYTES, ORDER_ROW, WORD
from procs.wire.big_endian import read_u16, read_u64
from procs.wire.moldudp64.blocks import MOLD_BLOCK_HEAD_BYTES
from shm.atomics import prefetch, record_at
from shm.jit import hot

FETCH_MESSAGES_MIN = 4  # below it there is little to overlap
FETCH_MESSAGES_MAX = 128  # a full datagram has at most 96 order messages
FETCH_ORDERS_MIN = 16_384  # 1.5 MB of orders and map: a smaller book lies in the second-level cache
REF_OFFSET = 11  # of the order reference, in every message about an order

NOTE_ROW = np.dtype([("tag", "<i8"), ("addr", "<i8")])  # a message: its tag, then the address that comes next
NOTE_BYTES = NOTE_ROW.itemsize

STEPS_OF_KIND = np.zeros(256, np.int64)  # 0 no order, 1 place only, 2 an order that is in the book already
for _letter in "AF":
    STEPS_OF_KIND[ord(_letter)] = 1
for _letter in "ECXDU":
    STEPS_OF_KIND[ord(_letter)] = 2


@hot
def _fetch_places(book, notes_addr, buf, offset, messages):
    """Returns the number of notes: messages about orders that are in the book already."""
    places = book["places_addr"]
    mask = book["places_mask"]
    notes = 0
    for _ in range(min(messages, FETCH_MESSAGES_MAX)):
        at = offset + MOLD_BLOCK_HEAD_BYTES
        steps = STEPS_OF_KIND[buf[at]]
        if steps > 0:
            tag = tag_of(read_u64(buf, at + REF_OFFSET))
            note = record_at(notes_addr + notes * NOTE_BYTES, NOTE_ROW)
            note["tag"] = tag
            note["addr"] = places + (tag & mask) * 8
            prefetch(places + (tag & mask) * 8)
            notes += steps - 1
        offset = at + read_u16(buf, offset)
    return notes


@hot
def fetch_ahead(book, notes_addr, buf, offset, messages):
    """Ask for what the next `messages` blocks of a checked datagram need, from the block at `offset` on."""
    orders = book["orders_addr"]
    levels = book["levels_addr"]
    notes = _fetch_places(book, notes_addr, buf, offset, messages)
    for k in range(notes):
        note = record_at(notes_addr + k * NOTE_BYTES, NOTE_ROW)
        word = record_at(note["addr"], WORD)["word"]
        slot = word & SLOT_MASK if word >> SLOT_BITS == note["tag"] else 0
        note["addr"] = orders + slot * ORDER_BYTES
        prefetch(note["addr"])
    for k in range(notes):
        order = record_at(record_at(notes_addr + k * NOTE_BYTES, NOTE_ROW)["addr"], ORDER_ROW)
        prefetch(levels + int(order["level"]) * LEVEL_BYTES)
        prefetch(orders + int(order["next"]) * ORDER_BYTES)
        prefetch(orders + int(order["prev"]) * ORDER_BYTES)

"""Ladder: the price levels of one side of one book, in one sorted row of int64 words, best at the end. Hot.

A word is `key << LEVEL_BITS | level`, where the key is the price for bids and minus the price for asks: the greatest
word is the best level on either side, and one code serves both. Levels come and go near the best: the search walks
from there outward (eight levels a cache line) and falls to bisection after LINEAR_STEPS; an insertion or removal moves
only what is better than it. The row lies in a block of the pool; it doubles when full and halves when a quarter full.
"""

from procs.feed_handler.ladder_pool import BLOCK_WORDS, NO_BLOCK, give_block, take_block
from procs.feed_handler.rows import SIDE_BYTES, SIDE_ROW, WORD
from shm.atomics import copy_bytes, record_at
from shm.jit import hot

LEVEL_BITS = 24
LEVEL_MASK = (1 << LEVEL_BITS) - 1
LINEAR_STEPS = 16  # two cache lines; beyond it bisection reads fewer


@hot
def key_of(side_index, price_ticks):
    """Sorting key of a price; `side_index` is 2 * instrument for bids and one more for asks."""
    return -price_ticks if side_index & 1 else price_ticks


@hot
def side_at(book, side_index):
    """The SIDE_ROW of that side."""
    return record_at(book["sides_addr"] + side_index * SIDE_BYTES, SIDE_ROW)


@hot
def words_of(book, side):
    """Address of the side's first, worst word."""
    return book["ladder_addr"] + int(side["block"]) * 8


@hot
def level_at(words, rung):
    """Level that a rung names."""
    return record_at(words + rung * 8, WORD)["word"] & LEVEL_MASK


@hot
def rung_of(words, levels, key):
    """Rung that holds `key` among the first `levels` words, or -1 - (rung where it would be inserted)."""
    rung = levels - 1
    floor = max(0, levels - LINEAR_STEPS)
    while rung >= floor:
        here = record_at(words + rung * 8, WORD)["word"] >> LEVEL_BITS
        if here <= key:
            return rung if here == key else -2 - rung
        rung -= 1
    low = 0
    high = floor
    while low < high:
        middle = (low + high) >> 1
        here = record_at(words + middle * 8, WORD)["word"] >> LEVEL_BITS
        if here == key:
            return middle
        if here < key:
            low = middle + 1
        else:
            high = middle
    return -1 - low


@hot
def _insert_rung(words, levels, rung, key, level):
    for above in range(levels, rung, -1):
        record_at(words + above * 8, WORD)["word"] = record_at(words + above * 8 - 8, WORD)["word"]
    record_at(words + rung * 8, WORD)["word"] = (key << LEVEL_BITS) | level


@hot
def _remove_rung(words, levels, rung):
    for here in range(rung, levels - 1):
        record_at(words + here * 8, WORD)["word"] = record_at(words + here * 8 + 8, WORD)["word"]


@hot
def _resize(book, side, size_class):
    """Move the row into a block of another class. False, and nothing changed, when the pool has none."""
    block = take_block(book, size_class)
    if block == NO_BLOCK:
        return False
    old = int(side["block"])
    if old != NO_BLOCK:
        copy_bytes(book["ladder_addr"] + block * 8, words_of(book, side), int(side["levels"]) * 8)
        give_block(book, old, int(side["size_class"]))
    side["block"] = block
    side["size_class"] = size_class
    return True


@hot
def _find_best(book, side):
    levels = int(side["levels"])
    side["best"] = level_at(words_of(book, side), levels - 1) if levels > 0 else 0


@hot
def enter_ladder(book, side_index, price_ticks, level):
    """Give a price that the side does not have its rung. False, and nothing changed, when the pool is full."""
    side = side_at(book, side_index)
    levels = int(side["levels"])
    if int(side["block"]) == NO_BLOCK:
        if not _resize(book, side, 0):
            return False
    elif levels == BLOCK_WORDS << int(side["size_class"]) and not _resize(book, side, int(side["size_class"]) + 1):
        return False
    words = words_of(book, side)
    key = key_of(side_index, price_ticks)
    _insert_rung(words, levels, -1 - rung_of(words, levels, key), key, level)
    side["levels"] = levels + 1
    _find_best(book, side)
    return True


@hot
def leave_ladder(book, side_index, price_ticks):
    """Take the rung of a price that the side has away."""
    side = side_at(book, side_index)
    words = words_of(book, side)
    levels = int(side["levels"])
    _remove_rung(words, levels, rung_of(words, levels, key_of(side_index, price_ticks)))
    levels -= 1
    side["levels"] = levels
    size_class = int(side["size_class"])
    if levels == 0:
        give_block(book, int(side["block"]), size_class)
        side["block"] = NO_BLOCK
        side["size_class"] = 0
    elif size_class > 0 and 4 * levels <= BLOCK_WORDS << size_class:
        _resize(book, side, size_class - 1)
    _find_best(book, side)

"""Ladder: the price levels of one side of one book, in one sorted row of int64 words, best at the end. Hot.

A word is `key << LEVEL_BITS | level`, where the key is the price for bids and minus the price for asks: the greatest
word is the best level on either side, and one code serves both. Most events touch the best few levels, so the search
walks from the best outward (eight levels a cache line) and falls to bisection after LINEAR_STEPS; an insertion or
removal moves only what is better than it. `words` is the address of the row.
"""

from procs.feed_handler.rows import WORD
from shm.atomics import record_at
from shm.jit import hot

LEVEL_BITS = 24
LEVEL_MASK = (1 << LEVEL_BITS) - 1
LINEAR_STEPS = 16  # two cache lines; beyond it bisection reads fewer


@hot
def key_of(side_index, price_ticks):
    """Sorting key of a price; `side_index` is 2 * instrument for bids and one more for asks."""
    return -price_ticks if side_index & 1 else price_ticks


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
def insert_rung(words, levels, rung, key, level):
    """Put `level` at `rung`; better levels move up by one. The row must have room for one more."""
    for above in range(levels, rung, -1):
        record_at(words + above * 8, WORD)["word"] = record_at(words + above * 8 - 8, WORD)["word"]
    record_at(words + rung * 8, WORD)["word"] = (key << LEVEL_BITS) | level


@hot
def remove_rung(words, levels, rung):
    """Take the word at `rung` out; better levels move down by one."""
    for here in range(rung, levels - 1):
        record_at(words + here * 8, WORD)["word"] = record_at(words + here * 8 + 8, WORD)["word"]
    record_at(words + levels * 8 - 8, WORD)["word"] = 0

"""Ladder pool: blocks of ladder words for all sides of all books, by the buddy method. Hot.

A block of class c has BLOCK_WORDS << c words and starts at a multiple of its size. Taking one splits the smallest that
is large enough; one that is given back joins its other half while that is free, so the pool does not crumble. A free
block keeps the list of its class in its first two words (next, prev). Block 0 is none.
"""

import numpy as np

from procs.feed_handler.rows import WORD
from shm.atomics import record_at
from shm.jit import hot

BLOCK_WORDS = 8  # a cache line
BLOCK_BITS = 3
NO_BLOCK = 0
MARK = np.dtype([("mark", "u1")])


@hot
def _word(book, offset):
    return record_at(book["ladder_addr"] + offset * 8, WORD)


@hot
def _first(book, size_class):
    return record_at(book["ladder_free_addr"] + size_class * 8, WORD)


@hot
def _mark(book, block):
    return record_at(book["ladder_marks_addr"] + (block >> BLOCK_BITS), MARK)


@hot
def _link(book, block, size_class):
    first = _first(book, size_class)
    _word(book, block)["word"] = first["word"]
    _word(book, block + 1)["word"] = NO_BLOCK
    if first["word"] != NO_BLOCK:
        _word(book, first["word"] + 1)["word"] = block
    first["word"] = block
    _mark(book, block)["mark"] = size_class + 1


@hot
def _unlink(book, block, size_class):
    after = _word(book, block)["word"]
    before = _word(book, block + 1)["word"]
    if before == NO_BLOCK:
        _first(book, size_class)["word"] = after
    else:
        _word(book, before)["word"] = after
    if after != NO_BLOCK:
        _word(book, after + 1)["word"] = before
    _mark(book, block)["mark"] = 0


@hot
def take_block(book, size_class):
    """A block of that class, its words undefined, or NO_BLOCK."""
    found = size_class
    while found < book["ladder_classes"] and _first(book, found)["word"] == NO_BLOCK:
        found += 1
    if found >= book["ladder_classes"]:
        return NO_BLOCK
    block = _first(book, found)["word"]
    _unlink(book, block, found)
    while found > size_class:
        found -= 1
        _link(book, block + (BLOCK_WORDS << found), found)
    return block


@hot
def give_block(book, block, size_class):
    """Take a block of that class back."""
    while size_class + 1 < book["ladder_classes"]:
        buddy = block ^ (BLOCK_WORDS << size_class)
        if int(_mark(book, buddy)["mark"]) != size_class + 1:
            break
        _unlink(book, buddy, size_class)
        block = min(block, buddy)
        size_class += 1
    _link(book, block, size_class)


def pool_classes(words: int) -> int:
    """Classes of a pool that holds `words` words: it has BLOCK_WORDS << classes of them, the first block unused."""
    classes = 1
    while BLOCK_WORDS << classes < words:
        classes += 1
    return classes


def clear_pool(book, words: np.ndarray, first: np.ndarray, marks: np.ndarray) -> None:
    """All blocks free: the one of each class starts at its own size. Cold: writes all of the memory."""
    words[:], first[:], marks[:] = 0, 0, 0
    for size_class in range(int(book["ladder_classes"])):
        _link(book, BLOCK_WORDS << size_class, size_class)

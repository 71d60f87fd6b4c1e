"""Identifiers that are never used twice: the hot end, and the blocks behind it.

A role takes ids from eight private words. Its control thread reserves the next block on disk (shm/ids_disk.py) before
the hot thread may see it, and hands it over through the words; only the flag word changes sides.

word 0 next, 1 end          HOT thread: the block in use, [next, end)
word 2 reserved_next        CONTROL thread, before it stores word 3
word 3 reserved_end         flag: 0 the hot thread wants a block; else the block [reserved_next, reserved_end) is ready
word 4 own address          for the ordered accesses
"""

from pathlib import Path

import numpy as np

from shm.atomics import address_of, load_acquire, store_release
from shm.failpoints import FP_ID_BLOCK_HANDED_OVER, reach
from shm.ids_disk import ID_LAST_MAX, IdFile
from shm.jit import hot

IDS_NEXT, IDS_END, IDS_RESERVED_NEXT, IDS_RESERVED_END, IDS_ADDRESS = 0, 1, 2, 3, 4
IDS_WORDS = 8
RESERVED_END_BYTES = IDS_RESERVED_END * 8


def ids_words() -> np.ndarray:
    """New words with no block. Keep the array alive and never copy it: it knows its own address."""
    ids = np.zeros(IDS_WORDS, np.int64)
    ids[IDS_ADDRESS] = address_of(ids)
    return ids


@hot
def take_id(ids):
    """The next identifier, or 0 when both blocks are used up: then nothing may be sent. Caller: the hot thread.

    Ordering: the acquire of reserved_end pairs with the release in `ids_hand_over`; its reset to 0 pairs back.
    Cost: two loads and a store; a block change touches one more word.
    """
    if ids[IDS_NEXT] >= ids[IDS_END]:
        flag_addr = ids[IDS_ADDRESS] + RESERVED_END_BYTES
        reserved_end = load_acquire(flag_addr)
        if reserved_end == 0:
            return 0
        ids[IDS_NEXT] = ids[IDS_RESERVED_NEXT]
        ids[IDS_END] = reserved_end
        store_release(flag_addr, 0)
    taken = ids[IDS_NEXT]
    ids[IDS_NEXT] = taken + 1
    return taken


@hot
def ids_wanted(ids):
    """Whether the hot thread has taken the block ahead. Ordering: acquire; pairs with the reset in `take_id`."""
    return load_acquire(ids[IDS_ADDRESS] + RESERVED_END_BYTES) == 0


@hot
def ids_hand_over(ids, first, end):
    """Give the hot thread the block [first, end). Ordering: release; pairs with the acquire in `take_id`."""
    ids[IDS_RESERVED_NEXT] = first
    store_release(ids[IDS_ADDRESS] + RESERVED_END_BYTES, end)


class IdBlock:
    """The identifiers of one instance: `words` for the hot thread, a file for the high-water mark.

    `first` is where a new file starts, `last` the greatest id that may ever be given out (a 32-bit reference number).
    """

    def __init__(self, path: Path, block_size: int, first: int = 1, last: int = ID_LAST_MAX):
        self._file = IdFile(path, block_size, first, last)
        self.words = ids_words()
        self.blocks = 0

    def open(self) -> np.ndarray:
        """Reserve a block in use and one ahead, and return the words. What earlier lives left over is lost."""
        self._file.open()
        block = self._file.reserve()
        if block is not None:
            self.words[IDS_NEXT], self.words[IDS_END] = block
            self.blocks += 1
        self.extend()
        return self.words

    def extend(self) -> bool:
        """Reserve the next block if the hot thread has taken the last one. Returns whether one was handed over.

        Caller: the control thread, each turn. Blocks for one fdatasync when it reserves.
        Raises IdWriteFailed, and from then on always: the role must end.
        """
        if not ids_wanted(self.words):
            return False
        block = self._file.reserve()
        if block is None:
            return False
        ids_hand_over(self.words, block[0], block[1])
        reach(FP_ID_BLOCK_HANDED_OVER)
        self.blocks += 1
        return True

    def close(self) -> None:
        self._file.close()

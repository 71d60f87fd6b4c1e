"""The venue's store: every message is found again, wherever chunks and index entries fall."""

import numpy as np

from procs.venue.store import (
    CHUNK_BYTES,
    CURSOR,
    INDEX_SHIFT,
    STORE,
    prepare_store,
    store_append,
    store_copy,
    store_extend,
    store_seek,
)
from shm.atomics import address_of

MESSAGE_BYTES = 800
MESSAGES = 2 * CHUNK_BYTES // MESSAGE_BYTES + 600  # two ends of chunks, neither at an index entry


def filled_store():
    """A store whose stream 1 holds messages that carry their own numbers."""
    held = np.zeros(1, STORE)
    store = held[0]
    prepare_store(store)
    store_extend(store)
    message = np.zeros(MESSAGE_BYTES, np.uint8)
    for number in range(1, MESSAGES + 1):
        message[:8] = np.array([number], np.int64).view(np.uint8)
        assert store_append(store, 1, address_of(message), MESSAGE_BYTES) == number
    return held, store


def test_a_seek_finds_every_message_on_both_sides_of_a_chunks_end():
    held, store = filled_store()
    cursor = np.zeros(1, CURSOR)
    target = np.zeros(2 * MESSAGE_BYTES, np.uint8)
    ends = [int(at) for at in np.flatnonzero(np.diff(store["index"][1] >> 32) > 0)]  # index entries before a new chunk
    assert len(ends) == 2
    for entry in ends:
        for sequence in range((entry << INDEX_SHIFT) + 1, ((entry + 2) << INDEX_SHIFT) + 1):
            assert store_seek(store, 1, cursor[0], sequence) == 1
            assert store_copy(store, 1, cursor[0], address_of(target), len(target), 1) == MESSAGE_BYTES + 2
            assert int(target[2:10].view(np.int64)[0]) == sequence
    assert store_seek(store, 1, cursor[0], MESSAGES + 1) == 0
    assert store_seek(store, 1, cursor[0], 0) == 0
    assert held.size == 1

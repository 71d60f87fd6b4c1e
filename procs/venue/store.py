"""Store: numbered streams of messages, each behind its two-byte length; the newest CHUNKS_MAX chunks of each are kept.

```
stream 0 market data       chunk [len|message][len|message]...[0]   chunk [len|message]...   no message straddles two
stream m member m's own    index: every 256th message -> chunk << 32 | offset
```

Blocks lie exactly as MoldUDP64 and SoupBinTCP want them on the wire, so serving any range is a few copies. Chunks are
allocated by the control thread ahead of need (`store_extend`): the hot thread never allocates, and a quiet session
stays small. A stream that filled CHUNKS_MAX chunks goes on in its oldest: those messages cannot be served any more.
Chunk numbers only grow; chunk n lies in place n % CHUNKS_MAX. Message numbers start at 1.
"""

import numpy as np

from procs.venue.book import MEMBERS_MAX
from shm.atomics import address_of, copy_bytes, load_acquire, record_at, store_release
from shm.jit import hot

STREAMS = 1 + MEMBERS_MAX
CHUNK_BYTES = 1 << 20  # about 28,000 market-data messages
CHUNKS_MAX = 512  # 512 MiB a stream: 14 million messages, two hours of the default flow
CHUNKS_AHEAD = 6  # one lasts 10 ms at the very fastest replay; the control thread comes by every 5 to 25 ms
CHUNKS_SPARE = 2  # of the oldest, which the control thread may clear while the hot thread looks
INDEX_SHIFT = 8
BLOCK_BYTES_MIN = 14  # shortest message that any stream carries, for the size of the index

CURSOR = np.dtype([("next_seq", "<i8"), ("chunk", "<i8"), ("offset", "<i8"), ("copied", "<i8")])
STORE_WORDS = np.dtype([("count", "<i8"), ("chunk", "<i8"), ("used", "<i8"), ("ready", "<i8")])
READY_OFFSET = STORE_WORDS.fields["ready"][1]  # of `ready` behind `count`
LENGTH = np.dtype([("high", "u1"), ("low", "u1")])  # highest byte first


INDEX_ROWS = (CHUNKS_MAX * CHUNK_BYTES // BLOCK_BYTES_MIN >> INDEX_SHIFT) + 2

STORE = np.dtype(  # a row of each array per stream; `ready` is the control thread's word
    [
        ("words", STORE_WORDS, (STREAMS,)),
        ("chunks", "<i8", (STREAMS, CHUNKS_MAX)),
        ("index", "<i8", (STREAMS, INDEX_ROWS)),
        ("ready_addr", "<i8", (STREAMS,)),
    ]
)

_alive: dict[int, np.ndarray] = {}  # by address: hot rows hold bare ones; a session lives as long as its process


def prepare_store(store) -> None:
    """Make a zeroed STORE empty streams with one chunk each; it must stay where it is."""
    store["ready_addr"] = address_of(store["words"]) + np.arange(STREAMS) * STORE_WORDS.itemsize + READY_OFFSET
    store_extend(store, 0)


def store_extend(store, ahead: int = CHUNKS_AHEAD) -> None:
    """Allocate, or clear for another time, until `ahead` chunks wait in each stream. Caller: the control thread."""
    for stream, words in enumerate(store["words"]):
        while words["ready"] < int(words["chunk"]) + ahead + 1:
            place = int(words["ready"]) % CHUNKS_MAX
            if words["ready"] < CHUNKS_MAX:
                chunk = np.zeros(CHUNK_BYTES, np.uint8)
                store["chunks"][stream, place] = address_of(chunk)
                _alive[address_of(chunk)] = chunk
            else:
                _alive[int(store["chunks"][stream, place])][:] = 0
            _make_ready(int(store["ready_addr"][stream]), int(words["ready"]) + 1)


@hot
def _make_ready(ready_addr, chunks):
    store_release(ready_addr, chunks)


@hot
def store_room(store, stream):
    """Bytes that can be appended without waiting for the control thread, less what rounding to chunks may lose."""
    words = store["words"][stream]
    spare = load_acquire(store["ready_addr"][stream]) - words["chunk"] - 1
    return spare * (CHUNK_BYTES - 256) + CHUNK_BYTES - words["used"] - 256


@hot
def _place(store, stream, chunk):
    """Address of a chunk."""
    return store["chunks"][stream, chunk % CHUNKS_MAX]


@hot
def store_keeps(store, stream, chunk):
    """1 while a chunk holds what was written, 0 once it is, or is about to be, used again."""
    return 1 if chunk >= load_acquire(store["ready_addr"][stream]) - CHUNKS_MAX + CHUNKS_SPARE else 0


@hot
def store_append(store, stream, address, size):
    """Append the message of `size` bytes at `address`. Returns its number, or 0 when there is no room for it."""
    words = store["words"][stream]
    if words["used"] + size + 4 > CHUNK_BYTES:  # the two bytes behind the last message stay zero: the chunk ends there
        if load_acquire(store["ready_addr"][stream]) <= words["chunk"] + 1:
            return 0
        words["chunk"] += 1
        words["used"] = 0
    count = words["count"]
    if count & ((1 << INDEX_SHIFT) - 1) == 0:
        store["index"][stream, (count >> INDEX_SHIFT) % INDEX_ROWS] = (words["chunk"] << 32) | words["used"]
    target = _place(store, stream, words["chunk"]) + words["used"]
    length = record_at(target, LENGTH)
    length["high"] = size >> 8
    length["low"] = size & 255
    copy_bytes(target + 2, address, size)
    words["used"] += size + 2
    store_release(store["ready_addr"][stream] - READY_OFFSET, count + 1)  # the control thread reads streams too
    return count + 1


@hot
def store_count(ready_addr):
    """Messages of the stream with that `ready_addr`. Caller: any thread.

    Ordering: acquire; pairs with the release in `store_append`.
    """
    return load_acquire(ready_addr - READY_OFFSET)


@hot
def _block_bytes(store, stream, chunk, offset):
    """Bytes of the block there, length included; 2 where the chunk ends."""
    length = record_at(_place(store, stream, chunk) + offset, LENGTH)
    return 2 + (int(length["high"]) << 8) + int(length["low"])


@hot
def _settle(store, stream, cursor):
    """Move a cursor over the end of a chunk. Returns the bytes of the block at the cursor, which must exist."""
    size = _block_bytes(store, stream, cursor["chunk"], cursor["offset"])
    if size == 2:
        cursor["chunk"] += 1
        cursor["offset"] = 0
        size = _block_bytes(store, stream, cursor["chunk"], cursor["offset"])
    return size


@hot
def store_seek(store, stream, cursor, sequence):
    """Point a cursor at a message. Returns 1, or 0 when it is not held. Cost: at most 256 blocks walked."""
    count = store["words"][stream]["count"]
    if sequence < 1 or sequence > count:
        return 0
    entry = (sequence - 1) >> INDEX_SHIFT
    at = store["index"][stream, entry % INDEX_ROWS]
    if entry + INDEX_ROWS <= (count - 1) >> INDEX_SHIFT or store_keeps(store, stream, at >> 32) == 0:
        return 0
    cursor["chunk"] = at >> 32
    cursor["offset"] = at & 0xFFFFFFFF
    cursor["next_seq"] = (((sequence - 1) >> INDEX_SHIFT) << INDEX_SHIFT) + 1
    while cursor["next_seq"] < sequence:
        size = _settle(store, stream, cursor)  # may move the cursor to the next chunk, before its offset is read
        cursor["offset"] += size
        cursor["next_seq"] += 1
    return 1


@hot
def cursor_rewind(cursor):
    """Point a cursor at the first message, whether or not it exists yet."""
    cursor["next_seq"] = 1
    cursor["chunk"] = 0
    cursor["offset"] = 0


@hot
def store_copy(store, stream, cursor, target_addr, bytes_max, messages_max):
    """Copy whole blocks from the cursor on and move it. Returns the bytes; `cursor["copied"]` counts the messages."""
    copied = 0
    used = 0
    count = store["words"][stream]["count"]
    while cursor["next_seq"] <= count and copied < messages_max:
        size = _settle(store, stream, cursor)
        if used + size > bytes_max:
            break
        copy_bytes(target_addr + used, _place(store, stream, cursor["chunk"]) + cursor["offset"], size)
        used += size
        copied += 1
        cursor["offset"] += size
        cursor["next_seq"] += 1
    cursor["copied"] = copied
    return used

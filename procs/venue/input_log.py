"""Input log: everything that reached the matching engine, in the order in which it was processed.

Replaying it through any engine with the same rules gives the same books and the same ledger: that is how the venue
itself is checked. The hot thread appends to a bounded buffer; the control thread moves it to a file when one is
configured, and then the buffer is a ring whose records wait for the file: a ring that fills makes the venue pause its
own flow. Without a file the first INPUTS_MAX inputs are kept and the rest is only counted.
"""

import numpy as np

from shm.atomics import address_of, load_acquire, store_release
from shm.jit import hot

INPUTS_MAX = 1 << 16  # 96 bytes each: 6 MiB, half a minute of the default flow
PAUSE_BELOW = 4096  # free records at which the venue stops its own flow; members' inputs use the rest

INPUT_ENTER = 1
INPUT_CANCEL = 2
INPUT_REDUCE = 3
INPUT_REPLACE = 4
INPUT_HIT = 5
INPUT_CROSS = 6
INPUT_PRINT = 7

INPUT = np.dtype(
    [
        ("now_ns", "<i8"),
        ("ref", "<i8"),  # order that it is about
        ("price", "<i8"),
        ("qty", "<i8"),
        ("user_ref", "<i8"),
        ("result", "<i8"),  # what the engine answered
        ("kind", "<i4"),  # INPUT_*
        ("owner", "<i4"),
        ("instrument", "<i4"),
        ("side", "<i4"),
        ("tif", "<i4"),
        ("reserved", "<i4"),
        ("spare", "<i8", (3,)),
    ]
)
assert INPUT.itemsize == 96

LOG_WORDS = np.dtype([("count", "<i8"), ("written", "<i8"), ("to_file", "<i8"), ("lost", "<i8"), ("addr", "<i8")])
WRITTEN_OFFSET = LOG_WORDS.fields["written"][1]
LOG = np.dtype([("words", LOG_WORDS), ("rows", INPUT, (INPUTS_MAX,))])  # `count` is the hot thread's, `written` not


def prepare_log(log) -> None:
    """Make a zeroed LOG an empty log; it must stay where it is."""
    log["words"]["addr"] = address_of(np.frombuffer(log["words"], np.uint8))


@hot
def log_room(log):
    """Records that may still be appended without waiting for the file; without a file there is always room."""
    words = log["words"]
    if words["to_file"] == 0:
        return INPUTS_MAX
    return INPUTS_MAX - (words["count"] - load_acquire(log["words"]["addr"] + WRITTEN_OFFSET))


@hot
def log_claim(log):
    """Row to fill for the next input, or -1 when it is not kept. Caller: the hot thread, then `log_commit`."""
    words = log["words"]
    count = words["count"]
    if words["to_file"] == 0 and count >= INPUTS_MAX:
        return -1
    if log_room(log) <= 0:
        words["lost"] += 1
        return -1
    return count & (INPUTS_MAX - 1)


@hot
def log_commit(log):
    """Make the claimed row visible to the control thread. Ordering: release; pairs with the acquire in `log_drain`."""
    store_release(log["words"]["addr"], log["words"]["count"] + 1)


def log_drain(log, file) -> int:
    """Append what is new to `file`. Returns the number of records. Caller: the control thread."""
    count, written = int(_committed(log)), int(log["words"]["written"])
    capacity = INPUTS_MAX
    for start in range(written, count, capacity):
        first, last = start & (capacity - 1), min(count - start, capacity)
        rows = np.concatenate([log["rows"][first : first + last], log["rows"][: max(0, first + last - capacity)]])
        file.write(rows.tobytes())
    _set_written(log, count)
    return count - written


@hot
def _committed(log):
    return load_acquire(log["words"]["addr"])


@hot
def _set_written(log, count):
    store_release(log["words"]["addr"] + WRITTEN_OFFSET, count)


def logged(log) -> np.ndarray:
    """What the buffer holds now, oldest first (without a file: the first INPUTS_MAX inputs). Cold, for tests."""
    count, capacity = int(log["words"]["count"]), INPUTS_MAX
    if count <= capacity:
        return log["rows"][:count].copy()
    return np.roll(log["rows"], -(count & (capacity - 1)))

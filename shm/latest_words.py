"""Latest, cold: writing one row of a latest table from Python, for commands that import no numba.

Caller: the one who may write, or one of several under a lock that they share (the roster's). Ordering: the stores are
made one after the other by the interpreter, and x86-64 keeps the order of stores; the version is the last.
"""

import numpy as np

from shm.records.table_end import LATEST_ROWS_OFFSET
from shm.segment import Segment

WORD = np.dtype("<i8")
VERSION_BYTES = 64  # the version word has a line of its own


def write_latest_row(segment: Segment, row: int, record: np.ndarray) -> int:
    """Write `record` (one element, the table's dtype) as the newest value of `row`. Returns the new version."""
    size = record.dtype.itemsize
    base = LATEST_ROWS_OFFSET + row * (VERSION_BYTES + 2 * size)
    word = segment.view(base, WORD)
    version = int(word[0]) + 1
    segment.view(base + VERSION_BYTES + (version & 1) * size, record.dtype)[0] = record.reshape(1)[0]
    word[0] = version
    return version

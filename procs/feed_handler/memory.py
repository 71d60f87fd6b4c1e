"""Private memory for hot rows: zeroed, and each row inside one cache line. Cold."""

import numpy as np

from shm.atomics import address_of

LINE_BYTES = 64


def zeroed_rows(rows: int, dtype) -> np.ndarray:
    """Rows of `dtype` from a line's first byte on. numpy's own big arrays start 16 bytes behind one: every other row
    of 32 bytes would lie in two lines."""
    dtype = np.dtype(dtype)
    raw = np.zeros(rows * dtype.itemsize + LINE_BYTES, np.uint8)
    start = -address_of(raw) % LINE_BYTES
    return raw[start : start + rows * dtype.itemsize].view(dtype)

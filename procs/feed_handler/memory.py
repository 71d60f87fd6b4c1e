"""Private memory for hot rows: zeroed, and each row inside one cache line. Cold."""

import numpy as np

from shm.atomics import address_of

LINE_BYTES = 64
PAGE_BYTES = 1 << 21  # numpy asks for huge pages for big arrays; a walk of small ones is a second miss for each miss


def zeroed_rows(rows: int, dtype) -> np.ndarray:
    """Rows of `dtype` from the first byte of a line on, or of a huge page if they fill one.

    numpy's own big arrays start 16 bytes behind one: every other row of 32 bytes would lie in two lines.
    """
    dtype = np.dtype(dtype)
    size = rows * dtype.itemsize
    unit = PAGE_BYTES if size >= PAGE_BYTES else LINE_BYTES
    raw = np.zeros(size + unit, np.uint8)
    start = -address_of(raw) % unit
    return raw[start : start + size].view(dtype)

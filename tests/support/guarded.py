"""What a compiled session must not do, made visible: guards around its arrays, a deadline, growth of the process.

Compiled code has no bounds checks, so the arrays of a state are allocated between guard bytes: what is written outside
changes a guard. What is read outside shows when two sessions get the same bytes in front of different rubbish.
"""

import contextlib
import faulthandler
import math

import numpy as np
import psutil

GUARD_BYTES = 256
GUARD = 0xA5


class Guards:
    """`with guards.around():` lets every array that is made by np.zeros or np.full lie between guard bytes."""

    def __init__(self):
        self.blocks: list[np.ndarray] = []

    @contextlib.contextmanager
    def around(self):
        """Cold: only for code that allocates through the module `numpy` while it is open."""
        zeros, full = np.zeros, np.full

        def guarded_zeros(shape, dtype=float, order="C"):
            shape, dtype = np.atleast_1d(np.asarray(shape, np.int64)), np.dtype(dtype)
            size = math.prod(int(length) for length in shape) * dtype.itemsize
            block = full(size + 2 * GUARD_BYTES + 64, GUARD, np.uint8)
            first = GUARD_BYTES + (-(block.ctypes.data + GUARD_BYTES)) % 64  # arrays begin at a cache line
            block = block[first - GUARD_BYTES : first + size + GUARD_BYTES]
            self.blocks.append(block)
            inner = block[GUARD_BYTES : GUARD_BYTES + size]
            inner[:] = 0
            return inner.view(dtype).reshape([int(length) for length in shape])

        def guarded_full(shape, fill_value, dtype=None, order="C"):
            made = guarded_zeros(shape, np.asarray(fill_value).dtype if dtype is None else dtype)
            made[...] = fill_value
            return made

        np.zeros, np.full = guarded_zeros, guarded_full
        try:
            yield self
        finally:
            np.zeros, np.full = zeros, full

    def broken(self) -> list[tuple[int, int]]:
        """(bytes of the array, offset from its begin) of the first changed guard byte of each array."""
        found = []
        for block in self.blocks:
            for part, base in (
                (block[:GUARD_BYTES], -GUARD_BYTES),
                (block[-GUARD_BYTES:], len(block) - 2 * GUARD_BYTES),
            ):
                changed = np.flatnonzero(part != GUARD)
                if changed.size:
                    found.append((len(block) - 2 * GUARD_BYTES, base + int(changed[0])))
        return found


@contextlib.contextmanager
def deadline(seconds: float):
    """End the process with all its stacks when the body takes longer: compiled code that hangs hears no signal."""
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def resident_mib() -> float:
    """Memory of this process that is in use, MiB."""
    return psutil.Process().memory_info().rss / 2**20

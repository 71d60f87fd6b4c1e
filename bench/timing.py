"""Timing: cycles to nanoseconds, and spans too short to time one by one.

A reading of the cycle counter costs about 10 ns and is not serialised, so an operation of a few nanoseconds is timed in
batches of BATCH and divided; the percentiles are then of batch means, and said so.
"""

import time

import numpy as np

from shm.atomics import cycles
from shm.jit import hot

BATCH = 32


@hot
def read_cycles():
    """The cycle counter, from Python."""
    return cycles()


def ns_per_cycle(seconds: float = 0.1) -> float:
    """Length of one count of the cycle counter, ns."""
    first, first_ns = read_cycles(), time.perf_counter_ns()
    time.sleep(seconds)
    last, last_ns = read_cycles(), time.perf_counter_ns()
    return (last_ns - first_ns) / (last - first)


@hot
def time_nothing(spans):
    """Spans of two readings of the cycle counter with nothing between them."""
    for row in range(spans.shape[0]):
        begun = cycles()
        spans[row] = cycles() - begun


def empty_pair() -> int:
    """What timing one operation by itself adds to it: the median span of an empty pair of readings, in cycles."""
    spans = np.zeros(10_000, np.int64)
    time_nothing(spans)
    return int(np.median(spans))


def to_picoseconds(spans_cycles: np.ndarray, operations: int, cycle_ns: float) -> np.ndarray:
    """Spans of `operations` operations each, as int64 picoseconds an operation."""
    return np.rint(spans_cycles * (cycle_ns * 1000.0 / operations)).astype(np.int64)

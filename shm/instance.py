"""What a hot thread writes about itself: counters, distinct errors, latency histograms. It counts; it does not log.

All functions take `me`, the instance's private INSTANCE_END row, and write only the hot thread's own lines with plain
relaxed stores: one writer, so no read-modify-write needs to be atomic. Readers may see a value one event old.
"""

from shm.atomics import leading_zeros, load_relaxed, record_at, store_relaxed
from shm.clock import stamp_ns
from shm.jit import hot, hot_inline
from shm.records.error_row import ERROR_ROW
from shm.records.histogram import HISTOGRAM, HISTOGRAM_BUCKETS, HISTOGRAM_BYTES, HISTOGRAM_SUB_BITS

HOT_ERROR_ROWS = 48  # rows 48..63 of the error log belong to the control thread
SUB_BITS = HISTOGRAM_SUB_BITS
LAST_BUCKET = HISTOGRAM_BUCKETS - 1


@hot_inline
def stamp(me):
    """Latency time now, ns."""
    return stamp_ns(me["clock_addr"])


@hot
def count(me, counter_id, amount):
    """Add `amount` to counter `counter_id` (shm/counters.py). Caller: the hot thread. Cost: about 1 ns."""
    address = me["counters_addr"] + counter_id * 8
    store_relaxed(address, load_relaxed(address) + amount)


@hot
def gauge(me, counter_id, value):
    """Set counter `counter_id` to `value`. Caller: the hot thread."""
    store_relaxed(me["counters_addr"] + counter_id * 8, value)


@hot
def note_error(me, code, detail_a, detail_b):
    """Count one occurrence of ERROR_* `code` with two numbers that explain it. Caller: the hot thread.

    One row per code; when all rows are taken the last one collects the rest.
    """
    row = 0
    while row < HOT_ERROR_ROWS - 1:
        held = load_relaxed(me["errors_addr"] + row * 64)
        if held == code or held == 0:
            break
        row += 1
    error = record_at(me["errors_addr"] + row * 64, ERROR_ROW)
    at_ns = stamp(me)
    if error["count"] == 0:
        error["first_ns"] = at_ns
    error["last_ns"] = at_ns
    error["detail_a"] = detail_a
    error["detail_b"] = detail_b
    error["count"] += 1
    store_relaxed(me["errors_addr"] + row * 64, code)


@hot
def bucket_of(value_ns):
    """Bucket of a value: exact below 2^(SUB_BITS + 1), then 2^SUB_BITS to each power of two; the last takes more."""
    if value_ns < 0:
        return 0
    shift = 63 - leading_zeros(value_ns | 1) - SUB_BITS
    if shift < 0:
        shift = 0
    if shift == 0:
        return min(value_ns, LAST_BUCKET)
    return min((shift << SUB_BITS) + (value_ns >> shift), LAST_BUCKET)


@hot
def record_span(me, histogram_id, value_ns):
    """Record one latency, ns, in histogram `histogram_id` of this instance. Caller: the hot thread. Goal: 10 ns."""
    head_addr = me["histograms_addr"] + histogram_id * HISTOGRAM_BYTES
    head = record_at(head_addr, HISTOGRAM)
    if head["count"] == 0 or value_ns < head["min_ns"]:
        head["min_ns"] = value_ns
    if value_ns > head["max_ns"]:
        head["max_ns"] = value_ns
    head["sum_ns"] += value_ns
    address = head_addr + 128 + bucket_of(value_ns) * 8
    store_relaxed(address, load_relaxed(address) + 1)
    head["count"] += 1

"""What does it cost to record one latency span in an instance's histogram?

```
value (ns) ── record_span ──► histogram: count, sum, min, max + one of 2,368 int64 buckets      shared-memory layout
value (ns) ── load, add, store ──► one random int64 of the same table
```

Values are log-normal around 400 ns, with a tail to milliseconds, in an order drawn beforehand, so that bucket lines
come from the level-1 cache as in a live role but no branch or bucket repeats itself. The histogram's count, sum, least,
greatest and every bucket are compared with numpy's answer. A span costs a few nanoseconds, so it is timed in batches of
32: the percentiles are of batch means. It does not show the cost of the stamp that makes the span (8 ns), nor a role
whose other data has pushed the buckets out of its cache.
"""

import numpy as np

from bench.pair import pinned, this_core
from bench.result import Result, fill_buckets
from bench.timing import BATCH, ns_per_cycle, to_picoseconds
from shm.atomics import cycles, load_relaxed, record_view, store_relaxed
from shm.instance import record_span
from shm.jit import hot
from shm.records.histogram import HISTOGRAM, HISTOGRAM_BUCKETS, HISTOGRAM_BYTES
from shm.scratch import scratch_me

QUESTION = "What does recording one span in a latency histogram cost?"
HISTOGRAM_ID = 3
ROUNDS = 10
NS_MAX = 10


@hot
def time_spans(me, values, spans):
    """Spans of BATCH recordings each, in cycles."""
    for batch in range(spans.shape[0]):
        begun = cycles()
        for k in range(BATCH):
            record_span(me, HISTOGRAM_ID, values[batch * BATCH + k])
        spans[batch] = cycles() - begun


@hot
def time_increments(table_addr, buckets, spans):
    """As `time_spans`: one load, add and store at a known place."""
    for batch in range(spans.shape[0]):
        begun = cycles()
        for k in range(BATCH):
            address = table_addr + buckets[batch * BATCH + k] * 8
            store_relaxed(address, load_relaxed(address) + 1)
        spans[batch] = cycles() - begun


def check(me, values: np.ndarray, times: int) -> None:
    """The histogram holds `times` times these values, bucket by bucket."""
    address = int(me["histograms_addr"]) + HISTOGRAM_ID * HISTOGRAM_BYTES
    head = record_view(address, HISTOGRAM)
    counts = np.zeros(HISTOGRAM_BUCKETS, np.int64)
    fill_buckets(values, counts)
    held = record_view(address + 128, np.dtype([("counts", "<i8", (HISTOGRAM_BUCKETS,))]))["counts"]
    found = (head["count"], head["sum_ns"], head["min_ns"], head["max_ns"])
    expected = (times * len(values), times * values.sum(), values.min(), values.max())
    if found != expected or (held != times * counts).any():
        raise RuntimeError(f"histogram_span: expected {expected}, found {found}")


@pinned()
def run(smoke: bool) -> list[Result]:
    """Alternate rounds of recordings and of bare increments."""
    rounds, batches = (2, 500) if smoke else (ROUNDS, 20_000)
    random = np.random.default_rng(7)
    values = np.rint(400 * np.exp(random.normal(0, 1.2, batches * BATCH))).astype(np.int64)
    buckets = random.integers(0, HISTOGRAM_BUCKETS, batches * BATCH)
    me = scratch_me()[0]
    table_addr = int(me["histograms_addr"]) + (HISTOGRAM_ID + 1) * HISTOGRAM_BYTES
    recorded, increments = [], []
    for _ in range(rounds + 1):  # the first compiles and warms up
        recorded.append(np.zeros(batches, np.int64))
        increments.append(np.zeros(batches, np.int64))
        time_spans(me, values, recorded[-1])
        time_increments(table_addr, buckets, increments[-1])
    check(me, values, rounds + 1)
    cycle_ns = ns_per_cycle()
    reference = to_picoseconds(np.concatenate(increments[1:]), BATCH, cycle_ns)
    return [
        Result(
            name="histogram_span",
            question=QUESTION,
            unit="ns",
            samples=to_picoseconds(np.concatenate(recorded[1:]), BATCH, cycle_ns),
            value=None,
            reference=float(np.median(reference)) / 1000,
            reference_is="load, add, store of a random int64 in a table of the same size, alternating rounds",
            goal=f"p50 at most {NS_MAX} ns",
            limit_p50=NS_MAX,
            notes=(f"core {this_core()}; means of batches of {BATCH}; {rounds} rounds of {batches * BATCH} spans",),
            scale=1000,
        )
    ]

"""Inspect: read-only Python readers of everything in shared memory, for status, metrics and tests. Cold, no numba.

None of them can slow or stop a writer: they map read-only, copy, and look again. Numbers may be one event old.
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from shm.counters import COUNTERS
from shm.records.error_row import ERROR_ROW
from shm.records.histogram import HISTOGRAM, HISTOGRAM_BUCKETS, HISTOGRAM_BYTES, HISTOGRAM_SUB_BITS
from shm.records.instance import (
    COUNTERS_MAX,
    COUNTERS_OFFSET,
    ERRORS_MAX,
    ERRORS_OFFSET,
    HISTOGRAMS_MAX,
    HISTOGRAMS_OFFSET,
    INSTANCE,
    INSTANCE_OFFSET,
)
from shm.records.ring_end import (
    RING_BEHIND_OFFSET,
    RING_CAUGHT_UP_OFFSET,
    RING_HEAD_OFFSET,
    RING_SLOTS_OFFSET,
    RING_STATS_OFFSET,
)
from shm.records.segment_header import (
    SEGMENT_KIND_INSTANCE,
    SEGMENT_KIND_LATEST,
    SEGMENT_KIND_RING_DATA,
    SEGMENT_KIND_RING_HEAD,
)
from shm.records.table_end import LATEST_ROWS_OFFSET, LATEST_VERSION_BYTES, latest_stride
from shm.roster import Roster, read_roster
from shm.segment import Segment, attach_segment, list_objects

READ_TRIES_MAX = 64
WORD = np.dtype("<i8")


# --- rings ------------------------------------------------------------------------------------------------------------


class RingStatus(NamedTuple):
    """One ring as seen from outside. `depth` = tail_seq - head_seq."""

    capacity: int
    head_seq: int
    tail_seq: int
    depth: int
    high_water: int
    refusals: int
    behind: bool
    caught_up_seq: int
    producer_pid: int
    consumer_pid: int


def ring_status(data: Segment, head: Segment) -> RingStatus:
    """Depth and counters of a ring from its two objects, mapped read-only."""
    capacity = data.capacity
    head_seq = _word(head, RING_HEAD_OFFSET)
    tail_seq = head_seq + published_run(ring_words(data), head_seq)
    return RingStatus(
        capacity=capacity,
        head_seq=head_seq,
        tail_seq=tail_seq,
        depth=tail_seq - head_seq,
        high_water=_word(data, RING_STATS_OFFSET),
        refusals=_word(data, RING_STATS_OFFSET + 8),
        behind=_word(data, RING_BEHIND_OFFSET) != 0,
        caught_up_seq=_word(head, RING_CAUGHT_UP_OFFSET),
        producer_pid=int(data.header["owner_pid"]),
        consumer_pid=int(head.header["owner_pid"]),
    )


def ring_words(data: Segment) -> np.ndarray:
    """A copy of every slot's ring_seq."""
    records = data.view(RING_SLOTS_OFFSET, np.dtype((np.void, data.record_bytes)), data.capacity)
    return np.ndarray((data.capacity,), WORD, records, 0, (data.record_bytes,)).copy()


def published_run(words: np.ndarray, head_seq: int) -> int:
    """How many records are published without a hole from `head_seq` on.

    Not simply the greatest word: a producer that died inside a multi-part publication leaves marks behind its hole.
    """
    sequences = np.arange(head_seq, head_seq + len(words), dtype=np.int64)
    # the producer may have gone on and the consumer with it while the words were copied: newer is published, too
    published = words[sequences & (len(words) - 1)] >= sequences + 1
    return len(words) if published.all() else int(np.argmin(published))


def ring_records(data: Segment, head: Segment, dtype: np.dtype) -> np.ndarray:
    """A copy of the records that wait in the ring, oldest first. May be torn at the end while the ring runs."""
    status = ring_status(data, head)
    slots = data.view(RING_SLOTS_OFFSET, dtype, data.capacity)
    return slots[np.arange(status.head_seq, status.tail_seq, dtype=np.int64) & (data.capacity - 1)].copy()


# --- latest -----------------------------------------------------------------------------------------------------------


def latest_row(table: Segment, dtype: np.dtype, row: int) -> tuple[int, np.void]:
    """(version, copy of the newest value) of one row; version 0 never written, -1 changed under every try."""
    stride = latest_stride(dtype.itemsize)
    base = LATEST_ROWS_OFFSET + row * stride
    if not 0 <= row < table.capacity:
        raise IndexError(f"latest_row: expected a row of 0..{table.capacity - 1}, found {row}")
    for _ in range(READ_TRIES_MAX):
        version = _word(table, base)
        at = base + LATEST_VERSION_BYTES + (version & 1) * dtype.itemsize
        value = table.view(at, dtype).copy()
        if version == 0 or _word(table, base) == version:
            return version, value[0] if version else np.zeros(1, dtype)[0]
    return -1, value[0]


def latest_rows(table: Segment, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """(versions, values) of all rows; versions as in `latest_row`. Each row is consistent, the table is not.

    All rows are copied at once; those that changed meanwhile are read again one by one.
    """
    count, stride = table.capacity, latest_stride(dtype.itemsize)
    words = np.ndarray((count,), WORD, table.view(LATEST_ROWS_OFFSET, np.uint8, count * stride), 0, (stride,))
    copies = [
        np.ndarray((count,), dtype, words.base, LATEST_VERSION_BYTES + k * dtype.itemsize, (stride,)) for k in (0, 1)
    ]
    versions = words.copy()
    values = np.zeros(count, dtype)
    for k in (0, 1):
        newest = np.flatnonzero((versions & 1 == k) & (versions > 0))
        values[newest] = copies[k][newest]
    for row in np.flatnonzero(words.copy() != versions):
        versions[row], values[row] = latest_row(table, dtype, int(row))
    return versions, values


# --- instances --------------------------------------------------------------------------------------------------------


def instance_page(instance: Segment) -> dict[str, int]:
    """The INSTANCE page by field name, reserved words left out."""
    row = instance.view(INSTANCE_OFFSET, INSTANCE)[0]
    return {field: int(row[field]) for field in INSTANCE.names if not field.endswith("reserved")}


def counters(instance: Segment) -> dict[str, int]:
    """{label: value} of every counter in shm/counters.py that is not zero."""
    words = instance.view(COUNTERS_OFFSET, WORD, COUNTERS_MAX).copy()
    return {counter.label: int(words[counter.id]) for counter in COUNTERS if words[counter.id]}


def counter_words(instance: Segment) -> np.ndarray:
    """int64[COUNTERS_MAX]: every counter word, for blocks of counters that have one label each by code."""
    return instance.view(COUNTERS_OFFSET, WORD, COUNTERS_MAX).copy()


class ErrorSeen(NamedTuple):
    """One distinct error of an instance; times are latency stamps."""

    code: int
    count: int
    first_ns: int
    last_ns: int
    detail_a: int
    detail_b: int


def errors(instance: Segment) -> list[ErrorSeen]:
    """Distinct errors, hot thread's first, then the control thread's."""
    rows = instance.view(ERRORS_OFFSET, ERROR_ROW, ERRORS_MAX).copy()
    return [ErrorSeen(*(int(row[field]) for field in ErrorSeen._fields)) for row in rows if row["code"]]


# --- histograms -------------------------------------------------------------------------------------------------------


class HistogramSeen(NamedTuple):
    """One latency histogram. Percentiles are the highest value of their bucket (1.6 %), `max` is exact."""

    label: str
    count: int
    min: int
    p50: int
    p99: int
    p99_9: int
    max: int
    sum: int
    counts: np.ndarray


def histograms(instance: Segment) -> list[HistogramSeen]:
    """Every histogram of the instance that has a label or a value."""
    seen = []
    for index in range(HISTOGRAMS_MAX):
        offset = HISTOGRAMS_OFFSET + index * HISTOGRAM_BYTES
        head = instance.view(offset, HISTOGRAM).copy()[0]
        if not head["count"] and not head["label"]:
            continue
        counts = instance.view(offset + HISTOGRAM.itemsize, WORD, HISTOGRAM_BUCKETS).copy()
        label = head["label"].decode(errors="replace") or f"histogram {index}"
        seen.append(histogram_of(label, counts, int(head["min_ns"]), int(head["max_ns"]), int(head["sum_ns"])))
    return seen


def histogram_of(label: str, counts: np.ndarray, least: int, greatest: int, total: int) -> HistogramSeen:
    """Percentiles of bucket counts with the exact extremes kept beside them."""
    p50, p99, p99_9 = (min(percentile(counts, q), greatest) for q in (0.5, 0.99, 0.999))
    return HistogramSeen(label, int(counts.sum()), least, p50, p99, p99_9, greatest, total, counts)


def bucket_bounds(bucket: int) -> tuple[int, int]:
    """(lowest, highest) value that falls into `bucket`; the last bucket also takes everything above."""
    shift = max(0, (bucket >> HISTOGRAM_SUB_BITS) - 1)
    lowest = (bucket - (shift << HISTOGRAM_SUB_BITS)) << shift
    return lowest, lowest + (1 << shift) - 1


def percentile(counts: np.ndarray, q: float) -> int:
    """Highest value of the bucket that holds the value of rank ceil(q * count), 0 <= q <= 1; 0 without values."""
    total = int(counts.sum())
    if total == 0:
        return 0
    rank = max(1, math.ceil(q * total - 1e-9))
    return bucket_bounds(int(np.searchsorted(np.cumsum(counts), rank)))[1]


def hgrm(seen: HistogramSeen, scale: int = 1) -> str:
    """The histogram as text in HdrHistogram's percentile format, for its plotters.

    `scale`: counted values in one printed unit, HdrHistogram's "output value unit scaling ratio".
    """
    digits = 0 if scale == 1 else 3
    lines = [f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}", ""]
    done = 0
    for bucket in np.flatnonzero(seen.counts):
        done += int(seen.counts[bucket])
        share = done / seen.count
        value = min(bucket_bounds(int(bucket))[1], seen.max)
        odds = f"{1 / (1 - share):14.2f}" if done < seen.count else f"{'inf':>14}"
        lines.append(f"{value / scale:12.{digits}f} {share:14.12f} {done:10d} {odds}")
    mean = seen.sum / seen.count if seen.count else 0.0
    lows = np.array([sum(bucket_bounds(bucket)) / 2 for bucket in range(len(seen.counts))])
    deviation = math.sqrt(float((seen.counts * (lows - mean) ** 2).sum()) / seen.count) if seen.count else 0.0
    lines.append(f"#[Mean    = {mean / scale:12.3f}, StdDeviation   = {deviation / scale:12.3f}]")
    lines.append(f"#[Max     = {seen.max / scale:12.{digits}f}, Total count    = {seen.count:12d}]")
    lines.append(f"#[Buckets = {len(seen.counts) >> HISTOGRAM_SUB_BITS:12d}, SubBuckets     = {1 << 6:12d}]")
    return "\n".join(lines) + "\n"


def write_hgrm(seen: HistogramSeen, path: Path, scale: int = 1) -> None:
    """Write `hgrm(seen, scale)` to `path`."""
    path.write_text(hgrm(seen, scale), encoding="ascii")


# --- a whole fabric ---------------------------------------------------------------------------------------------------


class FabricView:
    """Everything of one living or dead fabric, found by its roster, mapped read-only on first use. Close it."""

    def __init__(self, name: str):
        self.roster: Roster = read_roster(name)
        self.name, self.epoch = name, self.roster.epoch
        self._segments: dict[str, Segment] = {}

    def objects(self) -> list[str]:
        """Names of all objects of this epoch."""
        return [made for epoch, made in list_objects(self.name) if epoch == self.epoch]

    def segment(self, object_name: str, kind: int, dtype: np.dtype | None = None) -> Segment:
        """One object, read-only."""
        if object_name not in self._segments:
            self._segments[object_name] = attach_segment(self.name, self.epoch, object_name, kind, dtype)
        return self._segments[object_name]

    def instances(self) -> dict[str, Segment]:
        """{instance: its object}."""
        names = [made.removeprefix("instance.") for made in self.objects() if made.startswith("instance.")]
        return {made: self.segment(f"instance.{made}", SEGMENT_KIND_INSTANCE, INSTANCE) for made in names}

    def rings(self) -> dict[str, RingStatus]:
        """{ring: its status}."""
        names = [made.removesuffix(".data") for made in self.objects() if made.endswith(".data")]
        return {ring: self.ring(ring) for ring in names}

    def ring(self, ring: str) -> RingStatus:
        """Status of one ring."""
        data = self.segment(f"{ring}.data", SEGMENT_KIND_RING_DATA)
        return ring_status(data, self.segment(f"{ring}.head", SEGMENT_KIND_RING_HEAD))

    def table(self, table: str, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        """(versions, values) of a latest table."""
        return latest_rows(self.segment(table, SEGMENT_KIND_LATEST, dtype), dtype)

    def close(self) -> None:
        for segment in self._segments.values():
            segment.close()
        self._segments.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _word(segment: Segment, offset: int) -> int:
    return int(segment.view(offset, WORD)[0])

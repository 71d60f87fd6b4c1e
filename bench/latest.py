"""What does it cost to read and to write a row of a latest table that nobody else touches at that moment?

```
private copy ◄── latest_read ── row (version | copy 0 | copy 1) ◄── latest_claim, fill, latest_publish ── private words
private copy ◄── memcpy ─────── 64 plain bytes                  ◄── memcpy ─────────────────────────── private words
```

A table of 64 rows of TOP (64 bytes), one process. Every read's words and version are summed, every write fills all
eight words; at the end sums, versions and contents are compared with what must be there. The reference moves the same
bytes with memcpy, in rounds that alternate with it, and sums them too. Operations of a few nanoseconds are timed in
batches of 32: the percentiles are of batch means. It does not show a row in another core's cache (ring_hop shows what
that costs), nor a reader beside a writer of the same row.
"""

import numpy as np

from bench.pair import pinned, this_core
from bench.result import Result
from bench.timing import BATCH, ns_per_cycle, to_picoseconds
from shm.atomics import copy_bytes, cycles, record_at
from shm.jit import hot
from shm.latest import latest_claim, latest_publish, latest_read
from shm.records.top import TOP
from shm.scratch import scratch_bytes, scratch_table

QUESTION = "What does an uncontended read and a write of a 64-byte row of a latest table cost?"
ROWS = 64
BYTES = TOP.itemsize
LINE = np.dtype([("words", "<i8", (BYTES // 8,))])
ROUNDS = 10
NS_MAX = 30


@hot
def fill_line(address, value):
    """Eight words of one row."""
    line = record_at(address, LINE)
    for k in range(8):
        line["words"][k] = value + k


@hot
def sum_line(address):
    """Their sum."""
    line = record_at(address, LINE)
    total = 0
    for k in range(8):
        total += line["words"][k]
    return total


@hot
def time_reads(table, target, first, spans):
    """Spans of BATCH reads each, in cycles. Returns the sum of all versions and words read."""
    total = 0
    operation = first
    for batch in range(spans.shape[0]):
        begun = cycles()
        for _ in range(BATCH):
            total += latest_read(table, operation & (ROWS - 1), target)
            total += sum_line(target)
            operation += 1
        spans[batch] = cycles() - begun
    return total


@hot
def time_copies_out(source, target, size, spans):
    """As `time_reads`, by memcpy from plain rows of `size` bytes."""
    total = 0
    operation = 0
    for batch in range(spans.shape[0]):
        begun = cycles()
        for _ in range(BATCH):
            copy_bytes(target, source + (operation & (ROWS - 1)) * size, size)
            total += sum_line(target)
            operation += 1
        spans[batch] = cycles() - begun
    return total


@hot
def time_writes(table, first, spans):
    """Spans of BATCH writes each, in cycles: operation k writes k.. into row k mod ROWS."""
    operation = first
    for batch in range(spans.shape[0]):
        begun = cycles()
        for _ in range(BATCH):
            row = operation & (ROWS - 1)
            fill_line(latest_claim(table, row), operation)
            latest_publish(table, row)
            operation += 1
        spans[batch] = cycles() - begun
    return operation


@hot
def time_copies_in(source, target, size, spans):
    """As `time_writes`, the words made in private memory and moved by memcpy into plain rows."""
    operation = 0
    for batch in range(spans.shape[0]):
        begun = cycles()
        for _ in range(BATCH):
            fill_line(source, operation)
            copy_bytes(target + (operation & (ROWS - 1)) * size, source, size)
            operation += 1
        spans[batch] = cycles() - begun
    return operation


def check_rows(table, target: int, written: int) -> None:
    """Every row holds its newest version and words."""
    words = np.zeros(ROWS, np.int64)
    versions = np.zeros(ROWS, np.int64)
    read_all(table, target, versions, words)
    last = np.array([max(range(row, written, ROWS), default=-1) for row in range(ROWS)])
    if (words != 8 * last + 28).any() or (versions != (last - np.arange(ROWS)) // ROWS + 1).any():
        raise RuntimeError("latest: a row does not hold what was written last")


@hot
def read_all(table, target, versions, words):
    """Version and sum of words of every row."""
    for row in range(ROWS):
        versions[row] = latest_read(table, row, target)
        words[row] = sum_line(target)


@pinned()
def run(smoke: bool) -> list[Result]:
    """Rounds of writes, their reference, reads, their reference; all results are verified."""
    rounds, batches = (2, 200) if smoke else (ROUNDS, 20_000)
    table, plain, target, source = scratch_table(TOP, ROWS)[0], *(scratch_bytes(ROWS * BYTES) for _ in range(3))
    written = 0
    kept = {name: [] for name in ("write", "write_reference", "read", "read_reference")}
    for warm in (True,) + (False,) * rounds:
        spans = {name: np.zeros(2 * ROWS // BATCH if warm else batches, np.int64) for name in kept}
        count = len(spans["write"]) * BATCH
        written = time_writes(table, written, spans["write"])
        time_copies_in(source, plain, BYTES, spans["write_reference"])
        check_rows(table, target, written)
        reads = time_reads(table, target, 0, spans["read"])
        copies = time_copies_out(plain, target, BYTES, spans["read_reference"])
        check_sums(written, count, reads, copies)
        for name, part in kept.items():
            part += [] if warm else [spans[name]]
    cycle_ns = ns_per_cycle()
    picoseconds = {name: to_picoseconds(np.concatenate(part), BATCH, cycle_ns) for name, part in kept.items()}
    return [
        Result(
            name=f"latest_{verb}",
            question=QUESTION,
            unit="ns",
            samples=picoseconds[verb],
            value=None,
            reference=float(np.median(picoseconds[f"{verb}_reference"])) / 1000,
            reference_is="memcpy of the same 64 bytes, words summed or made alike, alternating rounds",
            goal=f"p50 at most {NS_MAX} ns",
            limit_p50=NS_MAX,
            notes=(
                f"core {this_core()}; means of batches of {BATCH}; {rounds} rounds of {batches * BATCH:,}; {ROWS} rows;"
                " one process, nobody else at the row",
            ),
            scale=1000,
        )
        for verb in ("read", "write")
    ]


def check_sums(written: int, count: int, reads: int, copies: int) -> None:
    """Compare the sums of `count` reads with what `written` writes must have left; rows were read in turn."""
    row = np.arange(count, dtype=np.int64) % ROWS
    last = written - ROWS + (row - written) % ROWS
    versions = (last - row) // ROWS + 1
    if reads != int((8 * last + 28 + versions).sum()):
        raise RuntimeError("latest: the words read are not the words written")
    if copies != int((8 * (count - ROWS + row) + 28).sum()):
        raise RuntimeError("latest: the reference read other words than it wrote")

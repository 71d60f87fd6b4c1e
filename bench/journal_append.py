"""What does it cost the hot thread to journal 128 bytes, while another thread takes them to the disk?

```
hot thread, core A:   journal_claim, fill 128 bytes, journal_commit (CRC32C) ──► hot memory: 16,384 entries
copier, core B:       hot memory ──► pwrite, fdatasync ──► files; publishes the watermark behind which slots are free
```

Appends come one at a time at 200,000 a second, more than a busy gate decides, so that the copier keeps up and every
slot is used several times over; each append is timed by itself, from before the claim to after the commit. An append
that finds no free slot behind the watermark (the disk is slower than that) waits outside the timed span and is counted.
Afterwards the journal is read back from its files: sequence, CRC chain and all sixteen words of each entry. The
reference, in rounds that alternate, is CRC32C over the same bytes and a memcpy of them into memory of the same size.

One pair of readings of the cycle counter costs a third of what is measured here: the median span of an empty pair,
measured in the same run, is taken off every span of both sides and printed. It does not show what a power loss takes
(the watermark's lag does), nor an append right after the caches were filled with something else.
"""

import os
import tempfile
import threading
from pathlib import Path

import numpy as np

from bench.pair import pinned, this_core, two_cores
from bench.result import Result
from bench.timing import empty_pair, ns_per_cycle, to_picoseconds
from shm.atomics import address_of, copy_bytes, crc32c_word, cycles, load_relaxed, store_relaxed
from shm.codes import JOURNAL_DECISION
from shm.ends import journal_end_at
from shm.jit import hot
from shm.journal import ALL_ONES, journal_claim, journal_commit, journal_open
from shm.journal_disk import JournalCopier, JournalDisk
from shm.journal_reader import JournalReader
from shm.journal_view import JournalView
from shm.records.journal_end import journal_bytes, journal_entry_bytes
from shm.scratch import scratch_block

QUESTION = "What does appending 128 bytes with a CRC to a journal cost while a copier takes them to the disk?"
PAYLOAD = 128
WORDS = PAYLOAD // 8
ENTRY = journal_entry_bytes(PAYLOAD)
CAPACITY = 16_384
PERIOD_NS = 5_000
ROUNDS = 8
P50_NS_MAX, P99_NS_MAX = 30, 100


@hot
def word_of(sequence, k):
    """Word k of entry `sequence`."""
    return sequence * 1_000_003 + k


@hot
def time_appends(journal, period_cycles, spans):
    """One append each period, its span in cycles. Returns how many had to wait for a free slot."""
    waited = 0
    due = cycles()
    for row in range(spans.shape[0]):
        while cycles() < due:
            pass
        due = max(due + period_cycles, cycles())
        sequence = journal["next_seq"]
        begun = cycles()
        address = journal_claim(journal)
        if address == 0:
            waited += 1
            while address == 0:
                begun = cycles()
                address = journal_claim(journal)
        for k in range(WORDS):
            store_relaxed(address + 8 * k, word_of(sequence, k))
        journal_commit(journal, JOURNAL_DECISION, PAYLOAD, begun, begun)
        spans[row] = cycles() - begun
    return waited


@hot
def time_crc_and_copy(target, source, size, period_cycles, spans):
    """As `time_appends`: the payload made at `source`, its CRC, and a memcpy to the next of CAPACITY places."""
    crc = 0
    due = cycles()
    for row in range(spans.shape[0]):
        while cycles() < due:
            pass
        due = max(due + period_cycles, cycles())
        begun = cycles()
        for k in range(WORDS):
            store_relaxed(source + 8 * k, word_of(row, k))
        crc = ALL_ONES
        for address in range(source, source + size, 8):
            crc = crc32c_word(crc, load_relaxed(address))
        place = target + (row & (CAPACITY - 1)) * ENTRY
        copy_bytes(place, source, size)
        store_relaxed(place + size, crc)
        spans[row] = cycles() - begun
    return crc


class Copier(threading.Thread):
    """The control thread's part: copies what is there until told to stop; keeps the error that ended it."""

    def __init__(self, copier: JournalCopier, core: int):
        super().__init__(daemon=True)
        self.copier, self.core = copier, core
        self.stopping = threading.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        os.sched_setaffinity(0, {self.core})
        try:
            while not self.stopping.is_set():
                if self.copier.copy_some() == 0:
                    self.stopping.wait(0.0005)
        except Exception as error:
            self.error = error

    def finish(self) -> None:
        """Stop, copy the rest, release the files."""
        self.stopping.set()
        self.join()
        self.copier.close()
        if self.error:
            raise self.error


def check_files(folder: Path, count: int) -> None:
    """Every entry is on disk once, in order, with the words that were appended; the reader verifies the CRC chain."""
    wanted = np.arange(count, dtype=np.int64)
    seen = 0
    for head, payload in JournalReader(folder, None).entries(0):
        words = np.frombuffer(payload, np.int64)
        if head["journal_seq"] != seen + 1 or (words != wanted[seen] * 1_000_003 + np.arange(WORDS)).any():
            raise RuntimeError(f"journal_append: entry {seen} on disk is not what was appended")
        seen += 1
    if seen != count:
        raise RuntimeError(f"journal_append: {count} entries were appended, {seen} are on disk")


def run(smoke: bool) -> list[Result]:
    """Rounds of appends and of the reference, beside a copier on another core."""
    copier_core = two_cores()[0]
    with pinned():
        return [measure(smoke, copier_core)]


def measure(smoke: bool, copier_core: int) -> Result:
    """The one result."""
    rounds, count = (2, 2_000) if smoke else (ROUNDS, 40_000)
    cycle_ns = ns_per_cycle()
    period = round(PERIOD_NS / cycle_ns)
    appended, copied = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    memory = scratch_block(journal_bytes(PAYLOAD, CAPACITY))
    plain, source = scratch_block(CAPACITY * ENTRY + 64), scratch_block(PAYLOAD)
    with tempfile.TemporaryDirectory(prefix="quintet-bench-") as temporary:
        folder = Path(temporary) / "journal"
        disk = JournalDisk(folder, ENTRY)
        disk.recover()
        journal = journal_end_at(address_of(memory), PAYLOAD, CAPACITY)[0]
        journal_open(journal, 0, 0, epoch=1)
        copier = Copier(JournalCopier(JournalView(memory, ENTRY, CAPACITY), disk), copier_core)
        copier.start()
        warm = 64
        time_appends(journal, period, np.zeros(warm, np.int64))
        time_crc_and_copy(address_of(plain), address_of(source), PAYLOAD, period, np.zeros(warm, np.int64))
        waited = 0
        for _ in range(rounds):
            appended.append(np.zeros(count, np.int64))
            waited += time_appends(journal, period, appended[-1])
            copied.append(np.zeros(count, np.int64))
            time_crc_and_copy(address_of(plain), address_of(source), PAYLOAD, period, copied[-1])
        copier.finish()
        check_files(folder, warm + rounds * count)
    pair = empty_pair()
    spans, reference = (
        to_picoseconds(np.maximum(np.concatenate(part) - pair, 0), 1, cycle_ns) for part in (appended, copied)
    )
    return Result(
        name="journal_append",
        question=QUESTION,
        unit="ns",
        samples=spans,
        value=None,
        reference=float(np.median(reference)) / 1000,
        reference_is="CRC32C and memcpy of the same 128 bytes, same pace, alternating rounds",
        goal=f"p50 at most {P50_NS_MAX} ns, p99 at most {P99_NS_MAX} ns",
        limit_p50=P50_NS_MAX,
        limit_p99=P99_NS_MAX,
        notes=(
            f"core {this_core()}, copier on core {copier_core}; {rounds} rounds of {count:,};"
            f" one every {PERIOD_NS / 1000:g} us; {CAPACITY:,} slots",
            f"an empty pair of readings of the counter, taken off: {pair * cycle_ns:.1f} ns;"
            f" reference p99 {float(np.percentile(reference, 99)) / 1000:.1f} ns",
            f"{waited} appends of {rounds * count:,} waited for the disk, outside their spans",
        ),
        scale=1000,
    )

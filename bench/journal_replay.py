"""How many journal records a second does a reader take from its files, each verified and the chain with it?

```
files in the page cache ──pread──► chunks of 4,096 records ──► sequence, CRC32C of each record, chain to the one before
reference:                ──pread──► CRC32C over the used bytes of the same records, one record after the other
```

The journal is order_sender's: payloads of 128 to 320 bytes, several files, written by the real hot end and its copier.
Both sides read every record of it, in rounds that alternate; the figure is the median round. Afterwards the last word
of every record is compared with what was appended. It is the share of a restart that is the journal's: what a role does
with a record comes on top. It does not show a disk whose pages are not in memory.
"""

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.pair import pinned, this_core
from bench.result import Result
from shm.atomics import address_of, crc32c_word, load_relaxed, record_at, store_relaxed
from shm.codes import JOURNAL_REPORT
from shm.ends import journal_end_at
from shm.jit import hot
from shm.journal import ALL_ONES, journal_claim, journal_commit, journal_open
from shm.journal_disk import JournalCopier, JournalDisk, list_files, read_entries, read_header
from shm.journal_reader import CHUNK_ENTRIES, JournalReader
from shm.journal_view import JournalView
from shm.records.journal_end import JOURNAL_HEAD_BYTES, journal_bytes, journal_entry_bytes
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.scratch import scratch_block

QUESTION = "How many journal records a second does a reader read and verify, chain and all?"
PAYLOAD_MIN, PAYLOAD_MAX = 128, 320
SIZES = (PAYLOAD_MAX - PAYLOAD_MIN) // 8 + 1
CAPACITY = 16_384
ROUNDS = 7
RECORDS_PER_S_MIN = 2_000_000


@hot
def size_of(sequence):
    """Payload bytes of a record: every multiple of 8 from PAYLOAD_MIN to PAYLOAD_MAX."""
    return PAYLOAD_MIN + sequence * 7 % SIZES * 8


@hot
def append_some(journal, count):
    """Append up to `count` records, fewer when the memory is full. Returns how many."""
    for done in range(count):
        address = journal_claim(journal)
        if address == 0:
            return done
        sequence = journal["next_seq"]
        size = size_of(sequence)
        for at in range(0, size, 8):
            store_relaxed(address + at, sequence * 1_000_003 + at)
        journal_commit(journal, JOURNAL_REPORT, size, sequence, sequence)
    return count


@hot
def crc_of_records(entries_addr, count, entry_bytes):
    """CRC32C of head and payload of each record; returns the exclusive or of all, so that none is left out."""
    total = 0
    for row in range(count):
        address = entries_addr + row * entry_bytes
        size = np.int64(record_at(address, JOURNAL_ENTRY)["payload_bytes"])
        crc = ALL_ONES
        for at in range(address, address + JOURNAL_HEAD_BYTES + size, 8):
            crc = crc32c_word(crc, load_relaxed(at))
        total ^= crc
    return total


@hot
def wrong_words(entries_addr, count, entry_bytes, first_seq):
    """Records whose last payload word is not the one that was appended."""
    wrong = 0
    for row in range(count):
        last = size_of(first_seq + row) - 8
        word = load_relaxed(entries_addr + row * entry_bytes + JOURNAL_HEAD_BYTES + last)
        if word != (first_seq + row) * 1_000_003 + last:
            wrong += 1
    return wrong


def write_journal(folder: Path, records: int) -> None:
    """A journal of that many records, by the hot end and its copier."""
    entry_bytes = journal_entry_bytes(PAYLOAD_MAX)
    memory = scratch_block(journal_bytes(PAYLOAD_MAX, CAPACITY))
    disk = JournalDisk(folder, entry_bytes)
    disk.recover()
    journal = journal_end_at(address_of(memory), PAYLOAD_MAX, CAPACITY)
    journal_open(journal[0], 0, 0, epoch=1)
    copier = JournalCopier(JournalView(memory, entry_bytes, CAPACITY), disk)
    while journal[0]["next_seq"] < records:
        append_some(journal[0], min(CAPACITY, records - int(journal[0]["next_seq"])))
        copier.copy_some()
    copier.close()


def replay(folder: Path) -> tuple[int, float]:
    """(records read, seconds) of a reader without memory."""
    reader, seen = JournalReader(folder), 0
    begun = time.perf_counter()
    for chunk in reader.chunks():
        seen += len(chunk)
    seconds = time.perf_counter() - begun
    reader.close()
    return seen, seconds


def raw(folder: Path, records: int) -> float:
    """Seconds for reading the same records and taking their crc, nothing compared."""
    begun = time.perf_counter()
    for first, path in list_files(folder):
        handle = os.open(path, os.O_RDONLY)
        header = read_header(path, handle)
        count = min(int(header["entries"]), records - first)
        for index in range(0, count, CHUNK_ENTRIES):
            entries = read_entries(handle, header, index, min(CHUNK_ENTRIES, count - index))
            crc_of_records(address_of(entries), len(entries), entries.dtype.itemsize)
        os.close(handle)
    return time.perf_counter() - begun


def check(folder: Path, records: int) -> None:
    """Every record is what was appended."""
    seen = 0
    for chunk in JournalReader(folder).chunks():
        if wrong_words(address_of(chunk), len(chunk), chunk.dtype.itemsize, seen):
            raise RuntimeError(f"journal_replay: records from {seen} on are not what was appended")
        seen += len(chunk)
    if seen != records:
        raise RuntimeError(f"journal_replay: {records} records were appended, {seen} were read")


def run(smoke: bool) -> list[Result]:
    """Write once; alternate replays and raw readings."""
    rounds, records = (2, 20_000) if smoke else (ROUNDS, 400_000)
    with pinned(), tempfile.TemporaryDirectory(prefix="quintet-bench-") as temporary:
        folder = Path(temporary) / "journal"
        write_journal(folder, records)
        check(folder, records)
        raw(folder, records)
        replayed, plain = [], []
        for _ in range(rounds):
            replayed.append(records / replay(folder)[1])
            plain.append(records / raw(folder, records))
        files = len(list_files(folder))
    return [
        Result(
            name="journal_replay",
            question=QUESTION,
            unit="records/s",
            samples=None,
            value=float(np.median(replayed)),
            reference=float(np.median(plain)),
            reference_is="reading the same records and taking the CRC32C of each, alternating rounds",
            goal=f"at least {RECORDS_PER_S_MIN:,} records/s",
            value_min=RECORDS_PER_S_MIN,
            notes=(
                f"core {this_core()}; {rounds} rounds of {records:,} records in {files} files;"
                f" payloads of {PAYLOAD_MIN} to {PAYLOAD_MAX} bytes",
                f"slowest round {min(replayed):,.0f} records/s, fastest {max(replayed):,.0f}",
            ),
        )
    ]

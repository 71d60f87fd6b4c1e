"""Journal: append-only, durable, one writer, any readers at their own pace. This file is its hot end.

```
+-------+-----------------------------------------------------------------------------------+
|    0  | segment header (records/segment_header)                                           |
|  512  | watermark_seq, failed                                               COPIER's line |
|  576  | started, first_seq, first_prev_crc     set once an epoch            WRITER's line |
| 1024  | slot[capacity]: head (records/journal_entry) + payload              WRITER        |
+-------+-----------------------------------------------------------------------------------+
private to the writer's end: next_seq (the tail), watermark_cached (<= watermark_seq), prev_crc
invariant: slot[s & mask].journal_seq == s + 1  <=>  entry s is complete and not yet overwritten
invariant: first_seq <= watermark_seq <= tail;  tail - watermark_seq <= capacity
```

The hot thread appends to this memory and never waits for a disk. A background thread copies whole entries to files,
syncs them, and only then publishes the watermark (shm/journal_disk.py); a slot is used again only behind it. What a
process appended survives its death here; a power loss loses at most [watermark, tail).

Writer: `addr = journal_claim(end)`, fill the payload, `journal_commit(end, kind, payload_bytes, stamp, now_ns)`.
An entry's crc covers its head and payload and the crc of the entry before, so nothing can be lost in between unseen.
"""

import numpy as np

from shm.atomics import crc32c_word, fence_release, load_acquire, load_relaxed, record_at, store_relaxed, store_release
from shm.codes import (  # noqa: F401  for writers: one import
    JOURNAL_CANCEL_SENT,
    JOURNAL_CONTROL,
    JOURNAL_DECISION,
    JOURNAL_FILL,
    JOURNAL_LIMITS,
    JOURNAL_ORDER_SENT,
    JOURNAL_REPORT,
    JOURNAL_SESSION,
    JOURNAL_SNAPSHOT,
)
from shm.errors import JournalCorrupt
from shm.failpoint import failpoint
from shm.failpoints import FP_ENTRY_CLAIMED, FP_ENTRY_COMMITTED, FP_ENTRY_FILLED
from shm.jit import JIT_OFF, hot
from shm.journal_view import judge_with
from shm.records.journal_end import JOURNAL_HEAD_BYTES
from shm.records.journal_entry import JOURNAL_ENTRY

ALL_ONES = 0xFFFFFFFF
MASK = np.dtype([("valid", "u1")])
RESUME_CHAIN_BROKEN = -1
RESUME_ENTRY_BEHIND_TAIL = -2
RESUME_WATERMARK_AHEAD = -3
RESUME_TEXTS = {
    RESUME_CHAIN_BROKEN: "an entry in memory whose crc does not hold",
    RESUME_ENTRY_BEHIND_TAIL: "a complete entry behind the tail",
    RESUME_WATERMARK_AHEAD: "a watermark beyond the tail",
}


@hot
def _entry_crc(address, head, journal_seq):
    """CRC32C of an entry: sequence word, stamps, kind and size, epoch, whole payload words, and last prev_crc.

    prev_crc comes last so that one append does not wait for the crc of the append before. Twin: `entry_crcs` in
    shm/journal_disk.py.
    """
    crc = crc32c_word(ALL_ONES, journal_seq)
    crc = crc32c_word(crc, head["stamp_ns"])
    crc = crc32c_word(crc, head["now_ns"])
    crc = crc32c_word(crc, load_relaxed(address + 40))  # kind and payload_bytes
    crc = crc32c_word(crc, head["epoch"])
    address += JOURNAL_HEAD_BYTES
    for word_addr in range(address, address + np.int64(head["payload_bytes"]), 8):
        crc = crc32c_word(crc, load_relaxed(word_addr))
    return crc32c_word(crc, head["prev_crc"]) ^ ALL_ONES


@hot
def journal_claim(journal):
    """Address of the next entry's payload (`payload_bytes_max` bytes), or 0 when no slot is free behind the watermark.

    Never blocks. Fill the payload, then `journal_commit`; claiming again without a commit returns the same address.
    Bytes up to the next multiple of 8 go into the crc as they are. A refusal is counted. Caller: the one writer.
    Ordering: the acquire of watermark_seq pairs with the copier's store of it; the slot's sequence word is cleared
        before it is filled again, so a reader that looks twice never takes half of the old entry and half of the new.
    Cost: reads the copier's line only when the cached watermark says full.
    """
    sequence = journal["next_seq"]
    if sequence - journal["watermark_cached"] >= journal["capacity"]:
        journal["watermark_cached"] = load_acquire(journal["watermark_addr"])
        if sequence - journal["watermark_cached"] >= journal["capacity"]:
            journal["refusals"] += 1
            return 0
    address = journal["entries_addr"] + (sequence & journal["mask"]) * journal["entry_bytes"]
    store_relaxed(address, 0)
    fence_release()
    failpoint(FP_ENTRY_CLAIMED)
    return address + JOURNAL_HEAD_BYTES


@hot
def journal_commit(journal, kind, payload_bytes, stamp_ns, now_ns):
    """Make the claimed entry complete. Returns its sequence (from 0), or -1 for a bad `payload_bytes`.

    When it returns, the entry survives the death of this process. Caller: the one writer, after `journal_claim`.
    Ordering: head and payload are written before the slot's journal_seq is stored with release; pairs with the
        copier's and the readers' look at that word.
    """
    if payload_bytes < 0 or payload_bytes > journal["payload_bytes_max"]:
        return -1
    sequence = journal["next_seq"]
    address = journal["entries_addr"] + (sequence & journal["mask"]) * journal["entry_bytes"]
    head = record_at(address, JOURNAL_ENTRY)
    head["stamp_ns"] = stamp_ns
    head["now_ns"] = now_ns
    head["prev_crc"] = journal["prev_crc"]
    head["kind"] = kind
    head["payload_bytes"] = payload_bytes
    head["epoch"] = journal["epoch"]
    head["reserved"] = 0
    crc = _entry_crc(address, head, sequence + 1)
    head["crc"] = crc
    failpoint(FP_ENTRY_FILLED)
    store_release(address, sequence + 1)
    failpoint(FP_ENTRY_COMMITTED)
    journal["prev_crc"] = crc
    journal["next_seq"] = sequence + 1
    return sequence


@hot
def journal_lag(journal):
    """Entries that a power loss would take: appended, not yet on disk. Over its limit: no new orders.

    Caller: the writer. Ordering: acquire; pairs with the copier's store of the watermark.
    """
    journal["watermark_cached"] = load_acquire(journal["watermark_addr"])
    return journal["next_seq"] - journal["watermark_cached"]


@hot
def journal_is_behind(journal, entries):
    """1 when more than `entries` (below the capacity) of what was appended are not on disk, as another process sees it.

    Needs no open end: only where the memory is. Caller: anyone, as often as it likes. Ordering: acquires of the
    watermark and of one slot's word; when both move between the two, this look says 0 and the next one tells.
    """
    sequence = load_acquire(journal["watermark_addr"]) + entries
    address = journal["entries_addr"] + (sequence & journal["mask"]) * journal["entry_bytes"]
    return 1 if load_acquire(address) == sequence + 1 else 0


@hot
def journal_failed(journal):
    """Error number of the write or sync that failed for good; 0 while the copier is well. Not 0: halt."""
    return load_acquire(journal["watermark_addr"] + 8)


@hot
def journal_resume(journal):
    """Find the tail that a dead writer left, verify the chain in memory, and go on there. Returns the tail or RESUME_*.

    A half-filled slot at the tail is simply claimed again. On an error the end is left as it was. Caller: the writer,
    at open. Cost: reads all of the memory once, about 20 ns an entry.
    """
    first = load_acquire(journal["start_addr"] + 8)
    watermark = load_acquire(journal["watermark_addr"])
    tail = watermark
    while tail - watermark < journal["capacity"]:
        if load_acquire(journal["entries_addr"] + (tail & journal["mask"]) * journal["entry_bytes"]) != tail + 1:
            break
        tail += 1
    for slot in range(journal["capacity"]):
        held = load_acquire(journal["entries_addr"] + slot * journal["entry_bytes"]) - 1
        if held >= tail:
            return RESUME_ENTRY_BEHIND_TAIL
    oldest = max(first, tail - journal["capacity"] + 1)  # the slot before may have been claimed by entry `tail`
    crc = load_acquire(journal["start_addr"] + 16)
    for sequence in range(oldest, tail):
        address = journal["entries_addr"] + (sequence & journal["mask"]) * journal["entry_bytes"]
        head = record_at(address, JOURNAL_ENTRY)
        if load_relaxed(address) != sequence + 1:
            return RESUME_WATERMARK_AHEAD if sequence < watermark else RESUME_CHAIN_BROKEN
        if (sequence > oldest or oldest == first) and head["prev_crc"] != crc:
            return RESUME_CHAIN_BROKEN
        if head["payload_bytes"] < 0 or head["payload_bytes"] > journal["payload_bytes_max"]:
            return RESUME_CHAIN_BROKEN
        crc = _entry_crc(address, head, sequence + 1)
        if head["crc"] != crc:
            return RESUME_CHAIN_BROKEN
    journal["prev_crc"] = crc
    journal["next_seq"] = tail
    journal["watermark_cached"] = watermark
    return tail


@hot
def journal_start(journal, first_seq, prev_crc):
    """Begin an epoch: this memory is new and goes on behind what is on disk. Does nothing when already begun.

    Caller: the writer, at open, before the copier runs. Ordering: `started` last, with release.
    """
    if load_acquire(journal["start_addr"]) == 0:
        store_relaxed(journal["start_addr"] + 8, first_seq)
        store_relaxed(journal["start_addr"] + 16, prev_crc)
        store_release(journal["watermark_addr"], first_seq)
        store_release(journal["start_addr"], 1)


@hot
def journal_watermark(journal):
    """Entries before it are on disk and synced. Caller: anyone. Ordering: acquire; pairs with the copier's store."""
    return load_acquire(journal["watermark_addr"])


@hot
def journal_drain(journal):
    """Say that everything appended is on disk. Caller: tests and warm-up on scratch memory, where no copier runs."""
    store_release(journal["watermark_addr"], journal["next_seq"])


@hot
def _crc_in_memory(journal, sequence):
    """crc of a complete entry in memory, or -1 when it is not there (any more)."""
    if sequence < 0:
        return -1
    address = journal["entries_addr"] + (sequence & journal["mask"]) * journal["entry_bytes"]
    if load_acquire(address) != sequence + 1:
        return -1
    return record_at(address, JOURNAL_ENTRY)["crc"]


@hot
def judge_entries(entries_addr, count, entry_bytes, payload_bytes_max, first_seq, mask_addr):
    """Store 1 in each byte of a mask of `count` zeros whose entry carries its sequence and the right crc.

    Cost: 40 ns an entry of 256 bytes in the cache. Twin: `_judge_in_numpy` in shm/journal_view.py.
    """
    for row in range(count):
        address = entries_addr + row * entry_bytes
        head = record_at(address, JOURNAL_ENTRY)
        if head["journal_seq"] != first_seq + row + 1:
            continue
        if head["payload_bytes"] < 0 or head["payload_bytes"] > payload_bytes_max:
            continue
        if _entry_crc(address, head, first_seq + row + 1) == head["crc"]:
            record_at(mask_addr + row, MASK)["valid"] = 1


if not JIT_OFF:  # interpreted it would be slower than numpy
    judge_with(judge_entries)


def journal_open(journal, disk_tail_seq: int, disk_prev_crc: int, epoch: int) -> int:
    """Wire a writer's end (JOURNAL_END row) at start: a new memory continues the disk, a surviving one is resumed.

    `disk_tail_seq` and `disk_prev_crc` come from `JournalDisk.recover`. Returns the tail: the next sequence.
    Raises JournalCorrupt when memory and disk contradict each other; nothing is changed then.
    """
    journal["epoch"] = epoch
    judge_entries(0, 0, 64, 0, 0, 0)  # compiled in every role's preparation, not at its first look at a journal
    journal_start(journal, disk_tail_seq, disk_prev_crc)
    watermark = journal_watermark(journal)
    do = "keep the files and the memory for a person; the system stays halted"
    if disk_tail_seq < watermark:
        raise JournalCorrupt(
            where="journal files", expected=f"entries up to the watermark {watermark}", found=str(disk_tail_seq), do=do
        )
    tail = journal_resume(journal)
    if tail < 0:
        raise JournalCorrupt(where="journal memory", expected="an unbroken chain", found=RESUME_TEXTS[tail], do=do)
    held_crc = _crc_in_memory(journal, disk_tail_seq - 1)
    if held_crc not in (-1, disk_prev_crc):
        raise JournalCorrupt(
            where="journal memory", expected=f"entry {disk_tail_seq - 1} as on disk", found="another entry", do=do
        )
    if disk_tail_seq > tail:
        raise JournalCorrupt(
            where="journal memory", expected=f"entries up to {disk_tail_seq} as on disk", found=str(tail), do=do
        )
    return int(tail)

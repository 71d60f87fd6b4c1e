"""One journal in private memory with its files, and the ways to end its processes."""

from pathlib import Path

import numpy as np

from shm.ends import journal_end_at
from shm.journal import journal_claim, journal_commit, journal_open
from shm.journal_disk import JournalCopier, JournalDisk
from shm.journal_reader import JournalReader
from shm.journal_view import JournalView
from shm.records.journal_end import journal_bytes, journal_entry_bytes
from shm.scratch import scratch_block


class JournalBench:
    """`start` is a start of the writing process; memory lives on between starts until `new_epoch`."""

    def __init__(self, folder: Path, payload_bytes: int = 128, capacity: int = 16, file_entries: int = 10):
        self.folder, self.payload_bytes, self.capacity, self.file_entries = (
            folder,
            payload_bytes,
            capacity,
            file_entries,
        )
        self.disk = self.copier = None
        self.epoch = 0
        self.new_epoch()

    def new_epoch(self):
        """The fabric starts again: fresh zeroed memory."""
        self.block = scratch_block(journal_bytes(self.payload_bytes, self.capacity))
        self.epoch += 1

    def view(self):
        return JournalView(self.block, journal_entry_bytes(self.payload_bytes), self.capacity)

    def start(self) -> int:
        """Open writer, disk and copier. Returns the tail."""
        self.stop()
        self.disk = JournalDisk(self.folder, journal_entry_bytes(self.payload_bytes), self.file_entries)
        found = self.disk.recover()
        self.found = found
        self.ends = journal_end_at(int(self.block.ctypes.data), self.payload_bytes, self.capacity)
        try:
            tail = journal_open(self.ends[0], found.tail_seq, found.prev_crc, self.epoch)
        except BaseException:
            self.stop()
            raise
        self.copier = JournalCopier(self.view(), self.disk)
        return tail

    def stop(self):
        """The process dies: nothing more is copied, the lock is released by the kernel."""
        if self.disk is not None:
            self.disk.close()
        self.disk = self.copier = None

    def append(self, count: int = 1) -> int:
        """Append entries whose payload is derived from their sequence; returns how many were taken."""
        for done in range(count):
            address = journal_claim(self.ends[0])
            if address == 0:
                return done
            sequence = int(self.ends[0]["next_seq"])
            size = payload_size(sequence, self.payload_bytes)
            start = address - int(self.block.ctypes.data)
            self.block[start : start + self.payload_bytes] = payload_of(sequence, self.payload_bytes)
            assert journal_commit(self.ends[0], 1 + sequence % 8, size, sequence * 3, sequence * 5) == sequence
        return count

    def reader(self, memory: bool = True) -> JournalReader:
        return JournalReader(self.folder, self.view() if memory else None)


def payload_size(sequence: int, payload_bytes: int) -> int:
    """Used bytes of the payload of entry `sequence`: every size occurs."""
    return (sequence * 37) % (payload_bytes + 1)


def payload_of(sequence: int, payload_bytes: int) -> np.ndarray:
    """Payload bytes of entry `sequence`."""
    return ((np.arange(payload_bytes) * 7 + sequence * 131) % 251).astype(np.uint8)


def check_entry(head, payload: bytes, sequence: int, payload_bytes: int) -> None:
    """Assert that this is entry `sequence` as `JournalBench.append` wrote it."""
    assert head["journal_seq"] == sequence + 1
    assert head["kind"] == 1 + sequence % 8
    assert (head["stamp_ns"], head["now_ns"]) == (sequence * 3, sequence * 5)
    assert payload == payload_of(sequence, payload_bytes).tobytes()[: payload_size(sequence, payload_bytes)]

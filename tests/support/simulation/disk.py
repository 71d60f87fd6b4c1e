"""Disk: a journal's files with a page cache that a power loss takes, and writes and syncs that fail.

What was appended and not synced is pending. The death of the process leaves it to the kernel, which writes it. A power
loss keeps any subset of it, whole, torn or corrupted, in any order. A synced entry is never touched.
"""

import contextlib
import errno
import os
import random

import numpy as np

from shm.errors import JournalWriteFailed
from shm.journal_disk import JournalDisk
from shm.records.journal_file import JOURNAL_FILE_ENTRIES_OFFSET

FILE_ENTRIES = 512  # small: files are changed several times in a run
SECTOR = 512


class SimulatedDisk(JournalDisk):
    """JournalDisk whose writes wait in memory until a sync."""

    def __init__(self, folder, entry_bytes: int):
        super().__init__(folder, entry_bytes, FILE_ENTRIES)
        self.pending: list[tuple[int, np.ndarray]] = []
        self.failing = ""  # "write" or "sync": the next one fails

    def append(self, sequence: int, entries: np.ndarray) -> None:
        """Keep the entries pending. Raises JournalWriteFailed."""
        self._refuse_after_failure()
        if self.failing == "write":
            raise self._give_up("write", OSError(errno.ENOSPC, "no space left on device"))
        self.pending.append((sequence, entries.copy()))

    def sync(self) -> None:
        """Everything pending becomes durable. Raises JournalWriteFailed."""
        self._refuse_after_failure()
        if self.failing == "sync":
            raise self._give_up("sync", OSError(errno.EIO, "input/output error"))
        self._write_pending()
        super().sync()

    def process_died(self) -> None:
        """The kernel writes what the process had handed over."""
        if not self.failed:
            with contextlib.suppress(JournalWriteFailed):  # it died between two files
                self._write_pending()
        self.close()

    def power_lost(self, rng: random.Random) -> None:
        """Each pending sector is there, or not, or damaged."""
        for sequence, entries in self.pending:
            index = sequence - int(self._header["first_seq"])
            room = int(self._header["entries"]) - index
            content = bytearray(entries[: max(0, room)].tobytes())  # a new file would not have been made yet
            at = JOURNAL_FILE_ENTRIES_OFFSET + index * self.entry_bytes
            for start in range(0, len(content), SECTOR):
                sector = content[start : start + SECTOR]
                fate = rng.random()
                if fate < 0.4:
                    continue
                if fate < 0.5:
                    sector[rng.randrange(len(sector))] ^= 1 << rng.randrange(8)
                elif fate < 0.6:
                    sector = sector[: rng.randrange(len(sector))]
                os.pwrite(self._handle, sector, at + start)
        self.pending.clear()
        self.close()

    def _write_pending(self) -> None:
        for sequence, entries in self.pending:
            super().append(sequence, entries)
        self.pending.clear()

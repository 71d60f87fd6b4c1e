"""Snapshots of our book: when one is due, and the thread that takes it to the disk. Cold.

A snapshot holds every execution, so its size grows with the day. One is due after `entries` of the journal, and
not before the journal grew by a quarter: all snapshots of a day together are a few times what the last one is. It is
written when the journal is on disk up to it, so that a power loss leaves none that is newer than the journal.
"""

import threading
from pathlib import Path

from procs.position_keeper.executions import JournalBook
from shm.errors import JournalWriteFailed
from shm.snapshot import FOLDER, newest_snapshot, store_snapshot


class Snapshots:
    """The snapshots of one JournalBook. Caller: the control thread."""

    def __init__(self, journal_folder: Path, book: JournalBook, entries: int):
        self.folder, self.book, self.entries = Path(journal_folder) / FOLDER, book, entries
        self.next_seq = 0  # of the newest one
        self._writer: threading.Thread | None = None
        self._error: JournalWriteFailed | None = None

    def load(self) -> tuple[str, ...]:
        """Start the book, which must be empty, from the newest valid snapshot. Returns why newer ones were not used."""
        found = newest_snapshot(self.folder, self.book.layout, self.book.reader.crc_of)
        if found.next_seq:
            self.book.unpack(found.next_seq, found.body)
            self.next_seq = found.next_seq
        return found.passed_over

    def turn(self) -> JournalWriteFailed | None:
        """Begin a snapshot when one is due. Returns the error that ended one, once; then there are no more."""
        if self._error is not None:
            error, self._error, self.entries = self._error, None, 1 << 62
            return error
        if self._writing() or not self._due():
            return None
        self.next_seq = self.book.next_seq
        kept = (self.folder, self.book.next_seq, self.book.chain_crc, self.book.layout, self.book.pack())
        self._writer = threading.Thread(target=self._store, args=kept, name="snapshot", daemon=True)
        self._writer.start()
        return None

    def close(self) -> None:
        """Wait for one that is being written."""
        if self._writer is not None:
            self._writer.join()

    def _writing(self) -> bool:
        return self._writer is not None and self._writer.is_alive()

    def _due(self) -> bool:
        grown = self.book.next_seq - self.next_seq
        on_disk = self.book.reader.view is None or self.book.next_seq <= self.book.reader.view.watermark
        return on_disk and grown >= max(self.entries, self.next_seq // 4)

    def _store(self, *kept) -> None:
        try:
            store_snapshot(*kept)
        except JournalWriteFailed as error:
            self._error = error

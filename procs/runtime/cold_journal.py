"""Cold journal: the journal of a cold role, in the form of all others: memory that survives it, and files behind it.

For roles that have compiled code (`quintet journal` and every other reader do without). A cold role may wait, so an
append waits for room. A write or sync that fails halts the firm, as that of any journal does.
"""

import ctypes
import time

import numpy as np

from procs.runtime.journal_thread import Background
from procs.runtime.objects import JOURNAL_FILE_DIVISORS, journals_of
from shm.ends import journal_end_at
from shm.errors import JournalWriteFailed
from shm.journal import journal_claim, journal_commit, journal_open
from shm.journal_disk import JournalCopier, JournalDisk
from shm.journal_reader import JournalReader
from shm.journal_view import JournalView
from shm.records.journal_end import journal_entry_bytes
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.segment_header import SEGMENT_KIND_JOURNAL
from shm.segment import attach_segment

ROOM_SECONDS = 5.0  # without room for so long the copier is not well
ROOM_POLL_SECONDS = 0.01


class ColdJournal:
    """The writing end of one instance's journal, its copier in the background, and a reader of all of this epoch.

    `halt()` stops trading; it is called from the copier's thread when the disk fails.
    """

    def __init__(self, config, epoch: int, instance: str, state_folder, halt):
        journal = journals_of(config)[instance]
        self.folder = state_folder / "journal" / str(epoch) / instance
        self._segment = attach_segment(
            config.name, epoch, journal.name, SEGMENT_KIND_JOURNAL, JOURNAL_ENTRY, journal.entries,
            adopt=True, owner=instance,
        )  # fmt: skip
        entry_bytes = journal_entry_bytes(journal.payload_bytes)
        role = config.topology.instance(instance).role
        file_entries = max(1, config.topology.journal_file_entries // JOURNAL_FILE_DIVISORS.get(role, 1))
        disk = JournalDisk(self.folder, entry_bytes, file_entries)
        found = disk.recover()
        self._end = journal_end_at(self._segment.address, journal.payload_bytes, journal.entries)
        journal_open(self._end[0], found.tail_seq, found.prev_crc, epoch)
        self.view = JournalView(self._segment.bytes, entry_bytes, journal.entries)
        self._background = Background(JournalCopier(self.view, disk), halt, journal.rest_seconds)
        self._background.start()

    def reader(self) -> JournalReader:
        """Reader of the whole journal of this epoch."""
        return JournalReader(self.folder, self.view)

    def append(self, kind: int, now_ns: int, *records: np.ndarray) -> int:
        """Append one entry of these records, in order. Returns its sequence. It survives our death when this returns.

        Raises JournalWriteFailed when the copier failed, or made no room.
        """
        payload = b"".join(record.tobytes() for record in records)
        deadline = time.monotonic() + ROOM_SECONDS
        while True:
            self.check()
            address = int(journal_claim(self._end[0]))
            if address:
                break
            if time.monotonic() > deadline:
                raise JournalWriteFailed(
                    where=str(self.folder), expected="room in the journal's memory", found="none", do="look at the disk"
                )
            time.sleep(ROOM_POLL_SECONDS)
        ctypes.memmove(address, payload, len(payload))
        return int(journal_commit(self._end[0], kind, len(payload), time.monotonic_ns(), now_ns))

    def watch(self, counters: np.ndarray) -> None:
        """Write entries copied, lag and room into the instance's counters, once a second."""
        self._background.watch(counters, time.monotonic())

    def check(self) -> None:
        """Raise what stopped the copier."""
        if self._background.error is not None:
            raise self._background.error

    def close(self) -> None:
        """Copy the journal to its tail and stop the copier."""
        self._background.leave.set()
        self._background.join()
        self.check()
        self._background.copier.close()

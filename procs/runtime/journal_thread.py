"""Journal thread: the background thread of a role that copies its journal's memory to disk, and what is told of it."""

import threading
import time
from collections.abc import Callable

import numpy as np

from shm.counters import JOURNAL_COPIED, JOURNAL_FREE_BYTES, JOURNAL_LAG_BYTES, JOURNAL_LOW_SPACE
from shm.journal_disk import JournalCopier
from shm.journal_space import JournalSpace

WATCH_SECONDS = 1.0
CLOSE_SECONDS = 2.0  # how long the last entries may wait for the journal that they must not be ahead of


class Background(threading.Thread):
    """Copies the journal's memory to disk until told to stop; keeps the first error for the control thread.

    `halt` stops trading: it is called here, at once, because the control thread may be busy with a session. It rests
    `rest_seconds` when the journal is on disk to its tail.
    """

    def __init__(self, copier: JournalCopier, halt: Callable[[], None], rest_seconds: float):
        super().__init__(name="journal", daemon=True)
        self.copier, self.halt, self.rest_seconds = copier, halt, rest_seconds
        self.space = JournalSpace(copier.disk.file_entries * copier.disk.entry_bytes)
        self.error: BaseException | None = None
        self.told = False  # whether people were told of it
        self.leave = threading.Event()
        self._watch_due_s = 0.0

    def run(self) -> None:
        try:
            while not self.leave.is_set():
                if self.copier.copy_some() == 0:
                    self.leave.wait(self.rest_seconds)
            deadline = time.monotonic() + CLOSE_SECONDS
            while self.copier.lag()[0] and time.monotonic() < deadline:
                if self.copier.copy_some() == 0:
                    time.sleep(self.rest_seconds)
        except BaseException as error:
            self.halt()
            self.error = error

    def watch(self, counters: np.ndarray, at_s: float) -> None:
        """Write entries copied, lag and room into the instance's counters, once in WATCH_SECONDS.

        Caller: the control thread, with monotonic time. Cost: some 50 us when it is due.
        """
        if at_s < self._watch_due_s:
            return
        self._watch_due_s = at_s + WATCH_SECONDS
        copied, disk = self.copier.copied, self.copier.disk
        free_bytes = disk.free_bytes()
        counters[JOURNAL_COPIED] = copied
        counters[JOURNAL_LAG_BYTES] = self.copier.lag()[1]
        counters[JOURNAL_FREE_BYTES] = free_bytes
        counters[JOURNAL_LOW_SPACE] = self.space.low(at_s, copied * disk.entry_bytes, free_bytes)

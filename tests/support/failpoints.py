"""Failpoints from outside: arm a line of the file that a machine's processes have mapped, and see what became of it."""

import mmap
import signal
from pathlib import Path

import numpy as np

from shm.failpoints import ANY_PID, AT_HIT, DIED_NS, FILE_BYTES, HITS, LIMIT, LINES, NAMES, PID, SIGNAL


class Failpoints:
    """The lines of one machine. `path` is what the processes have in QUINTET_FAILPOINTS."""

    def __init__(self, path: Path):
        self.path = path
        with open(path, "w+b") as file:
            file.truncate(FILE_BYTES)
            self._memory = mmap.mmap(file.fileno(), FILE_BYTES)
        self._lines = np.frombuffer(self._memory, "<i8").reshape(LINES, -1)

    def arm(self, name: str, pid: int, hit: int = 1, number: int = signal.SIGKILL, limit: int = 0) -> None:
        """Let process `pid` (ANY_PID: whichever comes first) send itself signal `number` at its `hit`-th pass.

        `hit` 0 only counts. `limit`: bytes that a partial send may take before it.
        """
        line = self._lines[NAMES[name]]
        line[PID] = 0
        line[HITS], line[DIED_NS] = 0, 0
        line[AT_HIT], line[SIGNAL], line[LIMIT] = hit, number, limit
        line[PID] = pid  # last: the process looks at it first

    def arm_next(self, name: str, number: int = signal.SIGKILL) -> None:
        """Let the first process that comes there do it: for what only a start goes through."""
        self.arm(name, ANY_PID, 1, number)

    def disarm(self, name: str) -> None:
        """Nobody stops there any more."""
        self._lines[NAMES[name], PID] = 0

    def hits(self, name: str) -> int:
        """Passes of the process that it was armed for."""
        return int(self._lines[NAMES[name], HITS])

    def died_ns(self, name: str) -> int:
        """CLOCK_MONOTONIC when the signal was sent; 0 if it was not."""
        return int(self._lines[NAMES[name], DIED_NS])

    def close(self) -> None:
        """Unmap."""
        del self._lines
        self._memory.close()

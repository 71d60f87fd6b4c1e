"""Room for a journal: says early that a disk will be full. Cold; imports nothing of ours.

A full disk stops trading, because nothing leaves that is not journalled. The alarm comes while there is still room for
RESERVE_SECONDS of writing at the fastest pace seen, and for RESERVE_FILES whole files, since files are made whole.
"""

RESERVE_SECONDS = 600
RESERVE_FILES = 2
WINDOW_SECONDS = 10


class JournalSpace:
    """Learns the pace of one journal and compares it with the free space. Caller: one thread, about once a second."""

    def __init__(self, file_bytes: int):
        self.file_bytes = file_bytes
        self.peak_bytes_per_s = 0.0
        self._since: tuple[float, int] | None = None

    def reserve_bytes(self) -> int:
        """Free space below which somebody has to make room."""
        return max(RESERVE_FILES * self.file_bytes, int(RESERVE_SECONDS * self.peak_bytes_per_s))

    def low(self, at_s: float, written_bytes: int, free_bytes: int) -> bool:
        """Whether the disk has less than the reserve. `written_bytes` in all so far, at monotonic time `at_s`."""
        if self._since is None:
            self._since = (at_s, written_bytes)
        seconds = at_s - self._since[0]
        if seconds >= WINDOW_SECONDS:
            pace = (written_bytes - self._since[1]) / seconds
            self.peak_bytes_per_s = max(self.peak_bytes_per_s, pace)
            self._since = (at_s, written_bytes)
        return free_bytes < self.reserve_bytes()

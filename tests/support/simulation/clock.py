"""Clock: one word that only the scheduler moves. Latency stamps and logic time of every role are read from it.

The page says mode REAL and source DRIVEN: stamps are the word itself, logic time is the word plus a fixed offset, and
no role is told that time is driven. So silence, expiry and staleness mean here what they mean in a live machine.
"""

import numpy as np

from shm.codes import CLOCK_REAL
from shm.records.clock_page import CLOCK_SOURCE_DRIVEN

FIRST_STAMP_NS = 1_000_000_000_000
UTC_OFFSET_NS = 1_767_625_200_000_000_000 - FIRST_STAMP_NS  # 2026-01-05 15:00 UTC: a trading day


class SimulatedClock:
    """Virtual time, the same in every page that was attached."""

    def __init__(self):
        self.stamp_ns = FIRST_STAMP_NS
        self.pages: list[np.void] = []

    def attach(self, page: np.ndarray) -> None:
        """Drive a CLOCK_PAGE[1] from now on."""
        row = page[0]
        row["source"], row["mode"] = CLOCK_SOURCE_DRIVEN, CLOCK_REAL
        row["utc_offset_ns"], row["driven_ns"] = UTC_OFFSET_NS, self.stamp_ns
        self.pages.append(row)

    @property
    def now_ns(self) -> int:
        """Logic time."""
        return self.stamp_ns + UTC_OFFSET_NS

    def advance(self, ns: int) -> None:
        """Move time on."""
        self.stamp_ns += ns
        for page in self.pages:
            page["driven_ns"] = self.stamp_ns

    # the face of the module `time`, for cold code that waits

    def monotonic(self) -> float:
        """Seconds, for back-off and refresh."""
        return self.stamp_ns * 1e-9

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.advance(round(seconds * 1e9))

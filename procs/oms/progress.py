"""Progress: how far the journal of a living process is in the record, in time, and when its writer was last away.

Away is dead, failed, leaving, in its first seconds, or hung: a process that is stopped keeps a page that says running,
but its control thread sees no step of the hot thread. No numba.
"""

import time

from procs.oms.loader import Loader
from procs.oms.reconcile import Read
from procs.runtime.cold import has_left
from shm.codes import LIFE_RUNNING

HUNG_NS = 250_000_000  # half of the shipped settling time; a control thread looks every 5 ms


class Progress:
    """One instance of the living epoch; `page` is its INSTANCE page."""

    def __init__(self, instance: str, page):
        self.instance, self.page = instance, page
        self.through_ns = self.away_ns = 0
        self._asked = (0, 0)  # (monotonic time, tail then)

    def look(self, loader: Loader) -> Read:
        """Note the tail as it is now, and whether the one noted earlier was reached. Caller: before each batch.

        A tail tells what was written up to the last step that was seen, not up to now: read before the tail is.
        """
        now_ns = time.monotonic_ns()
        stepped_ns = min(now_ns, int(self.page["step_seen_ns"]))
        place = loader.place(self.instance)
        gone = int(self.page["life"]) != LIFE_RUNNING or has_left(self.page)
        if gone or now_ns - stepped_ns > HUNG_NS:
            self.away_ns = now_ns
        if place is not None and place[0] >= self._asked[1]:
            self.through_ns = self._asked[0]
            self._asked = (stepped_ns, place[1])
        return Read(self.through_ns, self.away_ns)

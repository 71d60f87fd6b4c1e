"""Wire oms: the loader of this fabric's record, its reconciliation with drop copies, and what status shows of both."""

import sys
import time

from procs.oms.loader import ROLES, Loader
from procs.oms.progress import Progress
from procs.oms.reconcile import Read, Reconciler
from procs.oms.venue_breaks import Alarms, VenueBreaks
from procs.runtime.cold import main
from procs.runtime.role import ColdRole
from shm.counters import (
    OMS_BEHIND,
    OMS_BREAKS,
    OMS_COPY_AGREED,
    OMS_COPY_HEARD_NS,
    OMS_COPY_MALFORMED,
    OMS_COPY_MESSAGES,
    OMS_COPY_REPEATS,
    OMS_COPY_STATE,
    OMS_COPY_WATCHED,
    OMS_ENTRIES,
    OMS_VENUE_BREAKS,
)
from shm.error_log import ERROR_RECORD_BREAK

COPY_NONE, COPY_HEARD, COPY_SILENT = 0, 1, 2  # of OMS_COPY_STATE


class Worker:
    """One loader, a batch a step; then what each drop copy has new."""

    def __init__(self, wiring):
        self.wiring = wiring
        self.loader = Loader(wiring.name, wiring.epoch)
        pages = wiring.pages(("order_sender", "position_keeper"))
        self.progress = {name: Progress(name, page) for name, page in pages.items()}
        self.keeper = wiring.config.topology.of_role("position_keeper")[0].name
        senders = [held.name for held in wiring.config.topology.of_role("order_sender")]
        pairs = [(k, name, venue) for k, (name, venue) in enumerate(zip(senders, wiring.config.venues, strict=False))]
        store = self.loader.store
        words, writer = wiring.control()
        self.breaks = VenueBreaks(store, wiring.epoch, Alarms(words, writer))
        self.reconcilers = [
            Reconciler(store, wiring.epoch, k, name, venue.drop_copy, self.breaks)
            for k, name, venue in pairs
            if venue.drop_copy is not None
        ]

    def step(self) -> int:
        """Take a batch, reconcile; returns the entries and messages taken."""
        read = {name: progress.look(self.loader) for name, progress in self.progress.items()}
        taken = self.loader.step()
        self.wiring.count(OMS_ENTRIES, taken.entries)
        self.wiring.gauge(OMS_BEHIND, self.loader.behind())
        if taken.breaks:
            self.wiring.count(OMS_BREAKS, taken.breaks)
            self.wiring.note_error(ERROR_RECORD_BREAK, taken.breaks, taken.now_ns)
        return taken.entries + self._reconcile(read)

    def _reconcile(self, read: dict[str, Read]) -> int:
        work = sum(held.step(read[held.instance], read[self.keeper]) for held in self.reconcilers)
        self.breaks.tend()
        now_ns, gauge = time.monotonic_ns(), self.wiring.gauge
        silent = any(held.silent(now_ns) for held in self.reconcilers)
        gauge(OMS_COPY_STATE, COPY_NONE if not self.reconcilers else COPY_SILENT if silent else COPY_HEARD)
        gauge(OMS_COPY_HEARD_NS, min((held.session.heard_ns for held in self.reconcilers), default=0))
        gauge(OMS_COPY_MESSAGES, sum(held.session.next_seq - 1 for held in self.reconcilers))
        gauge(OMS_COPY_AGREED, sum(held.agreed for held in self.reconcilers))
        gauge(OMS_COPY_REPEATS, sum(held.book.repeats for held in self.reconcilers))
        gauge(OMS_COPY_MALFORMED, sum(held.malformed for held in self.reconcilers))
        gauge(OMS_COPY_WATCHED, sum(len(held.watched) for held in self.reconcilers))
        gauge(OMS_VENUE_BREAKS, self.breaks.holding())
        return work

    def finish(self, gone: bool) -> None:
        """After the last step; `gone` says that nobody writes the journals any more."""
        if gone:
            self.loader.end_live()

    def close(self) -> None:
        """Give up the record and the connections."""
        for held in self.reconcilers:
            held.close()
        self.loader.close()


ROLE = ColdRole(name="oms", open_=Worker, reads=ROLES)

if __name__ == "__main__":
    sys.exit(main(ROLE))

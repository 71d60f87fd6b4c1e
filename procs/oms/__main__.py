"""Wire oms: the loader of this fabric's record, and what status shows of it."""

import sys

from procs.oms.loader import ROLES, Loader
from procs.runtime.cold import main
from procs.runtime.role import ColdRole
from shm.counters import OMS_BEHIND, OMS_BREAKS, OMS_ENTRIES
from shm.error_log import ERROR_RECORD_BREAK


class Worker:
    """One loader, a batch a step."""

    def __init__(self, wiring):
        self.wiring = wiring
        self.loader = Loader(wiring.name, wiring.epoch)

    def step(self) -> int:
        """Take a batch; returns the entries taken."""
        taken = self.loader.step()
        self.wiring.count(OMS_ENTRIES, taken.entries)
        self.wiring.gauge(OMS_BEHIND, self.loader.behind())
        if taken.breaks:
            self.wiring.count(OMS_BREAKS, taken.breaks)
            self.wiring.note_error(ERROR_RECORD_BREAK, taken.breaks, taken.now_ns)
        return taken.entries

    def finish(self, gone: bool) -> None:
        """After the last step; `gone` says that nobody writes the journals any more."""
        if gone:
            self.loader.end_live()

    def close(self) -> None:
        """Give up the record."""
        self.loader.close()


ROLE = ColdRole(name="oms", open_=Worker, reads=ROLES)

if __name__ == "__main__":
    sys.exit(main(ROLE))

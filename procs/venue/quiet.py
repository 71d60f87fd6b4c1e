"""Quiet: whether the roles behind feed_handler have finished with what was published, seen from their INSTANCE pages.

In driven time the venue asks this before it jumps to history's next event: a jump while an order is on its way would
expire it, and a strategy that is still thinking would answer a market that is gone. A role is quiet when its work word
stood still over QUIET_STEPS of its own steps. A dead or stopped role is never quiet: time then runs with real time.

The disk belongs to the roles' work: history that is played faster than it happened fills their journals faster than it
would have. What is not on disk yet is in memory, and when that has no room a role stands still, which looks quiet, and
refuses orders. So history and time wait while the disk is behind. A journal whose disk failed for good is not waited
for: the firm is HALTED then, and nothing more goes to that disk.
"""

import numpy as np

from shm.atomics import address_of, load_acquire, record_at
from shm.jit import hot
from shm.journal import journal_failed, journal_is_behind
from shm.records.instance import INSTANCE
from shm.records.journal_end import JOURNAL_END

QUIET_STEPS = 2  # the step under way when we look may have begun before; the one after it has seen everything
BEHIND_SHARE = 4  # of a journal's memory: order_sender refuses from half on, and what is under way comes on top
STEPS_BYTES = INSTANCE.fields["steps"][1]
WORK_BYTES = INSTANCE.fields["work"][1]

WATCH = np.dtype([("page_addr", "<i8"), ("work", "<i8"), ("steps", "<i8"), ("reserved", "<i8")])
WATCH_BYTES = WATCH.itemsize
JOURNAL_END_BYTES = JOURNAL_END.itemsize
QUIET = np.dtype(
    [
        ("watch_addr", "<i8"),
        ("watched", "<i8"),
        ("looks", "<i8"),
        ("journals_addr", "<i8"),
        ("journals", "<i8"),
        ("reserved", "<i8", (3,)),
    ]
)
LOOKS = 2  # of our own steps in a row: an order sent between our poll and our look is seen by the next poll

_alive: list[np.ndarray] = []


def prepare_quiet(quiet, pages: np.ndarray, journals: np.ndarray) -> None:
    """Watch the INSTANCE pages at these addresses (int64[n]), and the memory of these journals (JOURNAL_END[m])."""
    watch = np.zeros(len(pages), WATCH)
    watch["page_addr"] = pages
    journals = journals.copy()
    _alive.extend((watch, journals))
    quiet["watch_addr"], quiet["watched"] = address_of(watch), len(watch)
    quiet["journals_addr"], quiet["journals"] = address_of(journals), len(journals)


@hot
def expect_work(quiet):
    """Something is being published: nobody counts as quiet before QUIET_STEPS steps from now."""
    quiet["looks"] = 0
    for row in range(quiet["watched"]):
        watch = record_at(quiet["watch_addr"] + row * WATCH_BYTES, WATCH)
        watch["steps"] = load_acquire(watch["page_addr"] + STEPS_BYTES)


@hot
def is_quiet(quiet):
    """1 when every watched role has nothing left to do, twice in a row. Caller: the venue, once a step."""
    busy = 0
    for row in range(quiet["watched"]):
        watch = record_at(quiet["watch_addr"] + row * WATCH_BYTES, WATCH)
        steps = load_acquire(watch["page_addr"] + STEPS_BYTES)
        work = load_acquire(watch["page_addr"] + WORK_BYTES)
        if work != watch["work"]:
            watch["work"], watch["steps"] = work, steps
            busy = 1
        elif steps < watch["steps"] + QUIET_STEPS:
            busy = 1
    quiet["looks"] = 0 if busy else quiet["looks"] + 1
    return 1 if quiet["looks"] >= LOOKS else 0


@hot
def is_disk_behind(quiet):
    """1 while more than a BEHIND_SHARE of a watched journal's memory is not on disk. Caller: the venue, once a step."""
    for row in range(quiet["journals"]):
        journal = record_at(quiet["journals_addr"] + row * JOURNAL_END_BYTES, JOURNAL_END)
        if journal_is_behind(journal, journal["capacity"] // BEHIND_SHARE) and journal_failed(journal) == 0:
            return 1
    return 0

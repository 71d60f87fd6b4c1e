"""Wire position_keeper: attach, rebuild the rows from tables and journals, read missed reports from order_sender's."""

import sys
import time

import numpy as np

from procs.position_keeper.disk_order import disk_order
from procs.position_keeper.executions import JournalBook
from procs.position_keeper.recovery import (
    JournalsContradict,
    apply_missed,
    entry_before_report,
    rebuild,
    reports_in_journal,
    resume,
    rows_in_table,
    same_life,
    take_newer,
)
from procs.position_keeper.snapshots import Snapshots
from procs.position_keeper.state import KeeperState, state_of
from procs.position_keeper.step import HISTOGRAMS
from procs.position_keeper.warm_up import warm_up
from procs.runtime.agent import main
from procs.runtime.role import Role
from procs.runtime.totals import totals_of_pnl
from shm.atomics import address_of
from shm.failpoints import FP_KEEPER_REBUILT, reach
from shm.latest import latest_read
from shm.records.instrument import INSTRUMENT
from shm.ring import ring_caught_up

REFRESH_SECONDS = 1.0

_books: dict[str, JournalBook] = {}  # by instance: what our own journal says
_snapshots: dict[str, Snapshots] = {}  # by instance
_journals: dict[tuple, list] = {}  # by wiring, a life, and reports ring: order_sender's journal, next entry to read


def open_(wiring) -> KeeperState:
    """Attach rings, tables and the journal, and allocate everything; no position is known yet."""
    return state_of(
        me=wiring.me(),
        reports=wiring.rings_in("reports"),
        tables={name: wiring.table(name) for name in ("positions", "pnl", "totals", "tops")},
        journal=wiring.journal(disk_order),
        config=wiring.config,
    )


def _senders(wiring, state) -> np.ndarray:
    """Index of the order_sender of each instrument."""
    table = wiring.table("instruments")
    held = np.zeros(1, INSTRUMENT)
    senders = np.zeros(int(state.keeper[0]["instruments"]), np.int64)
    for row in range(len(senders)):
        if latest_read(table[0], row, address_of(held)) > 0:
            senders[row] = min(max(int(held[0]["session_id"]), 0), len(state.reports) - 1)
    return senders


def recover(wiring, state) -> None:
    """Rows first, published whole; then what order_sender's journal has and they do not."""
    instruments = int(state.keeper[0]["instruments"])
    book = JournalBook(wiring.journal_reader(wiring.instance), instruments, len(state.rows))
    _books[wiring.instance] = book
    _snapshots[wiring.instance] = Snapshots(wiring.journal_folder, book, wiring.config.topology.snapshot_entries)
    for passed_over in _snapshots[wiring.instance].load():
        print(f"{wiring.instance}: snapshot {passed_over}; it was not used", file=sys.stderr, flush=True)
    book.refresh()
    again = same_life(state)
    rebuild(state, book)
    if again:
        take_newer(state, rows_in_table(state))
    senders = _senders(wiring, state)
    reach(FP_KEEPER_REBUILT)
    state.totals_of[:] = totals_of_pnl(wiring.config, senders)
    resume(state, senders)
    for ring, name in enumerate(wiring.peers_in("reports")):
        last = _read_missed(wiring, state, ring, name)
        if not again and last < state.applied_seq[ring]:
            raise JournalsContradict(
                where=f"journal of {name}",
                expected=f"reports up to {state.applied_seq[ring]}",
                found=f"reports up to {last}",
                do="bring back the journal that belongs to these positions",
            )


def _read_missed(wiring, state, ring: int, sender: str) -> int:
    """Apply what one order_sender's journal has after our last report. Returns the last report_seq read, 0 for none."""
    if (wiring, ring) not in _journals:
        _journals[wiring, ring] = [wiring.journal_reader(sender), 0]
    place = _journals[wiring, ring]
    begin = entry_before_report(place[0], int(state.applied_seq[ring]) + 1, place[1])
    reports, place[1] = reports_in_journal(place[0], begin)
    last = int(reports["report_seq"][-1]) if len(reports) else 0
    missed = reports[reports["report_seq"] > state.applied_seq[ring]]
    apply_missed(state, ring, missed, _books[wiring.instance].refresh)
    ring_caught_up(state.reports[ring], int(state.applied_seq[ring]))
    return last


def tend(wiring, state) -> None:
    """Keep our list of executions near the journal's end, so that a broken trade need not wait for a day of reading.

    Now and then a snapshot of it goes to the disk, so that a restart need not either.
    """
    book = _books[wiring.instance]
    now = time.monotonic()
    if now - book.read_at > REFRESH_SECONDS:
        book.refresh()
        book.read_at = now
        error = _snapshots[wiring.instance].turn()
        if error is not None:
            wiring.disk_failed(error, 0, book.next_seq)


def close(wiring, state) -> None:
    """The hot thread has ended: let a snapshot that is being written be finished."""
    _snapshots[wiring.instance].close()


def catch_up(wiring, state) -> None:
    """Apply the reports that the step could not take from its rings."""
    for ring, name in enumerate(wiring.peers_in("reports")):
        _read_missed(wiring, state, ring, name)


ROLE = Role(
    name="position_keeper",
    step="procs.position_keeper.step:step",
    open_=open_,
    recover=recover,
    tend=tend,
    catch_up=catch_up,
    warm_up=warm_up,
    close=close,
    histograms=HISTOGRAMS,
)

if __name__ == "__main__":
    sys.exit(main(ROLE))

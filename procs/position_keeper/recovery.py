"""Recovery: the rows as they were, then every report that they miss, from journals. Cold.

Same life of the fabric: the rows of `positions` are what they were, but for the one fill that may have been journalled
and not published. New life: the newest row of each kind in our own journal, all published, then order_sender's journal.
Either way open lots come from replaying all executions of our journal, and the rows must be what that makes of them.
"""

import time
from collections.abc import Iterable

import numpy as np

from procs.position_keeper.changes import apply_change
from procs.position_keeper.rows import mark_row, publish_mark, publish_position, publish_total, replay
from procs.position_keeper.step import APPLIED, WAITING, apply_report
from shm.atomics import address_of
from shm.codes import JOURNAL_REPORT, REPORT_BROKEN, REPORT_CORRECTED
from shm.errors import Fatal, Transient
from shm.failpoints import FP_KEEPER_ROW_RESUMED, reach
from shm.latest import latest_read, latest_version
from shm.records.position import POSITION
from shm.records.report import REPORT

MONEY = [name for name in POSITION.names if name not in ("reports_seq", "now_ns", "instrument_id", "strategy_id")]
PROBE_ENTRIES = 64
ROOM_SECONDS = 5.0  # how long the copier of our own journal may take to make room while we catch up


class JournalsContradict(Fatal):
    """Our positions contain reports that order_sender's journal does not have."""


class JournalBusy(Transient):
    """Our own journal had no room while missed reports were applied."""


def take_newer(state, rows: Iterable[np.void]) -> None:
    """Adopt what each row has seen when that is more than ours. Raises JournalsContradict if its amounts differ."""
    instruments = int(state.keeper[0]["instruments"])
    for row in rows:
        at = int(row["strategy_id"]) * instruments + int(row["instrument_id"])
        if 0 <= at < len(state.rows) and row["reports_seq"] > state.rows[at]["reports_seq"]:
            _check_equal(at, row, state.rows[at])
            state.rows[at] = row


def _check_equal(at: int, kept: np.void, replayed: np.void) -> None:
    if kept[MONEY] != replayed[MONEY]:
        raise JournalsContradict(
            where=f"journal of position_keeper, row {at} of positions",
            expected=f"{kept[MONEY]} of {', '.join(MONEY)}, as it was kept",
            found=f"{replayed[MONEY]}, by replaying the executions",
            do="keep the journal for a person; positions cannot be rebuilt from it by this version",
        )


def rebuild(state, book) -> None:
    """Rows and open lots from all executions that stand. Raises JournalsContradict when rows were kept otherwise.

    `book`: JournalBook, read to the end. Rows must hold nothing yet.
    """
    replay(state, book.executions.standing())
    take_newer(state, book.images)


def same_life(state) -> bool:
    """Whether `positions` was filled completely in this life of the fabric: rows are first published in order."""
    return latest_version(state.positions[0], len(state.rows) - 1) > 0


def rows_in_table(state) -> Iterable[np.void]:
    """Rows of `positions` as an earlier process left them."""
    held = np.zeros(1, POSITION)
    for at in range(len(state.rows)):
        if latest_read(state.positions[0], at, address_of(held)) > 0:
            yield held[0].copy()


def resume(state, senders: np.ndarray) -> None:
    """Take the streams up where the rows leave them, and publish every row. `senders`: order_sender by instrument."""
    for at in range(len(state.rows)):
        sender = int(senders[at % len(senders)])
        state.applied_seq[sender] = max(int(state.applied_seq[sender]), int(state.rows[at]["reports_seq"]))
    for at in range(len(state.rows)):
        publish_position(state, at)
        mark_row(state, at, 0, int(state.rows[at]["now_ns"]))
        publish_mark(state, at)
        reach(FP_KEEPER_ROW_RESUMED)
    for total in range(len(state.totals_held)):  # only now: none of them shows less than all of its rows
        publish_total(state, total)


def entry_before_report(reader, report_seq: int, low: int) -> int:
    """An entry of an order_sender's journal, not before entry `low`, behind which every report from `report_seq` on is.

    By bisection: reports are in order, other entries lie between them. Cost: some twenty short reads.
    """
    high = reader.tail_seq()
    while high - low > PROBE_ENTRIES:
        middle = (low + high) // 2
        chunk = reader.read(middle, PROBE_ENTRIES)
        chunk = chunk[chunk["head"]["kind"] == JOURNAL_REPORT]
        if len(chunk) == 0 or _reports_of(chunk)[0]["report_seq"] > report_seq:
            high = middle  # a probe without any report says nothing: going back is safe
        else:
            low = middle
    return low


def _reports_of(chunk: np.ndarray) -> np.ndarray:
    return np.frombuffer(chunk["payload"][:, : REPORT.itemsize].tobytes(), REPORT)


def reports_in_journal(reader, from_seq: int = 0) -> tuple[np.ndarray, int]:
    """(every report of an order_sender's journal from entry `from_seq` on, in order; the entry to go on with)."""
    found = [np.zeros(0, REPORT)]
    for chunk in reader.chunks(from_seq):
        from_seq += len(chunk)
        found.append(_reports_of(chunk[chunk["head"]["kind"] == JOURNAL_REPORT]))
    return np.concatenate(found), from_seq


def apply_missed(state, sender: int, reports: np.ndarray, refresh) -> int:
    """Apply reports from a journal. `refresh()` gives our Executions with everything that our journal has by then.

    Returns how many were applied. Raises JournalBusy when our own journal has no room for long; nothing is lost then.
    """
    state.keeper[0]["live"] = 0
    applied = 0
    try:
        for report in reports:
            applied += _apply_one(state, sender, report, refresh) == APPLIED
    finally:
        state.keeper[0]["live"] = 1
    return applied


def _try_one(state, sender: int, report: np.void, refresh) -> int:
    now_ns = int(report["now_ns"])
    result = apply_report(state, sender, report, now_ns)
    is_next = report["report_seq"] == state.applied_seq[sender] + 1
    if result == WAITING and is_next and report["kind"] in (REPORT_BROKEN, REPORT_CORRECTED):
        result = apply_change(state, sender, report, refresh(), now_ns)
    return result


def _apply_one(state, sender: int, report: np.void, refresh) -> int:
    deadline = time.monotonic() + ROOM_SECONDS
    while (result := _try_one(state, sender, report, refresh)) == WAITING:
        expected = int(state.applied_seq[sender]) + 1
        if report["report_seq"] != expected:
            raise JournalsContradict(
                where="journal of order_sender",
                expected=f"report {expected}",
                found=int(report["report_seq"]),
                do="keep both journals for a person; positions cannot be rebuilt from them",
            )
        if time.monotonic() > deadline:
            raise JournalBusy(
                where="journal of position_keeper",
                expected="room for a fill",
                found="none behind the watermark",
                do="start again; if it stays, look at the disk",
            )
        time.sleep(0.001)
    return result

"""Recovery: the rows as they were, then every report that they miss, from journals. Cold.

Same life of the fabric: the rows of `positions` are what they were, but for the one fill that may have been journalled
and not published. New life: the newest row of each kind in our own journal, all published, then order_sender's journal.
"""

import time
from collections.abc import Iterable

import numpy as np

from procs.position_keeper.step import APPLIED, WAITING, apply_report, publish_pnl, publish_position
from shm.atomics import address_of
from shm.codes import JOURNAL_FILL, JOURNAL_REPORT, JOURNAL_SNAPSHOT, REPORT_BROKEN
from shm.errors import Fatal, Transient
from shm.latest import latest_read, latest_version
from shm.records.fill import FILL
from shm.records.position import POSITION
from shm.records.report import REPORT

ROOM_SECONDS = 5.0  # how long the copier of our own journal may take to make room while we catch up


class JournalsContradict(Fatal):
    """Our positions contain reports that order_sender's journal does not have."""


class JournalBusy(Transient):
    """Our own journal had no room while missed reports were applied."""


def rows_in_journal(entries: Iterable) -> Iterable[np.void]:
    """POSITION rows of journal entries (head, payload), oldest first."""
    for head, payload in entries:
        if head["kind"] == JOURNAL_FILL:
            yield np.frombuffer(payload, POSITION, count=1, offset=FILL.itemsize)[0]
        elif head["kind"] == JOURNAL_SNAPSHOT:
            yield np.frombuffer(payload, POSITION, count=1)[0]


def take_newer(state, rows: Iterable[np.void]) -> None:
    """Adopt each row that contains more reports than ours."""
    instruments = int(state.keeper[0]["instruments"])
    for row in rows:
        at = int(row["strategy_id"]) * instruments + int(row["instrument_id"])
        if 0 <= at < len(state.rows) and row["reports_seq"] > state.rows[at]["reports_seq"]:
            state.rows[at] = row


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
        publish_pnl(state, at, 0, int(state.rows[at]["now_ns"]))


def reports_in_journal(reader, from_seq: int = 0) -> tuple[np.ndarray, int]:
    """(every report of an order_sender's journal from entry `from_seq` on, in order; the entry to go on with)."""
    found = [np.zeros(0, REPORT)]
    for chunk in reader.chunks(from_seq):
        from_seq += len(chunk)
        chunk = chunk[chunk["head"]["kind"] == JOURNAL_REPORT]
        payload = np.ascontiguousarray(chunk["payload"][:, : REPORT.itemsize])
        found.append(np.frombuffer(payload.tobytes(), REPORT))
    return np.concatenate(found), from_seq


def apply_missed(state, sender: int, reports: np.ndarray, find_fill) -> int:
    """Apply reports from a journal. `find_fill(match_number)` gives our FILL of a broken trade, or None.

    Returns how many were applied. Raises JournalBusy when our own journal has no room for long; nothing is lost then.
    """
    state.keeper[0]["live"] = 0
    applied = 0
    try:
        for report in reports:
            if report["kind"] == REPORT_BROKEN:
                report = _complete(report, find_fill)
            applied += _apply_one(state, sender, report) == APPLIED
    finally:
        state.keeper[0]["live"] = 1
    return applied


def _apply_one(state, sender: int, report: np.void) -> int:
    deadline = time.monotonic() + ROOM_SECONDS
    while (result := apply_report(state, sender, report, int(report["now_ns"]))) == WAITING:
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


def _complete(report: np.void, find_fill) -> np.void:
    """A broken trade with the price, and the liquidity that decides its fee, of the fill that it takes back."""
    fill = find_fill(int(report["match_number"]))
    complete = np.array([report], REPORT)
    if fill is not None:
        for field in ("price_ticks", "liquidity", "session_id"):
            complete[0][field] = fill[field]
    return complete[0]


def fill_in_journal(entries: Iterable, match_number: int) -> np.void | None:
    """Our FILL of a match number, or None."""
    for head, payload in entries:
        if head["kind"] == JOURNAL_FILL:
            fill = np.frombuffer(payload, FILL, count=1)[0]
            if fill["match_number"] == match_number:
                return fill
    return None

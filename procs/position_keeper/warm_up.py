"""Warm-up: fills both ways, a mark, a snapshot, missed reports, a correction, a break: all on scratch memory."""

import numpy as np

from procs.position_keeper.executions import JournalBook
from procs.position_keeper.recovery import apply_missed, rebuild, resume, rows_in_table, same_life, take_newer
from procs.position_keeper.rows import clear_row
from procs.position_keeper.step import step
from shm.atomics import record_view
from shm.codes import (
    LIQUIDITY_ADDED,
    REPORT_ACCEPTED,
    REPORT_BROKEN,
    REPORT_CORRECTED,
    REPORT_EXECUTED,
    SIDE_BUY,
    SIDE_SELL,
)
from shm.records.report import REPORT
from shm.ring import ring_caught_up, ring_claim, ring_publish, ring_resume_consumer, ring_resume_producer
from shm.scratch import scratch_journal_reader


def put_report(end: np.ndarray, **fields) -> None:
    """Publish one report into the scratch ring whose consumer's end is `end`, an array of one."""
    producer = end.copy()
    ring_resume_producer(producer[0])
    report = record_view(ring_claim(producer[0], 0), REPORT)
    for name in REPORT.names:
        if name != "ring_seq":
            report[name] = fields.get(name, 0)
    ring_publish(producer[0])


def warm_up(state) -> None:
    """Run step and recovery through their main branches."""
    end = state.reports[:1]
    trade = {"kind": REPORT_EXECUTED, "qty_lots": 1, "price_ticks": 1_000_000, "liquidity": LIQUIDITY_ADDED}
    put_report(end, report_seq=1, kind=REPORT_ACCEPTED, side=SIDE_BUY)
    put_report(end, report_seq=2, side=SIDE_BUY, **trade)
    put_report(end, report_seq=3, side=SIDE_SELL, **trade)
    for turn in range(3):
        step(state, turn * int(state.keeper[0]["snapshot_every_ns"]))
    missed = np.zeros(4, REPORT)
    for name, value in {"side": SIDE_BUY, **trade}.items():
        missed[name] = value
    missed["report_seq"], missed["match_number"] = (4, 5, 6, 7), 4
    missed["kind"] = REPORT_EXECUTED, REPORT_CORRECTED, REPORT_BROKEN, REPORT_BROKEN  # broken twice
    instruments = int(state.keeper[0]["instruments"])
    book = JournalBook(scratch_journal_reader(state.journal[0]), instruments, len(state.rows))
    apply_missed(state, 0, missed, book.refresh)
    ring_resume_consumer(state.reports[0])
    ring_caught_up(state.reports[0], 7)
    for at in range(len(state.rows)):
        clear_row(state, at)
    book.refresh()
    rebuild(state, book)
    if same_life(state):
        take_newer(state, rows_in_table(state))
    resume(state, np.zeros(instruments, np.int64))

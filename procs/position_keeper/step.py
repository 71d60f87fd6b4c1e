"""The position_keeper step: reports into positions, tops into marks, snapshots into the journal.

Exactly once: a fill is journalled, then its row published, then its slot given back. Each row names the last report
that it contains, so a crash anywhere between applies nothing twice: what comes again is older than its row. A report
that is not the next of its stream, a reader that was left behind, and a broken or corrected trade (its row is replayed
from our own journal) are for the control thread: the step asks for a catch-up and waits.
"""

import numpy as np

from procs.position_keeper.money import QTY_LOTS_MAX, spread_of
from procs.position_keeper.rows import POSITION_BYTES, book, fee_for, mid_of, publish_pnl, publish_position, row_addr
from shm.atomics import copy_bytes, record_at
from shm.codes import (
    EXIT_CATCH_UP,
    JOURNAL_FILL,
    JOURNAL_SNAPSHOT,
    REPORT_BROKEN,
    REPORT_CORRECTED,
    REPORT_EXECUTED,
    SIDE_BUY,
    SIDE_SELL,
)
from shm.counters import KEEPER_CATCH_UPS, KEEPER_FILLS, KEEPER_REPORTS
from shm.error_log import ERROR_JOURNAL_FULL, ERROR_REPORT_ROW, ERROR_REPORT_VALUE
from shm.failpoint import failpoint
from shm.failpoints import FP_FILL_BOOKED, FP_FILL_JOURNALLED, FP_POSITION_PUBLISHED, FP_ROW_CLAIMED, FP_ROW_JOURNALLED
from shm.instance import count, note_error, record_span, stamp
from shm.jit import hot
from shm.journal import journal_claim, journal_commit
from shm.records.fill import FILL
from shm.records.report import REPORT
from shm.ring import ring_advance, ring_caught_up, ring_is_behind, ring_peek, ring_release

BATCH_MAX = 256  # reports of one ring in one step
ROWS_MAX = 32  # rows marked or saved in one step
CATCH_UP_EVERY_NS = 1_000_000  # the producer needs a step to answer; asking again at once would only spin
FILL_BYTES = FILL.itemsize

APPLIED = 1
SEEN = 2  # older than its row or stream
WAITING = 3  # not now: a gap, no journal room, or a broken or corrected trade
NOWHERE = 4  # names no row of ours; passed over

HOP_REPORT = 0
HISTOGRAMS = ("order_sender->position_keeper",)


# --- reports -------------------------------------------------------------------------------------------------------


@hot
def row_of(state, report):
    """Row of a report's strategy and instrument, or -1."""
    instruments = state.keeper[0]["instruments"]
    instrument = np.int64(report["instrument_id"])
    strategy = np.int64(report["strategy_id"])
    if instrument < 0 or instrument >= instruments or strategy < 0 or strategy >= len(state.rows) // instruments:
        return -1
    return strategy * instruments + instrument


@hot
def is_sane(state, report):
    """Whether a trade's numbers can be booked: side, session, size and price in range."""
    side = report["side"]
    if side != SIDE_BUY and side != SIDE_SELL:
        return False
    if np.int64(report["session_id"]) >= state.keeper[0]["sessions"]:
        return False
    return 0 < report["qty_lots"] <= QTY_LOTS_MAX and report["price_ticks"] > 0


@hot
def _book(state, at, report, fill):
    """Apply an execution to row `at` and describe it in `fill`. Returns the mid, 0 for none."""
    row = state.rows[at]
    queue = state.queues[at]
    instrument = at % state.keeper[0]["instruments"]
    side = np.int64(report["side"])
    liquidity = np.int64(report["liquidity"])
    qty = report["qty_lots"]
    price = report["price_ticks"]
    mid = mid_of(state, instrument) if state.keeper[0]["live"] == 1 else 0
    fee = fee_for(state, np.int64(report["session_id"]), instrument, liquidity, qty, price)
    spread = spread_of(side, qty, price, mid, state.units[instrument])
    realised = row["realised_micro"]
    fifo_realised = queue["realised_micro"]
    book(state, at, side, liquidity, qty, price, fee, spread)
    fill["price_ticks"] = price
    fill["qty_lots"] = qty
    fill["fee_micro"] = fee
    fill["realised_micro"] = row["realised_micro"] - realised
    fill["fifo_realised_micro"] = queue["realised_micro"] - fifo_realised
    fill["spread_micro"] = spread
    fill["mark_half_ticks"] = mid
    return mid


@hot
def identify(fill, report):
    """Copy into a FILL what names the execution."""
    fill["report_seq"] = report["report_seq"]
    fill["match_number"] = report["match_number"]
    fill["order_id"] = report["order_id"]
    fill["intent_id"] = report["intent_id"]
    fill["venue_ns"] = report["venue_ns"]
    fill["instrument_id"] = report["instrument_id"]
    fill["strategy_id"] = report["strategy_id"]
    fill["kind"] = report["kind"]
    fill["side"] = report["side"]
    fill["liquidity"] = report["liquidity"]
    fill["session_id"] = report["session_id"]
    fill["reserved0"] = 0
    fill["reserved"][0] = 0
    fill["reserved"][1] = 0


@hot
def _apply_fill(state, at, report, now_ns):
    """Journal, then publish, one execution. Returns APPLIED, or WAITING when the journal has no room."""
    address = journal_claim(state.journal[0])
    if address == 0:
        note_error(state.me[0], ERROR_JOURNAL_FULL, state.journal[0]["next_seq"], state.journal[0]["watermark_cached"])
        return WAITING
    fill = record_at(address, FILL)
    identify(fill, report)
    mid = _book(state, at, report, fill)
    row = state.rows[at]
    row["reports_seq"] = report["report_seq"]
    row["now_ns"] = now_ns
    copy_bytes(address + FILL_BYTES, row_addr(state, at), POSITION_BYTES)
    failpoint(FP_FILL_BOOKED)
    journal_commit(state.journal[0], JOURNAL_FILL, FILL_BYTES + POSITION_BYTES, stamp(state.me[0]), now_ns)
    failpoint(FP_FILL_JOURNALLED)
    state.unsaved[at] = 0
    publish_position(state, at)
    failpoint(FP_POSITION_PUBLISHED)
    publish_pnl(state, at, mid, now_ns)
    count(state.me[0], KEEPER_FILLS, 1)
    return APPLIED


@hot
def see(state, at, sequence, now_ns):
    """Row `at` contains a report that changed nothing in it."""
    state.rows[at]["reports_seq"] = sequence
    state.rows[at]["now_ns"] = now_ns
    state.unsaved[at] = 1
    publish_position(state, at)


@hot
def apply_report(state, sender, report, now_ns):
    """Apply one REPORT of order_sender `sender`, in stream order. Returns APPLIED, SEEN, WAITING or NOWHERE.

    WAITING for a broken or corrected trade of a row that does not contain it yet: changes.py applies those.
    """
    sequence = report["report_seq"]
    if sequence <= state.applied_seq[sender]:
        return SEEN
    if sequence > state.applied_seq[sender] + 1:
        return WAITING
    kind = report["kind"]
    changes = kind == REPORT_BROKEN or kind == REPORT_CORRECTED
    at = row_of(state, report)
    result = APPLIED
    if at < 0:
        result = NOWHERE
        if changes or kind == REPORT_EXECUTED:
            note_error(state.me[0], ERROR_REPORT_ROW, report["strategy_id"], report["instrument_id"])
    elif sequence <= state.rows[at]["reports_seq"]:
        result = SEEN
    elif changes:
        return WAITING
    elif kind == REPORT_EXECUTED and not is_sane(state, report):
        result = NOWHERE
        note_error(state.me[0], ERROR_REPORT_VALUE, sequence, report["qty_lots"])
    elif kind == REPORT_EXECUTED:
        if _apply_fill(state, at, report, now_ns) == WAITING:
            return WAITING
    else:
        see(state, at, sequence, now_ns)
    state.applied_seq[sender] = sequence
    count(state.me[0], KEEPER_REPORTS, 1)
    return result


@hot
def _ask_for_journal(state):
    keeper = state.keeper[0]
    at_ns = stamp(state.me[0])
    if at_ns - keeper["caught_up_stamp"] > CATCH_UP_EVERY_NS:
        keeper["caught_up_stamp"] = at_ns
        state.exit_request[0] = EXIT_CATCH_UP
        count(state.me[0], KEEPER_CATCH_UPS, 1)


@hot
def _take_reports(state, sender, now_ns):
    end = state.reports[sender]
    taken = 0
    result = APPLIED
    address = ring_peek(end)
    while address != 0 and taken < BATCH_MAX:
        report = record_at(address, REPORT)
        result = apply_report(state, sender, report, now_ns)
        if result == WAITING:
            break
        record_span(state.me[0], HOP_REPORT, stamp(state.me[0]) - report["publish_stamp_ns"])
        ring_advance(end)
        taken += 1
        address = ring_peek(end)
    if taken > 0:
        ring_release(end)
    if ring_is_behind(end) != 0:
        ring_caught_up(end, state.applied_seq[sender])
        if address == 0:
            _ask_for_journal(state)
    if result == WAITING:
        _ask_for_journal(state)
    return taken


# --- rounds over all rows ------------------------------------------------------------------------------------------


@hot
def _mark_some(state, now_ns):
    """Mark up to ROWS_MAX rows of this round whose mid moved. Returns rows published."""
    keeper = state.keeper[0]
    if now_ns >= keeper["mark_next_ns"]:
        keeper["mark_next_ns"] = now_ns + keeper["mark_every_ns"]
        keeper["mark_cursor"] = 0
    first = keeper["mark_cursor"]
    last = min(first + ROWS_MAX, len(state.rows))
    published = 0
    for at in range(first, last):
        if state.rows[at]["fills"] > 0:
            mid = mid_of(state, at % keeper["instruments"])
            if mid != 0 and mid != state.marks[at]["mark_half_ticks"]:
                publish_pnl(state, at, mid, now_ns)
                published += 1
    keeper["mark_cursor"] = last
    return published


@hot
def _save_some(state, now_ns):
    """Journal up to ROWS_MAX rows of this round that changed without a fill. Returns entries written."""
    keeper = state.keeper[0]
    if now_ns >= keeper["snapshot_next_ns"]:
        keeper["snapshot_next_ns"] = now_ns + keeper["snapshot_every_ns"]
        keeper["snapshot_cursor"] = 0
    first = keeper["snapshot_cursor"]
    last = min(first + ROWS_MAX, len(state.rows))
    written = 0
    for at in range(first, last):
        if state.unsaved[at] == 0:
            continue
        address = journal_claim(state.journal[0])
        if address == 0:
            last = at
            break
        copy_bytes(address, row_addr(state, at), POSITION_BYTES)
        failpoint(FP_ROW_CLAIMED)
        journal_commit(state.journal[0], JOURNAL_SNAPSHOT, POSITION_BYTES, stamp(state.me[0]), now_ns)
        failpoint(FP_ROW_JOURNALLED)
        state.unsaved[at] = 0
        written += 1
    keeper["snapshot_cursor"] = last
    return written


@hot
def step(state, now_ns):
    """One duty cycle: reports, then a few marks, then a few snapshots. Returns the work count."""
    work = 0
    for sender in range(len(state.reports)):
        work += _take_reports(state, sender, now_ns)
    work += _mark_some(state, now_ns)
    work += _save_some(state, now_ns)
    return work

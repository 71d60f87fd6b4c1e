"""Changes: executions that the venue breaks or corrects. Cold: the hot thread waits outside while they are applied.

A row after a break is what replaying the executions that stand makes of it, in the order in which they came; after a
correction the same, the execution keeping its place with its new price and size. So positions, cash, cost, realised
P&L, fees and lots are those of a history in which the venue had not erred. Each is applied once: a broken execution is
not found again, and a correction that changes nothing changes nothing. What names no execution of ours is counted.
"""

import numpy as np

from procs.position_keeper.money import spread_of
from procs.position_keeper.rows import clear_row, fee_for, publish_pnl, publish_position, replay, row_addr
from procs.position_keeper.step import APPLIED, NOWHERE, WAITING, identify, is_sane, row_of, see
from shm.atomics import address_of, copy_bytes
from shm.codes import JOURNAL_FILL, REPORT_BROKEN
from shm.counters import KEEPER_BROKEN, KEEPER_CORRECTED, KEEPER_REPORTS
from shm.error_log import ERROR_BREAK_UNKNOWN, ERROR_REPORT_VALUE
from shm.instance import count, note_error, stamp
from shm.jit import hot
from shm.journal import journal_claim, journal_commit
from shm.records.fill import FILL
from shm.records.position import POSITION

POSITION_BYTES = POSITION.itemsize
FILL_BYTES = FILL.itemsize


def apply_change(state, sender: int, report: np.void, executions, now_ns: int) -> int:
    """Apply a broken or corrected trade that is next in its stream and names a row of ours.

    `executions` has everything in our journal. Returns APPLIED, NOWHERE, or WAITING when our journal has no room.
    """
    at = int(row_of(state, report))
    before = executions.find(report)
    result = NOWHERE
    if before is None:
        note_error(state.me[0], ERROR_BREAK_UNKNOWN, report["report_seq"], report["match_number"])
    elif report["kind"] != REPORT_BROKEN and not is_sane(state, _whole(report, before)):
        note_error(state.me[0], ERROR_REPORT_VALUE, report["report_seq"], report["qty_lots"])
    elif journal_claim(state.journal[0]) == 0:
        return WAITING
    else:
        _rebuild_row(state, at, report, before, executions, now_ns)
        result = APPLIED
    if result == NOWHERE:
        see(state, at, report["report_seq"], now_ns)
    state.applied_seq[sender] = report["report_seq"]
    count(state.me[0], KEEPER_REPORTS, 1)
    return result


def _whole(report: np.void, before: np.void) -> np.void:
    """The report with what only the execution knows; a correction may have changed the liquidity."""
    whole = np.array([report])
    whole[0]["side"], whole[0]["session_id"] = before["side"], before["session_id"]
    if report["kind"] == REPORT_BROKEN or report["liquidity"] == 0:
        whole[0]["liquidity"] = before["liquidity"]
    return whole[0]


def _rebuild_row(state, at: int, report: np.void, before: np.void, executions, now_ns: int) -> None:
    row, queue = state.rows[at], state.queues[at]
    fill = np.zeros(1, FILL)
    whole = _whole(report, before)
    identify(fill[0], whole)
    realised, fifo_realised = int(row["realised_micro"]), int(queue["realised_micro"])
    after = _after(state, at, whole, before)
    standing = executions.of_row(at)
    same = (standing["match_number"] == before["match_number"]) & (standing["order_id"] == before["order_id"])
    place = int(np.flatnonzero(same & (standing["session_id"] == before["session_id"]))[0])
    if after is None:
        standing = np.delete(standing, place)
    else:
        standing[place] = after
    clear_row(state, at)
    replay(state, standing)
    row["reports_seq"], row["now_ns"] = report["report_seq"], now_ns
    shown = before if after is None else after
    for name in ("price_ticks", "qty_lots", "mark_half_ticks"):
        fill[0][name] = shown[name]
    for name in ("fee_micro", "spread_micro"):
        fill[0][name] = (0 if after is None else after[name]) - before[name]
    fill[0]["realised_micro"] = row["realised_micro"] - realised
    fill[0]["fifo_realised_micro"] = queue["realised_micro"] - fifo_realised
    commit_change(state, at, address_of(fill), now_ns)
    count(state.me[0], KEEPER_BROKEN if after is None else KEEPER_CORRECTED, 1)


def _after(state, at: int, report: np.void, before: np.void) -> np.void | None:
    """The execution with its new terms, and the fee and spread that they give; None when it is broken."""
    if report["kind"] == REPORT_BROKEN:
        return None
    after = before.copy()
    instrument = at % int(state.keeper[0]["instruments"])
    side, qty, price = int(before["side"]), int(report["qty_lots"]), int(report["price_ticks"])
    liquidity = int(report["liquidity"])
    after["price_ticks"], after["qty_lots"], after["liquidity"] = price, qty, liquidity
    after["fee_micro"] = fee_for(state, int(before["session_id"]), instrument, liquidity, qty, price)
    unit = int(state.units[instrument])
    after["spread_micro"] = spread_of(side, qty, price, int(before["mark_half_ticks"]), unit)
    return after


@hot
def commit_change(state, at, fill_addr, now_ns):
    """Journal a break or correction with the row as it is after it, then publish the row. Needs room in the journal."""
    address = journal_claim(state.journal[0])
    copy_bytes(address, fill_addr, FILL_BYTES)
    copy_bytes(address + FILL_BYTES, row_addr(state, at), POSITION_BYTES)
    journal_commit(state.journal[0], JOURNAL_FILL, FILL_BYTES + POSITION_BYTES, stamp(state.me[0]), now_ns)
    state.unsaved[at] = 0
    publish_position(state, at)
    publish_pnl(state, at, 0, now_ns)

"""Rows: what one row of `positions` becomes by an execution, and its publication in `positions`, `pnl` and `totals`."""

import numpy as np

from procs.position_keeper.accounts import charge, clear, execute
from procs.position_keeper.lots import LOTS_FULL, drop_all, trade_lots
from procs.position_keeper.money import fee_of, fee_row, mark_half_of, unrealised_of
from shm.atomics import copy_bytes, record_at
from shm.codes import SIDE_BUY
from shm.counters import KEEPER_MARKS
from shm.error_log import ERROR_LOTS_FULL
from shm.failpoint import failpoint
from shm.failpoints import FP_PNL_PUBLISHED, FP_TOTAL_PUBLISHED
from shm.instance import count, note_error
from shm.jit import hot
from shm.latest import latest_claim, latest_publish, latest_read
from shm.records.pnl import PNL, SUMMED, SUMMED_WORDS
from shm.records.position import POSITION
from shm.records.top import TOP
from shm.records.total import TOTAL

POSITION_BYTES = POSITION.itemsize
PNL_BYTES = PNL.itemsize
TOTAL_BYTES = TOTAL.itemsize
assert TOTAL.names[:SUMMED_WORDS] == SUMMED
SCOPES = 4  # rows of `totals` that a row of `pnl` adds to

# --- booking ---------------------------------------------------------------------------------------------------------


@hot
def book(state, at, side, liquidity, qty_lots, price_ticks, fee_micro, spread_micro):
    """Book an execution into row `at`: average cost, lots, fee, statistics. Nothing is published."""
    row = state.rows[at]
    queue = state.queues[at]
    unit = state.units[at % state.keeper[0]["instruments"]]
    cash = row["sold_micro"] - row["bought_micro"]
    signed = qty_lots if side == SIDE_BUY else -qty_lots
    if trade_lots(state.pool[0], queue, row["position_lots"], cash, signed, price_ticks, unit) == LOTS_FULL:
        note_error(state.me[0], ERROR_LOTS_FULL, np.int64(row["strategy_id"]), np.int64(row["instrument_id"]))
    execute(row, side, qty_lots, price_ticks, unit)
    charge(row, liquidity, qty_lots, qty_lots * price_ticks * unit, fee_micro)
    row["spread_micro"] += spread_micro


@hot
def fee_for(state, session, instrument, liquidity, qty_lots, price_ticks):
    """Fee of an execution by the schedule in force. `session` is one of ours."""
    rule = state.fees[fee_row(session * state.keeper[0]["instruments"], instrument, liquidity)]
    return fee_of(rule, qty_lots, price_ticks, state.units[instrument])


@hot
def clear_row(state, at):
    """Take everything out of row `at` that executions put there."""
    clear(state.rows[at])
    drop_all(state.pool[0], state.queues[at])


@hot
def replay(state, executions):
    """Book executions again, in order, with the fee and spread that they have. Cold."""
    for n in range(len(executions)):
        held = executions[n]
        book(
            state,
            np.int64(held["at"]),
            np.int64(held["side"]),
            np.int64(held["liquidity"]),
            held["qty_lots"],
            held["price_ticks"],
            held["fee_micro"],
            held["spread_micro"],
        )


# --- publication -----------------------------------------------------------------------------------------------------


@hot
def row_addr(state, at):
    """Address of private row `at`."""
    return state.keeper[0]["rows_addr"] + at * POSITION_BYTES


@hot
def publish_position(state, at):
    """Publish row `at` of `positions` from its private copy."""
    copy_bytes(latest_claim(state.positions[0], at), row_addr(state, at), POSITION_BYTES)
    latest_publish(state.positions[0], at)


@hot
def mid_of(state, instrument):
    """Twice the newest mid of an instrument, in price ticks; 0 when there is none."""
    top_addr = state.keeper[0]["top_addr"]
    if latest_read(state.tops[0], instrument, top_addr) <= 0:
        return 0
    top = record_at(top_addr, TOP)
    return mark_half_of(top["bid_price_ticks"], top["ask_price_ticks"])


@hot
def _mark_fifo(mark, queue):
    # realised + unrealised of both methods is one sum, so what costs differ by is what unrealised differs by
    mark["fifo_unusable"] = queue["unusable"]
    mark["fifo_cost_micro"] = queue["cost_micro"]
    mark["fifo_realised_micro"] = queue["realised_micro"]
    mark["fifo_unrealised_micro"] = 0
    if queue["unusable"] == 0:
        mark["fifo_unrealised_micro"] = mark["unrealised_micro"] + mark["cost_micro"] - queue["cost_micro"]


@hot
def _mark(state, at, mark_half_ticks, now_ns):
    """Mark private row `at`. Without a mid the last mark stays."""
    row = state.rows[at]
    mark = state.marks[at]
    if mark_half_ticks > 0:
        mark["mark_half_ticks"] = mark_half_ticks
    unit = state.units[at % state.keeper[0]["instruments"]]
    mark["realised_micro"] = row["realised_micro"]
    mark["unrealised_micro"] = unrealised_of(row["position_lots"], row["cost_micro"], mark["mark_half_ticks"], unit)
    mark["fees_micro"] = row["fees_micro"]
    mark["spread_micro"] = row["spread_micro"]
    mark["bought_micro"], mark["sold_micro"] = row["bought_micro"], row["sold_micro"]
    mark["bought_lots"], mark["sold_lots"] = row["bought_lots"], row["sold_lots"]
    mark["position_lots"], mark["fills"] = row["position_lots"], row["fills"]
    mark["added_lots"], mark["added_micro"] = row["added_lots"], row["added_micro"]
    mark["added_fees_micro"] = row["added_fees_micro"]
    mark["cost_micro"] = row["cost_micro"]
    _mark_fifo(mark, state.queues[at])
    mark["reports_seq"] = row["reports_seq"]
    mark["now_ns"] = now_ns


@hot
def mark_row(state, at, mark_half_ticks, now_ns):
    """Mark private row `at` and carry what changed into the private totals. Nothing is published."""
    for word in range(SUMMED_WORDS):
        state.before[word] = state.mark_words[at, word]
    _mark(state, at, mark_half_ticks, now_ns)
    for scope in range(SCOPES):
        total = state.totals_of[at, scope]
        for word in range(SUMMED_WORDS):
            state.total_words[total, word] += state.mark_words[at, word] - state.before[word]
        state.totals_held[total]["now_ns"] = now_ns


@hot
def publish_total(state, total):
    """Publish one row of `totals` from its private copy."""
    source = state.keeper[0]["totals_addr"] + total * TOTAL_BYTES
    copy_bytes(latest_claim(state.totals[0], total), source, TOTAL_BYTES)
    latest_publish(state.totals[0], total)


@hot
def publish_mark(state, at):
    """Publish row `at` of `pnl` from its private copy."""
    copy_bytes(latest_claim(state.pnl[0], at), state.keeper[0]["marks_addr"] + at * PNL_BYTES, PNL_BYTES)
    latest_publish(state.pnl[0], at)
    count(state.me[0], KEEPER_MARKS, 1)


@hot
def publish_pnl(state, at, mark_half_ticks, now_ns):
    """Mark row `at` and publish it in `pnl`, and the four rows of `totals` that it adds to."""
    mark_row(state, at, mark_half_ticks, now_ns)
    publish_mark(state, at)
    failpoint(FP_PNL_PUBLISHED)
    for scope in range(SCOPES):
        publish_total(state, state.totals_of[at, scope])
        failpoint(FP_TOTAL_PUBLISHED)

"""Answers: one decoded OUCH message of the venue becomes a report.

The venue is believed: its price, its quantities, its executions. What the life cycle does not allow is a counted error;
an execution is reported even then, because the position is real. An execution beyond the order's size, or an answer
that brings a closed order back to life, halts the instrument.
"""

from procs.order_sender.life_cycle import (
    ILLEGAL,
    ORDER_STATE_CLOSED,
    leaves_after,
    next_state,
)
from procs.order_sender.orders import slot_of_ref
from procs.order_sender.reports import clear_draft, draft_for, event_of, post_draft
from procs.wire.ouch.event import (
    OUCH_ACCEPTED,
    OUCH_AIQ_CANCELED,
    OUCH_BROKEN,
    OUCH_CANCEL_PENDING,
    OUCH_CANCEL_REJECT,
    OUCH_CANCELED,
    OUCH_EXECUTED,
    OUCH_LIQUIDITY_ADDED,
    OUCH_MODIFIED,
    OUCH_PRIORITY,
    OUCH_REJECTED,
    OUCH_REPLACED,
    OUCH_RESTATED,
    OUCH_STATE_DEAD,
)
from shm.codes import (
    LIQUIDITY_ADDED,
    LIQUIDITY_REMOVED,
    REPORT_ACCEPTED,
    REPORT_BROKEN,
    REPORT_CANCEL_PENDING,
    REPORT_CANCEL_REJECTED,
    REPORT_CANCELED,
    REPORT_EXECUTED,
    REPORT_REJECTED,
    REPORT_REPLACED,
    REPORT_RESTATED,
    STATE_HALTED,
)
from shm.control import control_instrument_scope, control_session_scope, control_set
from shm.counters import SENDER_UNKNOWN
from shm.error_log import (
    ERROR_SENDER_ILLEGAL_EVENT,
    ERROR_SENDER_OVERFILL,
    ERROR_SENDER_UNKNOWN_ORDER,
    ERROR_SENDER_UNKNOWN_TRADE,
)
from shm.instance import count, note_error
from shm.int_map import MAP_MISSING, map_get
from shm.jit import hot


@hot
def report_kind_of(ouch_kind):
    """REPORT_* of an OUCH message about an order, 0 for any other message."""
    if ouch_kind == OUCH_ACCEPTED:
        return REPORT_ACCEPTED
    if ouch_kind == OUCH_REPLACED:
        return REPORT_REPLACED
    if ouch_kind == OUCH_CANCELED or ouch_kind == OUCH_AIQ_CANCELED:
        return REPORT_CANCELED
    if ouch_kind == OUCH_EXECUTED:
        return REPORT_EXECUTED
    if ouch_kind == OUCH_BROKEN:
        return REPORT_BROKEN
    if ouch_kind == OUCH_REJECTED:
        return REPORT_REJECTED
    if ouch_kind == OUCH_CANCEL_PENDING:
        return REPORT_CANCEL_PENDING
    if ouch_kind == OUCH_CANCEL_REJECT:
        return REPORT_CANCEL_REJECTED
    if ouch_kind == OUCH_PRIORITY or ouch_kind == OUCH_MODIFIED or ouch_kind == OUCH_RESTATED:
        return REPORT_RESTATED
    return 0


@hot
def halt_instrument(state, instrument_id):
    """Say HALTED for an instrument in our own row of control; only the operator takes it back."""
    control_set(state.control[0], control_instrument_scope(state.control[0], instrument_id), STATE_HALTED)


@hot
def _on_unknown(state, event, kind, now_ns):
    """A message about a reference that we never sent: counted, reported with order id 0, never adopted.

    One that means an open order or a trade halts the session: somebody else trades in our name, or we lost our journal.
    """
    count(state.me[0], SENDER_UNKNOWN, 1)
    note_error(state.me[0], ERROR_SENDER_UNKNOWN_ORDER, event["user_ref_num"], event["kind"])
    if kind == REPORT_ACCEPTED or kind == REPORT_REPLACED or kind == REPORT_EXECUTED:
        desk = state.desk[0]
        control_set(state.control[0], control_session_scope(state.control[0], desk["session_id"]), STATE_HALTED)
    clear_draft(state, kind, now_ns)
    draft = state.draft[0]
    draft["user_ref_num"] = event["user_ref_num"]
    draft["price_ticks"] = event["price_ticks"]
    draft["qty_lots"] = event["qty_lots"]
    draft["match_number"] = event["match_number"]
    draft["venue_order_ref"] = event["order_ref"]
    draft["side"] = event["side"]


@hot
def _draft_opening(state, event, slot):
    """ACCEPTED and REPLACED: the venue's price and size. A replacement's size counts what its original executed."""
    draft, row = state.draft[0], state.rows[slot]
    cum_lots = row["cum_lots"]
    leaves_lots = leaves_after(event["qty_lots"], cum_lots)
    if draft["kind"] == REPORT_REPLACED:  # its quantity is what is open, not the total that was asked for
        original = int(row["original"])
        if original >= 0:
            cum_lots = state.rows[original]["cum_lots"]
        leaves_lots = event["qty_lots"]
    draft["cum_lots"] = cum_lots
    draft["qty_lots"] = cum_lots + leaves_lots
    draft["leaves_lots"] = leaves_lots
    if event["order_state"] == OUCH_STATE_DEAD:
        draft["leaves_lots"] = 0
    draft["price_ticks"] = event["price_ticks"]


@hot
def _draft_execution(state, event, slot):
    """EXECUTED. Returns 1 when it is more than the order had open."""
    draft, row = state.draft[0], state.rows[slot]
    taken_lots = event["qty_lots"]
    draft["match_number"] = event["match_number"]
    draft["price_ticks"] = event["price_ticks"]
    draft["qty_lots"] = taken_lots
    draft["leaves_lots"] = leaves_after(row["leaves_lots"], taken_lots)
    draft["cum_lots"] = row["cum_lots"] + taken_lots
    draft["liquidity"] = LIQUIDITY_ADDED if event["liquidity_flag"] == OUCH_LIQUIDITY_ADDED else LIQUIDITY_REMOVED
    if taken_lots > row["leaves_lots"]:
        return 1
    return 0


@hot
def _draft_broken(state, event, slot):
    """BROKEN: the size and price of the execution, from its number. Returns 0 when that trade is unknown."""
    draft, row = state.draft[0], state.rows[slot]
    at = map_get(state.trade_of, event["match_number"])
    if at == MAP_MISSING:
        return 0
    draft["match_number"] = event["match_number"]
    draft["qty_lots"] = state.trades[at, 1]
    draft["price_ticks"] = state.trades[at, 2]
    draft["cum_lots"] = leaves_after(row["cum_lots"], state.trades[at, 1])
    return 1


@hot
def _draft_restated(state, event, slot):
    """Price and size changed by the venue. RESTATED itself changes what others see, not what is open."""
    draft, row = state.draft[0], state.rows[slot]
    if event["kind"] == OUCH_PRIORITY:
        draft["price_ticks"] = event["price_ticks"]
        draft["venue_order_ref"] = event["order_ref"]
    elif event["kind"] == OUCH_MODIFIED:
        draft["leaves_lots"] = event["qty_lots"]
        draft["qty_lots"] = row["cum_lots"] + event["qty_lots"]


@hot
def _draft_change(state, event, slot, kind):
    """Fill in what this kind of message changes. Returns 1, or 0 when nothing may be reported."""
    draft = state.draft[0]
    if kind == REPORT_ACCEPTED or kind == REPORT_REPLACED:
        _draft_opening(state, event, slot)
    elif kind == REPORT_EXECUTED:
        if _draft_execution(state, event, slot) == 1:
            note_error(state.me[0], ERROR_SENDER_OVERFILL, draft["order_id"], draft["cum_lots"])
            halt_instrument(state, int(draft["instrument_id"]))
    elif kind == REPORT_CANCELED:
        draft["leaves_lots"] = leaves_after(state.rows[slot]["leaves_lots"], event["qty_lots"])
        draft["qty_lots"] = event["qty_lots"]
    elif kind == REPORT_REJECTED:
        draft["leaves_lots"] = 0
    elif kind == REPORT_RESTATED:
        _draft_restated(state, event, slot)
    elif kind == REPORT_BROKEN:
        if _draft_broken(state, event, slot) == 0:
            note_error(state.me[0], ERROR_SENDER_UNKNOWN_TRADE, draft["order_id"], event["match_number"])
            return 0
    return 1


@hot
def _is_reported(state, slot, kind):
    """Whether the life cycle lets this draft out. An illegal one is counted; an execution goes out regardless."""
    draft = state.draft[0]
    before = int(state.rows[slot]["state"])
    legal = next_state(before, event_of(kind, draft["leaves_lots"])) != ILLEGAL
    if not legal:
        note_error(state.me[0], ERROR_SENDER_ILLEGAL_EVENT, draft["order_id"], before << 8 | kind)
        if before == ORDER_STATE_CLOSED and (kind == REPORT_ACCEPTED or kind == REPORT_REPLACED):
            halt_instrument(state, int(draft["instrument_id"]))
    if kind == REPORT_EXECUTED:
        return True
    if before == ORDER_STATE_CLOSED and kind != REPORT_BROKEN:
        return False  # a late answer: the report that closed the order said all
    return legal


@hot
def answer(state, event, ack_stamp_ns, now_ns):
    """Report one decoded message with sequence desk.venue_seq + 1. Returns 1, or 0 when it changed no order.

    Caller: with ROOM_FOR_ONE_MESSAGE in the journal, and no orphan left.
    """
    kind = report_kind_of(event["kind"])
    if kind == 0:
        return 0
    slot = slot_of_ref(state, event["user_ref_num"])
    if slot < 0:
        _on_unknown(state, event, kind, now_ns)
    else:
        draft_for(state, slot, kind, now_ns)
        if event["order_ref"] != 0:
            state.draft[0]["venue_order_ref"] = event["order_ref"]
        if _draft_change(state, event, slot, kind) == 0 or not _is_reported(state, slot, kind):
            return 0
    draft = state.draft[0]
    draft["venue_ns"] = event["venue_ns"]
    draft["venue_seq"] = state.desk[0]["venue_seq"] + 1
    draft["ack_stamp_ns"] = ack_stamp_ns
    draft["reason"] = event["reason"]
    return post_draft(state, now_ns)

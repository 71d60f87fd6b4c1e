"""Answers: one decoded OUCH message of the venue becomes a report.

The venue is believed: its price, its quantities, its executions. What the life cycle does not allow is a counted error;
an execution is reported even then, because the position is real. An execution beyond the order's size, or an answer
that brings a closed order back to life, halts the instrument.
"""

from procs.order_sender.desk import PHASE_READY, control_of, draft_of, me_of, row_of, trade_of
from procs.order_sender.draft import clear_draft, draft_for
from procs.order_sender.external import cancel_external, draft_external
from procs.order_sender.life_cycle import (
    ILLEGAL,
    ORDER_STATE_CLOSED,
    ORDER_STATE_EXTERNAL,
    leaves_after,
    next_state,
)
from procs.order_sender.mass_cancel import end_mass_cancel, refuse_mass_cancel
from procs.order_sender.orders import slot_of_ref
from procs.order_sender.reports import event_of, post_draft
from procs.order_sender.trades import find_trade
from procs.wire.ouch.appendage import TAG_DISPLAY_PRICE, TAG_SECONDARY_ORDER_REF, tag_value
from procs.wire.ouch.event import (
    OUCH_ACCEPTED,
    OUCH_AIQ_CANCELED,
    OUCH_BROKEN,
    OUCH_CANCEL_PENDING,
    OUCH_CANCEL_REJECT,
    OUCH_CANCELED,
    OUCH_CANCELED_USER,
    OUCH_CORRECTION,
    OUCH_EXECUTED,
    OUCH_LIQUIDITY_ADDED,
    OUCH_MASS_CANCEL_REPLY,
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
    REPORT_CORRECTED,
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
    if ouch_kind == OUCH_CORRECTION:
        return REPORT_CORRECTED
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
def halt_instrument(desk, instrument_id):
    """Say HALTED for an instrument in our own row of control; only the operator takes it back."""
    control_set(control_of(desk), control_instrument_scope(control_of(desk), instrument_id), STATE_HALTED)


@hot
def _on_unknown(desk, event, kind, now_ns):
    """A message about a reference that we never sent: an order is adopted, the rest counted and reported with id 0.

    One that means an open order or a trade halts the session: somebody else trades in our name. Only what the replay of
    a login tells does not: then nothing of ours can leave before its end, and a journal whose tail was lost is healed
    by it. A trade of an order that could not be adopted always halts: nobody's position has it.
    """
    count(me_of(desk), SENDER_UNKNOWN, 1)
    note_error(me_of(desk), ERROR_SENDER_UNKNOWN_ORDER, event["user_ref_num"], event["kind"])
    opens = (kind == REPORT_ACCEPTED or kind == REPORT_REPLACED) and event["order_state"] != OUCH_STATE_DEAD
    adopted = opens and draft_external(desk, event, kind, now_ns) == 1
    if (opens and (desk["phase"] == PHASE_READY or not adopted)) or kind == REPORT_EXECUTED:
        control_set(control_of(desk), control_session_scope(control_of(desk), desk["session_id"]), STATE_HALTED)
    if adopted:
        return
    clear_draft(desk, kind, now_ns)
    draft = draft_of(desk)
    draft["user_ref_num"] = event["user_ref_num"]
    draft["price_ticks"] = event["price_ticks"]
    draft["qty_lots"] = event["qty_lots"]
    draft["match_number"] = event["match_number"]
    draft["venue_order_ref"] = event["order_ref"]
    draft["side"] = event["side"]


@hot
def _draft_opening(desk, event, slot):
    """ACCEPTED and REPLACED: the venue's price and size. A replacement's total counts what its original executed.

    Accepted is what was entered, less what a cancel took off that was answered before (it never is on this wire).

    Venues differ in what REPLACED calls its quantity: what is open, or the total that was asked for. Executions are in
    the same stream, so what is open can never be more than the total asked for less what was executed.
    """
    draft, row = draft_of(desk), row_of(desk, slot)
    cum_lots = row["cum_lots"]
    leaves_lots = leaves_after(min(event["qty_lots"], row["qty_lots"]), cum_lots)
    if draft["kind"] == REPORT_REPLACED:
        original = int(row["original"])
        if original >= 0:
            cum_lots = row_of(desk, original)["cum_lots"]
        leaves_lots = min(event["qty_lots"], leaves_after(row["qty_lots"], cum_lots))
    draft["cum_lots"] = cum_lots
    draft["qty_lots"] = cum_lots + leaves_lots
    draft["leaves_lots"] = leaves_lots
    if event["order_state"] == OUCH_STATE_DEAD:
        draft["leaves_lots"] = 0
    draft["price_ticks"] = event["price_ticks"]


@hot
def _draft_execution(desk, event, slot):
    """EXECUTED. Returns 1 when it is more than the order had open."""
    draft, row = draft_of(desk), row_of(desk, slot)
    taken_lots = event["qty_lots"]
    draft["match_number"] = event["match_number"]
    draft["price_ticks"] = event["price_ticks"]
    draft["qty_lots"] = taken_lots
    draft["leaves_lots"] = leaves_after(row["leaves_lots"], taken_lots)
    draft["cum_lots"] = row["cum_lots"] + taken_lots
    draft["liquidity"] = _liquidity(event)
    if taken_lots > row["leaves_lots"]:
        return 1
    return 0


@hot
def _liquidity(event):
    return LIQUIDITY_ADDED if event["liquidity_flag"] == OUCH_LIQUIDITY_ADDED else LIQUIDITY_REMOVED


@hot
def _draft_trade_change(desk, event, n, kind):
    """BROKEN: size and price of the n-th trade. CORRECTED: the new ones, which the message has.

    What is open stays: the venue does not put lots of a broken trade back.
    """
    draft, trade = draft_of(desk), trade_of(desk, n)
    draft["match_number"] = event["match_number"]
    draft["cum_lots"] = leaves_after(draft["cum_lots"], trade["qty_lots"])
    draft["qty_lots"] = trade["qty_lots"]
    draft["price_ticks"] = trade["price_ticks"]
    if kind == REPORT_CORRECTED:
        draft["qty_lots"] = event["qty_lots"]
        draft["price_ticks"] = event["price_ticks"]
        draft["cum_lots"] += event["qty_lots"]
        draft["liquidity"] = _liquidity(event)


@hot
def _draft_old_trade(desk, event, n, kind, now_ns):
    """A change of the n-th trade, whose order's slot is another's by now."""
    clear_draft(desk, kind, now_ns)
    draft, trade = draft_of(desk), trade_of(desk, n)
    draft["order_id"] = trade["order_id"]
    draft["intent_id"] = trade["intent_id"]
    draft["user_ref_num"] = trade["user_ref_num"]
    draft["instrument_id"] = trade["instrument_id"]
    draft["strategy_id"] = trade["strategy_id"]
    draft["side"] = trade["side"]
    draft["cum_lots"] = trade["qty_lots"]
    _draft_trade_change(desk, event, n, kind)


@hot
def _draft_restated(desk, received, event, slot):
    """Price, size or number changed by the venue: the resting price comes from nowhere else.

    Restated itself names the price that it shows and a new number only where these changed.
    """
    draft, row = draft_of(desk), row_of(desk, slot)
    if event["kind"] == OUCH_PRIORITY:
        draft["price_ticks"] = event["price_ticks"]
        draft["venue_order_ref"] = event["order_ref"]
    elif event["kind"] == OUCH_MODIFIED:
        draft["leaves_lots"] = event["qty_lots"]
        draft["qty_lots"] = row["cum_lots"] + event["qty_lots"]
    else:
        draft["price_ticks"] = tag_value(received, event, TAG_DISPLAY_PRICE, row["price_ticks"])
        draft["venue_order_ref"] = tag_value(received, event, TAG_SECONDARY_ORDER_REF, row["venue_order_ref"])


@hot
def _draft_change(desk, received, event, slot, kind):
    """Fill in what this kind of message changes. Returns 1, or 0 when nothing may be reported."""
    draft = draft_of(desk)
    if kind == REPORT_ACCEPTED or kind == REPORT_REPLACED:
        _draft_opening(desk, event, slot)
    elif kind == REPORT_EXECUTED:
        if _draft_execution(desk, event, slot) == 1:
            note_error(me_of(desk), ERROR_SENDER_OVERFILL, draft["order_id"], draft["cum_lots"])
            halt_instrument(desk, int(draft["instrument_id"]))
    elif kind == REPORT_CANCELED:
        row = row_of(desk, slot)
        draft["leaves_lots"] = leaves_after(row["leaves_lots"], event["qty_lots"])
        draft["qty_lots"] = event["qty_lots"]
        if row["state"] == ORDER_STATE_EXTERNAL and row["cancel_asked"] != 0 and event["reason"] == OUCH_CANCELED_USER:
            draft["leaves_lots"] = 0  # the answer to our cancel of all of it, whatever its size was taken for
    elif kind == REPORT_REJECTED:
        draft["leaves_lots"] = 0
    elif kind == REPORT_RESTATED:
        _draft_restated(desk, received, event, slot)
    elif kind == REPORT_BROKEN or kind == REPORT_CORRECTED:
        n = find_trade(desk, event["match_number"], event["user_ref_num"])
        if n < 0:  # never seen, forgotten, or broken before
            note_error(me_of(desk), ERROR_SENDER_UNKNOWN_TRADE, draft["order_id"], event["match_number"])
            return 0
        _draft_trade_change(desk, event, n, kind)
    return 1


@hot
def _is_reported(desk, slot, kind):
    """Whether the life cycle lets this draft out. An illegal one is counted; an execution goes out regardless."""
    draft = draft_of(desk)
    before = int(row_of(desk, slot)["state"])
    legal = next_state(before, event_of(kind, draft["leaves_lots"])) != ILLEGAL
    if not legal:
        note_error(me_of(desk), ERROR_SENDER_ILLEGAL_EVENT, draft["order_id"], before << 8 | kind)
        if before == ORDER_STATE_CLOSED and (kind == REPORT_ACCEPTED or kind == REPORT_REPLACED):
            halt_instrument(desk, int(draft["instrument_id"]))
    if kind == REPORT_EXECUTED:
        return True
    if before == ORDER_STATE_CLOSED and kind != REPORT_BROKEN and kind != REPORT_CORRECTED:
        return False  # a late answer: the report that closed the order said all
    return legal


@hot
def _is_about_mass_cancel(desk, event):
    """1 when this is the answer to a mass cancel of ours, which is then over."""
    if event["user_ref_num"] != desk["mass_ref_last"] or desk["mass_ref_last"] == 0:
        return 0
    if event["kind"] == OUCH_MASS_CANCEL_REPLY:
        end_mass_cancel(desk)
        return 1
    if event["kind"] == OUCH_REJECTED:
        refuse_mass_cancel(desk, event["reason"])
        return 1
    return 0


@hot
def answer(desk, received, event, ack_stamp_ns, now_ns):
    """Report one decoded message with sequence desk.venue_seq + 1. Returns 1, or 0 when it changed no order.

    `received` is the array that `event` was decoded from. Caller: with ROOM_FOR_ONE_MESSAGE in the journal, and no
    orphan left.
    """
    kind = report_kind_of(event["kind"])
    if _is_about_mass_cancel(desk, event) == 1 or kind == 0:
        return 0
    slot = slot_of_ref(desk, event["user_ref_num"])
    old_trade = -1
    if slot < 0 and (kind == REPORT_BROKEN or kind == REPORT_CORRECTED):
        old_trade = find_trade(desk, event["match_number"], event["user_ref_num"])
    if old_trade >= 0:
        _draft_old_trade(desk, event, old_trade, kind, now_ns)
    elif slot < 0:
        _on_unknown(desk, event, kind, now_ns)
    else:
        draft_for(desk, slot, kind, now_ns)
        if event["order_ref"] != 0:
            draft_of(desk)["venue_order_ref"] = event["order_ref"]
        if _draft_change(desk, received, event, slot, kind) == 0 or not _is_reported(desk, slot, kind):
            return 0
    draft = draft_of(desk)
    draft["venue_ns"] = event["venue_ns"]
    draft["venue_seq"] = desk["venue_seq"] + 1
    draft["ack_stamp_ns"] = ack_stamp_ns
    draft["reason"] = event["reason"]
    posted = post_draft(desk, now_ns)
    if slot < 0 and desk["phase"] == PHASE_READY:
        cancel_external(desk, slot_of_ref(desk, event["user_ref_num"]), now_ns)
    return posted

"""External: orders that the venue has under our session and that no journal of ours knows.

Our journal's tail was lost in a power loss, or somebody else entered them. The venue's acknowledgement, which its
stream always has before any execution, names instrument, side, price and size: enough to adopt the order. It gets an
order id of its own range, is reported like any other, so that risk_gate counts its exposure and position_keeper its
fills, and is cancelled: at once, or as soon as the replay says that it still stands. Its account is that of the order
that it replaced, when we know one, else the house's.

What comes without an acknowledgement, or names an instrument that we do not know, cannot be adopted.
"""

from procs.order_sender.desk import control_of, draft_of, me_of, row_of, word_at
from procs.order_sender.draft import clear_draft
from procs.order_sender.entry_journal import journal_own_cancel
from procs.order_sender.life_cycle import ORDER_STATE_EXTERNAL, is_open
from procs.order_sender.orders import ask_cancel, clear_row, count_open, link_replacement, slot_for, slot_of_ref
from shm.codes import ORDER_ID_EXTERNAL, REPORT_ACCEPTED, REPORT_REPLACED, SIDE_BUY, SIDE_SELL
from shm.counters import SENDER_EXTERNAL
from shm.error_log import ERROR_SENDER_EXTERNAL
from shm.instance import count, note_error
from shm.jit import hot

SESSION_SHIFT = 48  # below it the report_seq of the adoption: unique in an epoch, and told by the report itself


@hot
def is_external(order_id):
    """1 for the id of an adopted order."""
    return 1 if order_id >= ORDER_ID_EXTERNAL else 0


@hot
def _instrument_of(desk, symbol):
    """Row of a symbol as on the wire, or -1. Cost: a look at each; an adoption is no part of the path."""
    for row in range(desk["instruments"]):
        if word_at(desk["symbols_addr"], row)["value"] == symbol:
            return row
    return -1


@hot
def draft_external(desk, event, kind, now_ns):
    """Draft the report that adopts the order of an ACCEPTED or REPLACED whose reference nobody here gave out.

    Returns 1, or 0 when it cannot be adopted: its instrument is not ours to know, or its slot holds an open order. A
    replacement's size is taken as what is open, the greater of the two readings (answers.py); what its original
    executed, if we know it, comes to it.
    """
    instrument_id = _instrument_of(desk, event["symbol"])
    side = event["side"]
    if instrument_id < 0 or (side != SIDE_BUY and side != SIDE_SELL) or event["qty_lots"] <= 0:
        return 0
    if is_open(row_of(desk, slot_for(desk, event["user_ref_num"]))["state"]) == 1:
        return 0
    clear_draft(desk, kind, now_ns)
    draft = draft_of(desk)
    draft["order_id"] = ORDER_ID_EXTERNAL | desk["session_id"] << SESSION_SHIFT | (desk["report_seq"] + 1)
    draft["intent_id"] = draft["order_id"]
    draft["user_ref_num"] = event["user_ref_num"]
    draft["venue_order_ref"] = event["order_ref"]
    draft["instrument_id"] = instrument_id
    draft["side"] = side
    draft["strategy_id"] = control_of(desk)["strategies"]  # the house
    draft["price_ticks"] = event["price_ticks"]
    if kind == REPORT_REPLACED:
        original = slot_of_ref(desk, event["orig_user_ref_num"])
        if original >= 0:
            row = row_of(desk, original)
            draft["strategy_id"] = row["strategy_id"]
            draft["old_order_id"] = row["order_id"]
            draft["old_intent_id"] = row["intent_id"]
            draft["cum_lots"] = row["cum_lots"]
    draft["leaves_lots"] = event["qty_lots"]
    draft["qty_lots"] = draft["cum_lots"] + event["qty_lots"]
    note_error(me_of(desk), ERROR_SENDER_EXTERNAL, draft["order_id"], event["user_ref_num"])
    count(me_of(desk), SENDER_EXTERNAL, 1)
    return 1


@hot
def open_external(desk, report):
    """Open the slot of an adopted order as its first report tells it. Used live and on recovery.

    Returns the slot, or -1 when the report adopts nothing.
    """
    kind = int(report["kind"])
    if is_external(report["order_id"]) == 0 or (kind != REPORT_ACCEPTED and kind != REPORT_REPLACED):
        return -1
    slot = slot_for(desk, report["user_ref_num"])
    row = row_of(desk, slot)
    if is_open(row["state"]) == 1:
        return -1
    clear_row(row)
    row["order_id"] = report["order_id"]
    row["intent_id"] = report["intent_id"]
    row["user_ref_num"] = report["user_ref_num"]
    row["venue_order_ref"] = report["venue_order_ref"]
    row["price_ticks"] = report["price_ticks"]
    row["qty_lots"] = report["qty_lots"]
    row["leaves_lots"] = report["leaves_lots"]
    row["cum_lots"] = report["cum_lots"]
    row["now_ns"] = report["now_ns"]
    row["instrument_id"] = report["instrument_id"]
    row["strategy_id"] = report["strategy_id"]
    row["state"] = ORDER_STATE_EXTERNAL
    row["side"] = report["side"]
    count_open(desk, row)
    if kind == REPORT_REPLACED:
        original = _slot_of_id(desk, report["old_order_id"])
        if original >= 0:
            link_replacement(desk, original, slot)
    return slot


@hot
def _slot_of_id(desk, order_id):
    """Slot of the order with this id, found by looking at each, or -1."""
    if order_id == 0:
        return -1
    for slot in range(desk["slots"]):
        if row_of(desk, slot)["order_id"] == order_id:
            return slot
    return -1


@hot
def cancel_external(desk, slot, now_ns):
    """Ask for the cancel of an adopted order that still stands; its bytes follow. Returns 1 when one was asked for."""
    if slot < 0 or row_of(desk, slot)["state"] != ORDER_STATE_EXTERNAL or row_of(desk, slot)["cancel_asked"] != 0:
        return 0
    journal_own_cancel(desk, slot, now_ns)
    return ask_cancel(desk, slot)

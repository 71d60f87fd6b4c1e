"""Draft: the report being made, with every field of it written."""

from procs.order_sender.desk import draft_of, row_of
from shm.codes import REPORT_EXPIRED
from shm.jit import hot


@hot
def clear_draft(desk, kind, now_ns):
    """Start an empty draft of REPORT_* `kind`."""
    draft = draft_of(desk)
    draft["order_id"] = 0
    draft["intent_id"] = 0
    draft["venue_order_ref"] = 0
    draft["match_number"] = 0
    draft["user_ref_num"] = 0
    draft["old_order_id"] = 0
    draft["old_intent_id"] = 0
    draft["price_ticks"] = 0
    draft["qty_lots"] = 0
    draft["leaves_lots"] = 0
    draft["cum_lots"] = 0
    draft["venue_ns"] = 0
    draft["venue_seq"] = 0
    draft["now_ns"] = now_ns
    draft["recv_stamp_ns"] = 0
    draft["tick_stamp_ns"] = 0
    draft["decide_stamp_ns"] = 0
    draft["pass_stamp_ns"] = 0
    draft["order_stamp_ns"] = 0
    draft["send_stamp_ns"] = 0
    draft["ack_stamp_ns"] = 0
    draft["publish_stamp_ns"] = 0
    draft["instrument_id"] = -1
    draft["strategy_id"] = -1
    draft["kind"] = kind
    draft["side"] = 0
    draft["liquidity"] = 0
    draft["session_id"] = desk["session_id"]
    draft["reason"] = 0


@hot
def draft_for(desk, slot, kind, now_ns):
    """Start a draft of REPORT_* `kind` about the order in `slot`, with its quantities and history as they are."""
    clear_draft(desk, kind, now_ns)
    draft = draft_of(desk)
    row = row_of(desk, slot)
    draft["order_id"] = row["order_id"]
    draft["intent_id"] = row["intent_id"]
    draft["venue_order_ref"] = row["venue_order_ref"]
    draft["user_ref_num"] = row["user_ref_num"]
    draft["old_order_id"] = row["old_order_id"]
    draft["old_intent_id"] = row["old_intent_id"]
    draft["price_ticks"] = row["price_ticks"]
    draft["qty_lots"] = row["qty_lots"]
    draft["leaves_lots"] = row["leaves_lots"]
    draft["cum_lots"] = row["cum_lots"]
    draft["recv_stamp_ns"] = row["recv_stamp_ns"]
    draft["tick_stamp_ns"] = row["tick_stamp_ns"]
    draft["decide_stamp_ns"] = row["decide_stamp_ns"]
    draft["pass_stamp_ns"] = row["pass_stamp_ns"]
    draft["order_stamp_ns"] = row["order_stamp_ns"]
    draft["send_stamp_ns"] = row["send_stamp_ns"]
    draft["instrument_id"] = row["instrument_id"]
    draft["strategy_id"] = row["strategy_id"]
    draft["side"] = row["side"]


@hot
def draft_for_unsent(desk, order, reason, now_ns):
    """Start a draft of REPORT_EXPIRED about an ORDER that dies before it was journalled, for REJECT_* `reason`."""
    clear_draft(desk, REPORT_EXPIRED, now_ns)
    draft = draft_of(desk)
    draft["order_id"] = order["order_id"]
    draft["intent_id"] = order["intent_id"]
    draft["price_ticks"] = order["price_ticks"]
    draft["qty_lots"] = order["qty_lots"]
    draft["recv_stamp_ns"] = order["recv_stamp_ns"]
    draft["tick_stamp_ns"] = order["tick_stamp_ns"]
    draft["decide_stamp_ns"] = order["decide_stamp_ns"]
    draft["pass_stamp_ns"] = order["pass_stamp_ns"]
    draft["order_stamp_ns"] = order["publish_stamp_ns"]
    draft["instrument_id"] = order["instrument_id"]
    draft["strategy_id"] = order["strategy_id"]
    draft["side"] = order["side"]
    draft["reason"] = reason

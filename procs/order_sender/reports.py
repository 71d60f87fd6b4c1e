"""Reports: one stream with one sequence, assigned in the journal; the rings are copies.

A report is drafted, journalled, applied to the order, and only then copied to the rings. `apply_report` is the only
place where an order changes because of the outside world; after a crash the journal's reports go through it again, so
the recovered state is equal by construction. A full ring marks its reader behind and never blocks.
"""

from procs.order_sender.desk import (
    REPORT_BYTES,
    draft_of,
    journal_of,
    me_of,
    reader_of,
    row_of,
    trade_of,
    word_at,
)
from procs.order_sender.life_cycle import (
    EVENT_BROKEN,
    EVENT_CANCEL_PENDING,
    EVENT_CANCEL_REJECTED,
    EVENT_CANCEL_SENT,
    EVENT_NEVER_ARRIVED,
    EVENT_REJECTED,
    EVENT_REPLACE_DIED,
    EVENT_REPLACED_AWAY,
    EVENT_RESTATED,
    EVENT_SESSION_LOST,
    EVENT_UNSENT,
    ILLEGAL,
    ORDER_STATE_CLOSED,
    ORDER_STATE_UNKNOWN,
    accepted_event,
    canceled_event,
    executed_event,
    is_unanswered,
    next_state,
)
from procs.order_sender.orders import enter_state, show, slot_of_ref, unlink_replacement
from shm.atomics import copy_bytes, record_at
from shm.codes import (
    REPORT_ACCEPTED,
    REPORT_BROKEN,
    REPORT_CANCEL_PENDING,
    REPORT_CANCEL_REJECTED,
    REPORT_CANCELED,
    REPORT_EXECUTED,
    REPORT_EXPIRED,
    REPORT_NEVER_ARRIVED,
    REPORT_REJECTED,
    REPORT_REPLACED,
    REPORT_RESTATED,
    REPORT_UNKNOWN,
)
from shm.counters import (
    SENDER_ACCEPTED,
    SENDER_CANCEL_REJECTS,
    SENDER_CANCELED,
    SENDER_EXPIRED,
    SENDER_FILLS,
    SENDER_OPEN_ORDERS,
    SENDER_REPLACED,
    SENDER_REPORTS,
    SENDER_VENUE_REJECTS,
)
from shm.instance import count, gauge, stamp
from shm.jit import hot
from shm.journal import JOURNAL_REPORT, journal_claim, journal_commit, journal_lag
from shm.records.report import REPORT
from shm.ring import (
    ring_caught_up_seq,
    ring_claim,
    ring_claim_part,
    ring_clear_behind,
    ring_mark_behind,
    ring_publish,
)

ROOM_FOR_ONE_MESSAGE = 8  # journal entries that one message of the venue may need, with the replacements it takes along
EVERY_STRATEGY = -1  # reader_strategy of a ring that gets all reports


# --- drafting --------------------------------------------------------------------------------------------------------


@hot
def journal_room(desk, entries):
    """1 when the journal takes that many more entries. Cost: the copier's line only when the cached word says no."""
    journal = journal_of(desk)
    if journal["next_seq"] - journal["watermark_cached"] + entries <= journal["capacity"]:
        return 1
    if journal_lag(journal) + entries <= journal["capacity"]:
        return 1
    return 0


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


# --- what a report does to an order ----------------------------------------------------------------------------------


@hot
def event_of(kind, leaves_lots):
    """EVENT_* that a report of REPORT_* `kind` with `leaves_lots` open after it means for its order."""
    if kind == REPORT_ACCEPTED or kind == REPORT_REPLACED:
        return accepted_event(leaves_lots)
    if kind == REPORT_EXECUTED:
        return executed_event(leaves_lots)
    if kind == REPORT_CANCELED:
        return canceled_event(leaves_lots)
    if kind == REPORT_REJECTED:
        return EVENT_REJECTED
    if kind == REPORT_CANCEL_REJECTED:
        return EVENT_CANCEL_REJECTED
    if kind == REPORT_CANCEL_PENDING:
        return EVENT_CANCEL_PENDING
    if kind == REPORT_RESTATED:
        return EVENT_RESTATED
    if kind == REPORT_BROKEN:
        return EVENT_BROKEN
    if kind == REPORT_EXPIRED:
        return EVENT_UNSENT
    if kind == REPORT_UNKNOWN:
        return EVENT_SESSION_LOST
    if kind == REPORT_NEVER_ARRIVED:
        return EVENT_NEVER_ARRIVED
    return 0


@hot
def _remember_trade(desk, report):
    """Keep size and price of an execution: a broken trade names only its number. The oldest is forgotten."""
    trade = trade_of(desk, desk["trades"])
    trade["match_number"] = report["match_number"]
    trade["qty_lots"] = report["qty_lots"]
    trade["price_ticks"] = report["price_ticks"]
    desk["trades"] += 1


@hot
def find_trade(desk, match_number):
    """Number of the execution with this match number, newest first, or -1. Cost: a look at each; few trades break."""
    for n in range(desk["trades"] - 1, max(-1, desk["trades"] - 1 - desk["trades_max"]), -1):
        if trade_of(desk, n)["match_number"] == match_number:
            return n
    return -1


@hot
def _apply_to_original(desk, slot, kind):
    """What the answer to a replacement means for the order that it replaces."""
    if kind == REPORT_REPLACED:
        original = unlink_replacement(desk, slot)
        if original >= 0:
            after = next_state(row_of(desk, original)["state"], EVENT_REPLACED_AWAY)
            if after != ILLEGAL:
                enter_state(desk, original, after)
            show(desk, original)
    elif kind == REPORT_REJECTED or kind == REPORT_NEVER_ARRIVED or kind == REPORT_EXPIRED:
        original = unlink_replacement(desk, slot)
        if original >= 0:
            after = next_state(row_of(desk, original)["state"], EVENT_REPLACE_DIED)
            if after != ILLEGAL:
                enter_state(desk, original, after)
            show(desk, original)


@hot
def apply_report(desk, report):
    """Change the order that `report` is about. Used live and on recovery alike; changes nothing for an unknown one."""
    if report["venue_seq"] > desk["venue_seq"]:
        desk["venue_seq"] = report["venue_seq"]
    if report["order_id"] > desk["order_id_last"]:
        desk["order_id_last"] = report["order_id"]
    kind = int(report["kind"])
    if kind == REPORT_EXECUTED and report["match_number"] != 0:
        _remember_trade(desk, report)
    elif kind == REPORT_BROKEN:
        n = find_trade(desk, report["match_number"])
        if n >= 0:
            trade_of(desk, n)["match_number"] = 0  # a trade breaks once
    if report["user_ref_num"] == 0:
        return
    slot = slot_of_ref(desk, report["user_ref_num"])
    if slot < 0:
        return
    row = row_of(desk, slot)
    before = int(row["state"])
    after = next_state(before, event_of(kind, report["leaves_lots"]))
    row["cum_lots"] = report["cum_lots"]
    row["now_ns"] = report["now_ns"]
    if after == ILLEGAL:
        return
    if kind != REPORT_EXECUTED and kind != REPORT_BROKEN and kind != REPORT_CANCELED:
        row["price_ticks"] = report["price_ticks"]
        row["qty_lots"] = report["qty_lots"]
    row["leaves_lots"] = report["leaves_lots"]
    if report["venue_order_ref"] != 0:
        row["venue_order_ref"] = report["venue_order_ref"]
    if kind == REPORT_EXECUTED:
        row["match_number"] = report["match_number"]
    if kind == REPORT_CANCEL_REJECTED:
        row["cancel_asked"] = 0
    enter_state(desk, slot, after)
    if row["cancel_asked"] != 0 and before == ORDER_STATE_UNKNOWN and after != ORDER_STATE_CLOSED:
        enter_state(desk, slot, next_state(after, EVENT_CANCEL_SENT))
    show(desk, slot)
    _apply_to_original(desk, slot, kind)
    if after == ORDER_STATE_CLOSED and before != ORDER_STATE_CLOSED and row["replacement"] >= 0:
        desk["orphan"] = row["replacement"]


# --- journal, copies -------------------------------------------------------------------------------------------------


@hot
def _count_report(desk, kind):
    me = me_of(desk)
    count(me, SENDER_REPORTS, 1)
    if kind == REPORT_ACCEPTED:
        count(me, SENDER_ACCEPTED, 1)
    elif kind == REPORT_EXECUTED:
        count(me, SENDER_FILLS, 1)
    elif kind == REPORT_CANCELED:
        count(me, SENDER_CANCELED, 1)
    elif kind == REPORT_REPLACED:
        count(me, SENDER_REPLACED, 1)
    elif kind == REPORT_REJECTED:
        count(me, SENDER_VENUE_REJECTS, 1)
    elif kind == REPORT_CANCEL_REJECTED:
        count(me, SENDER_CANCEL_REJECTS, 1)
    elif kind == REPORT_EXPIRED:
        count(me, SENDER_EXPIRED, 1)
    gauge(me, SENDER_OPEN_ORDERS, desk["orders_open"])


@hot
def reader_wants(desk, reader, strategy_id):
    """1 when reader `reader` gets reports of orders of `strategy_id`."""
    wanted = word_at(desk["reader_strategy_addr"], reader)["value"]
    if wanted == EVERY_STRATEGY or wanted == strategy_id:
        return 1
    return 0


@hot
def _copy_to_ring(desk, end, address, report_addr):
    target = record_at(address, REPORT)
    copy_bytes(address + 8, report_addr + 8, REPORT_BYTES - 8)
    target["publish_stamp_ns"] = stamp(me_of(desk))
    ring_publish(end)


@hot
def publish_to(desk, reader, report_addr):
    """Copy one report to one reader's ring; without room the reader is behind. Returns 1 when it was copied."""
    end = reader_of(desk, reader)
    if end["behind"] != 0:
        return 0
    address = ring_claim(end, 0)
    if address == 0:
        ring_mark_behind(end)
        return 0
    _copy_to_ring(desk, end, address, report_addr)
    return 1


@hot
def publish(desk, report_addr):
    """Copy the report at `report_addr` to every reader that wants it."""
    strategy_id = record_at(report_addr, REPORT)["strategy_id"]
    for reader in range(desk["readers"]):
        if reader_wants(desk, reader, strategy_id) == 1:
            publish_to(desk, reader, report_addr)


@hot
def recent_addr(desk, report_seq):
    """Address of a recent report. Caller: for recent_first <= report_seq <= the last."""
    return desk["recent_addr"] + (report_seq & (desk["recent_max"] - 1)) * REPORT_BYTES


@hot
def keep_recent(desk, report_addr):
    """Copy a report into the private ring of recent ones. Returns its address there."""
    report_seq = record_at(report_addr, REPORT)["report_seq"]
    address = recent_addr(desk, report_seq)
    copy_bytes(address, report_addr, REPORT_BYTES)
    if report_seq - desk["recent_first"] >= desk["recent_max"]:
        desk["recent_first"] = report_seq - desk["recent_max"] + 1
    return address


@hot
def post_draft(desk, now_ns):
    """Journal the draft under the next report_seq, apply it, copy it to the rings. Returns 0 with no journal room."""
    payload_addr = journal_claim(journal_of(desk))
    if payload_addr == 0:
        return 0
    draft = draft_of(desk)
    at_ns = stamp(me_of(desk))
    draft["report_seq"] = desk["report_seq"] + 1
    draft["publish_stamp_ns"] = at_ns
    copy_bytes(payload_addr, desk["draft_addr"], REPORT_BYTES)
    journal_commit(journal_of(desk), JOURNAL_REPORT, REPORT_BYTES, at_ns, now_ns)
    desk["report_seq"] += 1
    apply_report(desk, draft)
    publish(desk, keep_recent(desk, desk["draft_addr"]))
    _count_report(desk, int(draft["kind"]))
    return 1


@hot
def settle_orphans(desk, now_ns):
    """Close replacements whose original closed first: the venue replaces only a live order, so they never can live.

    Returns the number closed; leaves `orphan` standing when the journal is full, and then no message may be applied.
    """
    closed = 0
    while desk["orphan"] >= 0 and journal_room(desk, 1) == 1:
        slot = desk["orphan"]
        desk["orphan"] = -1
        row = row_of(desk, slot)
        if is_unanswered(row["state"]) == 1 or row["state"] == ORDER_STATE_UNKNOWN:
            draft_for(desk, slot, REPORT_NEVER_ARRIVED, now_ns)
            draft_of(desk)["leaves_lots"] = 0
            closed += post_draft(desk, now_ns)
    return closed


# --- readers behind --------------------------------------------------------------------------------------------------


@hot
def _missing_for(desk, reader, applied_seq):
    missing = 0
    for report_seq in range(applied_seq + 1, desk["report_seq"] + 1):
        report = record_at(recent_addr(desk, report_seq), REPORT)
        missing += reader_wants(desk, reader, report["strategy_id"])
    return missing


@hot
def refill(desk, reader):
    """Give a reader that is behind what it still misses, if it read the journal far enough. Returns reports copied.

    All or nothing: `behind` is cleared only when the ring is complete from the reader's own last sequence on. One try
    for each sequence that the reader names: it names another when it has read more of the journal.
    """
    end = reader_of(desk, reader)
    applied_seq = ring_caught_up_seq(end)
    if applied_seq + 1 < desk["recent_first"] or applied_seq > desk["report_seq"]:
        return 0
    if applied_seq == word_at(desk["refill_tried_addr"], reader)["value"]:
        return 0
    word_at(desk["refill_tried_addr"], reader)["value"] = applied_seq
    missing = _missing_for(desk, reader, applied_seq)
    if missing > 0 and (missing > end["capacity"] or ring_claim_part(end, missing - 1, 0) == 0):
        return 0
    word_at(desk["refill_tried_addr"], reader)["value"] = -1
    for report_seq in range(applied_seq + 1, desk["report_seq"] + 1):
        address = recent_addr(desk, report_seq)
        if reader_wants(desk, reader, record_at(address, REPORT)["strategy_id"]) == 1:
            _copy_to_ring(desk, end, ring_claim(end, 0), address)
    ring_clear_behind(end)
    return missing


@hot
def refill_readers(desk):
    """Look after every reader that is behind. Returns reports copied."""
    copied = 0
    for reader in range(desk["readers"]):
        if reader_of(desk, reader)["behind"] != 0:
            copied += refill(desk, reader)
    return copied

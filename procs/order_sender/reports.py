"""Reports: one stream with one sequence, assigned in the journal; the rings are copies (publish.py).

A report is drafted, journalled, applied to the order, and only then copied to the rings. `apply_report` is the only
place where an order changes because of the outside world; after a crash the journal's reports go through it again, so
the recovered state is equal by construction.
"""

from procs.order_sender.desk import REPORT_BYTES, draft_of, journal_of, me_of, row_of
from procs.order_sender.draft import draft_for
from procs.order_sender.external import is_external, open_external
from procs.order_sender.life_cycle import (
    EVENT_BROKEN,
    EVENT_CANCEL_PENDING,
    EVENT_CANCEL_REJECTED,
    EVENT_CANCEL_SENT,
    EVENT_CORRECTED,
    EVENT_NEVER_ARRIVED,
    EVENT_REJECTED,
    EVENT_REPLACE_DIED,
    EVENT_REPLACE_SENT,
    EVENT_REPLACED_AWAY,
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
    restated_event,
)
from procs.order_sender.orders import (
    enter_state,
    note_refused,
    note_smaller,
    show,
    slot_of_ref,
    unlink_replacement,
)
from procs.order_sender.publish import keep_recent, publish
from procs.order_sender.trades import break_trade, correct_trade, remember_trade
from shm.atomics import copy_bytes
from shm.codes import (
    REJECT_NOT_APPROVED,
    REPORT_ACCEPTED,
    REPORT_BROKEN,
    REPORT_CANCEL_PENDING,
    REPORT_CANCEL_REJECTED,
    REPORT_CANCELED,
    REPORT_CORRECTED,
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
from shm.failpoint import failpoint
from shm.failpoints import FP_REPORT_APPLIED, FP_REPORT_JOURNALLED, FP_REPORT_PUBLISHED
from shm.instance import count, gauge, stamp
from shm.jit import hot
from shm.journal import JOURNAL_REPORT, journal_claim, journal_commit, journal_lag

ROOM_FOR_ONE_MESSAGE = 8  # journal entries that one message of the venue may need, with the replacements it takes along


@hot
def journal_room(desk, entries):
    """1 when the journal takes that many more entries. Cost: the copier's line only when the cached word says no."""
    journal = journal_of(desk)
    if journal["next_seq"] - journal["watermark_cached"] + entries <= journal["capacity"]:
        return 1
    if journal_lag(journal) + entries <= journal["capacity"]:
        return 1
    return 0


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
        return restated_event(leaves_lots)
    if kind == REPORT_BROKEN:
        return EVENT_BROKEN
    if kind == REPORT_CORRECTED:
        return EVENT_CORRECTED
    if kind == REPORT_EXPIRED:
        return EVENT_UNSENT
    if kind == REPORT_UNKNOWN:
        return EVENT_SESSION_LOST
    if kind == REPORT_NEVER_ARRIVED:
        return EVENT_NEVER_ARRIVED
    return 0


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
def _apply_to_trades(desk, report, kind):
    if report["match_number"] == 0:
        return
    if kind == REPORT_EXECUTED:
        remember_trade(desk, report)
    elif kind == REPORT_BROKEN:
        break_trade(desk, report)
    elif kind == REPORT_CORRECTED:
        correct_trade(desk, report)


@hot
def _apply_quantities(row, report, kind):
    """What the report says of the order itself. Of a trade it has the trade's price and size, of a cancel the size."""
    if kind == REPORT_CANCELED:
        if report["leaves_lots"] > 0:
            row["qty_lots"] = report["cum_lots"] + report["leaves_lots"]
    elif kind != REPORT_EXECUTED and kind != REPORT_BROKEN and kind != REPORT_CORRECTED:
        row["price_ticks"] = report["price_ticks"]
        row["qty_lots"] = report["qty_lots"]
    row["leaves_lots"] = report["leaves_lots"]
    if report["venue_order_ref"] != 0:
        row["venue_order_ref"] = report["venue_order_ref"]
    if kind == REPORT_EXECUTED:
        row["match_number"] = report["match_number"]


@hot
def _still_on_the_way(desk, slot):
    """A cancel or a replacement that is not answered yet shows in the state again."""
    row = row_of(desk, slot)
    event = EVENT_REPLACE_SENT
    if row["cancel_asked"] != 0:
        event = EVENT_CANCEL_SENT
    elif row["replacement"] < 0:
        return
    after = next_state(row["state"], event)
    if after != ILLEGAL:
        enter_state(desk, slot, after)


@hot
def apply_report(desk, report):
    """Change the order that `report` is about. Used live and on recovery alike; changes nothing for an unknown one."""
    if report["venue_seq"] > desk["venue_seq"]:
        desk["venue_seq"] = report["venue_seq"]
    refused = int(report["kind"]) == REPORT_EXPIRED and int(report["reason"]) == REJECT_NOT_APPROVED
    if not refused and report["order_id"] > desk["order_id_last"] and is_external(report["order_id"]) == 0:
        desk["order_id_last"] = report["order_id"]
    kind = int(report["kind"])
    _apply_to_trades(desk, report, kind)
    if report["user_ref_num"] == 0:
        return
    slot = slot_of_ref(desk, report["user_ref_num"])
    if slot < 0:
        slot = open_external(desk, report)
    if slot < 0:
        return
    row = row_of(desk, slot)
    before = int(row["state"])
    after = next_state(before, event_of(kind, report["leaves_lots"]))
    row["cum_lots"] = report["cum_lots"]
    row["now_ns"] = report["now_ns"]
    if after == ILLEGAL:
        return
    _apply_quantities(row, report, kind)
    if kind == REPORT_CANCEL_REJECTED:
        note_refused(desk, slot)
    enter_state(desk, slot, after)
    if kind == REPORT_CANCELED and after != ORDER_STATE_CLOSED:
        note_smaller(desk, slot)
    if before == ORDER_STATE_UNKNOWN or kind == REPORT_CANCEL_REJECTED:
        _still_on_the_way(desk, slot)
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
    failpoint(FP_REPORT_JOURNALLED)
    desk["report_seq"] += 1
    apply_report(desk, draft)
    failpoint(FP_REPORT_APPLIED)
    publish(desk, keep_recent(desk, desk["draft_addr"]))
    failpoint(FP_REPORT_PUBLISHED)
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

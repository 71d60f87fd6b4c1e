"""Waiting: orders in the transmit frame, journalled and encoded, of which no byte has left.

Control and expiry are read for each of them as the last thing of the cycle, right before the send. What may not leave
is taken out whole and answered with REPORT_EXPIRED; the answer needs room in the journal, the taking out does not.
"""

from procs.order_sender.desk import (
    HOP_TICK_TO_ORDER,
    control_of,
    draft_of,
    me_of,
    row_of,
    taken_out,
    waiting_of,
)
from procs.order_sender.draft import draft_for
from procs.order_sender.life_cycle import is_open
from procs.order_sender.reports import journal_room, post_draft
from procs.order_sender.transmit import bytes_waiting, cut_out
from shm.codes import (
    INTENT_REPLACE,
    PASS,
    REJECT_ALREADY_CANCELLING,
    REJECT_CANCEL_ONLY,
    REJECT_EXPIRED,
    REJECT_HALTED,
    REJECT_UNKNOWN_TARGET,
    REPORT_EXPIRED,
    STATE_CANCEL_ONLY,
)
from shm.control import control_state
from shm.instance import record_span
from shm.jit import hot


@hot
def reason_to_die(desk, strategy_id, instrument_id, expires_ns, now_ns):
    """REJECT_* for an order that must not leave now, else PASS. Cost: the control words, each time."""
    control = control_state(control_of(desk), desk["session_id"], strategy_id, instrument_id)
    if control > STATE_CANCEL_ONLY:
        return REJECT_HALTED
    if control == STATE_CANCEL_ONLY:
        return REJECT_CANCEL_ONLY
    if expires_ns > 0 and now_ns > expires_ns:
        return REJECT_EXPIRED
    return PASS


@hot
def find_waiting(desk, slot):
    """Number of the order in `slot` among those that wait whole, or -1."""
    for n in range(desk["waiting_orders"]):
        waiting = waiting_of(desk, n)
        if waiting["bytes"] > 0 and waiting["slot"] == slot:
            return n
    return -1


@hot
def cancel_waiting(desk, slot):
    """Let an order that waits whole die in this cycle. Returns 1, or 0 when it does not wait."""
    n = find_waiting(desk, slot)
    if n < 0:
        return 0
    waiting_of(desk, n)["reason"] = REJECT_ALREADY_CANCELLING
    return 1


@hot
def _replaces_dying(desk, row):
    """1 when a replacement's original is itself taken out."""
    if row["kind"] != INTENT_REPLACE:
        return 0
    for n in range(desk["waiting_orders"]):
        waiting = waiting_of(desk, n)
        if waiting["reason"] != 0 and waiting["slot"] == row["original"]:
            return 1
    return 0


@hot
def _judge(desk, waiting, now_ns):
    """REJECT_* for an order that waits, or 0. One that closed meanwhile has its last report already."""
    if waiting["reason"] != 0:
        return waiting["reason"]
    row = row_of(desk, waiting["slot"])
    if is_open(row["state"]) == 0 or _replaces_dying(desk, row) == 1:
        return REJECT_UNKNOWN_TARGET
    reason = reason_to_die(desk, int(row["strategy_id"]), int(row["instrument_id"]), waiting["expires_ns"], now_ns)
    return 0 if reason == PASS else reason


@hot
def _answer(desk, waiting, now_ns):
    """Say that an order that was taken out is dead. Returns 1, or 0 with no journal room."""
    slot = waiting["slot"]
    if is_open(row_of(desk, slot)["state"]) == 0:
        return 1
    if journal_room(desk, 1) == 0:
        return 0
    draft_for(desk, slot, REPORT_EXPIRED, now_ns)
    draft = draft_of(desk)
    draft["leaves_lots"] = 0
    draft["reason"] = waiting["reason"]
    draft["send_stamp_ns"] = 0
    return post_draft(desk, now_ns)


@hot
def _keep(desk, kept, n):
    """Move the n-th row to place `kept`."""
    if kept == n:
        return
    source, target = waiting_of(desk, n), waiting_of(desk, kept)
    target["at"] = source["at"]
    target["bytes"] = source["bytes"]
    target["slot"] = source["slot"]
    target["expires_ns"] = source["expires_ns"]
    target["recv_stamp_ns"] = source["recv_stamp_ns"]
    target["reason"] = source["reason"]


@hot
def withdraw_orders(desk, tx, now_ns):
    """Take out every waiting order that may not leave, and answer it. Returns how many were taken out.

    Caller: the last thing of the cycle; what stays is handed to send without anything in between.
    """
    taken_back = 0
    for n in range(desk["waiting_orders"]):
        waiting = waiting_of(desk, n)
        if waiting["bytes"] == 0:
            continue
        waiting["reason"] = _judge(desk, waiting, now_ns)
        if waiting["reason"] != 0:
            cut_out(desk, tx, n)
            taken_back += 1
    kept = 0
    for n in range(desk["waiting_orders"]):
        waiting = waiting_of(desk, n)
        if waiting["bytes"] == 0 and _answer(desk, waiting, now_ns) == 1:
            continue
        _keep(desk, kept, n)
        kept += 1
    desk["waiting_orders"] = kept
    return taken_back


@hot
def note_left(desk, sent_ns):
    """Orders whose first byte left with the send at `sent_ns` wait no more; each gets its time. Caller: after it."""
    waiting_bytes, taken = bytes_waiting(desk), taken_out(desk)
    kept = 0
    for n in range(desk["waiting_orders"]):
        waiting = waiting_of(desk, n)
        if waiting["bytes"] == 0 or (waiting_bytes > 0 and waiting["at"] >= taken):
            _keep(desk, kept, n)
            kept += 1
            continue
        row_of(desk, waiting["slot"])["send_stamp_ns"] = sent_ns
        if waiting["recv_stamp_ns"] > 0:
            record_span(me_of(desk), HOP_TICK_TO_ORDER, sent_ns - waiting["recv_stamp_ns"])
    desk["waiting_orders"] = kept

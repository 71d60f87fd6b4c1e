"""Entries: from the orders ring to the transmit frame. Cancels at once, orders one at a time, all journalled first.

A new order or replace joins the queue of held orders and leaves it in the same cycle unless bytes wait. The queue keeps
ring sequences, not copies: slots of held orders are not given back, so a crash finds them in the ring again. What was
consumed is known by order id, which only grows: an id at or below the greatest one seen came again and is dropped.
"""

from procs.order_sender.desk import (
    HOP_ORDERS,
    PHASE_READY,
    control_of,
    draft_of,
    held_of,
    journal_of,
    me_of,
    orders_of,
    row_of,
)
from procs.order_sender.life_cycle import (
    EVENT_CANCEL_SENT,
    EVENT_REPLACE_SENT,
    ILLEGAL,
    ORDER_STATE_CLOSED,
    is_open,
    next_state,
)
from procs.order_sender.orders import (
    enter_state,
    link_replacement,
    open_slot,
    show,
    slot_for,
    slot_of_order,
)
from procs.order_sender.reports import draft_for, draft_for_unsent, journal_room, post_draft
from procs.order_sender.transmit import (
    bytes_waiting,
    has_transmit_room,
    order_waits,
    put_cancel,
    put_order,
    take_order_back,
)
from procs.wire.ouch.event import OUCH_PRICE_MAX, OUCH_QTY_MAX
from shm.atomics import copy_bytes, record_at
from shm.codes import (
    INTENT_CANCEL,
    INTENT_NEW,
    INTENT_REPLACE,
    PASS,
    REJECT_ALREADY_CANCELLING,
    REJECT_CANCEL_ONLY,
    REJECT_EXPIRED,
    REJECT_HALTED,
    REJECT_KIND,
    REJECT_SESSION,
    REJECT_UNKNOWN_TARGET,
    REPORT_EXPIRED,
    SIDE_BUY,
    SIDE_SELL,
    STATE_CANCEL_ONLY,
)
from shm.control import control_state
from shm.counters import SENDER_CANCELS_SENT, SENDER_ORDERS, SENDER_REPLACES_SENT, SENDER_SENT
from shm.error_log import (
    ERROR_SENDER_BAD_ORDER,
    ERROR_SENDER_DUPLICATE,
    ERROR_SENDER_JOURNAL,
    ERROR_SENDER_NO_IDS,
    ERROR_SENDER_NO_SLOT,
    ERROR_SENDER_UNKNOWN_TARGET,
)
from shm.ids import take_id
from shm.instance import count, note_error, record_span, stamp
from shm.jit import hot
from shm.journal import (
    JOURNAL_CANCEL_SENT,
    JOURNAL_ORDER_SENT,
    journal_claim,
    journal_commit,
    journal_failed,
    journal_lag,
)
from shm.records.order import ORDER
from shm.records.sent import SENT
from shm.ring import ring_advance, ring_peek, ring_release_to

ORDER_BYTES = ORDER.itemsize
SENT_BYTES = SENT.itemsize
ENTRY_BYTES = ORDER_BYTES + SENT_BYTES
ORDERS_BATCH_MAX = 64  # orders read in one cycle: bounds the cycle, far above what a gate passes in one
LAG_SHARE = 2  # the journal's copier may be behind by half of the memory before new orders stop
USER_REF_MAX = (1 << 32) - 1
CANCELLED_HERE = -1  # order_expires_ns of an order whose cancel came while it waited
SKIPS_MAX = 64  # slots in a row that may hold old open orders
DUE_BATCH = 1024  # slots looked at for a due cancel in one cycle
HALT_BATCH = 16  # slots looked at for a halted order in one idle cycle: 512 cycles for all


# --- reading the ring ------------------------------------------------------------------------------------------------


@hot
def _held_addr(desk, n):
    """Address of the n-th held order in the ring."""
    end = orders_of(desk)
    return end["slots_addr"] + (held_of(desk, n)["sequence"] & end["mask"]) * end["slot_bytes"]


@hot
def _find_held(desk, order_id):
    """Number of the held order with this id, or -1. Cost: a look at each; while nothing waits there is none."""
    for n in range(desk["held_head"], desk["held_tail"]):
        if record_at(_held_addr(desk, n), ORDER)["order_id"] == order_id:
            return n
    return -1


@hot
def _hold(desk, order, sequence):
    """Queue a new order or replace. One whose id came before is dropped."""
    if order["order_id"] <= desk["order_id_last"]:
        if desk["order_id_replayed"] < order["order_id"]:
            note_error(me_of(desk), ERROR_SENDER_DUPLICATE, order["order_id"], desk["order_id_last"])
        return
    held = held_of(desk, desk["held_tail"])
    held["sequence"] = sequence
    held["cancelled"] = 0
    desk["order_id_last"] = order["order_id"]
    desk["held_tail"] += 1


@hot
def take_orders(desk, tx, now_ns):
    """Read what risk_gate passed. Cancels act at once; the rest is held. Returns records read."""
    end = orders_of(desk)
    me = me_of(desk)
    taken = 0
    while taken < ORDERS_BATCH_MAX:
        address = ring_peek(end)
        if address == 0:
            break
        order = record_at(address, ORDER)
        record_span(me, HOP_ORDERS, stamp(me) - order["publish_stamp_ns"])
        count(me, SENDER_ORDERS, 1)
        if order["kind"] == INTENT_CANCEL:
            _cancel(desk, tx, address, now_ns)
        else:
            _hold(desk, order, end["next_seq"])
        ring_advance(end)
        taken += 1
    return taken


@hot
def give_back(desk):
    """Give the ring's slots back up to the oldest held order."""
    end = orders_of(desk)
    safe_seq = end["next_seq"]
    if desk["held_head"] < desk["held_tail"]:
        safe_seq = held_of(desk, desk["held_head"])["sequence"]
    ring_release_to(end, safe_seq)


# --- cancels ---------------------------------------------------------------------------------------------------------


@hot
def _journal_cancel(desk, slot, order_addr, now_ns):
    """Journal that a cancel was asked for. A full journal does not stop a cancel; it is counted."""
    payload_addr = journal_claim(journal_of(desk))
    if payload_addr == 0:
        note_error(me_of(desk), ERROR_SENDER_JOURNAL, journal_lag(journal_of(desk)), 0)
        return
    copy_bytes(payload_addr, order_addr, ORDER_BYTES)
    _commit_entry(desk, payload_addr, JOURNAL_CANCEL_SENT, row_of(desk, slot)["user_ref_num"], -1, now_ns)


@hot
def _commit_entry(desk, payload_addr, kind, user_ref_num, target_slot, now_ns):
    sent = record_at(payload_addr + ORDER_BYTES, SENT)
    at_ns = stamp(me_of(desk))
    sent["user_ref_num"] = user_ref_num
    sent["target_user_ref_num"] = 0
    if target_slot >= 0:
        sent["target_user_ref_num"] = row_of(desk, target_slot)["user_ref_num"]
    sent["stamp_ns"] = at_ns
    sent["connection"] = desk["connection"]
    sent["session_id"] = desk["session_id"]
    sent["reserved0"] = 0
    for k in range(3):
        sent["reserved"][k] = 0
    journal_commit(journal_of(desk), kind, ENTRY_BYTES, at_ns, now_ns)


@hot
def ask_cancel(desk, slot):
    """Mark an open order as being cancelled; the bytes follow. Used live and on recovery."""
    row = row_of(desk, slot)
    after = next_state(row["state"], EVENT_CANCEL_SENT)
    if after == ILLEGAL or row["cancel_asked"] != 0:
        return
    enter_state(desk, slot, after)
    row["cancel_asked"] = 1
    row["cancel_due"] = 1
    desk["cancels_due"] += 1


@hot
def send_cancel(desk, tx, slot):
    """Encode a due cancel. Returns 1, or 0 when that is not possible now and it stays due."""
    if put_cancel(desk, tx, slot) <= 0:
        return 0
    row_of(desk, slot)["cancel_due"] = 0
    desk["cancels_due"] -= 1
    count(me_of(desk), SENDER_CANCELS_SENT, 1)
    return 1


@hot
def _cancel(desk, tx, order_addr, now_ns):
    """One cancel from the ring: for a held order, one that waits whole, a closed one, or one at the venue."""
    order = record_at(order_addr, ORDER)
    target = order["target_order_id"]
    n = _find_held(desk, target)
    if n >= 0:
        held_of(desk, n)["cancelled"] = 1
        return
    slot = slot_of_order(desk, target)
    if slot < 0:  # it died here, or closed so long ago that its slot is another's: its last report is out
        if target > desk["order_id_last"] or target <= 0:
            note_error(me_of(desk), ERROR_SENDER_UNKNOWN_TARGET, target, order["intent_id"])
        return
    row = row_of(desk, slot)
    if row["state"] == ORDER_STATE_CLOSED or row["cancel_asked"] != 0:
        return
    if order_waits(desk) == 1 and desk["order_slot"] == slot and journal_room(desk, 1) == 1:
        desk["order_expires_ns"] = CANCELLED_HERE  # check_waiting_order takes it back in this same cycle
        return
    _journal_cancel(desk, slot, order_addr, now_ns)
    ask_cancel(desk, slot)
    send_cancel(desk, tx, slot)
    show(desk, slot)


@hot
def send_due_cancels(desk, tx):
    """Encode cancels that could not be encoded when they came, a part of the table a cycle. Returns their number."""
    if desk["cancels_due"] == 0 or has_transmit_room(desk) == 0:
        return 0
    sent = 0
    for _ in range(DUE_BATCH):
        slot = desk["cancel_slot"]
        desk["cancel_slot"] = (slot + 1) % desk["slots"]
        if row_of(desk, slot)["cancel_due"] != 0:
            if send_cancel(desk, tx, slot) == 0:
                break
            sent += 1
    return sent


@hot
def cancel_halted(desk, tx):
    """Cancel open orders whose scope is HALTED, a part of the table a cycle. Returns their number.

    A halt must work while risk_gate is dead or stopped: its own cancels and these meet in `cancel_asked`. What was
    asked for here is not journalled; after a crash the halt still stands and asks again.
    """
    if desk["orders_open"] == 0:
        return 0
    cancelled = 0
    for _ in range(HALT_BATCH):
        slot = desk["halt_slot"]
        desk["halt_slot"] = (slot + 1) % desk["slots"]
        row = row_of(desk, slot)
        if is_open(row["state"]) == 0 or row["cancel_asked"] != 0:
            continue
        if order_waits(desk) == 1 and desk["order_slot"] == slot:
            continue  # it dies unsent
        state = control_state(control_of(desk), desk["session_id"], int(row["strategy_id"]), int(row["instrument_id"]))
        if state <= STATE_CANCEL_ONLY:
            continue
        ask_cancel(desk, slot)
        send_cancel(desk, tx, slot)
        show(desk, slot)
        cancelled += 1
    return cancelled


# --- orders ----------------------------------------------------------------------------------------------------------


@hot
def reason_to_die(desk, strategy_id, instrument_id, expires_ns, now_ns):
    """REJECT_* for an order that must not leave now, else PASS. Read immediately before encoding, not once a cycle."""
    control = control_state(control_of(desk), desk["session_id"], strategy_id, instrument_id)
    if control > STATE_CANCEL_ONLY:
        return REJECT_HALTED
    if control == STATE_CANCEL_ONLY:
        return REJECT_CANCEL_ONLY
    if expires_ns > 0 and now_ns > expires_ns:
        return REJECT_EXPIRED
    return PASS


@hot
def check_waiting_order(desk, tx, now_ns):
    """Of the order that waits, no byte has left: it dies here when it was cancelled, expired, or trading was stopped.

    Returns 1 when it did. Caller: after the ring was read, before bytes are handed to send.
    """
    if order_waits(desk) == 0 or journal_room(desk, 1) == 0:
        return 0
    slot = desk["order_slot"]
    row = row_of(desk, slot)
    reason = REJECT_ALREADY_CANCELLING
    if desk["order_expires_ns"] != CANCELLED_HERE:
        reason = reason_to_die(
            desk, int(row["strategy_id"]), int(row["instrument_id"]), desk["order_expires_ns"], now_ns
        )
    if reason == PASS:
        return 0
    take_order_back(desk, tx)
    draft_for(desk, slot, REPORT_EXPIRED, now_ns)
    draft = draft_of(desk)
    draft["leaves_lots"] = 0
    draft["reason"] = reason
    draft["send_stamp_ns"] = 0
    return post_draft(desk, now_ns)


@hot
def _is_well_formed(desk, order):
    """Whether a record of the ring has the values that the gate guarantees; indices are never trusted."""
    if order["kind"] != INTENT_NEW and order["kind"] != INTENT_REPLACE:
        return False
    if order["instrument_id"] < 0 or order["instrument_id"] >= desk["instruments"]:
        return False
    if order["side"] != SIDE_BUY and order["side"] != SIDE_SELL:
        return False
    if order["qty_lots"] < 1 or order["qty_lots"] > OUCH_QTY_MAX:
        return False
    return order["price_ticks"] > 0 and order["price_ticks"] <= OUCH_PRICE_MAX and order["order_id"] > 0


@hot
def _replaceable(desk, order):
    """Slot of the order that a replace means, or minus the REJECT_* that says why it cannot be replaced."""
    slot = slot_of_order(desk, order["target_order_id"])
    if slot < 0:
        return -REJECT_UNKNOWN_TARGET
    row = row_of(desk, slot)
    if row["cancel_asked"] != 0:
        return -REJECT_ALREADY_CANCELLING
    if next_state(row["state"], EVENT_REPLACE_SENT) == ILLEGAL or row["replacement"] >= 0:
        return -REJECT_UNKNOWN_TARGET
    if row["side"] != order["side"] or row["instrument_id"] != order["instrument_id"]:
        return -REJECT_UNKNOWN_TARGET
    return slot


@hot
def open_order(desk, order, user_ref_num, original, now_ns):
    """Take a slot for a journalled entry; `original` is the slot that it replaces, or -1. Used live and on recovery."""
    slot = open_slot(desk, order, user_ref_num, now_ns)
    if original >= 0:
        link_replacement(desk, original, slot)
        enter_state(desk, original, next_state(row_of(desk, original)["state"], EVENT_REPLACE_SENT))
        show(desk, original)
    return slot


@hot
def _may_enter(desk, order):
    """PASS when reference numbers, slots and the journal have room and the copier is well; else REJECT_SESSION."""
    me, journal = me_of(desk), journal_of(desk)
    if journal_failed(journal) != 0 or journal_lag(journal) * LAG_SHARE > journal["capacity"]:
        note_error(me, ERROR_SENDER_JOURNAL, journal_lag(journal), journal_failed(journal))
        return REJECT_SESSION
    if desk["orders_open"] * 2 > desk["slots"]:
        note_error(me, ERROR_SENDER_NO_SLOT, order["order_id"], desk["orders_open"])
        return REJECT_SESSION
    return PASS


@hot
def _take_ref(desk, ids):
    """The next reference number whose slot holds no open order, or 0. Numbers on the way are skipped for ever."""
    for _ in range(SKIPS_MAX):
        user_ref_num = take_id(ids)
        if user_ref_num <= 0 or user_ref_num > USER_REF_MAX:
            return 0
        if is_open(row_of(desk, slot_for(desk, user_ref_num))["state"]) == 0:
            return user_ref_num
    return 0


@hot
def _enter(desk, tx, ids, order_addr, original, now_ns):
    """Number, journal and encode one order; then nothing stands between it and send. Returns PASS or a REJECT_*."""
    me = me_of(desk)
    order = record_at(order_addr, ORDER)
    user_ref_num = _take_ref(desk, ids)
    if user_ref_num <= 0:
        note_error(me, ERROR_SENDER_NO_IDS, order["order_id"], desk["orders_open"])
        return REJECT_SESSION
    payload_addr = journal_claim(journal_of(desk))
    if payload_addr == 0:
        return REJECT_SESSION
    copy_bytes(payload_addr, order_addr, ORDER_BYTES)
    _commit_entry(desk, payload_addr, JOURNAL_ORDER_SENT, user_ref_num, original, now_ns)
    slot = open_order(desk, order, user_ref_num, original, now_ns)
    put_order(desk, tx, slot, order)
    row_of(desk, slot)["send_stamp_ns"] = stamp(me)
    if original >= 0:
        count(me, SENDER_REPLACES_SENT, 1)
    else:
        count(me, SENDER_SENT, 1)
    show(desk, slot)
    return PASS


@hot
def _die_unsent(desk, order_addr, reason, now_ns):
    draft_for_unsent(desk, record_at(order_addr, ORDER), reason, now_ns)
    post_draft(desk, now_ns)


@hot
def _judge_held(desk, order, cancelled, now_ns):
    """PASS when the order may be entered as soon as nothing waits, else the REJECT_* it dies of."""
    if not _is_well_formed(desk, order):
        note_error(me_of(desk), ERROR_SENDER_BAD_ORDER, order["order_id"], order["kind"])
        return REJECT_KIND
    if cancelled != 0:
        return REJECT_ALREADY_CANCELLING
    if desk["phase"] != PHASE_READY:
        return REJECT_SESSION
    return reason_to_die(desk, int(order["strategy_id"]), int(order["instrument_id"]), order["expires_ns"], now_ns)


@hot
def send_orders(desk, tx, ids, now_ns):
    """Enter the oldest held order if nothing waits; on the way those that may not leave die. Returns orders moved.

    One order a cycle: each has its own send, and at most one ever stands between a cancel and the socket.
    """
    moved = 0
    while desk["held_head"] < desk["held_tail"] and moved < ORDERS_BATCH_MAX and journal_room(desk, 2) == 1:
        address = _held_addr(desk, desk["held_head"])
        order = record_at(address, ORDER)
        reason = _judge_held(desk, order, held_of(desk, desk["held_head"])["cancelled"], now_ns)
        original = -1
        if reason == PASS and order["kind"] == INTENT_REPLACE:
            original = _replaceable(desk, order)
            if original < 0:
                reason = -original
        if reason == PASS:
            if bytes_waiting(desk) > 0:
                break
            reason = _may_enter(desk, order)
        desk["held_head"] += 1
        moved += 1
        if reason == PASS:
            reason = _enter(desk, tx, ids, address, original, now_ns)
            if reason == PASS:
                break
        _die_unsent(desk, address, reason, now_ns)
    give_back(desk)
    return moved

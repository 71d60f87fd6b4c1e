"""Entries: from the orders ring to the transmit frame. Cancels at once, then the orders, all journalled first.

A new order or replace joins the queue of held orders and leaves it in the same cycle unless bytes wait. The queue keeps
ring sequences, not copies: slots of held orders are not given back, so a crash finds them in the ring again. What was
consumed is known by order id, which only grows: an id at or below the greatest one seen came again and is dropped.
"""

from procs.order_sender.approval import halt_not_approved, has_parent, is_approved, take_approved
from procs.order_sender.cancels import send_due
from procs.order_sender.desk import (
    HOP_ORDERS,
    PHASE_READY,
    WAITING_MAX,
    held_of,
    journal_of,
    me_of,
    orders_of,
    row_of,
    word_at,
)
from procs.order_sender.draft import draft_for_unsent
from procs.order_sender.entry_journal import journal_cancel, journal_order
from procs.order_sender.life_cycle import (
    EVENT_REPLACE_SENT,
    ILLEGAL,
    ORDER_STATE_CLOSED,
    is_open,
    next_state,
)
from procs.order_sender.mass_cancel import USER_REF_MAX, mass_cancel
from procs.order_sender.orders import (
    ask_cancel,
    ask_reduce,
    enter_state,
    link_replacement,
    open_slot,
    show,
    slot_for,
    slot_of_order,
)
from procs.order_sender.reports import journal_room, post_draft
from procs.order_sender.transmit import bytes_waiting, has_order_room, put_order
from procs.order_sender.waiting import cancel_waiting, reason_to_die
from procs.wire.ouch.event import OUCH_PRICE_MAX, OUCH_QTY_MAX
from shm.atomics import record_at
from shm.codes import (
    INTENT_CANCEL,
    INTENT_NEW,
    INTENT_REDUCE,
    INTENT_REPLACE,
    PASS,
    REJECT_ALREADY_CANCELLING,
    REJECT_KIND,
    REJECT_NOT_APPROVED,
    REJECT_SESSION,
    REJECT_UNKNOWN_TARGET,
    SIDE_BUY,
    SIDE_SELL,
)
from shm.counters import SENDER_ORDERS, SENDER_REPLACES_SENT, SENDER_SENT
from shm.error_log import (
    ERROR_SENDER_BAD_ORDER,
    ERROR_SENDER_DUPLICATE,
    ERROR_SENDER_JOURNAL,
    ERROR_SENDER_NO_IDS,
    ERROR_SENDER_NO_SLOT,
    ERROR_SENDER_UNKNOWN_TARGET,
)
from shm.failpoint import failpoint
from shm.failpoints import FP_ORDER_ENCODED, FP_ORDER_JOURNALLED, FP_ORDER_NUMBERED
from shm.ids import take_id
from shm.instance import count, note_error, record_span, stamp
from shm.jit import hot
from shm.journal import journal_failed, journal_lag
from shm.records.order import ORDER
from shm.ring import ring_advance, ring_peek, ring_release_to

ORDERS_BATCH_MAX = 64  # orders read in one cycle: bounds the cycle, far above what a gate passes in one
LAG_SHARE = 2  # the journal's copier may be behind by half of the memory before new orders stop
SKIPS_MAX = 64  # slots in a row that may hold old open orders
ROOM_TO_ENTER = 2 + WAITING_MAX  # journal entries: the order, what it dies of, and the same of those that wait


# --- reading the ring ------------------------------------------------------------------------------------------------


@hot
def held_addr(desk, n):
    """Address of the n-th held order in the ring."""
    end = orders_of(desk)
    return end["slots_addr"] + (held_of(desk, n)["sequence"] & end["mask"]) * end["slot_bytes"]


@hot
def _find_held(desk, order_id):
    """Number of the held order with this id, or -1. Cost: a look at each; while nothing waits there is none."""
    for n in range(desk["held_head"], desk["held_tail"]):
        if record_at(held_addr(desk, n), ORDER)["order_id"] == order_id:
            return n
    return -1


@hot
def _hold(desk, order, sequence, approved):
    """Queue a new order or replace. One that is not `approved` dies in its turn; one whose id came before is dropped.

    What was not approved may bear any id: it does not count as the last one, and an id that came before may be that of
    a living order, so it is not answered.
    """
    if order["order_id"] <= desk["order_id_last"]:
        if approved == 1 and desk["order_id_replayed"] < order["order_id"]:
            note_error(me_of(desk), ERROR_SENDER_DUPLICATE, order["order_id"], desk["order_id_last"])
            halt_not_approved(desk, order["order_id"], sequence)
        return
    held = held_of(desk, desk["held_tail"])
    held["sequence"] = sequence
    held["refused"] = 1 - approved
    held["cancelled"] = 0
    held["reduce_to"] = 0
    if approved == 1:
        desk["order_id_last"] = order["order_id"]
    desk["held_tail"] += 1


@hot
def take_orders(desk, tx, ids, now_ns):
    """Read what risk_gate passed. Cancels and reduces act at once; the rest is held. Returns records read."""
    end = orders_of(desk)
    me = me_of(desk)
    desk["left_over"] = bytes_waiting(desk)
    taken = 0
    asked = 0
    while taken < ORDERS_BATCH_MAX:
        address = ring_peek(end)
        if address == 0:
            break
        order = record_at(address, ORDER)
        record_span(me, HOP_ORDERS, stamp(me) - order["publish_stamp_ns"])
        count(me, SENDER_ORDERS, 1)
        approved = take_approved(desk, address, end["next_seq"])
        slot = -1
        if order["kind"] == INTENT_CANCEL:
            slot = _cancel(desk, address, now_ns)
        elif order["kind"] == INTENT_REDUCE:
            slot = _reduce(desk, address, now_ns)
        else:
            _hold(desk, order, end["next_seq"], approved)
        if slot >= 0:
            word_at(desk["asked_addr"], asked)["value"] = slot
            asked += 1
        ring_advance(end)
        taken += 1
    _send_asked(desk, tx, ids, asked, now_ns)
    return taken


@hot
def give_back(desk):
    """Give the ring's slots back up to the oldest held order."""
    end = orders_of(desk)
    safe_seq = end["next_seq"]
    if desk["held_head"] < desk["held_tail"]:
        safe_seq = held_of(desk, desk["held_head"])["sequence"]
    ring_release_to(end, safe_seq)


# --- cancels and reduces ---------------------------------------------------------------------------------------------


@hot
def _target_at_venue(desk, order):
    """Slot of the open order that a cancel or reduce means, or -1 when nothing is left to do at the venue."""
    target = order["target_order_id"]
    slot = slot_of_order(desk, target)
    if slot < 0:  # it died here, or closed so long ago that its slot is another's: its last report is out
        if target > desk["order_id_last"] or target <= 0:
            note_error(me_of(desk), ERROR_SENDER_UNKNOWN_TARGET, target, order["intent_id"])
        return -1
    row = row_of(desk, slot)
    if row["state"] == ORDER_STATE_CLOSED or row["cancel_asked"] != 0:
        return -1
    return slot


@hot
def _cancel(desk, order_addr, now_ns):
    """One cancel from the ring: for a held order, one that waits whole, a closed one, or one at the venue.

    Returns the slot for which bytes are due now, or -1.
    """
    order = record_at(order_addr, ORDER)
    n = _find_held(desk, order["target_order_id"])
    if n >= 0:
        held_of(desk, n)["cancelled"] = 1
        return -1
    slot = _target_at_venue(desk, order)
    if slot < 0 or cancel_waiting(desk, slot) == 1:
        return -1
    journal_cancel(desk, slot, order_addr, now_ns)
    if ask_cancel(desk, slot) == 0:
        return -1
    show(desk, slot)
    return slot


@hot
def _reduce(desk, order_addr, now_ns):
    """One reduce from the ring. Returns as `_cancel`. One that changes nothing is passed over: the report says why."""
    order = record_at(order_addr, ORDER)
    total_lots = order["qty_lots"]
    if total_lots < 1 or total_lots > OUCH_QTY_MAX:
        note_error(me_of(desk), ERROR_SENDER_BAD_ORDER, order["target_order_id"], order["kind"])
        return -1
    n = _find_held(desk, order["target_order_id"])
    if n >= 0:
        held_of(desk, n)["reduce_to"] = total_lots  # sent behind the order itself
        return -1
    slot = _target_at_venue(desk, order)
    if slot < 0 or ask_reduce(desk, slot, total_lots) == 0:
        return -1
    journal_cancel(desk, slot, order_addr, now_ns)
    return slot


@hot
def _send_asked(desk, tx, ids, asked, now_ns):
    """Encode what was asked of `asked` orders in this cycle; one mass cancel when nothing else is open."""
    if asked == 0:
        return
    if desk["orders_unasked"] == 0 and mass_cancel(desk, tx, ids, -1, desk["cancels_due"], now_ns) == 1:
        return
    for n in range(asked):
        send_due(desk, tx, word_at(desk["asked_addr"], n)["value"])


# --- orders ----------------------------------------------------------------------------------------------------------


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
    """The next reference number whose slot holds no open order, or 0. Numbers on the way are skipped for ever.

    One that the venue has passed already is no use: it ignores what carries it, in silence.
    """
    for _ in range(SKIPS_MAX):
        user_ref_num = take_id(ids)
        if user_ref_num <= 0 or user_ref_num > USER_REF_MAX:
            return 0
        if user_ref_num < desk["next_ref_num"]:
            continue
        if is_open(row_of(desk, slot_for(desk, user_ref_num))["state"]) == 0:
            return user_ref_num
    return 0


@hot
def _enter(desk, tx, ids, order_addr, original, now_ns):
    """Number, journal and encode one order. Returns its slot, or minus a REJECT_*."""
    me = me_of(desk)
    order = record_at(order_addr, ORDER)
    user_ref_num = _take_ref(desk, ids)
    if user_ref_num <= 0:
        note_error(me, ERROR_SENDER_NO_IDS, order["order_id"], desk["orders_open"])
        return -REJECT_SESSION
    failpoint(FP_ORDER_NUMBERED)
    if journal_order(desk, order_addr, user_ref_num, original, now_ns) == 0:
        return -REJECT_SESSION
    failpoint(FP_ORDER_JOURNALLED)
    slot = open_order(desk, order, user_ref_num, original, now_ns)
    put_order(desk, tx, slot, order)
    failpoint(FP_ORDER_ENCODED)
    row_of(desk, slot)["send_stamp_ns"] = stamp(me)
    if original >= 0:
        count(me, SENDER_REPLACES_SENT, 1)
    else:
        count(me, SENDER_SENT, 1)
    show(desk, slot)
    return slot


@hot
def _die_unsent(desk, order_addr, reason, now_ns):
    draft_for_unsent(desk, record_at(order_addr, ORDER), reason, now_ns)
    post_draft(desk, now_ns)


@hot
def _judge_held(desk, order_addr, held, now_ns):
    """PASS when the order may be entered as soon as nothing waits, else the REJECT_* it dies of."""
    order = record_at(order_addr, ORDER)
    if held["refused"] == 1 or is_approved(desk, order_addr, held["sequence"]) == 0:
        return REJECT_NOT_APPROVED
    if not _is_well_formed(desk, order):
        note_error(me_of(desk), ERROR_SENDER_BAD_ORDER, order["order_id"], order["kind"])
        return REJECT_KIND
    if held["cancelled"] != 0:
        return REJECT_ALREADY_CANCELLING
    if desk["phase"] != PHASE_READY:
        return REJECT_SESSION
    return reason_to_die(desk, int(order["strategy_id"]), int(order["instrument_id"]), order["expires_ns"], now_ns)


@hot
def send_orders(desk, tx, ids, now_ns):
    """Enter the held orders, oldest first, if no bytes of an earlier cycle wait; those that may not leave die.

    All that are ready leave in one send. Returns orders moved.
    """
    moved = 0
    while desk["held_head"] < desk["held_tail"] and moved < ORDERS_BATCH_MAX and journal_room(desk, ROOM_TO_ENTER) == 1:
        held = held_of(desk, desk["held_head"])
        address = held_addr(desk, desk["held_head"])
        order = record_at(address, ORDER)
        reason = _judge_held(desk, address, held, now_ns)
        slot = -1
        if reason == PASS and order["kind"] == INTENT_REPLACE:
            slot = -REJECT_NOT_APPROVED
            if has_parent(desk, order, held["sequence"]) == 1:
                slot = _replaceable(desk, order)
            if slot < 0:
                reason = -slot
        if reason == PASS:
            if desk["left_over"] > 0 or has_order_room(desk) == 0:
                break
            reason = _may_enter(desk, order)
        if reason == PASS:
            slot = _enter(desk, tx, ids, address, slot, now_ns)
            if slot < 0:
                reason = -slot
            elif held["reduce_to"] > 0:
                _reduce_entered(desk, tx, slot, held["reduce_to"])
        desk["held_head"] += 1
        moved += 1
        if reason != PASS:
            _die_unsent(desk, address, reason, now_ns)
    give_back(desk)
    return moved


@hot
def _reduce_entered(desk, tx, slot, total_lots):
    """What was asked of an order while it was held. Not journalled: it dies with this process or is on the wire."""
    if ask_reduce(desk, slot, total_lots) == 1:
        send_due(desk, tx, slot)

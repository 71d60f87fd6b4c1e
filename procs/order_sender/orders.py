"""Orders: the table of orders, how one is found, and the `working` table that shows the open ones.

A slot is an ORDER_ROW, and an order's slot is its reference number modulo the number of slots: references only grow, so
the slots are a ring of the newest orders, and no map is needed. A reference whose slot still holds an open order is
skipped. A closed order stays in its slot until that comes round again: answers that crossed on the wire still find it.

Functions here change rows; what is legal is decided by the table in life_cycle.py.
"""

from procs.order_sender.desk import row_of, word_at, working_of
from procs.order_sender.life_cycle import (
    EVENT_CANCEL_SENT,
    EVENT_REDUCE_SENT,
    ILLEGAL,
    ORDER_STATE_CLOSED,
    ORDER_STATE_SENT,
    is_open,
    next_state,
)
from shm.atomics import record_at
from shm.jit import hot
from shm.latest import latest_claim, latest_publish
from shm.records.working import WORKING


@hot
def slot_for(desk, user_ref_num):
    """Slot that belongs to a reference."""
    return user_ref_num & (desk["slots"] - 1)


@hot
def slot_of_ref(desk, user_ref_num):
    """Slot of the order with this reference, or -1."""
    slot = slot_for(desk, user_ref_num)
    if user_ref_num > 0 and row_of(desk, slot)["user_ref_num"] == user_ref_num:
        return slot
    return -1


@hot
def slot_of_order(desk, order_id):
    """Slot of the order with this id, or -1. Cost: one look; after a jump of the gate's ids, a look at every slot."""
    slot = word_at(desk["index_addr"], order_id & (desk["slots"] - 1))["value"]
    if row_of(desk, slot)["order_id"] == order_id:
        return slot
    for slot in range(desk["slots"]):
        if row_of(desk, slot)["order_id"] == order_id:
            return slot
    return -1


@hot
def open_slot(desk, order, user_ref_num, now_ns):
    """Open the slot of `user_ref_num` for this ORDER, state SENT. Caller: only when no open order is in it."""
    slot = slot_for(desk, user_ref_num)
    row = row_of(desk, slot)
    clear_row(row)
    row["order_id"] = order["order_id"]
    row["intent_id"] = order["intent_id"]
    row["user_ref_num"] = user_ref_num
    row["price_ticks"] = order["price_ticks"]
    row["qty_lots"] = order["qty_lots"]
    row["leaves_lots"] = order["qty_lots"]
    row["now_ns"] = now_ns
    row["recv_stamp_ns"] = order["recv_stamp_ns"]
    row["tick_stamp_ns"] = order["tick_stamp_ns"]
    row["decide_stamp_ns"] = order["decide_stamp_ns"]
    row["pass_stamp_ns"] = order["pass_stamp_ns"]
    row["order_stamp_ns"] = order["publish_stamp_ns"]
    row["instrument_id"] = order["instrument_id"]
    row["strategy_id"] = order["strategy_id"]
    row["state"] = ORDER_STATE_SENT
    row["side"] = order["side"]
    row["tif"] = order["tif"]
    row["kind"] = order["kind"]
    word_at(desk["index_addr"], row["order_id"] & (desk["slots"] - 1))["value"] = slot
    count_open(desk, row)
    return slot


@hot
def clear_row(row):
    """Make a row that of no order: everything that an order brings along is zero, and nothing hangs on it."""
    row["venue_order_ref"] = 0
    row["match_number"] = 0
    row["cum_lots"] = 0
    row["recv_stamp_ns"] = 0
    row["tick_stamp_ns"] = 0
    row["decide_stamp_ns"] = 0
    row["pass_stamp_ns"] = 0
    row["order_stamp_ns"] = 0
    row["send_stamp_ns"] = 0
    row["old_order_id"] = 0
    row["old_intent_id"] = 0
    row["original"] = -1
    row["replacement"] = -1
    row["working_row"] = -1
    row["cancel_asked"] = 0
    row["cancel_due"] = 0
    row["reduce_to"] = 0
    row["reduce_due"] = 0
    row["tif"] = 0
    row["kind"] = 0


@hot
def count_open(desk, row):
    """Count a row that was just opened, and give it a row of `working` if one is free."""
    if desk["working_free"] > 0:
        desk["working_free"] -= 1
        row["working_row"] = word_at(desk["working_rows_addr"], desk["working_free"])["value"]
    desk["orders_open"] += 1
    desk["orders_unasked"] += 1
    word_at(desk["open_addr"], row["instrument_id"])["value"] += 1


@hot
def link_replacement(desk, original, replacement):
    """Note that order slot `replacement` is to take the place of slot `original`."""
    old, new = row_of(desk, original), row_of(desk, replacement)
    new["original"] = original
    new["old_order_id"] = old["order_id"]
    new["old_intent_id"] = old["intent_id"]
    old["replacement"] = replacement


@hot
def unlink_replacement(desk, slot):
    """Forget the tie between a replacement and its original. Returns the original's slot, or -1."""
    row = row_of(desk, slot)
    original = row["original"]
    row["original"] = -1
    if original < 0:
        return -1
    old = row_of(desk, original)
    if old["replacement"] != slot or old["order_id"] != row["old_order_id"]:
        return -1
    old["replacement"] = -1
    return original


@hot
def enter_state(desk, slot, state):
    """Set a row's state; closing takes along what was asked of the order."""
    row = row_of(desk, slot)
    if row["state"] != ORDER_STATE_CLOSED and state == ORDER_STATE_CLOSED:
        row["leaves_lots"] = 0
        reduce_done(desk, slot)
        cancel_done(desk, slot)
        desk["orders_unasked"] -= 1
        desk["orders_open"] -= 1
        word_at(desk["open_addr"], row["instrument_id"])["value"] -= 1
    row["state"] = state


# --- what is asked of an order: a cancel, a smaller total ------------------------------------------------------------


@hot
def ask_cancel(desk, slot):
    """Mark an open order as being cancelled; the bytes follow. Takes the place of a reduce that was not sent yet.

    Used live and on recovery. Returns 1, or 0 when the order is closed or a cancel was asked for before.
    """
    row = row_of(desk, slot)
    after = next_state(row["state"], EVENT_CANCEL_SENT)
    if after == ILLEGAL or row["cancel_asked"] != 0:
        return 0
    if row["reduce_due"] != 0:
        reduce_done(desk, slot)
    enter_state(desk, slot, after)
    row["cancel_asked"] = 1
    row["cancel_due"] = 1
    desk["dues"] += 1
    desk["cancels_due"] += 1
    desk["orders_unasked"] -= 1
    return 1


@hot
def cancel_sent(desk, slot):
    """The cancel's bytes are in the transmit frame."""
    row_of(desk, slot)["cancel_due"] = 0
    desk["dues"] -= 1
    desk["cancels_due"] -= 1


@hot
def cancel_done(desk, slot):
    """Nothing is asked any more: the order closed, or the venue refused."""
    row = row_of(desk, slot)
    if row["cancel_asked"] != 0:
        row["cancel_asked"] = 0
        desk["orders_unasked"] += 1
    if row["cancel_due"] != 0:
        cancel_sent(desk, slot)


@hot
def ask_reduce(desk, slot, total_lots):
    """Mark an open order as getting a smaller total (executed included); the bytes follow. Used live and on recovery.

    Returns 1, or 0 when that would change nothing: closed, being cancelled, or not smaller.
    """
    row = row_of(desk, slot)
    if next_state(row["state"], EVENT_REDUCE_SENT) == ILLEGAL or row["cancel_asked"] != 0:
        return 0
    if total_lots >= row["qty_lots"] or (row["reduce_to"] != 0 and total_lots >= row["reduce_to"]):
        return 0
    row["reduce_to"] = total_lots
    if row["reduce_due"] == 0:
        row["reduce_due"] = 1
        desk["dues"] += 1
    return 1


@hot
def reduce_sent(desk, slot):
    """The reduce's bytes are in the transmit frame."""
    row_of(desk, slot)["reduce_due"] = 0
    desk["dues"] -= 1


@hot
def reduce_done(desk, slot):
    """The reduce that was asked for means nothing any more: answered, refused, or the order is to end."""
    row_of(desk, slot)["reduce_to"] = 0
    if row_of(desk, slot)["reduce_due"] != 0:
        reduce_sent(desk, slot)


@hot
def note_smaller(desk, slot):
    """Lots left the order: a reduce is answered once its total is reached."""
    row = row_of(desk, slot)
    if row["reduce_to"] != 0 and row["qty_lots"] <= row["reduce_to"]:
        reduce_done(desk, slot)


@hot
def note_refused(desk, slot):
    """The venue refused the oldest of what was asked: a reduce is always sent before a cancel of the same order."""
    if row_of(desk, slot)["reduce_to"] != 0:
        reduce_done(desk, slot)
    else:
        cancel_done(desk, slot)


@hot
def ask_again(desk, slot):
    """The connection is gone: what was asked for and not answered is due again. Twice asked does no harm: a cancel of a
    closed order and a total that is reached already are passed over by the venue."""
    row = row_of(desk, slot)
    if row["cancel_asked"] != 0 and row["cancel_due"] == 0:
        row["cancel_due"] = 1
        desk["dues"] += 1
        desk["cancels_due"] += 1
    if row["reduce_to"] != 0 and row["reduce_due"] == 0:
        row["reduce_due"] = 1
        desk["dues"] += 1


# --- what others see -------------------------------------------------------------------------------------------------


@hot
def show(desk, slot):
    """Bring the order's row of `working` up to date; a closed order leaves the table."""
    row = row_of(desk, slot)
    working_row = row["working_row"]
    if working_row < 0:
        return
    table = working_of(desk)
    address = latest_claim(table, working_row)
    if address == 0:
        return
    shown = record_at(address, WORKING)
    shown["order_id"] = row["order_id"]
    shown["intent_id"] = row["intent_id"]
    shown["user_ref_num"] = row["user_ref_num"]
    shown["venue_order_ref"] = row["venue_order_ref"]
    shown["price_ticks"] = row["price_ticks"]
    shown["qty_lots"] = row["qty_lots"]
    shown["leaves_lots"] = row["leaves_lots"]
    shown["cum_lots"] = row["cum_lots"]
    shown["send_stamp_ns"] = row["send_stamp_ns"]
    shown["now_ns"] = row["now_ns"]
    shown["instrument_id"] = row["instrument_id"]
    shown["strategy_id"] = row["strategy_id"]
    shown["state"] = row["state"]
    shown["side"] = row["side"]
    if is_open(row["state"]) == 0:
        shown["order_id"] = 0
        word_at(desk["working_rows_addr"], desk["working_free"])["value"] = working_row
        desk["working_free"] += 1
        row["working_row"] = -1
    latest_publish(table, working_row)

"""Orders: slots, the maps that find them, and the `working` table that shows the open ones.

A slot is an ORDER_ROW. Free slots form a queue: a closed order goes to its tail, so the order closed longest ago is
forgotten first. Functions here change rows and maps; what is legal is decided by the table in life_cycle.py.
"""

from procs.order_sender.life_cycle import ORDER_STATE_CLOSED, ORDER_STATE_SENT, is_open
from shm.atomics import record_at
from shm.int_map import MAP_MISSING, map_get, map_put, map_remove
from shm.jit import hot
from shm.latest import latest_claim, latest_publish
from shm.records.working import WORKING

HELD_BASE = -2  # by_order_id: a slot is >= 0; HELD_BASE - n is the n-th held order, not yet encoded


@hot
def slot_of_order(state, order_id):
    """Slot (>= 0), HELD_BASE - n for a held order, or MAP_MISSING."""
    return map_get(state.by_order_id, order_id)


@hot
def slot_of_ref(state, user_ref_num):
    """Slot of a venue reference, or -1."""
    slot = map_get(state.by_ref, user_ref_num)
    if slot == MAP_MISSING:
        return -1
    return slot


@hot
def slot_is_free(state):
    """1 when another order can be opened."""
    desk = state.desk[0]
    if desk["free_tail"] > desk["free_head"]:
        return 1
    return 0


@hot
def open_slot(state, order, user_ref_num, now_ns):
    """Take the slot that closed longest ago for this ORDER, state SENT. Returns it. Caller: after `slot_is_free`."""
    desk = state.desk[0]
    slot = state.free[desk["free_head"] & (state.free.size - 1)]
    desk["free_head"] += 1
    row = state.rows[slot]
    if row["order_id"] != 0:  # forget its last order
        if map_get(state.by_order_id, row["order_id"]) == slot:
            map_remove(state.by_order_id, row["order_id"])
        if map_get(state.by_ref, row["user_ref_num"]) == slot:
            map_remove(state.by_ref, row["user_ref_num"])
    row["order_id"] = order["order_id"]
    row["intent_id"] = order["intent_id"]
    row["user_ref_num"] = user_ref_num
    row["venue_order_ref"] = 0
    row["match_number"] = 0
    row["price_ticks"] = order["price_ticks"]
    row["qty_lots"] = order["qty_lots"]
    row["leaves_lots"] = order["qty_lots"]
    row["cum_lots"] = 0
    row["now_ns"] = now_ns
    row["recv_stamp_ns"] = order["recv_stamp_ns"]
    row["tick_stamp_ns"] = order["tick_stamp_ns"]
    row["decide_stamp_ns"] = order["decide_stamp_ns"]
    row["pass_stamp_ns"] = order["pass_stamp_ns"]
    row["order_stamp_ns"] = order["publish_stamp_ns"]
    row["send_stamp_ns"] = 0
    row["old_order_id"] = 0
    row["old_intent_id"] = 0
    row["original"] = -1
    row["replacement"] = -1
    row["working_row"] = -1
    row["cancel_asked"] = 0
    row["cancel_due"] = 0
    row["instrument_id"] = order["instrument_id"]
    row["strategy_id"] = order["strategy_id"]
    row["state"] = ORDER_STATE_SENT
    row["side"] = order["side"]
    row["tif"] = order["tif"]
    row["kind"] = order["kind"]
    map_put(state.by_order_id, row["order_id"], slot)
    map_put(state.by_ref, user_ref_num, slot)
    if desk["working_free"] > 0:
        desk["working_free"] -= 1
        row["working_row"] = state.working_rows[desk["working_free"]]
    desk["orders_open"] += 1
    return slot


@hot
def link_replacement(state, original, replacement):
    """Note that order slot `replacement` is to take the place of slot `original`."""
    old, new = state.rows[original], state.rows[replacement]
    new["original"] = original
    new["old_order_id"] = old["order_id"]
    new["old_intent_id"] = old["intent_id"]
    old["replacement"] = replacement


@hot
def unlink_replacement(state, slot):
    """Forget the tie between a replacement and its original. Returns the original's slot, or -1."""
    original = int(state.rows[slot]["original"])
    if original < 0:
        return -1
    state.rows[slot]["original"] = -1
    old = state.rows[original]
    if old["replacement"] != slot:
        return -1
    old["replacement"] = -1
    return original


@hot
def enter_state(state, slot, next_state):
    """Set a row's state; closing gives the slot and its `working` row back."""
    row = state.rows[slot]
    if row["state"] == ORDER_STATE_CLOSED or next_state != ORDER_STATE_CLOSED:
        row["state"] = next_state
        return
    desk = state.desk[0]
    row["state"] = ORDER_STATE_CLOSED
    row["leaves_lots"] = 0
    row["cancel_asked"] = 0
    if row["cancel_due"] != 0:
        row["cancel_due"] = 0
        desk["cancels_due"] -= 1
    desk["orders_open"] -= 1
    state.free[desk["free_tail"] & (state.free.size - 1)] = slot
    desk["free_tail"] += 1


@hot
def show(state, slot):
    """Bring the order's row of `working` up to date; a closed order leaves the table."""
    row = state.rows[slot]
    working_row = int(row["working_row"])
    if working_row < 0:
        return
    table = state.working[0]
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
        desk = state.desk[0]
        state.working_rows[desk["working_free"]] = working_row
        desk["working_free"] += 1
        row["working_row"] = -1
    latest_publish(table, working_row)

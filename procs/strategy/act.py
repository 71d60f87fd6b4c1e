"""Act: turn the difference between what a model wants of one instrument and what works into intents."""

import numpy as np

from procs.strategy.budget import budget_wait_until, spend
from procs.strategy.ladder import LADDER, normalise
from procs.strategy.match import decide, match
from procs.strategy.obligation import NOT_OBLIGED, measure, quality_of
from procs.strategy.slot import HOLD, SLOT_NONE, SLOT_WORKING, SLOTS, WAIT, sent
from shm.atomics import record_at
from shm.codes import INTENT_CANCEL, INTENT_REDUCE, SIDE_BUY, SIDE_SELL, TIF_DAY, TRADING_OPEN
from shm.counters import STRATEGY_HELD_BACK, STRATEGY_INTENTS, STRATEGY_REDUCES
from shm.error_log import ERROR_QUOTE_CROSSED
from shm.ids import take_id
from shm.instance import count, note_error, stamp
from shm.jit import hot
from shm.records.intent import INTENT
from shm.ring import ring_claim_part, ring_publish_parts

# --- one intent ----------------------------------------------------------------------------------------------------


@hot
def _fill_intent(intent, slot, rules, mark, now_ns):
    # all that does not name us: what the slot decided, and why
    action = slot["action"]
    cancel = action == INTENT_CANCEL
    lowers = cancel or action == INTENT_REDUCE
    intent["target_intent_id"] = slot["intent_id"]  # 0 for NEW: nothing rests
    intent["cause_seq"] = mark["cause_seq"]
    intent["price_ticks"] = 0 if lowers else slot["pending_price"]
    intent["qty_lots"] = 0 if cancel else slot["pending_lots"] + slot["cum_lots"]
    intent["expires_ns"] = 0 if lowers else now_ns + rules["intent_life_ns"]
    intent["now_ns"] = now_ns
    intent["recv_stamp_ns"] = mark["recv_stamp_ns"]
    intent["tick_stamp_ns"] = mark["tick_stamp_ns"]
    intent["kind"] = action
    intent["tif"] = TIF_DAY
    intent["cause_ring"] = mark["cause_ring"]
    for word in range(3):
        intent["reserved"][word] = 0


@hot
def _stage(state, row, side, k, part, now_ns):
    """Claim and fill part `part` of this decision. Returns 1, or 0 when the ring is full or no id is left."""
    slot = state.slots[k]
    desk = state.desk[0]
    headroom = desk["headroom"] if slot["action"] != INTENT_CANCEL else 0
    address = ring_claim_part(state.intents[0], part, headroom)
    if address == 0:
        return 0
    intent_id = take_id(state.ids)
    if intent_id == 0:
        return 0
    intent = record_at(address, INTENT)
    _fill_intent(intent, slot, state.rules[row], state.marks[row], now_ns)
    intent["intent_id"] = intent_id
    intent["instrument_id"] = row
    intent["strategy_id"] = desk["strategy_id"]
    intent["side"] = side
    intent["part"] = part
    if slot["action"] == INTENT_REDUCE:
        count(state.me[0], STRATEGY_REDUCES, 1)
    sent(slot, slot["action"], intent_id, now_ns)
    spend(desk, now_ns)
    return 1


@hot
def _publish(me, end, parts):
    # number the claimed parts, stamp them, and make them visible together
    decided_ns = stamp(me)
    for part in range(parts):
        address = end["slots_addr"] + ((end["next_seq"] + part) & end["mask"]) * end["slot_bytes"]
        intent = record_at(address, INTENT)
        intent["parts"] = parts
        intent["decide_stamp_ns"] = decided_ns
    ring_publish_parts(end, parts)
    count(me, STRATEGY_INTENTS, parts)


# --- all orders of an instrument -----------------------------------------------------------------------------------


@hot
def _match(state, row):
    """Wanted ladders against our orders; both sides know what is wanted of the other."""
    desk, mark, rules = state.desk[0], state.marks[row], state.rules[row]
    bid, ask = record_at(desk["bid_ladder_addr"], LADDER), record_at(desk["ask_ladder_addr"], LADDER)
    if normalise(state.outs[row], state.views[row], rules, bid, ask) == 0:
        note_error(state.me[0], ERROR_QUOTE_CROSSED, row, state.outs[row]["bid_price_ticks"])
    first = row * 2 * SLOTS
    side = np.int64(SIDE_BUY)
    mark["bid_span"] = match(state.slots, first, mark["bid_span"], side, bid, ask["touch_ticks"], rules)
    bid_touch = bid["price_ticks"][0] if bid["levels"] > 0 else 0  # where it is held, perhaps
    side = np.int64(SIDE_SELL)
    mark["ask_span"] = match(state.slots, first + SLOTS, mark["ask_span"], side, ask, bid_touch, rules)


@hot
def _decide(state, row, now_ns):
    # what rests is looked at before anything moves
    slots, mark = state.slots, state.marks[row]
    bid, ask = row * 2 * SLOTS, (row * 2 + 1) * SLOTS
    side = np.int64(SIDE_BUY)
    for k in range(bid, bid + mark["bid_span"]):
        slots[k]["action"] = decide(slots, k, ask, mark["ask_span"], side, now_ns)
    side = np.int64(SIDE_SELL)
    for k in range(ask, ask + mark["ask_span"]):
        slots[k]["action"] = decide(slots, k, bid, mark["bid_span"], side, now_ns)


@hot
def _hold_back(state, slot, now_ns):
    """Whether a spent budget makes a new order or a replace wait. What lowers exposure is never asked."""
    desk = state.desk[0]
    until_ns = budget_wait_until(desk)
    if until_ns <= now_ns:
        return False
    slot["action"] = WAIT
    desk["backoff_wake_ns"] = min(desk["backoff_wake_ns"], until_ns)
    count(state.me[0], STRATEGY_HELD_BACK, 1)
    return True


@hot
def _wake_ns(slot):
    until_ns = slot["backoff_until_ns"]
    if slot["state"] == SLOT_WORKING:
        until_ns = max(until_ns, slot["cancel_after_ns"])
    return until_ns


@hot
def _send_side(state, row, side, lowers, parts, now_ns):
    """Stage what lowers exposure (`lowers` 1) or the rest (0) of one side. Returns the number of parts staged so far.

    -1 - that number when the ring was full, or no identifier was left.
    """
    desk, mark = state.desk[0], state.marks[row]
    first = (row * 2 + side - 1) * SLOTS
    span = mark["bid_span"] if side == SIDE_BUY else mark["ask_span"]
    for k in range(first, first + span):
        slot = state.slots[k]
        action = slot["action"]
        if action == WAIT and lowers == 1:
            until_ns = _wake_ns(slot)
            if until_ns > now_ns:  # else it waits for the budget, whose time is already noted
                desk["backoff_wake_ns"] = min(desk["backoff_wake_ns"], until_ns)
        if action == HOLD or action == WAIT:
            continue
        if (action == INTENT_CANCEL or action == INTENT_REDUCE) != (lowers == 1):
            continue
        if lowers == 0 and _hold_back(state, slot, now_ns):
            continue
        if _stage(state, row, side, k, parts, now_ns) == 0:
            return -1 - parts
        parts += 1
    return parts


@hot
def _send(state, row, now_ns):
    # cancels and reduces of both sides first. Returns 1, or 0 when something could not be sent
    parts = np.int64(0)
    for lowers in (1, 0):
        for side in range(SIDE_BUY, SIDE_SELL + 1):
            parts = _send_side(state, row, side, lowers, parts, now_ns)
            if parts < 0:
                if parts < -1:
                    _publish(state.me[0], state.intents[0], -1 - parts)
                return 0
    if parts > 0:
        _publish(state.me[0], state.intents[0], parts)
    return 1


@hot
def _used(slots, first, span):
    # slots behind the last one in use are free: nobody need look at them
    while span > 0 and slots[first + span - 1]["state"] == SLOT_NONE:
        span -= 1
    return span


@hot
def act(state, row, now_ns):
    """Compare the wanted quotes with our orders and publish what follows, cancels first. Clears the dirty mark.

    The mark stays when something could not be sent: the ring was full, or no identifier was left.
    """
    view, mark, rules = state.views[row], state.marks[row], state.rules[row]
    first = row * 2 * SLOTS
    obliged = mark["fresh"] == 1 and view["trading_state"] == TRADING_OPEN and rules["in_universe"] == 1
    quality = np.int64(NOT_OBLIGED)
    if obliged:
        quality = quality_of(state.slots, first, mark["bid_span"], first + SLOTS, mark["ask_span"], rules)
    measure(state.me[0], mark, quality, now_ns)
    _match(state, row)
    _decide(state, row, now_ns)
    all_sent = _send(state, row, now_ns)
    mark["bid_span"] = _used(state.slots, first, mark["bid_span"])
    mark["ask_span"] = _used(state.slots, first + SLOTS, mark["ask_span"])
    view["ticks"] = 0
    view["traded_lots"] = 0
    if all_sent == 1:
        mark["dirty"] = 0
        mark["recv_stamp_ns"] = 0
        mark["tick_stamp_ns"] = 0

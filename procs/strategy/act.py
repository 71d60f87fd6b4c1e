"""Act: turn the difference between what a model wants of one instrument and what works into intents."""

import numpy as np

from procs.strategy.budget import budget_wait_until, spend
from procs.strategy.ladder import LADDER, normalise
from procs.strategy.match import decide, match
from procs.strategy.obligation import NOT_OBLIGED, measure, quality_of
from procs.strategy.quote_journal import journal_quote
from procs.strategy.slot import HOLD, NO_LEVEL, SLOT_NONE, SLOT_WORKING, SLOTS, WAIT, sent
from shm.atomics import record_at
from shm.codes import INTENT_CANCEL, INTENT_REDUCE, SIDE_BUY, SIDE_SELL, TIF_DAY, TRADING_OPEN
from shm.counters import STRATEGY_HELD_BACK, STRATEGY_INTENTS, STRATEGY_REDUCES
from shm.error_log import ERROR_QUOTE_CROSSED
from shm.failpoint import failpoint
from shm.failpoints import FP_INTENTS_PUBLISHED, FP_INTENTS_STAGED
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
    intent["reduce_only"] = 0 if lowers else mark["reduce_only"]
    for word in range(2):
        intent["reserved"][word] = 0


@hot
def _stage(desk, mark, rules, slot, end, ids, part, now_ns):
    """Claim and fill part `part` of this decision. Returns 1, or 0 when the ring is full or no id is left."""
    headroom = desk["headroom"] if slot["action"] != INTENT_CANCEL else 0
    address = ring_claim_part(end, part, headroom)
    if address == 0:
        return 0
    intent_id = take_id(ids)
    if intent_id == 0:
        return 0
    intent = record_at(address, INTENT)
    _fill_intent(intent, slot, rules, mark, now_ns)
    intent["intent_id"] = intent_id
    intent["instrument_id"] = mark["instrument_id"]
    intent["strategy_id"] = desk["strategy_id"]
    intent["side"] = slot["side"]
    intent["part"] = part
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
    failpoint(FP_INTENTS_STAGED)
    ring_publish_parts(end, parts)
    failpoint(FP_INTENTS_PUBLISHED)
    count(me, STRATEGY_INTENTS, parts)


# --- all orders of an instrument -----------------------------------------------------------------------------------


@hot
def _match(me, desk, mark, rules, view, out, slots):
    """Wanted ladders against our orders; both sides know what is wanted of the other."""
    bid, ask = record_at(desk["bid_ladder_addr"], LADDER), record_at(desk["ask_ladder_addr"], LADDER)
    if normalise(out, view, rules, bid, ask) == 0:
        note_error(me, ERROR_QUOTE_CROSSED, mark["instrument_id"], out["bid_price_ticks"])
    first = mark["instrument_id"] * 2 * SLOTS
    side = np.int64(SIDE_BUY)
    mark["bid_span"] = match(slots, first, mark["bid_span"], side, bid, ask["touch_ticks"], rules)
    bid_touch = bid["price_ticks"][0] if bid["levels"] > 0 else 0  # where it is held, perhaps
    side = np.int64(SIDE_SELL)
    mark["ask_span"] = match(slots, first + SLOTS, mark["ask_span"], side, ask, bid_touch, rules)


@hot
def _decide(slots, mark, now_ns):
    # what rests is looked at before anything moves
    bid = mark["instrument_id"] * 2 * SLOTS
    ask = bid + SLOTS
    side = np.int64(SIDE_BUY)
    for k in range(bid, bid + mark["bid_span"]):
        slots[k]["action"] = decide(slots, k, ask, mark["ask_span"], side, now_ns)
    side = np.int64(SIDE_SELL)
    for k in range(ask, ask + mark["ask_span"]):
        slots[k]["action"] = decide(slots, k, bid, mark["bid_span"], side, now_ns)


@hot
def _hold_back(me, desk, slot, now_ns):
    """Whether a spent budget makes a new order or a replace wait. What lowers exposure is never asked."""
    until_ns = budget_wait_until(desk)
    if until_ns <= now_ns:
        return False
    slot["action"] = WAIT
    desk["backoff_wake_ns"] = min(desk["backoff_wake_ns"], until_ns)
    count(me, STRATEGY_HELD_BACK, 1)
    return True


@hot
def _wake_for(desk, slot, now_ns):
    until_ns = slot["backoff_until_ns"]
    if slot["state"] == SLOT_WORKING:
        until_ns = max(until_ns, slot["cancel_after_ns"])
    if until_ns > now_ns:  # else it waits for the budget, whose time is already noted
        desk["backoff_wake_ns"] = min(desk["backoff_wake_ns"], until_ns)


@hot
def _send(me, desk, mark, rules, slots, end, ids, now_ns):
    """Publish what was decided, cancels and reduces of both sides first. Returns 1, or 0 when something is stuck.

    Stuck: the ring was full, or no identifier was left. `desk.parts` is how many intents left.
    """
    bid = mark["instrument_id"] * 2 * SLOTS
    parts, stuck = np.int64(0), 0
    for turn in range(4):  # bids and asks that lower exposure, then the other bids and asks
        lowers = turn < 2
        first = bid if turn & 1 == 0 else bid + SLOTS
        span = mark["bid_span"] if turn & 1 == 0 else mark["ask_span"]
        for k in range(first, first + span):
            slot = slots[k]
            action = slot["action"]
            if action == WAIT and lowers:
                _wake_for(desk, slot, now_ns)
            if action == HOLD or action == WAIT or stuck == 1:
                continue
            if (action == INTENT_CANCEL or action == INTENT_REDUCE) != lowers:
                continue
            if not lowers and _hold_back(me, desk, slot, now_ns):
                continue
            if _stage(desk, mark, rules, slot, end, ids, parts, now_ns) == 0:
                stuck = 1
                continue
            parts += 1
            if action == INTENT_REDUCE:
                count(me, STRATEGY_REDUCES, 1)
    if parts > 0:
        _publish(me, end, parts)
    desk["parts"] = parts
    return 1 - stuck


@hot
def _used(slots, first, span):
    # slots behind the last one in use are free: nobody need look at them
    while span > 0 and slots[first + span - 1]["state"] == SLOT_NONE:
        span -= 1
        slots[first + span]["level"] = NO_LEVEL
    return span


@hot
def act(state, row, now_ns):
    """Compare the wanted quotes with our orders and publish what follows, cancels first. Clears the dirty mark.

    The mark stays when something could not be sent: the ring was full, or no identifier was left.
    """
    me, desk, slots = state.me[0], state.desk[0], state.slots
    view, mark, rules = state.views[row], state.marks[row], state.rules[row]
    first = row * 2 * SLOTS
    obliged = mark["fresh"] == 1 and view["trading_state"] == TRADING_OPEN and rules["in_universe"] == 1
    obliged = obliged and desk["executes"] == 0  # it quotes nothing
    quality = np.int64(NOT_OBLIGED)
    if obliged:
        quality = quality_of(slots, first, mark["bid_span"], first + SLOTS, mark["ask_span"], rules)
    measure(me, mark, quality, now_ns)
    _match(me, desk, mark, rules, view, state.outs[row], slots)
    _decide(slots, mark, now_ns)
    all_sent = _send(me, desk, mark, rules, slots, state.intents[0], state.ids, now_ns)
    if desk["parts"] > 0:
        journal_quote(me, state.journal[0], state.intents[0], desk["parts"], mark, view, state.outs[row], now_ns)
    mark["bid_span"] = _used(slots, first, mark["bid_span"])
    mark["ask_span"] = _used(slots, first + SLOTS, mark["ask_span"])
    view["ticks"] = 0
    view["traded_lots"] = 0
    if all_sent == 1:
        mark["dirty"] = 0
        mark["recv_stamp_ns"] = 0
        mark["tick_stamp_ns"] = 0

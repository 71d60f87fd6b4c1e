"""The strategy step without the strategy: gather inputs, look at an instrument, act on what its model wants.

`step` itself is generated (generate.py): gather, then for each dirty instrument look, the model's `quote`, act; then
settle. An instrument is dirty when a tick, report or reject named it, when its action could not be sent, and at least
every `refresh_ms`. The newest depth decides, so a burst of ticks costs one decision.

Restart: no order is carried over (risk_gate cancelled those of the earlier life), `ticks` goes to its newest record,
and reports of earlier orders change the position and nothing else.
"""

import numpy as np

from procs.strategy.budget import budget_wait_until, spend
from procs.strategy.obligation import NOT_OBLIGED, measure, quality_of
from procs.strategy.protection import jumped
from procs.strategy.quoter import (
    FOREIGN,
    HOLD,
    SLOT_WORKING,
    WAIT,
    decide,
    normalise,
    on_reject,
    on_report,
    sent,
)
from procs.strategy.signals.flow import add_trade
from procs.strategy.signals.intensity import reach_trade
from procs.strategy.signals.update import interrupt_signals, update_signals
from shm.atomics import record_at
from shm.codes import (
    EXIT_CATCH_UP,
    INTENT_CANCEL,
    REPORT_BROKEN,
    REPORT_EXECUTED,
    SIDE_BUY,
    SIDE_SELL,
    TICK_EXECUTE,
    TICK_FRESH,
    TICK_RESYNC,
    TICK_STALE,
    TICK_TRADE,
    TIF_DAY,
    TRADING_OPEN,
)
from shm.counters import (
    STRATEGY_FOREIGN,
    STRATEGY_HELD_BACK,
    STRATEGY_INTENTS,
    STRATEGY_JUMPS,
    STRATEGY_QUOTES,
    STRATEGY_REJECTS,
    STRATEGY_REPORTS,
    STRATEGY_RESYNCS,
    STRATEGY_TICKS,
)
from shm.error_log import ERROR_QUOTE_CROSSED
from shm.ids import take_id
from shm.instance import count, note_error, record_span, stamp
from shm.jit import hot
from shm.latest import latest_read
from shm.records.depth import DEPTH, DEPTH_LEVELS
from shm.records.intent import INTENT
from shm.records.position import POSITION
from shm.records.reject import REJECT
from shm.records.report import REPORT
from shm.records.tick import TICK, TICK_FLAG_LAST
from shm.ring import (
    ring_advance,
    ring_claim_part,
    ring_is_behind,
    ring_peek,
    ring_publish_parts,
    ring_release,
)

BATCH_MAX = 256  # records of one ring in one step: about 10 us, and a decision is never later than that
NEVER_NS = 1 << 62
NEAR_LEVELS = 3  # levels of the imbalance between the best one and all five
CATCH_UP_EVERY_NS = 1_000_000
MIDWAY_NS_MAX = 1_000_000  # a datagram that does not end is a dead feed_handler: decide on what there is

HOP_REJECT, HOP_REPORT, HOP_TICK = 0, 1, 2
HISTOGRAMS = ("risk_gate->strategy", "order_sender->strategy", "feed_handler->strategy")


# --- inputs --------------------------------------------------------------------------------------------------------


@hot
def touch(state, row):
    """Mark instrument `row` dirty."""
    mark = state.marks[row]
    if mark["dirty"] == 0:
        mark["dirty"] = 1
        desk = state.desk[0]
        state.dirty[desk["dirty_count"]] = row
        desk["dirty_count"] += 1


@hot
def touch_all(state):
    """Mark every instrument of the universe dirty."""
    for row in range(len(state.rules)):
        if state.rules[row]["in_universe"] == 1:
            touch(state, row)


@hot
def _slot_of(rows, instrument_id, side):
    """Row of `slots` for a record's instrument and side, or -1 when they are none of ours."""
    if instrument_id < 0 or instrument_id >= rows or (side != SIDE_BUY and side != SIDE_SELL):
        return -1
    return instrument_id * 2 + side - 1


@hot
def _take_rejects(state, ring, now_ns):
    end = state.rejects[ring]
    taken = 0
    while taken < BATCH_MAX:
        address = ring_peek(end)
        if address == 0:
            break
        reject = record_at(address, REJECT)
        record_span(state.me[0], HOP_REJECT, stamp(state.me[0]) - reject["publish_stamp_ns"])
        k = _slot_of(len(state.rules), np.int64(reject["instrument_id"]), np.int64(reject["side"]))
        if k >= 0:
            row = k >> 1
            on_reject(state.slots[k], reject["intent_id"], np.int64(reject["code"]), state.rules[row], now_ns)
            state.marks[row]["cause_ring"] = ring
            state.marks[row]["cause_seq"] = end["next_seq"]
            touch(state, row)
        ring_advance(end)
        taken += 1
    if taken > 0:
        ring_release(end)
        count(state.me[0], STRATEGY_REJECTS, taken)
    return taken


@hot
def apply_report(state, ring, report, ring_seq, now_ns):
    """Apply one REPORT of reports ring `ring`: our position, then the order. A report_seq seen before is ignored."""
    if report["report_seq"] <= state.applied_seq[ring]:
        return
    state.applied_seq[ring] = report["report_seq"]
    k = _slot_of(len(state.rules), np.int64(report["instrument_id"]), np.int64(report["side"]))
    if k < 0 or report["strategy_id"] != state.desk[0]["strategy_id"]:
        return
    row = k >> 1
    kind = report["kind"]
    mark = state.marks[row]
    if report["report_seq"] > mark["position_seq"]:
        mark["position_seq"] = report["report_seq"]
        if kind == REPORT_EXECUTED or kind == REPORT_BROKEN:
            bought = (report["side"] == SIDE_BUY) == (kind == REPORT_EXECUTED)
            state.views[row]["position_lots"] += report["qty_lots"] if bought else -report["qty_lots"]
    if kind != REPORT_BROKEN and on_report(state.slots[k], report, state.rules[row], now_ns) == FOREIGN:
        count(state.me[0], STRATEGY_FOREIGN, 1)
    mark["cause_ring"] = len(state.rejects) + ring
    mark["cause_seq"] = ring_seq
    touch(state, row)


@hot
def _ask_for_journal(state):
    # the reports that did not fit are in order_sender's journal, and it needs a step to see that we read them
    desk = state.desk[0]
    at_ns = stamp(state.me[0])
    if at_ns - desk["caught_up_stamp"] > CATCH_UP_EVERY_NS:
        desk["caught_up_stamp"] = at_ns
        state.exit_request[0] = EXIT_CATCH_UP


@hot
def _take_reports(state, ring, now_ns):
    end = state.reports[ring]
    taken = 0
    while taken < BATCH_MAX:
        address = ring_peek(end)
        if address == 0:
            break
        report = record_at(address, REPORT)
        record_span(state.me[0], HOP_REPORT, stamp(state.me[0]) - report["publish_stamp_ns"])
        apply_report(state, ring, report, end["next_seq"], now_ns)
        ring_advance(end)
        taken += 1
    if taken > 0:
        ring_release(end)
        count(state.me[0], STRATEGY_REPORTS, taken)
    elif ring_is_behind(end) != 0:
        _ask_for_journal(state)
    return taken


@hot
def _channel_tick(state, row, fresh):
    # the tick names one instrument of the channel, or none: a gap makes the whole channel stale
    channel = state.rules[row]["channel_id"] if row >= 0 else -1
    for other in range(len(state.rules)):
        if channel < 0 or state.rules[other]["channel_id"] == channel:
            state.marks[other]["fresh"] = fresh
            if state.rules[other]["in_universe"] == 1:
                touch(state, other)


@hot
def _take_trade(signals, view, tick, rules, now_ns):
    view["last_price_ticks"] = tick["price_ticks"]
    view["last_qty_lots"] = tick["qty_lots"]
    view["last_side"] = tick["side"]
    view["traded_lots"] += tick["qty_lots"]
    side = np.int64(tick["side"])
    add_trade(signals, side, tick["qty_lots"], now_ns, rules["flow_halflife_ns"])
    reach_trade(signals, side, tick["price_ticks"], signals["cell_mid2"], rules["quote_tick_ticks"])


@hot
def _take_tick(state, tick, ring, seq, now_ns):
    row = np.int64(tick["instrument_id"])
    if row >= len(state.rules):
        return
    kind = tick["kind"]
    if kind == TICK_STALE or kind == TICK_FRESH:
        _channel_tick(state, row, 1 if kind == TICK_FRESH else 0)
        return
    if row < 0:
        return
    view = state.views[row]
    view["ticks"] += 1
    view["tick_kind"] = kind
    if kind == TICK_EXECUTE or kind == TICK_TRADE:
        _take_trade(state.signals[row], view, tick, state.rules[row], now_ns)
    elif kind == TICK_RESYNC:
        count(state.me[0], STRATEGY_RESYNCS, 1)
    mark = state.marks[row]
    if mark["recv_stamp_ns"] == 0:
        mark["recv_stamp_ns"] = tick["recv_stamp_ns"]
        mark["tick_stamp_ns"] = tick["publish_stamp_ns"]
    mark["cause_ring"] = ring
    mark["cause_seq"] = seq
    if state.rules[row]["in_universe"] == 1:
        touch(state, row)


@hot
def _take_ticks(state, ring, now_ns):
    end = state.ticks[ring]
    taken = 0
    midway = False
    while taken < BATCH_MAX:
        address = ring_peek(end)
        if address == 0:
            break
        tick = record_at(address, TICK)
        record_span(state.me[0], HOP_TICK, stamp(state.me[0]) - tick["publish_stamp_ns"])
        _take_tick(state, tick, len(state.rejects) + len(state.reports) + ring, end["next_seq"], now_ns)
        midway = (np.int64(tick["flags"]) & TICK_FLAG_LAST) == 0
        ring_advance(end)
        taken += 1
    if taken > 0:
        ring_release(end)
        count(state.me[0], STRATEGY_TICKS, taken)
        _note_midway(state.desk[0], np.int64(1) << ring, midway, now_ns)
    return taken


@hot
def _note_midway(desk, bit, midway, now_ns):
    if not midway:
        desk["midway"] &= ~bit
    elif desk["midway"] & bit == 0:
        desk["midway"] |= bit
        desk["midway_ns"] = now_ns


@hot
def gather(state, now_ns):
    """Consume rejects, reports and ticks, and mark what they touched. Returns the number of records."""
    work = 0
    for ring in range(len(state.rejects)):
        work += _take_rejects(state, ring, now_ns)
    for ring in range(len(state.reports)):
        work += _take_reports(state, ring, now_ns)
    for ring in range(len(state.ticks)):
        work += _take_ticks(state, ring, now_ns)
    desk = state.desk[0]
    if now_ns >= desk["wake_ns"] or now_ns >= desk["backoff_wake_ns"]:
        if now_ns >= desk["wake_ns"]:
            desk["wake_ns"] = now_ns + desk["refresh_ns"]
        desk["backoff_wake_ns"] = NEVER_NS  # who still waits asks again when it is looked at
        touch_all(state)
    waits = desk["midway"] != 0 and now_ns - desk["midway_ns"] < MIDWAY_NS_MAX
    desk["ready_count"] = 0 if waits else desk["dirty_count"]
    return work


# --- one instrument ------------------------------------------------------------------------------------------------


@hot
def _own_at(slot, price_ticks):
    # our displayed size at a price: resting, or on its way and perhaps already in the book
    lots = 0
    if slot["intent_id"] != 0 and slot["price_ticks"] == price_ticks:
        lots = slot["leaves_lots"]
    if slot["pending_id"] != 0 and slot["pending_price"] == price_ticks:
        lots = max(lots, slot["pending_lots"])
    return lots


@hot
def _others_bid(view, depth, slot):
    view["top_bid_price_ticks"] = depth["bid_price_ticks"][0]
    view["bid_price_ticks"] = 0
    view["bid_qty_lots"] = 0
    view["bid_depth_lots"] = 0
    near = 0
    for level in range(DEPTH_LEVELS):
        price = depth["bid_price_ticks"][level]
        lots = depth["bid_qty_lots"][level] - _own_at(slot, price)
        if price > 0 and lots > 0:
            if view["bid_price_ticks"] == 0:
                view["bid_price_ticks"] = price
                view["bid_qty_lots"] = lots
            view["bid_depth_lots"] += lots
            if level < NEAR_LEVELS:
                near += lots
    return near


@hot
def _others_ask(view, depth, slot):
    view["top_ask_price_ticks"] = depth["ask_price_ticks"][0]
    view["ask_price_ticks"] = 0
    view["ask_qty_lots"] = 0
    view["ask_depth_lots"] = 0
    near = 0
    for level in range(DEPTH_LEVELS):
        price = depth["ask_price_ticks"][level]
        lots = depth["ask_qty_lots"][level] - _own_at(slot, price)
        if price > 0 and lots > 0:
            if view["ask_price_ticks"] == 0:
                view["ask_price_ticks"] = price
                view["ask_qty_lots"] = lots
            view["ask_depth_lots"] += lots
            if level < NEAR_LEVELS:
                near += lots
    return near


@hot
def sample_position(state, row):
    """Take position_keeper's row unless our own reports are ahead of it. Returns 1, or 0 before its first row."""
    desk = state.desk[0]
    mark = state.marks[row]
    if latest_read(state.positions[0], desk["strategy_id"] * len(state.rules) + row, desk["position_addr"]) <= 0:
        return 0
    held = record_at(desk["position_addr"], POSITION)
    if held["reports_seq"] >= mark["position_seq"]:
        mark["position_seq"] = held["reports_seq"]
        state.views[row]["position_lots"] = held["position_lots"]
    return 1


@hot
def look(state, row, now_ns):
    """Fill the view of instrument `row` from the newest depth and position, and clear its answer.

    Returns 1 when the model may be asked: position known, channel fresh, instrument open, others on both sides.
    Otherwise 0, and the cleared answer wants no quote.
    """
    out = state.outs[row]
    out["bid_qty_lots"] = 0
    out["ask_qty_lots"] = 0
    rules = state.rules[row]
    if rules["in_universe"] == 0 or state.marks[row]["fresh"] == 0:
        interrupt_signals(state.signals[row])
        return 0
    depth_addr = state.desk[0]["depth_addr"]
    if latest_read(state.depth[0], row, depth_addr) <= 0:
        return 0
    depth = record_at(depth_addr, DEPTH)
    view = state.views[row]
    bid = state.slots[row * 2]
    ask = state.slots[row * 2 + 1]
    bid_near = _others_bid(view, depth, bid)
    ask_near = _others_ask(view, depth, ask)
    known = sample_position(state, row)
    view["now_ns"] = now_ns
    view["own_bid_price_ticks"] = bid["price_ticks"]
    view["own_bid_lots"] = bid["leaves_lots"]
    view["own_ask_price_ticks"] = ask["price_ticks"]
    view["own_ask_lots"] = ask["leaves_lots"]
    view["trading_state"] = depth["trading_state"]
    two_sided = 0 < view["bid_price_ticks"] < view["ask_price_ticks"]
    if known == 0 or depth["trading_state"] != TRADING_OPEN or not two_sided:
        interrupt_signals(state.signals[row])
        return 0
    before_milli = view["volatility_milli"]  # a jump is judged by the sigma that it has not yet raised
    update_signals(state.signals[row], view, rules, bid_near, ask_near, now_ns)
    if _protected(state, row, before_milli, now_ns) == 1:
        return 0
    count(state.me[0], STRATEGY_QUOTES, 1)
    return 1


@hot
def _protected(state, row, volatility_milli, now_ns):
    """Returns 1 while quotes stay away after a jump; what ends the pause wakes us."""
    mark = state.marks[row]
    view = state.views[row]
    mid2 = view["bid_price_ticks"] + view["ask_price_ticks"]
    if jumped(mark, state.rules[row], mid2, volatility_milli, now_ns) == 1:
        count(state.me[0], STRATEGY_JUMPS, 1)
    if now_ns >= mark["pause_until_ns"]:
        return 0
    desk = state.desk[0]
    desk["backoff_wake_ns"] = min(desk["backoff_wake_ns"], mark["pause_until_ns"])
    return 1


# --- intents -------------------------------------------------------------------------------------------------------


@hot
def _fill_intent(intent, slot, rules, mark, now_ns):
    # all that does not name us: what the slot decided, and why
    cancel = slot["action"] == INTENT_CANCEL
    intent["target_intent_id"] = slot["intent_id"]  # 0 for NEW: nothing rests
    intent["cause_seq"] = mark["cause_seq"]
    intent["price_ticks"] = 0 if cancel else slot["pending_price"]
    intent["qty_lots"] = 0 if cancel else slot["pending_lots"] + slot["cum_lots"]
    intent["expires_ns"] = 0 if cancel else now_ns + rules["intent_life_ns"]
    intent["now_ns"] = now_ns
    intent["recv_stamp_ns"] = mark["recv_stamp_ns"]
    intent["tick_stamp_ns"] = mark["tick_stamp_ns"]
    intent["kind"] = slot["action"]
    intent["tif"] = TIF_DAY
    intent["cause_ring"] = mark["cause_ring"]
    for word in range(3):
        intent["reserved"][word] = 0


@hot
def _stage(state, row, side, part, now_ns):
    """Claim and fill part `part` of this decision. Returns 1, or 0 when the ring is full or no id is left."""
    slot = state.slots[row * 2 + side - 1]
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


@hot
def _decide(bid, ask, out, rules, now_ns):
    # both sides look at what is wanted and at what rests before either acts
    bid_price = out["bid_price_ticks"] if out["bid_qty_lots"] > 0 else 0
    ask_price = out["ask_price_ticks"] if out["ask_qty_lots"] > 0 else 0
    side = np.int64(SIDE_BUY)
    bid["action"] = decide(bid, ask, side, bid_price, out["bid_qty_lots"], ask_price, rules, now_ns)
    side = np.int64(SIDE_SELL)
    ask["action"] = decide(ask, bid, side, ask_price, out["ask_qty_lots"], bid_price, rules, now_ns)


@hot
def _hold_back(state, slot, now_ns):
    # a spent budget stops what asks for more, never a cancel
    action = slot["action"]
    if action == HOLD or action == WAIT or action == INTENT_CANCEL:
        return
    desk = state.desk[0]
    until_ns = budget_wait_until(desk)
    if until_ns > now_ns:
        slot["action"] = WAIT
        desk["backoff_wake_ns"] = min(desk["backoff_wake_ns"], until_ns)
        count(state.me[0], STRATEGY_HELD_BACK, 1)


@hot
def _wake_for(desk, slot, now_ns):
    if slot["action"] != WAIT:
        return
    until_ns = slot["backoff_until_ns"]
    if slot["state"] == SLOT_WORKING:
        until_ns = max(until_ns, slot["cancel_after_ns"])
    if until_ns > now_ns:  # else it waits for the budget, whose time is already noted
        desk["backoff_wake_ns"] = min(desk["backoff_wake_ns"], until_ns)


@hot
def act(state, row, now_ns):
    """Compare the wanted quotes with our orders and publish what follows, cancels first. Clears the dirty mark.

    The mark stays when something could not be sent: the ring was full, or no identifier was left.
    """
    view = state.views[row]
    mark = state.marks[row]
    out = state.outs[row]
    if normalise(out, view, state.rules[row]) == 0:
        note_error(state.me[0], ERROR_QUOTE_CROSSED, row, out["bid_price_ticks"])
    bid, ask = state.slots[row * 2], state.slots[row * 2 + 1]
    obliged = mark["fresh"] == 1 and view["trading_state"] == TRADING_OPEN and state.rules[row]["in_universe"] == 1
    quality = quality_of(bid, ask, state.rules[row]) if obliged else NOT_OBLIGED
    measure(state.me[0], mark, quality, now_ns)
    _decide(bid, ask, out, state.rules[row], now_ns)
    parts = np.int64(0)
    unsent = 0
    for turn in range(2):
        for side in range(SIDE_BUY, SIDE_SELL + 1):
            slot = state.slots[row * 2 + side - 1]
            if turn == 1:
                _hold_back(state, slot, now_ns)
            action = slot["action"]
            if action == HOLD or action == WAIT or (action == INTENT_CANCEL) != (turn == 0):
                continue
            if unsent == 0 and _stage(state, row, side, parts, now_ns) == 1:
                parts += 1
            else:
                unsent += 1
    _wake_for(state.desk[0], bid, now_ns)
    _wake_for(state.desk[0], ask, now_ns)
    if parts > 0:
        _publish(state.me[0], state.intents[0], parts)
    view["ticks"] = 0
    view["traded_lots"] = 0
    if unsent == 0:
        mark["dirty"] = 0
        mark["recv_stamp_ns"] = 0
        mark["tick_stamp_ns"] = 0


@hot
def settle(state):
    """Keep on the dirty list what could not be sent; the next step looks at it again."""
    kept = 0
    desk = state.desk[0]
    for k in range(desk["dirty_count"]):
        row = state.dirty[k]
        if state.marks[row]["dirty"] == 1:
            state.dirty[kept] = row
            kept += 1
    desk["dirty_count"] = kept

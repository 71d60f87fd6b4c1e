"""Look: bring the view of one instrument up to its newest book and position, and say whether its model may be asked."""

from procs.strategy.markout import HORIZONS, MARKOUT, settle_markout
from procs.strategy.params import LEVELS
from procs.strategy.protection import jumped
from procs.strategy.queue_position import find_place
from procs.strategy.requests import work_of
from procs.strategy.signals.update import interrupt_signals, update_signals
from procs.strategy.slot import SLOTS
from procs.strategy.step import MARKOUT_BYTES
from shm.atomics import record_at
from shm.codes import TRADING_OPEN
from shm.counters import STRATEGY_JUMPS, STRATEGY_QUOTES
from shm.instance import count
from shm.jit import hot
from shm.latest import latest_read
from shm.records.depth import DEPTH, DEPTH_LEVELS
from shm.records.position import POSITION

NEAR_LEVELS = 3  # levels of the imbalance between the best one and all five


# --- the others' book ----------------------------------------------------------------------------------------------


@hot
def _own_at(slots, first, span, price_ticks):
    # our displayed size at a price: resting, or on its way and perhaps already in the book
    total = 0
    for k in range(first, first + span):
        slot = slots[k]
        lots = 0
        if slot["intent_id"] != 0 and slot["price_ticks"] == price_ticks:
            lots = slot["leaves_lots"]
        if slot["pending_id"] != 0 and slot["pending_price"] == price_ticks:
            lots = max(lots, slot["pending_lots"])
        total += lots
    return total


@hot
def _others_bid(view, depth, slots, first, span):
    view["top_bid_price_ticks"] = depth["bid_price_ticks"][0]
    view["bid_price_ticks"] = 0
    view["bid_qty_lots"] = 0
    view["bid_depth_lots"] = 0
    near = 0
    for level in range(DEPTH_LEVELS):
        price = depth["bid_price_ticks"][level]
        lots = depth["bid_qty_lots"][level] - _own_at(slots, first, span, price)
        if price > 0 and lots > 0:
            if view["bid_price_ticks"] == 0:
                view["bid_price_ticks"] = price
                view["bid_qty_lots"] = lots
            view["bid_depth_lots"] += lots
            if level < NEAR_LEVELS:
                near += lots
    return near


@hot
def _others_ask(view, depth, slots, first, span):
    view["top_ask_price_ticks"] = depth["ask_price_ticks"][0]
    view["ask_price_ticks"] = 0
    view["ask_qty_lots"] = 0
    view["ask_depth_lots"] = 0
    near = 0
    for level in range(DEPTH_LEVELS):
        price = depth["ask_price_ticks"][level]
        lots = depth["ask_qty_lots"][level] - _own_at(slots, first, span, price)
        if price > 0 and lots > 0:
            if view["ask_price_ticks"] == 0:
                view["ask_price_ticks"] = price
                view["ask_qty_lots"] = lots
            view["ask_depth_lots"] += lots
            if level < NEAR_LEVELS:
                near += lots
    return near


# --- our own orders in it ------------------------------------------------------------------------------------------


@hot
def _own_bids(view, slots, first, span):
    view["own_bids"] = 0
    view["own_bid_price_ticks"] = 0
    view["own_bid_lots"] = 0
    view["bid_ahead_lots"] = -1
    for k in range(first, first + span):
        slot = slots[k]
        price = slot["price_ticks"]
        if slot["intent_id"] == 0:
            continue
        view["own_bids"] += 1
        if price == view["own_bid_price_ticks"]:
            view["own_bid_lots"] += slot["leaves_lots"]
            view["bid_ahead_lots"] = min(view["bid_ahead_lots"], slot["ahead_lots"])
        elif price > view["own_bid_price_ticks"]:
            view["own_bid_price_ticks"] = price
            view["own_bid_lots"] = slot["leaves_lots"]
            view["bid_ahead_lots"] = slot["ahead_lots"]


@hot
def _own_asks(view, slots, first, span):
    view["own_asks"] = 0
    view["own_ask_price_ticks"] = 0
    view["own_ask_lots"] = 0
    view["ask_ahead_lots"] = -1
    for k in range(first, first + span):
        slot = slots[k]
        price = slot["price_ticks"]
        if slot["intent_id"] == 0:
            continue
        view["own_asks"] += 1
        if price == view["own_ask_price_ticks"]:
            view["own_ask_lots"] += slot["leaves_lots"]
            view["ask_ahead_lots"] = min(view["ask_ahead_lots"], slot["ahead_lots"])
        elif view["own_ask_price_ticks"] == 0 or price < view["own_ask_price_ticks"]:
            view["own_ask_price_ticks"] = price
            view["own_ask_lots"] = slot["leaves_lots"]
            view["ask_ahead_lots"] = slot["ahead_lots"]


@hot
def _find_bid_places(slots, first, span, depth, last_ref):
    for k in range(first, first + span):
        slot = slots[k]
        if slot["venue_ref"] != 0:
            for level in range(DEPTH_LEVELS):
                if depth["bid_price_ticks"][level] == slot["price_ticks"]:
                    find_place(slot, depth["bid_qty_lots"][level], last_ref)


@hot
def _find_ask_places(slots, first, span, depth, last_ref):
    for k in range(first, first + span):
        slot = slots[k]
        if slot["venue_ref"] != 0:
            for level in range(DEPTH_LEVELS):
                if depth["ask_price_ticks"][level] == slot["price_ticks"]:
                    find_place(slot, depth["ask_qty_lots"][level], last_ref)


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


# --- the whole -----------------------------------------------------------------------------------------------------


@hot
def look(state, row, now_ns):
    """Fill the view of instrument `row` from the newest depth and position, and clear its answer.

    Returns 1 when the model may be asked: position known, channel fresh, instrument open, others on both sides.
    Otherwise 0, and the cleared answer wants no quote.
    """
    out = state.outs[row]
    for level in range(LEVELS):
        out["bid_level_qty_lots"][level] = 0
        out["ask_level_qty_lots"][level] = 0
    rules = state.rules[row]
    if rules["in_universe"] == 0 or state.marks[row]["fresh"] == 0:
        interrupt_signals(state.signals[row])
        return 0
    depth_addr = state.desk[0]["depth_addr"]
    if latest_read(state.depth[0], row, depth_addr) <= 0:
        return 0
    depth = record_at(depth_addr, DEPTH)
    view = state.views[row]
    bid, ask = row * 2 * SLOTS, (row * 2 + 1) * SLOTS
    bid_span, ask_span = state.marks[row]["bid_span"], state.marks[row]["ask_span"]
    bid_near = _others_bid(view, depth, state.slots, bid, bid_span)
    ask_near = _others_ask(view, depth, state.slots, ask, ask_span)
    mark = state.marks[row]
    if depth["venue_seq"] == mark["seen_seq"]:  # only a book that is exactly as new as the ticks
        _find_bid_places(state.slots, bid, bid_span, depth, mark["last_ref"])
        _find_ask_places(state.slots, ask, ask_span, depth, mark["last_ref"])
    _own_bids(view, state.slots, bid, bid_span)
    _own_asks(view, state.slots, ask, ask_span)
    known = sample_position(state, row)
    if state.desk[0]["executes"] == 1:
        work_of(state, row)
    view["now_ns"] = now_ns
    view["trading_state"] = depth["trading_state"]
    two_sided = 0 < view["bid_price_ticks"] < view["ask_price_ticks"]
    if known == 0 or depth["trading_state"] != TRADING_OPEN or not two_sided:
        interrupt_signals(state.signals[row])
        return 0
    _settle_markouts(state, row, view["bid_price_ticks"] + view["ask_price_ticks"], now_ns)
    before_milli = view["volatility_milli"]  # a jump is judged by the sigma that it has not yet raised
    update_signals(state.signals[row], view, rules, bid_near, ask_near, now_ns)
    if _protected(state, row, before_milli, now_ns) == 1:
        return 0
    count(state.me[0], STRATEGY_QUOTES, 1)
    return 1


@hot
def _settle_markouts(state, row, mid2, now_ns):
    mark = state.marks[row]
    mark["mid2"] = mid2
    if mark["unmarked"] == 0:
        return
    waiting = 0
    for horizon in range(HORIZONS):
        markout = record_at(state.desk[0]["markouts_addr"] + (row * HORIZONS + horizon) * MARKOUT_BYTES, MARKOUT)
        settle_markout(state.me[0], markout, horizon, mid2, state.rules[row]["unit_micro"], now_ns)
        waiting += markout["held_lots"]
    mark["unmarked"] = 1 if waiting > 0 else 0


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

"""The pre-trade checks: one pure integer function each, run in the order of this table; the first refusal decides.

```
check          inputs                               refuses when                                 code
-------------  -----------------------------------  -------------------------------------------  ----------------------
kind           kind, tif                            not NEW or REPLACE; not DAY or IOC           REJECT_KIND
duplicate      intent_id, last_intent_id            not above the strategy's last, or not > 0    REJECT_DUPLICATE
instrument     instrument                           unknown row, or outside the universe         REJECT_INSTRUMENT
side           side, target_side                    not BUY or SELL; REPLACE: not the target's   REJECT_SIDE
limits         limits                               a row missing, or a limit of it not > 0      REJECT_NO_LIMITS
behind         behind                               a report is known to be unread               REJECT_SENDER_BEHIND
halt           state                                HALTED or unknown                            REJECT_HALTED
cancel_only    state                                CANCEL_ONLY                                  REJECT_CANCEL_ONLY
expiry         expires_ns, now_ns                   now after expires_ns                         REJECT_EXPIRED
trading_state  trading_state                        not OPEN (0 is unknown, so halted)           REJECT_TRADING_STATE
price_range    price, price_max                     not in 1..min(price_max, PRICE_BOUND)        REJECT_PRICE_RANGE
tick_size      price, tick                          not a multiple of the quoting tick           REJECT_TICK_SIZE
lot_size       qty, lot                             not a positive multiple of the lot           REJECT_LOT_SIZE
qty_max        qty, qty_max                         above min(qty_max, QTY_BOUND)                REJECT_QTY_MAX
notional_max   price, qty, unit, max                price * qty * unit above it                  REJECT_NOTIONAL_MAX
channel        state, silence, silence_max          not FRESH, or silent for longer              REJECT_REFERENCE_STALE
reference      reference2, age, age_max             no usable reference, or older                REJECT_REFERENCE_STALE
collar         price, reference2, collar_bps        farther than that from the reference         REJECT_COLLAR
target         target                               REPLACE: its order is unknown or leaving     REJECT_UNKNOWN_TARGET
reducing       side, position, open, added          REDUCING: same-side lots above the position  REJECT_REDUCING
position       side, position, open, added, max     worst case above it, instrument              REJECT_POSITION_MAX
strategy_lots  the same of the strategy             worst case above it, strategy                REJECT_POSITION_MAX
open_orders    open orders + added, max             above it: instrument, strategy, firm         REJECT_OPEN_ORDERS_MAX
rate           nth_ns, now_ns, window_ns, rate_max  rate_max passes in the window already        REJECT_RATE
state_room     state_room                           order table or identifiers exhausted         REJECT_STATE_FULL
journal_room   journal_room                         no room behind the journal's watermark       REJECT_JOURNAL_FULL
orders_room    orders_room                          only the cancel headroom is left             REJECT_ORDERS_FULL
```

A reject carries `limit_value` (the limit in the unit of the check) and `found_value` (what the intent would have made
it). Worst case: position plus every working and in-flight lot of the same side; buys are never netted against sells.
The reference is the mid, counted in half ticks (`reference2` = bid + ask) so that it stays an integer; with one side
empty it is the touch of the other; a crossed or empty book has none. A REPLACE of an order reserves what it may add to
the order that it replaces. All inputs are int64 and no check reads a float. Products cannot overflow: prices and sizes
are bounded first, other bounds are divided, not multiplied. LIMIT_NONE means no limit; cancels never come here.
"""

import numpy as np

from shm.codes import (
    CHANNEL_FRESH,
    INTENT_NEW,
    INTENT_REPLACE,
    PASS,
    REJECT_CANCEL_ONLY,
    REJECT_COLLAR,
    REJECT_DUPLICATE,
    REJECT_EXPIRED,
    REJECT_HALTED,
    REJECT_INSTRUMENT,
    REJECT_JOURNAL_FULL,
    REJECT_KIND,
    REJECT_LOT_SIZE,
    REJECT_NO_LIMITS,
    REJECT_NOTIONAL_MAX,
    REJECT_OPEN_ORDERS_MAX,
    REJECT_ORDERS_FULL,
    REJECT_POSITION_MAX,
    REJECT_PRICE_RANGE,
    REJECT_QTY_MAX,
    REJECT_RATE,
    REJECT_REDUCING,
    REJECT_REFERENCE_STALE,
    REJECT_SENDER_BEHIND,
    REJECT_SIDE,
    REJECT_STATE_FULL,
    REJECT_TICK_SIZE,
    REJECT_TRADING_STATE,
    SIDE_BUY,
    SIDE_SELL,
    STATE_ACTIVE,
    STATE_CANCEL_ONLY,
    STATE_REDUCING,
    TIF_DAY,
    TIF_IOC,
    TRADING_OPEN,
)
from shm.jit import hot
from shm.records.limits import LIMIT_NONE

PRICE_BOUND = 1 << 40  # times 2 * 10000 (collar) stays below 2^56; OUCH carries prices below 2^31
QTY_BOUND = (1 << 32) - 1  # the wire's field; 2^16 open orders of it stay below 2^49
VALUE_BOUND = (1 << 62) - 1  # no amount of money reaches 2^62
NEVER_NS = -(1 << 62)  # a rate slot that was never used

# One evaluation: inputs gathered by the step, then the answer. Private memory, one row, all int64.
CASE_INPUTS = (
    *("kind", "tif", "side", "intent_id", "last_intent_id", "instrument", "target", "target_side", "limits"),
    *("behind", "state", "expires_ns", "now_ns", "trading_state"),
    *("price", "price_max", "tick", "qty", "lot", "qty_max", "unit", "notional_max"),
    *("channel_state", "silence_ns", "silence_max", "age_ns", "age_max", "reference2", "collar_bps"),
    *("added_lots", "added_orders"),
    *("position", "open_lots", "position_max", "strategy_position", "strategy_open", "strategy_max"),
    *("orders_instrument", "orders_instrument_max", "orders_strategy", "orders_strategy_max"),
    *("orders_firm", "orders_firm_max"),
    *("strategy_nth_ns", "strategy_window_ns", "strategy_rate_max", "firm_nth_ns", "firm_window_ns", "firm_rate_max"),
    *("state_room", "journal_room", "orders_room"),
)
CASE_ANSWERS = (
    *("code", "limit_value", "found_value", "pass_stamp_ns", "channel_stale_stamp_ns", "limits_version"),
    *("cause_ring", "cause_seq", "order_id", "target_order_id", "target_slot", "session", "strategy", "incarnation"),
)
CASE = np.dtype([(name, "<i8") for name in CASE_INPUTS + CASE_ANSWERS])


# --- one function each -----------------------------------------------------------------------------------------------


@hot
def check_kind(kind, tif):
    """Only NEW and REPLACE, DAY and IOC are known."""
    known = (kind == INTENT_NEW or kind == INTENT_REPLACE) and (tif == TIF_DAY or tif == TIF_IOC)
    return PASS if known else REJECT_KIND


@hot
def check_duplicate(intent_id, last_intent_id):
    """Ids rise strictly within a strategy, so one comparison finds any repetition."""
    return PASS if intent_id > last_intent_id and intent_id > 0 else REJECT_DUPLICATE


@hot
def check_instrument(instrument):
    """`instrument` is PASS when the row exists and lies in the strategy's universe."""
    return PASS if instrument == PASS else REJECT_INSTRUMENT


@hot
def check_side(side, target_side):
    """`target_side` is 0 for a NEW. A replace keeps the side of its order."""
    known = side == SIDE_BUY or side == SIDE_SELL
    return PASS if known and (target_side == 0 or target_side == side) else REJECT_SIDE


@hot
def check_limits(limits):
    """`limits` is PASS when the instrument's, the strategy's and the firm's rows are written and positive."""
    return PASS if limits == PASS else REJECT_NO_LIMITS


@hot
def check_behind(behind):
    """`behind` is 1 while a report is known to exist that exposure does not contain yet."""
    return PASS if behind == 0 else REJECT_SENDER_BEHIND


@hot
def check_halt(state):
    """Whatever is not one of the three other states is HALTED."""
    return PASS if STATE_ACTIVE <= state <= STATE_CANCEL_ONLY else REJECT_HALTED


@hot
def check_cancel_only(state):
    """Only cancels pass, and they never come here."""
    return PASS if state != STATE_CANCEL_ONLY else REJECT_CANCEL_ONLY


@hot
def check_expiry(expires_ns, now_ns):
    """Valid up to and including `expires_ns`."""
    return PASS if now_ns <= expires_ns else REJECT_EXPIRED


@hot
def check_trading_state(trading_state):
    """The instrument must be open."""
    return PASS if trading_state == TRADING_OPEN else REJECT_TRADING_STATE


@hot
def check_price_range(price, price_max):
    """Prices are positive and fit the instrument's wire."""
    return PASS if 0 < price <= price_max and price <= PRICE_BOUND else REJECT_PRICE_RANGE


@hot
def check_tick_size(price, tick):
    """A tick that is not positive allows no price."""
    return PASS if tick > 0 and price % tick == 0 else REJECT_TICK_SIZE


@hot
def check_lot_size(qty, lot):
    """A lot that is not positive allows no size."""
    return PASS if qty > 0 and lot > 0 and qty % lot == 0 else REJECT_LOT_SIZE


@hot
def check_qty_max(qty, qty_max):
    """Size of one order."""
    return PASS if qty <= qty_max and qty <= QTY_BOUND else REJECT_QTY_MAX


@hot
def check_notional_max(price, qty, unit, notional_max):
    """price * qty * unit <= notional_max for positive inputs; exact, because m // a // b == m // (a * b)."""
    if unit <= 0:
        return REJECT_NOTIONAL_MAX
    return PASS if qty <= min(notional_max, VALUE_BOUND) // unit // price else REJECT_NOTIONAL_MAX


@hot
def check_channel(channel_state, silence_ns, silence_max):
    """The channel is contiguous and was heard within its limit. A time ahead of ours is not silence."""
    return PASS if channel_state == CHANNEL_FRESH and silence_ns <= silence_max else REJECT_REFERENCE_STALE


@hot
def check_reference(reference2, age_ns, age_max):
    """There is a reference and it is young enough."""
    return PASS if reference2 > 0 and age_ns <= age_max else REJECT_REFERENCE_STALE


@hot
def check_collar(price, reference2, collar_bps):
    """abs(price - reference) * 10000 <= collar_bps * reference, all doubled because the reference counts half ticks."""
    if collar_bps > VALUE_BOUND // reference2:  # LIMIT_NONE, or so wide that no bounded price is outside
        return PASS
    return PASS if abs(2 * price - reference2) * 10_000 <= collar_bps * reference2 else REJECT_COLLAR


@hot
def check_target(target):
    """`target` is PASS for a NEW and for a REPLACE whose order can be replaced; else the reason."""
    return target


@hot
def check_reducing(state, side, position, open_lots, added_lots):
    """REDUCING: even if all lots of this side trade, the strategy's position in the instrument shrinks, never turns."""
    room = -position if side == SIDE_BUY else position
    return PASS if state != STATE_REDUCING or open_lots + added_lots <= room else REJECT_REDUCING


@hot
def worst_case(side, position, open_lots, added_lots):
    """Position on this order's side if every open lot of the side trades and none of the other: long for a buy."""
    return (position if side == SIDE_BUY else -position) + open_lots + added_lots


@hot
def check_position(side, position, open_lots, added_lots, position_max):
    """Worst case within the limit."""
    return PASS if worst_case(side, position, open_lots, added_lots) <= position_max else REJECT_POSITION_MAX


@hot
def check_open_orders(orders, added_orders, orders_max):
    """Open orders, in flight included; an order and the replaces of it in flight are one."""
    return PASS if orders + added_orders <= orders_max else REJECT_OPEN_ORDERS_MAX


@hot
def check_rate(nth_ns, now_ns, window_ns):
    """`nth_ns` is the time of the pass that lies rate_max passes back: inside the window it means a full window.

    The window is (now - window, now]: a pass exactly `window_ns` old has left it.
    """
    return PASS if nth_ns <= now_ns - window_ns else REJECT_RATE


@hot
def check_room(room, code):
    """`room` is 1 when one more fits."""
    return PASS if room == 1 else code


@hot
def reference_of(bid, ask):
    """Twice the reference price: bid + ask, or twice the only touch; 0 when empty, crossed or out of bounds."""
    if bid < 0 or ask < 0 or bid > PRICE_BOUND or ask > PRICE_BOUND:
        return 0
    if bid == 0 or ask == 0:
        return 2 * (bid + ask)
    return bid + ask if bid <= ask else 0


@hot
def notional(price, qty, unit):
    """price * qty * unit for a reject's found_value, saturated at VALUE_BOUND. Positive inputs."""
    if unit <= 0 or qty > VALUE_BOUND // unit // price:
        return VALUE_BOUND
    return price * qty * unit


# --- the table, run --------------------------------------------------------------------------------------------------


@hot
def _answer(case, code, limit_value, found_value):
    case["code"] = code
    case["limit_value"] = limit_value
    case["found_value"] = found_value
    return code


@hot
def _decide_form(case):
    """What the intent says of itself, and whether anything may trade at all."""
    code = check_kind(case["kind"], case["tif"])
    if code != PASS:
        return _answer(case, code, 0, case["kind"])
    code = check_duplicate(case["intent_id"], case["last_intent_id"])
    if code != PASS:
        return _answer(case, code, case["last_intent_id"], case["intent_id"])
    code = check_instrument(case["instrument"])
    if code != PASS:
        return _answer(case, code, 0, 0)
    code = check_side(case["side"], case["target_side"])
    if code != PASS:
        return _answer(case, code, case["target_side"], case["side"])
    code = check_limits(case["limits"])
    if code != PASS:
        return _answer(case, code, 0, 0)
    code = check_behind(case["behind"])
    if code != PASS:
        return _answer(case, code, 0, case["behind"])
    code = check_halt(case["state"])
    if code != PASS:
        return _answer(case, code, 0, case["state"])
    code = check_cancel_only(case["state"])
    if code != PASS:
        return _answer(case, code, 0, case["state"])
    code = check_expiry(case["expires_ns"], case["now_ns"])
    if code != PASS:
        return _answer(case, code, case["expires_ns"], case["now_ns"])
    return PASS


@hot
def _decide_price(case):
    """Price, size and the market that they are compared with."""
    code = check_trading_state(case["trading_state"])
    if code != PASS:
        return _answer(case, code, TRADING_OPEN, case["trading_state"])
    code = check_price_range(case["price"], case["price_max"])
    if code != PASS:
        return _answer(case, code, min(case["price_max"], PRICE_BOUND), case["price"])
    code = check_tick_size(case["price"], case["tick"])
    if code != PASS:
        return _answer(case, code, case["tick"], case["price"])
    code = check_lot_size(case["qty"], case["lot"])
    if code != PASS:
        return _answer(case, code, case["lot"], case["qty"])
    code = check_qty_max(case["qty"], case["qty_max"])
    if code != PASS:
        return _answer(case, code, min(case["qty_max"], QTY_BOUND), case["qty"])
    code = check_notional_max(case["price"], case["qty"], case["unit"], case["notional_max"])
    if code != PASS:
        return _answer(case, code, case["notional_max"], notional(case["price"], case["qty"], case["unit"]))
    code = check_channel(case["channel_state"], case["silence_ns"], case["silence_max"])
    if code != PASS:
        return _answer(case, code, case["silence_max"], case["silence_ns"])
    code = check_reference(case["reference2"], case["age_ns"], case["age_max"])
    if code != PASS:
        return _answer(case, code, case["age_max"], case["age_ns"])
    code = check_collar(case["price"], case["reference2"], case["collar_bps"])
    if code != PASS:
        distance = abs(2 * case["price"] - case["reference2"])
        return _answer(case, code, case["collar_bps"], distance * 10_000 // case["reference2"])
    return PASS


@hot
def _decide_exposure(case):
    """What the order would make of positions and open orders."""
    code = check_target(case["target"])
    if code != PASS:
        return _answer(case, code, 0, 0)
    side, added = case["side"], case["added_lots"]
    code = check_reducing(case["state"], side, case["strategy_position"], case["strategy_open"], added)
    if code != PASS:
        return _answer(case, code, case["strategy_position"], case["strategy_open"] + added)
    code = check_position(side, case["position"], case["open_lots"], added, case["position_max"])
    if code != PASS:
        found = worst_case(side, case["position"], case["open_lots"], added)
        return _answer(case, code, case["position_max"], found)
    code = check_position(side, case["strategy_position"], case["strategy_open"], added, case["strategy_max"])
    if code != PASS:
        found = worst_case(side, case["strategy_position"], case["strategy_open"], added)
        return _answer(case, code, case["strategy_max"], found)
    orders = case["added_orders"]
    code = check_open_orders(case["orders_instrument"], orders, case["orders_instrument_max"])
    if code != PASS:
        return _answer(case, code, case["orders_instrument_max"], case["orders_instrument"] + orders)
    code = check_open_orders(case["orders_strategy"], orders, case["orders_strategy_max"])
    if code != PASS:
        return _answer(case, code, case["orders_strategy_max"], case["orders_strategy"] + orders)
    code = check_open_orders(case["orders_firm"], orders, case["orders_firm_max"])
    if code != PASS:
        return _answer(case, code, case["orders_firm_max"], case["orders_firm"] + orders)
    return PASS


@hot
def _decide_rate_and_room(case):
    """Last: nothing refused counts as a message, and a refusal for want of room means that all else was well."""
    code = check_rate(case["strategy_nth_ns"], case["now_ns"], case["strategy_window_ns"])
    if code != PASS:
        return _answer(case, code, case["strategy_rate_max"], case["strategy_rate_max"] + 1)
    code = check_rate(case["firm_nth_ns"], case["now_ns"], case["firm_window_ns"])
    if code != PASS:
        return _answer(case, code, case["firm_rate_max"], case["firm_rate_max"] + 1)
    code = check_room(case["state_room"], REJECT_STATE_FULL)
    if code != PASS:
        return _answer(case, code, 0, 0)
    code = check_room(case["journal_room"], REJECT_JOURNAL_FULL)
    if code != PASS:
        return _answer(case, code, 0, 0)
    code = check_room(case["orders_room"], REJECT_ORDERS_FULL)
    if code != PASS:
        return _answer(case, code, 0, 0)
    return _answer(case, PASS, 0, 0)


@hot
def decide(case):
    """PASS, or the first refusing check's REJECT_*, for one gathered CASE row; fills its answer fields.

    Fields behind a refusal may be unset: an unknown instrument has no price rules. Cost: bench `risk_check`.
    """
    code = _decide_form(case)
    if code == PASS:
        code = _decide_price(case)
    if code == PASS:
        code = _decide_exposure(case)
    if code == PASS:
        code = _decide_rate_and_room(case)
    return code


@hot
def limits_row_is_set(limits, row, instruments, strategies):
    """PASS when every limit that the scope of `row` uses is positive. Rows: instruments, strategies, the firm."""
    low = limits["open_orders_max"]
    if row < instruments:
        low = min(low, limits["qty_lots_max"], limits["notional_micro_max"], limits["collar_bps"])
        low = min(low, limits["position_lots_max"], limits["age_ns_max"], limits["channel_silence_ns_max"])
        return PASS if low > 0 else REJECT_NO_LIMITS
    if row < instruments + strategies:
        low = min(low, limits["strategy_lots_max"])
    low = min(low, limits["rate_orders_max"], limits["rate_window_ns"])
    return PASS if low > 0 else REJECT_NO_LIMITS


assert VALUE_BOUND == LIMIT_NONE
assert 2 * PRICE_BOUND * 10_000 < VALUE_BOUND

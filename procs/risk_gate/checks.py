"""The pre-trade checks: one pure integer function each. Which, in which order and why: table.py. Run by decide.py.

All inputs are int64 and no check reads a float. Products cannot overflow: prices and sizes are bounded first, and other
limits are clamped to bounds behind which nothing lies. LIMIT_NONE means no limit. Cancels and reduces never come here.
"""

from procs.risk_gate.money import ORDER_VALUE_BOUND, PRICE_BOUND, QTY_BOUND, SUM_BOUND, VALUE_BOUND
from procs.risk_gate.own_orders import would_trade
from shm.codes import (
    CHANNEL_FRESH,
    INTENT_NEW,
    INTENT_REPLACE,
    PASS,
    REJECT_CANCEL_ONLY,
    REJECT_COLLAR_FAR,
    REJECT_COLLAR_NEAR,
    REJECT_CONCENTRATION,
    REJECT_DUPLICATE,
    REJECT_EXECUTIONS,
    REJECT_EXPIRED,
    REJECT_FILL_BURST,
    REJECT_FX_RATE,
    REJECT_HALTED,
    REJECT_INSTRUMENT,
    REJECT_KIND,
    REJECT_LOT_SIZE,
    REJECT_NO_LIMITS,
    REJECT_NOTIONAL_MAX,
    REJECT_OPEN_ORDERS_MAX,
    REJECT_ORDER_TO_TRADE,
    REJECT_POSITION_MAX,
    REJECT_PRICE_BAND,
    REJECT_PRICE_RANGE,
    REJECT_QTY_MAX,
    REJECT_REDUCING,
    REJECT_REFERENCE_STALE,
    REJECT_SAME_ORDER,
    REJECT_SELF_TRADE,
    REJECT_SENDER_BEHIND,
    REJECT_SIDE,
    REJECT_TICK_SIZE,
    REJECT_TRADING_STATE,
    REJECT_VENUE_REJECTS,
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

BPS = 10_000
COLLAR_BOUND = 1 << 21  # basis points: wider collars count as this one, 210 times the price, so that products fit
FX_BOUND = 10**12  # as in config/check.py
RATIO_BOUND = (1 << 30) - 1  # messages for each execution; times 2^31 executions it stays below 2^62

assert COLLAR_BOUND * PRICE_BOUND < VALUE_BOUND


# --- the intent and who may trade ------------------------------------------------------------------------------------


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
def check_fx_rate(fx_ppm):
    """The instrument's currency has a rate into the firm's."""
    return PASS if 0 < fx_ppm <= FX_BOUND else REJECT_FX_RATE


@hot
def check_behind(behind):
    """`behind` is 1 while a report is known to exist that exposure does not contain yet."""
    return PASS if behind == 0 else REJECT_SENDER_BEHIND


@hot
def check_executions(executions, executions_max, released):
    """The next execution is one of those that the strategy may have before a person looks; `released` 1: one did."""
    return PASS if executions < executions_max or released == 1 else REJECT_EXECUTIONS


@hot
def check_fill_burst(now_ns, until_ns, released):
    """The time to wait after a burst of executions is over, or a person let the strategy go on."""
    return PASS if now_ns >= until_ns or released == 1 else REJECT_FILL_BURST


@hot
def check_venue_rejects(held, released):
    """`held` is not 0 once the venue refused too much of the scope; `released` 1: a person let it go on."""
    return PASS if held == 0 or released == 1 else REJECT_VENUE_REJECTS


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


# --- price, size and the market --------------------------------------------------------------------------------------


@hot
def check_trading_state(trading_state):
    """The instrument must be open."""
    return PASS if trading_state == TRADING_OPEN else REJECT_TRADING_STATE


@hot
def check_price_range(price, price_max):
    """Prices are positive and fit the instrument's wire."""
    return PASS if 0 < price <= price_max and price <= PRICE_BOUND else REJECT_PRICE_RANGE


@hot
def tick_of(account, price):
    """The quoting step of the band that `price` lies in."""
    tick = account["band_tick_0"]
    if price >= account["band_from_1"]:
        tick = account["band_tick_1"]
    if price >= account["band_from_2"]:
        tick = account["band_tick_2"]
    if price >= account["band_from_3"]:
        tick = account["band_tick_3"]
    return tick


@hot
def check_tick_size(price, tick):
    """A tick that is not positive allows no price."""
    return PASS if tick > 0 and price % tick == 0 else REJECT_TICK_SIZE


@hot
def check_lot_size(qty, lot):
    """A lot that is not positive allows no size."""
    return PASS if qty > 0 and (lot == 1 or (lot > 0 and qty % lot == 0)) else REJECT_LOT_SIZE


@hot
def check_qty_max(qty, qty_max):
    """Size of one order."""
    return PASS if qty <= qty_max and qty <= QTY_BOUND else REJECT_QTY_MAX


@hot
def check_notional_max(micro, notional_max):
    """`micro` is price * size * unit in the instrument's currency; what reached VALUE_BOUND may be more."""
    return PASS if micro <= notional_max and micro < VALUE_BOUND else REJECT_NOTIONAL_MAX


@hot
def check_order_value(value):
    """`value` is the same in the firm's currency; nobody's limit allows ORDER_VALUE_BOUND."""
    return PASS if value < ORDER_VALUE_BOUND else REJECT_NOTIONAL_MAX


@hot
def check_channel(channel_state, silence_ns, silence_max):
    """The channel is contiguous and was heard within its limit. A time ahead of ours is not silence."""
    return PASS if channel_state == CHANNEL_FRESH and silence_ns <= silence_max else REJECT_REFERENCE_STALE


@hot
def reference_of(bid, ask):
    """Twice the mid: bid + ask, or twice the only touch; 0 when empty, crossed or out of bounds."""
    if bid < 0 or ask < 0 or bid > PRICE_BOUND or ask > PRICE_BOUND:
        return 0
    if bid == 0 or ask == 0:
        return 2 * (bid + ask)
    return bid + ask if bid <= ask else 0


@hot
def check_reference(reference2, age_ns, age_max):
    """There is a reference and it is young enough."""
    return PASS if reference2 > 0 and age_ns <= age_max else REJECT_REFERENCE_STALE


@hot
def near_touch(side, bid, ask):
    """The best price of the order's own side; with that side empty the other's."""
    near = bid if side == SIDE_BUY else ask
    return near if near > 0 else bid + ask


@hot
def far_touch(side, bid, ask):
    """The best price of the other side; with that side empty the own one's."""
    far = ask if side == SIDE_BUY else bid
    return far if far > 0 else bid + ask


@hot
def check_collar(distance, touch, band_bps, code):
    """distance <= band_bps * touch / 10000, multiplied across. A distance below 0 is on the safe side."""
    if band_bps == LIMIT_NONE or distance <= 0:
        return PASS
    return PASS if distance * BPS <= min(band_bps, COLLAR_BOUND) * touch else code


@hot
def check_collar_near(price, near, band_bps):
    """Neither too deep behind the best price of the own side nor too far in front of it."""
    return check_collar(abs(price - near), near, band_bps, REJECT_COLLAR_NEAR)


@hot
def check_price_band(price, low, high):
    """Within the venue's price band, its ends included."""
    return PASS if low <= price <= high else REJECT_PRICE_BAND


@hot
def crossing(side, price, far):
    """How far a price goes through the best price of the other side; not above 0 when it does not."""
    return price - far if side == SIDE_BUY else far - price


@hot
def check_collar_far(side, price, far, band_bps):
    """Not too far through the best price of the other side."""
    return check_collar(crossing(side, price, far), far, band_bps, REJECT_COLLAR_FAR)


@hot
def check_collar_ticks(distance, band_ticks, code):
    """The same collars in price ticks."""
    return PASS if distance <= band_ticks else code


@hot
def check_self_trade(own_open, side, price, own_price, self_trade):
    """No open order of the firm at the other side is at this price or better. LIMIT_NONE: the venue sees to it."""
    if own_open == 0 or self_trade == LIMIT_NONE:
        return PASS
    return PASS if would_trade(side, price, own_price) == 0 else REJECT_SELF_TRADE


# --- exposure --------------------------------------------------------------------------------------------------------


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
def check_position(worst, position_max):
    """Worst case long or short within the limit of that side."""
    return PASS if worst <= position_max else REJECT_POSITION_MAX


@hot
def check_open_orders(orders, added_orders, orders_max):
    """Open orders, in flight included; an order and the replaces of it in flight are one."""
    return PASS if orders + added_orders <= orders_max else REJECT_OPEN_ORDERS_MAX


@hot
def check_money(added, after, money_max, code):
    """A sum of money after the order. One that adds nothing to it passes, whatever the market made of the sum."""
    return PASS if added <= 0 or after <= min(money_max, SUM_BOUND) else code


@hot
def check_concentration(added, part, whole, part_bps_max, floor):
    """part <= part_bps_max * whole / 10000, for a part above `floor`, multiplied across in two steps of 10000."""
    if added <= 0 or part_bps_max == LIMIT_NONE or part <= floor:
        return PASS
    bps = min(part_bps_max, BPS)
    steps = whole // BPS
    over = part - bps * steps  # what the whole steps do not allow
    return PASS if over <= BPS and over * BPS <= bps * (whole - steps * BPS) else REJECT_CONCENTRATION


# --- flow and room ---------------------------------------------------------------------------------------------------


@hot
def check_rate(nth_ns, now_ns, window_ns, code):
    """`nth_ns` is the time of the message that lies rate_max messages back: inside the window it is full.

    The window is (now - window, now]: a message exactly `window_ns` old has left it.
    """
    return PASS if nth_ns <= now_ns - window_ns else code


@hot
def check_same(same, same_max):
    """New orders with the same content in the window, this one not included."""
    return PASS if same < same_max else REJECT_SAME_ORDER


@hot
def check_burst(entered, added, burst_max, code):
    """Lots or money entered in the short window, this order included."""
    return PASS if entered + added <= burst_max else code


@hot
def check_order_to_trade(messages, executions, per_fill_max, floor):
    """Messages, this one included, for each execution; `floor` messages are free."""
    if messages <= floor or per_fill_max == LIMIT_NONE:
        return PASS
    return PASS if messages <= min(per_fill_max, RATIO_BOUND) * executions else REJECT_ORDER_TO_TRADE


@hot
def check_room(room, code):
    """`room` is 1 when one more fits."""
    return PASS if room == 1 else code


# --- a row of limits -------------------------------------------------------------------------------------------------


@hot
def limits_row_is_set(limits):
    """PASS when every limit in the row is positive; LIMIT_NONE says aloud that there is none."""
    low = min(limits["open_orders_max"], limits["open_micro_max"], limits["gross_micro_max"], limits["net_micro_max"])
    low = min(low, limits["burst_lots_max"], limits["burst_micro_max"], limits["burst_window_ns"])
    low = min(low, limits["messages_per_fill_max"], limits["qty_lots_max"], limits["notional_micro_max"])
    low = min(low, limits["collar_near_bps"], limits["collar_far_bps"], limits["long_lots_max"])
    low = min(low, limits["short_lots_max"], limits["age_ns_max"], limits["channel_silence_ns_max"])
    low = min(low, limits["rate_window_ns"], limits["rate_orders_max"], limits["rate_messages_max"])
    low = min(low, limits["rate_cancels_max"], limits["concentration_bps_max"])
    low = min(low, limits["collar_near_ticks"], limits["collar_far_ticks"], limits["scale_age_ns_max"])
    low = min(low, limits["delta_micro_max"], limits["gamma_micro_max"], limits["vega_micro_max"])
    low = min(low, limits["same_window_ns"], limits["same_orders_max"], limits["executions_max"])
    low = min(low, limits["fill_window_ns"], limits["fill_lots_max"], limits["fill_delta_micro_max"])
    low = min(low, limits["fill_vega_micro_max"], limits["fill_reset_ns"], limits["loss_micro_max"])
    low = min(low, limits["drawdown_micro_max"], limits["risk_age_ns_max"], limits["mark_age_ns_max"])
    low = min(low, limits["venue_rejects_window_ns"], limits["venue_rejects_max"])
    return PASS if low > 0 else REJECT_NO_LIMITS

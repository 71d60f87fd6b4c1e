"""Decide: run the checks in the order of table.py; the first refusal answers: code, scope, limit, what was found."""

from procs.risk_gate.checks import (
    BPS,
    check_behind,
    check_burst,
    check_cancel_only,
    check_channel,
    check_collar_far,
    check_collar_near,
    check_concentration,
    check_duplicate,
    check_expiry,
    check_fx_rate,
    check_halt,
    check_instrument,
    check_kind,
    check_limits,
    check_lot_size,
    check_money,
    check_notional_max,
    check_open_orders,
    check_order_to_trade,
    check_order_value,
    check_position,
    check_price_range,
    check_qty_max,
    check_rate,
    check_reducing,
    check_reference,
    check_room,
    check_side,
    check_target,
    check_tick_size,
    check_trading_state,
    crossing,
    far_touch,
    near_touch,
    tick_of,
    worst_case,
)
from procs.risk_gate.flow import burst_room, let_go, nth_cancel_ns, nth_message_ns, nth_pass_ns
from procs.risk_gate.money import (
    ORDER_VALUE_BOUND,
    PRICE_BOUND,
    QTY_BOUND,
    notional,
    order_value,
    to_firm,
    worst_gross,
)
from procs.risk_gate.rows import ACCOUNT, HOLDING
from shm.atomics import record_at
from shm.codes import (
    LIMIT_SCOPE_FIRM,
    LIMIT_SCOPE_INSTRUMENT,
    LIMIT_SCOPE_ORDER,
    LIMIT_SCOPE_PAIR,
    LIMIT_SCOPE_STRATEGY,
    PASS,
    REJECT_BURST_LOTS,
    REJECT_BURST_NOTIONAL,
    REJECT_CANCEL_RATE,
    REJECT_GROSS_MAX,
    REJECT_JOURNAL_FULL,
    REJECT_MESSAGE_RATE,
    REJECT_NET_MAX,
    REJECT_OPEN_NOTIONAL_MAX,
    REJECT_ORDERS_FULL,
    REJECT_RATE,
    REJECT_STATE_FULL,
    SIDE_BUY,
    TRADING_OPEN,
)
from shm.jit import hot
from shm.records.limits import LIMIT_NONE


@hot
def _answer(case, code, scope, limit_value, found_value):
    case["code"] = code
    case["scope"] = scope
    case["limit_value"] = limit_value
    case["found_value"] = found_value
    return code


# --- the intent, and whether anything may trade at all ---------------------------------------------------------------


@hot
def _decide_form(case):
    order = LIMIT_SCOPE_ORDER
    code = check_kind(case["kind"], case["tif"])
    if code != PASS:
        return _answer(case, code, order, 0, case["kind"])
    code = check_duplicate(case["intent_id"], case["last_intent_id"])
    if code != PASS:
        return _answer(case, code, order, case["last_intent_id"], case["intent_id"])
    code = check_instrument(case["instrument"])
    if code != PASS:
        return _answer(case, code, order, 0, 0)
    code = check_side(case["side"], case["target_side"])
    if code != PASS:
        return _answer(case, code, order, case["target_side"], case["side"])
    code = check_limits(case["limits"])
    if code != PASS:
        return _answer(case, code, order, 0, 0)
    fx_ppm = record_at(case["instrument_addr"], ACCOUNT)["fx_ppm"]
    code = check_fx_rate(fx_ppm)
    if code != PASS:
        return _answer(case, code, LIMIT_SCOPE_INSTRUMENT, 0, fx_ppm)
    code = check_behind(case["behind"])
    if code != PASS:
        return _answer(case, code, order, 0, case["behind"])
    code = check_halt(case["state"])
    if code != PASS:
        return _answer(case, code, order, 0, case["state"])
    code = check_cancel_only(case["state"])
    if code != PASS:
        return _answer(case, code, order, 0, case["state"])
    code = check_expiry(case["expires_ns"], case["now_ns"])
    if code != PASS:
        return _answer(case, code, order, case["expires_ns"], case["now_ns"])
    return PASS


# --- price, size and the market --------------------------------------------------------------------------------------


@hot
def _decide_size(case, account):
    """Price and size by themselves; finds what the order is worth."""
    price, qty = case["price"], case["qty"]
    order, instrument = LIMIT_SCOPE_ORDER, LIMIT_SCOPE_INSTRUMENT
    code = check_trading_state(case["trading_state"])
    if code != PASS:
        return _answer(case, code, order, TRADING_OPEN, case["trading_state"])
    code = check_price_range(price, account["price_max"])
    if code != PASS:
        return _answer(case, code, order, min(account["price_max"], PRICE_BOUND), price)
    tick = tick_of(account, price)
    code = check_tick_size(price, tick)
    if code != PASS:
        return _answer(case, code, order, tick, price)
    code = check_lot_size(qty, account["lot"])
    if code != PASS:
        return _answer(case, code, order, account["lot"], qty)
    code = check_qty_max(qty, account["qty_lots_max"])
    if code != PASS:
        return _answer(case, code, instrument, min(account["qty_lots_max"], QTY_BOUND), qty)
    micro = notional(price, qty, account["unit"], account["unit_room"])
    code = check_notional_max(micro, account["notional_micro_max"])
    if code != PASS:
        return _answer(case, code, instrument, account["notional_micro_max"], micro)
    value = to_firm(micro, account["fx_ppm"], ORDER_VALUE_BOUND)
    code = check_order_value(value)
    if code != PASS:
        return _answer(case, code, order, ORDER_VALUE_BOUND, value)
    case["micro"] = micro
    case["value"] = value
    return PASS


@hot
def _decide_market(case, account):
    """The market is known, and the price is near it."""
    side, price = case["side"], case["price"]
    order, instrument = LIMIT_SCOPE_ORDER, LIMIT_SCOPE_INSTRUMENT
    silence_max, age_max = account["channel_silence_ns_max"], account["age_ns_max"]
    code = check_channel(case["channel_state"], case["silence_ns"], silence_max)
    if code != PASS:
        return _answer(case, code, order, silence_max, case["silence_ns"])
    code = check_reference(case["reference2"], case["age_ns"], age_max)
    if code != PASS:
        return _answer(case, code, order, age_max, case["age_ns"])
    near = near_touch(side, case["bid"], case["ask"])
    code = check_collar_near(price, near, account["collar_near_bps"])
    if code != PASS:
        return _answer(case, code, instrument, account["collar_near_bps"], abs(price - near) * BPS // near)
    far = far_touch(side, case["bid"], case["ask"])
    code = check_collar_far(side, price, far, account["collar_far_bps"])
    if code != PASS:
        found = crossing(side, price, far) * BPS // far
        return _answer(case, code, instrument, account["collar_far_bps"], found)
    return PASS


# --- positions and open orders ---------------------------------------------------------------------------------------


@hot
def _decide_lots(case, account, strategy, pair):
    """Positions in lots, worst case of the order's side."""
    code = check_target(case["target"])
    if code != PASS:
        return _answer(case, code, LIMIT_SCOPE_ORDER, 0, 0)
    side, added = case["side"], case["added_lots"]
    buys = side == SIDE_BUY
    pair_open = pair["open_buy"] if buys else pair["open_sell"]
    code = check_reducing(case["state"], side, pair["position"], pair_open, added)
    if code != PASS:
        return _answer(case, code, LIMIT_SCOPE_PAIR, pair["position"], pair_open + added)
    worst = worst_case(side, account["position"], account["open_buy"] if buys else account["open_sell"], added)
    lots_max = account["long_lots_max"] if buys else account["short_lots_max"]
    code = check_position(worst, lots_max)
    if code != PASS:
        return _answer(case, code, LIMIT_SCOPE_INSTRUMENT, lots_max, worst)
    worst = worst_case(side, pair["position"], pair_open, added)
    lots_max = strategy["long_lots_max"] if buys else strategy["short_lots_max"]
    code = check_position(worst, lots_max)
    if code != PASS:
        return _answer(case, code, LIMIT_SCOPE_PAIR, lots_max, worst)
    return PASS


@hot
def _decide_open_orders(case, account, scope):
    after = account["orders"] + case["added_orders"]
    code = check_open_orders(account["orders"], case["added_orders"], account["open_orders_max"])
    return PASS if code == PASS else _answer(case, code, scope, account["open_orders_max"], after)


@hot
def _decide_open_notional(case, account, scope):
    added = case["added_value"]
    after = account["value_buy"] + account["value_sell"] + added
    code = check_money(added, after, account["open_micro_max"], REJECT_OPEN_NOTIONAL_MAX)
    return PASS if code == PASS else _answer(case, code, scope, account["open_micro_max"], after)


@hot
def _gross_added(case, holding):
    """How much the order raises the worst case of an instrument or of a strategy in it."""
    buys = holding["value_buy"] + (case["added_value"] if case["side"] == SIDE_BUY else 0)
    sells = holding["value_sell"] + (0 if case["side"] == SIDE_BUY else case["added_value"])
    return worst_gross(holding["value"], buys, sells) - holding["gross"]


@hot
def _decide_gross(case, account, added, scope):
    after = account["gross"] + added
    code = check_money(added, after, account["gross_micro_max"], REJECT_GROSS_MAX)
    return PASS if code == PASS else _answer(case, code, scope, account["gross_micro_max"], after)


@hot
def _decide_net(case, account, scope):
    """Long for a buy, short for a sell, nothing of the other side taken off."""
    buys, added = case["side"] == SIDE_BUY, case["added_value"]
    after = account["value"] + account["value_buy"] if buys else account["value_sell"] - account["value"]
    after += added
    code = check_money(added, after, account["net_micro_max"], REJECT_NET_MAX)
    return PASS if code == PASS else _answer(case, code, scope, account["net_micro_max"], after)


@hot
def _decide_concentration(case, account, firm, added):
    part, whole = account["gross"] + added, firm["gross"] + added
    part_max = firm["concentration_bps_max"]
    code = check_concentration(added, part, whole, part_max, firm["concentration_floor_micro"])
    if code != PASS:
        found = min(part // max(1, whole // BPS), BPS)
        return _answer(case, code, LIMIT_SCOPE_FIRM, part_max, found)
    return PASS


@hot
def _decide_gross_and_net(case, account, strategy, firm, pair):
    """Exposure in money."""
    added = _gross_added(case, account)
    code = _decide_gross(case, account, added, LIMIT_SCOPE_INSTRUMENT)
    if code == PASS:
        code = _decide_gross(case, strategy, _gross_added(case, pair), LIMIT_SCOPE_STRATEGY)
    if code == PASS:
        code = _decide_gross(case, firm, added, LIMIT_SCOPE_FIRM)
    if code == PASS:
        code = _decide_net(case, strategy, LIMIT_SCOPE_STRATEGY)
    if code == PASS:
        code = _decide_net(case, firm, LIMIT_SCOPE_FIRM)
    if code == PASS:
        code = _decide_concentration(case, account, firm, added)
    return code


@hot
def _decide_open(case, account, strategy, firm):
    """Open orders by number and by money."""
    code = _decide_open_orders(case, account, LIMIT_SCOPE_INSTRUMENT)
    if code == PASS:
        code = _decide_open_orders(case, strategy, LIMIT_SCOPE_STRATEGY)
    if code == PASS:
        code = _decide_open_orders(case, firm, LIMIT_SCOPE_FIRM)
    if code == PASS:
        code = _decide_open_notional(case, account, LIMIT_SCOPE_INSTRUMENT)
    if code == PASS:
        code = _decide_open_notional(case, strategy, LIMIT_SCOPE_STRATEGY)
    if code == PASS:
        code = _decide_open_notional(case, firm, LIMIT_SCOPE_FIRM)
    return code


@hot
def _decide_exposure(case, account, strategy, firm, pair):
    code = _decide_lots(case, account, strategy, pair)
    if code != PASS:
        return code
    value = case["value"]
    if case["open_after"] != case["qty"]:  # a replace of an order that traded in part
        value = order_value(case["price"], case["open_after"], account)
    case["added_value"] = max(0, value - case["family_value"])
    code = _decide_open(case, account, strategy, firm)
    return code if code != PASS else _decide_gross_and_net(case, account, strategy, firm, pair)


# --- flow ------------------------------------------------------------------------------------------------------------


@hot
def _decide_order_rate(case, account, scope):
    rate_max = account["rate_orders_max"]
    code = check_rate(nth_pass_ns(account, rate_max), case["now_ns"], account["rate_window_ns"], REJECT_RATE)
    return PASS if code == PASS else _answer(case, code, scope, rate_max, rate_max + 1)


@hot
def _decide_message_rate(case, account, scope):
    """All messages, less the headroom that is left for cancels and reduces."""
    if account["rate_messages_max"] == LIMIT_NONE:
        return PASS
    rate_max = max(0, account["rate_messages_max"] - account["rate_headroom"])
    nth_ns = nth_message_ns(account, rate_max) if rate_max > 0 else case["now_ns"]
    code = check_rate(nth_ns, case["now_ns"], account["rate_window_ns"], REJECT_MESSAGE_RATE)
    return PASS if code == PASS else _answer(case, code, scope, rate_max, rate_max + 1)


@hot
def _decide_cancel_rate(case, account, scope):
    rate_max = account["rate_cancels_max"]
    code = check_rate(nth_cancel_ns(account, rate_max), case["now_ns"], account["rate_window_ns"], REJECT_CANCEL_RATE)
    return PASS if code == PASS else _answer(case, code, scope, rate_max, rate_max)


@hot
def _decide_burst_lots(case, account, scope):
    code = check_burst(
        account["lots_total"] - account["lots_tail"], case["qty"], account["burst_lots_max"], REJECT_BURST_LOTS
    )
    if code != PASS:
        found = account["lots_total"] - account["lots_tail"] + case["qty"]
        return _answer(case, code, scope, account["burst_lots_max"], found)
    return PASS


@hot
def _decide_burst_notional(case, account, scope):
    entered = account["value_total"] - account["value_tail"]
    code = check_burst(entered, case["value"], account["burst_micro_max"], REJECT_BURST_NOTIONAL)
    if code != PASS:
        return _answer(case, code, scope, account["burst_micro_max"], entered + case["value"])
    return PASS


@hot
def _decide_burst_again(case, account, scope):
    """Over a limit before the passes that left the window were let go: now they are."""
    let_go(account, case["now_ns"], account["pass_mask"] + 1)
    code = _decide_burst_lots(case, account, scope)
    return code if code != PASS else _decide_burst_notional(case, account, scope)


@hot
def _decide_burst(case, account, scope):
    """Sums over the short window. Passes that left it may still be in them: a sum within its limit needs no look."""
    lots_max, value_max = account["burst_lots_max"], account["burst_micro_max"]
    if lots_max == LIMIT_NONE and value_max == LIMIT_NONE:
        return PASS
    if burst_room(account, case["now_ns"]) == 0:
        passes = account["pass_mask"] + 1
        return _answer(case, REJECT_RATE, scope, passes, passes + 1)
    lots = account["lots_total"] - account["lots_tail"] + case["qty"]
    value = account["value_total"] - account["value_tail"] + case["value"]
    return PASS if lots <= lots_max and value <= value_max else _decide_burst_again(case, account, scope)


@hot
def _decide_order_to_trade(case, account, scope):
    messages = account["message_count"] + 1
    per_fill_max = account["messages_per_fill_max"]
    code = check_order_to_trade(messages, account["executions"], per_fill_max, account["messages_floor"])
    return PASS if code == PASS else _answer(case, code, scope, per_fill_max, messages // max(1, account["executions"]))


@hot
def _decide_rates(case, account, scope):
    """Rates of one strategy or of the firm."""
    code = _decide_order_rate(case, account, scope)
    if code == PASS:
        code = _decide_message_rate(case, account, scope)
    return code if code != PASS else _decide_cancel_rate(case, account, scope)


@hot
def _decide_sums(case, account, scope):
    """What one scope entered in the short window, and its messages for each execution."""
    code = _decide_burst(case, account, scope)
    return code if code != PASS else _decide_order_to_trade(case, account, scope)


@hot
def _decide_flow(case, account, strategy, firm):
    """Nothing refused counts as a message, so these come late."""
    code = _decide_rates(case, strategy, LIMIT_SCOPE_STRATEGY)
    if code == PASS:
        code = _decide_rates(case, firm, LIMIT_SCOPE_FIRM)
    if code == PASS:
        code = _decide_sums(case, account, LIMIT_SCOPE_INSTRUMENT)
    if code == PASS:
        code = _decide_sums(case, strategy, LIMIT_SCOPE_STRATEGY)
    if code == PASS:
        code = _decide_sums(case, firm, LIMIT_SCOPE_FIRM)
    return code


@hot
def _decide_room(case):
    """Last: a refusal for want of room means that all else was well."""
    code = check_room(case["state_room"], REJECT_STATE_FULL)
    if code == PASS:
        code = check_room(case["journal_room"], REJECT_JOURNAL_FULL)
    if code == PASS:
        code = check_room(case["orders_room"], REJECT_ORDERS_FULL)
    return _answer(case, code, 0 if code == PASS else LIMIT_SCOPE_FIRM, 0, 0)


# --- all of them -----------------------------------------------------------------------------------------------------


@hot
def _decide_limits(case):
    """What the rows of the case limit."""
    account = record_at(case["instrument_addr"], ACCOUNT)
    code = _decide_size(case, account)
    if code == PASS:
        code = _decide_market(case, account)
    if code != PASS:
        return code
    strategy, firm = record_at(case["strategy_addr"], ACCOUNT), record_at(case["firm_addr"], ACCOUNT)
    pair = record_at(case["pair_addr"], HOLDING)
    code = _decide_exposure(case, account, strategy, firm, pair)
    return code if code != PASS else _decide_flow(case, account, strategy, firm)


@hot
def decide(case):
    """PASS, or the first refusing check's REJECT_*, for one gathered CASE; fills its answer fields.

    Fields behind a refusal may be unset: an unknown instrument has no rows. Cost: bench `risk_check`.
    """
    code = _decide_form(case)
    if code == PASS:
        code = _decide_limits(case)
    return code if code != PASS else _decide_room(case)

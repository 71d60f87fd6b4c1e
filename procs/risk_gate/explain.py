"""Explain: the limit of the check that refused and what it found, in the unit that table.py names. Refusals only."""

from procs.risk_gate.case import say
from procs.risk_gate.checks import BPS, check_channel, check_rate, crossing, far_touch, near_touch, tick_of, worst_case
from procs.risk_gate.flow import lots_entered, nth_pass_ns, order_messages_max, value_entered
from procs.risk_gate.losses import explain_loss
from procs.risk_gate.money import ORDER_VALUE_BOUND, PRICE_BOUND, QTY_BOUND, notional
from procs.risk_gate.portfolio import explain_portfolio
from procs.risk_gate.rows import ACCOUNT, HOLDING, MEMORY, SAME_RING
from procs.risk_gate.same_order import same_in_window
from procs.risk_gate.short_sale import explain_sale
from procs.risk_gate.sides import gross_added, lots_max, net_value, open_lots, open_value
from shm.atomics import record_at
from shm.codes import (
    LIMIT_SCOPE_FIRM,
    LIMIT_SCOPE_ORDER,
    LIMIT_SCOPE_PAIR,
    LIMIT_SCOPE_STRATEGY,
    PASS,
    REJECT_BURST_LOTS,
    REJECT_BURST_NOTIONAL,
    REJECT_CANCEL_ONLY,
    REJECT_CANCEL_RATE,
    REJECT_COLLAR_FAR,
    REJECT_COLLAR_FAR_TICKS,
    REJECT_COLLAR_NEAR,
    REJECT_COLLAR_NEAR_TICKS,
    REJECT_CONCENTRATION,
    REJECT_DUPLICATE,
    REJECT_EXECUTIONS,
    REJECT_EXPIRED,
    REJECT_FILL_BURST,
    REJECT_FX_RATE,
    REJECT_GROSS_MAX,
    REJECT_HALTED,
    REJECT_KIND,
    REJECT_LOT_SIZE,
    REJECT_MESSAGE_RATE,
    REJECT_NET_MAX,
    REJECT_NOTIONAL_MAX,
    REJECT_OPEN_NOTIONAL_MAX,
    REJECT_OPEN_ORDERS_MAX,
    REJECT_ORDER_TO_TRADE,
    REJECT_POSITION_MAX,
    REJECT_PRICE_BAND,
    REJECT_PRICE_RANGE,
    REJECT_QTY_MAX,
    REJECT_RATE,
    REJECT_REDUCING,
    REJECT_REFERENCE_STALE,
    REJECT_SAME_ORDER,
    REJECT_SELF_TRADE,
    REJECT_SENDER_BEHIND,
    REJECT_SIDE,
    REJECT_TICK_SIZE,
    REJECT_TRADING_STATE,
    REJECT_VENUE_REJECTS,
    TRADING_OPEN,
)
from shm.jit import hot


@hot
def _explain_form(case, code):
    """What is wrong without any row of limits."""
    if code == REJECT_KIND:
        say(case, 0, case["kind"])
    elif code == REJECT_DUPLICATE:
        say(case, case["last_intent_id"], case["intent_id"])
    elif code == REJECT_SIDE:
        say(case, case["target_side"], case["side"])
    elif code == REJECT_SENDER_BEHIND:
        say(case, 0, case["behind"])
    elif code == REJECT_HALTED or code == REJECT_CANCEL_ONLY:
        say(case, 0, case["state"])
    elif code == REJECT_EXPIRED:
        say(case, case["expires_ns"], case["now_ns"])
    elif code == REJECT_TRADING_STATE:
        say(case, TRADING_OPEN, case["trading_state"])


@hot
def _explain_size(case, code, account):
    price, qty = case["price"], case["qty"]
    if code == REJECT_FX_RATE:
        say(case, 0, account["fx_ppm"])
    elif code == REJECT_PRICE_RANGE:
        say(case, min(account["price_max"], PRICE_BOUND), price)
    elif code == REJECT_TICK_SIZE:
        say(case, tick_of(account, price), price)
    elif code == REJECT_LOT_SIZE:
        say(case, account["lot"], qty)
    elif code == REJECT_QTY_MAX:
        say(case, min(account["qty_lots_max"], QTY_BOUND), qty)
    elif code == REJECT_NOTIONAL_MAX and case["scope"] == LIMIT_SCOPE_ORDER:
        say(case, ORDER_VALUE_BOUND, case["value"])
    elif code == REJECT_NOTIONAL_MAX:
        micro = notional(price, qty, account["unit"], account["unit_room"])
        say(case, account["notional_micro_max"], micro)


@hot
def _explain_market(case, code, account):
    side, price = case["side"], case["price"]
    if code == REJECT_REFERENCE_STALE:
        silence_max = account["channel_silence_ns_max"]
        if check_channel(case["channel_state"], case["silence_ns"], silence_max) != PASS:
            say(case, silence_max, case["silence_ns"])
        else:
            say(case, account["age_ns_max"], case["age_ns"])
    elif code == REJECT_PRICE_BAND:
        say(case, account["luld_low"] if price < account["luld_low"] else account["luld_high"], price)
    elif code == REJECT_COLLAR_NEAR:
        near = near_touch(side, case["bid"], case["ask"])
        say(case, account["collar_near_bps"], abs(price - near) * BPS // near)
    elif code == REJECT_COLLAR_FAR:
        far = far_touch(side, case["bid"], case["ask"])
        say(case, account["collar_far_bps"], crossing(side, price, far) * BPS // far)


@hot
def _explain_ticks(case, code, account):
    side, price = case["side"], case["price"]
    if code == REJECT_COLLAR_NEAR_TICKS:
        say(case, account["collar_near_ticks"], abs(price - near_touch(side, case["bid"], case["ask"])))
    elif code == REJECT_COLLAR_FAR_TICKS:
        say(case, account["collar_far_ticks"], crossing(side, price, far_touch(side, case["bid"], case["ask"])))
    elif code == REJECT_SELF_TRADE:
        say(case, case["own_price"], price)


@hot
def _explain_activity(case, code, strategy):
    """What the strategy did lately; a limit of 0 after a burst: what was executed could not be summed."""
    if code == REJECT_EXECUTIONS:
        say(case, strategy["executions_max"], strategy["executions_counted"] + 1)
    elif code == REJECT_FILL_BURST:
        say(case, strategy["burst_limit"], strategy["burst_found"])
    elif code == REJECT_SAME_ORDER:
        most = strategy["same_orders_max"]
        if same_in_window(strategy, case, most) < most:
            most = SAME_RING  # more new orders of all kinds than are remembered
        say(case, most, most + 1)


@hot
def _explain_lots(case, code, account, strategy, own, pair):
    side, added = case["side"], case["added_lots"]
    if code == REJECT_REDUCING:
        held = pair if case["scope"] == LIMIT_SCOPE_PAIR else own
        say(case, held["position"], open_lots(side, held) + added)
    elif code == REJECT_POSITION_MAX and case["scope"] == LIMIT_SCOPE_PAIR:
        say(case, lots_max(side, strategy), worst_case(side, pair["position"], open_lots(side, pair), added))
    elif code == REJECT_POSITION_MAX:
        worst = worst_case(side, own["position"], open_lots(side, own), added)
        say(case, lots_max(side, account), worst)


@hot
def _explain_money(case, code, own, pair, account):
    """`account` is the one whose limit it is, `own` what is held in the instrument."""
    side, added = case["side"], case["added_value"]
    if code == REJECT_OPEN_ORDERS_MAX:
        say(case, account["open_orders_max"], account["orders"] + case["added_orders"])
    elif code == REJECT_OPEN_NOTIONAL_MAX:
        say(case, account["open_micro_max"], open_value(account) + added)
    elif code == REJECT_GROSS_MAX and case["scope"] == LIMIT_SCOPE_STRATEGY:
        say(case, account["gross_micro_max"], account["gross"] + gross_added(side, added, pair))
    elif code == REJECT_GROSS_MAX:
        say(case, account["gross_micro_max"], account["gross"] + gross_added(side, added, own))
    elif code == REJECT_NET_MAX:
        say(case, account["net_micro_max"], net_value(side, account) + added)
    elif code == REJECT_CONCENTRATION:
        raised = gross_added(side, added, own)
        steps = max(1, (account["gross"] + raised) // BPS)
        say(case, account["concentration_bps_max"], min((own["gross"] + raised) // steps, BPS))


@hot
def _explain_flow(case, code, account):
    """`account` is the one whose limit it is."""
    if code == REJECT_RATE:
        rate_max = account["rate_orders_max"]
        nth_ns = nth_pass_ns(account, rate_max)
        if check_rate(nth_ns, case["now_ns"], account["rate_window_ns"], code) == PASS:
            rate_max = account["pass_mask"] + 1  # the ring of passes, in the burst window
        say(case, rate_max, rate_max + 1)
    elif code == REJECT_MESSAGE_RATE:
        say(case, order_messages_max(account), order_messages_max(account) + 1)
    elif code == REJECT_CANCEL_RATE:
        say(case, account["rate_cancels_max"], account["rate_cancels_max"])
    elif code == REJECT_BURST_LOTS:
        say(case, account["burst_lots_max"], lots_entered(account) + case["qty"])
    elif code == REJECT_BURST_NOTIONAL:
        say(case, account["burst_micro_max"], value_entered(account) + case["value"])
    elif code == REJECT_ORDER_TO_TRADE:
        messages = account["message_count"] + 1
        say(case, account["messages_per_fill_max"], messages // max(1, account["executions"]))
    elif code == REJECT_VENUE_REJECTS:
        say(case, account["venue_rejects_max"], record_at(account["memory_addr"], MEMORY)["rejects_found"])


@hot
def _explain_rows(case, code):
    """What is wrong by a row of limits or rules."""
    instrument, strategy = record_at(case["instrument_addr"], ACCOUNT), record_at(case["strategy_addr"], ACCOUNT)
    account = instrument
    if case["scope"] == LIMIT_SCOPE_STRATEGY:
        account = strategy
    if case["scope"] == LIMIT_SCOPE_FIRM:
        account = record_at(case["firm_addr"], ACCOUNT)
    own, pair = record_at(case["instrument_addr"], HOLDING), record_at(case["pair_addr"], HOLDING)
    _explain_size(case, code, instrument)
    _explain_market(case, code, instrument)
    _explain_ticks(case, code, instrument)
    _explain_activity(case, code, strategy)
    _explain_lots(case, code, instrument, strategy, own, pair)
    _explain_money(case, code, own, pair, account)
    _explain_flow(case, code, account)
    explain_sale(case, code, instrument, own)
    explain_loss(case, code, account)
    explain_portfolio(case, code)


@hot
def explain(case):
    """Fill limit_value and found_value of a CASE whose code and scope say who refused. Leaves 0 where there is none."""
    code = case["code"]
    _explain_form(case, code)
    if case["instrument"] == PASS:  # else there are no rows
        _explain_rows(case, code)

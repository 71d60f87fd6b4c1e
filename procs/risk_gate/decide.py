"""Decide: run the checks in the order of table.py; the first refusal decides.

The checks find only the refusal, code and scope in one word; explain.py finds its numbers again. So what only a refusal
needs is not in the way of what passes. All that passes on its way is compiled into the one caller (`hot_inline`): calls
were a third of the instructions of a decision.
"""

from procs.risk_gate.case import STORM_STANDS
from procs.risk_gate.checks import (
    check_behind,
    check_cancel_only,
    check_channel,
    check_collar_far,
    check_collar_near,
    check_collar_ticks,
    check_concentration,
    check_duplicate,
    check_executions,
    check_expiry,
    check_fill_burst,
    check_fx_rate,
    check_halt,
    check_instrument,
    check_kind,
    check_limits,
    check_lot_size,
    check_money,
    check_notional_max,
    check_open_orders,
    check_order_value,
    check_position,
    check_price_band,
    check_price_range,
    check_qty_max,
    check_reference,
    check_room,
    check_self_trade,
    check_side,
    check_target,
    check_tick_size,
    check_trading_state,
    check_venue_rejects,
    crossing,
    far_touch,
    near_touch,
    tick_of,
    worst_case,
)
from procs.risk_gate.decide_flow import decide_flow
from procs.risk_gate.explain import explain
from procs.risk_gate.holds import HELD_REJECTS
from procs.risk_gate.losses import breach_of
from procs.risk_gate.money import ORDER_VALUE_BOUND, notional, order_value, to_firm
from procs.risk_gate.portfolio import check_portfolio
from procs.risk_gate.reducing import not_reducing, raised_scope
from procs.risk_gate.refusal import (
    CODE_BITS,
    OF_FIRM,
    OF_INSTRUMENT,
    OF_ORDER,
    OF_PAIR,
    OF_STRATEGY,
    OF_UNDERLYING,
    SCOPE_SHIFT,
)
from procs.risk_gate.rows import ACCOUNT, HOLDING
from procs.risk_gate.short_sale import check_restricted, judge_sale, permit_of, scope_of_sale
from procs.risk_gate.sides import gross_added, lots_max, net_value, open_lots, open_value
from shm.atomics import record_at
from shm.codes import (
    PASS,
    REJECT_COLLAR_FAR_TICKS,
    REJECT_COLLAR_NEAR_TICKS,
    REJECT_GROSS_MAX,
    REJECT_JOURNAL_FULL,
    REJECT_NET_MAX,
    REJECT_OPEN_NOTIONAL_MAX,
    REJECT_ORDERS_FULL,
    REJECT_REDUCING,
    REJECT_STATE_FULL,
    SIDE_SELL,
)
from shm.jit import hot_inline


@hot_inline
def _holds(case, strategy):
    """What it executed and was refused lately lets the strategy and its session go on.

    Before the halt that follows from it: this says why.
    """
    released = case["released"]
    code = check_executions(strategy["executions_counted"], strategy["executions_max"], released)
    if code == PASS:
        code = check_fill_burst(case["now_ns"], strategy["burst_until_ns"], released)
    if code == PASS:
        code = check_venue_rejects(strategy["held"] & HELD_REJECTS, released)
    if code != PASS:
        return code | OF_STRATEGY
    code = check_venue_rejects(case["storm"] & STORM_STANDS, 0)
    return PASS if code == PASS else code | OF_FIRM


@hot_inline
def _form(case):
    """The intent, and whether anything may trade at all."""
    code = check_kind(case["kind"], case["tif"])
    if code != PASS:
        return code | OF_ORDER
    code = check_duplicate(case["intent_id"], case["last_intent_id"])
    if code != PASS:
        return code | OF_ORDER
    code = check_instrument(case["instrument"])
    if code != PASS:
        return code | OF_ORDER
    code = check_side(case["side"], case["target_side"])
    if code != PASS:
        return code | OF_ORDER
    code = check_limits(case["limits"])
    if code != PASS:
        return code | OF_ORDER
    account = record_at(case["instrument_addr"], ACCOUNT)
    code = check_restricted(permit_of(case["side"]), account["permitted"])
    if code == PASS:
        code = check_fx_rate(account["fx_ppm"])
    if code != PASS:
        return code | OF_INSTRUMENT
    code = check_behind(case["behind"])
    if code != PASS:
        return code | OF_ORDER
    refusal = _holds(case, record_at(case["strategy_addr"], ACCOUNT))
    if refusal != PASS:
        return refusal
    code = check_halt(case["state"])
    if code != PASS:
        return code | OF_ORDER
    code = check_cancel_only(case["state"])
    if code != PASS:
        return code | OF_ORDER
    code = check_expiry(case["expires_ns"], case["now_ns"])
    return PASS if code == PASS else code | OF_ORDER


@hot_inline
def _size(case, account):
    """Price and size by themselves; finds what the order is worth."""
    price, qty = case["price"], case["qty"]
    code = check_trading_state(case["trading_state"])
    if code != PASS:
        return code | OF_ORDER
    code = check_price_range(price, account["price_max"])
    if code != PASS:
        return code | OF_ORDER
    code = check_tick_size(price, tick_of(account, price))
    if code != PASS:
        return code | OF_ORDER
    code = check_lot_size(qty, account["lot"])
    if code != PASS:
        return code | OF_ORDER
    code = check_qty_max(qty, account["qty_lots_max"])
    if code != PASS:
        return code | OF_INSTRUMENT
    micro = notional(price, qty, account["unit"], account["unit_room"])
    code = check_notional_max(micro, account["notional_micro_max"])
    if code != PASS:
        return code | OF_INSTRUMENT
    case["value"] = to_firm(micro, account["fx_ppm"], ORDER_VALUE_BOUND)
    code = check_order_value(case["value"])
    return PASS if code == PASS else code | OF_ORDER


@hot_inline
def _market(case, account):
    """The market is known, and the price is near it."""
    side, price = case["side"], case["price"]
    code = check_channel(case["channel_state"], case["silence_ns"], account["channel_silence_ns_max"])
    if code != PASS:
        return code | OF_ORDER
    code = check_reference(case["reference2"], case["age_ns"], account["age_ns_max"])
    if code != PASS:
        return code | OF_ORDER
    near = near_touch(side, case["bid"], case["ask"])
    code = check_collar_near(price, near, account["collar_near_bps"])
    if code != PASS:
        return code | OF_INSTRUMENT
    far = far_touch(side, case["bid"], case["ask"])
    code = check_collar_far(side, price, far, account["collar_far_bps"])
    if code == PASS:
        code = check_collar_ticks(abs(price - near), account["collar_near_ticks"], REJECT_COLLAR_NEAR_TICKS)
    if code == PASS:
        code = check_collar_ticks(crossing(side, price, far), account["collar_far_ticks"], REJECT_COLLAR_FAR_TICKS)
    if code != PASS:
        return code | OF_INSTRUMENT
    code = check_price_band(price, account["luld_low"], account["luld_high"])
    return PASS if code == PASS else code | OF_ORDER


@hot_inline
def _sale(case):
    """A sale of more than is held."""
    code = judge_sale(case) if case["side"] == SIDE_SELL else PASS
    return PASS if code == PASS else code | scope_of_sale(code) << SCOPE_SHIFT


@hot_inline
def _losses(case, strategy, own, pair):
    """After a breach, only what REDUCING lets through. Nothing is looked at where nothing is limited."""
    firm = record_at(case["firm_addr"], ACCOUNT)
    if strategy["watched"] == 0 and firm["watched"] == 0:
        return PASS
    if raised_scope(case, own, pair) == 0:
        return PASS
    code = breach_of(case, strategy) if strategy["watched"] == 1 else PASS
    if code != PASS:
        return code | OF_STRATEGY
    code = breach_of(case, firm) if firm["watched"] == 1 else PASS
    return PASS if code == PASS else code | OF_FIRM


@hot_inline
def _self_trade(case, firm):
    """Nothing of the firm's own would meet it."""
    own_open, own_price = case["own_open"], case["own_price"]
    code = check_self_trade(own_open, case["side"], case["price"], own_price, firm["self_trade"])
    return PASS if code == PASS else code | OF_FIRM


@hot_inline
def _lots(case, account, strategy, pair):
    """Positions in lots, worst case of the order's side."""
    own = record_at(case["instrument_addr"], HOLDING)
    code = check_target(case["target"])
    if code != PASS:
        return code | OF_ORDER
    refusal = _sale(case)
    if refusal != PASS:
        return refusal
    side, added = case["side"], case["added_lots"]
    pair_open = open_lots(side, pair)
    scope = not_reducing(case, own, pair)
    if scope != 0:
        return REJECT_REDUCING | scope << SCOPE_SHIFT
    refusal = _losses(case, strategy, own, pair)
    if refusal != PASS:
        return refusal
    worst = worst_case(side, own["position"], open_lots(side, own), added)
    code = check_position(worst, lots_max(side, account))
    if code != PASS:
        return code | OF_INSTRUMENT
    worst = worst_case(side, pair["position"], pair_open, added)
    code = check_position(worst, lots_max(side, strategy))
    return PASS if code == PASS else code | OF_PAIR


@hot_inline
def _open_orders(case, account, of):
    code = check_open_orders(account["orders"], case["added_orders"], account["open_orders_max"])
    return PASS if code == PASS else code | of


@hot_inline
def _open_notional(case, account, of):
    added = case["added_value"]
    code = check_money(added, open_value(account) + added, account["open_micro_max"], REJECT_OPEN_NOTIONAL_MAX)
    return PASS if code == PASS else code | of


@hot_inline
def _open(case, account, strategy, firm):
    """Open orders by number and by money."""
    refusal = _open_orders(case, account, OF_INSTRUMENT)
    if refusal == PASS:
        refusal = _open_orders(case, strategy, OF_STRATEGY)
    if refusal == PASS:
        refusal = _open_orders(case, firm, OF_FIRM)
    if refusal == PASS:
        refusal = _open_notional(case, account, OF_INSTRUMENT)
    if refusal == PASS:
        refusal = _open_notional(case, strategy, OF_STRATEGY)
    return refusal if refusal != PASS else _open_notional(case, firm, OF_FIRM)


@hot_inline
def _gross(account, added, of):
    code = check_money(added, account["gross"] + added, account["gross_micro_max"], REJECT_GROSS_MAX)
    return PASS if code == PASS else code | of


@hot_inline
def _net(case, account, of):
    """Long for a buy, short for a sell, nothing of the other side taken off."""
    added = case["added_value"]
    code = check_money(added, net_value(case["side"], account) + added, account["net_micro_max"], REJECT_NET_MAX)
    return PASS if code == PASS else code | of


@hot_inline
def _exposure(case, account, strategy, firm, pair):
    """Exposure in money."""
    side, value = case["side"], case["added_value"]
    added = gross_added(side, value, record_at(case["instrument_addr"], HOLDING))
    refusal = _gross(account, added, OF_INSTRUMENT)
    if refusal == PASS:
        refusal = _gross(strategy, gross_added(side, value, pair), OF_STRATEGY)
    if refusal == PASS:
        refusal = _gross(firm, added, OF_FIRM)
    if refusal == PASS:
        refusal = _net(case, strategy, OF_STRATEGY)
    if refusal == PASS:
        refusal = _net(case, firm, OF_FIRM)
    if refusal != PASS:
        return refusal
    part, whole = account["gross"] + added, firm["gross"] + added
    floor = firm["concentration_floor_micro"]
    code = check_concentration(added, part, whole, firm["concentration_bps_max"], floor)
    if code != PASS:
        return code | OF_FIRM
    if record_at(case["underlying_addr"], ACCOUNT)["watched"] == 0:
        return PASS
    code = check_portfolio(case)
    return PASS if code == PASS else code | OF_UNDERLYING


@hot_inline
def _limits(case):
    """What the rows of the case limit."""
    account = record_at(case["instrument_addr"], ACCOUNT)
    refusal = _size(case, account)
    if refusal == PASS:
        refusal = _market(case, account)
    if refusal != PASS:
        return refusal
    strategy, firm = record_at(case["strategy_addr"], ACCOUNT), record_at(case["firm_addr"], ACCOUNT)
    pair = record_at(case["pair_addr"], HOLDING)
    refusal = _self_trade(case, firm)
    if refusal != PASS:
        return refusal
    refusal = _lots(case, account, strategy, pair)
    if refusal != PASS:
        return refusal
    value = case["value"]
    if case["open_after"] != case["qty"]:  # a replace of an order that traded in part
        value = order_value(case["price"], case["open_after"], account)
    case["added_value"] = max(0, value - case["family_value"])
    refusal = _open(case, account, strategy, firm)
    if refusal == PASS:
        refusal = _exposure(case, account, strategy, firm, pair)
    return refusal if refusal != PASS else decide_flow(case, account, strategy, firm)


@hot_inline
def _room(case):
    """Last: a refusal for want of room means that all else was well."""
    code = check_room(case["state_room"], REJECT_STATE_FULL)
    if code == PASS:
        code = check_room(case["journal_room"], REJECT_JOURNAL_FULL)
    if code == PASS:
        code = check_room(case["orders_room"], REJECT_ORDERS_FULL)
    return PASS if code == PASS else code | OF_FIRM


@hot_inline
def decide(case):
    """PASS, or the first refusing check's REJECT_*, for one gathered CASE; fills its answer fields.

    Fields behind a refusal may be unset: an unknown instrument has no rows. Cost: bench `risk_check`.
    """
    refusal = _form(case)
    if refusal == PASS:
        refusal = _limits(case)
    if refusal == PASS:
        refusal = _room(case)
    case["code"] = refusal & CODE_BITS
    case["scope"] = refusal >> SCOPE_SHIFT
    case["limit_value"] = 0
    case["found_value"] = 0
    if refusal != PASS:
        explain(case)
    return case["code"]

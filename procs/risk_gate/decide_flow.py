"""Decide flow: the checks of what a scope did lately: the same order, rates, bursts, messages for each execution.

The last group of decide.py: nothing refused counts as a message, so these come late.
"""

from procs.risk_gate.checks import (
    check_burst,
    check_order_to_trade,
    check_rate,
    check_same,
)
from procs.risk_gate.flow import (
    burst_is_full,
    let_go,
    lots_entered,
    nth_cancel_ns,
    nth_message_ns,
    nth_pass_ns,
    order_messages_max,
    take_back,
    value_entered,
)
from procs.risk_gate.refusal import OF_FIRM, OF_INSTRUMENT, OF_STRATEGY
from procs.risk_gate.same_order import same_in_window, same_is_full
from shm.codes import (
    INTENT_NEW,
    PASS,
    REJECT_BURST_LOTS,
    REJECT_BURST_NOTIONAL,
    REJECT_CANCEL_RATE,
    REJECT_MESSAGE_RATE,
    REJECT_RATE,
    REJECT_SAME_ORDER,
)
from shm.jit import hot, hot_inline
from shm.records.limits import LIMIT_NONE


@hot_inline
def _same(case, strategy):
    """Not once more the same. Only a NEW counts; a replace takes its order's place."""
    most = strategy["same_orders_max"]
    if most == LIMIT_NONE or case["kind"] != INTENT_NEW:
        return PASS
    code = check_same(same_in_window(strategy, case, most), most)
    if code == PASS and same_is_full(strategy, case) == 1:
        code = REJECT_SAME_ORDER
    return PASS if code == PASS else code | OF_STRATEGY


@hot_inline
def _rates(case, account, of):
    """Rates of one strategy or of the firm."""
    now_ns, window_ns = case["now_ns"], account["rate_window_ns"]
    code = check_rate(nth_pass_ns(account, account["rate_orders_max"]), now_ns, window_ns, REJECT_RATE)
    if code != PASS:
        return code | of
    code = check_rate(nth_message_ns(account, order_messages_max(account)), now_ns, window_ns, REJECT_MESSAGE_RATE)
    if code != PASS:
        return code | of
    code = check_rate(nth_cancel_ns(account, account["rate_cancels_max"]), now_ns, window_ns, REJECT_CANCEL_RATE)
    return PASS if code == PASS else code | of


@hot
def _burst_again(case, account, of):
    """Over a limit, or full, before the passes that left the window were let go: now they are."""
    if account["burst_lots_max"] == LIMIT_NONE and account["burst_micro_max"] == LIMIT_NONE:
        return PASS
    let_go(account, case["now_ns"], account["pass_mask"] + 1)
    if burst_is_full(account) == 1:
        return REJECT_RATE | of
    code = check_burst(lots_entered(account), case["qty"], account["burst_lots_max"], REJECT_BURST_LOTS)
    if code == PASS:
        code = check_burst(value_entered(account), case["value"], account["burst_micro_max"], REJECT_BURST_NOTIONAL)
    return PASS if code == PASS else code | of


@hot_inline
def _burst(case, account, of):
    """Sums over the short window. Passes that left it may still be in them: sums within their limits need no look."""
    lots, value = lots_entered(account) + case["qty"], value_entered(account) + case["value"]
    if lots <= account["burst_lots_max"] and value <= account["burst_micro_max"] and burst_is_full(account) == 0:
        return PASS
    return _burst_again(case, account, of)


@hot_inline
def _sums(case, account, of):
    """What one scope entered in the short window, and its messages for each execution."""
    refusal = _burst(case, account, of)
    if refusal != PASS:
        return refusal
    code = check_order_to_trade(
        account["message_count"] + 1,
        account["executions"],
        account["messages_per_fill_max"],
        account["messages_floor"],
    )
    return PASS if code == PASS else code | of


@hot_inline
def decide_flow(case, account, strategy, firm):
    """Nothing refused counts as a message, so these come late."""
    if case["now_ns"] < firm["newest_ns"]:
        take_back(account, case["now_ns"])
        take_back(strategy, case["now_ns"])
        take_back(firm, case["now_ns"])
    else:
        firm["newest_ns"] = case["now_ns"]
    refusal = _same(case, strategy)
    if refusal == PASS:
        refusal = _rates(case, strategy, OF_STRATEGY)
    if refusal == PASS:
        refusal = _rates(case, firm, OF_FIRM)
    if refusal == PASS:
        refusal = _sums(case, account, OF_INSTRUMENT)
    if refusal == PASS:
        refusal = _sums(case, strategy, OF_STRATEGY)
    return refusal if refusal != PASS else _sums(case, firm, OF_FIRM)

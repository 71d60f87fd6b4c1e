"""Answers: fill a decision, an order or a reject from the intent and the CASE row. Every field of each is written."""

from procs.risk_gate.case import STORM_RESUMED
from procs.risk_gate.state import CAUSE_NONE
from shm.atomics import record_at
from shm.codes import INTENT_CANCEL, INTENT_REDUCE, PASS
from shm.jit import hot
from shm.records.decision import DECISION, RELEASED_SESSION, RELEASED_STRATEGY
from shm.records.order import ORDER, ORDER_FLAG_GATE, ORDER_FLAG_SHORT
from shm.records.reject import REJECT


@hot
def _flags_of(intent, case):
    """ORDER_FLAG_* of what passed: a cancel or reduce changes no mark."""
    leaves = int(intent["kind"]) == INTENT_CANCEL or int(intent["kind"]) == INTENT_REDUCE
    return ORDER_FLAG_SHORT if case["short"] == 1 and case["code"] == PASS and not leaves else 0


@hot
def _released(case):
    """RELEASED_* of what passed."""
    released = RELEASED_STRATEGY if case["released"] == 1 else 0
    return released | RELEASED_SESSION if case["storm"] == STORM_RESUMED else released


@hot
def write_decision(address, intent, case):
    """Fill the DECISION at `address`; returns it, for the exposure that it reserves."""
    decision = record_at(address, DECISION)
    decision["order_id"] = case["order_id"]
    decision["intent_id"] = intent["intent_id"]
    decision["target_intent_id"] = intent["target_intent_id"]
    decision["cause_seq"] = case["cause_seq"]
    decision["price_ticks"] = intent["price_ticks"]
    decision["qty_lots"] = intent["qty_lots"]
    decision["limit_value"] = case["limit_value"]
    decision["found_value"] = case["found_value"]
    decision["reference_ticks"] = case["reference2"] >> 1
    decision["limits_version"] = case["limits_version"]
    decision["now_ns"] = case["now_ns"]
    decision["recv_stamp_ns"] = intent["recv_stamp_ns"]
    decision["tick_stamp_ns"] = intent["tick_stamp_ns"]
    decision["decide_stamp_ns"] = intent["decide_stamp_ns"]
    decision["pass_stamp_ns"] = case["pass_stamp_ns"]
    decision["instrument_id"] = intent["instrument_id"]
    decision["strategy_id"] = case["strategy"]
    decision["code"] = case["code"]
    decision["kind"] = intent["kind"]
    decision["side"] = intent["side"]
    decision["cause_ring"] = case["cause_ring"]
    decision["channel_state"] = case["channel_state"]
    decision["scope"] = case["scope"]
    decision["channel_stale_stamp_ns"] = case["channel_stale_stamp_ns"]
    decision["incarnation"] = case["incarnation"]
    decision["order_flags"] = _flags_of(intent, case)
    decision["released"] = _released(case) if case["code"] == PASS else 0
    for word in range(3):
        decision["reserved"][word] = 0
    return decision


@hot
def write_order(address, intent, case):
    """Fill the ORDER at `address` for any intent that passed. Returns it; it is sealed when it leaves."""
    order = record_at(address, ORDER)
    order["order_id"] = case["order_id"]
    order["target_order_id"] = case["target_order_id"]
    order["intent_id"] = intent["intent_id"]
    order["target_intent_id"] = intent["target_intent_id"]
    order["cause_seq"] = case["cause_seq"]
    order["price_ticks"] = intent["price_ticks"]
    order["qty_lots"] = intent["qty_lots"]
    order["expires_ns"] = intent["expires_ns"]
    order["now_ns"] = case["now_ns"]
    order["recv_stamp_ns"] = intent["recv_stamp_ns"]
    order["tick_stamp_ns"] = intent["tick_stamp_ns"]
    order["decide_stamp_ns"] = intent["decide_stamp_ns"]
    order["pass_stamp_ns"] = case["pass_stamp_ns"]
    order["limits_version"] = case["limits_version"]
    order["instrument_id"] = intent["instrument_id"]
    order["strategy_id"] = case["strategy"]
    order["kind"] = intent["kind"]
    order["side"] = intent["side"]
    order["tif"] = intent["tif"]
    order["cause_ring"] = case["cause_ring"]
    order["part"] = 0
    order["parts"] = 1
    order["flags"] = _flags_of(intent, case)
    order["seal"] = 0
    order["decision_seq"] = 0
    for word in range(4):
        order["reserved"][word] = 0
    return order


@hot
def write_reject(address, decision):
    """Fill the REJECT at `address` from a refusing decision. Returns it for its publish stamp."""
    reject = record_at(address, REJECT)
    reject["intent_id"] = decision["intent_id"]
    reject["target_intent_id"] = decision["target_intent_id"]
    reject["cause_seq"] = decision["cause_seq"]
    reject["limit_value"] = decision["limit_value"]
    reject["found_value"] = decision["found_value"]
    reject["limits_version"] = decision["limits_version"]
    reject["now_ns"] = decision["now_ns"]
    reject["instrument_id"] = decision["instrument_id"]
    reject["strategy_id"] = decision["strategy_id"]
    reject["code"] = decision["code"]
    reject["kind"] = decision["kind"]
    reject["side"] = decision["side"]
    reject["scope"] = decision["scope"]
    reject["reserved0"] = 0
    for word in range(5):
        reject["reserved"][word] = 0
    return reject


@hot
def write_own_decision(address, target, now_ns, stamp_ns):
    """Fill the DECISION of a cancel that the gate makes itself for the ORDER_SLOT `target`."""
    decision = record_at(address, DECISION)
    decision["order_id"] = 0
    decision["intent_id"] = target["intent_id"]
    decision["target_intent_id"] = target["intent_id"]
    decision["cause_seq"] = 0
    decision["price_ticks"] = 0
    decision["qty_lots"] = 0
    decision["limit_value"] = 0
    decision["found_value"] = 0
    decision["reference_ticks"] = 0
    decision["limits_version"] = 0
    decision["now_ns"] = now_ns
    decision["recv_stamp_ns"] = 0
    decision["tick_stamp_ns"] = 0
    decision["decide_stamp_ns"] = 0
    decision["pass_stamp_ns"] = stamp_ns
    decision["instrument_id"] = target["instrument_id"]
    decision["strategy_id"] = target["strategy_id"]
    decision["code"] = PASS
    decision["kind"] = INTENT_CANCEL
    decision["side"] = target["side"]
    decision["cause_ring"] = CAUSE_NONE
    decision["channel_state"] = 0
    decision["scope"] = 0
    decision["channel_stale_stamp_ns"] = 0
    decision["incarnation"] = target["incarnation"]
    decision["order_flags"] = 0
    decision["released"] = 0
    for word in range(3):
        decision["reserved"][word] = 0


@hot
def write_own_cancel(address, target, now_ns, stamp_ns):
    """Fill the ORDER of a cancel that the gate makes itself for the ORDER_SLOT `target`. Returns it."""
    order = record_at(address, ORDER)
    order["order_id"] = 0
    order["target_order_id"] = target["order_id"]
    order["intent_id"] = target["intent_id"]
    order["target_intent_id"] = target["intent_id"]
    order["cause_seq"] = 0
    order["price_ticks"] = 0
    order["qty_lots"] = 0
    order["expires_ns"] = 0
    order["now_ns"] = now_ns
    order["recv_stamp_ns"] = 0
    order["tick_stamp_ns"] = 0
    order["decide_stamp_ns"] = 0
    order["pass_stamp_ns"] = stamp_ns
    order["limits_version"] = 0
    order["instrument_id"] = target["instrument_id"]
    order["strategy_id"] = target["strategy_id"]
    order["kind"] = INTENT_CANCEL
    order["side"] = target["side"]
    order["tif"] = 0
    order["cause_ring"] = CAUSE_NONE
    order["part"] = 0
    order["parts"] = 1
    order["flags"] = ORDER_FLAG_GATE
    order["seal"] = 0
    order["decision_seq"] = 0
    for word in range(4):
        order["reserved"][word] = 0
    return order

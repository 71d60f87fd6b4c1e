"""Cancels and reduces: what only lowers exposure passes in every state, before expiry and beyond every rate.

A second one of the same order while the first is on its way is answered, not queued. Exposure stays until the venue's
report. The gate's own cancels are made here too, for orders that may not stay.
"""

from procs.risk_gate.answer import write_decision, write_order, write_own_cancel, write_own_decision
from procs.risk_gate.case import STORM_NONE
from procs.risk_gate.exposure import find_slot
from procs.risk_gate.flow import record_cancel
from procs.risk_gate.gather import (
    cancel_is_pending,
    instrument_of,
    read_channel,
    reduce_is_pending,
    scale_of,
)
from procs.risk_gate.limit_rows import limits_of
from procs.risk_gate.publish import commit_decision, publish_order, publish_reject
from procs.risk_gate.rows import NO_SLOT, account_at, open_slot, order_at
from procs.risk_gate.short_sale import may_stay
from procs.risk_gate.state import CANCEL_RETRY_NS, book_of, case_of, desk_at, ring_at
from shm.atomics import load_relaxed, record_at
from shm.codes import (
    CHANNEL_FRESH,
    INTENT_REDUCE,
    LIMIT_SCOPE_ORDER,
    PASS,
    REJECT_ALREADY_CANCELLING,
    REJECT_REDUCE_SIZE,
    REJECT_UNKNOWN_TARGET,
    STATE_CANCEL_ONLY,
)
from shm.control import control_state
from shm.counters import GATE_CANCELS, GATE_OWN_CANCELS, GATE_REDUCES
from shm.failpoint import failpoint
from shm.failpoints import (
    FP_LEAVING_DECIDED,
    FP_LEAVING_JOURNALLED,
    FP_LEAVING_PUBLISHED,
    FP_OWN_CANCEL_JOURNALLED,
    FP_OWN_CANCEL_PUBLISHED,
)
from shm.instance import count, stamp
from shm.jit import hot
from shm.journal import journal_claim
from shm.records.channel import CHANNEL
from shm.records.control_end import CONTROL_END
from shm.records.instance import INSTANCE
from shm.records.instance_end import INSTANCE_END
from shm.records.journal_end import JOURNAL_END
from shm.ring import ring_claim

STEP_WORD = INSTANCE.fields["step_ns"][1]


# --- of strategies ---------------------------------------------------------------------------------------------------


@hot
def _check_reduce(case, order, qty_lots):
    """PASS when a working order that nothing else is happening to becomes smaller; what traded of it is unknowable."""
    if order["alive"] != 1:
        return REJECT_UNKNOWN_TARGET
    if order["child"] != NO_SLOT or reduce_is_pending(order, case["pass_stamp_ns"]) == 1:
        return REJECT_ALREADY_CANCELLING
    case["limit_value"] = order["qty_lots"]
    case["found_value"] = qty_lots
    return PASS if 0 < qty_lots < order["qty_lots"] else REJECT_REDUCE_SIZE


@hot
def _gather_leaving(gate, by_intent, strategy_id, intent, now_ns):
    """Fill what the answer to a cancel or reduce needs. Returns PASS or the code."""
    case = case_of(gate)
    case["now_ns"] = now_ns
    case["pass_stamp_ns"] = stamp(record_at(gate["me_addr"], INSTANCE_END))
    case["order_id"] = 0
    case["scope"] = LIMIT_SCOPE_ORDER
    case["limit_value"] = 0
    case["found_value"] = 0
    case["reference2"] = 0
    case["limits_version"] = 0
    case["channel_state"] = 0
    case["channel_stale_stamp_ns"] = 0
    case["released"] = 0
    case["storm"] = STORM_NONE
    case["target_slot"] = find_slot(by_intent, intent["target_intent_id"])
    if case["target_slot"] == NO_SLOT:
        return REJECT_UNKNOWN_TARGET
    order = order_at(book_of(gate), case["target_slot"])
    if order["strategy_id"] != strategy_id or order["session_id"] < 0 or order["session_id"] >= gate["sessions"]:
        return REJECT_UNKNOWN_TARGET
    if cancel_is_pending(order, case["pass_stamp_ns"]) == 1:
        return REJECT_ALREADY_CANCELLING
    case["target_order_id"] = order["order_id"]
    case["session"] = order["session_id"]
    return _check_reduce(case, order, intent["qty_lots"]) if int(intent["kind"]) == INTENT_REDUCE else PASS


@hot
def note_leaving(order, kind, stamp_ns):
    """Remember that a cancel or reduce of an open order is on its way."""
    if kind == INTENT_REDUCE:
        order["reducing"] = 1
        order["reduce_stamp_ns"] = stamp_ns
    else:
        order["cancelling"] = 1
        order["cancel_stamp_ns"] = stamp_ns


@hot
def _pass_leaving(gate, intent, order_addr):
    """Publish a cancel or reduce whose decision is journalled."""
    case = case_of(gate)
    book, kind = book_of(gate), int(intent["kind"])
    target = order_at(book, case["target_slot"])
    note_leaving(target, kind, case["pass_stamp_ns"])
    record_cancel(book, target["strategy_id"], target["instrument_id"], case["now_ns"])
    order = write_order(order_addr, intent, case)
    order["instrument_id"] = target["instrument_id"]
    order["side"] = target["side"]
    publish_order(gate, case["session"], order_addr)
    count(record_at(gate["me_addr"], INSTANCE_END), GATE_REDUCES if kind == INTENT_REDUCE else GATE_CANCELS, 1)


@hot
def on_leaving(gate, by_intent, strategy_id, intent, now_ns):
    """Pass a cancel or reduce, or answer why not. Returns 1, or 0 when there is no room: then it waits in its ring."""
    case = case_of(gate)
    code = _gather_leaving(gate, by_intent, strategy_id, intent, now_ns)
    case["code"] = code
    out = ring_at(gate["rejects_addr"], strategy_id)
    if code == PASS:
        case["scope"] = 0
        case["limit_value"] = 0
        case["found_value"] = 0
        out = ring_at(gate["orders_addr"], case["session"])
    out_addr = ring_claim(out, 0)
    if out_addr == 0:
        return 0
    journal_addr = journal_claim(record_at(gate["journal_addr"], JOURNAL_END))
    if journal_addr == 0:
        return 0
    decision = write_decision(journal_addr, intent, case)
    failpoint(FP_LEAVING_DECIDED)
    commit_decision(gate, case["pass_stamp_ns"], now_ns)
    failpoint(FP_LEAVING_JOURNALLED)
    if code == PASS:
        _pass_leaving(gate, intent, out_addr)
    else:
        publish_reject(gate, strategy_id, out_addr, decision)
    failpoint(FP_LEAVING_PUBLISHED)
    return 1


# --- the gate's own --------------------------------------------------------------------------------------------------


@hot
def _must_cancel(gate, order, now_ns, stamp_ns):
    """1 when an order may not stay: its strategy is dead, restarted or in a burst of executions, its scope is
    stopped, its feed is stale, or its side is not permitted any more.
    """
    strategy_id, instrument_id = order["strategy_id"], order["instrument_id"]
    desk = desk_at(gate, strategy_id)
    if order["incarnation"] != desk["incarnation"]:
        return 1
    if stamp_ns - load_relaxed(desk["page_addr"] + STEP_WORD) > desk["silence_ns"]:
        return 1
    if now_ns < account_at(book_of(gate), gate["instruments"] + strategy_id)["burst_until_ns"]:
        return 1
    control = record_at(gate["control_addr"], CONTROL_END)
    if control_state(control, order["session_id"], strategy_id, instrument_id) >= STATE_CANCEL_ONLY:
        return 1
    limits_of(gate, instrument_id, now_ns)
    if may_stay(order, account_at(book_of(gate), instrument_id)["permitted"]) == 0:
        return 1
    if read_channel(gate, instrument_id) != CHANNEL_FRESH:
        return 1
    silence_ns = now_ns - record_at(gate["channel_addr"], CHANNEL)["heard_ns"]
    return 1 if silence_ns > account_at(book_of(gate), instrument_id)["channel_silence_ns_max"] else 0


@hot
def cancel_by_gate(gate, target, now_ns, stamp_ns):
    """Send a cancel that no strategy asked for. Returns 1, or 0 when there is no room."""
    session = target["session_id"]
    if session < 0 or session >= gate["sessions"]:
        return 0
    end = ring_at(gate["orders_addr"], session)
    order_addr = ring_claim(end, 0)
    if order_addr == 0:
        return 0
    journal_addr = journal_claim(record_at(gate["journal_addr"], JOURNAL_END))
    if journal_addr == 0:
        return 0
    write_own_decision(journal_addr, target, now_ns, stamp_ns)
    commit_decision(gate, stamp_ns, now_ns)
    failpoint(FP_OWN_CANCEL_JOURNALLED)
    target["cancelling"] = 1
    target["cancel_stamp_ns"] = stamp_ns
    record_cancel(book_of(gate), target["strategy_id"], target["instrument_id"], now_ns)
    write_own_cancel(order_addr, target, now_ns, stamp_ns)
    publish_order(gate, session, order_addr)
    failpoint(FP_OWN_CANCEL_PUBLISHED)
    count(record_at(gate["me_addr"], INSTANCE_END), GATE_OWN_CANCELS, 1)
    return 1


@hot
def scan_orders(gate, now_ns, orders):
    """Look at the next `orders` open orders and cancel those that may not stay. Returns cancels sent."""
    book = book_of(gate)
    open_count = book["open_count"]
    stamp_ns = stamp(record_at(gate["me_addr"], INSTANCE_END))
    sent = 0
    for _ in range(min(orders, open_count)):
        if gate["scan_at"] >= open_count:
            gate["scan_at"] = 0
        order = order_at(book, open_slot(book, gate["scan_at"]))
        gate["scan_at"] += 1
        if order["cancel_stamp_ns"] != 0 and stamp_ns - order["cancel_stamp_ns"] <= CANCEL_RETRY_NS:
            continue
        if _must_cancel(gate, order, now_ns, stamp_ns) == 1:
            sent += cancel_by_gate(gate, order, now_ns, stamp_ns)
    return sent


@hot
def scan_scales(gate, instruments):
    """Look at the next `instruments` instruments: what is new in `greeks` counts from now on. Returns how many had."""
    changed = 0
    for _ in range(min(instruments, gate["instruments"])):
        if gate["scale_at"] >= gate["instruments"]:
            gate["scale_at"] = 0
        if instrument_of(gate, gate["scale_at"]) == PASS:
            changed += scale_of(gate, gate["scale_at"])
        gate["scale_at"] += 1
    return changed

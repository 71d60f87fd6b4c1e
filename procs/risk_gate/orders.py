"""Orders: decide a NEW or REPLACE; reserve what passes, answer what does not."""

from procs.risk_gate.answer import write_decision, write_order
from procs.risk_gate.case import STORM_RESUMED
from procs.risk_gate.decide import decide
from procs.risk_gate.exposure import reserve_new, reserve_replace
from procs.risk_gate.flow import NEVER_NS, record_order
from procs.risk_gate.gather import gather
from procs.risk_gate.holds import release
from procs.risk_gate.publish import commit_decision, publish_order, publish_reject
from procs.risk_gate.rows import NO_SLOT, account_at, order_at
from procs.risk_gate.same_order import remember_new
from procs.risk_gate.self_trade import cancel_crossed
from procs.risk_gate.state import book_of, case_of, desk_at, ring_at, stream_at
from procs.risk_gate.venue_rejects import release_session
from shm.atomics import record_at
from shm.codes import INTENT_NEW, LIMIT_SCOPE_FIRM, PASS, REJECT_SELF_TRADE, REJECT_STATE_FULL
from shm.counters import GATE_PASSED
from shm.failpoint import failpoint
from shm.failpoints import (
    FP_DECISION_JOURNALLED,
    FP_ORDER_DECIDED,
    FP_ORDER_PUBLISHED,
    FP_ORDER_RESERVED,
    FP_REJECT_DECIDED,
    FP_REJECT_JOURNALLED,
    FP_REJECT_PUBLISHED,
)
from shm.ids import take_id
from shm.instance import count
from shm.jit import hot
from shm.journal import journal_claim
from shm.records.instance_end import INSTANCE_END
from shm.records.journal_end import JOURNAL_END
from shm.records.limits import LIMIT_NONE
from shm.ring import ring_claim


@hot
def _reserve(gate, by_intent, by_order, decision):
    """Reserve what a passed decision asks for. Returns its slot or NO_SLOT."""
    case = case_of(gate)
    book = book_of(gate)
    if case["kind"] != INTENT_NEW:
        slot = reserve_replace(book, by_intent, by_order, case["target_slot"], decision)
        if slot != NO_SLOT:
            order_at(book, slot)["short"] = case["short"]
        return slot
    slot = reserve_new(book, by_intent, by_order, decision)
    if slot != NO_SLOT:
        order = order_at(book, slot)
        order["short"] = case["short"]
        order["session_id"] = case["session"]
        order["incarnation"] = case["incarnation"]
    return slot


@hot
def _remember(gate, case):
    """Count what passed where its strategy has limits for it; one that a person let go on starts to count again."""
    strategy = account_at(book_of(gate), gate["instruments"] + case["strategy"])
    if case["released"] == 1:
        release(strategy)
    if case["storm"] == STORM_RESUMED:
        release_session(gate, case["session"])
    if case["kind"] == INTENT_NEW and strategy["same_orders_max"] != LIMIT_NONE:
        remember_new(strategy, case["instrument_id"], case["side"], case["price"], case["qty"], case["now_ns"])


@hot
def _pass_order(gate, by_intent, by_order, order_id, intent, journal_addr, order_addr):
    """Reserve, journal, publish. Returns 1, or 0 when no identifier or slot was left; then nothing changed."""
    case = case_of(gate)
    case["order_id"] = order_id
    if order_id == 0:
        return 0
    decision = write_decision(journal_addr, intent, case)
    failpoint(FP_ORDER_DECIDED)
    if _reserve(gate, by_intent, by_order, decision) == NO_SLOT:
        return 0
    instrument_id = int(intent["instrument_id"])
    record_order(book_of(gate), case["strategy"], instrument_id, case["now_ns"], case["qty"], case["value"])
    _remember(gate, case)
    failpoint(FP_ORDER_RESERVED)
    commit_decision(gate, case["pass_stamp_ns"], case["now_ns"])
    failpoint(FP_DECISION_JOURNALLED)
    write_order(order_addr, intent, case)
    publish_order(gate, case["session"], order_addr)
    failpoint(FP_ORDER_PUBLISHED)
    count(record_at(gate["me_addr"], INSTANCE_END), GATE_PASSED, 1)
    return 1


@hot
def _claim_order(gate, case):
    """Address of the next slot of the session's `orders` ring that a new order may take, or 0."""
    if case["session"] < 0:
        return 0
    return ring_claim(ring_at(gate["orders_addr"], case["session"]), stream_at(gate, case["session"])["headroom"])


@hot
def on_order(gate, by_intent, by_order, ids, strategy_id, intent, now_ns):
    """Decide a NEW or REPLACE (or an unknown kind). Returns 1, or 0 when the reject ring has no room for the answer."""
    reject_addr = ring_claim(ring_at(gate["rejects_addr"], strategy_id), 0)
    if reject_addr == 0:
        return 0
    case = case_of(gate)
    gather(gate, by_intent, strategy_id, intent, now_ns)
    if desk_at(gate, strategy_id)["draining"] == 1:
        case["expires_ns"] = NEVER_NS  # an earlier life of the strategy wanted it; nobody would know the order
    journal_addr = journal_claim(record_at(gate["journal_addr"], JOURNAL_END))
    order_addr = _claim_order(gate, case)
    case["journal_room"] = 1 if journal_addr != 0 else 0
    case["orders_room"] = 1 if order_addr != 0 else 0
    if decide(case) == PASS:
        if _pass_order(gate, by_intent, by_order, take_id(ids), intent, journal_addr, order_addr) == 1:
            return 1
        case["order_id"] = 0
        case["code"] = REJECT_STATE_FULL
        case["scope"] = LIMIT_SCOPE_FIRM
    decision = write_decision(journal_addr if journal_addr != 0 else gate["decision_addr"], intent, case)
    failpoint(FP_REJECT_DECIDED)
    if journal_addr != 0:
        commit_decision(gate, case["pass_stamp_ns"], now_ns)
    failpoint(FP_REJECT_JOURNALLED)
    publish_reject(gate, strategy_id, reject_addr, decision)
    failpoint(FP_REJECT_PUBLISHED)
    if case["code"] == REJECT_SELF_TRADE:
        cancel_crossed(gate, now_ns)
    return 1

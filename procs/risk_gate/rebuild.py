"""Rebuild: exposure from the two journals after a restart, and the one answer that may not have left.

The gate's own journal holds every decision; order_sender's holds every report. Both carry latency stamps of one clock,
so they are merged by stamp; a report that names an order of a later decision takes the decisions up to it first.
Nothing is counted or noted again, but an overfill found here halts its instrument.
"""

from procs.risk_gate.answer import write_order, write_reject
from procs.risk_gate.cancels import note_leaving
from procs.risk_gate.exposure import find_slot, mark_position, reserve_new, reserve_replace
from procs.risk_gate.fills import hold_again, note_fill
from procs.risk_gate.flow import record_cancel, record_order
from procs.risk_gate.holds import release
from procs.risk_gate.money import order_value
from procs.risk_gate.publish import publish_order
from procs.risk_gate.reports import FOUND_OVERFILL, apply_report
from procs.risk_gate.rows import NO_SLOT, account_at, order_at
from procs.risk_gate.same_order import remember_new
from procs.risk_gate.state import CAUSE_NONE, book_of, case_of, desk_at, ring_at, stream_at
from procs.risk_gate.venue_rejects import note_reject, refuse_again, release_session
from shm.atomics import record_at
from shm.codes import INTENT_CANCEL, INTENT_NEW, INTENT_REDUCE, ORDER_ID_EXTERNAL, PASS, STATE_HALTED
from shm.control import control_instrument_scope, control_set
from shm.instance import stamp
from shm.jit import hot
from shm.records.control_end import CONTROL_END
from shm.records.decision import RELEASED_SESSION, RELEASED_STRATEGY
from shm.records.instance_end import INSTANCE_END
from shm.records.intent import INTENT
from shm.records.limits import LIMIT_NONE
from shm.records.order import ORDER, ORDER_FLAG_GATE, ORDER_FLAG_SHORT
from shm.records.reject import REJECT
from shm.ring import ring_claim, ring_find, ring_publish, ring_seek

NOTHING_TO_SEND = 1
SENT = 2
INTENT_LOST = 3  # a journalled decision whose intent is no longer in its ring: a contradiction


@hot
def _session_of(gate, decision):
    return account_at(book_of(gate), int(decision["instrument_id"]))["session_id"]


@hot
def _is_short(decision):
    return 1 if decision["order_flags"] & ORDER_FLAG_SHORT != 0 else 0


@hot
def _again_reserve(gate, by_intent, by_order, decision):
    """Reserve what a journalled pass reserved; a replace whose order closed meanwhile counts whole."""
    book = book_of(gate)
    target = NO_SLOT
    if int(decision["kind"]) != INTENT_NEW:
        target = find_slot(by_intent, decision["target_intent_id"])
    if target != NO_SLOT:
        slot = reserve_replace(book, by_intent, by_order, target, decision)
        if slot != NO_SLOT:
            order_at(book, slot)["short"] = _is_short(decision)
        return
    slot = reserve_new(book, by_intent, by_order, decision)
    if slot != NO_SLOT:
        order = order_at(book, slot)
        order["session_id"] = _session_of(gate, decision)
        order["incarnation"] = decision["incarnation"]
        order["short"] = _is_short(decision)


@hot
def _again_leaving(gate, by_intent, decision):
    """Count a journalled cancel or reduce, and know that it is on its way if its order is still open."""
    book, kind = book_of(gate), int(decision["kind"])
    instrument_id = int(decision["instrument_id"])
    slot = find_slot(by_intent, decision["target_intent_id"])
    if slot != NO_SLOT:
        order = order_at(book, slot)
        note_leaving(order, kind, decision["pass_stamp_ns"])
        instrument_id = order["instrument_id"]
    if 0 <= instrument_id < gate["instruments"]:
        record_cancel(book, int(decision["strategy_id"]), instrument_id, decision["now_ns"])


@hot
def _again_order(gate, by_intent, by_order, decision):
    """Count and reserve a journalled NEW or REPLACE."""
    book, instrument_id, qty = book_of(gate), int(decision["instrument_id"]), decision["qty_lots"]
    _again_reserve(gate, by_intent, by_order, decision)
    value = order_value(decision["price_ticks"], qty, account_at(book, instrument_id))
    strategy_id, price, now_ns = int(decision["strategy_id"]), decision["price_ticks"], decision["now_ns"]
    record_order(book, strategy_id, instrument_id, now_ns, qty, value)
    strategy = account_at(book, gate["instruments"] + strategy_id)
    if decision["released"] & RELEASED_STRATEGY:
        release(strategy)
    if decision["released"] & RELEASED_SESSION:
        release_session(gate, _session_of(gate, decision))
    if int(decision["kind"]) == INTENT_NEW and strategy["same_orders_max"] != LIMIT_NONE:
        remember_new(strategy, instrument_id, int(decision["side"]), price, qty, now_ns)


@hot
def again_decision(gate, by_intent, by_order, decision):
    """Apply one decision of the own journal: order table, marks, flow, last ids, incarnations."""
    strategy_id, instrument_id = int(decision["strategy_id"]), int(decision["instrument_id"])
    if strategy_id < 0 or strategy_id >= gate["strategies"]:
        return
    desk = desk_at(gate, strategy_id)
    if int(decision["cause_ring"]) != CAUSE_NONE:
        desk["last_intent_id"] = max(desk["last_intent_id"], decision["intent_id"])
        desk["incarnation"] = decision["incarnation"]
    if decision["reference_ticks"] > 0 and 0 <= instrument_id < gate["instruments"]:
        mark_position(book_of(gate), strategy_id, instrument_id, decision["reference_ticks"])
    if int(decision["code"]) != PASS:
        return
    if int(decision["kind"]) == INTENT_CANCEL or int(decision["kind"]) == INTENT_REDUCE:
        _again_leaving(gate, by_intent, decision)
    elif 0 <= instrument_id < gate["instruments"]:
        _again_order(gate, by_intent, by_order, decision)


@hot
def _again_report(gate, by_intent, by_order, by_match, session, report):
    stream = stream_at(gate, session)
    if report["report_seq"] != stream["applied_seq"] + 1:
        return
    stream["applied_seq"] = report["report_seq"]
    found = apply_report(book_of(gate), by_intent, by_order, by_match, report)
    note_fill(gate, report, 0)
    note_reject(gate, session, report, found, 0)
    if found & FOUND_OVERFILL:
        control = record_at(gate["control_addr"], CONTROL_END)
        control_set(control, control_instrument_scope(control, int(report["instrument_id"])), STATE_HALTED)


@hot
def again(state, decisions, decision_stamps, reports, report_stamps, sessions):
    """Replay both journals into an empty exposure. `sessions[k]` is the stream of `reports[k]`; streams keep order."""
    gate = state.gate[0]
    done = 0
    newest_order_id = 0
    for row in range(reports.shape[0]):
        report = reports[row]
        while done < decisions.shape[0] and (
            decision_stamps[done] <= report_stamps[row]
            or newest_order_id < report["order_id"] < ORDER_ID_EXTERNAL  # of those no decision tells
        ):
            newest_order_id = max(newest_order_id, decisions[done]["order_id"])
            again_decision(gate, state.by_intent, state.by_order, decisions[done])
            done += 1
        _again_report(gate, state.by_intent, state.by_order, state.by_match, sessions[row], report)
    while done < decisions.shape[0]:
        again_decision(gate, state.by_intent, state.by_order, decisions[done])
        done += 1
    hold_again(gate)
    refuse_again(gate)


@hot
def _last_slot(end):
    """Address of the newest published slot of a resumed producer's ring; it stays readable after its consumption."""
    return end["slots_addr"] + ((end["next_seq"] - 1) & end["mask"]) * end["slot_bytes"]


@hot
def resume_intents(state, strategy_id, next_seq):
    """Go on behind the last decided intent of this ring: in the journal before `next_seq`, or answered in `rejects`."""
    gate = state.gate[0]
    end = ring_at(gate["intents_addr"], strategy_id)
    rejects = ring_at(gate["rejects_addr"], strategy_id)
    if rejects["next_seq"] > 0:  # a reject without a decision exists when the journal had no room
        last = record_at(_last_slot(rejects), REJECT)
        next_seq = max(next_seq, last["cause_seq"] + 1)
        desk = desk_at(gate, strategy_id)
        desk["last_intent_id"] = max(desk["last_intent_id"], last["intent_id"])
    ring_seek(end, max(end["next_seq"], next_seq))


@hot
def _send_order(gate, decision, target_order_id):
    """Publish the order of a journalled pass if it is not the last one in its ring."""
    strategy_id = int(decision["strategy_id"])
    session = _session_of(gate, decision)
    end = ring_at(gate["orders_addr"], session)
    if end["next_seq"] > 0:
        last = record_at(_last_slot(end), ORDER)
        if int(last["cause_ring"]) == int(decision["cause_ring"]) and last["cause_seq"] == decision["cause_seq"]:
            return NOTHING_TO_SEND
    source = ring_at(gate["intents_addr"], strategy_id)
    intent_addr = ring_find(source, decision["cause_seq"])
    if intent_addr == 0:
        return INTENT_LOST
    intent = record_at(intent_addr, INTENT)
    if intent["intent_id"] != decision["intent_id"]:
        return INTENT_LOST
    order_addr = ring_claim(end, 0)
    if order_addr == 0:
        return INTENT_LOST
    case = case_of(gate)
    case["order_id"] = decision["order_id"]
    case["target_order_id"] = target_order_id
    case["cause_seq"] = decision["cause_seq"]
    case["cause_ring"] = decision["cause_ring"]
    case["now_ns"] = decision["now_ns"]
    case["pass_stamp_ns"] = decision["pass_stamp_ns"]
    case["limits_version"] = decision["limits_version"]
    case["strategy"] = strategy_id
    case["code"] = PASS
    case["short"] = _is_short(decision)
    write_order(order_addr, intent, case)
    publish_order(gate, session, order_addr)
    return SENT


@hot
def _send_reject(gate, decision):
    """Publish the reject of a journalled refusal if its ring does not show it."""
    end = ring_at(gate["rejects_addr"], int(decision["strategy_id"]))
    if end["next_seq"] > 0 and record_at(_last_slot(end), REJECT)["cause_seq"] >= decision["cause_seq"]:
        return NOTHING_TO_SEND
    address = ring_claim(end, 0)
    if address == 0:
        return INTENT_LOST
    reject = write_reject(address, decision)
    reject["publish_stamp_ns"] = stamp(record_at(gate["me_addr"], INSTANCE_END))
    ring_publish(end)
    return SENT


@hot
def _forget_own_cancel(gate, by_intent, decision):
    """Let the gate cancel again by itself, unless its last cancel is the newest order of the ring."""
    slot = find_slot(by_intent, decision["target_intent_id"])
    if slot == NO_SLOT:
        return
    target = order_at(book_of(gate), slot)
    session = _session_of(gate, decision)
    end = ring_at(gate["orders_addr"], session)
    if end["next_seq"] > 0:
        last = record_at(_last_slot(end), ORDER)
        if last["flags"] == ORDER_FLAG_GATE and last["target_order_id"] == target["order_id"]:
            return
    target["cancelling"] = 0
    target["cancel_stamp_ns"] = 0


@hot
def finish_last(state, decision, target_order_id):
    """Publish the answer of the newest journalled decision if the gate died between journal and ring.

    Only the newest can be unpublished, because each answer leaves before the next decision is journalled. The order
    keeps its decision stamp and its expiry, so a late one dies in order_sender. A cancel of the gate's own is not sent
    here: its order is open and is looked at again. Returns NOTHING_TO_SEND, SENT or INTENT_LOST.
    """
    if int(decision["cause_ring"]) == CAUSE_NONE:
        _forget_own_cancel(state.gate[0], state.by_intent, decision)
        return NOTHING_TO_SEND
    if int(decision["code"]) == PASS:
        return _send_order(state.gate[0], decision, target_order_id)
    return _send_reject(state.gate[0], decision)

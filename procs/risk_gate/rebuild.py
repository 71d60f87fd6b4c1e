"""Rebuild: exposure from the two journals after a restart, and the one answer that may not have left.

The gate's own journal holds every decision; order_sender's holds every report. Both carry latency stamps of one clock,
so they are merged by stamp; a report that names an order of a later decision takes the decisions up to it first.
Nothing is counted or noted again, but an overfill found here halts its instrument.
"""

from procs.risk_gate.answer import write_order, write_reject
from procs.risk_gate.exposure import FOUND_OVERFILL, NO_SLOT, apply_report, find_intent, reserve_new, reserve_replace
from procs.risk_gate.rate import record_pass
from procs.risk_gate.state import CAUSE_NONE
from shm.atomics import record_at
from shm.codes import INTENT_CANCEL, INTENT_NEW, PASS, STATE_HALTED
from shm.control import control_instrument_scope, control_set
from shm.instance import stamp
from shm.jit import hot
from shm.records.intent import INTENT
from shm.records.order import ORDER
from shm.records.reject import REJECT
from shm.ring import ring_claim, ring_find, ring_publish

NOTHING_TO_SEND = 1
SENT = 2
INTENT_LOST = 3  # a journalled decision whose intent is no longer in its ring: a contradiction


@hot
def _again_reserve(state, decision):
    """Reserve what a journalled pass reserved; a replace whose order closed meanwhile counts whole."""
    target = NO_SLOT
    if int(decision["kind"]) != INTENT_NEW:
        target = find_intent(state.exposure, decision["target_intent_id"])
    if target != NO_SLOT:
        reserve_replace(state.exposure, target, decision)
        return
    slot = reserve_new(state.exposure, decision)
    if slot != NO_SLOT:
        order = state.exposure.slots[slot]
        order["session_id"] = state.instrument_rows[int(decision["instrument_id"])]["session_id"]
        order["incarnation"] = decision["incarnation"]


@hot
def again_decision(state, decision):
    """Apply one decision of the own journal: order table, rates, last ids, incarnations."""
    strategy_id, instrument_id = int(decision["strategy_id"]), int(decision["instrument_id"])
    strategies, instruments = state.allowed.shape
    if strategy_id < 0 or strategy_id >= strategies:
        return
    if int(decision["cause_ring"]) != CAUSE_NONE:
        state.last_intent_id[strategy_id] = max(state.last_intent_id[strategy_id], decision["intent_id"])
        state.incarnation[strategy_id] = decision["incarnation"]
    if int(decision["code"]) != PASS:
        return
    if int(decision["kind"]) == INTENT_CANCEL:
        slot = find_intent(state.exposure, decision["target_intent_id"])
        if slot != NO_SLOT:
            state.exposure.slots[slot]["cancelling"] = 1
            state.exposure.slots[slot]["cancel_stamp_ns"] = decision["pass_stamp_ns"]
        return
    if instrument_id < 0 or instrument_id >= instruments:
        return
    _again_reserve(state, decision)
    record_pass(state.pass_ns, state.pass_count, strategy_id, decision["now_ns"])
    record_pass(state.pass_ns, state.pass_count, strategies, decision["now_ns"])


@hot
def again(state, decisions, decision_stamps, reports, report_stamps, sessions):
    """Replay both journals into an empty exposure. `sessions[k]` is the stream of `reports[k]`; streams keep order."""
    done = 0
    newest_order_id = 0
    for row in range(reports.shape[0]):
        report = reports[row]
        while done < decisions.shape[0] and (
            decision_stamps[done] <= report_stamps[row] or report["order_id"] > newest_order_id
        ):
            newest_order_id = max(newest_order_id, decisions[done]["order_id"])
            again_decision(state, decisions[done])
            done += 1
        session = sessions[row]
        if report["report_seq"] != state.applied_seq[session] + 1:
            continue
        state.applied_seq[session] = report["report_seq"]
        if apply_report(state.exposure, report) & FOUND_OVERFILL:
            scope = control_instrument_scope(state.control[0], int(report["instrument_id"]))
            control_set(state.control[0], scope, STATE_HALTED)
    while done < decisions.shape[0]:
        again_decision(state, decisions[done])
        done += 1


@hot
def resume_intents(state, strategy_id, next_seq):
    """Go on behind the last decided intent of this ring: in the journal before `next_seq`, or answered in `rejects`."""
    end = state.intents[strategy_id]
    rejects = state.rejects[strategy_id]
    if rejects["next_seq"] > 0:
        last = record_at(
            rejects["slots_addr"] + ((rejects["next_seq"] - 1) & rejects["mask"]) * rejects["slot_bytes"], REJECT
        )
        if last["cause_seq"] + 1 > next_seq:
            next_seq = last["cause_seq"] + 1
        state.last_intent_id[strategy_id] = max(state.last_intent_id[strategy_id], last["intent_id"])
    end["next_seq"] = max(end["next_seq"], next_seq)


@hot
def _send_order(state, decision, target_order_id):
    """Publish the order of a journalled pass if it is not the last one in its ring."""
    strategy_id = int(decision["strategy_id"])
    session = state.instrument_rows[int(decision["instrument_id"])]["session_id"]
    end = state.orders[session]
    if end["next_seq"] > 0:
        last = record_at(end["slots_addr"] + ((end["next_seq"] - 1) & end["mask"]) * end["slot_bytes"], ORDER)
        if int(last["cause_ring"]) == int(decision["cause_ring"]) and last["cause_seq"] == decision["cause_seq"]:
            return NOTHING_TO_SEND
    source = state.intents[strategy_id]
    intent_addr = ring_find(source, decision["cause_seq"])
    if intent_addr == 0:
        return INTENT_LOST
    intent = record_at(intent_addr, INTENT)
    if intent["intent_id"] != decision["intent_id"]:
        return INTENT_LOST
    order_addr = ring_claim(end, 0)
    if order_addr == 0:
        return INTENT_LOST
    case = state.case[0]
    case["order_id"] = decision["order_id"]
    case["target_order_id"] = target_order_id
    case["cause_seq"] = decision["cause_seq"]
    case["cause_ring"] = decision["cause_ring"]
    case["now_ns"] = decision["now_ns"]
    case["pass_stamp_ns"] = decision["pass_stamp_ns"]
    case["limits_version"] = decision["limits_version"]
    case["strategy"] = strategy_id
    order = write_order(order_addr, intent, case)
    order["instrument_id"] = decision["instrument_id"]
    order["side"] = decision["side"]
    order["publish_stamp_ns"] = stamp(state.me[0])
    ring_publish(end)
    return SENT


@hot
def _send_reject(state, decision):
    """Publish the reject of a journalled refusal if its ring does not show it."""
    end = state.rejects[int(decision["strategy_id"])]
    if end["next_seq"] > 0:
        last = record_at(end["slots_addr"] + ((end["next_seq"] - 1) & end["mask"]) * end["slot_bytes"], REJECT)
        if last["cause_seq"] >= decision["cause_seq"]:
            return NOTHING_TO_SEND
    address = ring_claim(end, 0)
    if address == 0:
        return INTENT_LOST
    reject = write_reject(address, decision)
    reject["publish_stamp_ns"] = stamp(state.me[0])
    ring_publish(end)
    return SENT


@hot
def finish_last(state, decision, target_order_id):
    """Publish the answer of the newest journalled decision if the gate died between journal and ring.

    Only the newest can be unpublished, because each answer leaves before the next decision is journalled. The order
    keeps its decision stamp and its expiry, so a late one dies in order_sender. The gate's own cancels are not repeated
    here: their orders are still open and are looked at again. Returns NOTHING_TO_SEND, SENT or INTENT_LOST.
    """
    if int(decision["cause_ring"]) == CAUSE_NONE:
        return NOTHING_TO_SEND
    if int(decision["code"]) == PASS:
        return _send_order(state, decision, target_order_id)
    return _send_reject(state, decision)

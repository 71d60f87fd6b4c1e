"""risk_gate's step: reports first, then intents round robin, then, when there is time, the gate's own cancels.

Nothing leaves before its decision is in the journal, and a slot of `intents` is given back only after its answer is
published, so that a gate that dies anywhere finds each intent either undecided in the ring or decided in the journal.
An intent whose answer has no room (reject ring full; for cancels also journal or order ring full) stays in its ring.
"""

from procs.risk_gate.answer import write_decision, write_order, write_own_cancel, write_own_decision, write_reject
from procs.risk_gate.checks import NEVER_NS, decide
from procs.risk_gate.exposure import (
    FOUND_IMPOSSIBLE,
    FOUND_OVERFILL,
    FOUND_UNKNOWN,
    NO_SLOT,
    apply_report,
    find_intent,
    reserve_new,
    reserve_replace,
)
from procs.risk_gate.gather import cancel_is_pending, gather
from procs.risk_gate.rate import record_pass
from procs.risk_gate.state import (
    CANCEL_RETRY_NS,
    CATCH_UP_EVERY_NS,
    CAUGHT_UP_STAMP,
    CHANNEL_ADDR,
    COMPARE_AT,
    DECISION_ADDR,
    INTENT_BATCH,
    POSITION_ADDR,
    REPORT_BATCH,
    SCAN_AT,
    SCAN_BATCH,
    SCAN_EVERY,
    STEPS,
    TURN,
)
from shm.atomics import load_acquire, load_relaxed, record_at
from shm.codes import (
    CHANNEL_FRESH,
    EXIT_CATCH_UP,
    INTENT_CANCEL,
    INTENT_NEW,
    JOURNAL_DECISION,
    PASS,
    REJECT_ALREADY_CANCELLING,
    REJECT_STATE_FULL,
    REJECT_UNKNOWN_TARGET,
    STATE_CANCEL_ONLY,
    STATE_HALTED,
    STATE_REDUCING,
)
from shm.control import control_instrument_scope, control_set, control_state
from shm.counters import (
    GATE_BREAKS,
    GATE_CANCELS,
    GATE_INTENTS,
    GATE_OPEN_ORDERS,
    GATE_OWN_CANCELS,
    GATE_PASSED,
    GATE_REJECT_BASE,
    GATE_REJECTED,
    GATE_REPORTS,
    GATE_UNKNOWN_REPORTS,
)
from shm.error_log import (
    ERROR_GATE_FOREIGN_INTENT,
    ERROR_GATE_IMPOSSIBLE_REPORT,
    ERROR_GATE_OVERFILL,
    ERROR_GATE_POSITION_BREAK,
    ERROR_GATE_UNKNOWN_REPORT,
)
from shm.ids import take_id
from shm.instance import count, gauge, note_error, record_span, stamp
from shm.jit import hot
from shm.journal import journal_claim, journal_commit
from shm.latest import latest_read, latest_version
from shm.records.decision import DECISION
from shm.records.instance import INSTANCE
from shm.records.intent import INTENT
from shm.records.report import REPORT
from shm.ring import (
    ring_advance,
    ring_caught_up,
    ring_claim,
    ring_is_behind,
    ring_peek,
    ring_publish,
    ring_release,
)

HISTOGRAMS = ("order_sender->risk_gate", "strategy->risk_gate")
HOP_REPORTS, HOP_INTENTS = 0, 1
DECISION_BYTES = DECISION.itemsize
STEP_WORD = INSTANCE.fields["step_ns"][1]
INCARNATION_WORD = INSTANCE.fields["incarnation"][1]
FIRST_CODE = 10  # of REJECT_*


# --- reports ---------------------------------------------------------------------------------------------------------


@hot
def take_report(state, session, report):
    """Apply one report of a session's stream if it is the next. Returns 1 applied, 0 seen before, -1 after a gap."""
    sequence = report["report_seq"]
    if sequence <= state.applied_seq[session]:
        return 0
    if sequence > state.applied_seq[session] + 1:
        return -1
    me = state.me[0]
    found = apply_report(state.exposure, report)
    state.applied_seq[session] = sequence
    count(me, GATE_REPORTS, 1)
    if found & FOUND_UNKNOWN:
        count(me, GATE_UNKNOWN_REPORTS, 1)
        note_error(me, ERROR_GATE_UNKNOWN_REPORT, sequence, report["order_id"])
    if found & FOUND_OVERFILL:
        note_error(me, ERROR_GATE_OVERFILL, sequence, report["order_id"])
        scope = control_instrument_scope(state.control[0], int(report["instrument_id"]))
        control_set(state.control[0], scope, STATE_HALTED)
    if found & FOUND_IMPOSSIBLE:
        note_error(me, ERROR_GATE_IMPOSSIBLE_REPORT, sequence, int(report["kind"]))
    return 1


@hot
def _read_reports(state, session):
    """Consume one session's ring up to REPORT_BATCH; says whether the stream is behind. Returns records consumed."""
    end = state.reports[session]
    taken = 0
    gap = 0
    address = ring_peek(end)
    while address != 0 and taken < REPORT_BATCH:
        report = record_at(address, REPORT)
        result = take_report(state, session, report)
        if result < 0:
            gap = 1
            break
        if result > 0:
            record_span(state.me[0], HOP_REPORTS, stamp(state.me[0]) - report["publish_stamp_ns"])
        ring_advance(end)
        taken += 1
        address = ring_peek(end)
    ring_release(end)
    behind = ring_is_behind(end)
    state.behind[session] = 1 if behind != 0 or gap != 0 else 0
    if state.behind[session] == 1:
        ring_caught_up(end, state.applied_seq[session])
        if gap == 1 or address == 0:
            now_stamp = stamp(state.me[0])
            if now_stamp - state.words[CAUGHT_UP_STAMP] > CATCH_UP_EVERY_NS:
                state.words[CAUGHT_UP_STAMP] = now_stamp
                state.exit_request[0] = EXIT_CATCH_UP
    return taken


# --- intents ---------------------------------------------------------------------------------------------------------


@hot
def _publish_reject(state, strategy_id, reject_addr, decision):
    reject = write_reject(reject_addr, decision)
    me = state.me[0]
    reject["publish_stamp_ns"] = stamp(me)
    ring_publish(state.rejects[strategy_id])
    count(me, GATE_REJECTED, 1)
    count(me, GATE_REJECT_BASE + _code_of(decision) - FIRST_CODE, 1)


@hot
def _code_of(decision):
    """Code of a decision, widened."""
    return int(decision["code"])


@hot
def _reserve(state, decision):
    """Reserve what a passed decision asks for. Returns its slot or NO_SLOT."""
    case = state.case[0]
    if case["kind"] == INTENT_NEW:
        slot = reserve_new(state.exposure, decision)
        if slot != NO_SLOT:
            order = state.exposure.slots[slot]
            order["session_id"] = case["session"]
            order["incarnation"] = case["incarnation"]
        return slot
    return reserve_replace(state.exposure, case["target_slot"], decision)


@hot
def _pass_order(state, strategy_id, intent, journal_addr, order_addr):
    """Reserve, journal, publish. Returns 1, or 0 when no identifier or slot was left; then nothing changed."""
    case = state.case[0]
    me = state.me[0]
    case["order_id"] = take_id(state.ids)
    if case["order_id"] == 0:
        return 0
    decision = write_decision(journal_addr, intent, case)
    if _reserve(state, decision) == NO_SLOT:
        return 0
    record_pass(state.pass_ns, state.pass_count, strategy_id, case["now_ns"])
    record_pass(state.pass_ns, state.pass_count, state.allowed.shape[0], case["now_ns"])
    journal_commit(state.journal[0], JOURNAL_DECISION, DECISION_BYTES, case["pass_stamp_ns"], case["now_ns"])
    order = write_order(order_addr, intent, case)
    order["publish_stamp_ns"] = stamp(me)
    ring_publish(state.orders[case["session"]])
    count(me, GATE_PASSED, 1)
    return 1


@hot
def _on_order(state, strategy_id, intent, now_ns):
    """Decide a NEW or REPLACE (or an unknown kind). Returns 1, or 0 when the reject ring has no room for the answer."""
    reject_addr = ring_claim(state.rejects[strategy_id], 0)
    if reject_addr == 0:
        return 0
    case = state.case[0]
    gather(state, strategy_id, intent, now_ns)
    if state.draining[strategy_id] == 1:
        case["expires_ns"] = NEVER_NS  # an earlier life of the strategy wanted it; nobody would know the order
    journal_addr = journal_claim(state.journal[0])
    case["journal_room"] = 1 if journal_addr != 0 else 0
    order_addr = 0
    if case["session"] >= 0:
        session = case["session"]
        order_addr = ring_claim(state.orders[session], state.orders_headroom[session])
    case["orders_room"] = 1 if order_addr != 0 else 0
    code = decide(case)
    if code == PASS:
        if _pass_order(state, strategy_id, intent, journal_addr, order_addr) == 1:
            return 1
        case["order_id"] = 0
        case["code"] = REJECT_STATE_FULL
    if journal_addr != 0:
        decision = write_decision(journal_addr, intent, case)
        journal_commit(state.journal[0], JOURNAL_DECISION, DECISION_BYTES, case["pass_stamp_ns"], now_ns)
    else:
        decision = write_decision(state.words[DECISION_ADDR], intent, case)
    _publish_reject(state, strategy_id, reject_addr, decision)
    return 1


@hot
def _gather_cancel(state, strategy_id, intent, now_ns):
    """Fill what a cancel's answer needs. Returns PASS or the code."""
    case = state.case[0]
    case["kind"] = INTENT_CANCEL
    case["now_ns"] = now_ns
    case["pass_stamp_ns"] = stamp(state.me[0])
    case["order_id"] = 0
    case["limit_value"] = 0
    case["found_value"] = 0
    case["reference2"] = 0
    case["limits_version"] = 0
    case["channel_state"] = 0
    case["channel_stale_stamp_ns"] = 0
    case["code"] = REJECT_UNKNOWN_TARGET
    case["target_slot"] = find_intent(state.exposure, intent["target_intent_id"])
    if case["target_slot"] == NO_SLOT:
        return REJECT_UNKNOWN_TARGET
    order = state.exposure.slots[case["target_slot"]]
    if order["strategy_id"] != strategy_id:
        return REJECT_UNKNOWN_TARGET
    if cancel_is_pending(order, case["pass_stamp_ns"]) == 1:
        case["code"] = REJECT_ALREADY_CANCELLING
        return REJECT_ALREADY_CANCELLING
    case["code"] = PASS
    case["target_order_id"] = order["order_id"]
    case["session"] = order["session_id"]
    return PASS


@hot
def _on_cancel(state, strategy_id, intent, now_ns):
    """Pass a cancel on, or answer why not. Returns 1, or 0 when there is no room: then it waits in its ring."""
    case = state.case[0]
    me = state.me[0]
    code = _gather_cancel(state, strategy_id, intent, now_ns)
    out_addr = 0
    if code == PASS:
        out_addr = ring_claim(state.orders[case["session"]], 0)
    else:
        out_addr = ring_claim(state.rejects[strategy_id], 0)
    if out_addr == 0:
        return 0
    journal_addr = journal_claim(state.journal[0])
    if journal_addr == 0:
        return 0
    decision = write_decision(journal_addr, intent, case)
    journal_commit(state.journal[0], JOURNAL_DECISION, DECISION_BYTES, case["pass_stamp_ns"], now_ns)
    if code != PASS:
        _publish_reject(state, strategy_id, out_addr, decision)
        return 1
    target = state.exposure.slots[case["target_slot"]]
    target["cancelling"] = 1
    target["cancel_stamp_ns"] = case["pass_stamp_ns"]
    order = write_order(out_addr, intent, case)
    order["instrument_id"] = target["instrument_id"]
    order["side"] = target["side"]
    order["publish_stamp_ns"] = stamp(me)
    ring_publish(state.orders[case["session"]])
    count(me, GATE_CANCELS, 1)
    return 1


@hot
def _on_intent(state, strategy_id, sequence, intent, now_ns):
    """Decide one intent. Returns 1, or 0 when it must stay in its ring."""
    case = state.case[0]
    me = state.me[0]
    case["cause_ring"] = state.reports.shape[0] + strategy_id
    case["cause_seq"] = sequence
    case["strategy"] = strategy_id
    case["incarnation"] = state.incarnation[strategy_id]
    done = 0
    if int(intent["kind"]) == INTENT_CANCEL:
        done = _on_cancel(state, strategy_id, intent, now_ns)
    else:
        done = _on_order(state, strategy_id, intent, now_ns)
    if done == 0:
        return 0
    if int(intent["strategy_id"]) != strategy_id:
        note_error(me, ERROR_GATE_FOREIGN_INTENT, strategy_id, int(intent["strategy_id"]))
    state.last_intent_id[strategy_id] = max(state.last_intent_id[strategy_id], intent["intent_id"])
    record_span(me, HOP_INTENTS, case["pass_stamp_ns"] - intent["decide_stamp_ns"])
    count(me, GATE_INTENTS, 1)
    return 1


@hot
def _note_incarnation(state, strategy_id):
    """See whether the strategy was started again: then what its ring still holds was wanted by an earlier life."""
    page = state.pages[strategy_id]
    if page == 0:
        return
    incarnation = load_acquire(page + INCARNATION_WORD)
    if incarnation != state.incarnation[strategy_id]:
        if state.incarnation[strategy_id] >= 0:
            state.draining[strategy_id] = 1
        state.incarnation[strategy_id] = incarnation


@hot
def _read_intents(state, strategy_id, now_ns):
    """Consume one strategy's ring up to INTENT_BATCH. Returns intents decided."""
    end = state.intents[strategy_id]
    _note_incarnation(state, strategy_id)
    taken = 0
    address = ring_peek(end)
    while address != 0 and taken < INTENT_BATCH:
        if _on_intent(state, strategy_id, end["next_seq"], record_at(address, INTENT), now_ns) == 0:
            break
        ring_advance(end)
        taken += 1
        address = ring_peek(end)
    if address == 0:
        state.draining[strategy_id] = 0
    ring_release(end)
    return taken


# --- what the gate does by itself -------------------------------------------------------------------------------------


@hot
def _must_cancel(state, order, now_ns, stamp_ns):
    """1 when an order may not stay: its strategy is dead or was restarted, its scope is stopped, its feed is stale."""
    strategy_id, instrument_id = order["strategy_id"], order["instrument_id"]
    page = state.pages[strategy_id]
    if order["incarnation"] != state.incarnation[strategy_id]:
        return 1
    if page != 0 and stamp_ns - load_relaxed(page + STEP_WORD) > state.silence_ns[strategy_id]:
        return 1
    if control_state(state.control[0], order["session_id"], strategy_id, instrument_id) >= STATE_CANCEL_ONLY:
        return 1
    channel = state.channel[0]
    channel_id = state.instrument_rows[instrument_id]["channel_id"]
    if latest_read(state.channels[0], channel_id, state.words[CHANNEL_ADDR]) <= 0:
        return 1
    silence_max = state.limit_rows[instrument_id]["channel_silence_ns_max"]
    return 1 if channel["state"] != CHANNEL_FRESH or now_ns - channel["heard_ns"] > silence_max else 0


@hot
def _cancel_by_gate(state, slot, now_ns, stamp_ns):
    """Send a cancel that no strategy asked for. Returns 1, or 0 when there is no room."""
    target = state.exposure.slots[slot]
    session = target["session_id"]
    if session < 0 or session >= state.orders.shape[0]:
        return 0
    order_addr = ring_claim(state.orders[session], 0)
    if order_addr == 0:
        return 0
    journal_addr = journal_claim(state.journal[0])
    if journal_addr == 0:
        return 0
    me = state.me[0]
    write_own_decision(journal_addr, target, now_ns, stamp_ns)
    journal_commit(state.journal[0], JOURNAL_DECISION, DECISION_BYTES, stamp_ns, now_ns)
    target["cancelling"] = 1
    target["cancel_stamp_ns"] = stamp_ns
    order = write_own_cancel(order_addr, target, now_ns, stamp_ns)
    order["publish_stamp_ns"] = stamp(me)
    ring_publish(state.orders[session])
    count(me, GATE_OWN_CANCELS, 1)
    return 1


@hot
def scan_orders(state, now_ns, orders):
    """Look at the next `orders` open orders and cancel those that may not stay. Returns cancels sent."""
    open_count = state.exposure.open_count[0]
    stamp_ns = stamp(state.me[0])
    sent = 0
    for _ in range(min(orders, open_count)):
        if state.words[SCAN_AT] >= open_count:
            state.words[SCAN_AT] = 0
        slot = state.exposure.places[state.words[SCAN_AT]]
        state.words[SCAN_AT] += 1
        order = state.exposure.slots[slot]
        if order["cancel_stamp_ns"] != 0 and stamp_ns - order["cancel_stamp_ns"] <= CANCEL_RETRY_NS:
            continue
        if _must_cancel(state, order, now_ns, stamp_ns) == 1:
            sent += _cancel_by_gate(state, slot, now_ns, stamp_ns)
    return sent


@hot
def compare_positions(state):
    """Compare the next row of `positions` with ours, where both hold the same fills. Returns 1 for a break.

    position_keeper's row is comparable when its last report is not older than our last fill of the row and not newer
    than our last report of it: then both contain the same executions.
    """
    exposure = state.exposure
    pairs = exposure.by_pair.shape[0]
    row = state.words[COMPARE_AT]
    state.words[COMPARE_AT] = row + 1 if row + 1 < pairs else 0
    version = latest_version(state.positions[0], row)
    if version == state.position_versions[row]:
        return 0
    version = latest_read(state.positions[0], row, state.words[POSITION_ADDR])
    if version <= 0:
        return 0
    keeper = state.position[0]
    if keeper["reports_seq"] < exposure.pair_fill_seq[row] or keeper["reports_seq"] > exposure.pair_seen_seq[row]:
        return 0
    state.position_versions[row] = version
    ours = exposure.by_pair[row]["position"]
    if keeper["position_lots"] == ours:
        return 0
    me = state.me[0]
    count(me, GATE_BREAKS, 1)
    note_error(me, ERROR_GATE_POSITION_BREAK, keeper["position_lots"], ours)
    scope = control_instrument_scope(state.control[0], row % exposure.by_instrument.shape[0])
    control_set(state.control[0], scope, STATE_REDUCING)
    return 1


@hot
def step(state, now_ns):
    """One duty cycle. Returns the records handled."""
    work = 0
    for session in range(state.reports.shape[0]):
        work += _read_reports(state, session)
    strategies = state.intents.shape[0]
    state.words[TURN] += 1
    for turn in range(strategies):
        work += _read_intents(state, (state.words[TURN] + turn) % strategies, now_ns)
    state.words[STEPS] += 1
    if work == 0 or state.words[STEPS] % SCAN_EVERY == 0:
        work += scan_orders(state, now_ns, SCAN_BATCH)
        compare_positions(state)
        gauge(state.me[0], GATE_OPEN_ORDERS, state.exposure.open_count[0])
    return work

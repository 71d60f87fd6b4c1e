"""risk_gate's step: reports first, then intents round robin, then, when there is time, the gate's own cancels.

Nothing leaves before its decision is in the journal, and a slot of `intents` is given back only after its answer is
published, so that a gate that dies anywhere finds each intent either undecided in the ring or decided in the journal.
An intent whose answer has no room (reject ring full; for cancels also journal or order ring full) stays in its ring.
"""

from procs.risk_gate.answer import write_decision, write_order, write_own_cancel, write_own_decision, write_reject
from procs.risk_gate.checks import NEVER_NS, decide
from procs.risk_gate.exposure import (
    BOOK,
    FOUND_IMPOSSIBLE,
    FOUND_OVERFILL,
    FOUND_UNKNOWN,
    HOLDING,
    HOLDING_BYTES,
    NO_SLOT,
    apply_report,
    find_slot,
    open_slot,
    order_at,
    reserve_new,
    reserve_replace,
    word_at,
)
from procs.risk_gate.gather import cancel_is_pending, gather, read_channel
from procs.risk_gate.rate import record_pass
from procs.risk_gate.state import (
    CANCEL_RETRY_NS,
    CATCH_UP_EVERY_NS,
    INTENT_BATCH,
    REPORT_BATCH,
    SCAN_BATCH,
    SCAN_EVERY,
    case_of,
    desk_at,
    limits_at,
    ring_at,
    stream_at,
    table_at,
)
from shm.atomics import load_acquire, load_relaxed, record_at
from shm.codes import (
    CHANNEL_FRESH,
    EXIT_CATCH_UP,
    INTENT_CANCEL,
    INTENT_NEW,
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
from shm.journal import JOURNAL_DECISION, journal_claim, journal_commit
from shm.latest import latest_read, latest_version
from shm.records.channel import CHANNEL
from shm.records.control_end import CONTROL_END
from shm.records.decision import DECISION
from shm.records.instance import INSTANCE
from shm.records.instance_end import INSTANCE_END
from shm.records.intent import INTENT
from shm.records.journal_end import JOURNAL_END
from shm.records.position import POSITION
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
def _limit_instrument(gate, instrument_id, state):
    """Say `state` for an instrument in the gate's own control row. It stands until the operator acknowledges it."""
    control = record_at(gate["control_addr"], CONTROL_END)
    control_set(control, control_instrument_scope(control, instrument_id), state)


@hot
def _note_found(gate, report, found):
    """Count what a report should not have been."""
    me = record_at(gate["me_addr"], INSTANCE_END)
    if found & FOUND_UNKNOWN:
        count(me, GATE_UNKNOWN_REPORTS, 1)
        note_error(me, ERROR_GATE_UNKNOWN_REPORT, report["report_seq"], report["order_id"])
    if found & FOUND_OVERFILL:
        note_error(me, ERROR_GATE_OVERFILL, report["report_seq"], report["order_id"])
        _limit_instrument(gate, int(report["instrument_id"]), STATE_HALTED)
    if found & FOUND_IMPOSSIBLE:
        note_error(me, ERROR_GATE_IMPOSSIBLE_REPORT, report["report_seq"], int(report["kind"]))


@hot
def take_report(gate, by_intent, by_order, session, report):
    """Apply one report of a session's stream if it is the next. Returns 1 applied, 0 seen before, -1 after a gap."""
    stream = stream_at(gate, session)
    sequence = report["report_seq"]
    if sequence <= stream["applied_seq"]:
        return 0
    if sequence > stream["applied_seq"] + 1:
        return -1
    found = apply_report(record_at(gate["book_addr"], BOOK), by_intent, by_order, report)
    stream["applied_seq"] = sequence
    count(record_at(gate["me_addr"], INSTANCE_END), GATE_REPORTS, 1)
    if found != 0:
        _note_found(gate, report, found)
    return 1


@hot
def _ask_for_catch_up(gate):
    """Leave the loop to read the journal, not more often than CATCH_UP_EVERY_NS."""
    now_stamp = stamp(record_at(gate["me_addr"], INSTANCE_END))
    if now_stamp - gate["caught_up_stamp_ns"] > CATCH_UP_EVERY_NS:
        gate["caught_up_stamp_ns"] = now_stamp
        exit_request = word_at(gate["exit_addr"], 0)
        exit_request["value"] = EXIT_CATCH_UP


@hot
def _read_reports(gate, by_intent, by_order, session):
    """Consume one session's ring up to REPORT_BATCH; says whether the stream is behind. Returns records consumed."""
    end = ring_at(gate["reports_addr"], session)
    me = record_at(gate["me_addr"], INSTANCE_END)
    stream = stream_at(gate, session)
    taken = 0
    gap = 0
    address = ring_peek(end)
    while address != 0 and taken < REPORT_BATCH:
        report = record_at(address, REPORT)
        result = take_report(gate, by_intent, by_order, session, report)
        if result < 0:
            gap = 1
            break
        if result > 0:
            record_span(me, HOP_REPORTS, stamp(me) - report["publish_stamp_ns"])
        ring_advance(end)
        taken += 1
        address = ring_peek(end)
    ring_release(end)
    stream["behind"] = 1 if gap != 0 or ring_is_behind(end) != 0 else 0
    if stream["behind"] == 1:
        ring_caught_up(end, stream["applied_seq"])
        if gap == 1 or address == 0:
            _ask_for_catch_up(gate)
    return taken


# --- intents ---------------------------------------------------------------------------------------------------------


@hot
def _commit(gate, stamp_ns, now_ns):
    """Complete the claimed decision in the journal."""
    journal_commit(record_at(gate["journal_addr"], JOURNAL_END), JOURNAL_DECISION, DECISION_BYTES, stamp_ns, now_ns)


@hot
def _publish_reject(gate, strategy_id, reject_addr, decision):
    me = record_at(gate["me_addr"], INSTANCE_END)
    reject = write_reject(reject_addr, decision)
    reject["publish_stamp_ns"] = stamp(me)
    ring_publish(ring_at(gate["rejects_addr"], strategy_id))
    count(me, GATE_REJECTED, 1)
    count(me, GATE_REJECT_BASE + int(decision["code"]) - FIRST_CODE, 1)


@hot
def _reserve(gate, by_intent, by_order, decision):
    """Reserve what a passed decision asks for. Returns its slot or NO_SLOT."""
    case = case_of(gate)
    book = record_at(gate["book_addr"], BOOK)
    if case["kind"] != INTENT_NEW:
        return reserve_replace(book, by_intent, by_order, case["target_slot"], decision)
    slot = reserve_new(book, by_intent, by_order, decision)
    if slot != NO_SLOT:
        order = order_at(book, slot)
        order["session_id"] = case["session"]
        order["incarnation"] = case["incarnation"]
    return slot


@hot
def _pass_order(gate, by_intent, by_order, order_id, intent, journal_addr, order_addr):
    """Reserve, journal, publish. Returns 1, or 0 when no identifier or slot was left; then nothing changed."""
    case = case_of(gate)
    case["order_id"] = order_id
    if order_id == 0:
        return 0
    decision = write_decision(journal_addr, intent, case)
    if _reserve(gate, by_intent, by_order, decision) == NO_SLOT:
        return 0
    record_pass(desk_at(gate, case["strategy"]), case["now_ns"])
    record_pass(desk_at(gate, gate["strategies"]), case["now_ns"])
    _commit(gate, case["pass_stamp_ns"], case["now_ns"])
    me = record_at(gate["me_addr"], INSTANCE_END)
    order = write_order(order_addr, intent, case)
    order["publish_stamp_ns"] = stamp(me)
    ring_publish(ring_at(gate["orders_addr"], case["session"]))
    count(me, GATE_PASSED, 1)
    return 1


@hot
def _claim_order(gate, case):
    """Address of the next slot of the session's `orders` ring that a new order may take, or 0."""
    if case["session"] < 0:
        return 0
    return ring_claim(ring_at(gate["orders_addr"], case["session"]), stream_at(gate, case["session"])["headroom"])


@hot
def _on_order(gate, by_intent, by_order, ids, strategy_id, intent, now_ns):
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
    decision = write_decision(journal_addr if journal_addr != 0 else gate["decision_addr"], intent, case)
    if journal_addr != 0:
        _commit(gate, case["pass_stamp_ns"], now_ns)
    _publish_reject(gate, strategy_id, reject_addr, decision)
    return 1


@hot
def _gather_cancel(gate, by_intent, strategy_id, intent, now_ns):
    """Fill what a cancel's answer needs. Returns PASS or the code."""
    case = case_of(gate)
    case["now_ns"] = now_ns
    case["pass_stamp_ns"] = stamp(record_at(gate["me_addr"], INSTANCE_END))
    case["order_id"] = 0
    case["limit_value"] = 0
    case["found_value"] = 0
    case["reference2"] = 0
    case["limits_version"] = 0
    case["channel_state"] = 0
    case["channel_stale_stamp_ns"] = 0
    case["target_slot"] = find_slot(by_intent, intent["target_intent_id"])
    if case["target_slot"] == NO_SLOT:
        return REJECT_UNKNOWN_TARGET
    order = order_at(record_at(gate["book_addr"], BOOK), case["target_slot"])
    if order["strategy_id"] != strategy_id or order["session_id"] < 0 or order["session_id"] >= gate["sessions"]:
        return REJECT_UNKNOWN_TARGET
    if cancel_is_pending(order, case["pass_stamp_ns"]) == 1:
        return REJECT_ALREADY_CANCELLING
    case["target_order_id"] = order["order_id"]
    case["session"] = order["session_id"]
    return PASS


@hot
def _pass_cancel(gate, intent, order_addr):
    """Publish a cancel whose decision is journalled."""
    case = case_of(gate)
    me = record_at(gate["me_addr"], INSTANCE_END)
    target = order_at(record_at(gate["book_addr"], BOOK), case["target_slot"])
    target["cancelling"] = 1
    target["cancel_stamp_ns"] = case["pass_stamp_ns"]
    order = write_order(order_addr, intent, case)
    order["instrument_id"] = target["instrument_id"]
    order["side"] = target["side"]
    order["publish_stamp_ns"] = stamp(me)
    ring_publish(ring_at(gate["orders_addr"], case["session"]))
    count(me, GATE_CANCELS, 1)


@hot
def _on_cancel(gate, by_intent, strategy_id, intent, now_ns):
    """Pass a cancel on, or answer why not. Returns 1, or 0 when there is no room: then it waits in its ring."""
    case = case_of(gate)
    code = _gather_cancel(gate, by_intent, strategy_id, intent, now_ns)
    case["code"] = code
    out = ring_at(gate["rejects_addr"], strategy_id)
    if code == PASS:
        out = ring_at(gate["orders_addr"], case["session"])
    out_addr = ring_claim(out, 0)
    if out_addr == 0:
        return 0
    journal_addr = journal_claim(record_at(gate["journal_addr"], JOURNAL_END))
    if journal_addr == 0:
        return 0
    decision = write_decision(journal_addr, intent, case)
    _commit(gate, case["pass_stamp_ns"], now_ns)
    if code == PASS:
        _pass_cancel(gate, intent, out_addr)
    else:
        _publish_reject(gate, strategy_id, out_addr, decision)
    return 1


@hot
def _on_intent(gate, by_intent, by_order, ids, strategy_id, sequence, intent, now_ns):
    """Decide one intent. Returns 1, or 0 when it must stay in its ring."""
    case = case_of(gate)
    desk = desk_at(gate, strategy_id)
    case["cause_ring"] = gate["sessions"] + strategy_id
    case["cause_seq"] = sequence
    case["strategy"] = strategy_id
    case["incarnation"] = desk["incarnation"]
    if int(intent["kind"]) == INTENT_CANCEL:
        done = _on_cancel(gate, by_intent, strategy_id, intent, now_ns)
    else:
        done = _on_order(gate, by_intent, by_order, ids, strategy_id, intent, now_ns)
    if done == 0:
        return 0
    me = record_at(gate["me_addr"], INSTANCE_END)
    if int(intent["strategy_id"]) != strategy_id:
        note_error(me, ERROR_GATE_FOREIGN_INTENT, strategy_id, int(intent["strategy_id"]))
    desk["last_intent_id"] = max(desk["last_intent_id"], intent["intent_id"])
    record_span(me, HOP_INTENTS, case["pass_stamp_ns"] - intent["decide_stamp_ns"])
    count(me, GATE_INTENTS, 1)
    return 1


@hot
def _note_incarnation(desk):
    """See whether the strategy was started again: then what its ring still holds was wanted by an earlier life."""
    incarnation = load_acquire(desk["page_addr"] + INCARNATION_WORD)
    if incarnation != desk["incarnation"]:
        if desk["incarnation"] >= 0:
            desk["draining"] = 1
        desk["incarnation"] = incarnation


@hot
def _read_intents(gate, by_intent, by_order, ids, strategy_id, now_ns):
    """Consume one strategy's ring up to INTENT_BATCH. Returns intents decided."""
    end = ring_at(gate["intents_addr"], strategy_id)
    desk = desk_at(gate, strategy_id)
    _note_incarnation(desk)
    taken = 0
    address = ring_peek(end)
    while address != 0 and taken < INTENT_BATCH:
        intent = record_at(address, INTENT)
        if _on_intent(gate, by_intent, by_order, ids, strategy_id, end["next_seq"], intent, now_ns) == 0:
            break
        ring_advance(end)
        taken += 1
        address = ring_peek(end)
    if address == 0:
        desk["draining"] = 0
    ring_release(end)
    return taken


# --- what the gate does by itself -------------------------------------------------------------------------------------


@hot
def _must_cancel(gate, order, now_ns, stamp_ns):
    """1 when an order may not stay: its strategy is dead or was restarted, its scope is stopped, its feed is stale."""
    strategy_id, instrument_id = order["strategy_id"], order["instrument_id"]
    desk = desk_at(gate, strategy_id)
    if order["incarnation"] != desk["incarnation"]:
        return 1
    if stamp_ns - load_relaxed(desk["page_addr"] + STEP_WORD) > desk["silence_ns"]:
        return 1
    control = record_at(gate["control_addr"], CONTROL_END)
    if control_state(control, order["session_id"], strategy_id, instrument_id) >= STATE_CANCEL_ONLY:
        return 1
    if read_channel(gate, instrument_id) != CHANNEL_FRESH:
        return 1
    silence_ns = now_ns - record_at(gate["channel_addr"], CHANNEL)["heard_ns"]
    return 1 if silence_ns > limits_at(gate, instrument_id)["channel_silence_ns_max"] else 0


@hot
def _cancel_by_gate(gate, target, now_ns, stamp_ns):
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
    me = record_at(gate["me_addr"], INSTANCE_END)
    write_own_decision(journal_addr, target, now_ns, stamp_ns)
    _commit(gate, stamp_ns, now_ns)
    target["cancelling"] = 1
    target["cancel_stamp_ns"] = stamp_ns
    order = write_own_cancel(order_addr, target, now_ns, stamp_ns)
    order["publish_stamp_ns"] = stamp(me)
    ring_publish(end)
    count(me, GATE_OWN_CANCELS, 1)
    return 1


@hot
def scan_orders(gate, now_ns, orders):
    """Look at the next `orders` open orders and cancel those that may not stay. Returns cancels sent."""
    book = record_at(gate["book_addr"], BOOK)
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
            sent += _cancel_by_gate(gate, order, now_ns, stamp_ns)
    return sent


@hot
def compare_positions(gate):
    """Compare the next row of `positions` with ours, where both hold the same fills. Returns 1 for a break.

    position_keeper's row is comparable when its last report is not older than our last fill of the row and not newer
    than our last report of it: then both contain the same executions.
    """
    book = record_at(gate["book_addr"], BOOK)
    table = table_at(gate["positions_addr"])
    row = gate["compare_at"]
    gate["compare_at"] = row + 1 if row + 1 < book["strategies"] * book["instruments"] else 0
    seen = word_at(gate["position_versions_addr"], row)
    version = latest_version(table, row)
    if version == seen["value"] or latest_read(table, row, gate["position_addr"]) <= 0:
        return 0
    keeper = record_at(gate["position_addr"], POSITION)
    ours = record_at(book["pairs_addr"] + row * HOLDING_BYTES, HOLDING)
    if keeper["reports_seq"] < ours["fill_seq"] or keeper["reports_seq"] > ours["seen_seq"]:
        return 0
    seen["value"] = version
    if keeper["position_lots"] == ours["position"]:
        return 0
    me = record_at(gate["me_addr"], INSTANCE_END)
    count(me, GATE_BREAKS, 1)
    note_error(me, ERROR_GATE_POSITION_BREAK, keeper["position_lots"], ours["position"])
    _limit_instrument(gate, row % book["instruments"], STATE_REDUCING)
    return 1


@hot
def _turn(gate, by_intent, by_order, ids, now_ns):
    work = 0
    for session in range(gate["sessions"]):
        work += _read_reports(gate, by_intent, by_order, session)
    gate["turn"] += 1
    for place in range(gate["strategies"]):
        strategy_id = (gate["turn"] + place) % gate["strategies"]
        work += _read_intents(gate, by_intent, by_order, ids, strategy_id, now_ns)
    gate["steps"] += 1
    if work == 0 or gate["steps"] % SCAN_EVERY == 0:
        work += scan_orders(gate, now_ns, SCAN_BATCH)
        compare_positions(gate)
        open_count = record_at(gate["book_addr"], BOOK)["open_count"]
        gauge(record_at(gate["me_addr"], INSTANCE_END), GATE_OPEN_ORDERS, open_count)
    return work


@hot
def step(state, now_ns):
    """One duty cycle. Returns the records handled."""
    return _turn(state.gate[0], state.by_intent, state.by_order, state.ids, now_ns)

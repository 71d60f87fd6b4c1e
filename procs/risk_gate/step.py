"""risk_gate's step: reports first, then intents round robin, then, when there is time, the gate's own cancels.

Nothing leaves before its decision is in the journal, and a slot of `intents` is given back only after its answer is
published, so that a gate that dies anywhere finds each intent either undecided in the ring or decided in the journal.
An intent whose answer has no room (reject ring full; for cancels also journal or order ring full) stays in its ring.
"""

from procs.risk_gate.cancels import on_leaving, scan_orders, scan_scales
from procs.risk_gate.corrupt import watch_intent, watch_rings
from procs.risk_gate.orders import on_order
from procs.risk_gate.rows import HOLDING, HOLDING_BYTES, word_at
from procs.risk_gate.state import (
    INTENT_BATCH,
    SCAN_BATCH,
    SCAN_EVERY,
    SCAN_SCALES,
    book_of,
    case_of,
    desk_at,
    ring_at,
    table_at,
)
from procs.risk_gate.streams import limit_instrument, read_reports
from procs.risk_gate.utilisation import publish_exposure
from shm.atomics import load_acquire, record_at
from shm.codes import INTENT_CANCEL, INTENT_REDUCE, STATE_REDUCING
from shm.counters import GATE_BREAKS, GATE_INTENTS, GATE_OPEN_ORDERS
from shm.error_log import ERROR_GATE_FOREIGN_INTENT, ERROR_GATE_POSITION_BREAK
from shm.instance import count, gauge, note_error, record_span
from shm.jit import hot
from shm.latest import latest_read, latest_version
from shm.records.instance import INSTANCE
from shm.records.instance_end import INSTANCE_END
from shm.records.intent import INTENT
from shm.records.position import POSITION
from shm.ring import ring_advance, ring_peek, ring_release

HISTOGRAMS = ("order_sender->risk_gate", "strategy->risk_gate")
HOP_INTENTS = 1
INCARNATION_WORD = INSTANCE.fields["incarnation"][1]


# --- intents ---------------------------------------------------------------------------------------------------------


@hot
def _on_intent(gate, by_intent, by_order, ids, strategy_id, sequence, intent, now_ns):
    """Decide one intent. Returns 1, or 0 when it must stay in its ring."""
    case = case_of(gate)
    desk = desk_at(gate, strategy_id)
    case["cause_ring"] = gate["sessions"] + strategy_id
    case["cause_seq"] = sequence
    case["strategy"] = strategy_id
    case["incarnation"] = desk["incarnation"]
    kind = int(intent["kind"])
    if kind == INTENT_CANCEL or kind == INTENT_REDUCE:
        done = on_leaving(gate, by_intent, strategy_id, intent, now_ns)
    else:
        done = on_order(gate, by_intent, by_order, ids, strategy_id, intent, now_ns)
    if done == 0:
        return 0
    watch_intent(gate, strategy_id, sequence, intent)
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


# --- what the gate does by itself ------------------------------------------------------------------------------------


@hot
def compare_positions(gate):
    """Compare the next row of `positions` with ours, where both hold the same fills. Returns 1 for a break.

    position_keeper's row is comparable when its last report is not older than our last fill of the row and not newer
    than our last report of it: then both contain the same executions.
    """
    book = book_of(gate)
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
    limit_instrument(gate, row % book["instruments"], STATE_REDUCING)
    return 1


@hot
def _turn(gate, by_intent, by_order, by_match, ids, now_ns):
    work = 0
    for session in range(gate["sessions"]):
        work += read_reports(gate, by_intent, by_order, by_match, session)
    gate["turn"] += 1
    for place in range(gate["strategies"]):
        strategy_id = (gate["turn"] + place) % gate["strategies"]
        work += _read_intents(gate, by_intent, by_order, ids, strategy_id, now_ns)
    gate["steps"] += 1
    if work == 0 or gate["steps"] % SCAN_EVERY == 0:
        work += scan_orders(gate, now_ns, SCAN_BATCH)
        scan_scales(gate, SCAN_SCALES)
        compare_positions(gate)
        publish_exposure(gate, now_ns)
        watch_rings(gate)
        open_count = book_of(gate)["open_count"]
        gauge(record_at(gate["me_addr"], INSTANCE_END), GATE_OPEN_ORDERS, open_count)
    return work


@hot
def step(state, now_ns):
    """One duty cycle. Returns the records handled."""
    return _turn(state.gate[0], state.by_intent, state.by_order, state.by_match, state.ids, now_ns)

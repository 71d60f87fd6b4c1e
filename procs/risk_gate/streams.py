"""Streams: consume the reports of each order_sender, once and in order, and say when a stream is behind."""

from procs.risk_gate.corrupt import watch_report
from procs.risk_gate.fills import note_fill
from procs.risk_gate.reports import FOUND_IMPOSSIBLE, FOUND_OVERFILL, FOUND_UNKNOWN, apply_report
from procs.risk_gate.rows import word_at
from procs.risk_gate.state import CATCH_UP_EVERY_NS, REPORT_BATCH, book_of, ring_at, stream_at
from procs.risk_gate.venue_rejects import note_reject
from shm.atomics import record_at
from shm.codes import EXIT_CATCH_UP, STATE_HALTED
from shm.control import control_instrument_scope, control_set
from shm.counters import GATE_REPORTS, GATE_UNKNOWN_REPORTS
from shm.error_log import ERROR_GATE_IMPOSSIBLE_REPORT, ERROR_GATE_OVERFILL, ERROR_GATE_UNKNOWN_REPORT
from shm.failpoint import failpoint
from shm.failpoints import FP_GATE_REPORT_APPLIED
from shm.instance import count, note_error, record_span, stamp
from shm.jit import hot
from shm.records.control_end import CONTROL_END
from shm.records.instance_end import INSTANCE_END
from shm.records.report import REPORT
from shm.ring import ring_advance, ring_caught_up, ring_is_behind, ring_peek, ring_release

HOP_REPORTS = 0


@hot
def limit_instrument(gate, instrument_id, state):
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
        limit_instrument(gate, int(report["instrument_id"]), STATE_HALTED)
    if found & FOUND_IMPOSSIBLE:
        note_error(me, ERROR_GATE_IMPOSSIBLE_REPORT, report["report_seq"], int(report["kind"]))


@hot
def take_report(gate, by_intent, by_order, by_match, session, report):
    """Apply one report of a session's stream if it is the next. Returns 1 applied, 0 seen before, -1 after a gap."""
    stream = stream_at(gate, session)
    sequence = report["report_seq"]
    if sequence <= stream["applied_seq"]:
        return 0
    if sequence > stream["applied_seq"] + 1:
        return -1
    watch_report(gate, session, sequence, report)
    found = apply_report(book_of(gate), by_intent, by_order, by_match, report)
    note_fill(gate, report, 1)
    note_reject(gate, session, report, found, 1)
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
def read_reports(gate, by_intent, by_order, by_match, session):
    """Consume one session's ring up to REPORT_BATCH; says whether the stream is behind. Returns records consumed."""
    end = ring_at(gate["reports_addr"], session)
    me = record_at(gate["me_addr"], INSTANCE_END)
    stream = stream_at(gate, session)
    taken = 0
    gap = 0
    address = ring_peek(end)
    while address != 0 and taken < REPORT_BATCH:
        report = record_at(address, REPORT)
        result = take_report(gate, by_intent, by_order, by_match, session, report)
        failpoint(FP_GATE_REPORT_APPLIED)
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

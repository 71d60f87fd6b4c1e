"""Recover: read the journals, rebuild, and go on where the gate died; and catch up while it lives. Cold."""

from typing import NamedTuple

import numpy as np

from procs.risk_gate.gather import instrument_of, scale_of
from procs.risk_gate.limit_rows import limits_of
from procs.risk_gate.limits_again import limits_again
from procs.risk_gate.rebuild import INTENT_LOST, again, finish_last, resume_intents
from procs.risk_gate.state import State, parts_of
from procs.risk_gate.streams import take_report
from procs.runtime.fill import limit_rows
from shm.errors import Fatal
from shm.failpoints import FP_GATE_JOURNALS_READ, FP_GATE_REBUILT, reach
from shm.journal import JOURNAL_DECISION, JOURNAL_LIMITS, JOURNAL_REPORT
from shm.records.decision import DECISION
from shm.records.limit_change import LIMIT_CHANGE
from shm.records.report import REPORT
from shm.ring import ring_caught_up, ring_release

EARLIER_NS = 1 << 61  # more than any latency stamp


class RecoveryContradiction(Fatal):
    """Journal and rings tell different stories: nothing is decided until a person looked."""


class Entries(NamedTuple):
    """Entries of one kind as private arrays; the first `earlier` are of a life before a power loss."""

    records: np.ndarray
    stamps: np.ndarray
    next_seq: int
    earlier: int


def read_entries(reader, kind: int, dtype: np.dtype, from_seq: int) -> Entries:
    """Every entry of one kind in a journal from `from_seq` on.

    A latency clock may start again with the host: stamps of an earlier life are moved before those of this one.
    """
    records, stamps, earlier = [np.zeros(0, dtype)], [np.zeros(0, np.int64)], 0
    for chunk in reader.chunks(from_seq):
        from_seq += len(chunk)
        chunk = chunk[chunk["head"]["kind"] == kind]
        old = chunk["head"]["journal_seq"] <= reader.life_first_seq
        payload = np.ascontiguousarray(chunk["payload"][:, : dtype.itemsize])
        records.append(np.frombuffer(bytearray(payload.tobytes()), dtype))
        stamps.append(chunk["head"]["stamp_ns"] - EARLIER_NS * old)
        earlier += int(old.sum())
    return Entries(np.concatenate(records), np.concatenate(stamps), from_seq, earlier)


def _read_reports(wiring, state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(reports, stamps, sessions) of every order_sender's journal, merged by stamp; each stream keeps its order."""
    parts, stamps, sessions = [np.zeros(0, REPORT)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for session, sender in enumerate(sender_names(wiring)):
        reader = _reader(wiring, sender)
        reports = read_entries(reader, JOURNAL_REPORT, REPORT, 0)
        parts_of(state).streams[session]["journal_next"] = reports.next_seq
        parts.append(reports.records)
        stamps.append(reports.stamps)
        sessions.append(np.full(len(reports.records), session, np.int64))
    order = np.argsort(np.concatenate(stamps), kind="stable")
    return np.concatenate(parts)[order], np.concatenate(stamps)[order], np.concatenate(sessions)[order]


def sender_names(wiring) -> list[str]:
    """order_sender instances by session number."""
    return [instance.name for instance in wiring.config.topology.of_role("order_sender")]


def _reader(wiring, instance: str):
    """The journal reader of an instance, attached once: a gate that stays behind comes here every millisecond."""
    readers = wiring.__dict__.setdefault("readers", {})
    if instance not in readers:
        readers[instance] = wiring.journal_reader(instance)
    return readers[instance]


def recover(wiring, state: State) -> None:
    """Rebuild exposure, resume every input behind its highest cause, and publish the one answer that may be missing."""
    decisions = read_entries(_reader(wiring, wiring.instance), JOURNAL_DECISION, DECISION, 0)
    reports = _read_reports(wiring, state)
    changes = read_entries(_reader(wiring, wiring.instance), JOURNAL_LIMITS, LIMIT_CHANGE, 0)
    limits_again(state, limit_rows(wiring.config), changes.records)
    reach(FP_GATE_JOURNALS_READ)
    rebuild(state, decisions.records, decisions.stamps, *reports, decisions.earlier)


def rebuild(state: State, decisions, stamps, reports, report_stamps, sessions, earlier: int = 0) -> None:
    """`recover` on arrays: what the journals hold is known, the rings are attached.

    The first `earlier` decisions were made before a power loss: their rings are gone with their strategies, so what is
    open of them is cancelled as nobody's.
    """
    decisions["incarnation"][:earlier] = -1
    gate = state.gate[0]
    for instrument_id in range(gate["instruments"]):
        instrument_of(gate, instrument_id)
    for row in range(gate["instruments"] + gate["strategies"] + 2):  # strategies, the house, the firm
        limits_of(gate, row, int(decisions["now_ns"][-1]) if len(decisions) else 0)
    for instrument_id in range(gate["instruments"]):
        scale_of(gate, instrument_id)
    again(state, decisions, stamps, reports, report_stamps, sessions)
    reach(FP_GATE_REBUILT)
    this_life = decisions[earlier:]
    if len(this_life):
        _finish(state, decisions)
    for strategy_id in range(gate["strategies"]):
        mine = this_life["cause_seq"][this_life["cause_ring"] == gate["sessions"] + strategy_id]
        resume_intents(state, strategy_id, int(mine.max()) + 1 if len(mine) else 0)
        ring_release(parts_of(state).ends["intents"][strategy_id])


def _finish(state: State, decisions: np.ndarray) -> None:
    last = decisions[-1]
    made = np.flatnonzero((decisions["intent_id"] == last["target_intent_id"]) & (decisions["order_id"] > 0))
    target_order_id = int(decisions["order_id"][made[-1]]) if len(made) else 0
    if finish_last(state, decisions[len(decisions) - 1], target_order_id) == INTENT_LOST:
        raise RecoveryContradiction(
            where=f"intents ring {int(last['cause_ring'])}, sequence {int(last['cause_seq'])}",
            expected=f"intent {int(last['intent_id'])}, which the journal says was answered last",
            found="another record, or no room for its answer",
            do="keep the journal and the memory for a person; start a new epoch",
        )


def catch_up(wiring, state: State) -> None:
    """Apply the reports that a ring left out, from the journals of the streams behind. The hot loop is not running."""
    for session, sender in enumerate(sender_names(wiring)):
        stream = parts_of(state).streams[session]
        if stream["behind"] == 0:
            continue
        reader = _reader(wiring, sender)
        reports = read_entries(reader, JOURNAL_REPORT, REPORT, int(stream["journal_next"]))
        stream["journal_next"] = reports.next_seq
        apply_all(state, session, reports.records)


def apply_all(state: State, session: int, reports: np.ndarray) -> None:
    """Apply those of `reports` that come next in the stream, and tell order_sender how far we are."""
    for row in range(len(reports)):
        take_report(state.gate[0], state.by_intent, state.by_order, state.by_match, session, reports[row])
    parts = parts_of(state)
    ring_caught_up(parts.ends["reports"][session], int(parts.streams[session]["applied_seq"]))

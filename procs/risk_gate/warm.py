"""Warm-up: drive step and the parts of recovery through their branches on a scratch state, so that all is compiled."""

import numpy as np

from procs.risk_gate.gather import instrument_of, scale_of
from procs.risk_gate.limit_rows import limits_of
from procs.risk_gate.rebuild import again, finish_last, resume_intents
from procs.risk_gate.recover import apply_all
from procs.risk_gate.state import State, parts_of
from procs.risk_gate.step import step
from shm.atomics import record_at
from shm.codes import (
    CHANNEL_FRESH,
    INTENT_CANCEL,
    INTENT_NEW,
    INTENT_REDUCE,
    INTENT_REPLACE,
    PASS,
    REPORT_ACCEPTED,
    REPORT_EXECUTED,
    SIDE_BUY,
    TIF_DAY,
    TRADING_OPEN,
)
from shm.journal import journal_drain
from shm.latest import latest_claim, latest_publish
from shm.records.channel import CHANNEL
from shm.records.decision import DECISION
from shm.records.intent import INTENT
from shm.records.report import REPORT
from shm.records.top import TOP
from shm.ring import ring_claim, ring_publish, ring_release

NOW_NS = 1_000_000_000
view_at = getattr(record_at, "twin", record_at)  # interpreted code cannot call the intrinsic itself


def warm_up(state: State) -> None:
    """Run step with every kind of intent and report, then the replay of both, on private memory."""
    _open_market(state)
    ends = parts_of(state).ends
    source, reports = ends["intents"].copy(), ends["reports"].copy()  # the producers' side of the same memory
    for intent_id, target, kind in (
        (1, 0, INTENT_NEW),
        (2, 1, INTENT_REPLACE),
        (3, 2, INTENT_REDUCE),
        (3, 2, INTENT_CANCEL),
        (4, 9, INTENT_CANCEL),
        (4, 0, INTENT_NEW),
    ):
        intent = view_at(ring_claim(source[0], 0), INTENT)
        _fill_intent(state, intent, intent_id, target, kind)
        ring_publish(source[0])
    step(state, NOW_NS)
    for sequence, kind in ((1, REPORT_ACCEPTED), (2, REPORT_EXECUTED)):
        report = view_at(ring_claim(reports[0], 0), REPORT)
        _fill_report(report, sequence, kind)
        ring_publish(reports[0])
        step(state, NOW_NS)
    step(state, NOW_NS)
    decisions, made = np.zeros(1, DECISION), np.zeros(1, REPORT)
    decisions[0]["code"] = PASS
    _fill_report(made[0], 3, REPORT_ACCEPTED)
    apply_all(state, 0, made)
    finish_last(state, decisions[0], 0)
    nothing = np.zeros(0, np.int64)
    again(state, decisions[:0], nothing, made[:0], nothing, nothing)
    resume_intents(state, 0, 0)
    ring_release(ends["intents"][0])
    limits_of(state.gate[0], 0, NOW_NS)
    instrument_of(state.gate[0], 0)
    scale_of(state.gate[0], 0)
    journal_drain(ends["journal"][0])
    state.exit_request[0] = 0


def _open_market(state: State) -> None:
    tops, channels = (parts_of(state).ends[name][0] for name in ("tops", "channels"))
    for row in range(state.gate[0]["instruments"]):
        top = view_at(latest_claim(tops, row), TOP)
        top["bid_price_ticks"], top["ask_price_ticks"] = 1000, 1002
        top["changed_ns"], top["trading_state"] = NOW_NS, TRADING_OPEN
        latest_publish(tops, row)
    channel = view_at(latest_claim(channels, 0), CHANNEL)
    channel["state"], channel["heard_ns"] = CHANNEL_FRESH, NOW_NS
    latest_publish(channels, 0)


def _fill_intent(state: State, intent, intent_id: int, target: int, kind: int) -> None:
    instrument = int(np.argmax(parts_of(state).allowed[0]))
    intent["intent_id"], intent["target_intent_id"], intent["kind"] = intent_id, target, kind
    intent["instrument_id"], intent["side"], intent["tif"] = instrument, SIDE_BUY, TIF_DAY
    intent["price_ticks"], intent["qty_lots"], intent["expires_ns"] = 1000, 1, NOW_NS


def _fill_report(report, sequence: int, kind: int) -> None:
    report["report_seq"], report["kind"], report["side"], report["order_id"] = sequence, kind, SIDE_BUY, 1
    report["qty_lots"], report["leaves_lots"] = 1, 1

"""Warm-up: a tick, an acceptance, a reject, a fill, a stale channel and a missed report, on scratch rings."""

import numpy as np

from procs.strategy.act import act
from procs.strategy.look import look, sample_position
from procs.strategy.slot import SLOTS
from procs.strategy.step import apply_reports, gather, settle, touch_all
from shm.atomics import record_view
from shm.codes import (
    REJECT_RATE,
    REPORT_ACCEPTED,
    REPORT_EXECUTED,
    SIDE_BUY,
    TICK_ADD,
    TICK_FRESH,
    TICK_STALE,
    TRADING_OPEN,
)
from shm.latest import latest_claim, latest_publish
from shm.records.depth import DEPTH
from shm.records.position import POSITION
from shm.records.reject import REJECT
from shm.records.report import REPORT
from shm.records.tick import TICK, TICK_FLAG_LAST
from shm.ring import ring_caught_up, ring_claim, ring_publish, ring_resume_producer


def put(end: np.ndarray, dtype: np.dtype, **fields) -> None:
    """Publish one record into the scratch ring whose consumer's end is `end`, an array of one."""
    producer = end.copy()
    ring_resume_producer(producer[0])
    record = record_view(ring_claim(producer[0], 0), dtype)
    for name, value in fields.items():
        record[name] = value
    ring_publish(producer[0])


def put_depth(table: np.ndarray, row: int, bid: int, ask: int, lots: int) -> None:
    """Publish a one-level depth of an open instrument."""
    depth = record_view(latest_claim(table[0], row), DEPTH)
    for side, price in (("bid", bid), ("ask", ask)):
        depth[f"{side}_price_ticks"][0] = price
        depth[f"{side}_qty_lots"][0] = lots
    depth["trading_state"] = TRADING_OPEN
    latest_publish(table[0], row)


def warm_up(state) -> None:
    """Run gather, look, act and settle through their branches; the model's answer is written by hand."""
    row = int(np.argmax(state.rules["in_universe"]))
    tick = {"instrument_id": row, "trading_state": TRADING_OPEN, "recv_stamp_ns": 1, "flags": TICK_FLAG_LAST}
    about = {"instrument_id": row, "side": SIDE_BUY, "strategy_id": int(state.desk[0]["strategy_id"])}
    record_view(latest_claim(state.positions[0], row), POSITION)["reports_seq"] = 0
    latest_publish(state.positions[0], row)
    sample_position(state, row)
    touch_all(state)
    put_depth(state.depth, row, 1_000_000, 1_020_000, 1_000)
    put(state.ticks[:1], TICK, kind=TICK_FRESH, **tick)
    put(state.ticks[:1], TICK, kind=TICK_ADD, **tick)
    _turn(state, row, 1, 1_000_000)
    bid = state.slots[row * 2 * SLOTS]
    report = {"price_ticks": 1_000_000, "leaves_lots": 100, "intent_id": int(bid["pending_id"]), **about}
    put(state.reports[:1], REPORT, kind=REPORT_ACCEPTED, report_seq=1, **report)
    _turn(state, row, 2, 1_010_000)
    put(state.rejects[:1], REJECT, code=REJECT_RATE, intent_id=int(bid["pending_id"]), **about)
    report["leaves_lots"] = 0
    put(state.reports[:1], REPORT, kind=REPORT_EXECUTED, qty_lots=100, report_seq=2, **report)
    _turn(state, row, 3, 1_010_000)
    put(state.ticks[:1], TICK, kind=TICK_STALE, **tick)
    _turn(state, row, 4, 1_010_000)
    apply_reports(state, 0, np.zeros(1, REPORT), np.full(1, 4))
    ring_caught_up(state.reports[0], 0)


def _turn(state, row: int, now_ns: int, bid_price: int) -> None:
    gather(state, now_ns)
    if look(state, row, now_ns):
        out = state.outs[row]
        out["bid_price_ticks"] = bid_price
        out["bid_qty_lots"] = 100
    act(state, row, now_ns)
    settle(state)

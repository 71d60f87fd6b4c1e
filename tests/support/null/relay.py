"""Null roles: five roles that only relay a frame from end to end, to test the runtime without any of the real ones.

A frame enters at feed_handler, becomes a tick, an intent, an order, and three reports; position_keeper counts it in
`positions` row 0 and checks that the number that it carries grew by one. feed_handler lets one frame through at a time,
so that a hop's latency is not the length of a queue.
"""

from typing import NamedTuple

import numpy as np

from procs.runtime.role import Role
from shm.atomics import record_at
from shm.error_log import ERROR_REPORT_VALUE
from shm.instance import note_error, record_span, stamp
from shm.jit import hot
from shm.latest import latest_claim, latest_current, latest_publish
from shm.records.intent import INTENT
from shm.records.order import ORDER
from shm.records.position import POSITION
from shm.records.report import REPORT
from shm.records.ring_end import RING_END
from shm.records.tick import TICK
from shm.ring import ring_advance, ring_claim, ring_peek, ring_publish, ring_release

BATCH_MAX = 64


class NullState(NamedTuple):
    """`ends_in` and `ends_out` in the order that the role's step expects; `words` [0] frames, [1] last logic time."""

    me: np.ndarray
    exit_request: np.ndarray
    ends_in: np.ndarray
    ends_out: np.ndarray
    table: np.ndarray
    words: np.ndarray


def opener(inputs: tuple[str, ...], outputs: tuple[str, ...], table: str = "tops"):
    """`open_` of a null role that reads and writes rings of these nouns."""

    def open_(wiring) -> NullState:
        none = np.zeros(0, RING_END)
        ends_in = [wiring.rings_in(noun) for noun in inputs] or [none]
        ends_out = [wiring.rings_out(noun) for noun in outputs] or [none]
        return NullState(
            wiring.me(),
            np.zeros(1, np.int64),
            np.concatenate(ends_in),
            np.concatenate(ends_out),
            wiring.table(table),
            np.zeros(2, np.int64),
        )

    return open_


@hot
def swallow(end):
    """Read and free everything in a ring; returns how much."""
    work = 0
    while work < BATCH_MAX and ring_peek(end) != 0:
        ring_advance(end)
        work += 1
    ring_release(end)
    return work


@hot
def step_feed(state, now_ns):
    """One frame, a tick, when the ring is empty and logic time has moved."""
    end = state.ends_out[0]
    if now_ns == state.words[1]:
        return 0
    address = ring_claim(end, end["capacity"] - 1)
    if address == 0:
        return 0
    state.words[1] = now_ns
    tick = record_at(address, TICK)
    tick["venue_seq"] = state.words[0]
    tick["recv_stamp_ns"] = stamp(state.me[0])
    tick["publish_stamp_ns"] = stamp(state.me[0])
    ring_publish(end)
    state.words[0] += 1
    return 1


@hot
def step_strategy(state, now_ns):
    """ticks -> intents; reports and rejects are swallowed."""
    work = swallow(state.ends_in[1]) + swallow(state.ends_in[2])
    address = ring_peek(state.ends_in[0])
    target = ring_claim(state.ends_out[0], 0)
    if address == 0 or target == 0:
        return work
    tick, intent = record_at(address, TICK), record_at(target, INTENT)
    record_span(state.me[0], 0, stamp(state.me[0]) - tick["publish_stamp_ns"])
    intent["intent_id"] = tick["venue_seq"]
    intent["recv_stamp_ns"] = tick["recv_stamp_ns"]
    intent["decide_stamp_ns"] = stamp(state.me[0])
    ring_publish(state.ends_out[0])
    ring_advance(state.ends_in[0])
    ring_release(state.ends_in[0])
    return work + 1


@hot
def step_gate(state, now_ns):
    """intents -> orders; reports are swallowed."""
    work = swallow(state.ends_in[1])
    address = ring_peek(state.ends_in[0])
    target = ring_claim(state.ends_out[0], 0)
    if address == 0 or target == 0:
        return work
    intent, order = record_at(address, INTENT), record_at(target, ORDER)
    record_span(state.me[0], 0, stamp(state.me[0]) - intent["decide_stamp_ns"])
    order["order_id"] = intent["intent_id"]
    order["recv_stamp_ns"] = intent["recv_stamp_ns"]
    order["publish_stamp_ns"] = stamp(state.me[0])
    ring_publish(state.ends_out[0])
    ring_advance(state.ends_in[0])
    ring_release(state.ends_in[0])
    return work + 1


@hot
def step_sender(state, now_ns):
    """orders -> reports on every ring; waits until each has room."""
    address = ring_peek(state.ends_in[0])
    if address == 0:
        return 0
    for row in range(state.ends_out.shape[0]):
        if ring_claim(state.ends_out[row], 0) == 0:
            return 0
    order = record_at(address, ORDER)
    at_ns = stamp(state.me[0])
    record_span(state.me[0], 0, at_ns - order["publish_stamp_ns"])
    record_span(state.me[0], 1, at_ns - order["recv_stamp_ns"])
    for row in range(state.ends_out.shape[0]):
        report = record_at(ring_claim(state.ends_out[row], 0), REPORT)
        report["report_seq"] = order["order_id"] + 1
        report["publish_stamp_ns"] = stamp(state.me[0])
        ring_publish(state.ends_out[row])
    ring_advance(state.ends_in[0])
    ring_release(state.ends_in[0])
    return 1


@hot
def step_keeper(state, now_ns):
    """reports -> row 0 of `positions`: fills counts them, reports_seq is the last; a hole is an error."""
    work = 0
    while work < BATCH_MAX:
        address = ring_peek(state.ends_in[0])
        if address == 0:
            break
        report = record_at(address, REPORT)
        record_span(state.me[0], 0, stamp(state.me[0]) - report["publish_stamp_ns"])
        held = latest_current(state.table[0], 0)
        before = record_at(held, POSITION)["fills"] if held != 0 else 0
        if report["report_seq"] != before + 1:
            note_error(state.me[0], ERROR_REPORT_VALUE, report["report_seq"], before)
        row = record_at(latest_claim(state.table[0], 0), POSITION)
        row["fills"] = before + 1
        row["reports_seq"] = report["report_seq"]
        row["now_ns"] = now_ns
        latest_publish(state.table[0], 0)
        ring_advance(state.ends_in[0])
        work += 1
    ring_release(state.ends_in[0])
    return work


def null_role(name: str) -> Role:
    """The null role that stands in for `name`."""
    inputs, outputs, table, step, labels = {
        "feed_handler": ((), ("ticks",), "tops", "step_feed", ()),
        "strategy": (
            ("ticks", "reports", "rejects"),
            ("intents",),
            "tops",
            "step_strategy",
            ("feed_handler->strategy",),
        ),
        "risk_gate": (("intents", "reports"), ("orders", "rejects"), "tops", "step_gate", ("strategy->risk_gate",)),
        "order_sender": (
            ("orders",),
            ("reports",),
            "tops",
            "step_sender",
            ("risk_gate->order_sender", "tick_to_order"),
        ),
        "position_keeper": (("reports",), (), "positions", "step_keeper", ("order_sender->position_keeper",)),
    }[name]
    return Role(
        name=name,
        open_=opener(inputs, outputs, table),
        step=f"tests.support.null.relay:{step}",
        histograms=labels,
    )

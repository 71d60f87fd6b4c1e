"""How long does the strategy step take from a tick in its ring to the intents in the next ring?

```
feed ──► depth row, tick ring ──► [ gather ► look: newest book, signals ► glft.quote ► act ] ──► intent ring ──► answer
                                    └─────────────── one step, timed ──────────────────┘
answer ──► a report for each intent ──► another step, not timed
```

A whole strategy instance on scratch memory, with GLFT, as generated for the role. Each tick finds the book two quoting
steps away, so that every timed step publishes two replaces as one decision; every fourth tick is a trade. The number of
intents is verified. A step journals what it saw, as it does in the machine; the journal is emptied outside the
timing. Each step is timed by itself, less the median span of an empty pair of readings of the cycle counter. The
reference takes the same tick, copies the same depth row, writes two intents word by word and publishes them, in
rounds that alternate.

One process: it does not show the tick and the book arriving from another core's cache (a hop each, ring_hop says how
much), nor several instruments that compete for one step.
"""

from typing import NamedTuple

import numpy as np
from msgspec import structs

from bench.pair import pinned, this_core
from bench.result import Result
from bench.timing import empty_pair, ns_per_cycle, to_picoseconds
from config.load import load
from config.strategies import StrategyConfig
from procs.runtime.loop import import_module, write_module
from procs.strategy.generate import generate_strategy_module
from procs.strategy.state import StrategyState, state_of
from shm.atomics import copy_bytes, record_at, record_view
from shm.codes import (
    INTENT_NEW,
    REPORT_ACCEPTED,
    REPORT_REPLACED,
    SIDE_BUY,
    TICK_ADD,
    TICK_EXECUTE,
    TRADING_OPEN,
)
from shm.instance import stamp
from shm.jit import hot
from shm.latest import latest_claim, latest_publish, latest_read
from shm.records.depth import DEPTH, DEPTH_LEVELS
from shm.records.intent import INTENT
from shm.records.live_params import LIVE_PARAMS
from shm.records.position import POSITION
from shm.records.quote import QUOTE
from shm.records.reject import REJECT
from shm.records.report import REPORT
from shm.records.request import REQUEST, REQUEST_STATE, REQUESTERS
from shm.records.tick import TICK, TICK_FLAG_LAST
from shm.ring import (
    ring_advance,
    ring_claim,
    ring_claim_part,
    ring_peek,
    ring_publish,
    ring_publish_parts,
    ring_release,
)
from shm.scratch import scratch_control, scratch_ids, scratch_journal, scratch_me, scratch_ring, scratch_table

QUESTION = "How long does a strategy step take from a tick in its ring to the intents in the next ring?"
P50_NS_MAX, P99_NS_MAX = 1_000, 3_000
ROUNDS, STEPS, SMOKE_STEPS = 10, 20_000, 500
MID, TICK_TICKS, LOTS = 1_000_000, 100, 300
QUOTES_KEPT = 1024  # entries of the journal: emptied behind every step
INTENT_WORDS = INTENT.itemsize // 8
START_NS, APART_NS = 1_000_000_000, 10_000_000  # logic time between ticks: the message budget is never spent
STANDING = {"half_spread_steps_min": 4.0, "half_spread_steps_max": 4.0, "jump_sigmas": 0.0}  # both quotes move always

TEXT = '''

from bench.strategy_step import APART_NS, answer, bare_step, drain, feed
from shm.atomics import cycles
from shm.journal import journal_drain


@hot
def time_steps(state, far, first_ns, spans):
    """Spans in cycles of the steps that a tick causes. Returns the number of intents they published."""
    intents = 0
    for row in range(spans.shape[0]):
        now_ns = first_ns + row * APART_NS
        feed(state, far, row)
        begun = cycles()
        step(state, now_ns)
        spans[row] = cycles() - begun
        intents += answer(far)
        step(state, now_ns)
        journal_drain(state.journal[0])
    return intents


@hot
def time_bare(state, far, spans):
    """The same ticks through a step that only moves bytes. Returns the number of intents published."""
    intents = 0
    for row in range(spans.shape[0]):
        feed(state, far, row)
        begun = cycles()
        bare_step(state)
        spans[row] = cycles() - begun
        intents += drain(far)
    return intents
'''


class Far(NamedTuple):
    """The far side of every ring and table of the strategy."""

    ticks: np.ndarray  # RING_END[1], producer
    reports: np.ndarray  # RING_END[1], producer
    intents: np.ndarray  # RING_END[1], consumer
    depth: np.ndarray  # TABLE_END[1]
    report_seq: np.ndarray  # int64[1]


@hot
def feed(state, far, number):
    """Publish the book, two quoting steps away from the last, and its tick."""
    mid = MID + 2 * TICK_TICKS * (number % 2)
    depth = record_at(latest_claim(far.depth[0], 0), DEPTH)
    for level in range(DEPTH_LEVELS):
        depth["bid_price_ticks"][level] = mid - (level + 1) * TICK_TICKS
        depth["ask_price_ticks"][level] = mid + (level + 1) * TICK_TICKS
        depth["bid_qty_lots"][level] = LOTS
        depth["ask_qty_lots"][level] = LOTS
    depth["trading_state"] = TRADING_OPEN
    latest_publish(far.depth[0], 0)
    tick = record_at(ring_claim(far.ticks[0], 0), TICK)
    tick["instrument_id"] = 0
    tick["kind"] = TICK_EXECUTE if number % 4 == 0 else TICK_ADD
    tick["side"] = SIDE_BUY + number // 4 % 2
    tick["price_ticks"] = mid
    tick["qty_lots"] = 10
    tick["flags"] = TICK_FLAG_LAST
    tick["recv_stamp_ns"] = 1
    tick["publish_stamp_ns"] = stamp(state.me[0])
    ring_publish(far.ticks[0])


@hot
def answer(far):
    """Report every published intent as accepted or replaced. Returns how many there were."""
    taken = 0
    address = ring_peek(far.intents[0])
    while address != 0:
        intent = record_at(address, INTENT)
        far.report_seq[0] += 1
        report = record_at(ring_claim(far.reports[0], 0), REPORT)
        report["kind"] = REPORT_ACCEPTED if intent["kind"] == INTENT_NEW else REPORT_REPLACED
        report["report_seq"] = far.report_seq[0]
        report["intent_id"] = intent["intent_id"]
        report["old_intent_id"] = intent["target_intent_id"]
        report["instrument_id"] = 0
        report["strategy_id"] = 0
        report["side"] = intent["side"]
        report["price_ticks"] = intent["price_ticks"]
        report["leaves_lots"] = intent["qty_lots"]
        ring_publish(far.reports[0])
        ring_advance(far.intents[0])
        taken += 1
        address = ring_peek(far.intents[0])
    ring_release(far.intents[0])
    return taken


@hot
def drain(far):
    """Take every published intent. Returns how many there were."""
    taken = 0
    while ring_peek(far.intents[0]) != 0:
        ring_advance(far.intents[0])
        taken += 1
    ring_release(far.intents[0])
    return taken


@hot
def bare_step(state):
    """One tick in, one copy of the book, two intents of whatever lies there out."""
    end = state.ticks[0]
    ring_peek(end)
    ring_advance(end)
    ring_release(end)
    latest_read(state.depth[0], 0, state.desk[0]["depth_addr"])
    for part in range(2):
        address = ring_claim_part(state.intents[0], part, 0)
        for word in range(1, INTENT_WORDS):
            copy_bytes(address + 8 * word, state.desk[0]["position_addr"], 8)
    ring_publish_parts(state.intents[0], 2)


def new_desk() -> tuple[StrategyState, Far]:
    """A strategy with GLFT on one instrument, fresh and flat, and the far side of its rings."""
    config = load()
    chosen = StrategyConfig(module="glft", universe=(config.instruments[0].symbol,), params=STANDING)
    config = structs.replace(config, strategies={"strategy": chosen})
    tick_in, ticks = scratch_ring(TICK, 1024)
    report_in, reports = scratch_ring(REPORT, 256)
    intents, intent_out = scratch_ring(INTENT, 256)
    depth, positions = scratch_table(DEPTH, len(config.instruments)), scratch_table(POSITION, len(config.instruments))
    params = scratch_table(LIVE_PARAMS, len(config.instruments) + 1)
    state = state_of(
        me=scratch_me(),
        rings={"rejects": scratch_ring(REJECT, 64)[1], "reports": reports, "ticks": ticks, "intents": intents},
        tables={
            "depth": depth,
            "positions": positions,
            "params": params,
            "requests": scratch_table(REQUEST, REQUESTERS),
            "request_states": scratch_table(REQUEST_STATE, REQUESTERS),
        },
        control=scratch_control(1, 1, len(config.instruments)),
        journal=scratch_journal(QUOTE.itemsize, QUOTES_KEPT),
        ids=scratch_ids(count=1 << 40),
        strategy_id=0,
        headroom=64,
        config=config,
        instance="strategy",
    )
    record_view(latest_claim(positions[0], 0), POSITION)["reports_seq"] = 0
    latest_publish(positions[0], 0)
    state.marks["fresh"] = 1
    return state, Far(tick_in, report_in, intent_out, depth, np.zeros(1, np.int64))


@pinned()
def run(smoke: bool) -> list[Result]:
    """GLFT, one instrument."""
    module = import_module(write_module(generate_strategy_module("glft") + TEXT))
    (state, far), (bare_state, bare_far) = new_desk(), new_desk()
    steps, rounds = (SMOKE_STEPS, 2) if smoke else (STEPS, ROUNDS)
    spans, bare = [], []
    for turn in range(rounds + 1):  # the first compiles and warms up
        spans.append(np.zeros(steps, np.int64))
        first_ns = START_NS + turn * steps * APART_NS
        bare.append(np.zeros(steps, np.int64))
        found = (
            module.time_steps(state, far, first_ns, spans[-1]),
            module.time_bare(bare_state, bare_far, bare[-1]),
        )
        if found != (2 * steps, 2 * steps):
            raise RuntimeError(f"strategy_step: expected {2 * steps} intents of each, found {found}")
    cycle_ns, pair = ns_per_cycle(), empty_pair()
    samples, reference = (
        to_picoseconds(np.maximum(np.concatenate(part[1:]) - pair, 0), 1, cycle_ns) for part in (spans, bare)
    )
    by_round = sorted((float(np.median(part)) - pair) * cycle_ns for part in spans[1:])
    return [
        Result(
            name="strategy_step",
            question=QUESTION,
            unit="ns",
            samples=samples,
            value=None,
            reference=float(np.median(reference)) / 1000,
            reference_is="taking the tick, copying the book and writing and publishing two intents, alternating rounds",
            goal=f"p50 at most {P50_NS_MAX:,} ns, p99 at most {P99_NS_MAX:,} ns",
            limit_p50=P50_NS_MAX,
            limit_p99=P99_NS_MAX,
            notes=(
                f"core {this_core()}; GLFT, one instrument, two replaces a step; {rounds} rounds of {steps:,} steps",
                f"p50 by round: {by_round[0]:.0f} to {by_round[-1]:.0f} ns",
                f"an empty pair of readings of the counter, taken off: {pair * cycle_ns:.1f} ns",
            ),
            scale=1000,
        )
    ]

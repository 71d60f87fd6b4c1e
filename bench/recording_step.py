"""What does it cost a step to be recorded?

```
ring in (128 B) ──► copy, log ──► step: read, answer ──► ring out (128 B) ──► log ──► bytes for the writer      recorded
ring in (128 B) ───────────────► step: read, answer ──► ring out (128 B)                                    not recorded
```

A relay step takes one record and publishes one, over the tables and words that a strategy of the development profile
reads: 40 rows in six tables and 220 words of control. Blocks of steps are timed with the recording loop's calls and
without, in turns. The log is emptied between blocks, so the writer thread costs nothing here; its bytes are in the
notes. It does not show what the writer takes of a shared core.
"""

import ctypes

import numpy as np

from bench.pair import pinned, this_core
from bench.result import Result
from bench.timing import ns_per_cycle, to_picoseconds
from procs.runtime.recorder import LOG_HEAD, LOG_TAIL, Recorder
from shm.atomics import address_of, cycles, record_at
from shm.jit import hot
from shm.recording import keep_stamps, keep_step, recording_due, take_inputs
from shm.records.clock_page import CLOCK_PAGE
from shm.records.tick import TICK
from shm.records.top import TOP
from shm.ring import ring_advance, ring_claim, ring_peek, ring_publish, ring_release
from shm.scratch import scratch_block, scratch_clock, scratch_ring, scratch_table

QUESTION = "What does it cost a step to be recorded?"
CAPACITY = 1024
TABLES, ROWS, WORDS = 6, 7, 220
ROUNDS = 10
NS_MAX = 500


@hot
def _relay(inward, outward):
    address, target = ring_peek(inward), ring_claim(outward, 0)
    if address == 0 or target == 0:
        return 0
    record_at(target, TICK)["venue_seq"] = record_at(address, TICK)["venue_seq"] + 1
    ring_publish(outward)
    ring_advance(inward)
    ring_release(inward)
    return 1


@hot
def _feed(producer, seq):
    address = ring_claim(producer, 0)
    if address != 0:
        record_at(address, TICK)["venue_seq"] = seq
        ring_publish(producer)


@hot
def _drain(consumer):
    while ring_peek(consumer) != 0:
        ring_advance(consumer)
    ring_release(consumer)


@hot
def time_plain(ends, spans):
    """Steps that find a record, in cycles each. `ends`: producer and consumer of the input, then of the output."""
    for row in range(spans.shape[0]):
        _feed(ends[0], row)
        begun = cycles()
        _relay(ends[1], ends[2])
        spans[row] = cycles() - begun
        _drain(ends[3])


@hot
def time_recorded(ends, recorder, spans, idle_spans):
    """The same with the recording loop's calls; and looks that find nothing."""
    r = recorder[0]
    for row in range(spans.shape[0]):
        _feed(ends[0], row)
        begun = cycles()
        if recording_due(r, 1) != 0:
            take_inputs(r, 1, 1, 0)
            work = _relay(ends[1], ends[2])
            keep_stamps(r)
            keep_step(r, work)
        spans[row] = cycles() - begun
        r["last_work"] = 0
        begun = cycles()
        recording_due(r, 1)
        idle_spans[row] = cycles() - begun
        _drain(ends[3])


def _recorded_ends() -> tuple[Recorder, np.ndarray]:
    recorder = Recorder()
    producer, consumer = scratch_ring(TICK, CAPACITY)
    out, reader = scratch_ring(TICK, CAPACITY)
    mirror = scratch_block(CAPACITY * TICK.itemsize)
    recorder.add_ring_in(int(consumer[0]["slots_addr"]), address_of(mirror), consumer[0])
    consumer["slots_addr"] = consumer["next_addr"] = address_of(mirror)
    for _ in range(TABLES):
        table = scratch_table(TOP, ROWS)
        own = table.copy()
        own["rows_addr"] = address_of(scratch_block(int(table[0]["stride"]) * ROWS))
        recorder.add_table_in(int(table[0]["rows_addr"]), own[0])
    recorder.add_block(address_of(scratch_block(WORDS * 8)), address_of(scratch_block(WORDS * 8)), WORDS)
    recorder.add_ring_out("out", TICK, out[0])
    page = (ctypes.c_char * CLOCK_PAGE.itemsize).from_address(scratch_clock())
    recorder.clock(np.frombuffer(page, CLOCK_PAGE))
    return recorder, np.concatenate([producer, consumer, out, reader])


def _plain_ends() -> np.ndarray:
    return np.concatenate([*scratch_ring(TICK, CAPACITY), *scratch_ring(TICK, CAPACITY)])


@pinned()
def run(smoke: bool) -> list[Result]:
    """Rounds of recorded and of plain steps in turns."""
    rounds, steps = (2, 500) if smoke else (ROUNDS, 10_000)
    (recorder, ends), plain_ends = _recorded_ends(), _plain_ends()
    recorded, plain, idle, entry_bytes = [], [], [], 0
    for _ in range(rounds + 1):  # the first compiles and warms up
        for spans in (recorded, plain, idle):
            spans.append(np.zeros(steps, np.int64))
        time_recorded(ends, recorder.row, recorded[-1], idle[-1])
        time_plain(plain_ends, plain[-1])
        entry_bytes = (int(recorder.words[LOG_TAIL]) - int(recorder.words[LOG_HEAD])) // steps
        recorder.words[LOG_HEAD] = recorder.words[LOG_TAIL]
    if int(recorder.r["entries"]) != (rounds + 1) * steps or recorder.r["ended"]:
        raise RuntimeError(f"recording_step: expected {(rounds + 1) * steps} entries, found {recorder.r['entries']}")
    cycle_ns = ns_per_cycle()
    reference, looks = (np.concatenate(spans[1:]) * cycle_ns for spans in (plain, idle))
    return [
        Result(
            name="recording_step",
            question=QUESTION,
            unit="ns",
            samples=to_picoseconds(np.concatenate(recorded[1:]), 1, cycle_ns),
            value=None,
            reference=float(np.median(reference)),
            reference_is="the same step without recording, alternating rounds",
            goal=f"p50 at most {NS_MAX} ns",
            limit_p50=NS_MAX,
            notes=(
                f"core {this_core()}; {entry_bytes} bytes an entry; a look in vain {np.median(looks):.0f} ns",
                f"{rounds} rounds of {steps} steps, each with two readings of the cycle counter",
            ),
            scale=1000,
        )
    ]

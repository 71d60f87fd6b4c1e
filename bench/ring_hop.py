"""How long does a record take from one process to another?

```
core A  ── ring (64-byte records) ──►  core B          core A ── one cache line ──► core B
core A  ◄── ring ────────────────────  core B          core A ◄── one cache line ── core B
        the ring: round trip / 2                        the raw machine: round trip / 2
```

Both sides write all seven payload words and read all of them; the sums are checked. Rounds of the ring and of the raw
ping-pong alternate on the same two cores in the same two processes, a few hundred microseconds each, so that both see
the same machine and the same neighbours. A line's latency depends on where in the last-level cache its address lives
(146 to 167 ns seen for single lines): the raw ping-pong takes another line every round, from as many as the ring has.
It does not show a hop under load, nor with yielding neighbours.
"""

import os

import numpy as np

from bench.pair import SharedBlock, attach_block, run_beside, two_cores
from bench.result import Result
from bench.timing import ns_per_cycle, to_picoseconds
from shm.atomics import cycles, load_acquire, record_at, store_release
from shm.ends import ring_end_at
from shm.jit import hot
from shm.ring import ring_advance, ring_claim, ring_peek, ring_publish, ring_release

QUESTION = "How long does a 64-byte record take from one process to another, and how near is that to the raw machine?"
CAPACITY = 256
THERE_DATA, THERE_HEAD, BACK_DATA, BACK_HEAD = 4096, 24576, 28672, 49152
RAW_THERE, RAW_BACK = 65536, 65536 + CAPACITY * 64
BLOCK = RAW_BACK + CAPACITY * 64
MINE, THEIRS = 2048, 2176
ROUNDS, EXCHANGES = 400, 2_500
LINE = np.dtype([("ring_seq", "<i8"), ("words", "<i8", (7,))])


@hot
def write_words(address, value):
    """Seven words of a line."""
    line = record_at(address, LINE)
    for k in range(7):
        line["words"][k] = value + k


@hot
def read_words(address):
    """Their sum."""
    line = record_at(address, LINE)
    total = 0
    for k in range(7):
        total += line["words"][k]
    return total


@hot
def raw_ping(there, back, first, spans):
    """Round trips over two lines, the flag in the line: spans in cycles. Returns the number of wrong sums."""
    wrong = 0
    for row in range(spans.shape[0]):
        sequence = first + row + 1
        begun = cycles()
        write_words(there, sequence)
        store_release(there, sequence)
        while load_acquire(back) != sequence:
            pass
        if read_words(back) != 7 * sequence + 21:
            wrong += 1
        spans[row] = cycles() - begun
    return wrong


@hot
def raw_pong(there, back, first, count):
    """The other side of `raw_ping`."""
    wrong = 0
    for row in range(count):
        sequence = first + row + 1
        while load_acquire(there) != sequence:
            pass
        if read_words(there) != 7 * sequence + 21:
            wrong += 1
        write_words(back, sequence)
        store_release(back, sequence)
    return wrong


@hot
def ring_ping(out, back, first, spans):
    """Round trips over two rings: spans in cycles. Returns the number of wrong sums."""
    wrong = 0
    for row in range(spans.shape[0]):
        sequence = first + row + 1
        begun = cycles()
        write_words(ring_claim(out, 0), sequence)
        ring_publish(out)
        address = ring_peek(back)
        while address == 0:
            address = ring_peek(back)
        if read_words(address) != 7 * sequence + 21:
            wrong += 1
        ring_advance(back)
        spans[row] = cycles() - begun
        ring_release(back)
    return wrong


@hot
def ring_pong(into, out, first, count):
    """The other side of `ring_ping`."""
    wrong = 0
    for row in range(count):
        sequence = first + row + 1
        address = ring_peek(into)
        while address == 0:
            address = ring_peek(into)
        if read_words(address) != 7 * sequence + 21:
            wrong += 1
        ring_advance(into)
        write_words(ring_claim(out, 0), sequence)
        ring_publish(out)
        ring_release(into)
    return wrong


@hot
def meet(mine, theirs, number):
    """Both sides wait for each other between rounds."""
    store_release(mine, number)
    while load_acquire(theirs) < number:
        pass


def _ends(base: int):
    there = ring_end_at(base + THERE_DATA, base + THERE_HEAD, 64, CAPACITY)
    back = ring_end_at(base + BACK_DATA, base + BACK_HEAD, 64, CAPACITY)
    return there, back


def _raw_lines(base: int, round_: int) -> tuple[int, int]:
    """The two lines of one raw round, both zero or holding the last sequence of an earlier round."""
    return base + RAW_THERE + round_ % CAPACITY * 64, base + RAW_BACK + round_ % CAPACITY * 64


def other_side(name: str, core: int, rounds: int, count: int) -> None:
    """Body of the second process."""
    os.sched_setaffinity(0, {core})
    segment = attach_block(name, BLOCK)
    base = segment.address
    there, back = _ends(base)
    wrong = 0
    for round_ in range(rounds):
        meet(base + THEIRS, base + MINE, 2 * round_ + 1)
        wrong += raw_pong(*_raw_lines(base, round_), round_ * count, count)
        meet(base + THEIRS, base + MINE, 2 * round_ + 2)
        wrong += ring_pong(there[0], back[0], round_ * count, count)
    segment.close()
    if wrong:
        raise SystemExit(3)


def run(smoke: bool) -> list[Result]:
    """Alternate rounds of raw ping-pong and ring; one-way times are halves of round trips."""
    first, second = two_cores()
    rounds, count = (20, 200) if smoke else (ROUNDS, EXCHANGES)
    raw_rounds, ring_rounds = [], []
    with SharedBlock(BLOCK) as block:
        base = block.segment.address
        there, back = _ends(base)

        def body() -> int:
            wrong = 0
            for round_ in range(rounds + 1):  # the first compiles and warms up
                raw_rounds.append(np.zeros(count, np.int64))
                meet(base + MINE, base + THEIRS, 2 * round_ + 1)
                wrong += raw_ping(*_raw_lines(base, round_), round_ * count, raw_rounds[-1])
                ring_rounds.append(np.zeros(count, np.int64))
                meet(base + MINE, base + THEIRS, 2 * round_ + 2)
                wrong += ring_ping(there[0], back[0], round_ * count, ring_rounds[-1])
            return wrong

        wrong = run_beside(block, other_side, (second, rounds + 1, count), body, first)
    if wrong:
        raise RuntimeError(f"ring_hop: {wrong} records arrived with wrong words")
    cycle_ns = ns_per_cycle()
    ring_ps, raw_ps = (to_picoseconds(np.concatenate(part[1:]), 2, cycle_ns) for part in (ring_rounds, raw_rounds))
    ratios = [float(np.median(a) / np.median(b)) for a, b in zip(ring_rounds[1:], raw_rounds[1:], strict=True)]
    low, middle, high = np.percentile(ratios, (10, 50, 90))
    return [
        Result(
            name="ring_hop",
            question=QUESTION,
            unit="ns",
            samples=ring_ps,
            value=None,
            reference=float(np.median(raw_ps)) / 1000,
            reference_is="raw ping-pong of one line, all words written, same cores, alternating rounds",
            goal="p50 at most 1.05 x the raw ping-pong",
            ratio_max=1.05,
            notes=(
                f"cores {first} and {second}; one way = round trip / 2; {rounds} rounds of {count} each",
                f"ratio of neighbouring rounds: median {middle:.3f}, 10 % below {low:.3f}, 10 % above {high:.3f}",
                f"raw p99 {float(np.percentile(raw_ps, 99)) / 1000:,.1f} ns",
            ),
            scale=1000,
        )
    ]

"""How many records a second does one ring carry between two processes?

```
core B  ── ring: 64-byte records, 1,024 slots ──►  core A          core B ── 1,024 plain lines ──► core A
           claim, fill, publish    peek, read, advance                       the raw machine
```

The run is more than 10,000 times longer than the ring, so it wraps, fills and empties. The producer writes all seven
payload words of every record; the consumer reads all of them, compares their sum with what the record's place in the
order demands, and gives slots back in batches of 64. The reference is the same stream written by hand: the flag in the
line, one free count, every counter in a register; its rounds alternate with the ring's in the same two processes.

The figure is the median over blocks of 16,384 records (16 times the ring): on a busy machine a neighbour that takes one
core for a time slice stops the other one too, which is the neighbour's speed and not the ring's. The rate over whole
rounds, everything included, is printed beside it; on a quiet machine they agree. It does not show latency (ring_hop
does): records wait in the ring here.
"""

import os

import numpy as np

from bench.pair import SharedBlock, attach_block, run_beside, two_cores
from bench.result import Result
from bench.timing import ns_per_cycle
from shm.atomics import cycles, load_acquire, record_at, store_release
from shm.ends import ring_end_at
from shm.jit import hot
from shm.records.ring_end import RING_HEAD_BYTES, RING_SLOTS_OFFSET
from shm.ring import ring_advance, ring_claim, ring_peek, ring_publish, ring_release

QUESTION = "How many 64-byte records a second does one ring carry between two processes, every word written and read?"
CAPACITY = 1024
RELEASE_EVERY = 64
RECORDS = 16 * CAPACITY  # of one block
ROUNDS = 8
RECORDS_MIN = 100e6
LINE = np.dtype([("ring_seq", "<i8"), ("words", "<i8", (7,))])
FLAGS, HEAD = 0, 4096
DATA = HEAD + RING_HEAD_BYTES
RAW_FREE = DATA + RING_SLOTS_OFFSET + CAPACITY * 64
RAW_LINES = RAW_FREE + 4096
BLOCK = RAW_LINES + CAPACITY * 64
MINE, THEIRS = FLAGS, FLAGS + 128


@hot
def ring_send(end, first, count):
    """Publish `count` records; waits while the ring is full."""
    for sequence in range(first, first + count):
        address = ring_claim(end, 0)
        while address == 0:
            address = ring_claim(end, 0)
        line = record_at(address, LINE)
        for k in range(7):
            line["words"][k] = sequence + k
        ring_publish(end)


@hot
def ring_receive(end, first, count, ends):
    """Read `count` records; waits while the ring is empty. Returns how many had wrong words.

    ends: the cycle counter after each RECORDS of them.
    """
    wrong = 0
    for sequence in range(first, first + count):
        address = ring_peek(end)
        while address == 0:
            address = ring_peek(end)
        line = record_at(address, LINE)
        total = 0
        for k in range(7):
            total += line["words"][k]
        if total != 7 * sequence + 21:
            wrong += 1
        ring_advance(end)
        if sequence & (RELEASE_EVERY - 1) == RELEASE_EVERY - 1:
            ring_release(end)
        if (sequence + 1 - first) % RECORDS == 0:
            ends[(sequence + 1 - first) // RECORDS] = cycles()
    ring_release(end)
    return wrong


@hot
def raw_send(lines, free_addr, first, count):
    """The same stream by hand: lines[s & mask] with flag s + 1, and the reader's progress at `free_addr`."""
    taken = load_acquire(free_addr)
    for sequence in range(first, first + count):
        while sequence - taken >= CAPACITY:
            taken = load_acquire(free_addr)
        address = lines + (sequence & (CAPACITY - 1)) * 64
        line = record_at(address, LINE)
        for k in range(7):
            line["words"][k] = sequence + k
        store_release(address, sequence + 1)


@hot
def raw_receive(lines, free_addr, first, count, ends):
    """The other side of `raw_send`."""
    wrong = 0
    for sequence in range(first, first + count):
        address = lines + (sequence & (CAPACITY - 1)) * 64
        while load_acquire(address) != sequence + 1:
            pass
        line = record_at(address, LINE)
        total = 0
        for k in range(7):
            total += line["words"][k]
        if total != 7 * sequence + 21:
            wrong += 1
        if sequence & (RELEASE_EVERY - 1) == RELEASE_EVERY - 1:
            store_release(free_addr, sequence + 1)
        if (sequence + 1 - first) % RECORDS == 0:
            ends[(sequence + 1 - first) // RECORDS] = cycles()
    store_release(free_addr, first + count)
    return wrong


@hot
def meet(mine, theirs, number):
    """Wait until both sides are there. Returns the cycle counter then."""
    store_release(mine, number)
    while load_acquire(theirs) < number:
        pass
    return cycles()


def _end(base: int) -> np.ndarray:
    return ring_end_at(base + DATA, base + HEAD, 64, CAPACITY)


def producer(name: str, core: int, rounds: int, count: int) -> None:
    """Body of the second process: the first round of each is short, for compiling."""
    os.sched_setaffinity(0, {core})
    segment = attach_block(name, BLOCK)
    base = segment.address
    end = _end(base)[0]
    first = 0
    for round_ in range(rounds + 1):
        records = count if round_ else RECORDS
        meet(base + THEIRS, base + MINE, 2 * round_ + 1)
        raw_send(base + RAW_LINES, base + RAW_FREE, first, records)
        meet(base + THEIRS, base + MINE, 2 * round_ + 2)
        ring_send(end, first, records)
        first += records
    segment.close()


def rates(rounds: list[np.ndarray], cycle_ns: float) -> tuple[float, float]:
    """(records/s of the median block, of all rounds together)."""
    blocks = np.concatenate([np.diff(ends) for ends in rounds])
    return RECORDS * 1e9 / (float(np.median(blocks)) * cycle_ns), RECORDS * 1e9 / (float(blocks.mean()) * cycle_ns)


def run(smoke: bool) -> list[Result]:
    """Alternate rounds of the ring and of the raw stream."""
    first_core, second_core = two_cores()
    rounds, blocks = (2, 12) if smoke else (ROUNDS, 96)
    raw, ring = [], []
    with SharedBlock(BLOCK) as block:
        base = block.segment.address
        end = _end(base)[0]

        def consume() -> int:
            wrong = first = 0
            for round_ in range(rounds + 1):
                records = blocks * RECORDS if round_ else RECORDS
                for part in (raw, ring):
                    part.append(np.zeros(records // RECORDS + 1, np.int64))
                raw[-1][0] = meet(base + MINE, base + THEIRS, 2 * round_ + 1)
                wrong += raw_receive(base + RAW_LINES, base + RAW_FREE, first, records, raw[-1])
                ring[-1][0] = meet(base + MINE, base + THEIRS, 2 * round_ + 2)
                wrong += ring_receive(end, first, records, ring[-1])
                first += records
            return wrong

        wrong = run_beside(block, producer, (second_core, rounds, blocks * RECORDS), consume, first_core)
    if wrong:
        raise RuntimeError(f"ring_throughput: {wrong} records arrived with wrong words or out of order")
    cycle_ns = ns_per_cycle()
    value, whole = rates(ring[1:], cycle_ns)
    raw_value, raw_whole = rates(raw[1:], cycle_ns)
    return [
        Result(
            name="ring_throughput",
            question=QUESTION,
            unit="records/s",
            samples=None,
            value=value,
            reference=raw_value,
            reference_is="the same stream of lines written by hand, same cores, alternating rounds",
            goal=f"at least {RECORDS_MIN / 1e6:,.0f} M records/s",
            value_min=RECORDS_MIN,
            notes=(
                f"cores {first_core} and {second_core}; {CAPACITY} slots; {rounds} rounds of {blocks * RECORDS:,};"
                f" median block of {RECORDS:,}",
                f"whole rounds, neighbours included: {whole / 1e6:,.1f} M/s; the reference {raw_whole / 1e6:,.1f} M/s",
            ),
        )
    ]

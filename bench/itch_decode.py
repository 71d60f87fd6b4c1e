"""What does it cost to decode one ITCH message out of a stream that no cache holds?

```
length | message | length | message | ... ── decode_itch ──► one event, its numbers summed        private memory
the same bytes, batch by batch ───────────── load, add ────► one sum
```

The stream is laid out like a day file. Kinds are drawn with assumed shares (`SHARES`): adds and deletes make more than
eight in ten, one message in forty is of a type that books do without, which `decode_itch` answers with its head. The
order is random, so the branches on the type are paid for. The count of skipped messages, and the sums of order numbers,
sizes and prices, are compared with those that numpy reads from the same bytes. Messages are timed in batches of 32: the
percentiles are of batch means. It does not show what the datagram around the messages costs, nor the book behind them.
"""

import numpy as np

from bench.pair import pinned, this_core
from bench.result import Result
from bench.timing import BATCH, ns_per_cycle, to_picoseconds
from procs.wire.big_endian import read_u16, read_u64
from procs.wire.codes import WIRE_OK, WIRE_SKIPPED
from procs.wire.itch.decode import decode_itch
from procs.wire.itch.event import ITCH_EVENT
from procs.wire.itch.sizes import SIZE_OF
from shm.atomics import cycles
from shm.jit import hot

QUESTION = "What does decoding one ITCH message out of a large buffer cost?"
SHARES = {
    "A": 44.0,
    "D": 41.5,
    "U": 5.0,
    "E": 3.0,
    "X": 2.0,
    "F": 1.0,
    "P": 0.9,
    "C": 0.1,
    "I": 1.5,
    "Q": 0.5,
    "L": 0.5,
}
LETTER_AT = {"A": (19, b"BS"), "F": (19, b"BS"), "P": (19, b"B"), "C": (31, b"YN")}
REF, QTY, PRICE = "order_ref", "qty_lots", "price_ticks"
NUMBERS_AT = {  # where the summed numbers stand: 8, 4 and 4 bytes
    "A": {REF: 11, QTY: 20, PRICE: 32}, "F": {REF: 11, QTY: 20, PRICE: 32}, "P": {REF: 11, QTY: 20, PRICE: 32},
    "E": {REF: 11, QTY: 19}, "C": {REF: 11, QTY: 19, PRICE: 32}, "X": {REF: 11, QTY: 19}, "D": {REF: 11},
    "U": {REF: 11, QTY: 27, PRICE: 31},
}  # fmt: skip
HEAD_BYTES = 2
ROUNDS = 5
NS_MAX = 30


def make_stream(messages: int, random) -> tuple[np.ndarray, np.ndarray, dict]:
    """(bytes, offset of every message's length and the end, what the numbers in them sum up to)."""
    kinds = random.choice(len(SHARES), messages, p=np.array(list(SHARES.values())) / sum(SHARES.values()))
    sizes = np.array([SIZE_OF[letter] for letter in SHARES])[kinds]
    offsets = np.concatenate([[0], np.cumsum(sizes + HEAD_BYTES)])
    stream = np.zeros(offsets[-1], np.uint8)
    sums = {REF: 0, QTY: 0, PRICE: 0, "skipped": 0}
    for row, letter in enumerate(SHARES):
        where = np.flatnonzero(kinds == row)
        size = SIZE_OF[letter]
        whole = random.integers(0, 256, (len(where), HEAD_BYTES + size), np.uint8)
        message = whole[:, HEAD_BYTES:]
        whole[:, 0], whole[:, 1], message[:, 0] = 0, size, ord(letter)
        message[:, 11:15] = 0  # order numbers as a day has them, so that their sum fits int64
        message[:, [i for i in (19, 23, 36) if i < size]] &= 0x7F  # first bytes of other long numbers
        if letter in LETTER_AT:
            at, letters = LETTER_AT[letter]
            message[:, at] = random.choice(np.frombuffer(letters, np.uint8), len(where))
        for name, at in NUMBERS_AT.get(letter, {}).items():
            number = np.ascontiguousarray(message[:, at : at + (8 if name == REF else 4)])
            sums[name] += int((number.view(">i8" if name == REF else ">u4").astype(np.int64)).sum())
        sums["skipped"] += 0 if letter in NUMBERS_AT else len(where)
        stream[offsets[where][:, None] + np.arange(HEAD_BYTES + size)] = whole
    return stream, offsets, sums


@hot
def time_decodes(stream, event, spans, sums):
    """Spans of BATCH messages each, in cycles; adds up numbers and skipped messages."""
    offset = 0
    for batch in range(spans.shape[0]):
        begun = cycles()
        for _ in range(BATCH):
            size = read_u16(stream, offset)
            code = decode_itch(stream, offset + HEAD_BYTES, size, event)
            if code == WIRE_OK:
                sums[0] += event["order_ref"]
                sums[1] += event["qty_lots"]
                sums[2] += event["price_ticks"]
            elif code == WIRE_SKIPPED:
                sums[3] += 1
            offset += HEAD_BYTES + size
        spans[batch] = cycles() - begun


@hot
def time_readings(stream, offsets, spans):
    """As `time_decodes`: the words of the same bytes, added up."""
    total = 0
    for batch in range(spans.shape[0]):
        begun = cycles()
        end = offsets[(batch + 1) * BATCH] - 7
        offset = offsets[batch * BATCH]
        while offset < end:
            total += read_u64(stream, offset)
            offset += 8
        spans[batch] = cycles() - begun
    return total


@pinned()
def run(smoke: bool) -> list[Result]:
    """Alternate rounds of decoding and of reading the same bytes."""
    rounds, batches = (2, 500) if smoke else (ROUNDS, 40_000)
    stream, offsets, told = make_stream(batches * BATCH, np.random.default_rng(50))
    event = np.zeros(1, ITCH_EVENT)
    decoded, read, totals = [], [], set()
    for _ in range(rounds + 1):  # the first compiles and warms up
        sums = np.zeros(4, np.int64)
        decoded.append(np.zeros(batches, np.int64))
        read.append(np.zeros(batches, np.int64))
        time_decodes(stream, event[0], decoded[-1], sums)
        totals.add(time_readings(stream, offsets, read[-1]))
        if sums.tolist() != list(told.values()):
            raise RuntimeError(f"itch_decode: expected sums {told}, found {sums.tolist()}")
    if len(totals) != 1:
        raise RuntimeError(f"itch_decode: the same bytes gave different sums {totals}")
    cycle_ns = ns_per_cycle()
    reference = to_picoseconds(np.concatenate(read[1:]), BATCH, cycle_ns)
    return [
        Result(
            name="itch_decode",
            question=QUESTION,
            unit="ns",
            samples=to_picoseconds(np.concatenate(decoded[1:]), BATCH, cycle_ns),
            value=None,
            reference=float(np.median(reference)) / 1000,
            reference_is="loading and adding the words of the same bytes, alternating rounds",
            goal=f"p50 at most {NS_MAX} ns",
            limit_p50=NS_MAX,
            notes=(
                f"core {this_core()}; {stream.size / 1e6:.1f} MB of stream; means of batches of {BATCH}; "
                f"{rounds} rounds of {batches * BATCH} messages",
            ),
            scale=1000,
        )
    ]

"""What does it cost to write an order, its replacement and its cancel as OUCH messages?

```
event (128 bytes) ── encode_ouch_inbound ──► 47, 40 or 9 bytes, big-endian        private memory
message ──────────── memcpy ───────────────► the same number of bytes
```

64 events and 64 places for messages, so that everything stays in the nearest cache, as the one order of a live session
does. After the rounds every message is compared with what `struct` makes of the same numbers. A message costs a few
nanoseconds, so they are timed in batches of 32: the percentiles are of batch means. It does not show the packet head
around the message, nor the send.
"""

import struct

import numpy as np

from bench.pair import pinned, this_core
from bench.result import Result
from bench.timing import BATCH, ns_per_cycle, to_picoseconds
from procs.wire.big_endian import text_word
from procs.wire.ouch.event import OUCH_CANCEL, OUCH_ENTER, OUCH_EVENT, OUCH_REPLACE
from procs.wire.ouch.inbound import encode_ouch_inbound
from shm.atomics import address_of, copy_bytes, cycles
from shm.jit import hot

QUESTION = "What does encoding an enter, a replace and a cancel order message cost?"
ROWS = 64
ROW_BYTES = 64
KINDS = {"enter": OUCH_ENTER, "replace": OUCH_REPLACE, "cancel": OUCH_CANCEL}
ROUNDS = 10
NS_MAX = 15


@hot
def time_encodes(events, out, spans):
    """Spans of BATCH messages each, in cycles. Returns the sum of their sizes."""
    written = 0
    message = 0
    for batch in range(spans.shape[0]):
        begun = cycles()
        for _ in range(BATCH):
            row = message & (ROWS - 1)
            written += encode_ouch_inbound(out, row * ROW_BYTES, events[row])
            message += 1
        spans[batch] = cycles() - begun
    return written


@hot
def time_copies(target_addr, source_addr, size, spans):
    """As `time_encodes`, by memcpy of `size` bytes a message."""
    message = 0
    for batch in range(spans.shape[0]):
        begun = cycles()
        for _ in range(BATCH):
            at = (message & (ROWS - 1)) * ROW_BYTES
            copy_bytes(target_addr + at, source_addr + at, size)
            message += 1
        spans[batch] = cycles() - begun


def make_events(kind: int) -> tuple[np.ndarray, list[bytes]]:
    """64 events of one kind, and their messages by `struct`."""
    events, messages = np.zeros(ROWS, OUCH_EVENT), []
    for row in range(ROWS):
        event, ref, qty, price = events[row], 70_000 + row, 100 * (row + 1), 1_000_000 + 100 * row
        text = f"{ref:>14}"
        event["kind"], event["user_ref_num"], event["orig_user_ref_num"] = kind, ref, ref - 1
        event["qty_lots"] = 0 if kind == OUCH_CANCEL else qty
        event["price_ticks"], event["side"], event["symbol"] = price, 1 + row % 2, text_word("QNTT")
        event["cl_ord_id_hi"], event["cl_ord_id_lo"] = text_word(text[:8]), text_word(text[8:], size=6)
        for name, letter in zip(("time_in_force", "display", "capacity", "sweep", "cross_type"), "0YPNN", strict=True):
            event[name] = ord(letter)
        if kind == OUCH_ENTER:
            opening = struct.pack(">cIcI8sQ", b"O", ref, b"BS"[row % 2 : row % 2 + 1], qty, b"QNTT    ", price)
            messages.append(opening + b"0YPNN" + text.encode() + b"\0\0")
        elif kind == OUCH_REPLACE:
            messages.append(struct.pack(">cIIIQ", b"U", ref - 1, ref, qty, price) + b"0YN" + text.encode() + b"\0\0")
        else:
            messages.append(struct.pack(">cII", b"X", ref, 0))
    return events, messages


def measure(name: str, rounds: int, batches: int, cycle_ns: float) -> Result:
    """One kind of message: alternate rounds of encoding and of copying."""
    events, messages = make_events(KINDS[name])
    size = len(messages[0])
    out, source, target = (np.zeros(ROWS * ROW_BYTES, np.uint8) for _ in range(3))
    encoded, copied = [], []
    for _ in range(rounds + 1):  # the first compiles and warms up
        encoded.append(np.zeros(batches, np.int64))
        copied.append(np.zeros(batches, np.int64))
        written = time_encodes(events, out, encoded[-1])
        source[:] = out
        time_copies(address_of(target), address_of(source), size, copied[-1])
        if written != batches * BATCH * size:
            raise RuntimeError(f"ouch_encode: expected {batches * BATCH * size} bytes, found {written}")
    for row, message in enumerate(messages):
        for where in (out, target):
            found = where[row * ROW_BYTES : row * ROW_BYTES + size].tobytes()
            if found != message:
                raise RuntimeError(f"ouch_encode: {name} {row}: expected {message.hex()}, found {found.hex()}")
    reference = to_picoseconds(np.concatenate(copied[1:]), BATCH, cycle_ns)
    return Result(
        name=f"ouch_encode_{name}",
        question=QUESTION,
        unit="ns",
        samples=to_picoseconds(np.concatenate(encoded[1:]), BATCH, cycle_ns),
        value=None,
        reference=float(np.median(reference)) / 1000,
        reference_is=f"memcpy of the same {size} bytes, alternating rounds",
        goal=f"p50 at most {NS_MAX} ns",
        limit_p50=NS_MAX,
        notes=(f"core {this_core()}; means of batches of {BATCH}; {rounds} rounds of {batches * BATCH} messages",),
        scale=1000,
    )


@pinned()
def run(smoke: bool) -> list[Result]:
    """Enter, replace, cancel."""
    rounds, batches = (2, 500) if smoke else (ROUNDS, 20_000)
    cycle_ns = ns_per_cycle()
    return [measure(name, rounds, batches, cycle_ns) for name in KINDS]

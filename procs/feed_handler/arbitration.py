"""Arbitration: two lines and a retransmission server become one sequence without hole or repeat. Hot, no socket.

```
datagram --accept--> DELIVER   first missing message is inside: out_* says which blocks    -> deliver, `delivered`
                     KEPT      ahead of a hole: copied into a bounded store                 -> `next_kept` later
                     DUPLICATE, HEARTBEAT, ENDED, MALFORMED, FOREIGN, DROPPED
```

Sequences count messages. `next_seq` is the first one not delivered, `ahead_seq` one past the highest that is known to
exist; they are equal when nothing is missing. `window[seq & mask]` names the kept frame that brings message `seq`, and
a frame is given back when none of its messages is named any more; so frames may overlap and be split in any way.

A hole is asked for when it is older than the arbitration window. `ripe_seq` bounds what is old enough: every
window a new mark is set at `ahead_seq`, so a hole waits one to two windows whatever comes behind it. One request is
outstanding at a time, under a token bucket, with a back-off that doubles while no answer comes. All of this runs in
latency time: it waits for wires, and driven logic time may stand still until the hole is filled.
"""

from typing import NamedTuple

import numpy as np

from procs.feed_handler.validate import check_datagram, offset_of
from procs.wire.moldudp64.header import (
    MOLD_END_OF_SESSION,
    mold_sequence,
    mold_session_hi,
    mold_session_lo,
    session_words,
)
from shm.atomics import address_of, record_at
from shm.jit import hot
from shm.records.frame import FRAME_BYTES

LINE_A, LINE_B, LINE_RETRANSMISSION = 0, 1, 2
LINES = 3

ARB_DELIVER = 1
ARB_KEPT = 2
ARB_DUPLICATE = 3
ARB_HEARTBEAT = 4
ARB_ENDED = 5  # end of session; what is missing before it is still asked for
ARB_MALFORMED = -1
ARB_FOREIGN = -2  # another session: never adopted
ARB_DROPPED = -3  # ahead of a hole and no room to keep it: will be asked for

KEPT_FRAMES_MAX = 4096  # 8 MiB; at 20 messages a datagram 80,000 messages, 40 ms of the busiest feed
WINDOW_MESSAGES = 1 << 17  # messages ahead of a hole that the store can name; 1 MiB
TIMEOUT_NS = 50_000_000  # a request without any answer is repeated after this, then after twice as long, ...
TIMEOUT_NS_MAX = 1_000_000_000
PARTIAL_NS = 2_000_000  # an answer that stopped short is completed by a new request after this long

ARB_ROW = np.dtype(
    [
        ("next_seq", "<i8"),
        ("ahead_seq", "<i8"),
        ("session_hi", "<i8"),
        ("session_lo", "<i8"),
        ("adopted", "<i8"),  # 1 once the session is known
        ("ended", "<i8"),  # 1 once a line said that the session is over
        ("kept", "<i8"),  # frames in the store
        ("free", "<i8"),  # first free kept frame; 0 none
        ("out_offset", "<i8"),  # first block to deliver
        ("out_count", "<i8"),  # number of messages to deliver
        ("out_seq", "<i8"),  # sequence of the first of them
        ("out_kept", "<i8"),  # frame that took the last datagram
        ("duplicates", "<i8"),  # messages of the last datagram that were already here
        ("mark_seq", "<i8"),  # holes below it are as old as mark_stamp_ns
        ("mark_stamp_ns", "<i8"),  # 0: no hole is known
        ("ripe_seq", "<i8"),  # holes below it may be asked for
        ("request_seq", "<i8"),  # first message asked for
        ("request_end", "<i8"),  # one past the last
        ("request_stamp_ns", "<i8"),  # 0: nothing outstanding
        ("answer_stamp_ns", "<i8"),  # last datagram of an answer; 0 none yet
        ("timeout_ns", "<i8"),
        ("tokens_ns", "<i8"),  # token bucket, in nanoseconds of saved-up time
        ("tokens_stamp_ns", "<i8"),
        ("window_ns", "<i8"),  # arbitration window
        ("token_ns", "<i8"),  # time that earns one request
        ("burst", "<i8"),
        ("messages_max", "<i8"),  # messages of one request
        ("window_addr", "<i8"),
        ("window_mask", "<i8"),
        ("kept_addr", "<i8"),
    ]
)
KEPT_ROW = np.dtype(
    [
        ("seq", "<i8"),
        ("end", "<i8"),
        ("named", "<i8"),  # messages that the window takes from this frame
        ("stamp_ns", "<i8"),
        ("line", "<i8"),
        ("next", "<i8"),  # free list
    ]
)
KEPT_BYTES = KEPT_ROW.itemsize
WORD = np.dtype([("frame", "<i8")])


class Arbitration(NamedTuple):
    """Owner of the memory. Hot code takes `row[0]`, which holds addresses; frame bytes go as an array of their own."""

    row: np.ndarray
    window: np.ndarray
    kept: np.ndarray
    kept_bytes: np.ndarray


def open_arbitration(
    *,
    arbitration_window_ns: int,
    requests_per_second: int,
    requests_burst: int,
    request_messages_max: int,
    session: str = "",
    frames_max: int = KEPT_FRAMES_MAX,
    window_messages: int = WINDOW_MESSAGES,
) -> Arbitration:
    """Allocate an arbitration that expects message 1 of `session`, or of the first session heard."""
    if window_messages & (window_messages - 1):
        raise ValueError(f"window_messages: expected a power of two, found {window_messages}")
    arb = Arbitration(
        row=np.zeros(1, ARB_ROW),
        window=np.zeros(window_messages, np.int64),
        kept=np.zeros(frames_max + 1, KEPT_ROW),
        kept_bytes=np.zeros((frames_max + 1, FRAME_BYTES), np.uint8),
    )
    row = arb.row[0]
    row["next_seq"] = row["ahead_seq"] = 1
    row["free"] = 1  # frame 0 of the store is none
    row["window_addr"], row["window_mask"] = address_of(arb.window), window_messages - 1
    row["kept_addr"] = address_of(arb.kept)
    arb.kept["next"][1:-1] = np.arange(2, frames_max + 1)
    row["window_ns"] = arbitration_window_ns
    row["token_ns"] = 1_000_000_000 // requests_per_second
    row["burst"] = requests_burst
    row["messages_max"] = min(request_messages_max, MOLD_END_OF_SESSION - 1)
    row["timeout_ns"] = TIMEOUT_NS
    row["tokens_ns"] = requests_burst * row["token_ns"]
    if session:
        row["session_hi"], row["session_lo"] = session_words(session)
        row["adopted"] = 1
    return arb


# --- datagrams in ----------------------------------------------------------------------------------------------------


@hot
def _is_ours(row, buf, line):
    if row["adopted"] == 0:
        if line == LINE_RETRANSMISSION:
            return False  # nobody asked yet
        row["session_hi"] = mold_session_hi(buf)
        row["session_lo"] = mold_session_lo(buf)
        row["adopted"] = 1
    return mold_session_hi(buf) == row["session_hi"] and mold_session_lo(buf) == row["session_lo"]


@hot
def _name_of(row, message):
    """Word of the window that names the frame which brings `message`."""
    return row["window_addr"] + (message & row["window_mask"]) * 8


@hot
def _name_messages(row, seq, end, slot):
    """Let every message in seq..end-1 that has no frame yet come from `slot`. Returns how many; 0 only counts."""
    named = 0
    for message in range(seq, end):
        word = record_at(_name_of(row, message), WORD)
        if word["frame"] == 0:
            named += 1
            word["frame"] = slot
    return named


@hot
def _keep(row, kept_bytes, buf, size, seq, end):
    """Copy a datagram that is ahead of a hole into the store. Returns ARB_KEPT, ARB_DUPLICATE or ARB_DROPPED."""
    if end - row["next_seq"] > row["window_mask"]:
        return ARB_DROPPED
    named = _name_messages(row, seq, end, 0)
    row["duplicates"] = end - seq - named
    if named == 0:
        return ARB_DUPLICATE
    slot = row["free"]
    if slot == 0:
        return ARB_DROPPED
    frame = record_at(row["kept_addr"] + slot * KEPT_BYTES, KEPT_ROW)
    row["free"] = frame["next"]
    row["kept"] += 1
    frame["seq"] = seq
    frame["end"] = end
    frame["named"] = _name_messages(row, seq, end, slot)
    for i in range(size):
        kept_bytes[slot, i] = buf[i]
    row["out_kept"] = slot
    return ARB_KEPT


@hot
def accept(row, kept_bytes, buf, size, line, stamp_ns):
    """Judge one datagram that `line` brought. Returns ARB_*; after ARB_DELIVER out_* says which blocks are next.

    After delivering them call `delivered`, then deliver what `next_kept` names until it says 0.
    """
    row["duplicates"] = 0
    count = check_datagram(buf, size)
    if count < 0:
        return ARB_MALFORMED
    if not _is_ours(row, buf, line):
        return ARB_FOREIGN
    seq = mold_sequence(buf)
    if line == LINE_RETRANSMISSION:
        row["answer_stamp_ns"] = stamp_ns
    ended = count == MOLD_END_OF_SESSION
    if ended:
        row["ended"] = 1
        count = 0
    end = seq + count
    row["ahead_seq"] = max(row["ahead_seq"], end)
    if count == 0:
        _mark_hole(row, stamp_ns)
        return ARB_ENDED if ended else ARB_HEARTBEAT
    if end <= row["next_seq"]:
        row["duplicates"] = count
        return ARB_DUPLICATE
    if seq > row["next_seq"]:
        _mark_hole(row, stamp_ns)
        verdict = _keep(row, kept_bytes, buf, size, seq, end)
        if verdict == ARB_KEPT:
            frame = record_at(row["kept_addr"] + row["out_kept"] * KEPT_BYTES, KEPT_ROW)
            frame["stamp_ns"] = stamp_ns
            frame["line"] = line
        return verdict
    seen = row["next_seq"] - seq
    row["duplicates"] = seen
    row["out_seq"] = row["next_seq"]
    row["out_count"] = count - seen
    row["out_offset"] = offset_of(buf, seen)
    return ARB_DELIVER


@hot
def _give_back(row, first, end):
    """Forget who brings first..end-1; a frame that brings nothing any more is free."""
    for message in range(first, end):
        word = record_at(_name_of(row, message), WORD)
        slot = word["frame"]
        if slot != 0:
            word["frame"] = 0
            frame = record_at(row["kept_addr"] + slot * KEPT_BYTES, KEPT_ROW)
            frame["named"] -= 1
            if frame["named"] == 0:
                frame["next"] = row["free"]
                row["free"] = slot
                row["kept"] -= 1


@hot
def delivered(row):
    """The blocks of out_* are in the books: go on behind them and give back what the store kept of them."""
    first = row["next_seq"]
    end = first + row["out_count"]
    row["next_seq"] = end
    if row["kept"] > 0:
        _give_back(row, first, end)
    if end >= row["ahead_seq"]:
        row["mark_stamp_ns"] = 0
        row["request_stamp_ns"] = 0
        row["timeout_ns"] = TIMEOUT_NS


@hot
def next_kept(row, kept_bytes):
    """Kept frame whose blocks come next (out_* set, its bytes in kept_bytes[frame]), or 0."""
    if row["kept"] == 0:
        return 0
    slot = record_at(_name_of(row, row["next_seq"]), WORD)["frame"]
    if slot != 0:
        frame = record_at(row["kept_addr"] + slot * KEPT_BYTES, KEPT_ROW)
        row["out_seq"] = row["next_seq"]
        row["out_count"] = frame["end"] - row["next_seq"]
        row["out_offset"] = offset_of(kept_bytes[slot], row["next_seq"] - frame["seq"])
    return slot


@hot
def missing(row):
    """Messages between what is delivered and what is known to exist; 0 when contiguous. Kept ones count too."""
    return row["ahead_seq"] - row["next_seq"]


# --- requests out ----------------------------------------------------------------------------------------------------


@hot
def _mark_hole(row, stamp_ns):
    if row["mark_stamp_ns"] == 0 and row["next_seq"] < row["ahead_seq"]:
        row["mark_stamp_ns"] = stamp_ns
        row["mark_seq"] = row["ahead_seq"]
        row["ripe_seq"] = 0


@hot
def _still_waiting(row, stamp_ns):
    """Whether the outstanding request may yet be answered. Settles it when not."""
    if row["request_stamp_ns"] == 0:
        return False
    if row["next_seq"] >= row["request_end"]:
        row["timeout_ns"] = TIMEOUT_NS
    elif row["next_seq"] > row["request_seq"]:
        if stamp_ns - max(row["answer_stamp_ns"], row["request_stamp_ns"]) < PARTIAL_NS:
            return True
        row["timeout_ns"] = TIMEOUT_NS
    else:  # silent, or answers that bring nothing
        if stamp_ns - row["request_stamp_ns"] < row["timeout_ns"]:
            return True
        row["timeout_ns"] = min(2 * row["timeout_ns"], TIMEOUT_NS_MAX)
    row["request_stamp_ns"] = 0
    return False


@hot
def _take_token(row, stamp_ns):
    full = row["burst"] * row["token_ns"]
    row["tokens_ns"] = min(full, row["tokens_ns"] + stamp_ns - row["tokens_stamp_ns"])
    row["tokens_stamp_ns"] = stamp_ns
    if row["tokens_ns"] < row["token_ns"]:
        return False
    row["tokens_ns"] -= row["token_ns"]
    return True


@hot
def request(row, stamp_ns):
    """Messages to ask for now, from request_seq on; 0 when there is no hole, it is too young, or we must wait.

    A count that is returned has been paid for and is outstanding.
    """
    if row["mark_stamp_ns"] == 0 or row["next_seq"] >= row["ahead_seq"]:
        return 0
    if stamp_ns - row["mark_stamp_ns"] >= row["window_ns"]:
        row["ripe_seq"] = row["mark_seq"]
        row["mark_seq"] = row["ahead_seq"]
        row["mark_stamp_ns"] = stamp_ns
    if row["next_seq"] >= row["ripe_seq"] or _still_waiting(row, stamp_ns) or not _take_token(row, stamp_ns):
        return 0
    end = min(row["ripe_seq"], row["next_seq"] + min(row["messages_max"], row["window_mask"]))
    message = row["next_seq"] + 1
    while message < end and record_at(_name_of(row, message), WORD)["frame"] == 0:
        message += 1
    row["request_seq"] = row["next_seq"]
    row["request_end"] = message
    row["request_stamp_ns"] = stamp_ns
    return message - row["next_seq"]

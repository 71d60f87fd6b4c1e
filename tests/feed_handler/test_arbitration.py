"""Arbitration by example and by property: delivered sequence without hole or repeat, requests that never flood."""

import random

import numpy as np
import pytest

from procs.feed_handler.arbitration import (
    ARB_DELIVER,
    ARB_DROPPED,
    ARB_DUPLICATE,
    ARB_ENDED,
    ARB_FOREIGN,
    ARB_HEARTBEAT,
    ARB_KEPT,
    ARB_MALFORMED,
    LINE_A,
    LINE_B,
    LINE_RETRANSMISSION,
    PARTIAL_NS,
    TIMEOUT_NS,
    accept,
    delivered,
    missing,
    next_kept,
    open_arbitration,
    request,
)
from shm.jit import JIT_OFF
from shm.records.frame import FRAME_BYTES
from tests.support.itch_flow import SESSION, datagram, end_of_session

MS = 1_000_000
T0 = 1_000 * MS


def numbered(seq, count, **keywords):
    """A datagram whose messages carry their own number: unknown type, which arbitration passes on."""
    return datagram(seq, [b"z" + n.to_bytes(4, "big") for n in range(seq, seq + count)], **keywords)


class Line:
    """Drives one arbitration and collects the numbers that it delivers."""

    def __init__(self, **settings):
        self.arb = open_arbitration(
            **{
                "arbitration_window_ns": 2 * MS,
                "requests_per_second": 100,
                "requests_burst": 3,
                "request_messages_max": 50,
                "frames_max": 32,
                "window_messages": 1024,
                **settings,
            }
        )
        self.seen = []
        self.now = T0

    def _take(self, buf):
        row = self.arb.row[0]
        offset = int(row["out_offset"])
        for _ in range(int(row["out_count"])):
            size = int.from_bytes(buf[offset : offset + 2].tobytes(), "big")
            self.seen.append(int.from_bytes(buf[offset + 3 : offset + 2 + size].tobytes(), "big"))
            offset += 2 + size
        delivered(self.arb.row[0])

    def put(self, raw, line=LINE_A):
        buf = np.zeros(FRAME_BYTES, np.uint8)
        buf[: len(raw)] = np.frombuffer(raw, np.uint8)
        verdict = accept(self.arb.row[0], self.arb.kept_bytes, buf, len(raw), line, self.now)
        if verdict == ARB_DELIVER:
            self._take(buf)
            while True:
                slot = next_kept(self.arb.row[0], self.arb.kept_bytes)
                if slot == 0:
                    break
                self._take(self.arb.kept_bytes[slot])
        assert self.seen == list(range(1, len(self.seen) + 1))
        return verdict

    def ask(self, after=0):
        self.now += after
        count = request(self.arb.row[0], self.now)
        return (int(self.arb.row[0]["request_seq"]), int(count)) if count else None

    def store_is_empty(self):
        return self.arb.row[0]["kept"] == 0 and not self.arb.window.any() and not self.arb.kept["named"].any()


def test_in_order_datagrams_are_delivered_and_the_other_line_s_are_duplicates():
    line = Line()
    assert line.put(numbered(1, 3)) == ARB_DELIVER
    assert line.put(numbered(1, 3), LINE_B) == ARB_DUPLICATE
    assert line.arb.row[0]["duplicates"] == 3
    assert line.put(numbered(4, 2), LINE_B) == ARB_DELIVER
    assert line.seen == [1, 2, 3, 4, 5]


def test_an_overlapping_datagram_delivers_only_its_unseen_blocks():
    line = Line()
    line.put(numbered(1, 4))
    assert line.put(numbered(3, 5)) == ARB_DELIVER
    assert line.seen == list(range(1, 8))
    assert line.arb.row[0]["duplicates"] == 2


def test_what_comes_ahead_of_a_hole_is_kept_until_the_other_line_fills_it():
    line = Line()
    line.put(numbered(1, 2))
    assert line.put(numbered(5, 2)) == ARB_KEPT
    assert line.put(numbered(7, 2)) == ARB_KEPT
    assert missing(line.arb.row[0]) == 6
    assert line.ask() is None  # too young
    assert line.put(numbered(3, 2), LINE_B) == ARB_DELIVER
    assert line.seen == list(range(1, 9))
    assert missing(line.arb.row[0]) == 0 and line.store_is_empty()
    assert line.ask(after=1000 * MS) is None  # healed inside the window: never asked


def test_kept_datagrams_that_overlap_in_any_way_are_given_back():
    line = Line()
    for seq, count in ((5, 5), (3, 9), (8, 7), (5, 5), (20, 1)):
        line.put(numbered(seq, count))
    line.put(numbered(1, 2))
    assert line.seen == list(range(1, 15))
    line.put(numbered(12, 8))
    assert line.seen == list(range(1, 21))
    assert line.store_is_empty()


@pytest.mark.parametrize("reveal", ["messages", "heartbeat", "end"])
def test_a_hole_is_revealed_by_messages_heartbeat_or_end_and_asked_for_after_the_window(reveal):
    line = Line()
    line.put(numbered(1, 2))
    raw, verdict = {
        "messages": (numbered(6, 1), ARB_KEPT),
        "heartbeat": (datagram(6, []), ARB_HEARTBEAT),
        "end": (end_of_session(6), ARB_ENDED),
    }[reveal]
    assert line.put(raw) == verdict
    assert missing(line.arb.row[0]) == (4 if reveal == "messages" else 3)
    assert line.ask(after=1 * MS) is None
    assert line.ask(after=1 * MS) == (3, 3)  # up to what is kept, or to what is known
    assert line.ask() is None  # one outstanding
    line.put(numbered(3, 3), LINE_RETRANSMISSION)
    assert missing(line.arb.row[0]) == 0


def test_a_request_is_bounded_and_continued_when_it_was_answered():
    line = Line()
    line.put(datagram(1000, []))
    assert line.ask(after=2 * MS) == (1, 50)
    line.put(numbered(1, 50), LINE_RETRANSMISSION)
    assert line.ask() == (51, 50)


def test_a_partial_answer_is_completed_after_a_short_wait():
    line = Line()
    line.put(datagram(40, []))
    assert line.ask(after=2 * MS) == (1, 39)
    line.put(numbered(1, 10), LINE_RETRANSMISSION)
    assert line.ask() is None
    assert line.ask(after=PARTIAL_NS) == (11, 29)


def test_a_silent_server_is_asked_again_with_a_back_off_that_doubles():
    line = Line()
    line.put(datagram(5, []))
    assert line.ask(after=2 * MS) is not None
    for factor in (1, 2, 4, 8):
        assert line.ask(after=factor * TIMEOUT_NS - 1) is None
        assert line.ask(after=1) == (1, 4)


def test_answers_that_bring_nothing_count_as_silence():
    line = Line()
    line.put(numbered(1, 2))
    line.put(datagram(9, []))
    assert line.ask(after=2 * MS) == (3, 6)
    for _ in range(10):
        line.now += 1 * MS
        line.put(numbered(1, 2), LINE_RETRANSMISSION)
        assert line.ask() is None
    assert line.ask(after=TIMEOUT_NS) == (3, 6)


def test_requests_stay_inside_the_token_bucket():
    line = Line(request_messages_max=1, requests_burst=3, requests_per_second=10)
    line.put(datagram(1000, []))
    line.now += 2 * MS
    asked, began = 0, line.now
    for _ in range(2_000 if JIT_OFF else 20_000):
        line.now += MS // 10
        found = line.ask()
        if found:
            asked += 1
            line.put(numbered(found[0], 1), LINE_RETRANSMISSION)
    assert 0 < asked <= 3 + (line.now - began) * 10 // 1_000_000_000 + 1


def test_another_session_is_refused_and_the_first_heard_is_adopted():
    line = Line()
    assert line.put(numbered(1, 1, session="OTHER00001"), LINE_RETRANSMISSION) == ARB_FOREIGN  # nobody asked
    assert line.put(numbered(1, 1)) == ARB_DELIVER
    assert line.put(numbered(2, 1, session="OTHER00001")) == ARB_FOREIGN
    configured = Line(session=SESSION)
    assert configured.put(numbered(1, 1, session="OTHER00001")) == ARB_FOREIGN
    assert configured.put(numbered(1, 1)) == ARB_DELIVER


def test_a_full_store_drops_what_comes_ahead_and_asks_for_it_later():
    line = Line(frames_max=2)
    line.put(numbered(1, 1))
    assert [line.put(numbered(seq, 1)) for seq in (3, 5, 7)] == [ARB_KEPT, ARB_KEPT, ARB_DROPPED]
    assert line.put(numbered(3000, 1)) == ARB_DROPPED  # beyond the window
    line.put(numbered(2, 1))
    line.put(numbered(4, 1))
    assert line.seen == [1, 2, 3, 4, 5]
    assert line.ask(after=2 * MS) is None  # this part was revealed after the first mark: one window more
    assert line.ask(after=2 * MS) == (6, 50)
    assert line.store_is_empty()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        numbered(1, 1)[:19],
        numbered(1, 1)[:-1],
        numbered(1, 1) + b"x",
        datagram(1, [b"z"], count=2),
        datagram(1, [b"z", b"z"], count=1),
        datagram(1, [b""]),
        datagram(1, [b"D" + bytes(10)]),  # a known type with another size
        datagram(0, [b"z"]),
        datagram(1, []) + b"x",
    ],
)
def test_a_malformed_datagram_is_refused_whole_and_changes_nothing(raw):
    line = Line()
    line.put(numbered(1, 3))
    before = line.arb.row.copy()
    assert line.put(raw) == ARB_MALFORMED
    before["duplicates"] = 0
    assert np.array_equal(line.arb.row, before)


def test_random_bytes_never_crash_and_never_deliver():
    rng = random.Random(5)
    line = Line(session=SESSION)
    for _ in range(300):
        raw = bytearray(numbered(rng.randrange(1, 9), rng.randrange(0, 9)))
        for _ in range(rng.randrange(1, 6)):
            raw[rng.randrange(10, len(raw))] = rng.randrange(256)
        raw = bytes(raw[: rng.randrange(len(raw) + 1)]) if rng.random() < 0.3 else bytes(raw)
        buf = np.zeros(FRAME_BYTES, np.uint8)
        buf[: len(raw)] = np.frombuffer(raw, np.uint8)
        accept(line.arb.row[0], line.arb.kept_bytes, buf, len(raw), LINE_A, line.now)


@pytest.mark.parametrize("seed", [11, 12, 13, 14])
def test_any_mix_of_loss_reorder_and_splits_delivers_each_message_once(seed):
    print(f"seed {seed}")
    rng = random.Random(seed)
    total = 400 if JIT_OFF else 3000
    line = Line(frames_max=200, window_messages=4096, requests_per_second=100_000, requests_burst=1000)
    queue = []
    for which in (LINE_A, LINE_B):
        seq = 1
        while seq <= total:
            count = min(rng.randrange(1, 9), total + 1 - seq)
            if rng.random() > 0.05:
                queue.append((seq + rng.randrange(60), which, seq, count))
            seq += count
    queue.sort()
    for _, which, seq, count in queue:
        line.put(numbered(seq, count), which)
        line.now += MS // 10
        found = line.ask()
        if found and rng.random() < 0.7:  # answered, often in part, split in another way
            seq, end = found[0] - rng.randrange(2), found[0] + rng.randrange(1, found[1] + 1)
            seq = max(1, seq)
            while seq < end:
                step = min(rng.randrange(1, 20), end - seq)
                line.put(numbered(seq, step), LINE_RETRANSMISSION)
                seq += step
    line.put(end_of_session(total + 1))
    for _ in range(1000):
        found = line.ask(after=MS)
        if found:
            line.put(numbered(*found), LINE_RETRANSMISSION)
        if missing(line.arb.row[0]) == 0:
            break
    assert line.seen == list(range(1, total + 1))
    assert line.store_is_empty()

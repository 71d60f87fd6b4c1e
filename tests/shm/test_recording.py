"""The recording loop's parts on scratch memory: mirrors, entries, stamps, and what happens when there is no room."""

import ctypes
import random

import numpy as np
import pytest

from procs.runtime.recorder import LOG_HEAD, LOG_TAIL, Recorder
from procs.runtime.recording_file import entries_in, head_of, items_in
from shm.atomics import address_of, record_at, store_release
from shm.clock import stamp_ns
from shm.ids import IDS_RESERVED_END, IDS_RESERVED_NEXT, ids_words, take_id
from shm.latest import latest_claim, latest_publish, latest_read
from shm.recording import (
    QUIET_NS,
    keep_stamps,
    keep_step,
    put_inputs,
    recording_due,
    take_inputs,
)
from shm.records.clock_page import CLOCK_PAGE
from shm.records.recording_entry import (
    ENDED_BEHIND,
    ENDED_OVERRUN,
    ENDED_STAMPS,
    ITEM_IN_RING,
    ITEM_OUT_RING,
    ITEM_STAMPS,
    RECORDING_ENTRY,
)
from shm.records.tick import TICK
from shm.records.top import TOP
from shm.ring import (
    ring_advance,
    ring_claim,
    ring_peek,
    ring_publish,
    ring_release,
    ring_resume_consumer,
)
from shm.scratch import scratch_block, scratch_clock, scratch_ring, scratch_table

CAPACITY, ROWS, WORDS = 16, 3, 4


class Bench:
    """One input ring, one table, one block of words, identifiers and one output ring, recorded."""

    def __init__(self, log_bytes: int = 1 << 16, playing: bool = False):
        self.recorder = Recorder(log_bytes)
        self.producer, self.consumer = scratch_ring(TICK, CAPACITY)
        self.table, self.words = scratch_table(TOP, ROWS), scratch_block(64).view(np.int64)
        self.slots = scratch_block(CAPACITY * TICK.itemsize)
        self.seen = self.table.copy()
        self.seen["rows_addr"] = address_of(scratch_block(ROWS * int(self.table[0]["stride"])))
        self.seen_words = scratch_block(64).view(np.int64)
        self.ids, self.seen_ids = ids_words(), ids_words()
        self.out, self.out_reader = scratch_ring(TICK, CAPACITY)
        recorder = self.recorder
        recorder.add_ring_in(int(self.consumer[0]["slots_addr"]), address_of(self.slots), self.consumer[0])
        self.consumer["slots_addr"] = self.consumer["next_addr"] = address_of(self.slots)
        recorder.add_table_in(int(self.table[0]["rows_addr"]), self.seen[0])
        recorder.add_block(address_of(self.words), address_of(self.seen_words), WORDS)
        recorder.set_ids(address_of(self.ids), address_of(self.seen_ids))
        recorder.add_ring_out("out", TICK, self.out[0])
        page = np.frombuffer((ctypes.c_char * CLOCK_PAGE.itemsize).from_address(scratch_clock()), CLOCK_PAGE)
        self.clock_addr = recorder.clock(page)
        recorder.tape["playing"] = int(playing)

    def publish(self, seq: int, end=None) -> bool:
        end = self.producer if end is None else end
        address = ring_claim(end[0], 0)
        if address == 0:
            return False
        record_at(address, TICK)["venue_seq"] = seq
        ring_publish(end[0])
        return True

    def write_row(self, row: int, value: int) -> None:
        record_at(latest_claim(self.table[0], row), TOP)["changed_ns"] = value
        latest_publish(self.table[0], row)

    def step(self, now_ns: int = 1, work: int = 1) -> None:
        take_inputs(self.recorder.r, now_ns, now_ns, 0)
        keep_stamps(self.recorder.r)
        keep_step(self.recorder.r, work)

    def row(self, row: int, end=None) -> int:
        held = np.zeros(1, TOP)
        latest_read((self.seen if end is None else end)[0], row, address_of(held))
        return int(held[0]["changed_ns"])

    def entries(self) -> list[bytes]:
        """What the writer would take, taken."""
        words, log = self.recorder.words, self.recorder.log
        tail, head, mask = int(words[LOG_TAIL]), int(words[LOG_HEAD]), len(log) - 1
        words[LOG_HEAD] = tail
        return list(entries_in(bytes(log[at & mask] for at in range(head, tail))))


def consumed(end) -> list[int]:
    """venue_seq of every record that a consumer sees, given back."""
    found = []
    while (address := ring_peek(end[0])) != 0:
        found.append(int(record_at(address, TICK)["venue_seq"]))
        ring_advance(end[0])
    ring_release(end[0])
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_inputs_reach_the_mirrors_of_the_role_and_of_its_replay_alike(seed):
    print("seed", seed)
    draw, live, again = random.Random(seed), Bench(), Bench(playing=True)
    ring_resume_consumer(again.consumer[0])
    rows, words, published, seen, seen_again = [0] * ROWS, [0] * WORDS, 0, [], []
    next_id, taken, taken_again = 1, [], []
    for turn in range(1, 120):
        for _ in range(draw.randrange(6)):
            published += live.publish(published)
        for _ in range(draw.randrange(3)):
            row = draw.randrange(ROWS)
            rows[row] = turn * 10 + row
            live.write_row(row, rows[row])
        for _ in range(draw.randrange(3)):
            word = draw.randrange(WORDS)
            words[word] = live.words[word] = draw.randrange(-(1 << 62), 1 << 62)
        if live.ids[IDS_RESERVED_END] == 0:
            live.ids[IDS_RESERVED_NEXT], live.ids[IDS_RESERVED_END] = next_id, next_id + 3
            next_id += 3
        live.step(turn)
        for entry in live.entries():
            put_inputs(again.recorder.r, address_of(np.frombuffer(entry, np.uint8)))
        seen += consumed(live.consumer)
        seen_again += consumed(again.consumer)
        for bench in (live, again):
            assert [bench.row(row) for row in range(ROWS)] == rows
            assert bench.seen_words[:WORDS].tolist() == words
        for _ in range(draw.randrange(3)):
            taken.append(int(take_id(live.seen_ids)))
            taken_again.append(int(take_id(again.seen_ids)))
    assert seen == seen_again == list(range(published))
    assert taken == taken_again and sorted(filter(None, taken)) == list(range(1, 1 + sum(map(bool, taken))))


def test_an_input_that_changes_between_two_steps_is_seen_at_the_second_only():
    bench = Bench()
    bench.publish(7)
    bench.step()
    bench.publish(8)
    bench.write_row(0, 5)
    assert consumed(bench.consumer) == [7]
    assert bench.row(0) == 0
    bench.step()
    assert consumed(bench.consumer) == [8]
    assert bench.row(0) == 5


def test_a_step_is_due_for_a_record_for_driven_time_after_work_and_after_a_quiet_time():
    bench, at = Bench(), 1_000
    bench.step(at, work=1)
    assert recording_due(bench.recorder.r, at + 1) == 1, "the last step had work"
    bench.step(at, work=0)
    assert recording_due(bench.recorder.r, at + 1) == 0
    assert recording_due(bench.recorder.r, at + QUIET_NS) == 1
    bench.publish(1)
    assert recording_due(bench.recorder.r, at + 1) == 1
    bench.step(at, work=0)
    assert recording_due(bench.recorder.r, at + 1) == 0
    store_release(int(bench.recorder.r["driven_addr"]), 5)
    assert recording_due(bench.recorder.r, at + 1) == 1


def test_what_a_step_publishes_is_logged_once_with_its_sequence():
    bench = Bench()
    for seq in range(3):
        bench.publish(100 + seq, bench.out)
    bench.step()
    bench.publish(103, bench.out)
    bench.step()
    found = []
    for entry in bench.entries():
        outputs = entry[int(head_of(entry)["outputs_at"]) :]
        items = [item for item in items_in(outputs) if item.kind == ITEM_OUT_RING]
        found.append([(item.key, int(np.frombuffer(item.payload, TICK)[0]["venue_seq"])) for item in items])
    assert found == [[(0, 100), (1, 101), (2, 102)], [(3, 103)]]


def test_stamps_are_true_while_recording_and_come_again_in_the_replay():
    live, again = Bench(), Bench(playing=True)
    take_inputs(live.recorder.r, 1, 1, 0)
    stamps = [int(stamp_ns(live.clock_addr)) for _ in range(5)]
    keep_stamps(live.recorder.r)
    keep_step(live.recorder.r, 0)
    assert stamps == sorted(stamps) and 0 <= stamps[-1] - stamps[0] < 5_000_000_000
    (entry,) = live.entries()
    put_inputs(again.recorder.r, address_of(np.frombuffer(entry, np.uint8)))
    assert [int(stamp_ns(again.clock_addr)) for _ in range(6)] == [*stamps, 0], "and none behind the last"
    assert int(again.recorder.tape[0]["missed"]) == 1
    kinds = [item.kind for item in items_in(entry[RECORDING_ENTRY.itemsize : int(head_of(entry)["outputs_at"])])]
    assert kinds == [ITEM_STAMPS]


def test_a_log_without_room_ends_the_recording_at_a_whole_entry_and_the_role_goes_on():
    bench = Bench(log_bytes=1 << 11)
    for seq in range(CAPACITY):
        bench.publish(seq)
    bench.step()
    assert int(bench.recorder.r["ended"]) == ENDED_BEHIND
    assert consumed(bench.consumer) == list(range(CAPACITY)), "the mirrors are kept up"
    bench.publish(99)
    bench.step()
    assert consumed(bench.consumer) == [99]
    assert bench.entries() == []


def test_entries_wrap_round_the_end_of_the_log_whole():
    bench, numbers = Bench(log_bytes=1 << 11), []
    for turn in range(200):
        bench.publish(turn)
        bench.step(turn)
        consumed(bench.consumer)
        for entry in bench.entries():
            numbers.append(int(head_of(entry)["number"]))
            items = list(items_in(entry[RECORDING_ENTRY.itemsize : int(head_of(entry)["outputs_at"])]))
            assert [item.key for item in items if item.kind == ITEM_IN_RING] == [turn]
    assert numbers == list(range(200))
    assert int(bench.recorder.r["ended"]) == 0


def test_a_step_with_more_stamps_than_the_tape_holds_ends_the_recording():
    bench = Bench()
    tape = bench.recorder.tape[0]
    tape["end_addr"] = tape["first_addr"] + 16
    take_inputs(bench.recorder.r, 1, 1, 0)
    stamps = [int(stamp_ns(bench.clock_addr)) for _ in range(3)]
    assert all(stamps), "the role still gets the time"
    keep_stamps(bench.recorder.r)
    keep_step(bench.recorder.r, 0)
    assert int(bench.recorder.r["ended"]) == ENDED_STAMPS


def test_a_step_that_turns_its_output_ring_over_ends_the_recording():
    bench = Bench()
    bench.step()
    for seq in range(CAPACITY + 1):
        assert bench.publish(seq, bench.out)
        ring_peek(bench.out_reader[0])
        ring_advance(bench.out_reader[0])
        ring_release(bench.out_reader[0])
    bench.step()
    assert int(bench.recorder.r["ended"]) == ENDED_OVERRUN

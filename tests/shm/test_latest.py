"""Latest: examples on scratch memory, and a writer in another process that is killed in the middle of writes."""

import os
import random
import signal
import time

import numpy as np
import pytest

from shm.jit import JIT_OFF
from shm.latest import (
    latest_claim,
    latest_current,
    latest_peek,
    latest_publish,
    latest_read,
    latest_stands,
    latest_version,
    latest_version_at,
)
from shm.records.segment_header import SEGMENT_KIND_LATEST
from shm.scratch import scratch_table
from shm.segment import attach_segment
from shm.segment_kinds import create_latest, table_end
from tests.support.ring_work import (
    VALUE,
    look_values,
    read_values,
    start,
    warm_up,
    word_of,
    write_forever,
    write_values,
)
from tests.support.words import peek_record, read_word

EPOCH = 7
DEADLINE_S = 60
KILLS = 5 if JIT_OFF else 40


@pytest.fixture(scope="module", autouse=True)
def compiled():
    warm_up()


def read(table, row=0):
    value = np.zeros(1, VALUE)
    return latest_read(table[0], row, value.ctypes.data), value[0]


def write(table, row, word):
    peek_record(latest_claim(table[0], row), VALUE)["words"][:] = word
    latest_publish(table[0], row)


def test_a_row_never_written_reads_as_version_0():
    table = scratch_table(VALUE, 3)
    assert read(table)[0] == 0 and latest_version(table[0], 0) == 0 and latest_current(table[0], 0) == 0


@pytest.mark.parametrize("row", [-1, 3, 1 << 40, -(1 << 62)])
def test_a_row_out_of_range_is_neither_read_nor_written(row):
    table = scratch_table(VALUE, 3)
    write(table, 2, 5)
    assert latest_claim(table[0], row) == 0
    assert read(table, row)[0] == 0 and latest_version(table[0], row) == 0 and latest_current(table[0], row) == 0


def test_each_write_raises_the_version_and_the_newest_value_is_read():
    table = scratch_table(VALUE, 2)
    for turn in range(1, 6):
        write(table, 1, 10 * turn)
        version, value = read(table, 1)
        assert version == turn == latest_version(table[0], 1)
        assert set(value["words"].tolist()) == {10 * turn}
        assert peek_record(latest_current(table[0], 1), VALUE) == value
    assert read(table, 0)[0] == 0, "the other row is untouched"


def test_a_writer_that_died_while_filling_hides_nothing():
    table = scratch_table(VALUE, 1)
    write(table, 0, 1)
    write(table, 0, 2)
    peek_record(latest_claim(table[0], 0), VALUE)["words"][:15] = 3  # and dies
    version, value = read(table)
    assert version == 2 and set(value["words"].tolist()) == {2}
    write(table, 0, 4)  # its successor claims the same copy
    version, value = read(table)
    assert version == 3 and set(value["words"].tolist()) == {4}


def test_a_copy_stands_until_the_row_was_written_again():
    table = scratch_table(VALUE, 2)
    write(table, 1, 7)
    version = latest_version(table[0], 1)
    value = peek_record(latest_peek(table[0], 1, version), VALUE)
    assert set(value["words"].tolist()) == {7} and latest_stands(table[0], 1, version) == 1
    write(table, 0, 8)
    assert latest_stands(table[0], 1, version) == 1, "another row"
    write(table, 1, 9)
    assert latest_stands(table[0], 1, version) == 0
    version = latest_version_at(table[0]["rows_addr"], table[0]["stride"], 1)
    assert version == 2 and peek_record(latest_peek(table[0], 1, version), VALUE)["words"][0] == 9


def test_fields_read_where_they_stand_beside_a_writer_at_full_speed_are_of_one_value_or_refused(fabric):
    create_latest(fabric, EPOCH, "t", VALUE, 1, "writer").close()
    segment = attach_segment(fabric, EPOCH, "t", SEGMENT_KIND_LATEST, VALUE, 1)
    table, seen = table_end(segment), np.zeros(4, np.int64)
    child, give_up = start(write_forever, fabric, EPOCH), time.monotonic() + DEADLINE_S
    looks = 0
    while looks < (1_000 if JIT_OFF else 1_000_000):
        look_values(table[0], 200, seen)
        looks += 200
        assert child.is_alive() and time.monotonic() < give_up
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    _, overwritten, mixed, back = seen.tolist()
    print(f"{looks} looks, {overwritten} overwritten")
    assert (mixed, back) == (0, 0)
    assert overwritten < looks
    segment.close()


def test_versions_pass_the_widths_at_which_integers_break():
    for near in (2**31 - 2, 2**32 - 2, 2**53 - 2, 2**62 - 10):
        table = scratch_table(VALUE, 1)
        base = int(table[0]["rows_addr"])
        peek_record(base, np.dtype([("version", "<i8")]))["version"] = near
        assert write_values(table[0], near, 5) == near + 5 == read_word(base)
        seen = np.zeros(4, np.int64)
        if near < 2**30:
            assert read_values(table[0], np.zeros(1, VALUE).ctypes.data, 1, seen) == near + 5
        assert read(table)[1]["version"] == near + 5


def test_a_writer_at_full_speed_killed_at_random_moments_never_shows_a_mixed_or_lost_value(fabric):
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print(f"seed: {seed}")
    create_latest(fabric, EPOCH, "t", VALUE, 1, "writer").close()
    segment = attach_segment(fabric, EPOCH, "t", SEGMENT_KIND_LATEST, VALUE, 1)
    table, value, seen = table_end(segment), np.zeros(1, VALUE), np.zeros(4, np.int64)
    reads = 0
    for _ in range(KILLS):
        child = start(write_forever, fabric, EPOCH)
        goal, give_up = seen[0] + rng.choice([1, 100, 10_000]) // (50 if JIT_OFF else 1), time.monotonic() + DEADLINE_S
        while seen[0] <= goal:
            read_values(table[0], value.ctypes.data, 200, seen)
            reads += 200
            assert child.is_alive() and time.monotonic() < give_up
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        before = int(seen[0])
        version = read_values(table[0], value.ctypes.data, 1, seen)
        assert version >= before, "the last value is gone"
        assert version == value[0]["version"] and value[0]["words"][30] == word_of(version, 30)
    _, stale, mixed, back = seen.tolist()
    print(f"{reads} reads, {stale} stale, last version {seen[0]}")
    assert (mixed, back) == (0, 0)
    assert stale <= reads // 10, "a reader beside a writer at full speed must still see values"
    segment.close()

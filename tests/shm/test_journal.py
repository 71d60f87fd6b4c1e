"""Journal: hot end, copier, recovery, reader; examples and torn, flipped and lost bytes."""

import os
import random

import numpy as np
import pytest

import shm.journal_disk as journal_disk
from shm.ends import journal_end_at
from shm.errors import BadCapacity, JournalCorrupt, JournalGone, JournalWriteFailed, LayoutMismatch, WriterAlreadyAlive
from shm.journal import journal_claim, journal_commit, journal_failed, journal_lag
from shm.journal_disk import JournalDisk, list_files
from shm.journal_view import entry_crcs
from shm.records.journal_file import JOURNAL_FILE_ENTRIES_OFFSET
from tests.support.journal import JournalBench, check_entry

PAYLOAD = 128
ENTRY = 192


@pytest.fixture
def bench(tmp_path):
    bench = JournalBench(tmp_path / "journal", PAYLOAD)
    bench.start()
    yield bench
    bench.stop()


def read_all(reader, from_seq=0):
    """Every entry from `from_seq`, checked; returns the tail."""
    sequence = from_seq
    for head, payload in reader.entries(from_seq):
        check_entry(head, payload, sequence, PAYLOAD)
        sequence += 1
    reader.close()
    return sequence


def fill(bench, count):
    """Append `count` entries, copying whenever the memory is full."""
    while count:
        taken = bench.append(count)
        count -= taken
        if count:
            assert bench.copier.copy_some() > 0


def corrupt(path, offset, mask=1):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ mask]))


def place(sequence, file_entries=10):
    """(name, offset) of an entry on disk."""
    first = sequence // file_entries * file_entries
    return f"{first:020d}.journal", JOURNAL_FILE_ENTRIES_OFFSET + (sequence - first) * ENTRY


def test_append_copy_and_read_back_over_many_files(bench):
    fill(bench, 137)
    while bench.copier.copy_some():
        pass
    assert journal_lag(bench.ends[0]) == 0
    assert bench.copier.copied == 137
    assert len(list_files(bench.folder)) == 14
    assert read_all(bench.reader()) == 137
    assert read_all(bench.reader(memory=False)) == 137
    assert read_all(bench.reader(memory=False), 99) == 137
    assert bench.reader().tail_seq() == bench.reader(memory=False).tail_seq() == 137


def test_full_memory_refuses_until_the_watermark_moves(bench):
    assert bench.append(100) == 16
    assert journal_claim(bench.ends[0]) == 0
    assert bench.ends[0]["refusals"] == 2
    assert bench.copier.lag() == (16, 16 * ENTRY)
    assert bench.copier.copy_some(5) == 5
    assert bench.append(100) == 5
    assert bench.copier.lag() == (16, 16 * ENTRY)


def test_claim_without_commit_is_invisible_and_repeatable(bench):
    bench.append(3)
    assert journal_claim(bench.ends[0]) == journal_claim(bench.ends[0]) != 0
    assert read_all(bench.reader()) == 3
    assert bench.start() == 3


def test_bad_payload_size_is_refused(bench):
    journal_claim(bench.ends[0])
    assert journal_commit(bench.ends[0], 1, -1, 0, 0) == -1
    assert journal_commit(bench.ends[0], 1, PAYLOAD + 1, 0, 0) == -1
    assert bench.ends[0]["next_seq"] == 0


def test_capacity_must_be_a_power_of_two_from_two_on():
    for capacity in (0, 1, 3, 12):
        with pytest.raises(BadCapacity):
            journal_end_at(4096, 128, capacity)


def test_readers_see_memory_before_the_disk_has_it(bench):
    bench.append(7)
    assert read_all(bench.reader()) == 7
    assert read_all(bench.reader(memory=False)) == 0
    bench.copier.copy_some(4)
    assert read_all(bench.reader(memory=False)) == 4
    assert read_all(bench.reader(), 2) == 7


def test_a_reader_goes_on_where_it_stopped(bench):
    reader = bench.reader()
    seen = 0
    for _ in range(30):
        fill(bench, 3)
        bench.copier.copy_some()
        for head, payload in reader.entries(seen):
            check_entry(head, payload, seen, PAYLOAD)
            seen += 1
    assert seen == 90


def test_a_reader_of_a_journal_that_grows_all_the_time_comes_to_an_end(bench):
    bench.append(9)
    chunks = 0
    for chunk in bench.reader().chunks(0, 4):
        chunks += 1
        bench.append(len(chunk))
        bench.copier.copy_some()
        assert chunks <= 3
    assert chunks == 3


def test_process_death_loses_nothing_and_the_new_copier_goes_on(bench):
    fill(bench, 25)
    bench.copier.copy_some(3)
    tail = bench.start()
    assert tail == 25
    fill(bench, 25)
    while bench.copier.copy_some():
        pass
    bench.stop()
    assert read_all(bench.reader(memory=False)) == 50


def test_disk_ahead_of_the_watermark_is_written_again_even_in_the_file_before(bench):
    fill(bench, 8)
    bench.copier.copy_some()
    bench.append(14)
    view = bench.view()
    for run in view.pieces(8, 14):  # a copier that died between its writes and the watermark, past two rotations
        bench.disk.append(int(run["head"]["journal_seq"][0]) - 1, run)
    assert bench.start() == 22
    assert bench.found.tail_seq == 22 and view.watermark == 8
    assert bench.copier.copy_some() == 14
    fill(bench, 30)
    bench.copier.copy_some()
    bench.stop()
    assert read_all(bench.reader(memory=False)) == 52


def test_new_epoch_goes_on_behind_the_disk_with_the_chain_unbroken(bench):
    fill(bench, 33)
    while bench.copier.copy_some():
        pass
    bench.new_epoch()
    assert bench.start() == 33
    fill(bench, 20)
    bench.copier.copy_some()
    assert read_all(bench.reader()) == 53
    epochs = {int(head["epoch"]) for head, _ in bench.reader().entries()}
    assert epochs == {1, 2}


def test_power_loss_loses_only_what_was_behind_the_watermark(bench):
    fill(bench, 22)
    bench.copier.copy_some(3)
    durable = bench.view().watermark
    bench.new_epoch()
    assert bench.start() == durable == 19


@pytest.mark.parametrize("entries_back", [1, 2])
def test_file_cut_at_every_byte_of_the_last_entries_keeps_exactly_the_whole_ones(bench, entries_back):
    fill(bench, 17)
    while bench.copier.copy_some():
        pass
    bench.stop()
    name, _ = place(16)
    content = (bench.folder / name).read_bytes()
    start = place(17 - entries_back)[1]
    for cut in range(0, ENTRY, 1 if entries_back == 1 else 17):
        (bench.folder / name).write_bytes(content[: start + cut])
        bench.new_epoch()
        used = np.flatnonzero(np.frombuffer(content[start : start + ENTRY], np.uint8))[-1] + 1
        size = int(np.frombuffer(content, np.int32, 1, start + 44)[0])
        whole = cut >= min(used, 64 + (size + 7) // 8 * 8)
        assert bench.start() == 17 - entries_back + whole, f"cut {cut}"
        bench.append(1)
        bench.copier.copy_some()
        bench.stop()
        assert (bench.folder / name).stat().st_size == len(content)
        assert read_all(bench.reader(memory=False)) == 18 - entries_back + whole


def test_a_torn_last_entry_is_cut_for_a_flip_of_any_byte_that_counts(bench):
    fill(bench, 15)
    while bench.copier.copy_some():
        pass
    bench.stop()
    name, offset = place(14)
    content = (bench.folder / name).read_bytes()
    size = int(np.frombuffer(content, np.int32, 1, offset + 44)[0])
    for byte in [*range(0, 56, 3), *range(64, 64 + size, 5)]:
        (bench.folder / name).write_bytes(content)
        corrupt(bench.folder / name, offset + byte, 1 << byte % 8)
        bench.new_epoch()
        assert bench.start() == 14, f"byte {byte}"
        assert bench.found.cut_bytes > 0
        bench.stop()
        assert not any((bench.folder / name).read_bytes()[offset:])


@pytest.mark.parametrize("sequence", [10, 13, 15, 19, 20, 21, 24])
def test_corruption_with_valid_entries_behind_stops_and_cuts_nothing(bench, sequence):
    fill(bench, 26)
    while bench.copier.copy_some():
        pass
    bench.stop()
    name, offset = place(sequence)
    corrupt(bench.folder / name, offset + 70 if sequence % 2 == 0 else offset + 16)
    before = {path: path.read_bytes() for _, path in list_files(bench.folder)}
    bench.new_epoch()
    with pytest.raises(JournalCorrupt, match=f"entry {sequence}"):
        bench.start()
    assert {path: path.read_bytes() for _, path in list_files(bench.folder)} == before
    with pytest.raises(JournalCorrupt):
        read_all(bench.reader(memory=False))


def test_corruption_in_an_old_file_is_found_by_the_reader(bench):
    fill(bench, 57)
    while bench.copier.copy_some():
        pass
    bench.stop()
    name, offset = place(9)
    corrupt(bench.folder / name, offset + 8)
    bench.new_epoch()
    bench.start()
    with pytest.raises(JournalCorrupt, match="entry 9"):
        read_all(bench.reader())


def test_an_entry_replaced_by_a_valid_one_breaks_the_chain(bench, tmp_path):
    fill(bench, 15)
    while bench.copier.copy_some():
        pass
    bench.stop()
    forged = JournalBench(tmp_path / "forged", PAYLOAD)
    forged.epoch = 7  # other heads, other crcs, each valid by itself
    forged.start()
    fill(forged, 15)
    while forged.copier.copy_some():
        pass
    forged.stop()
    name, offset = place(12)
    with open(bench.folder / name, "r+b") as file:
        file.seek(offset)
        file.write((forged.folder / name).read_bytes()[offset : offset + ENTRY])
    bench.new_epoch()
    with pytest.raises(JournalCorrupt, match="chain"):
        bench.start()


def test_missing_file_in_the_middle_is_refused_and_a_missing_start_is_gone(bench):
    fill(bench, 45)
    while bench.copier.copy_some():
        pass
    bench.stop()
    (bench.folder / place(0)[0]).unlink()
    with pytest.raises(JournalGone):
        read_all(bench.reader(memory=False))
    assert read_all(bench.reader(memory=False), 10) == 45
    (bench.folder / place(20)[0]).unlink()
    with pytest.raises(JournalCorrupt, match="to start at 20"):
        bench.start()


def test_disk_that_lost_synced_entries_contradicts_the_memory(bench):
    fill(bench, 9)
    bench.copier.copy_some()
    bench.stop()
    name, offset = place(8)
    corrupt(bench.folder / name, offset + 8)
    with pytest.raises(JournalCorrupt, match="watermark 9"):
        bench.start()


def test_disk_of_another_life_contradicts_the_memory(bench, tmp_path):
    fill(bench, 9)
    bench.copier.copy_some(5)
    bench.stop()
    other = JournalBench(tmp_path / "other", PAYLOAD)
    other.epoch = 3
    other.start()
    fill(other, 7)
    other.copier.copy_some()
    other.stop()
    bench.folder = other.folder
    with pytest.raises(JournalCorrupt, match="another entry"):
        bench.start()


@pytest.mark.parametrize("what", ["payload", "sequence", "crc", "ahead"])
def test_corrupt_memory_is_refused(bench, what):
    bench.append(12)
    slots = bench.view().entries
    if what == "payload":
        slots["payload"][5][0] ^= 4
    elif what == "sequence":
        slots["head"]["journal_seq"][5] = 0
    elif what == "crc":
        slots["head"]["crc"][11] ^= 1
    else:
        bench.view().publish_watermark(13)
    with pytest.raises(JournalCorrupt):
        bench.start()


def test_other_entry_size_is_refused(bench):
    bench.stop()
    with pytest.raises(LayoutMismatch):
        JournalDisk(bench.folder, ENTRY + 64).recover()


def test_second_writer_is_refused(bench):
    with pytest.raises(WriterAlreadyAlive):
        JournalDisk(bench.folder, ENTRY).recover()


def test_unfinished_file_of_a_dead_copier_does_not_count(bench):
    fill(bench, 10)
    bench.copier.copy_some()
    bench.stop()
    (bench.folder / f"{10:020d}.new").write_bytes(b"half")
    assert bench.start() == 10
    fill(bench, 5)
    bench.copier.copy_some()
    assert read_all(bench.reader(memory=False)) == 15


@pytest.mark.parametrize(
    ("call", "number"),
    [("pwrite", 28), ("pwrite", 5), ("fdatasync", 5), ("fdatasync", 28), ("posix_fallocate", 28), ("fsync", 5)],
)
def test_write_and_sync_errors_are_fatal_and_never_tried_again(bench, monkeypatch, call, number):
    fill(bench, 9)
    bench.copier.copy_some()
    fill(bench, 5)  # the next copy rotates
    calls = []

    def fail(*arguments):
        calls.append(arguments)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(journal_disk.os, call, fail)
    for _ in range(3):
        with pytest.raises(JournalWriteFailed):
            bench.copier.copy_some()
    assert len(calls) == 1
    assert journal_failed(bench.ends[0]) == number
    assert bench.view().watermark == 9
    monkeypatch.undo()
    assert bench.start() == 14, "after a start with a sound disk nothing is missing"
    assert journal_failed(bench.ends[0]) == 0
    bench.copier.copy_some()
    assert read_all(bench.reader(memory=False)) == 14


def test_short_write_is_fatal(bench, monkeypatch):
    bench.append(6)
    real = os.pwrite
    monkeypatch.setattr(journal_disk.os, "pwrite", lambda handle, content, at: real(handle, content[:-5], at))
    with pytest.raises(JournalWriteFailed, match="short write"):
        bench.copier.copy_some()
    monkeypatch.undo()
    assert bench.start() == 6


def test_crc_of_the_hot_end_equals_the_readers(bench):
    bench.append(16)
    entries = bench.view().entries
    assert (entry_crcs(entries) == entries["head"]["crc"]).all()
    assert len(set(entries["head"]["crc"].tolist())) == 16


def test_random_lives_against_a_list(tmp_path):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    bench = JournalBench(tmp_path / "journal", PAYLOAD)
    tail = bench.start()
    for _ in range(250):
        action = chance.random()
        if action < 0.5:
            tail += bench.append(chance.randrange(1, 9))
        elif action < 0.75:
            bench.copier.copy_some(chance.randrange(1, 20))
        elif action < 0.9:
            assert bench.start() == tail, f"seed {seed}"
        else:
            durable = bench.view().watermark
            bench.new_epoch()
            tail = bench.start()
            assert tail == durable, f"seed {seed}"
        assert journal_lag(bench.ends[0]) == tail - bench.view().watermark
        if chance.random() < 0.2:
            assert read_all(bench.reader(), chance.randrange(tail + 1)) == tail, f"seed {seed}"
    assert read_all(bench.reader()) == tail
    bench.stop()

"""Identifier blocks: never one id twice, whatever dies when."""

import os
import random
import signal
import subprocess
import sys

import pytest

import shm.ids_disk as ids_disk
from shm.errors import IdFileDamaged, IdWriteFailed, WriterAlreadyAlive
from shm.ids import IDS_END, IDS_NEXT, IDS_RESERVED_END, IdBlock, ids_words, take_id
from shm.ids_disk import FILE_BYTES, SLOT_OFFSETS, IdFile


class Crash(BaseException):
    """The machine is gone."""


class FaultyOs:
    """`os` with a disk that forgets: a write that was not synced is kept, lost or torn when the crash comes."""

    def __init__(self, chance):
        self.chance = chance
        self.steps_left = -1
        self.pending = []

    def __getattr__(self, name):
        return getattr(os, name)

    def _step(self):
        self.steps_left -= 1
        if self.steps_left == 0:
            raise Crash

    def pwrite(self, handle, content, offset):
        self._step()
        self.pending.append((os.dup(handle), offset, os.pread(handle, len(content), offset), content))
        os.pwrite(handle, content, offset)
        self._step()
        return len(content)

    def fdatasync(self, handle):
        self._step()
        self.settle()
        self._step()

    fsync = fdatasync

    def power_loss(self):
        for handle, offset, before, after in self.pending:
            outcome = self.chance.randrange(3)
            if outcome == 0:
                os.pwrite(handle, before.ljust(len(after), b"\0"), offset)
            elif outcome == 1:
                cut = self.chance.randrange(len(after))
                os.pwrite(handle, after[:cut] + before.ljust(len(after), b"\0")[cut:], offset)
        self.settle()

    def settle(self):
        for handle, *_ in self.pending:
            os.close(handle)  # a copy of its own: the writer may have closed the file in its crash
        self.pending.clear()


def test_ids_count_up_over_blocks_and_stop_when_nobody_extends(tmp_path):
    block = IdBlock(tmp_path / "ids", 3)
    words = block.open()
    assert [take_id(words) for _ in range(7)] == [1, 2, 3, 4, 5, 6, 0]
    assert block.extend() and not block.extend()
    assert [take_id(words) for _ in range(4)] == [7, 8, 9, 0]


def test_a_restart_starts_above_everything_that_was_reserved(tmp_path):
    block = IdBlock(tmp_path / "ids", 10)
    words = block.open()
    assert take_id(words) == 1
    block.close()
    again = IdBlock(tmp_path / "ids", 10)
    assert take_id(again.open()) == 21


def test_the_last_id_is_respected(tmp_path):
    block = IdBlock(tmp_path / "ids", 4, first=5, last=10)
    words = block.open()
    assert [take_id(words) for _ in range(7)] == [5, 6, 7, 8, 9, 10, 0]
    assert not block.extend()
    block.close()
    again = IdBlock(tmp_path / "ids", 4, first=5, last=10)
    assert take_id(again.open()) == 0


def test_two_openers_at_once_are_refused(tmp_path):
    first = IdBlock(tmp_path / "ids", 4)
    first.open()
    with pytest.raises(WriterAlreadyAlive):
        IdBlock(tmp_path / "ids", 4).open()


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\0" * FILE_BYTES, b"\1" * (FILE_BYTES + 64)])
def test_damaged_file_is_refused_and_kept(content, tmp_path):
    path = tmp_path / "ids"
    path.write_bytes(content)
    with pytest.raises(IdFileDamaged):
        IdBlock(path, 4).open()
    assert path.read_bytes() == content


@pytest.mark.parametrize("slot", [0, 1])
@pytest.mark.parametrize("reservations", [1, 2, 3])
@pytest.mark.parametrize("block_size_after", [3, 10, 40])
def test_one_damaged_slot_skips_whatever_it_may_have_reserved(slot, reservations, block_size_after, tmp_path):
    path = tmp_path / "ids"
    file = IdFile(path, 10)
    file.open()
    greatest = max(file.reserve()[1] for _ in range(reservations))
    file.close()
    for _ in range(2):  # damaged again after the first repair
        with open(path, "r+b") as raw:
            raw.seek(SLOT_OFFSETS[slot] + 17)
            byte = raw.read(1)
            raw.seek(SLOT_OFFSETS[slot] + 17)
            raw.write(bytes([byte[0] ^ 0x40]))
        file = IdFile(path, block_size_after)
        assert file.open() >= greatest
        first, greatest = file.reserve()
        assert first >= greatest - block_size_after
        file.close()


def test_write_error_hands_out_nothing_and_is_never_tried_again(tmp_path, monkeypatch):
    block = IdBlock(tmp_path / "ids", 2)
    words = block.open()
    assert [take_id(words) for _ in range(3)] == [1, 2, 3]
    calls = []

    def fail(handle):
        calls.append(handle)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(ids_disk.os, "fdatasync", fail)
    for _ in range(3):
        with pytest.raises(IdWriteFailed):
            block.extend()
    assert len(calls) == 1
    assert words[IDS_RESERVED_END] == 0
    assert [take_id(words) for _ in range(2)] == [4, 0]


def test_short_write_is_an_error(tmp_path, monkeypatch):
    block = IdBlock(tmp_path / "ids", 2)
    words = block.open()
    take_id(words), take_id(words), take_id(words)
    real = os.pwrite
    monkeypatch.setattr(ids_disk.os, "pwrite", lambda handle, content, offset: real(handle, content[:8], offset))
    with pytest.raises(IdWriteFailed, match="short write"):
        block.extend()


def test_no_id_twice_over_ten_thousand_power_losses_at_every_step(tmp_path, monkeypatch):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    faulty = FaultyOs(chance)
    monkeypatch.setattr(ids_disk, "os", faulty)
    path = tmp_path / "ids"
    greatest = 0
    crashed = 0
    for trial in range(10_000):
        block = IdBlock(path, chance.choice((1, 2, 3, 7)))
        faulty.steps_left = chance.randrange(1, 30)
        try:
            words = block.open()
            for _ in range(chance.randrange(20)):
                taken = take_id(words)
                if taken:
                    assert taken > greatest, f"seed {seed} trial {trial}: id {taken} after {greatest}"
                    greatest = taken
                if chance.random() < 0.5:
                    block.extend()
        except Crash:
            crashed += 1
        faulty.power_loss()
        block.close()
    assert crashed > 2000 and greatest > 1000


CHILD = """
import sys
from pathlib import Path
from shm.ids import IdBlock, take_id
block = IdBlock(Path(sys.argv[1]), 50)
words = block.open()
while True:
    taken = take_id(words)
    if taken:
        sys.stdout.write(f"{taken}\\n")
    else:
        block.extend()
"""


def test_kill_9_of_a_real_process_never_repeats_an_id(tmp_path):
    seen = set()
    for _ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path / "ids")],
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        taken = [int(child.stdout.readline()) for _ in range(random.randrange(1, 400))]
        child.send_signal(signal.SIGKILL)
        taken += [int(line) for line in child.stdout.read().split("\n")[:-1]]
        child.wait()
        assert not seen.intersection(taken)
        seen.update(taken)


def test_words_without_a_block_give_nothing():
    assert take_id(ids_words()) == 0


def test_hand_over_happens_once_per_block(tmp_path):
    block = IdBlock(tmp_path / "ids", 2)
    words = block.open()
    assert (words[IDS_NEXT], words[IDS_END], words[IDS_RESERVED_END]) == (1, 3, 5)
    assert not block.extend(), "one block ahead is enough"
    take_id(words), take_id(words), take_id(words)
    assert block.extend()
    assert words[IDS_RESERVED_END] == 7

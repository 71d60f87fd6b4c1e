"""Snapshot files: the newest sound one is used, whatever happened to the others; two are kept; no write is tried twice."""

import os
import random

import pytest

import shm.snapshot as snapshot
from shm.errors import JournalWriteFailed
from shm.snapshot import SNAPSHOTS_KEPT, list_snapshots, newest_snapshot, store_snapshot

LAYOUT = 77
TAIL = 400  # entries of the journal


def crc_of(sequence: int) -> int | None:
    """crc of each entry of a journal of TAIL entries."""
    return sequence * 7 + 1 if 0 <= sequence < TAIL else None


def store(folder, next_seq: int, body: bytes = b"", layout: int = LAYOUT, crc: int | None = None):
    crc = (next_seq - 1) * 7 + 1 if crc is None else crc
    return store_snapshot(folder, next_seq, crc, layout, body or b"body %d" % next_seq)


def used(folder) -> int:
    """next_seq of the snapshot that a start would use; its body is the right one."""
    found = newest_snapshot(folder, LAYOUT, crc_of)
    assert found.body == (b"body %d" % found.next_seq if found.next_seq else b"")
    return found.next_seq


def test_the_newest_is_used_and_two_are_kept(tmp_path):
    assert used(tmp_path) == 0
    for next_seq in (10, 20, 30, 40):
        store(tmp_path, next_seq)
        assert used(tmp_path) == next_seq
    assert [int(path.stem) for path in list_snapshots(tmp_path)] == [30, 40]
    assert SNAPSHOTS_KEPT == 2


def test_one_that_is_torn_at_any_byte_is_passed_over(tmp_path):
    store(tmp_path, 10)
    path = store(tmp_path, 20)
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        assert used(tmp_path) == 10, f"cut at {size}"
    path.write_bytes(content + b"\0")
    assert used(tmp_path) == 10, "longer than it was"


def test_any_flipped_bit_passes_it_over(tmp_path):
    store(tmp_path, 10)
    path = store(tmp_path, 20)
    content = path.read_bytes()
    for byte in range(len(content)):
        for bit in range(8):
            altered = bytearray(content)
            altered[byte] ^= 1 << bit
            path.write_bytes(altered)
            assert used(tmp_path) == 10, f"byte {byte} bit {bit}"


REASONS = """
newer than the journal   : next_seq=401 crc=5               -> it is newer than the journal
of another journal       : next_seq=30 crc=12345            -> it is of another journal
of another layout        : next_seq=30 layout=78            -> it is of layout 78, not 77
"""


def test_one_that_does_not_belong_is_passed_over_with_the_reason(tmp_path):
    for number, line in enumerate(REASONS.strip().splitlines()):
        name, _, rest = line.partition(":")
        words, _, reason = rest.partition("->")
        folder = tmp_path / str(number)
        store(folder, 10)
        store(folder, **{key: int(value) for key, value in (word.split("=") for word in words.split())})
        found = newest_snapshot(folder, LAYOUT, crc_of)
        assert found.next_seq == 10, name
        (said,) = found.passed_over
        assert said.endswith(reason.strip()), said


def test_one_under_another_name_is_passed_over(tmp_path):
    store(tmp_path, 10)
    store(tmp_path, 20).rename(tmp_path / f"{30:020d}.snapshot")
    assert used(tmp_path) == 10


def test_when_all_are_bad_the_whole_journal_is_read(tmp_path):
    for next_seq in (10, 20):
        store(tmp_path, next_seq).write_bytes(b"")
    found = newest_snapshot(tmp_path, LAYOUT, crc_of)
    assert found.next_seq == 0 and len(found.passed_over) == 2


def test_a_draft_that_a_dead_process_left_does_not_count_and_is_removed(tmp_path):
    store(tmp_path, 10)
    (tmp_path / f"{20:020d}.new").write_bytes(b"half")
    assert used(tmp_path) == 10
    store(tmp_path, 30)
    assert not list(tmp_path.glob("*.new"))


def test_death_at_any_moment_of_a_store_leaves_a_sound_newest_one(tmp_path, monkeypatch):
    """Every file operation of a store is the last one in turn."""
    operations = ("fsync", "rename", "open")
    calls = []
    for name in operations:
        real = getattr(os, name)
        monkeypatch.setattr(snapshot.os, name, lambda *a, real=real, name=name: (calls.append(name), real(*a))[1])
    store(tmp_path, 10)
    monkeypatch.undo()
    for last in range(len(calls)):
        left = last

        class Died(BaseException):
            pass

        def dying(*arguments, real):
            nonlocal left
            if left == 0:
                raise Died
            left -= 1
            return real(*arguments)

        for name in operations:
            real = getattr(os, name)
            monkeypatch.setattr(snapshot.os, name, lambda *a, real=real: dying(*a, real=real))
        with pytest.raises(Died):
            store(tmp_path, 20)
        monkeypatch.undo()
        assert used(tmp_path) in (10, 20), f"died before operation {last}: {calls[last]}"
        for path in tmp_path.glob("*20.*"):
            path.unlink()


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_an_error_is_told_once_and_nothing_is_tried_again(tmp_path, monkeypatch, call):
    store(tmp_path, 10)
    calls = []

    def fail(*_):
        calls.append(call)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(snapshot.os, call, fail)
    with pytest.raises(JournalWriteFailed, match="Input/output error"):
        store(tmp_path, 20)
    monkeypatch.undo()
    assert len(calls) == 1 and used(tmp_path) == 10


def test_random_damage_never_gives_a_body_that_was_not_stored(tmp_path):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    for turn in range(100):
        store(tmp_path, 10)
        path = store(tmp_path, 20)
        content = bytearray(path.read_bytes())
        for _ in range(chance.randrange(1, 4)):
            first = chance.randrange(len(content))
            last = min(len(content), first + chance.randrange(1, 40))
            kind = chance.choice(("zero", "repeat", "cut", "noise"))
            if kind == "zero":
                content[first:last] = bytes(last - first)
            elif kind == "repeat":
                content[first:last] = content[: last - first]
            elif kind == "cut":
                del content[first:last]
            else:
                content[first:last] = chance.randbytes(last - first)
            if not content:
                break
        path.write_bytes(content)
        used(tmp_path)  # asserts that the body is one that was stored under that sequence
        for left in tmp_path.iterdir():
            left.unlink()
        assert not list_snapshots(tmp_path), f"seed {seed} turn {turn}"

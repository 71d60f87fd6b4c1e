"""Power losses at any write or sync, with any subset of unsynced sectors lost: what was durable stays, ids stay unique."""

import random

import numpy as np
import pytest

from shm.errors import JournalCorrupt
from shm.ids_disk import IdFile
from shm.journal_view import entries_valid, entry_dtype
from tests.support.journal import JournalBench, check_entry
from tests.support.power import Power, PowerLost

PAYLOAD_BYTES = 200
LIVES = 60


def read_all(bench: JournalBench) -> int:
    sequence = 0
    for head, payload in bench.reader(memory=False).entries():
        check_entry(head, payload, sequence, PAYLOAD_BYTES)
        sequence += 1
    return sequence


def live(bench: JournalBench, chance: random.Random) -> None:
    """Append and copy until the power goes."""
    while True:
        bench.append(chance.randrange(4, 32))
        bench.copier.copy_some(chance.randrange(4, 32))


def has_hole(bench: JournalBench) -> bool:
    """Whether something valid lies behind something that is not: all that a refusal may be for."""
    entry_bytes = bench.view().entry_bytes
    for path in bench.folder.glob("*.journal"):
        content = path.read_bytes()[512:]
        whole = len(content) // entry_bytes * entry_bytes
        valid = entries_valid(np.frombuffer(content[:whole], entry_dtype(entry_bytes)), int(path.stem)).tolist()
        if False in valid and True in valid[valid.index(False) :]:
            return True
    return False


@pytest.mark.parametrize("lives", [LIVES, pytest.param(50 * LIVES, marks=pytest.mark.soak)])
def test_what_was_behind_the_watermark_survives_and_the_rest_is_a_tail_or_a_refusal(tmp_path, monkeypatch, lives):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    refused = cut = behind = 0
    bench, number = None, 0
    with monkeypatch.context() as patch:
        power = Power(patch, chance)
        for life in range(lives):
            what = f"seed {seed}, life {life}"
            if bench is None:
                number += 1
                bench = JournalBench(tmp_path / str(number), PAYLOAD_BYTES, 32, 10)
                bench.start()
            power.lose_after(chance.randrange(1, 20))
            with pytest.raises(PowerLost):
                live(bench, chance)
            watermark, tail = bench.view().watermark, int(bench.ends[0]["next_seq"])
            power.lose()
            bench.stop()
            bench.new_epoch()
            try:
                found = bench.start()
            except JournalCorrupt:
                assert has_hole(bench), f"{what}: refused without a reason"
                refused, bench = refused + 1, None  # a person looks; the next life has another journal
                continue
            assert watermark <= found <= tail, f"{what}: {watermark} durable, {tail} appended, {found} found"
            assert read_all(bench) == found, what
            cut, behind = cut + (bench.found.cut_bytes > 0), behind + (tail - found)
        if bench is not None:
            bench.stop()
    print(f"{lives} power losses: {cut} torn tails, {refused} refused, {behind} entries behind a watermark lost")
    assert cut + refused > 0 and behind > 0


def test_no_identifier_is_ever_given_out_twice(tmp_path, monkeypatch):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    used: set[int] = set()
    with monkeypatch.context() as patch:
        power = Power(patch, chance)
        for life in range(200):
            ids = IdFile(tmp_path / "ids", 7)
            power.lose_after(chance.randrange(2, 12))
            try:
                ids.open()
                while True:
                    block = range(*ids.reserve())
                    assert used.isdisjoint(block), f"seed {seed}, life {life}: {block} again"
                    used.update(block)
            except PowerLost:
                power.lose()
                ids.close()
    assert len(used) > 200

"""`quintet journal prune` removes only lives that are over, old and sound, and only when it is told to."""

import os
import time

import pytest

from config.load import load
from procs.runtime.fabric import Fabric
from procs.runtime.paths import state_folder
from procs.runtime.retention import DAY_S, LEAVING, lives
from procs.runtime.settled import SETTLED
from shm.journal_disk import list_files
from tests.support.cli import call
from tests.support.journal import JournalBench

pytestmark = pytest.mark.usefixtures("folders")

LIVES = """
epoch  settled  days  damaged  -> fate
100    yes      40    no       -> goes
200    no       40    no       -> not settled
300    yes      40    yes      -> damaged
400    yes      29    no       -> younger
500    yes      31    no       -> goes
600    yes      90    no       -> newest
"""


def make_life(name: str, epoch: int, settled: bool, days: int, damaged: bool) -> None:
    """An epoch's folder with one journal of ten entries in two files, a snapshot and a configuration."""
    folder = state_folder(name) / "journal" / str(epoch)
    bench = JournalBench(folder / "order_sender", 64, 16, 6)
    bench.start()
    bench.append(10)
    bench.copier.copy_some()
    bench.stop()
    (folder / "order_sender" / "snapshot").mkdir()
    (folder / "order_sender" / "snapshot" / "00000000000000000005.snapshot").write_bytes(b"snapshot")
    (folder / "configuration.json").write_text("{}")
    if settled:
        (folder / SETTLED).write_text("{}")
    if damaged:
        path = list_files(folder / "order_sender")[0][1]
        content = bytearray(path.read_bytes())
        content[512 + 8] ^= 1  # its latency stamp
        path.write_bytes(content)
    at_s = time.time() - days * DAY_S
    for path in folder.rglob("*"):
        os.utime(path, (at_s, at_s))


@pytest.fixture
def lived(name):
    """The lives of the table."""
    for line in LIVES.strip().splitlines()[1:]:
        epoch, settled, days, damaged, _, _ = line.split(maxsplit=5)
        make_life(name, int(epoch), settled == "yes", int(days), damaged == "yes")
    return name


def epochs(name: str) -> list[str]:
    return sorted(path.name for path in (state_folder(name) / "journal").iterdir())


def test_without_apply_it_says_what_would_go_and_removes_nothing(lived):
    before = {path: path.stat().st_size for path in state_folder(lived).rglob("*")}
    answer = call("journal", "prune", "--days", "30", "--name", lived)
    assert answer.code == 0, answer.err
    rows = {line.split()[0]: line for line in answer.out.splitlines()[1:]}
    for line in LIVES.strip().splitlines()[1:]:
        epoch, fate = line.split()[0], line.partition("->")[2].strip()
        assert ("would go" if fate == "goes" else fate) in rows[epoch], rows[epoch]
    assert "2 of 6 lives would go" in answer.out and "--apply" in answer.out
    assert {path: path.stat().st_size for path in state_folder(lived).rglob("*")} == before


def test_with_apply_exactly_those_go(lived):
    said = call("journal", "prune", "--days", "30", "--json", "--name", lived).json()
    going = [str(row["epoch"]) for row in said["lives"] if not row["kept"]]
    assert going == ["100", "500"] and said["applied"] is False
    assert call("journal", "prune", "--days", "30", "--apply", "--name", lived).code == 0
    assert epochs(lived) == ["200", "300", "400", "600"]
    assert call("journal", "prune", "--days", "30", "--apply", "--name", lived).out.endswith(
        "0 of 4 lives removed, 0.0 MB\n"
    )


def test_five_years_stay_unless_fewer_days_are_asked_for(lived):
    assert "0 of 6 lives would go" in call("journal", "prune", "--name", lived).out


def test_a_removal_that_died_in_between_is_no_life_and_is_finished(lived):
    folder = state_folder(lived) / "journal"
    (folder / "100").rename(folder / f"100{LEAVING}")
    assert "would go" not in call("journal", "prune", "--days", "30", "--name", lived).out.split("500")[0]
    call("journal", "prune", "--days", "30", "--apply", "--name", lived)
    assert epochs(lived) == ["200", "300", "400", "600"]


def test_the_living_life_stays_whatever_is_asked(name):
    make_life(name, 100, True, 40, False)
    fabric = Fabric(load(name))
    try:
        make_life(name, fabric.epoch, True, 4000, False)
        make_life(name, fabric.epoch + 5, True, 4000, False)
        found = {life.epoch: life.kept for life in lives(state_folder(name), fabric.epoch, 1)}
        assert found == {100: "", fabric.epoch: "it is the living one", fabric.epoch + 5: "it is the newest one"}
        call("journal", "prune", "--days", "1", "--apply", "--name", name)
        assert epochs(name) == [str(fabric.epoch), str(fabric.epoch + 5)]
    finally:
        fabric.destroy()


MISTAKES = """
journal --apply                       : `quintet journal prune`
journal order_sender --days 3         : `quintet journal prune`
journal prune --days 0                : at least 1
journal prune --days some             : at least 1
"""


def test_a_mistake_exits_2_and_removes_nothing(lived):
    before = epochs(lived)
    for line in MISTAKES.strip().splitlines():
        words, _, sentence = line.partition(" : ")
        answer = call(*words.split(), "--name", lived)
        assert answer.code == 2 and sentence.strip() in answer.err, (words, answer)
    assert epochs(lived) == before

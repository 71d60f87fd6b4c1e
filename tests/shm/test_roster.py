"""Roster: one life per name, living ones refused, dead ones reclaimed, nothing left behind."""

import os
import subprocess
import sys

import pytest

from shm import errors
from shm.records.roster import ROSTER_BLOB_BYTES_MAX
from shm.records.segment_header import SEGMENT_KIND_LATEST
from shm.records.top import TOP
from shm.roster import create_fabric_epoch, destroy, list_fabrics, living_owners, read_roster, roster_lock
from shm.segment import attach_segment, list_objects
from shm.segment_kinds import create_latest

CREATOR = """
import sys
from shm.roster import create_fabric_epoch
from shm.records.top import TOP
from shm.segment_kinds import create_latest
epoch = create_fabric_epoch(sys.argv[1], b"theirs")
create_latest(sys.argv[1], epoch, "tops", TOP, 2, "feed_handler")
print(epoch, flush=True)
sys.stdin.readline()
"""


def creator(name):
    """A process that made a fabric; ends at the end of its input."""
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": "."}
    child = subprocess.Popen([sys.executable, "-c", CREATOR, name], stdin=pipe, stdout=pipe, env=environment)
    return child, int(child.stdout.readline())


def finish(child):
    child.communicate()
    assert child.returncode == 0


def test_a_new_fabric_is_found_by_name_with_its_configuration(fabric):
    epoch = create_fabric_epoch(fabric, b'{"profile": "demo"}')
    roster = read_roster(fabric)
    assert (roster.epoch, roster.blob, roster.creator_pid) == (epoch, b'{"profile": "demo"}', os.getpid())
    assert roster.creator_alive and fabric in list_fabrics()
    assert destroy(fabric) == 1 and fabric not in list_fabrics()


def test_no_fabric_of_that_name_says_so(fabric):
    with pytest.raises(errors.NoSuchFabric, match=fabric):
        read_roster(fabric)
    with pytest.raises(errors.NoSuchFabric):
        with roster_lock(fabric):
            pass
    assert destroy(fabric) == 0


def test_a_living_creator_keeps_his_fabric(fabric):
    child, epoch = creator(fabric)
    for attempt in (create_fabric_epoch, destroy):
        with pytest.raises(errors.FabricAlive, match=f"process {child.pid}"):
            attempt(fabric)
    assert read_roster(fabric).epoch == epoch and list_objects(fabric) == [(epoch, "tops")]
    finish(child)
    assert not read_roster(fabric).creator_alive


def test_a_living_owner_keeps_the_fabric_of_a_one_shot_creator(fabric):
    child, epoch = creator(fabric)
    finish(child)
    held = attach_segment(fabric, epoch, "tops", SEGMENT_KIND_LATEST, TOP, 2, adopt=True, owner="feed_handler")
    assert living_owners(fabric) == {f"{epoch}.tops": os.getpid()}
    with pytest.raises(errors.FabricAlive, match="tops"):
        create_fabric_epoch(fabric)
    held.close()
    assert living_owners(fabric) == {}


def test_a_dead_life_is_reclaimed_and_the_epoch_grows(fabric):
    child, epoch = creator(fabric)
    finish(child)
    create_latest(fabric, epoch + 1_000_000, "strange", TOP, 1, "x").close()  # a clock that ran ahead
    now = create_fabric_epoch(fabric, b"ours")
    assert now == epoch + 1_000_001, "an epoch is never used twice, whatever the clock says"
    assert list_objects(fabric) == []
    assert read_roster(fabric).blob == b"ours"


def test_an_epoch_that_only_journals_remember_is_not_used_again(fabric):
    ahead = create_fabric_epoch(fabric) + 1_000_000
    destroy(fabric)  # or a power loss: nothing in memory remembers it
    assert create_fabric_epoch(fabric, journalled_epoch=ahead) == ahead + 1


def test_objects_without_a_roster_are_reclaimed(fabric):
    create_latest(fabric, 3, "tops", TOP, 1, "x").close()
    with open(f"/dev/shm/quintet.{fabric}.3.cut", "wb") as file:
        file.write(b"short")
    create_fabric_epoch(fabric)
    assert list_objects(fabric) == []


def test_a_half_made_roster_of_a_dead_creator_is_replaced(fabric):
    with open(f"/dev/shm/quintet.{fabric}", "wb"):
        pass
    with pytest.raises(errors.SegmentTooSmall):
        read_roster(fabric, deadline_s=0.05)
    create_fabric_epoch(fabric, b"x")
    assert read_roster(fabric).blob == b"x"


def test_the_configuration_has_a_limit(fabric):
    with pytest.raises(errors.BlobTooLarge):
        create_fabric_epoch(fabric, b"x" * (ROSTER_BLOB_BYTES_MAX + 1))
    assert fabric not in list_fabrics()
    create_fabric_epoch(fabric, b"y" * ROSTER_BLOB_BYTES_MAX)
    assert read_roster(fabric).blob == b"y" * ROSTER_BLOB_BYTES_MAX


def test_two_names_live_side_by_side(fabric):
    epoch, other = create_fabric_epoch(fabric), f"{fabric}-b"
    beside = create_fabric_epoch(other)
    create_latest(fabric, epoch, "tops", TOP, 1, "x").close()
    create_latest(other, beside, "tops", TOP, 1, "x").close()
    assert destroy(other) == 2
    assert list_objects(fabric) == [(epoch, "tops")]


def test_force_removes_the_names_of_a_living_fabric(fabric):
    child, _ = creator(fabric)
    assert destroy(fabric, force=True) == 2
    assert fabric not in list_fabrics() and list_objects(fabric) == []
    finish(child)


def test_of_many_that_start_at_once_one_wins(fabric):
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CREATOR, fabric],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": "."},
        )
        for _ in range(4)
    ]
    first_words = [child.stdout.readline() for child in children]  # an epoch, or the end of a refused one
    outputs = [child.communicate() for child in children]
    assert [bool(words) for words in first_words].count(True) == 1
    assert sum(b"FabricAlive" in error for _, error in outputs) == 3


def test_the_rosters_lock_is_held_by_one(fabric):
    create_fabric_epoch(fabric)
    code = (
        "import fcntl, sys; f = open(sys.argv[1]);\n"
        "try: fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "except BlockingIOError: sys.exit(7)"
    )
    command = [sys.executable, "-c", code, f"/dev/shm/quintet.{fabric}"]
    with roster_lock(fabric):
        assert subprocess.run(command).returncode == 7
    assert subprocess.run(command).returncode == 0

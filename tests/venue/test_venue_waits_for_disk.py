"""Driven time and the disk: the venue sees how far a role's journal is behind, and history waits for it."""

import ctypes
import random

import numpy as np
import pytest

from procs.venue.playback import DONE, PLAYING
from procs.venue.quiet import BEHIND_SHARE, QUIET, is_disk_behind, prepare_quiet
from shm.ends import journal_end_at
from shm.jit import JIT_OFF
from shm.journal import JOURNAL_FILL, journal_claim, journal_commit, journal_drain
from shm.journal_view import JournalView
from shm.records.journal_end import JOURNAL_ENTRIES_OFFSET
from shm.scratch import scratch_journal
from tests.venue.test_history import small_rig, tell_published

CAPACITY, PAYLOAD_BYTES = 16, 64
ROUNDS = 300 if JIT_OFF else 20_000


class Watched:
    """A journal with its writer and its copier's word, and a venue's look at it from an end of its own."""

    def __init__(self, journals: int = 1):
        self.ends = [scratch_journal(PAYLOAD_BYTES, CAPACITY) for _ in range(journals)]
        objects = [int(end[0]["entries_addr"]) - JOURNAL_ENTRIES_OFFSET for end in self.ends]
        self.looks = np.concatenate([journal_end_at(address, PAYLOAD_BYTES, CAPACITY) for address in objects])
        self.quiet = np.zeros(1, QUIET)
        prepare_quiet(self.quiet[0], np.zeros(0, np.int64), self.looks)

    def view(self, journal: int = 0) -> JournalView:
        end = self.ends[journal][0]
        size = JOURNAL_ENTRIES_OFFSET + CAPACITY * int(end["entry_bytes"])
        memory = (ctypes.c_char * size).from_address(int(end["entries_addr"]) - JOURNAL_ENTRIES_OFFSET)
        return JournalView(memory, int(end["entry_bytes"]), CAPACITY)

    def append(self, entries: int, journal: int = 0) -> None:
        for _ in range(entries):
            assert journal_claim(self.ends[journal][0]) != 0
            journal_commit(self.ends[journal][0], JOURNAL_FILL, 8, 0, 0)

    def behind(self) -> bool:
        return bool(is_disk_behind(self.quiet[0]))


def test_a_journal_is_behind_from_a_quarter_until_it_is_copied_again():
    watched = Watched()
    limit = CAPACITY // BEHIND_SHARE
    assert not watched.behind(), "new memory"
    watched.append(limit)
    assert not watched.behind()
    watched.append(1)
    assert watched.behind()
    watched.append(CAPACITY // 2 - limit - 1)
    assert watched.behind(), "half full"
    watched.append(CAPACITY // 2)
    assert journal_claim(watched.ends[0][0]) == 0 and watched.behind(), "full, and its writer stands still"
    watched.view().publish_watermark(CAPACITY - limit)
    assert not watched.behind(), "copied but for a quarter"
    watched.append(1)
    assert watched.behind()
    journal_drain(watched.ends[0][0])
    assert not watched.behind()


def test_any_watched_journal_is_enough_and_an_entry_counts_once_it_is_complete():
    watched = Watched(journals=3)
    watched.append(CAPACITY // BEHIND_SHARE, journal=2)
    assert journal_claim(watched.ends[2][0]) != 0 and not watched.behind()
    watched.append(1, journal=2)
    assert watched.behind()
    journal_drain(watched.ends[2][0])
    assert not watched.behind()


def test_a_journal_whose_disk_failed_for_good_is_not_waited_for():
    watched = Watched(journals=2)
    watched.append(CAPACITY)
    watched.view().publish_failed(5)
    assert not watched.behind(), "the firm is HALTED, and nothing will be copied"
    watched.append(CAPACITY, journal=1)
    assert watched.behind(), "the other one is"


def test_what_the_venue_sees_is_appended_less_copied_over_many_rounds_of_the_memory():
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    dice, watched = random.Random(seed), Watched()
    view, appended, copied, seen = watched.view(), 0, 0, set()
    for _ in range(ROUNDS):
        if dice.random() < 0.5:
            entries = min(dice.randint(1, 4), CAPACITY - (appended - copied))
            watched.append(entries)
            appended += entries
        else:
            copied = dice.randint(copied, appended)
            view.publish_watermark(copied)
        expected = appended - copied > CAPACITY // BEHIND_SHARE
        assert watched.behind() == expected, (appended, copied)
        seen.add(expected)
    assert seen == {False, True} and appended > CAPACITY * 10


def playing(watched: Watched, **options):
    """A rig whose history plays, one event in."""
    rig = small_rig(journals=watched.looks, **options)
    words = rig.venue["playback"]["words"]
    for _ in range(400):
        tell_published(rig)
        rig.turn(ns=0)
        if words["phase"] == PLAYING and words["at"] == 2:
            return rig, words
    raise AssertionError(f"it does not play: {words}")


def turns(rig, count: int) -> None:
    for _ in range(count):
        tell_published(rig)
        rig.turn(ns=0)


def test_history_and_driven_time_stand_still_while_the_disk_is_behind_and_then_play_to_the_end():
    watched = Watched()
    rig, words = playing(watched)
    watched.append(CAPACITY // 2)
    turns(rig, 1)
    at, driven_ns = int(words["at"]), int(words["driven_ns"])
    turns(rig, 200)
    assert (words["at"], words["driven_ns"], words["phase"]) == (at, driven_ns, PLAYING)
    journal_drain(watched.ends[0][0])
    turns(rig, 2000)
    assert words["phase"] == DONE and words["driven_ns"] > driven_ns and words["diverged"] == 0


def test_history_does_not_begin_before_the_disk_has_caught_up():
    watched = Watched()
    watched.append(CAPACITY)
    rig = small_rig(journals=watched.looks)
    words = rig.venue["playback"]["words"]
    turns(rig, 100)
    assert words["phase"] != PLAYING and words["at"] == 0
    assert words["driven_ns"] > 0, "time itself runs before history"
    journal_drain(watched.ends[0][0])
    turns(rig, 2000)
    assert words["phase"] == DONE


@pytest.mark.parametrize("speed", [1, 50])
def test_in_real_and_scaled_time_nothing_waits_for_the_disk(speed):
    watched = Watched()
    watched.append(CAPACITY)
    rig = small_rig(journals=watched.looks, driven=False)
    for _ in range(400):
        tell_published(rig)
        rig.turn(ns=speed * 1000)
    assert rig.venue["playback"]["words"]["phase"] == DONE

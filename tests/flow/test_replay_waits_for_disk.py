"""A day at full speed on a disk that stalls: history waits, and the day ends as on a good disk, nothing refused."""

import time

import pytest
from msgspec import structs

from bench.day_file import write_day_file
from procs.cli.demo import replay_day
from shm.codes import JOURNAL_DECISION, REJECT_JOURNAL_FULL
from shm.records.decision import DECISION
from tests.support.held_disk import hold_disks
from tests.support.system import System, system_config

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("no_leftovers")]

MESSAGES, INSTRUMENTS, ENTRIES = 2000, 20, 512
WRITERS = ("strategy", "risk_gate", "order_sender", "position_keeper")
STALLED_SECONDS = 1.5


def test_a_day_at_full_speed_waits_while_the_disk_stalls_and_nothing_is_refused(folders, monkeypatch):
    path, hold = folders / "day.itch", folders / "hold"
    write_day_file(path, MESSAGES, INSTRUMENTS, seed=7)
    hold_disks(monkeypatch, hold)
    config, listed, _ = replay_day(system_config("held"), str(path), 0.0)
    config = structs.replace(config, topology=structs.replace(config.topology, journal_entries=ENTRIES))
    with System(config, listed=listed) as machine:
        try:
            machine.wait(lambda: machine.sent() > 20, "orders")
            hold.touch()
            stalls(machine)
        finally:
            hold.unlink(missing_ok=True)
        machine.wait(lambda: machine.counters().get("venue_history_done"), "the end of the day", 120)
        report = machine.finish()
        assert report["failures"] == [], machine.logs()  # order_sender and position_keeper would note an error
        counters = machine.counters()
        assert counters["feed_messages"] >= MESSAGES
        assert counters.get("strategy_unrecorded", 0) == 0, "every decision of the strategy is on record"
        _, decisions = machine.journal("risk_gate", JOURNAL_DECISION, DECISION)
        assert len(decisions) > ENTRIES, "the day needs more than the journal's memory"
        assert not (decisions["code"] == REJECT_JOURNAL_FULL).any(), "risk_gate had room for every decision"


def where(machine: System) -> tuple[int, int]:
    """(next message of the feed, logic time): how far history is."""
    return int(machine.snapshot.feed()[0]["next_seq"]), machine.snapshot.logic_ns()


def stalls(machine: System) -> None:
    """History stands still while a journal has more than a quarter of its memory to copy, and none is half full."""
    views = {writer: machine.journal_view(writer) for writer in WRITERS}

    def lags() -> dict[str, float]:
        return {writer: (view.tail() - view.watermark) / view.capacity for writer, view in views.items()}

    machine.wait(lambda: max(lags().values()) > 0.25, "a journal is behind")
    since = time.monotonic()
    machine.wait(lambda: time.monotonic() - since > STALLED_SECONDS / 3, "what was under way")
    stood = where(machine)
    machine.wait(lambda: time.monotonic() - since > STALLED_SECONDS, "a while, some dozens of an order's lives")
    assert where(machine) == stood, "neither history nor time moved"
    assert 0.25 < max(lags().values()) < 0.5, lags()

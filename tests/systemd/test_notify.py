"""What a process tells systemd: ready when it steps, fed only while it steps, nothing without a manager."""

import os
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from procs.runtime.agent import Agent
from procs.runtime.kill import Kill
from procs.runtime.notify import CATCH_UP_SECONDS, FEEDS, Notifier
from shm.records.instance import INSTANCE
from tests.support.manager import Manager

SECOND_NS = 1_000_000_000


@pytest.fixture(params=("path", "abstract"))
def manager(request, tmp_path):
    name = f"@quintet-test-{os.getpid()}-{id(request)}" if request.param == "abstract" else str(tmp_path / "notify")
    held = Manager(name)
    yield held
    held.socket.close()


def test_ready_is_said_once_and_only_when_every_step_word_advanced(manager):
    notifier = manager.notifier()
    notifier.beat(1 * SECOND_NS, [5, 7])
    notifier.beat(2 * SECOND_NS, [5, 7])
    notifier.beat(3 * SECOND_NS, [6, 7])
    assert manager.heard() == []
    notifier.beat(4 * SECOND_NS, [6, 8])
    notifier.beat(5 * SECOND_NS, [7, 9])
    assert manager.heard() == ["READY=1"]


def test_the_watchdog_is_fed_several_times_in_its_interval_and_not_more(manager):
    notifier = manager.notifier(WATCHDOG_USEC="1000000", WATCHDOG_PID=str(os.getpid()))
    for turn in range(1001):  # a second of turns
        notifier.beat(SECOND_NS + turn * 1_000_000, [turn])
    assert manager.heard() == ["READY=1"] + ["WATCHDOG=1"] * FEEDS


def test_the_watchdog_starves_while_one_of_two_fused_instances_does_not_step(manager):
    notifier = manager.notifier(WATCHDOG_USEC="1000000")
    notifier.beat(1 * SECOND_NS, [1, 1])
    notifier.beat(2 * SECOND_NS, [2, 2])
    assert manager.heard() == ["READY=1", "WATCHDOG=1"]
    for turn in range(3, 10):
        notifier.beat(turn * SECOND_NS, [turn, 2])
    assert manager.heard() == []
    notifier.beat(10 * SECOND_NS, [10, 3])
    assert manager.heard() == ["WATCHDOG=1"]


def test_the_watchdog_of_another_process_is_not_ours_to_feed(manager):
    notifier = manager.notifier(WATCHDOG_USEC="1000000", WATCHDOG_PID=str(os.getppid()))
    for turn in range(5):
        notifier.beat(turn * SECOND_NS, [turn])
    notifier.catching_up()
    assert manager.heard() == ["READY=1"]


def test_reading_a_journal_has_a_longer_watchdog_and_the_loop_its_own_again(manager):
    notifier = manager.notifier(WATCHDOG_USEC="2000000")
    notifier.catching_up()
    notifier.caught_up()
    notifier.stopping()
    assert manager.heard() == [f"WATCHDOG_USEC={CATCH_UP_SECONDS * 1_000_000}", "WATCHDOG_USEC=2000000", "STOPPING=1"]


def test_a_manager_that_is_away_stops_nothing_and_hears_ready_when_it_is_back(tmp_path):
    address = str(tmp_path / "notify")
    notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"})
    for turn in range(3):
        notifier.beat(turn * SECOND_NS, [turn])
    manager = Manager(address)
    notifier.beat(3 * SECOND_NS, [3])
    assert manager.heard() == ["READY=1", "WATCHDOG=1"]
    manager.socket.close()
    notifier.status("nobody listens")  # connection refused


def test_without_the_variable_nothing_is_opened_or_sent(monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("opened a socket"))
    notifier = Notifier({"WATCHDOG_USEC": "1000000"})
    notifier.beat(1, [1])
    notifier.beat(2, [2])
    notifier.catching_up()
    notifier.stopping()
    assert notifier.watchdog_us == 0


def scratch_agent(notifier: Notifier) -> tuple[Agent, np.void]:
    """An agent with one instance on a page of private memory, and that page."""
    page = np.zeros(1, INSTANCE)[0]
    wiring = SimpleNamespace(
        page=page,
        instance="scratch",
        count_control=lambda *_: None,
        raise_background_error=lambda: None,
        watch_journal=lambda *_: None,
        watch_recording=lambda: "",
    )
    agent = Agent.__new__(Agent)
    agent.roles, agent.wirings, agent.states = [SimpleNamespace(tend=lambda *_: None)], [wiring], [None]
    agent.stop_word, agent.compiled, agent.notifier = np.zeros(1, np.int64), 0, notifier
    agent.kill, agent.sends = Kill(Path("/nonexistent"), Path("/nonexistent"), "scratch"), False
    return agent, page


def test_a_control_thread_that_lives_beside_a_hot_thread_that_hangs_does_not_feed_the_watchdog(manager):
    interval_us = 40_000
    agent, page = scratch_agent(manager.notifier(WATCHDOG_USEC=str(interval_us)))
    control = {"steps": True, "leave": False, "turns": 0}

    def turn(_seconds) -> None:  # stands where the control thread waits: the hot thread's word moves here, or not
        control["turns"] += 1
        page["steps"] += control["steps"]

    hot = SimpleNamespace(is_alive=lambda: not control["leave"], join=turn)
    thread = threading.Thread(target=agent._control, args=(hot,), daemon=True)
    thread.start()
    heard, deadline = [], time.monotonic() + 10
    while heard.count("WATCHDOG=1") < 3:
        heard += manager.heard()
        assert time.monotonic() < deadline, heard
    assert heard[0] == "READY=1"
    control["steps"] = False
    frozen, turns = time.monotonic(), control["turns"]
    while time.monotonic() < frozen + interval_us / 1e6:  # one message may still be owed to the last advance
        manager.heard()
    after = control["turns"]
    while time.monotonic() < frozen + 5 * interval_us / 1e6:
        assert manager.heard() == []
    assert control["turns"] > after > turns, "the control thread itself went on"
    control["steps"] = True
    while "WATCHDOG=1" not in manager.heard():
        assert time.monotonic() < deadline, "not fed again"
    control["leave"] = True
    thread.join(5)

"""A cold role's process: oms beside journals that this test writes, without any hot process."""

import ctypes
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from msgspec import structs

from config.check import check as check_config
from config.errors import ConfigError
from config.load import file_of, load
from config.placement import place
from procs.cli.snapshot import Snapshot
from procs.oms.schema import FILE
from procs.oms.store import Store, open_reader
from procs.runtime.fabric import Fabric
from procs.runtime.paths import state_folder
from procs.runtime.supervisor import RESTARTS_MAX, STOP_ORDER, Supervisor
from procs.runtime.wiring import Wiring
from shm import codes
from shm.codes import LIFE_CLOSED, LIFE_RUNNING
from shm.journal import journal_claim, journal_commit
from shm.records.decision import DECISION
from shm.records.instance import INSTANCE
from tests.support.cli import ROOT, wait_until
from tests.support.manager import Manager

pytestmark = pytest.mark.usefixtures("folders", "no_leftovers")


class Gate:
    """A fabric in which only oms runs, supervised, and the end of risk_gate's journal in this process."""

    def __init__(self, name: str):
        config = load(name)
        self.fabric = Fabric(config)
        self.wiring = Wiring(name, "risk_gate")
        self.end = self.wiring.journal()
        self.wiring.page["life"] = LIFE_RUNNING
        self.supervisor = Supervisor(self.fabric)
        self.supervisor.processes = {"oms": self.supervisor.processes["oms"]}
        self.page = self.fabric.page("oms")
        self.decisions = 0

    def decide(self, count: int) -> None:
        for _ in range(count):
            record = np.zeros(1, DECISION)
            self.decisions += 1
            record["intent_id"], record["code"], record["kind"] = self.decisions, codes.REJECT_RATE, codes.INTENT_NEW
            address = journal_claim(self.end[0])
            assert address
            ctypes.memmove(int(address), record.tobytes(), record.itemsize)
            assert journal_commit(self.end[0], codes.JOURNAL_DECISION, record.itemsize, 0, time.time_ns()) >= 0

    def recorded(self) -> int:
        if not (state_folder(self.fabric.config.name) / FILE).exists():
            return -1
        connection = open_reader(self.fabric.config.name)
        try:
            return connection.execute("SELECT count(*) FROM decisions").fetchone()[0]
        finally:
            connection.close()

    def start(self) -> None:
        """oms runs and has everything."""
        self.supervisor.spawn(self.supervisor.processes["oms"])
        assert wait_until(lambda: self.page.life == LIFE_RUNNING and self.recorded() == self.decisions), self.log()

    def log(self) -> str:
        return (self.supervisor.log_folder / "oms.log").read_text()

    def close(self) -> None:
        self.supervisor.stop()
        self.wiring.close_background()
        self.wiring.detach()
        self.fabric.destroy()


@pytest.fixture
def gate():
    made = Gate(f"cold-{os.getpid()}")
    yield made
    made.close()


def test_oms_follows_a_journal_within_a_second_and_looks_like_any_instance(gate):
    gate.decide(100)
    gate.start()
    for _ in range(3):
        gate.decide(50)
        begun = time.monotonic()
        assert wait_until(lambda: gate.recorded() == gate.decisions, 5)
        assert time.monotonic() - begun < 1.0
    snapshot = Snapshot(gate.fabric.config.name)
    row = next(row for row in snapshot.instances() if row["instance"] == "oms")
    counted = snapshot.counters()
    snapshot.close()
    assert (row["state"], row["alive"], row["core_wanted"], row["restarts"]) == ("running", True, -1, 0)
    assert row["work"] == counted["oms_entries"] == 250 and row["step_age_ns"] < 2e9
    process = psutil.Process(row["pid"])
    assert process.nice() > psutil.Process().nice()
    with open(f"/proc/{process.pid}/maps") as maps:
        assert "llvmlite" not in maps.read(), "a cold process compiles nothing and pays for no compiler"


def test_a_killed_oms_is_started_again_and_trading_is_none_of_its_business(gate):
    gate.decide(10)
    gate.start()
    died = gate.page.pid
    os.kill(died, signal.SIGKILL)
    gate.decide(10)
    events = []
    assert wait_until(
        lambda: (
            events.extend(gate.supervisor.poll()) or gate.page.pid not in (0, died) and gate.page.life == LIFE_RUNNING
        )
    )
    assert events == ["oms died (signal SIGKILL) and was started again"]
    assert gate.supervisor.all_running(), "arming waits for no cold instance"
    assert wait_until(lambda: gate.recorded() == 20)


def test_an_oms_that_stays_down_halts_nobody(gate):
    store = Store(state_folder(gate.fabric.config.name))
    store.connection.execute("PRAGMA user_version = 99")
    store.close()
    gate.fabric.arm()
    gate.supervisor.spawn(gate.supervisor.processes["oms"])
    events = []
    assert wait_until(lambda: events.extend(gate.supervisor.poll()) or gate.supervisor.processes["oms"].given_up)
    assert len(events) == 1 and "oms failed for good" in events[0] and "trading goes on without it" in events[0]
    assert "expected a record of version" in gate.log()
    assert gate.fabric.control.matrix()[0]["state"] == "ACTIVE"
    assert RESTARTS_MAX > 1


def test_asked_to_stop_it_takes_what_the_others_leave_behind_and_says_that_this_was_all(gate):
    gate.decide(10)
    gate.start()
    process = gate.supervisor.processes["oms"].popen
    gate.wiring.page["life"] = codes.LIFE_CLOSING
    process.send_signal(signal.SIGTERM)
    gate.decide(500)
    gate.wiring.close_background()
    gate.wiring.page["life"] = LIFE_CLOSED
    assert process.wait(10) == 0 and gate.page.life == LIFE_CLOSED
    assert gate.recorded() == 510
    connection = open_reader(gate.fabric.config.name)
    cursor = connection.execute("SELECT next_seq, ended FROM cursors WHERE instance = 'risk_gate'").fetchone()
    connection.close()
    assert tuple(cursor) == (510, 1)


def test_under_systemd_it_says_ready_is_watched_and_stops_alone_without_waiting_for_the_others(gate, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    command = [sys.executable, "-m", "procs.runtime.instance", "--fabric", gate.fabric.config.name, "--instance", "oms"]
    child = subprocess.Popen(command, cwd=ROOT, env=manager.started(WATCHDOG_USEC="200000"))
    try:
        manager.wait("READY=1", lambda: child.poll() is None)
        manager.wait("WATCHDOG=1", lambda: child.poll() is None)
        begun = time.monotonic()
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 0 and time.monotonic() - begun < 4
        assert "STOPPING=1" in manager.heard() + manager.kept
    finally:
        child.kill()
        child.wait()
        manager.socket.close()


def test_it_leaves_with_its_parent(gate):
    code = (
        "import subprocess, sys, time; held = subprocess.Popen(sys.argv[1:], stderr=subprocess.DEVNULL); "
        "print(held.pid, flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-m", "procs.oms", "--fabric", gate.fabric.config.name, "--instance", "oms"]
    parent = subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    pid = int(parent.stdout.readline())
    try:
        assert wait_until(lambda: gate.page.life == LIFE_RUNNING)
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
    assert wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, 10)


WRONG = """
oms           process  five   process: expected nothing: oms is cold
oms           core     3      core: expected nothing: oms is cold
oms           idle     spin   idle: expected nothing: oms is cold
risk_gate     process  oms    process: expected another word: oms is cold
"""


@pytest.mark.parametrize("line", WRONG.strip().splitlines())
def test_the_configuration_refuses_a_cold_role_that_would_be_hot(line):
    instance, key, value, sentence = line.split(None, 3)
    config = load("cold")
    held = tuple(
        structs.replace(made, **{key: int(value) if key == "core" else value}) if made.name == instance else made
        for made in config.topology.instances
    )
    wrong = structs.replace(config, topology=structs.replace(config.topology, instances=held))
    with pytest.raises(ConfigError) as caught:
        check_config(wrong, file_of)
    assert sentence in str(caught.value).replace("`", "")


def test_a_cold_instance_takes_no_core_and_changes_nobodys():
    config = load("cold")
    without = tuple(made for made in config.topology.instances if not made.cold)
    bare = structs.replace(config, topology=structs.replace(config.topology, instances=without))
    check_config(bare, file_of)
    places = place(config)
    assert {places.pop(name).core for name in ("oms", "risk_engine")} == {-1}
    assert places == place(bare)
    assert STOP_ORDER[-1] == "oms" and INSTANCE.fields["core_wanted"] is not None

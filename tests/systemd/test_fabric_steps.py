"""A fabric as systemd runs it: created, one role in it, its death noted, watched, removed; by the units' own commands."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from config.load import decode, load
from procs.cli.fabric import create
from procs.runtime.attached import AttachedFabric
from procs.runtime.death import exit_status, note_death
from procs.runtime.instance import NoSuchProcess, instances_of
from shm.codes import STATE_HALTED, STATE_NAMES
from shm.control_words import latch_load, operator_resume
from shm.errors import EXIT_FATAL, EXIT_TRANSIENT
from shm.records.control_end import CONTROL_OPERATOR
from shm.roster import read_roster
from tests.support.cli import ROOT, nothing_left, quintet
from tests.support.manager import Manager
from tests.support.system import system_config

KEEPER = "position_keeper"


def module(name: str, *words: str, **environment: str) -> subprocess.CompletedProcess:
    """One of the commands of the units, to its end."""
    command = [sys.executable, "-P", "-m", name, *words]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def fabric(folders, no_leftovers, monkeypatch):
    """A created fabric of the development profile, its processes interpreted; removed at the end."""
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    name = f"units-{os.getpid()}"
    made = quintet("fabric", "create", "--profile", "dev", "--name", name)
    assert made.code == 0, made.err
    yield name
    quintet("fabric", "remove", "--name", name)
    assert nothing_left(name)


def attached(name: str) -> AttachedFabric:
    roster = read_roster(name)
    return AttachedFabric(decode(roster.blob), roster.epoch)


@contextlib.contextmanager
def started(manager: Manager, words: list[str]):
    """A process under `manager`; killed at the end if it is still there."""
    environment = manager.started(WATCHDOG_USEC="200000", PYTHONPATH=str(ROOT))
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", *words], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def test_a_role_is_ready_and_fed_its_death_is_counted_and_the_fabric_goes_when_all_have_left(fabric, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    words = ["procs.runtime.instance", "--fabric", fabric, "--instance", KEEPER]
    with started(manager, words) as child:
        manager.wait("READY=1", lambda: child.poll() is None)
        manager.wait("WATCHDOG=1", lambda: child.poll() is None)
        assert f"STATUS=running; {KEEPER}" in manager.kept
        refused = quintet("fabric", "remove", "--name", fabric)
        assert refused.code == 1 and f"instance.{KEEPER}" in refused.err
        told = quintet("down", "--name", fabric)
        assert told.code == 1 and "systemctl stop" in told.err and child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.wait(10)
    ending = {"SERVICE_RESULT": "signal", "EXIT_CODE": "killed", "EXIT_STATUS": "KILL"}
    noted = module("procs.runtime.death", "--fabric", fabric, "--instance", KEEPER, **ending)
    assert (noted.returncode, noted.stderr.strip()) == (0, f"{KEEPER} died (signal, status -9)")
    page = attached(fabric).page(KEEPER)
    assert (int(page.row["restarts"]), int(page.row["last_exit"])) == (1, -signal.SIGKILL)
    assert int(page.row["restarted_ns"]) > 0

    with started(manager, words) as child:
        manager.wait("READY=1", lambda: child.poll() is None)
        child.send_signal(signal.SIGTERM)
        manager.wait("STOPPING=1")
        assert child.wait(20) == 0
    assert manager.kept.count("READY=1") == 2
    note_death(fabric, KEEPER, {"SERVICE_RESULT": "success", "EXIT_CODE": "exited", "EXIT_STATUS": "0"})
    assert int(page.row["restarts"]) == 1, "a stop that was asked for is no death"
    status = quintet("status", "--name", fabric)
    assert "run by systemd" in status.out
    assert "objects removed" in quintet("fabric", "remove", "--name", fabric).out


def test_a_role_that_fails_for_good_halts_the_firm_and_the_halt_is_latched(fabric):
    machine = attached(fabric)
    operator_resume(machine.control, machine.state_folder, "firm", "test")
    ending = {"SERVICE_RESULT": "exit-code", "EXIT_CODE": "exited", "EXIT_STATUS": str(EXIT_TRANSIENT)}
    note_death(fabric, KEEPER, ending)
    assert STATE_NAMES[machine.control.in_force(CONTROL_OPERATOR, 0)] == "ACTIVE"
    said = note_death(fabric, KEEPER, ending | {"EXIT_STATUS": str(EXIT_FATAL)})
    assert "the firm is HALTED" in said
    assert machine.control.in_force(CONTROL_OPERATOR, 0) == STATE_HALTED
    assert KEEPER in latch_load(machine.state_folder)["firm"]["reason"]
    assert int(machine.page(KEEPER).row["restarts"]) == 2


def test_the_watch_latches_an_automatic_halt_and_cancels_when_it_is_told_to_leave(fabric, tmp_path):
    machine = attached(fabric)
    operator_resume(machine.control, machine.state_folder, "firm", "test")
    manager = Manager(str(tmp_path / "notify"))
    with started(manager, ["procs.cli", "fabric", "watch", "--name", fabric]) as child:
        manager.wait("READY=1", lambda: child.poll() is None)
        manager.wait("STATUS=firm ACTIVE", lambda: child.poll() is None)
        gate = machine.control.writers.index("risk_gate")
        machine.control._words[gate, 0] = 1 << 8 | STATE_HALTED  # as risk_gate says it, in its own row
        manager.wait("STATUS=firm HALTED", lambda: child.poll() is None)
        child.send_signal(signal.SIGTERM)
        manager.wait("STOPPING=1")
        assert child.wait(20) == 0, child.stderr.read()
    assert latch_load(machine.state_folder)["firm"]["by"] == "risk_gate"
    assert STATE_NAMES[machine.control.in_force(CONTROL_OPERATOR, 0)] == "CANCEL_ONLY"


def test_without_a_fabric_an_instance_asks_to_be_tried_again_and_a_death_is_nobodys(folders):
    name = f"nothing-{os.getpid()}"
    done = module("procs.runtime.instance", "--fabric", name, "--instance", KEEPER)
    assert done.returncode == EXIT_TRANSIENT and "expected a fabric of that name" in done.stderr
    ending = {"SERVICE_RESULT": "signal", "EXIT_CODE": "killed", "EXIT_STATUS": "KILL"}
    done = module("procs.runtime.death", "--fabric", name, "--instance", KEEPER, **ending)
    assert done.returncode == 0 and "nothing noted" in done.stderr
    assert quintet("fabric", "remove", "--name", name).code == 0


def test_production_does_not_create_a_fabric_over_code_that_others_may_write(folders, monkeypatch, capsys):
    cache = folders / "cache"
    cache.mkdir(mode=0o775)
    cache.chmod(0o775)
    monkeypatch.setenv("QUINTET_CACHE", str(cache))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert create(SimpleNamespace(name=f"open-{os.getpid()}", profile="prod")) == 1
    assert f"chmod -R go-w {cache}" in capsys.readouterr().err


def test_a_process_is_named_by_its_instance_or_by_the_word_of_the_fused():
    config = load()
    assert [instance.role for instance in instances_of(config, "risk_gate")] == ["risk_gate"]
    with pytest.raises(NoSuchProcess, match="expected one of its processes: venue, "):
        instances_of(config, "gate")
    fused = system_config("fused", fused=True)
    assert len(instances_of(fused, "five")) == 5
    with pytest.raises(NoSuchProcess, match="quintet@five.service"):
        instances_of(fused, "risk_gate")


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [("exited", "75", 75), ("killed", "KILL", -9), ("dumped", "ABRT", -6), ("killed", "11", -11)],
)
def test_how_a_process_ended_is_written_as_waitpids_users_write_it(code, status, expected):
    assert exit_status({"EXIT_CODE": code, "EXIT_STATUS": status}) == expected


def test_with_json_creating_and_removing_report_one_object(folders, no_leftovers, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    name = f"json-{os.getpid()}"
    made = quintet("fabric", "create", "--profile", "dev", "--name", name, "--json")
    removed = [quintet("fabric", "remove", "--name", name, "--json") for _ in range(2)]
    assert made.code == 0, made.err
    assert json.loads(made.out)["name"] == name and json.loads(made.out)["state"] == "HALTED"
    assert [json.loads(done.out)["removed"] > 0 for done in removed] == [True, False]

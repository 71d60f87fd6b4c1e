"""Starting: a busy host is slow, not stuck. The wait for hot roles ends when none of them comes a step further."""

import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from config.load import load
from procs.runtime.supervisor import StartFailed, Supervisor
from shm.codes import LIFE_RUNNING, LIFE_STARTING

PATIENCE_SECONDS = 0.6


class Starting:
    """Stands in for a fabric: the page of a role that takes a step of its life each `step_seconds`, up to `last`."""

    def __init__(self, step_seconds: float, last: int):
        self.config = load("starting")
        self.step_seconds, self.last, self.begun = step_seconds, last, time.monotonic()
        self.pids: dict[str, int] = {}

    def page(self, instance: str) -> SimpleNamespace:
        life = LIFE_STARTING + int((time.monotonic() - self.begun) / self.step_seconds)
        return SimpleNamespace(life=min(life, self.last), pid=self.pids.get(instance))


@pytest.fixture
def started(folders):
    """start(step_seconds, last): Supervisor.start with children that only sleep; returns how long it took."""
    children: list[subprocess.Popen] = []

    def start(step_seconds: float, last: int) -> float:
        fabric = Starting(step_seconds, last)
        supervisor = Supervisor(fabric)

        def spawn(process) -> None:
            process.popen = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            children.append(process.popen)
            fabric.pids |= {instance.name: process.popen.pid for instance in process.instances}

        supervisor.spawn = spawn
        fabric.begun = begun = time.monotonic()
        supervisor.start(PATIENCE_SECONDS)
        return time.monotonic() - begun

    yield start
    for child in children:
        child.kill()
        child.wait()


def test_roles_that_take_longer_than_the_patience_in_all_but_never_for_one_step_are_waited_for(started):
    assert started(0.4, LIFE_RUNNING) > PATIENCE_SECONDS


def test_roles_that_stop_on_the_way_are_named_when_the_patience_is_over(started):
    with pytest.raises(StartFailed, match=r"for 1 s no step nearer to running: .*risk_gate.*; logs in "):
        started(0.1, LIFE_RUNNING - 1)

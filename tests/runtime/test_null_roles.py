"""Five null roles relay a frame from end to end: as five processes, fused into one, and in driven time."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from msgspec import structs

from config.load import load
from procs.cli.snapshot import Snapshot
from procs.runtime.fabric import Fabric
from procs.runtime.supervisor import Supervisor
from shm.codes import LIFE_RUNNING
from shm.records.clock_page import CLOCK_PAGE
from shm.records.segment_header import SEGMENT_KIND_CLOCK
from shm.segment import HEADER_BYTES, attach_segment
from tests.support.host import on_our_host

HOPS = ("feed_handler->strategy", "strategy->risk_gate", "risk_gate->order_sender", "order_sender->position_keeper")
ROOT = Path(__file__).resolve().parents[2]


def null_config(name: str, fused: bool = False, speed: float = 1.0):
    """The shipped configuration without the venue and the cold roles."""
    config = on_our_host(load(name))
    instances = tuple(
        structs.replace(instance, process="all" if fused else "")
        for instance in config.topology.instances
        if instance.role != "venue" and not instance.cold
    )
    topology = structs.replace(config.topology, instances=instances)
    return structs.replace(config, topology=topology, run=structs.replace(config.run, speed=speed, logic_start_ns=1))


class Nulls:
    """A running fabric of null roles."""

    def __init__(self, config):
        self.fabric = Fabric(config, fresh=True)
        self.supervisor = Supervisor(self.fabric, "tests.support.null")
        self.progress = []
        try:
            self.supervisor.prepare(self.progress.append)
            self.supervisor.start()
            self.snapshot = Snapshot(config.name)
        except BaseException:
            self.close()
            raise

    def relayed(self) -> int:
        """Frames that position_keeper counted."""
        return sum(row["fills"] for row in self.snapshot.positions())

    def wait(self, condition, seconds: float = 20.0) -> None:
        """Poll the supervisor until `condition` holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.supervisor.poll()
            assert time.monotonic() < deadline, f"not within {seconds} s; relayed {self.relayed()}"
            time.sleep(0.01)

    def close(self) -> None:
        self.killed = self.supervisor.stop()
        if hasattr(self, "snapshot"):
            self.snapshot.close()
        self.fabric.destroy()


@pytest.fixture
def nulls(tmp_path, monkeypatch, request):
    """Makes fabrics of null roles with folders of their own, and takes them down."""
    monkeypatch.setenv("QUINTET_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("QUINTET_RUNTIME", str(tmp_path / "run"))
    monkeypatch.chdir(ROOT)
    made = []

    def make(name: str, **changes) -> Nulls:
        made.append(Nulls(null_config(f"{name}-{os.getpid()}", **changes)))
        return made[-1]

    yield make
    for held in made:
        if held.fabric._kept:
            held.close()
    names = {held.fabric.config.name for held in made}
    left = [entry for entry in os.listdir("/dev/shm") if any(name in entry for name in names)]
    assert left == []


def check_relay(machine: Nulls) -> None:
    """Every hop is counted and no frame was lost, doubled or reordered."""
    taken = machine.snapshot.take()
    for hop in HOPS:
        assert taken["hops_ns"][hop]["count"] > 0, hop
        assert 0 < taken["hops_ns"][hop]["p50"] <= taken["hops_ns"][hop]["max"]
    assert taken["hops_ns"]["tick_to_order"]["count"] > 0
    assert taken["errors"] == {}
    assert all(row["late_compiles"] == 0 for row in taken["instances"])


def test_five_processes_relay_frames_pinned_where_the_placement_says(nulls):
    machine = nulls("live")
    machine.wait(lambda: machine.relayed() > 1000)
    check_relay(machine)
    rows = {row["instance"]: row for row in machine.snapshot.take()["instances"]}
    assert len({row["pid"] for row in rows.values()}) == 5
    for name, row in rows.items():
        assert psutil.Process(row["tid"]).cpu_affinity() == [row["core_wanted"]], name
        assert row["core"] == row["core_wanted"], name
        assert row["step_age_ns"] < 1e9 and row["heartbeat_age_ns"] < 1e9, name
    machine.close()
    assert machine.killed == []


def test_one_fused_process_relays_frames_through_the_same_steps(nulls):
    machine = nulls("fused", fused=True)
    machine.wait(lambda: machine.relayed() > 1000)
    check_relay(machine)
    rows = machine.snapshot.take()["instances"]
    assert len({row["pid"] for row in rows}) == 1
    assert len({row["tid"] for row in rows}) == 1


def test_in_driven_time_a_frame_passes_only_when_the_driver_moves_the_clock(nulls):
    machine = nulls("driven", fused=True, speed=0.0)
    config = machine.fabric.config
    with attach_segment(
        config.name, machine.fabric.epoch, "clock", SEGMENT_KIND_CLOCK, CLOCK_PAGE, 1, writable=True
    ) as segment:
        page = segment.view(HEADER_BYTES, CLOCK_PAGE)
        machine.wait(lambda: machine.relayed() == 1)
        for driven_ns in range(2, 50):
            page["driven_ns"] = driven_ns
            machine.wait(lambda wanted=driven_ns: machine.relayed() == wanted)
        del page
    steps = {row["instance"]: row["work"] for row in machine.snapshot.take()["instances"]}
    assert steps["feed_handler"] == 49
    assert np.all([row["state"] == "running" for row in machine.snapshot.take()["instances"]])


def test_a_killed_role_is_started_again_within_half_a_second_and_frames_go_on(nulls):
    machine = nulls("kill")
    for role in ("strategy", "risk_gate", "order_sender", "position_keeper", "feed_handler"):
        before = machine.relayed()
        machine.wait(lambda seen=before: machine.relayed() > seen + 100)
        page = machine.fabric.page(role)
        died, killed_ns = page.pid, time.monotonic_ns()
        os.kill(died, signal.SIGKILL)
        machine.wait(lambda held=page: int(held.row["restarts"]) == 1)
        assert int(page.row["restarted_ns"]) - killed_ns < 500_000_000, role
        assert int(page.row["last_exit"]) == -signal.SIGKILL
        machine.wait(lambda held=page, gone=died: held.pid != gone and held.life == LIFE_RUNNING)
        if role != "feed_handler":  # a null feed_handler starts its numbers again; the others go on with theirs
            before = machine.relayed()
            machine.wait(lambda seen=before: machine.relayed() > seen + 100)
            assert machine.snapshot.errors() == {}, role


def test_a_role_leaves_when_its_supervisor_is_killed(nulls, tmp_path):
    code = (
        "import sys, time; sys.path.insert(0, '.');"
        "from tests.runtime.test_null_roles import Nulls, null_config;"
        f"m = Nulls(null_config('orphan-{os.getpid()}'));"
        "print(' '.join(str(p.pid) for p in m.fabric.pages), flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        pids = [int(word) for word in child.stdout.readline().split()]
        assert len(pids) == 5
        child.kill()
        child.wait()
        deadline = time.monotonic() + 10
        while any(psutil.pid_exists(pid) for pid in pids):
            assert time.monotonic() < deadline, "a role outlived its supervisor"
            time.sleep(0.02)
    finally:
        child.kill()
        child.wait()
        subprocess.run(
            [sys.executable, "-m", "procs.cli", "down", "--name", f"orphan-{os.getpid()}"], cwd=ROOT, check=False
        )

"""A whole machine is recorded while it trades and roles die; every life of every role replays to the same bytes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from procs.runtime.replay import Replay, find_parts, replay
from shm.jit import JIT_OFF
from shm.journal import JOURNAL_DECISION, JOURNAL_REPORT
from shm.records.decision import DECISION
from shm.records.report import REPORT
from tests.support.cli import call
from tests.support.system import ROLES, ROOT, System, system_config

pytestmark = pytest.mark.skipif(JIT_OFF, reason="whole machines need the compiled code")
KILLED = ("risk_gate", "position_keeper", "order_sender")
SMALL_RING = ("reports.order_sender.position_keeper", 32)  # a keeper that stands still for a moment is behind
CHANGED = ROOT / "tests" / "support" / "strategies" / "wider_spread.py"  # fixed_spread with one line changed


class Recorded:
    """A recorded run: its folder, and what the machine had journalled."""

    def __init__(self, folder: Path):
        self.folder = folder / "recording"
        config = with_small_ring(system_config("rec"))
        config = structs.replace(config, run=structs.replace(config.run, record=str(self.folder)))
        with System(config) as system:
            system.wait(lambda: system.fills() > 10, "fills")
            self.cancel = call("cancel", "--side", "buy", "--reason", "test", "--name", config.name)
            self.leave_behind(system)
            for instance in KILLED:
                system.kill(instance)
                sent = system.sent()
                system.wait(lambda sent=sent: system.sent() > sent + 20, f"orders after {instance} was killed")
            self.report = system.finish()
            self.decisions = len(system.journal("risk_gate", JOURNAL_DECISION, DECISION)[0])
            self.reports = len(system.journal("order_sender", JOURNAL_REPORT, REPORT)[0])
            self.warned = {row["instance"]: row["warnings"] for row in system.snapshot.instances()}

    @staticmethod
    def leave_behind(system: System) -> None:
        """Let position_keeper stand still until reports went past its ring, and catch up from the journal."""
        system.kill_signal("position_keeper", signal.SIGSTOP)
        sent = system.sent()
        system.wait(lambda: system.sent() > sent + SMALL_RING[1], "orders past the keeper's ring")
        system.kill_signal("position_keeper", signal.SIGCONT)
        system.wait(lambda: system.counters().get("keeper_catch_ups", 0) > 0, "the keeper reads the journal")


def with_small_ring(config):
    """The configuration with one ring of reports that is soon full."""
    rings = tuple(
        structs.replace(ring, capacity=SMALL_RING[1]) if ring.name == SMALL_RING[0] else ring
        for ring in config.topology.rings
    )
    return structs.replace(config, topology=structs.replace(config.topology, rings=rings))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """One recorded run for the whole file."""
    folder = tmp_path_factory.mktemp("flow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUINTET_STATE", str(folder / "state"))
        patch.setenv("QUINTET_RUNTIME", str(folder / "run"))
        patch.chdir(ROOT)
        return Recorded(folder)


def test_an_operators_cancel_reaches_a_recorded_order_sender(recorded):
    assert recorded.cancel.code == 0, recorded.cancel.err


def test_every_life_of_every_role_gives_out_the_same_bytes(recorded):
    assert all("recording ended" not in texts for texts in recorded.warned.values()), recorded.warned
    results, wrong = list(replay(recorded.folder)), []
    for result in results:
        size = result.part.path.stat().st_size
        print(
            f"{result.part.instance:16} {result.part.path.stem} steps {result.steps:8,} "
            f"bytes {result.output_bytes:12,} file {size:12,} seconds {result.seconds:6.2f} {result.ended}"
        )
        if result.difference:
            wrong.append(f"{result.part.instance} {result.part.path.stem}: {result.difference.text()}")
    assert wrong == []
    assert {result.part.instance for result in results} == set(ROLES)
    parts = [result.part.instance for result in results]
    assert {name: parts.count(name) for name in ROLES} == {name: 2 if name in KILLED else 1 for name in ROLES}
    size = {name: sum(part.output_bytes for part in results if part.part.instance == name) for name in ROLES}
    assert size["order_sender"] > recorded.reports * REPORT.itemsize
    assert size["risk_gate"] > recorded.decisions * DECISION.itemsize


def copy_of(recorded, folder: Path, instance: str) -> Path:
    """A folder with the recording of one instance alone."""
    shutil.copytree(recorded.folder / instance, folder / instance)
    return folder


def test_a_strategy_with_one_line_changed_differs_and_the_first_intent_is_named(recorded):
    texts = [path.read_text().split("\n") for path in (ROOT / "procs/strategy/fixed_spread.py", CHANGED)]
    assert sum(one != other for one, other in zip(*texts, strict=True)) == 1
    part = find_parts(recorded.folder, "strategy")[0]
    config = part.header["config"]
    part.header["config"] = config.replace('"module":"fixed_spread"', f'"module":"{CHANGED}"')
    assert part.header["config"] != config
    difference = Replay(part).run().difference
    print(difference.text())
    assert difference.output == "ring intents.strategy.risk_gate"
    assert difference.field == "price_ticks"


def test_the_command_replays_one_instance_and_says_so(recorded):
    command = [sys.executable, "-m", "procs.cli", "replay", str(recorded.folder), "--instance", "risk_gate"]
    done = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    parts = json.loads(done.stdout)["parts"]
    assert [row["part"] for row in parts] == ["0001.recording", "0002.recording"]
    assert all(row["difference"] is None and row["steps"] > 0 for row in parts)


def test_the_command_ends_with_1_and_one_sentence_where_a_bit_of_the_recording_is_flipped(recorded, tmp_path):
    path = copy_of(recorded, tmp_path, "strategy") / "strategy" / "0001.recording"
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) // 3] ^= 16
    path.write_bytes(spoilt)
    command = [sys.executable, "-m", "procs.cli", "replay", str(tmp_path), "--instance", "strategy"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "0001.recording, block at byte" in done.stderr and done.stderr.count("\n") == 1


def test_without_the_compiler_the_same_bytes_come_out(recorded, tmp_path):
    """The first part of position_keeper, which is short, interpreted; a debugger can stop in any line of it."""
    folder = copy_of(recorded, tmp_path, "position_keeper")
    (folder / "position_keeper" / "0002.recording").unlink()
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-m", "procs.cli", "replay", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=environment)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "same bytes" in done.stdout

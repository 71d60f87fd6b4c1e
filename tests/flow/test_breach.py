"""The breach scenario: a strategy runs into its delta, value-at-risk and loss thresholds, and each acts by itself."""

import json
import os
import subprocess
import sys

import pytest

from procs.cli.scenario import EXPECTED
from procs.runtime.paths import state_folder
from tests.conftest import ROOT

pytestmark = [pytest.mark.timeout(400), pytest.mark.usefixtures("folders", "no_leftovers")]


def test_a_strategy_that_keeps_buying_is_reduced_halted_and_flattened_through_the_gate_by_nobody():
    name = f"breach-{os.getpid()}"
    command = [sys.executable, "-m", "procs.cli", "demo", "--scenario", "breach", "--seconds", "90"]
    done = subprocess.run(
        [*command, "--name", name, "--json"], cwd=ROOT, capture_output=True, text=True, timeout=390, env=os.environ
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    report = json.loads(done.stdout.strip().splitlines()[-1])
    assert report["seconds"] < 90, "it ends when there is no more to show"
    scenario = report["scenario"]
    steps = scenario["steps"]
    taken = {(row["scope"], row["measure"], row["step"]): row for row in steps if row["event"] == "step"}
    assert set(EXPECTED) <= set(taken)
    for row in taken.values():
        assert row["found_micro"] >= row["threshold_micro"] > 0
    assert all(lots == 0 for lots in scenario["positions"].values()) and scenario["positions"], (
        "flat, and it had been not"
    )
    assert taken[EXPECTED[0]]["delta_micro"] >= 10_000_000_000
    flatten = taken["firm", "loss", "flatten"]
    assert flatten["executor"] == "asked" and flatten["said"] == "REDUCING"
    assert scenario["states"]["strategy:strategy"] == "HALTED" and scenario["states"]["firm"] == "REDUCING"
    desks = {row["strategy"]: row["fills"] for row in report["positions"]}
    assert desks["strategy"] and desks["strategy.executor"], "what was held went through the gate, as the executor's"
    assert "what thresholds did by themselves" in done.stdout
    latched = json.loads((state_folder(name) / "control.json").read_text())["scopes"]
    assert latched["strategy:strategy"]["state"] == "HALTED" and "risk_engine" in latched["strategy:strategy"]["by"]

"""Deterministic simulation: all roles and the venue in one thread, one seed deciding everything (scheduler.py).

The default run takes SEEDS seeds; `-m soak` takes QUINTET_SEEDS (2,000) behind them. A failure prints its seed and how
to repeat it: `QUINTET_SEED=n pytest tests/simulation -k one_seed -s`. A seed that found a fault is named below.
"""

import os
import subprocess
import sys
from collections import Counter

import pytest

from shm.codes import (
    REPORT_ACCEPTED,
    REPORT_CANCELED,
    REPORT_EXECUTED,
    REPORT_EXPIRED,
    REPORT_NEVER_ARRIVED,
    REPORT_REPLACED,
    REPORT_UNKNOWN,
)
from tests.conftest import ROOT
from tests.support.simulation.runner import StateFolder, run_seed

SEEDS, BLOCK = 200, 25
SOAK_FIRST, SOAK_SEEDS, SOAK_BLOCK = 10_000, int(os.environ.get("QUINTET_SEEDS", "2000")), 100
FAULTS = {
    *("kill_one", "kill_some", "kill_all", "kill_inside", "kill_in_copy", "stop"),
    *("break", "half_open", "unreachable", "line_off", "disk_slow", "disk_fails", "halt"),
}
REPORTS = {
    *(REPORT_ACCEPTED, REPORT_REPLACED, REPORT_CANCELED, REPORT_EXECUTED),
    *(REPORT_EXPIRED, REPORT_UNKNOWN, REPORT_NEVER_ARRIVED),
}

pytestmark = pytest.mark.usefixtures("no_leftovers")


@pytest.fixture(scope="module")
def state():
    """Where the simulated machines keep what survives them."""
    with StateFolder() as folder:
        yield folder


@pytest.fixture(scope="module")
def met():
    """What all runs of this file met, for the test that they were not idle."""
    return {"faults": Counter(), "reports": Counter(), "runs": 0, "orders": 0, "checks": 0}


def run_all(seeds: range, met: dict) -> None:
    """Run the seeds; each raises SimulationFailed with everything that is needed to repeat it."""
    for seed in seeds:
        run = run_seed(seed)
        met["faults"].update(run.faults.struck)
        met["reports"].update(run.checks.kinds)
        met["runs"] += 1
        met["orders"] += run.checks.wire.orders
        met["checks"] += run.checks.checks


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_every_promise_holds_after_every_step_whatever_fails(first, state, met):
    run_all(range(first, first + BLOCK), met)


def test_the_seeds_met_every_fault_and_every_kind_of_report(met):
    if met["runs"] < SEEDS:
        pytest.skip("only some of the seeds were run")
    print(f"{met['runs']} seeds, {met['orders']} orders, {met['checks']} checks, {dict(met['faults'])}")
    assert not FAULTS - met["faults"].keys()
    assert not REPORTS - met["reports"].keys()
    assert met["orders"] > 20 * SEEDS


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(SOAK_FIRST, SOAK_FIRST + SOAK_SEEDS, SOAK_BLOCK))
def test_thousands_of_seeds(first, state, met):
    run_all(range(first, first + SOAK_BLOCK), met)


def test_one_seed(state, met):
    if "QUINTET_SEED" not in os.environ:
        pytest.skip("QUINTET_SEED names no seed")
    run_all(range(int(os.environ["QUINTET_SEED"]), int(os.environ["QUINTET_SEED"]) + 1), met)


# --- the same seed gives the same bytes -------------------------------------------------------------------------------


def digests_elsewhere(*words: str, **environment: str) -> list[str]:
    """Digests of seeds, run by another process."""
    command = [sys.executable, "-m", "tests.support.simulation.runner", *words]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [line.split()[1] for line in done.stdout.splitlines()]


def test_a_seed_gives_the_same_bytes_twice_and_in_another_process(state):
    seeds = (3, 8)
    here = [run_seed(seed).digest for seed in seeds]
    assert [run_seed(seed).digest for seed in seeds] == here
    assert digests_elsewhere(*map(str, seeds), PYTHONHASHSEED="7") == here
    assert len(set(here)) == len(seeds)


@pytest.mark.timeout(300)
def test_a_seed_gives_the_same_bytes_with_the_jit_on_and_off(state):
    assert digests_elsewhere("3", NUMBA_DISABLE_JIT="1") == [run_seed(3).digest]

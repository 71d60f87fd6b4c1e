"""Failpoints: nothing in production code; a test build dies at the named place, once, and only the process meant."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from shm import failpoints
from shm.failpoint import failpoint, failpoint_size
from shm.failpoints import ANY_PID, BUILT_IN, FILE_BYTES, LINES, NAMES, SENTENCES, VARIABLE, reach
from shm.jit import JIT_OFF, hot
from tests.conftest import ROOT
from tests.support.failpoints import Failpoints

pytestmark = pytest.mark.skipif(BUILT_IN, reason="this process has failpoints built in")

# a child that passes failpoint order_encoded five times, hot and cold in turn, and says how far it came
PASSES = """
import sys
from shm.failpoint import failpoint, failpoint_size
from shm.failpoints import FP_ORDER_ENCODED, FP_SEND_PARTIAL, reach
from shm.jit import hot

@hot
def passes(times):
    for _ in range(times):
        failpoint(FP_ORDER_ENCODED)
    return failpoint_size(FP_SEND_PARTIAL, 50)

print("ready", flush=True)
sys.stdin.readline()
for turn in range(5):
    passes(1)
    reach(FP_ORDER_ENCODED)
    print(2 * turn + 2, flush=True)
print("size", passes(0), flush=True)
"""


@hot
def marked(values, n):
    failpoint(3)
    total = 0
    for k in range(failpoint_size(7, n)):
        total += values[k]
        failpoint(4)
    return total


@hot
def plain(values, n):
    total = 0
    for k in range(n):
        total += values[k]
    return total


def started(path: Path, *, jit: bool) -> subprocess.Popen:
    """The child, ready to pass."""
    environment = {**os.environ, VARIABLE: str(path), "PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "0" if jit else "1"}
    child = subprocess.Popen(
        [sys.executable, "-c", PASSES], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "ready\n"
    return child


def said(child: subprocess.Popen) -> list[str]:
    """What the child says until its end, once it may go on."""
    out, _ = child.communicate("\n", timeout=60)
    return out.split()


@pytest.fixture(
    params=[False, pytest.param(True, marks=pytest.mark.skipif(JIT_OFF, reason="no JIT"))], ids=["off", "on"]
)
def jit(request):
    """The JIT off and on: the twin and the compiled form must bite alike."""
    return request.param


@pytest.fixture
def points(tmp_path):
    made = Failpoints(tmp_path / "failpoints")
    yield made
    made.close()


@pytest.mark.skipif(JIT_OFF, reason="looks at compiled code")
def test_production_code_has_no_trace_of_a_failpoint():
    values = np.arange(4)
    assert marked(values, 4) == plain(values, 4) == 6
    listings = []
    for function in (marked, plain):
        (asm,) = function.inspect_asm().values()
        body = [re.sub(r"\d+|marked|plain", "", line).strip() for line in asm.splitlines()]
        instructions = [line for line in body if line and not line.startswith((".", "_", "#"))]
        listings.append(len(instructions))
        assert "getpid" not in asm and "kill" not in asm
        assert f"{failpoints.BASE_ADDR}" not in asm
    assert listings[0] == listings[1]


def test_each_failpoint_has_a_line_of_its_own_and_a_sentence():
    assert len(set(NAMES.values())) == len(NAMES)
    assert set(SENTENCES) == set(NAMES.values())
    assert max(NAMES.values()) < LINES
    assert FILE_BYTES % 4096 == 0


def test_the_armed_process_dies_at_its_hit_and_not_before(points, jit):
    child = started(points.path, jit=jit)
    points.arm("order_encoded", child.pid, hit=5)
    assert said(child) == ["2", "4"], "the fifth pass is the hot one of the third turn"
    assert child.returncode == -signal.SIGKILL
    assert points.hits("order_encoded") == 5 and points.died_ns("order_encoded") > 0


def test_a_cold_pass_counts_and_kills_as_a_hot_one(points, jit):
    child = started(points.path, jit=jit)
    points.arm("order_encoded", child.pid, hit=4)
    assert said(child) == ["2"]
    assert child.returncode == -signal.SIGKILL


def test_another_process_passes_a_line_that_is_not_armed_for_it(points, jit):
    child = started(points.path, jit=jit)
    points.arm("order_encoded", os.getpid())
    points.arm("order_numbered", child.pid)
    assert said(child)[-1] == "50"
    assert points.hits("order_encoded") == 0


def test_hits_are_counted_without_a_kill(points, jit):
    child = started(points.path, jit=jit)
    points.arm("order_encoded", child.pid, hit=0)
    assert said(child)[-1] == "50"
    assert points.hits("order_encoded") == 10


def test_whichever_process_comes_first_dies_and_the_next_does_not(points, jit):
    first, second = started(points.path, jit=jit), started(points.path, jit=jit)
    points.arm("order_encoded", ANY_PID)
    assert said(first) == []
    assert said(second)[-1] == "50"


def test_a_stopped_process_goes_on_where_it_was(points, jit):
    child = started(points.path, jit=jit)
    points.arm("order_encoded", child.pid, number=signal.SIGSTOP)
    child.stdin.write("\n")
    child.stdin.flush()
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    os.kill(child.pid, signal.SIGCONT)
    assert said(child)[-1] == "50"
    assert child.returncode == 0


def test_a_partial_send_is_cut_for_the_hit_that_kills(points, jit):
    child = started(points.path, jit=jit)
    points.arm("send_partial", child.pid, hit=1, limit=7)
    assert said(child)[-1] == "7"
    child = started(points.path, jit=jit)
    points.arm("send_partial", child.pid, hit=2, limit=7)
    assert said(child)[-1] == "50", "the hit before it is whole"


def test_compiled_code_is_kept_apart_by_being_built_in_and_not_by_the_file(tmp_path):
    code = "from shm.code_cache import machine_key; print(machine_key())"

    def key(**variables) -> str:
        environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
        done = subprocess.run(
            [sys.executable, "-c", code], env={**environment, **variables}, capture_output=True, text=True, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    one, other = (key(**{VARIABLE: str(tmp_path / name)}) for name in ("one", "other"))
    assert one == other != key()


def test_a_simulation_in_one_process_hears_of_each_failpoint(monkeypatch):
    heard = []
    monkeypatch.setattr(failpoints, "on_reach", heard.append)
    reach(failpoints.FP_COPY_WRITTEN)
    if JIT_OFF:
        failpoint(failpoints.FP_ORDER_ENCODED)
    assert heard == [failpoints.FP_COPY_WRITTEN, *([failpoints.FP_ORDER_ENCODED] if JIT_OFF else [])]

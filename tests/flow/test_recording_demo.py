"""As a user records and replays: `quintet demo --record`, `quintet replay`, a debugger before one step."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("no_leftovers")]


def quintet(*words: str, **given) -> subprocess.CompletedProcess:
    """Run the command to its end."""
    command = [sys.executable, "-m", "procs.cli", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, **given)


@pytest.mark.soak
def test_a_demo_is_recorded_and_replays_to_the_same_bytes(folders, tmp_path):
    folder = tmp_path / "incident"
    done = quintet("demo", "--seconds", "1", "--record", str(folder), "--name", f"rec-{os.getpid()}")
    assert done.returncode == 0, done.stdout + done.stderr
    done = quintet("replay", str(folder))
    assert done.returncode == 0 and "same bytes" in done.stdout, done.stdout + done.stderr
    stopped = quintet("replay", str(folder), "--instance", "strategy", "--stop-at", "50", input="continue\n")
    assert stopped.returncode == 0 and "(Pdb)" in stopped.stdout, stopped.stdout + stopped.stderr

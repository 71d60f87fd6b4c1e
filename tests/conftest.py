"""The whole suite: what runs beside what, folders of its own, and nothing left in shared memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[1]
MACHINE = (
    "bench",
    "cli",
    "fault",
    "flow",
    "readme",
    "runtime",
)  # folders whose tests start processes, on ports of the machine


class MachineScheduling(LoadScopeScheduling):
    """Whole machines run one after the other in one worker; the other worker has the rest, file by file."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return "machine" if Path(path).parts[1] in MACHINE else path


def pytest_xdist_make_scheduler(config, log):
    """How `-n` divides the work."""
    return MachineScheduling(config, log)


def pytest_sessionstart(session):
    """With `-n`: compile the machine once, a worker a core, before the workers would each compile it for themselves."""
    if getattr(session.config.option, "numprocesses", None):
        subprocess.run([sys.executable, "-m", "tests.support.compile_all"], cwd=ROOT, check=True)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch) -> Path:
    """State and runtime folders under tmp_path, and the repository as current folder for child processes."""
    monkeypatch.setenv("QUINTET_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("QUINTET_RUNTIME", str(tmp_path / "run"))
    monkeypatch.setenv("QUINTET_VENUE", "")
    monkeypatch.chdir(ROOT)
    return tmp_path


@pytest.fixture
def no_leftovers():
    """Fails a test that leaves an object in shared memory that was not there before.

    Fabrics of tests have our process id in their name; others may come and go beside us.
    """
    before = set(os.listdir("/dev/shm"))
    yield
    found = {entry for entry in os.listdir("/dev/shm") if entry.startswith("quintet") and str(os.getpid()) in entry}
    left = sorted(found - before)
    assert left == [], f"left in /dev/shm: {left}"

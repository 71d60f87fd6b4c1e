"""The whole suite: what runs beside what, folders of its own, and nothing left in shared memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from shm.code_cache import cache_folder
from tests.support.host import host_folder, share_cores, sleep_longer

ROOT = Path(__file__).resolve().parents[1]
# Whole machines whose tests have deadlines: one worker runs them, one after the other. Folders or files of tests/.
MACHINE = ("fault", "flow", "readme", "runtime/test_null_roles.py", "runtime/test_recording_nulls.py")
IN_PROCESS = (
    "fault/test_promises.py",
    "flow/test_report_delivery.py",
    "flow/test_market_halts.py",
    "flow/test_day_books.py",
)
LONG = ("simulation", "mutants", "bench", "systemd", "cli")  # first of the rest: the end is short files


def _lies_in(path: str, places: tuple[str, ...]) -> bool:
    return any(path == f"tests/{place}" or path.startswith(f"tests/{place}/") for place in places)


def lane(path: str) -> int:
    """0 for what waits for its turn in the worker of whole machines, 1 for the long files of the rest, 2 for others."""
    if _lies_in(path, MACHINE) and not _lies_in(path, IN_PROCESS):
        return 0
    return 1 if _lies_in(path, LONG) else 2


class MachineScheduling(LoadScopeScheduling):
    """Whole machines run one after the other in one worker; the other has the rest, file by file, as this one at last."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return "machine" if lane(path) == 0 else path


def pytest_xdist_make_scheduler(config, log):
    """How `-n` divides the work: in the order of collection, not by the number of a file's tests."""
    config.option.loadscopereorder = False
    return MachineScheduling(config, log)


def pytest_collection_modifyitems(config, items):
    """Under `-n` the order in which the work is handed out."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        items.sort(key=lambda item: lane(item.nodeid.split("::", 1)[0]))


def pytest_configure(config):
    """In each worker, for the machines that it starts."""
    sleep_longer()


def pytest_sessionstart(session):
    """With `-n`: compile the machine once, a worker a core, before the workers would each compile it for themselves.

    A role whose Python sources are not compiled either takes 0.3 s more to start, and some five hundred are started.
    Where PYTHONDONTWRITEBYTECODE keeps that out of the tree, it is kept with the compiled code.
    """
    if getattr(session.config.option, "numprocesses", None):
        if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
            os.environ["PYTHONPYCACHEPREFIX"] = str(cache_folder() / "bytecode")
        share_cores()
        subprocess.run([sys.executable, "-m", "tests.support.compile_all"], cwd=ROOT, check=True)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch) -> Path:
    """State and runtime folders and our host under tmp_path; the repository as current folder for child processes."""
    monkeypatch.setenv("QUINTET_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("QUINTET_RUNTIME", str(tmp_path / "run"))
    monkeypatch.setenv("QUINTET_VENUE", "")
    monkeypatch.setenv("QUINTET_CONFIG", host_folder(tmp_path / "host"))
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

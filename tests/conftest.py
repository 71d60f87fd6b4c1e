"""Fixtures of the whole suite: folders of its own, and nothing left in shared memory."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


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

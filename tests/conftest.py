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
    """Fails a test that leaves an object in shared memory that was not there before."""
    before = set(os.listdir("/dev/shm"))
    yield
    left = sorted(entry for entry in set(os.listdir("/dev/shm")) - before if entry.startswith("quintet"))
    assert left == [], f"left in /dev/shm: {left}"

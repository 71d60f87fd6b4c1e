"""A machine for a whole file: starting one takes seconds, so the tests of a file share it."""

import os

import pytest

from tests.conftest import ROOT
from tests.support.host import host_folder


@pytest.fixture(scope="module")
def module_folders(tmp_path_factory):
    """As `folders`, for every test of a file; fails the last one when something is left in shared memory."""
    folder = tmp_path_factory.mktemp("machine")
    before = set(os.listdir("/dev/shm"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUINTET_STATE", str(folder / "state"))
        patch.setenv("QUINTET_RUNTIME", str(folder / "run"))
        patch.setenv("QUINTET_VENUE", "")
        patch.setenv("QUINTET_CONFIG", host_folder(folder / "host"))
        patch.chdir(ROOT)
        yield folder
    ours = {entry for entry in os.listdir("/dev/shm") if entry.startswith("quintet") and str(os.getpid()) in entry}
    left = sorted(ours - before)
    assert left == [], f"left in /dev/shm: {left}"

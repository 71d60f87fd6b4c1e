"""Fixtures of the shared-memory tests: fabric names of our own, and /dev/shm left as found."""

import itertools
import os

import pytest

from shm.roster import destroy
from shm.segment import PREFIX, SHARED_MEMORY_FOLDER

_numbers = itertools.count()


def _ours():
    prefix = f"{PREFIX}test-{os.getpid()}-"
    return [entry for entry in os.listdir(SHARED_MEMORY_FOLDER) if entry.startswith(prefix)]


@pytest.fixture
def fabric():
    """A fabric name that nobody else uses; whatever the test leaves under it goes at the end."""
    name = f"test-{os.getpid()}-{next(_numbers)}"
    yield name
    destroy(name, force=True)


@pytest.fixture(scope="session", autouse=True)
def shared_memory_left_as_found():
    yield
    assert _ours() == [], "a test left objects in /dev/shm"

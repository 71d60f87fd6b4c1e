"""A name of its own for each test's fabric, and nothing of it left behind."""

import itertools
import os

import pytest

from tests.support.cli import nothing_left, objects_of, processes_of

_numbers = itertools.count()


@pytest.fixture
def name(folders):
    """A fabric name that nobody else uses; the test must leave no process and no object of it."""
    made = f"cli{next(_numbers)}-{os.getpid()}"
    yield made
    left = [process.cmdline() for process in processes_of(made)] if not nothing_left(made) else []
    for process in processes_of(made):
        process.kill()
    assert (left, objects_of(made)) == ([], [])

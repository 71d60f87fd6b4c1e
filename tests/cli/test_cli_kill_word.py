"""The kill word stored with the standard library alone, and when a command line is a halt of the firm."""

import json
import subprocess
import sys

import pytest

from config.load import load
from procs.cli.command_line import DEFAULT_NAME, parser
from procs.cli.halt_line import DEFAULT_NAME as HALT_DEFAULT
from procs.cli.halt_line import firm_to_halt
from procs.runtime.fabric import Fabric
from shm import kill_word
from shm.codes import STATE_ACTIVE, STATE_CANCEL_ONLY, STATE_HALTED, STATE_NAMES
from shm.records.control_end import CONTROL_WORDS_OFFSET
from shm.records.roster import ROSTER, ROSTER_OFFSET
from shm.records.segment_header import (
    SEGMENT_HEADER,
    SEGMENT_HEADER_VERSION,
    SEGMENT_KIND_CONTROL,
    SEGMENT_KIND_ROSTER,
    SEGMENT_MAGIC,
    SEGMENT_READY,
)
from shm.segment import PREFIX, SHARED_MEMORY_FOLDER
from tests.conftest import ROOT


@pytest.fixture
def fabric(name):
    """A fabric without processes."""
    made = Fabric(load(name))
    yield made
    made.destroy()


def at(field: str) -> int:
    return SEGMENT_HEADER.fields[field][1] // 8


def test_its_own_numbers_are_those_of_the_records():
    assert (kill_word.MAGIC, kill_word.VERSION, kill_word.READY) == (
        SEGMENT_MAGIC,
        SEGMENT_HEADER_VERSION,
        SEGMENT_READY,
    )
    assert (kill_word.KIND_CONTROL, kill_word.KIND_ROSTER) == (SEGMENT_KIND_CONTROL, SEGMENT_KIND_ROSTER)
    assert kill_word.HEADER_BYTES == SEGMENT_HEADER.itemsize == ROSTER_OFFSET == CONTROL_WORDS_OFFSET
    places = (kill_word.MAGIC_AT, kill_word.VERSION_AT, kill_word.KIND_AT, kill_word.EPOCH_AT, kill_word.READY_AT)
    assert places == tuple(at(name) for name in ("magic", "header_version", "kind", "epoch", "ready"))
    assert ROSTER.fields["epoch"][1] == 0 and kill_word.FIRST_AT * 8 == ROSTER_OFFSET
    assert kill_word.HALTED == STATE_HALTED
    assert kill_word.FOLDER == SHARED_MEMORY_FOLDER and PREFIX == "quintet."
    assert HALT_DEFAULT == DEFAULT_NAME


@pytest.mark.parametrize("name", ["", "../quintet", "Quintet", "none-there", "a.b", "x" * 300])
def test_a_name_that_is_no_fabrics_stores_nothing(name):
    assert kill_word.halt_word(name) == 0


def test_it_stores_the_next_generation_once_and_says_nothing_again(fabric, name):
    fabric.arm()
    generation, state = fabric.control.word(0, 0)
    assert state == STATE_ACTIVE
    assert kill_word.halt_word(name) == generation + 1
    assert fabric.control.word(0, 0) == (generation + 1, STATE_HALTED)
    assert kill_word.halt_word(name) == generation + 1
    fabric.control.operator_set(0, STATE_CANCEL_ONLY)
    assert kill_word.halt_word(name) > generation + 1 and fabric.control.effective(0) == STATE_HALTED
    assert STATE_NAMES[fabric.control.effective(0)] == "HALTED"


LINES = [
    (["halt", "--reason", "x y"], "quintet"),
    (["halt", "--reason=x", "--name", "abc", "--json"], "abc"),
    (["halt", "--scope", "firm", "--reason", "x"], "quintet"),
    (["halt"], None),
    (["halt", "--reason", " "], None),
    (["halt", "--reason", "--json"], None),
    (["halt", "--reason", "x", "--scope", "strategy:a"], None),
    (["halt", "--reason", "x", "--help"], None),
    (["resume", "--reason", "x"], None),
    (["halt", "--reason"], None),
    ([], None),
]


@pytest.mark.parametrize(("words", "name"), LINES)
def test_only_a_whole_halt_of_the_firm_is_taken_and_argparse_takes_it_too(words, name):
    assert firm_to_halt(words) == name
    if name is not None:
        given = parser().parse_args(words)
        assert (given.command, given.scope, given.name) == ("halt", "firm", name)


def test_nothing_heavy_is_imported_before_the_word_is_stored():
    code = (
        "import sys, json; import procs.cli.__main__; "
        "print(json.dumps(sorted(name for name in sys.modules if name.split('.')[0] in "
        "('numpy', 'msgspec', 'numba', 'argparse', 'posix_ipc', 'config') or name.startswith('shm.records'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []

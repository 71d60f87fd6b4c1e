"""halt, resume, cancel-all: with and without a fabric, over restarts, against automatic halts."""

import errno
import json

import pytest

from config.load import load
from procs.runtime.fabric import Fabric
from procs.runtime.objects import journals_of
from shm.journal_view import JournalView
from shm.records.journal_end import journal_entry_bytes
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.segment_header import SEGMENT_KIND_JOURNAL
from shm.segment import attach_segment
from tests.support.cli import call


@pytest.fixture
def said(name):
    """Runs a command on the test's fabric; returns the state that it reports."""

    def ask(*words: str) -> str:
        return _said(name, *words)

    return ask


def _said(name: str, *words: str) -> str:
    answer = call(*words, "--json", "--name", name)
    assert answer.code == 0, answer.err
    return answer.json()["state"]


@pytest.fixture
def fabric(name):
    """An armed fabric without processes."""
    made = Fabric(load(name))
    made.arm()
    yield made
    made.destroy()


def effective(fabric, label: str) -> int:
    return fabric.control.effective(fabric.control.scopes.index(label))


def test_halt_and_resume_change_the_words_that_the_hot_path_reads(fabric, said):
    assert effective(fabric, "firm") == 1
    assert said("halt", "--reason", "test") == "HALTED"
    assert effective(fabric, "firm") == 4
    assert said("resume", "--reason", "over") == "ACTIVE"
    assert effective(fabric, "firm") == 1


@pytest.mark.parametrize("scope", ["firm", "session:order_sender", "strategy:strategy", "instrument:QNTB"])
def test_each_scope_is_halted_alone(fabric, scope, said):
    assert said("cancel-all", "--scope", scope, "--reason", "test") == "CANCEL_ONLY"
    states = {label: effective(fabric, label) for label in fabric.control.scopes.labels}
    assert states.pop(scope) == 3
    assert set(states.values()) == {1}
    assert said("resume", "--scope", scope, "--reason", "over") == "ACTIVE"


def test_a_halt_is_never_weakened_by_a_later_cancel_all(fabric, said):
    said("halt", "--reason", "first")
    assert said("cancel-all", "--reason", "second") == "HALTED"


def test_resume_of_an_instrument_says_what_still_stands_in_its_way(fabric, said, name):
    said("halt", "--reason", "all")
    answer = call("resume", "--scope", "instrument:QNTA", "--reason", "one", "--name", name)
    assert answer.code == 0 and answer.out == "instrument:QNTA ACTIVE\n"
    assert answer.err == "still in force: firm HALTED by operator\n"


def test_a_halt_without_a_fabric_is_latched_for_the_next_start(folders, said, name):
    answer = call("halt", "--reason", "before the open", "--name", name)
    assert answer.code == 0
    assert "latched for its next start" in answer.err
    latch = json.loads((folders / "state" / name / "control.json").read_text())["scopes"]["firm"]
    assert latch["state"] == "HALTED" and latch["reason"] == "before the open" and latch["by"]
    made = Fabric(load(name))
    try:
        assert made.arm()["reason"] == "before the open"
        assert effective(made, "firm") == 4
        assert said("resume", "--reason", "open") == "ACTIVE"
    finally:
        made.destroy()


def test_a_halt_survives_restarts_until_somebody_resumes(said, name):
    for life in range(3):
        made = Fabric(load(name))
        try:
            held = made.arm()
            if life == 0:
                assert held is None
                said("halt", "--reason", "stuck", "--scope", "instrument:QNTC")
            assert effective(made, "instrument:QNTC") == 4
            assert effective(made, "instrument:QNTA") == 1
        finally:
            made.destroy()
    assert said("resume", "--reason", "looked", "--scope", "instrument:QNTC") == "resumed"
    made = Fabric(load(name))
    try:
        assert effective(made, "instrument:QNTC") == 1
    finally:
        made.destroy()


def test_a_misspelt_name_is_pointed_out(fabric, name):
    answer = call("halt", "--reason", "r", "--name", "ctl-typo")
    assert answer.code == 0 and "no fabric 'ctl-typo' is up" in answer.err and name in answer.err


def test_a_damaged_latch_halts_and_the_file_is_kept_aside(fabric, said):
    (fabric.state_folder / "control.json").write_text("{not json")
    assert said("halt", "--reason", "r") == "HALTED"
    assert (fabric.state_folder / "control.json.damaged").exists()


def test_resume_over_a_damaged_latch_is_refused(fabric, said, name):
    said("halt", "--reason", "r")
    (fabric.state_folder / "control.json").write_text("{not json")
    answer = call("resume", "--reason", "r", "--name", name)
    assert answer.code == 1 and "look at the file, move it away, then resume" in answer.err
    assert effective(fabric, "firm") == 4


@pytest.fixture
def journal_fails(fabric, name):
    """Says what the last write of a role's journal met."""

    def fails(instance: str, number: int) -> None:
        journal = journals_of(fabric.config)[instance]
        words = (journal.name, SEGMENT_KIND_JOURNAL, JOURNAL_ENTRY, journal.entries)
        segment = attach_segment(name, fabric.epoch, *words, writable=True)
        view = JournalView(segment.bytes, journal_entry_bytes(journal.payload_bytes), journal.entries)
        view.publish_failed(number)
        del view
        segment.close()

    return fails


@pytest.mark.parametrize("instance", ["risk_gate", "order_sender", "position_keeper"])
def test_a_firm_is_not_armed_over_a_journal_that_takes_no_more(fabric, said, name, journal_fails, instance):
    said("halt", "--reason", "r")
    journal_fails(instance, errno.ENOSPC)
    for words in (("resume",), ("reduce",)):
        answer = call(*words, "--reason", "r", "--name", name)
        assert answer.code == 1 and answer.out == "", answer
        assert f"journal of {instance}: expected a disk that takes it, found No space left on device" in answer.err
        assert f"then end {instance}" in answer.err
        assert effective(fabric, "firm") == 4
    said("resume", "--scope", "instrument:QNTB", "--reason", "r")
    assert effective(fabric, "firm") == 4, "what is not the firm arms nothing"
    journal_fails(instance, 0)  # as its successor does
    assert said("resume", "--reason", "the disk is sound") == "ACTIVE"


def test_a_cancel_that_nobody_reads_says_so_and_stands(fabric, name, monkeypatch):
    monkeypatch.setattr("procs.cli.cancel.TAKEN_SECONDS", 0.05)
    for what in ("this cancel", "an earlier `quintet cancel`"):
        answer = call("cancel", "--side", "buy", "--instrument", "QNTB", "--reason", "test", "--name", name)
        assert answer.code == 1 and f"{what} read within" in answer.err, answer
        assert fabric.control.cancel_generation(0) == 1, "an unread word is not written over"
    said = [json.loads(line) for line in (fabric.state_folder / "cancels.jsonl").read_text().splitlines()]
    assert [(row["side"], row["instrument"], row["reason"]) for row in said] == [("buy", "QNTB", "test")] * 2
    assert effective(fabric, "firm") == 1, "it stops nobody"


def test_a_cancel_without_a_fabric_is_refused(folders, name):
    answer = call("cancel", "--reason", "test", "--name", name)
    assert answer.code == 1 and name in answer.err

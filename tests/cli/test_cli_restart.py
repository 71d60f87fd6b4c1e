"""A restart of everything stays halted: the real commands on a machine that trades, is halted, goes down and comes up."""

import json
from contextlib import contextmanager

import pytest

from procs.cli.session import open_orders
from procs.cli.snapshot import Snapshot
from procs.runtime.paths import state_folder
from shm.codes import STATE_HALTED
from shm.control_words import latch_load
from tests.support.cli import call, objects_of, quintet, wait_until

pytestmark = pytest.mark.timeout(300)

WHY, WHY_OVER = "prices of QNTA look wrong", "the feed was looked at"
START_SECONDS = 200.0  # a busy machine compiles for minutes


@pytest.fixture
def machine(name):
    """Name of a fabric that the test brings up and down; taken down afterwards where the test could not."""
    yield name
    if objects_of(name):
        call("down", "--name", name)


@contextmanager
def looking_at(name: str):
    """A snapshot of a machine that is up."""
    snapshot = Snapshot(name)
    try:
        yield snapshot
    finally:
        snapshot.close()


def accepted(snapshot) -> int:
    """Orders that the venue ever took, by its own ledger."""
    return int(snapshot.ledger()["orders_accepted"].sum())


def check_nothing_is_entered(snapshot, name: str) -> None:
    """The strategy wants to and the gate answers HALTED, in the words and in `status`; the venue saw no order."""
    assert snapshot.control().effective(0) == STATE_HALTED
    refused = snapshot.rejects().get("halted", 0)
    assert wait_until(lambda: snapshot.rejects().get("halted", 0) >= refused + 20), snapshot.rejects()
    assert (accepted(snapshot), snapshot.counters().get("sender_sent", 0)) == (0, 0)
    told = call("status", "--json", "--name", name).json()
    assert told["risk"][0]["scope"] == "firm" and told["risk"][0]["state"] == "HALTED"


def test_a_machine_that_was_halted_comes_back_halted_and_trades_once_somebody_resumes_it_with_a_reason(machine):
    up = quintet("up", "--name", machine, seconds=START_SECONDS)
    assert up.code == 0 and "firm ACTIVE" in up.out, up.err
    with looking_at(machine) as first:
        assert wait_until(lambda: open_orders(first) > 0 and accepted(first) > 10, 30), "it trades"
        assert quintet("halt", "--reason", WHY, "--name", machine).out == "firm HALTED\n"
        assert wait_until(lambda: open_orders(first) == 0), "its orders are cancelled"
    assert call("down", "--name", machine).out == f"{machine} is down\n"

    up = quintet("up", "--name", machine, seconds=START_SECONDS)
    assert up.code == 0 and "firm HALTED" in up.out, up.err
    assert "held: firm HALTED since " in up.err and f": {WHY}\n" in up.err
    assert f"nothing trades until `quintet resume --name {machine} --reason ...`" in up.err
    with looking_at(machine) as second:
        check_nothing_is_entered(second, machine)
        for words in (("resume",), ("resume", "--reason"), ("resume", "--reason", " ")):
            answer = call(*words, "--name", machine)
            assert answer.code == 2 and "--reason" in answer.err, "no act without a reason"
        answer = call("resume", "--scope", "strategy:strategy", "--reason", "this one only", "--name", machine)
        assert answer.err == "still in force: firm HALTED by operator\n"
        check_nothing_is_entered(second, machine)
        assert latch_load(state_folder(machine))["firm"]["reason"] == WHY, "what was refused changed nothing"
        assert call("resume", "--reason", WHY_OVER, "--name", machine).out == "firm ACTIVE\n"
        assert wait_until(lambda: open_orders(second) > 0 and accepted(second) > 10, 30), "it trades again"
    assert call("down", "--name", machine).code == 0
    acts = [json.loads(line) for line in (state_folder(machine) / "control.jsonl").read_text().splitlines()]
    firm = [(act["state"], act["reason"]) for act in acts if act["scope"] == "firm"]
    assert firm == [("HALTED", WHY), ("ACTIVE", WHY_OVER)] and all(act["by"] for act in acts)
    assert latch_load(state_folder(machine)) == {}

"""Flatten on the embedded venue: a strategy makes positions, the firm is put under REDUCING, the executor works them off."""

import signal
import time

import pytest

from config.executor import EXECUTOR, with_executor
from shm.codes import JOURNAL_DECISION, PASS
from shm.records.decision import DECISION
from tests.support.cli import call
from tests.support.system import System, system_config

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("no_leftovers")]

HELD_LOTS = 300


def held(machine) -> dict[str, int]:
    """What the firm holds by instrument, where it is not flat."""
    lots = {}
    for row in machine.snapshot.positions():
        lots[row["instrument"]] = lots.get(row["instrument"], 0) + row["position_lots"]
    return {symbol: count for symbol, count in lots.items() if count}


def ledger(machine) -> dict[str, int]:
    """The same in the venue's ledger, every instrument that it trades."""
    symbols = [instrument.symbol for instrument in machine.config.instruments]
    return {
        symbols[int(row["instrument_id"])]: int(row["position_lots"])
        for row in machine.snapshot.ledger()
        if row["position_lots"]
    }


def say(machine, *words: str):
    answer = call(*words, "--name", machine.config.name)
    assert answer.code == 0, answer
    return answer


def test_flatten_brings_every_position_to_nothing_and_the_venue_agrees(folders):
    with System(with_executor(system_config("flat"))) as machine:
        name = machine.config.name
        machine.wait(lambda: sum(map(abs, held(machine).values())) >= HELD_LOTS, "positions", 60.0)
        answer = call("flatten", "--reason", "test", "--name", name)
        assert answer.code == 1 and "expected REDUCING, found ACTIVE" in answer.err, answer

        say(machine, "halt", "--reason", "something is wrong")
        answer = call("flatten", "--reason", "test", "--name", name)
        assert answer.code == 1 and "found HALTED; set REDUCING first: `quintet reduce" in answer.err, answer
        assert sum(row["fills"] for row in machine.snapshot.positions() if row["strategy"] == EXECUTOR) == 0

        say(machine, "reduce", "--reason", "positions may be closed")
        machine.kill_signal("strategy", signal.SIGSTOP)  # nobody but the executor is needed
        try:
            answer = say(machine, "flatten", "--reason", "test", "--json")
        finally:
            machine.kill_signal("strategy", signal.SIGCONT)
        assert answer.json()["state"] == "done" and answer.json()["after"] == {}, answer
        assert held(machine) == {} == ledger(machine)
        rows = {row["strategy"]: row["position_lots"] for row in machine.snapshot.positions()}
        assert any(rows.values()), "desks keep what they have, one the opposite of the other"

        quiet = time.monotonic() + 1.0
        machine.wait(lambda: time.monotonic() > quiet, "a second under REDUCING")
        assert held(machine) == {} == ledger(machine), "nobody opens what was closed"
        _, decisions = machine.journal("risk_gate", JOURNAL_DECISION, DECISION)
        ours = decisions[(decisions["strategy_id"] == 1) & (decisions["code"] == PASS)]
        assert len(ours), "its orders passed the gate as every order does"
        report = machine.finish()
        assert report["failures"] == [], machine.logs()
        assert machine.counters().get("executor_timeouts", 0) == 0


def test_flatten_works_with_the_strategy_dead_and_one_strategy_at_a_time(folders):
    with System(with_executor(system_config("flats")), restarts_max=1) as machine:
        machine.wait(lambda: sum(map(abs, held(machine).values())) >= HELD_LOTS, "positions", 60.0)
        say(machine, "reduce", "--reason", "test")
        machine.kill_signal("strategy", signal.SIGKILL)
        machine.supervisor.processes["strategy"].popen.wait()
        answer = say(machine, "flatten", "--scope", "strategy:strategy", "--reason", "test", "--json")
        assert answer.json()["state"] == "done" and answer.json()["stopped"] == ["strategy"]
        assert held(machine) == {} == ledger(machine)
        again = say(machine, "flatten", "--scope", "strategy:strategy", "--reason", "again", "--json")
        assert again.json()["done_lots"] == 0, "what is flat stays flat"


def test_without_an_executor_flatten_says_what_to_add(folders):
    with System(system_config("noexec")) as machine:
        answer = call("flatten", "--reason", "test", "--name", machine.config.name)
        assert answer.code == 1 and "executor = true" in answer.err, answer

"""The venue refuses whatever we enter: the strategy is stopped, then the session, until a person resumes each.

One machine: the breaker of the strategy, its resume into a venue that still refuses, the breaker of the session over a
kill -9 of the gate, and quotes again at the end with the venue's ledger equal to ours.
"""

import pytest
from msgspec import structs

from procs.cli.scenario import states_now
from shm.codes import JOURNAL_DECISION, PASS
from shm.error_log import ERROR_GATE_SESSION_REJECTS, ERROR_GATE_VENUE_REJECTS, error_label
from shm.records.decision import DECISION, RELEASED_SESSION, RELEASED_STRATEGY
from tests.support.cli import call
from tests.support.system import System, system_config

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("folders", "no_leftovers")]

STRATEGY, SESSION = "strategy:strategy", "session:order_sender"
STRATEGY_MAX, FIRM_MAX = 10, 30
IN_FLIGHT = 16  # two orders of each of four instruments, and as many behind them
WINDOW_MS = 600_000  # longer than the test: what is refused adds up whatever the machine's pace


def storm_config():
    config = system_config("storm")
    window = dict(venue_rejects_window_ms=WINDOW_MS)
    strategies = {
        name: structs.replace(held, venue_rejects_max=STRATEGY_MAX, **window)
        for name, held in config.limits.strategies.items()
    }
    firm = structs.replace(config.limits.firm, venue_rejects_max=FIRM_MAX, **window)
    return structs.replace(config, limits=structs.replace(config.limits, strategies=strategies, firm=firm))


def refused(machine) -> int:
    return machine.counters().get("sender_venue_rejects", 0)


def resume(machine, scope: str) -> None:
    answer = call("resume", "--scope", scope, "--reason", "looked at it", "--name", machine.config.name)
    assert answer.code == 0, answer.err


def wait_state(machine, scope: str, state: str) -> None:
    machine.wait(lambda: states_now(machine.snapshot).get(scope) == state, f"{scope} {state}")


def trades(machine) -> None:
    sent, fills = machine.sent(), machine.fills()
    machine.wait(lambda: machine.sent() > sent and machine.fills() > fills, "orders and fills")


def test_a_venue_that_refuses_everything_stops_the_strategy_then_the_session_until_a_person_resumes_both():
    with System(storm_config()) as machine:
        trades(machine)
        before = refused(machine)
        assert before <= STRATEGY_MAX - 1, "a healthy machine is hardly refused anything"
        machine.turn(refuse_orders=True)
        wait_state(machine, STRATEGY, "HALTED")
        assert set(states_now(machine.snapshot)) == {STRATEGY}, "nothing but the strategy"
        machine.wait(lambda: machine.snapshot.ledger()["orders_open"].sum() == 0, "nothing of it rests at the venue")
        assert STRATEGY_MAX < refused(machine) <= STRATEGY_MAX + IN_FLIGHT, "and what was on its way"

        def is_the_sessions_turn():
            states = states_now(machine.snapshot)
            if STRATEGY in states and SESSION not in states:
                resume(machine, STRATEGY)
            return SESSION in states

        machine.wait(is_the_sessions_turn, "the session is held, too")
        assert states_now(machine.snapshot)[SESSION] == "CANCEL_ONLY"
        assert FIRM_MAX < refused(machine) <= FIRM_MAX + IN_FLIGHT
        machine.kill("risk_gate")
        assert states_now(machine.snapshot)[SESSION] == "CANCEL_ONLY", "held over the death of the gate"

        machine.turn(refuse_orders=False)
        if STRATEGY in states_now(machine.snapshot):
            resume(machine, STRATEGY)
        sent = machine.sent()
        wait_rejects(machine)
        assert machine.sent() == sent, "nothing new leaves before the session is resumed"
        resume(machine, SESSION)
        trades(machine)
        trades(machine)
        assert states_now(machine.snapshot) == {}
        released = machine.journal("risk_gate", JOURNAL_DECISION, DECISION)[1]
        released = released[released["released"] != 0]
        report = machine.finish()
        restarts = list(machine.events)
    labels = {error_label(code) for code in (ERROR_GATE_VENUE_REJECTS, ERROR_GATE_SESSION_REJECTS)}
    assert labels <= {key.split(": ")[1] for key in report["errors"]}
    assert [text for text in report["failures"] if not any(label in text for label in labels)] == []
    assert set(released["code"]) == {PASS} and int(released["released"][-1]) & RELEASED_SESSION
    assert (released["released"] & RELEASED_STRATEGY).any(), "the journal says what a person let go on"
    assert len(restarts) == 1 and "risk_gate" in restarts[0]


def wait_rejects(machine) -> None:
    """The strategy asks, and the gate says why not."""
    before = machine.snapshot.rejects().get("venue_rejects", 0)
    machine.wait(lambda: machine.snapshot.rejects().get("venue_rejects", 0) > before, "refusals for venue_rejects")

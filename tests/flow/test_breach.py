"""The breach scenario: a strategy runs into its delta, value-at-risk and loss thresholds, and each acts by itself."""

import pytest

from procs.cli.report import collect, render
from procs.cli.scenario import (
    EXPECTED,
    collect_scenario,
    complete,
    expected_errors,
    missing_steps,
    render_scenario,
    states_now,
    with_scenario,
)
from procs.cli.session import open_orders
from shm.control_words import latch_load
from tests.support.system import System, system_config

pytestmark = [pytest.mark.timeout(400), pytest.mark.usefixtures("folders", "no_leftovers")]


def scenario_of(machine: System) -> dict:
    """What it came to so far; nothing before risk_engine has a journal."""
    if not machine.fabric.page("risk_engine").row["steps"]:
        return {"steps": [], "positions": {}}
    return collect_scenario(machine.snapshot)


def test_a_strategy_that_keeps_buying_is_reduced_halted_and_flattened_through_the_gate_by_nobody():
    with System(with_scenario(system_config("breach"), "breach")) as machine:
        machine.wait(lambda: complete(scenario_of(machine)), "every step, and nothing held any more", 120)
        machine.wait(lambda: open_orders(machine.snapshot) == 0, "nothing open: it has nothing to do any more")
        scenario, states = scenario_of(machine), states_now(machine.snapshot)
        report = collect(machine.snapshot, 1.0, "generated flow", {}, [])
        latched = latch_load(machine.fabric.state_folder)
        events = machine.events
    taken = {(row["scope"], row["measure"], row["step"]): row for row in scenario["steps"] if row["event"] == "step"}
    assert set(EXPECTED) <= set(taken) and missing_steps(scenario["steps"]) == [] and events == []
    assert missing_steps([]) and len(missing_steps([])) == len(EXPECTED)
    for row in taken.values():
        assert row["found_micro"] >= row["threshold_micro"] > 0
    assert set(scenario["positions"].values()) == {0}, "flat, and it was not"
    flatten, delta = taken["firm", "loss", "flatten"], taken[EXPECTED[0]]
    assert (flatten["executor"], flatten["said"]) == ("asked", "REDUCING") and flatten["delta_micro"] > 0
    assert delta["delta_micro"] == delta["found_micro"]
    assert states["strategy:strategy"] == "HALTED" and states["firm"] == "REDUCING"
    for scope in ("strategy:strategy", "firm", "instrument:QNTA"):
        assert latched[scope]["state"] == states[scope] and "risk_engine" in latched[scope]["by"]
    desks = {row["strategy"]: row["fills"] for row in report["positions"]}
    assert desks["strategy"] and desks["strategy.executor"], "what was held went through the gate, as the executor's"
    assert report["breaks"] == []
    unforeseen = {key for key in report["errors"] if key.split(": ")[1] not in expected_errors()}
    assert unforeseen == set()
    text = render_scenario(scenario | {"states": states})
    for words in ("what thresholds did by themselves", "flatten", "asked", "QNTA 0", "strategy:strategy HALTED"):
        assert words in text
    assert "strategy.executor" in render(report)

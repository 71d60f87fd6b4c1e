"""Scenarios of `quintet demo`: the shipped machine driven to where something has to happen by itself.

**breach**: a strategy that keeps buying, a venue that charges for it, and thresholds close by. Delta puts one
instrument under REDUCING, value at risk the strategy, the loss halts the strategy, puts the firm under REDUCING and has
the executor flatten it through the gate. Nobody types a command.
"""

import time

from msgspec import structs

from config.executor import with_executor
from config.load import Config
from config.risk import Threshold
from procs.cli.risk import configuration, events, render_history
from procs.cli.session import POLL_SECONDS, NotReady
from procs.cli.snapshot import Snapshot
from procs.cli.text import count
from procs.runtime.journals import Source, find
from shm.error_log import ERROR_RISK_THRESHOLD, error_label
from shm.records.risk import RISK

SCENARIOS = ("breach",)
MICRO = 1_000_000
ENGINE_SECONDS = 60.0
UNIVERSE = ("QNTA", "QNTB")
PARAMS = {"bid_lots": 5, "ask_lots": 1, "position_lots_max": 1500}
FEE_MICRO_PER_LOT = 1_000_000  # a dollar: what it trades costs it more than the market can give back
FULL_MS = 200  # value at risk follows what it buys
# step that must have been taken by itself: scope, measure, step
EXPECTED = (
    ("underlying QNTA", "delta", "reducing"),
    ("strategy strategy", "var_parametric", "reducing"),
    ("strategy strategy", "loss", "halted"),
    ("firm", "loss", "flatten"),
)


def with_scenario(config: Config, name: str | None) -> Config:
    """`config` as a scenario wants it; None leaves it as it is."""
    if name is None:
        return config
    (strategy,) = config.strategies
    chosen = structs.replace(
        config.strategies[strategy], module="accumulate", universe=UNIVERSE, params=PARAMS, overrides={}
    )
    venue = config.venues[0]
    fees = tuple(
        structs.replace(held, added_micro_per_lot=FEE_MICRO_PER_LOT, removed_micro_per_lot=FEE_MICRO_PER_LOT)
        for held in venue.fees
    )
    config = structs.replace(
        config,
        strategies={**config.strategies, strategy: chosen},
        venues=(structs.replace(venue, fees=fees), *config.venues[1:]),
        risk=structs.replace(config.risk, thresholds=breach_thresholds(strategy), full_ms=FULL_MS),
    )
    return with_executor(config)


def breach_thresholds(strategy: str) -> tuple[Threshold, ...]:
    """Close to what a few seconds of buying come to: delta first, then value at risk, and what selling costs breaks."""

    def at(scope: str, measure: str, warn: int, reducing="none", flatten="none", halted="none") -> Threshold:
        numbers = [held if held == "none" else held * MICRO for held in (warn, reducing, flatten, halted)]
        return Threshold(scope, measure, *numbers)

    return (
        at("underlying:QNTA", "delta", 1_500, reducing=3_000),
        at(f"strategy:{strategy}", "var_parametric", 150, reducing=250),
        at(f"strategy:{strategy}", "loss", 30, halted=110),
        at("firm", "loss", 30, flatten=110),
    )


def wait_engine(supervisor, snapshot: Snapshot, leave) -> None:
    """Wait until risk_engine has published: it starts beside the others, and nothing else waits for it.

    Raises NotReady after ENGINE_SECONDS, or once `leave` is true.
    """
    deadline = time.monotonic() + ENGINE_SECONDS
    while not snapshot.view.table("risk", RISK)[0][0]:
        supervisor.poll()
        if leave or time.monotonic() > deadline:
            raise NotReady(f"risk_engine has published nothing; see {supervisor.log_folder}")
        time.sleep(POLL_SECONDS)


def steps_taken(name: str) -> list[dict]:
    """What thresholds did in this life, oldest first."""
    place = find(name, "risk_engine", None)[-1]
    with Source(name, place, True) as source:
        return list(events(source.reader.entries(source.first_seq()), configuration(place)))


def missing_steps(steps: list[dict]) -> list[str]:
    """Expected steps that were not taken, a sentence each."""
    taken = {(row["scope"], row["measure"], row["step"]) for row in steps if row["event"] in ("step", "again")}
    return [
        f"{scope} was not put under {step} by its {measure}" for scope, measure, step in EXPECTED
        if (scope, measure, step) not in taken
    ]  # fmt: skip


def collect_scenario(snapshot: Snapshot) -> dict:
    """Steps, and what is held by all desks together, as the report has them."""
    held: dict[str, int] = {}
    for row in snapshot.positions():
        held[row["instrument"]] = held.get(row["instrument"], 0) + row["position_lots"]
    return {"steps": steps_taken(snapshot.config.name), "positions": held}


def states_now(snapshot: Snapshot) -> dict[str, str]:
    """Scopes that are not ACTIVE and their states."""
    return {row["scope"]: row["state"] for row in snapshot.control().matrix() if row["state"] != "ACTIVE"}


def complete(scenario: dict) -> bool:
    """Whether every expected step was taken and nothing is held any more: the scenario has no more to show."""
    return not missing_steps(scenario["steps"]) and not any(scenario["positions"].values())


def expected_errors() -> set[str]:
    """Labels of what a breach notes by design."""
    return {error_label(ERROR_RISK_THRESHOLD)}


def render_scenario(scenario: dict) -> str:
    """What happened by itself, a line a step, and what came of it."""
    lines = ["what thresholds did by themselves", render_history(scenario["steps"])]
    held = ", ".join(f"{symbol} {count(lots)}" for symbol, lots in sorted(scenario["positions"].items())) or "nothing"
    lines.append(f"held after it, all desks together: {held}")
    states = ", ".join(f"{scope} {state}" for scope, state in scenario["states"].items()) or "all ACTIVE"
    lines.append(f"states before the demo's own stop, latched until `quintet resume`: {states}")
    return "\n".join(lines)

"""risk_engine beside tables that this test writes: what it publishes, when it acts, what it goes on with."""

import json
import os
import signal
from contextlib import contextmanager

import numpy as np
import pytest
from msgspec import structs

from config.load import load
from procs.cli.risk import look as look_cli
from procs.cli.risk import render
from procs.cli.snapshot import Snapshot
from procs.risk_engine.window import Window
from procs.runtime.journals import NoSuchJournal, find
from shm.codes import (
    CHANNEL_STALE,
    LIFE_RUNNING,
    RISK_METHOD_HISTORICAL,
    RISK_METHOD_MONTE_CARLO,
    RISK_METHOD_PARAMETRIC,
    RISK_REASON_DELTA,
    RISK_REASON_LOSS,
    RISK_REASON_STALE,
    STATE_ACTIVE,
    STATE_HALTED,
    STATE_REDUCING,
)
from shm.control_words import latch_load, operator_resume
from shm.inspect import latest_row
from shm.records.greeks import GREEKS, GREEKS_VALID
from shm.records.request import REQUEST_FLATTEN, REQUESTER_RISK_ENGINE
from tests.support.cli import call, wait_until
from tests.support.engine_bench import MICRO, EngineBench, engine_config, look, option_on, threshold

pytestmark = pytest.mark.usefixtures("folders", "no_leftovers")


@contextmanager
def running(config):
    """(bench, worker) with the market of QNTA at 100 and nothing held."""
    config = structs.replace(
        config, risk=structs.replace(config.risk, var=structs.replace(config.risk.var, draws=100, window_min=20))
    )
    with EngineBench(config) as bench:
        bench.market("QNTA", 100.0)
        worker, wiring = bench.worker()
        try:
            yield bench, worker
        finally:
            worker.finish(True)
            worker.close()
            wiring.detach()


def greeks(bench, symbol: str):
    segment = bench.wiring.table("greeks")
    return latest_row(segment, GREEKS, bench.row_of(symbol))[1]


def test_it_publishes_what_is_held_by_firm_desk_and_underlying():
    with running(engine_config("engine")) as (bench, worker):
        bench.market("QNTB", 50.0)
        bench.hold("QNTA", 300, pnl=12.5, fees=2.0)
        bench.hold("QNTB", -100, pnl=-20.0)
        look(worker)
        assert greeks(bench, "QNTA")["delta_micro"] == 100 * MICRO and greeks(bench, "QNTA")["flags"] == GREEKS_VALID
        assert greeks(bench, "QNTC")["now_ns"] == 0, "no mark yet: nothing is said"
        firm, desk, a, b = bench.risk(0), bench.risk(1), bench.underlying("QNTA"), bench.underlying("QNTB")
        for row in (firm, desk):
            assert (row["net_micro"], row["gross_micro"]) == (25_000 * MICRO, 35_000 * MICRO)
            assert (row["pnl_micro"], row["pnl_max_micro"]) == (-9_500_000, 0)
            assert row["drawdown_micro"] == 9_500_000 and row["stale"] == 0 and row["state"] == STATE_ACTIVE
        assert (a["delta_micro"], b["delta_micro"]) == (30_000 * MICRO, -5_000 * MICRO)
        assert a["stress_micro"] == -6_000 * MICRO and b["stress_micro"] == -1_000 * MICRO, "20 % against each"
        assert a["margin_micro"] == 4_500 * MICRO and firm["margin_micro"] == 5_250 * MICRO, "15 %, no offset"
        assert firm["stress_micro"] == -5_000 * MICRO, "all underlyings alike: the short pays for a part"
        assert firm["methods"] == RISK_METHOD_PARAMETRIC | RISK_METHOD_MONTE_CARLO, "there is no window yet"
        assert 0 < firm["var_parametric_micro"] < a["var_parametric_micro"] < firm["gross_micro"]
        assert firm["var_historical_micro"] == 0 < firm["var_monte_carlo_micro"] <= firm["es_monte_carlo_micro"]


def test_a_parametric_figure_is_that_of_the_formula():
    with running(engine_config("engine")) as (bench, worker):
        bench.hold("QNTA", 300)
        look(worker)
        held = bench.underlying("QNTA")
        deviation = 0.30 / 252**0.5
        mean = 0.5 * deviation**2  # second order of an exponential move
        sd = (deviation**2 + 0.5 * deviation**4) ** 0.5
        expected = 30_000 * (2.3263478740 * sd - mean)
        assert held["var_parametric_micro"] / MICRO == pytest.approx(expected, rel=1e-6)


def test_an_option_counts_with_the_greeks_of_its_model_for_its_underlying():
    root = load().instruments[0]
    call_option = option_on(root, "QCALL", "call", 100.0)
    config = engine_config("engine", options=(call_option,))
    with running(config) as (bench, worker):
        bench.hold("QCALL", -10)
        look(worker)
        row, under = greeks(bench, "QCALL"), bench.underlying("QNTA")
        assert row["underlying_id"] == bench.row_of("QNTA") and row["flags"] == GREEKS_VALID
        assert row["gamma_micro"] > 0 and row["vega_micro"] > 0 and 0 < row["delta_micro"] < 100 * 100 * MICRO
        for name in ("delta", "gamma", "vega", "theta", "rho"):
            assert under[f"{name}_micro"] == -10 * row[f"{name}_micro"]
        assert under["stress_micro"] < 0 and under["stale"] == 0, "an option needs its underlying's mark, not its own"
        assert under["margin_micro"] >= 0.375 * 100 * 10 * MICRO


ACTS = """
position  pnl    state of instrument  state of strategy  state of firm
99        0      ACTIVE               ACTIVE             ACTIVE
100       0      ACTIVE               ACTIVE             ACTIVE
199       0      ACTIVE               ACTIVE             ACTIVE
200       0      REDUCING             ACTIVE             ACTIVE
-200      0      REDUCING             ACTIVE             ACTIVE
1000      0      HALTED               ACTIVE             ACTIVE
0         -49.9  ACTIVE               ACTIVE             ACTIVE
0         -50    ACTIVE               REDUCING           ACTIVE
200       -100   REDUCING             REDUCING           HALTED
"""


@pytest.mark.parametrize("line", ACTS.strip().splitlines()[1:])
def test_a_threshold_acts_on_its_own_scope_at_its_number(line):
    position, pnl, *states = line.split()
    config = engine_config(
        "engine",
        threshold("underlying:QNTA", "delta", warn=10_000, reducing=20_000, halted=100_000),
        threshold("strategy", "loss", reducing=50),
        threshold("firm", "loss", halted=100),
    )
    with running(config) as (bench, worker):
        bench.hold("QNTA", int(position), pnl=float(pnl))
        look(worker)
        names = {STATE_ACTIVE: "ACTIVE", STATE_REDUCING: "REDUCING", STATE_HALTED: "HALTED"}
        scopes = ("instrument:QNTA", "strategy:strategy", "firm")
        assert [names[bench.state(scope)] for scope in scopes] == states
        assert bench.state("instrument:QNTB") == STATE_ACTIVE
        latched = latch_load(bench.fabric.state_folder)
        assert {scope: held["state"] for scope, held in latched.items()} == {
            scope: state for scope, state in zip(scopes, states, strict=True) if state != "ACTIVE"
        }
        if states[0] == "REDUCING":
            row = bench.underlying("QNTA")
            assert (row["state"], row["reason"]) == (STATE_REDUCING, RISK_REASON_DELTA)
            assert "delta 20,000.00, threshold 20,000.00" in latched["instrument:QNTA"]["reason"]


def test_what_it_said_stays_until_a_person_resumes_and_acts_again_when_it_grows():
    config = engine_config("engine", threshold("underlying", "delta", reducing=20_000))
    with running(config) as (bench, worker):
        bench.hold("QNTA", 200)
        look(worker)
        bench.hold("QNTA", 0)
        look(worker)
        assert bench.state("instrument:QNTA") == STATE_REDUCING, "below it again: only a person lets it go"
        bench.hold("QNTA", 200)
        look(worker)
        operator_resume(bench.fabric.control, bench.fabric.state_folder, "instrument:QNTA", "looked at")
        look(worker)
        assert bench.state("instrument:QNTA") == STATE_ACTIVE and latch_load(bench.fabric.state_folder) == {}
        bench.hold("QNTA", 220)
        look(worker)
        assert bench.state("instrument:QNTA") == STATE_REDUCING, "a tenth more"
        events = [row["event"] for row in call_history(bench)]
        assert events == ["step", "again"]


def call_history(bench) -> list[dict]:
    answer = call("risk", "--history", "--name", bench.config.name, "--json")
    assert answer.code == 0, answer.err
    return answer.json()["events"]


STALE = """
what              rows that count it
old mark          QNTA firm desk
channel           QNTA firm desk
crossed from birth QNTB firm desk
keeper hangs      QNTA firm desk
keeper dead       QNTA firm desk
"""


@pytest.mark.parametrize("line", STALE.strip().splitlines()[1:])
def test_a_stale_input_counts_and_is_a_breach_of_who_holds_it(line):
    what = line.split("  ")[0]
    with running(engine_config("engine", input={"stale_state": "reducing"})) as (bench, worker):
        bench.hold("QNTA", 100)
        if what == "old mark":
            bench.market("QNTA", 100.0, age_ns=61_000_000_000)
        elif what == "channel":
            bench.channel(CHANNEL_STALE)
        elif what.startswith("crossed"):
            bench.hold("QNTB", 5)
        elif what == "keeper hangs":
            bench.keeper_steps(age_ns=6_000_000_000)
        else:
            bench.keeper["pid"] = 2**22 - 1
        symbol = "QNTB" if what.startswith("crossed") else "QNTA"
        assert wait_until(lambda: worker.step() and bench.state("firm") == STATE_REDUCING, 20)
        for row in (bench.risk(0), bench.risk(1), bench.underlying(symbol)):
            assert row["stale"] == 1 and row["reason"] == RISK_REASON_STALE
        assert bench.state(f"instrument:{symbol}") == STATE_REDUCING


def test_nothing_held_is_never_stale_and_a_short_absence_is_no_breach():
    config = engine_config("engine")
    config = structs.replace(
        config, risk=structs.replace(config.risk, input=structs.replace(config.risk.input, grace_ms=60_000))
    )
    with running(config) as (bench, worker):
        look(worker)
        assert bench.risk(0)["stale"] == 0
        bench.market("QNTA", 100.0, age_ns=61_000_000_000)
        bench.hold("QNTA", 1)
        look(worker)
        assert bench.risk(0)["stale"] == 1 and bench.state("firm") == STATE_ACTIVE


def test_flatten_asks_the_executor_and_without_one_it_stays_reducing_and_says_so():
    config = engine_config("engine", threshold("strategy", "loss", warn=10, flatten=50))
    with running(config) as (bench, worker):
        bench.hold("QNTA", 100, pnl=-50)
        look(worker)
        assert bench.state("strategy:strategy") == STATE_REDUCING
        (event,) = call_history(bench)
        assert (event["step"], event["executor"], event["said"]) == ("flatten", "none to ask", "REDUCING")


def test_flatten_leaves_a_request_for_the_executor_of_the_topology():
    from config.executor import with_executor
    from shm.records.request import REQUEST, reason_text

    config = with_executor(engine_config("engine", threshold("strategy:strategy", "loss", flatten=50)))
    with running(config) as (bench, worker):
        bench.hold("QNTA", 100, pnl=-50)
        look(worker)
        version, row = latest_row(bench.wiring.table("requests"), REQUEST, REQUESTER_RISK_ENGINE)
        assert version == 1 and row["kind"] == REQUEST_FLATTEN and row["strategy_id"] == 0
        assert "strategy strategy: loss 50.00" in reason_text(row["reason"])
        assert call_history(bench)[0]["executor"] == "asked"


def test_killed_at_any_time_it_keeps_drawdown_and_what_it_did():
    config = engine_config("engine", threshold("firm", "drawdown", warn=30, reducing=60, halted=100))
    with EngineBench(config) as bench:
        process = bench.supervisor.processes["risk_engine"]
        page = bench.fabric.page("risk_engine")
        bench.market("QNTA", 100.0)
        bench.hold("QNTA", 10, pnl=200.0)
        bench.supervisor.spawn(process)
        keep = lambda: bench.keeper_steps() or bench.market("QNTA", 100.0)  # noqa: E731
        assert wait_until(lambda: keep() or bench.risk(0)["pnl_max_micro"] == 200 * MICRO, 120), log_of(bench)
        bench.hold("QNTA", 10, pnl=140.0)
        assert wait_until(lambda: keep() or bench.state("firm") == STATE_REDUCING, 20)
        died = page.pid
        os.kill(died, signal.SIGKILL)
        process.popen.wait()
        bench.hold("QNTA", 10, pnl=150.0)
        bench.supervisor.poll()
        assert wait_until(
            lambda: (
                keep()
                or page.pid not in (0, died)
                and page.life == LIFE_RUNNING
                and bench.risk(0)["pnl_micro"] == 150 * MICRO
            ),
            120,
        ), log_of(bench)
        row = bench.risk(0)
        assert (row["pnl_max_micro"], row["drawdown_micro"]) == (200 * MICRO, 50 * MICRO)
        assert bench.state("firm") == STATE_REDUCING and latch_load(bench.fabric.state_folder)["firm"]["state"]
        bench.hold("QNTA", 10, pnl=100.0)
        assert wait_until(lambda: keep() or bench.state("firm") == STATE_HALTED, 20)
        assert [event["step"] for event in call_history(bench)] == ["reducing", "halted"], "nothing twice"
        answer = call("journal", "risk_engine", "--name", bench.config.name, "--kind", "risk")
        assert answer.code == 0 and "drawdown" in answer.out
        assert call("journal", "--verify", "--name", bench.config.name).code == 0


def log_of(bench) -> str:
    return (bench.supervisor.log_folder / "risk_engine.log").read_text()


def test_the_report_is_aligned_names_every_figure_and_says_what_is_not_available():
    config = engine_config("engine", threshold("underlying", "delta", warn=10_000, reducing=20_000))
    with running(config) as (bench, worker):
        snapshot = Snapshot(bench.config.name)
        assert "has published nothing" in render(look_cli(snapshot))
        bench.hold("QNTA", 200, pnl=-3.0)
        look(worker)
        text = render(look_cli(snapshot))
        report = look_cli(snapshot)
        snapshot.close()
        assert json.loads(json.dumps(report)) == report
        firm = report["scopes"][0]
        assert firm["scope"] == "firm" and firm["var_historical_micro"] is None
        for words in ("not yet", "underlying QNTA", "REDUCING", "20,000.00", "-20% vol", "drawdown"):
            assert words in text, words
        for block in text.split("\n\n")[1:]:
            assert len({len(line.rstrip()) > 0 for line in block.splitlines()}) == 1


def test_the_window_fills_from_its_own_marks_survives_the_process_and_gives_the_historical_figure():
    config = engine_config("engine")
    var = structs.replace(config.risk.var, draws=100, window=30, window_min=20, sample_seconds=0.002)
    config = structs.replace(config, risk=structs.replace(config.risk, var=var))
    with EngineBench(config) as bench:
        worker, wiring = bench.worker()
        bench.hold("QNTA", 100)
        rng = np.random.default_rng(5)

        def moved() -> bool:
            bench.market("QNTA", 100.0 + float(rng.integers(-50, 51)) / 100)
            worker.step()
            return len(worker.window.returns) == 30

        assert wait_until(moved, 30)
        assert wait_until(lambda: moved() and bench.risk(0)["methods"] & RISK_METHOD_HISTORICAL, 10)
        row = bench.risk(0)
        assert 0 < row["var_historical_micro"] <= row["es_historical_micro"]
        worker.finish(True)
        worker.close()
        wiring.detach()
        again = Window(bench.config, worker.window.symbols, bench.fabric.state_folder)
        assert np.array_equal(again.returns, worker.window.returns, equal_nan=True)
        moved = [*reversed(worker.window.symbols)]
        reordered = Window(bench.config, moved, bench.fabric.state_folder)
        assert np.array_equal(reordered.returns, worker.window.returns[:, ::-1], equal_nan=True)


def test_without_a_life_there_is_no_history():
    with pytest.raises(NoSuchJournal):
        find(f"none-{os.getpid()}", "risk_engine", None)
    assert call("risk", "--name", f"none-{os.getpid()}").code == 1


def test_a_loss_is_what_was_lost_and_a_gain_breaches_nothing():
    config = engine_config("engine", threshold("firm", "loss", reducing=1), threshold("firm", "drawdown", reducing=100))
    with running(config) as (bench, worker):
        bench.hold("QNTA", 0, pnl=1_000.0)
        look(worker)
        assert bench.state("firm") == STATE_ACTIVE
        bench.hold("QNTA", 0, pnl=901.0)
        look(worker)
        assert bench.state("firm") == STATE_ACTIVE
        bench.hold("QNTA", 0, pnl=900.0)
        look(worker)
        assert bench.state("firm") == STATE_REDUCING and bench.risk(0)["reason"] != RISK_REASON_LOSS

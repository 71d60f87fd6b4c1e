"""The whole machine trades: five processes, fused into one, and in driven time over a real session."""

import ipaddress
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from msgspec import structs

from config.load import Run
from tests.support.data import shared_data
from tests.support.system import System, system_config

ROOT = Path(__file__).resolve().parents[2]
HOPS = {
    "feed_handler->strategy",
    "strategy->risk_gate",
    "risk_gate->order_sender",
    "order_sender->strategy",
    "order_sender->risk_gate",
    "order_sender->position_keeper",
}
KEYS = {
    "seconds": (int, float),
    "source": str,
    "processes": dict,
    "feed": dict,
    "orders": dict,
    "fills": int,
    "position_breaks": int,
    "pnl": dict,
    "hops_ns": dict,
    "tick_to_order_ns": dict,
    "errors": dict,
}

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("no_leftovers")]


def demo(*words: str, name: str) -> tuple[int, dict, str]:
    """Run `quintet demo`; (exit code, the JSON object of the last line, stderr)."""
    command = [sys.executable, "-m", "procs.cli", "demo", "--json", "--name", name, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    lines = done.stdout.strip().splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr


def check_session(report: dict) -> None:
    """What a session must show to count as well."""
    assert report["errors"] == {}
    assert report["position_breaks"] == 0
    assert report["orders"]["sent"] > 0 and report["orders"]["accepted"] > 0
    assert report["fills"] > 0
    assert HOPS <= set(report["hops_ns"])
    for hop in HOPS:
        assert report["hops_ns"][hop]["count"] > 0, hop
    assert report["tick_to_order_ns"]["count"] > 0


def test_the_demo_trades_on_generated_flow_and_reports_every_key(folders):
    code, report, stderr = demo("--seconds", "8", name=f"flow-{os.getpid()}")
    assert code == 0, stderr
    for key, kind in KEYS.items():
        assert isinstance(report[key], kind), key
    assert set(report["feed"]) >= {"datagrams", "messages", "gaps", "recovered", "stale_ns"}
    assert {"sent", "accepted", "cancelled", "filled", "rejected_by_risk", "rejected_by_venue"} <= set(report["orders"])
    assert {"realised", "unrealised", "fees"} <= set(report["pnl"])
    assert len({row["pid"] for row in report["processes"].values()}) == 8
    assert report["feed"]["messages"] > 1000
    check_session(report)


def test_ctrl_c_ends_the_demo_cleanly_with_its_report(folders):
    name = f"ctrlc-{os.getpid()}"
    command = [sys.executable, "-m", "procs.cli", "demo", "--seconds", "120", "--json", "--name", name]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for line in child.stderr:
            if "fills" in line and " 0 fills" not in line:
                break
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0, err
    check_session(json.loads(out.strip().splitlines()[-1]))


def check_nothing_opens_beyond_loopback(pids: set[int]) -> None:
    """Local addresses of all sockets; a multicast group is bound as such and joined on the loopback interface."""
    sockets = [held for pid in pids for held in psutil.Process(pid).net_connections("inet")]
    local = {ipaddress.ip_address(held.laddr.ip) for held in sockets}
    assert any(address.is_multicast for address in local) and any(address.is_loopback for address in local)
    assert [str(address) for address in local if not (address.is_loopback or address.is_multicast)] == []


def test_five_roles_fused_into_one_process_trade_the_same_strategy(folders):
    with System(system_config("fused", fused=True)) as machine:
        machine.wait(lambda: machine.fills() >= 10, "ten fills")
        pids = {row["instance"]: row["pid"] for row in machine.snapshot.instances()}
        assert len(set(pids.values())) == 4, "the venue, one process for the five roles, and two cold ones"
        check_nothing_opens_beyond_loopback(set(pids.values()))
        report = machine.finish()
        assert report["failures"] == [], machine.logs()


def replay_config(name: str, path: Path, speed: float):
    """The shipped configuration on one history file."""
    from procs.venue.history import history_start

    symbol, start_ns = history_start(str(path))
    config = system_config(
        name, params={"qty_lots": 1, "half_spread_ticks": 2500, "skew_ticks": 500, "position_lots_max": 5}
    )
    strategies = {held: structs.replace(strategy, universe=(symbol,)) for held, strategy in config.strategies.items()}
    run = Run(replay=str(path), symbol=symbol, speed=speed, logic_start_ns=start_ns)
    return structs.replace(config, strategies=strategies, run=run)


@pytest.mark.soak
def test_the_whole_real_session_is_traded_in_driven_time_without_a_break(folders):
    path = shared_data("dbn", "esh4-glbx-mdp3-20231225.mbo.dbn.zst")
    code, report, stderr = demo("--replay", str(path), name=f"replay-{os.getpid()}")
    assert code == 0, stderr
    check_session(report)
    assert report["counters"]["venue_history_done"] == 1
    assert report["feed"]["messages"] > 60_000
    assert report["feed"]["gaps"] == 0


def test_history_at_a_scaled_speed_plays_at_that_speed(folders):
    path = shared_data("dbn", "esh4-glbx-mdp3-20231225.mbo.dbn.zst")
    with System(replay_config("scaled", path, 50.0)) as machine:
        begun_ns, begun = machine.logic_ns(), time.monotonic()
        machine.wait(lambda: machine.sent() > 0, "an order in scaled time")
        machine.wait(lambda: time.monotonic() - begun > 2.0, "two seconds")
        elapsed = time.monotonic() - begun
        assert (machine.logic_ns() - begun_ns) / 1e9 == pytest.approx(50.0 * elapsed, rel=0.05)
        assert machine.finish()["failures"] == []

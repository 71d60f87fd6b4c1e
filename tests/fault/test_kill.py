"""kill -9 and SIGSTOP of every role with orders working: it comes back, trading goes on, nothing is lost or doubled."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from procs.cli.session import open_orders
from shm.codes import JOURNAL_ORDER_SENT, STATE_ACTIVE
from shm.records.order import ORDER
from shm.records.sent import SENT
from tests.conftest import ROOT
from tests.support.system import ROLES, System, system_config

SENT_ORDER = np.dtype([("order", ORDER), ("sent", SENT)])  # payload of JOURNAL_ORDER_SENT

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("no_leftovers")]


def check_what_was_sent(machine: System) -> None:
    """Nothing left older than its expiry, nothing left twice: not an order, not a reference number."""
    heads, entries = machine.journal("order_sender", JOURNAL_ORDER_SENT, SENT_ORDER)
    assert len(entries) > 0
    expires_ns = entries["order"]["expires_ns"]
    late = (expires_ns > 0) & (heads["now_ns"] > expires_ns)
    assert not late.any(), f"sent after their expiry: {entries['order'][late]}"
    for column in (entries["order"]["order_id"], entries["order"]["intent_id"], entries["sent"]["user_ref_num"]):
        assert len(np.unique(column)) == len(column), "sent twice"


def test_each_role_killed_in_turn_comes_back_and_orders_go_on(folders):
    with System(system_config("kill")) as machine:
        for role in ROLES:
            machine.wait(lambda: open_orders(machine.snapshot) > 0, f"orders work before {role} is killed")
            own_cancels = machine.counters().get("gate_own_cancels", 0)
            back_seconds = machine.kill(role)
            before = machine.sent()
            machine.wait(
                lambda seen=before: machine.sent() > seen, f"an order after {role} came back in {back_seconds:.1f} s"
            )
            if role == "strategy":
                assert machine.counters()["gate_own_cancels"] > own_cancels, "the gate cancels what it left"
            fills = machine.fills()
            machine.wait(lambda seen=fills: machine.fills() > seen, f"a fill after {role} came back")
        report = machine.finish()
        assert report["failures"] == [], machine.logs()
        restarts = {row["instance"]: row["restarts"] for row in machine.snapshot.instances()}
        assert restarts == {"venue": 0, "risk_engine": 0, "oms": 0, **{role: 1 for role in ROLES}}
        check_what_was_sent(machine)


def stop_at_rest(machine: System, role: str) -> None:
    """Stop a role when its journal is on disk to its end: oms then has all of it, and might take it for up to date."""
    view = machine.journal_view(role)

    def rests() -> bool:
        machine.kill_signal(role, signal.SIGSTOP)
        pid = machine.fabric.page(role).pid
        machine.wait(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, f"{role} is stopped")
        if view.watermark == view.tail():
            return True
        machine.kill_signal(role, signal.SIGCONT)
        return False

    machine.wait(rests, f"{role} is stopped with its journal on disk")


def test_a_stopped_role_does_no_harm_and_goes_on_when_it_continues(folders):
    with System(system_config("stop")) as machine:
        for role in ("strategy", "position_keeper"):
            before = machine.fills()
            machine.wait(lambda seen=before: machine.fills() > seen + 3, "trading")
            stop_at_rest(machine, role)
            stopped = time.monotonic()
            machine.wait(lambda since=stopped: time.monotonic() - since > 2.0, "two seconds of silence")
            if role == "strategy":  # its orders were cancelled when its step word went stale
                machine.wait(lambda: open_orders(machine.snapshot) == 0, "the silent strategy's orders are cancelled")
            assert machine.counters().get("oms_venue_breaks", 0) == 0, "who is late is accused of nothing"
            machine.kill_signal(role, signal.SIGCONT)
            before = machine.fills()
            machine.wait(lambda seen=before: machine.fills() > seen, f"fills after {role} goes on")
        assert machine.counters().get("oms_venue_breaks", 0) == 0
        report = machine.finish()
        assert report["failures"] == [], machine.logs()


def check_status_reads_the_dead(machine: System) -> None:
    """`quintet status` attaches without help of any role: kill all at once, look, and let the supervisor go on."""
    for role in ROLES:
        machine.kill_signal(role, signal.SIGKILL)
    died = [psutil.Process(machine.fabric.page(role).pid) for role in ROLES]
    deadline = time.monotonic() + 5
    while any(process.status() != psutil.STATUS_ZOMBIE for process in died):  # the supervisor reaps them, not we
        assert time.monotonic() < deadline, died
        time.sleep(0.01)
    command = [sys.executable, "-m", "procs.cli", "status", "--name", machine.config.name, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    states = {row["instance"]: row["state"] for row in json.loads(done.stdout)["instances"]}
    assert {role: states[role] for role in ROLES} == {role: "dead" for role in ROLES}
    machine.wait(lambda: {row["state"] for row in machine.snapshot.instances()} == {"running"}, "all of them are back")


def test_a_halt_stops_new_orders_at_once_and_survives_the_death_of_every_role(folders):
    with System(system_config("halt")) as machine:
        machine.wait(lambda: open_orders(machine.snapshot) > 0, "orders work")
        machine.kill_signal("risk_gate", signal.SIGSTOP)  # a halt needs no living process but order_sender
        machine.fabric.halt("firm", "test")
        machine.wait(lambda: machine.counters().get("sender_open_orders", 0) == 0, "order_sender cancels every order")
        machine.kill_signal("risk_gate", signal.SIGCONT)
        machine.wait(lambda: open_orders(machine.snapshot) == 0, "every order is cancelled")
        sent = machine.sent()
        check_status_reads_the_dead(machine)
        for _ in range(100):
            machine.poll()
            time.sleep(0.01)
        assert machine.sent() == sent
        assert machine.fabric.control.effective(0) != STATE_ACTIVE
        report = machine.finish()
        assert report["position_breaks"] == 0

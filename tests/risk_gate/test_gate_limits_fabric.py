"""The gate as a process, its limits changed by the command: taken over, ended, journalled, also over kill -9."""

import contextlib
import time

import pytest

import shm.codes as codes
from procs.runtime.limit_values import scope_of
from shm.records.limit_change import LIMIT_CHANGE, LIMIT_EXPIRED, LIMIT_TAKEN
from shm.records.limits import LIMITS
from shm.records.order import ORDER
from shm.records.reject import REJECT
from tests.risk_gate.test_gate_fabric import Machine
from tests.support.cli import call


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTET_STATE", str(tmp_path))
    made = Machine()
    with contextlib.closing(made):
        yield made


def change(machine, *words):
    answer = call("limits", *words, "--scope", "instrument:QNTA", "--reason", "x", "--name", machine.config.name)
    assert answer.code == 0, answer.err


def journalled(machine):
    """(field, before, after, cause) of every change that the gate took over."""
    import numpy as np

    reader = machine.wirings["strategy"].plain_reader("risk_gate")
    found = []
    for chunk in reader.chunks(0):
        for entry in chunk[chunk["head"]["kind"] == codes.JOURNAL_LIMITS]:
            held = np.frombuffer(entry["payload"].tobytes()[: LIMIT_CHANGE.itemsize], LIMIT_CHANGE)[0]
            words = (int(held[name]) for name in ("before", "after", "cause"))
            found.append((LIMITS.names[held["field"]], *words))
    return found


def refused(machine, qty_lots):
    machine.intent(qty_lots=qty_lots)
    (reject,) = machine.take(machine.rejects, REJECT, 1)
    return int(reject["code"]), int(reject["limit_value"])


@pytest.mark.timeout(240)
def test_the_gate_takes_over_what_the_command_changes_ends_overrides_alone_and_knows_both_after_kill_9(machine):
    machine.start()
    machine.intent(qty_lots=900)
    assert len(machine.take(machine.orders, ORDER, 1)) == 1
    change(machine, "qty_lots_max=500")
    assert refused(machine, 501) == (codes.REJECT_QTY_MAX, 500)
    assert journalled(machine) == [("qty_lots_max", 1000, 500, LIMIT_TAKEN)]

    change(machine, "qty_lots_max=600", "--for", "2s")
    until_ns = machine.now() + 2_000_000_000
    machine.intent(qty_lots=600)
    assert int(machine.take(machine.orders, ORDER, 1)[0]["qty_lots"]) == 600
    machine.wait(lambda: machine.now() > until_ns, "the override's end, with no process but the gate to end it")
    assert refused(machine, 600) == (codes.REJECT_QTY_MAX, 500)
    ended = [entry for entry in journalled(machine) if entry[3] == LIMIT_EXPIRED]
    assert ended[0] == ("qty_lots_max", 600, 500, LIMIT_EXPIRED) and ended[1][0] == "expires_ns"

    machine.kill()
    change(machine, "qty_lots_max=400")
    machine.start()
    assert refused(machine, 401) == (codes.REJECT_QTY_MAX, 400)
    assert journalled(machine)[-1] == ("qty_lots_max", 500, 400, LIMIT_TAKEN), "with what it decided by before"
    row = scope_of(machine.config, "instrument:QNTA").row
    deadline = time.monotonic() + 60
    while True:
        told = call("limits", "--scope", "instrument:QNTA", "--json", "--name", machine.config.name).json()["scopes"][0]
        machine.beat()
        if told["taken"] or time.monotonic() > deadline:
            break
    held = {entry["limit"]: entry for entry in told["limits"]}
    assert told["taken"], (row, told)
    assert held["open_orders_max"]["used"] == 2 and held["long_lots_max"]["used"] == 1500
    assert held["qty_lots_max"]["changed"]["reason"] == "x"

"""A whole machine trades; its book of record says the same as the venue's ledger, and every chain is complete."""

import os
import signal
import time

import pytest
from msgspec import structs

from procs.oms.chain import chain
from procs.oms.check import check
from procs.oms.query import Filter, decisions, executions, orders
from procs.oms.store import open_reader
from tests.support.system import System, system_config

pytestmark = pytest.mark.usefixtures("folders")
FILLS_MIN = 40
DEADLINE_SECONDS = 10.0  # alone on its machine the record is less than a second behind


def recorded(name: str, table: str) -> int:
    connection = open_reader(name)
    try:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    finally:
        connection.close()


def caught_up(machine: System) -> float:
    """Seconds until the record has everything that was journalled."""
    begun = time.monotonic()
    machine.wait(
        lambda: machine.counters().get("oms_behind", 0) == 0, "the record is up to the journals", DEADLINE_SECONDS
    )
    return time.monotonic() - begun


def test_the_record_of_a_session_is_the_venues_ledger_and_every_order_has_its_chain():
    with System(system_config("record")) as machine:
        machine.wait(lambda: machine.fills() >= FILLS_MIN // 2, "half the fills")
        sent = machine.sent()
        machine.kill_signal("oms", signal.SIGKILL)
        machine.wait(lambda: machine.sent() > sent and machine.fills() >= FILLS_MIN, "trading goes on without oms")
        machine.wait(lambda: any("oms died" in event for event in machine.events), "oms is started again")
        report = machine.finish()
        assert report["failures"] == [] and report["position_breaks"] == 0
        machine.wait(lambda: machine.fabric.page("oms").row["work"] > 0, "oms reads")
        print(f"up to the journals after {caught_up(machine):.3f} s")
        name, ledger = machine.config.name, machine.snapshot.ledger()
        wanted = {"fills": int(ledger["fills"].sum()), "lots": int((ledger["bought_lots"] + ledger["sold_lots"]).sum())}
        machine.wait(
            lambda: recorded(name, "fills") == wanted["fills"], "every fill is in the record", DEADLINE_SECONDS
        )
        counters = machine.counters()
        assert counters.get("oms_breaks", 0) == 0
    connection = open_reader(name)
    rows, trades = list(orders(connection, Filter())), list(executions(connection, Filter()))
    assert len(trades) == wanted["fills"] and sum(row["qty_lots"] for row in trades) == wanted["lots"]
    assert len({(row["match_number"], row["order_id"]) for row in trades}) == len(trades)
    numbered = [row for row in rows if row["sent_stamp_ns"]]
    assert len(numbered) == counters["sender_sent"] + counters["sender_replaces_sent"]
    query = "SELECT count(*) FROM order_events WHERE kind = ?"
    accepted = connection.execute(query, ("accepted",)).fetchone()[0]
    assert accepted == int(ledger["orders_accepted"].sum()), "the venue counts new orders, not replacements"
    assert connection.execute(query, ("replaced",)).fetchone()[0] == counters.get("sender_replaced", 0)
    refused = list(decisions(connection, Filter(code="refused")))
    assert len(refused) == counters["gate_rejected"]
    for position in ledger:
        lots = [
            row["qty_lots"] if row["side"] == "buy" else -row["qty_lots"]
            for row in trades
            if row["instrument_id"] == position["instrument_id"]
        ]
        assert sum(lots) == int(position["position_lots"])
    assert {row["check"]: row["found"] for row in check(connection) if row["found"]} == {}
    incomplete = {row["order_id"]: chain(connection, str(row["order_id"]))["missing"] for row in rows}
    assert {order: said for order, said in incomplete.items() if said} == {}
    ended = connection.execute("SELECT instance FROM cursors WHERE ended = 1 ORDER BY instance").fetchall()
    assert [row[0] for row in ended] == ["order_sender", "position_keeper", "risk_gate"], "oms saw the others leave"
    connection.close()


@pytest.mark.soak  # the null roles of tests/runtime are a machine without oms in every run
def test_a_machine_without_oms_trades_the_same():
    config = system_config("norecord")
    without = tuple(instance for instance in config.topology.instances if not instance.cold)
    config = structs.replace(config, topology=structs.replace(config.topology, instances=without))
    with System(config) as machine:
        machine.wait(lambda: machine.fills() >= 3, "three fills")
        assert machine.finish()["failures"] == []
        assert not os.path.exists(machine.fabric.state_folder / "oms.sqlite3")

"""A whole machine trades; its book of record says the same as the venue's ledger, and every chain is complete."""

import os
import random
import signal
import time

import numpy as np
import pytest
from msgspec import structs

from procs.oms.chain import chain
from procs.oms.check import check
from procs.oms.query import Filter, decisions, executions, orders
from procs.oms.store import open_reader
from procs.runtime.paths import runtime_folder
from procs.venue.input_log import INPUT, INPUT_ENTER, INPUT_REPLACE
from procs.wire.ouch.plain import INBOUND
from procs.wire.soupbintcp.plain import UNSEQUENCED, cut
from shm.codes import SIDE_BUY, TIF_DAY
from tests.support.system import System, system_config

pytestmark = pytest.mark.usefixtures("folders")
FILLS_MIN = 40
DEADLINE_SECONDS = 10.0  # alone on its machine the record is less than a second behind
BOTH = (  # executions of one side that the other does not have with the same values
    "SELECT match_number, user_ref_num, side, qty_lots, price_ticks, liquidity FROM {} WHERE epoch = {} ORDER BY 1, 2"
)


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


def same_executions(name: str, fills: int) -> None:
    """Every execution that the venue told in its drop copy is in the record, once and the same, and no other."""
    connection = open_reader(name)
    epoch = connection.execute("SELECT max(epoch) FROM cursors").fetchone()[0]
    ours, told = (
        [tuple(row) for row in connection.execute(BOTH.format(table, epoch))]
        for table in ("executions", "copied_executions")
    )
    connection.close()
    assert ours == told and len(ours) == fills == len({row[:2] for row in ours})


def wire_fields(row: bytes) -> dict:
    """What the bytes of one packet say, read by the field table of the specification."""
    ((kind, payload),) = cut(bytearray(row))
    assert kind == UNSEQUENCED
    found, at = {"kind": chr(payload[0])}, 1
    for field in INBOUND[found["kind"]].split():
        name, code = field.split(":")
        size = {"I": 4, "Q": 8}.get(code) or int(code[:-1] or 1)
        value = payload[at : at + size]
        found[name] = int.from_bytes(value, "big") if code in "IQ" else value.decode()
        at += size
    return found


def check_against_inputs(found: dict, inputs: dict[int, np.void]) -> None:
    """The bytes of a chain are what reached the venue's matching engine under that reference."""
    sent = next(link["details"] for link in found["links"] if link["step"] == "sent")
    wire = wire_fields(bytes.fromhex(sent["bytes"]))
    row = inputs[wire["user_ref_num"]]
    assert wire["price_ticks"] == row["price"]
    if wire["kind"] == "O":
        assert (row["kind"], wire["qty_lots"]) == (INPUT_ENTER, row["qty"])
        assert (wire["side_letter"] == "B", wire["time_in_force"]) == (row["side"] == SIDE_BUY, "0")
        assert row["tif"] == TIF_DAY
    else:
        answer = next(link["details"] for link in found["links"] if link["step"] == "replaced")
        assert row["kind"] == INPUT_REPLACE and wire["qty_lots"] == row["qty"] + answer["cum_lots"]


@pytest.mark.parametrize("audited", [100, pytest.param(1_000, marks=pytest.mark.soak)])
@pytest.mark.timeout(300)
def test_the_record_of_a_session_is_the_venues_ledger_and_every_order_has_its_chain(audited):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    with System(system_config("record"), {"input_log": True}) as machine:
        machine.wait(lambda: machine.fills() >= FILLS_MIN // 2, "half the fills")
        sent = machine.sent()
        machine.kill_signal("oms", signal.SIGKILL)
        machine.wait(lambda: machine.sent() > sent and machine.fills() >= FILLS_MIN, "trading goes on without oms")
        machine.wait(lambda: any("oms died" in event for event in machine.events), "oms is started again")
        machine.wait(lambda: machine.sent() >= 2 * audited, "orders to choose from", 200)
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
    same_executions(name, wanted["fills"])
    inputs = np.fromfile(runtime_folder(name) / "venue-input.log", INPUT)
    inputs = inputs[np.isin(inputs["kind"], (INPUT_ENTER, INPUT_REPLACE)) & (inputs["user_ref"] > 0)]
    by_reference = {int(row["user_ref"]): row for row in inputs}
    assert len(by_reference) == len(inputs) == len(numbered), "no reference reached the venue twice"
    chosen = random.Random(seed).sample(numbered, audited)
    for row in chosen:
        found = chain(connection, str(row["order_id"]))
        assert found["missing"] == [] and found["breaks"] == [], found
        check_against_inputs(found, by_reference)
    print(f"{len(chosen)} of {len(numbered)} orders traced, all complete")
    others = {row["order_id"]: chain(connection, str(row["order_id"]))["missing"] for row in rows if row not in chosen}
    assert {order: said for order, said in others.items() if said} == {}
    ended = connection.execute("SELECT instance FROM cursors WHERE ended = 1 ORDER BY instance").fetchall()
    assert [row[0] for row in ended] == ["order_sender", "position_keeper", "risk_gate", "strategy"], (
        "oms saw the others leave"
    )
    connection.close()


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.soak)])
@pytest.mark.timeout(300)
def test_whatever_dies_the_record_has_every_execution_of_the_venue_once(rounds):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    dice = random.Random(seed)
    with System(system_config("died"), restarts_max=1000) as machine:
        for _ in range(rounds):
            for role in ("order_sender", "risk_gate", "position_keeper"):
                wanted = machine.fills() + dice.randrange(1, 6)
                machine.wait(lambda seen=wanted: machine.fills() >= seen, "fills")
                if dice.random() < 0.3:
                    machine.kill_signal("oms", signal.SIGKILL)
                machine.kill(role)
        fills = machine.fills()
        machine.wait(lambda: machine.fills() > fills + 3, "trading goes on")
        report = machine.finish()
        assert report["position_breaks"] == 0 and not report["counters"].get("oms_venue_breaks", 0)
        machine.wait(lambda: machine.fabric.page("oms").row["work"] > 0, "oms reads")
        caught_up(machine)
        machine.wait(lambda: machine.counters().get("oms_copy_watched", 0) == 0, "both sides agree", DEADLINE_SECONDS)
        name, ledger = machine.config.name, machine.snapshot.ledger()
    same_executions(name, int(ledger["fills"].sum()))
    connection = open_reader(name)
    left = [dict(row) for row in connection.execute("SELECT * FROM venue_breaks WHERE cleared_ns = 0")]
    told = connection.execute("SELECT kind, count(*) FROM venue_breaks GROUP BY kind").fetchall()
    print(f"breaks while roles were away: {[tuple(row) for row in told]}")
    assert left == []
    sums = "SELECT instrument_id, sum(CASE side WHEN 'buy' THEN qty_lots ELSE -qty_lots END) FROM executions GROUP BY 1"
    held = {row[0]: row[1] for row in connection.execute(sums)}
    assert held == {int(row["instrument_id"]): int(row["position_lots"]) for row in ledger if row["fills"]}
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

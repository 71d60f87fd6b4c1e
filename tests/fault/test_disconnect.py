"""Nobody is left to look after the orders: connection cut, order_sender dead or hung, strategy silent, feed stale.

The venue cancels what a lost connection leaves (its setting), order_sender calls what is unanswered unknown and learns
the rest from the stream, risk_gate cancels what a strategy or a feed leaves. One machine for all tests; each says
"no open order" of the venue's own ledger, within a deadline, and begins and ends with quotes.
"""

import os
import signal
import socket

import numpy as np
import pytest
from msgspec import structs

from shm.codes import JOURNAL_REPORT, REPORT_CANCELED, REPORT_UNKNOWN
from shm.records.report import REPORT
from tests.support.sockets import connection_of
from tests.support.system import System, system_config

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("no_leftovers")]

DEADLINE_S = 3.0
SILENCE_MS = 1500  # above the venue's heartbeat of a second


@pytest.fixture(scope="module")
def machine(module_folders):
    config = system_config("cut")
    venues = tuple(
        structs.replace(venue, channel=structs.replace(venue.channel, silence_ms=SILENCE_MS)) for venue in config.venues
    )
    with System(structs.replace(config, venues=venues), {"cancel_on_disconnect": True}) as running:
        yield running
        report = running.finish()  # positions, turnover and fees against the venue's ledger among the rest
        left = [text for text in report["failures"] if "session" not in text]  # cut sessions are what this is about
        assert left == [], running.logs()
        assert venue_open(running) == 0
        assert running.counters().get("gate_breaks", 0) == 0


@pytest.fixture
def quoting(machine):
    machine.wait(lambda: venue_open(machine) > 0, "orders rest at the venue")
    yield machine
    sent, fills = machine.sent(), machine.fills()
    machine.wait(lambda: machine.sent() > sent and machine.fills() > fills, "orders and fills afterwards")


def venue_open(machine) -> int:
    """Open orders in the venue's own ledger."""
    return int(machine.snapshot.ledger()["orders_open"].sum())


def reports(machine, kind) -> np.ndarray:
    _, rows = machine.journal("order_sender", JOURNAL_REPORT, REPORT)
    return rows[rows["kind"] == kind]


def cut(machine) -> None:
    """End the connection from the venue's side, as a failing network does: no logout, no warning."""
    port = machine.config.venues[0].session.port
    with connection_of(machine.fabric.page("venue").pid, local_port=port) as venues_end:
        venues_end.shutdown(socket.SHUT_RDWR)


def test_a_cut_connection_leaves_no_order_and_the_stream_tells_the_cancels(quoting):
    machine = quoting
    before = machine.counters()
    canceled = len(reports(machine, REPORT_CANCELED))
    machine.kill_signal("order_sender", signal.SIGSTOP)  # so that it cannot be back before we looked
    try:
        open_before = venue_open(machine)
        cut(machine)
        machine.wait(lambda: venue_open(machine) == 0, "the venue cancels them", DEADLINE_S)
    finally:
        machine.kill_signal("order_sender", signal.SIGCONT)
    machine.wait(lambda: machine.counters()["sender_sessions"] > before["sender_sessions"], "a new session")
    machine.wait(lambda: len(reports(machine, REPORT_CANCELED)) >= canceled + open_before, "each cancel is reported")


def test_an_order_sender_that_is_killed_leaves_no_order(quoting):
    machine = quoting
    page = machine.fabric.page("order_sender")
    died = page.pid
    canceled = int(machine.snapshot.ledger()["orders_canceled"].sum())
    open_before = venue_open(machine)
    os.kill(died, signal.SIGKILL)
    machine.wait(
        lambda: int(machine.snapshot.ledger()["orders_canceled"].sum()) >= canceled + open_before,
        "the venue cancels what it left",
        DEADLINE_S,
    )
    machine.wait(lambda: page.pid != died, "it is started again")


def test_what_was_unanswered_when_the_connection_went_is_unknown_until_the_stream_told(quoting):
    """Cut again and again until an entry was on the way; its fate is told afterwards, one way or the other."""
    machine = quoting
    unknown = len(reports(machine, REPORT_UNKNOWN))
    for _ in range(20):
        sessions, sent = machine.counters()["sender_sessions"], machine.sent()
        machine.wait(lambda seen=sent: machine.sent() > seen, "an order in this session")
        cut(machine)
        machine.wait(lambda seen=sessions: machine.counters()["sender_sessions"] > seen, "a new session")
        if len(reports(machine, REPORT_UNKNOWN)) > unknown:
            break
    _, rows = machine.journal("order_sender", JOURNAL_REPORT, REPORT)
    for order_id in set(rows["order_id"][rows["kind"] == REPORT_UNKNOWN].tolist()):
        told = rows[rows["order_id"] == order_id]
        first = int(np.flatnonzero(told["kind"] == REPORT_UNKNOWN)[0])
        assert told[first]["leaves_lots"] > 0, "its exposure is kept"
        assert len(told) > first + 1, f"the fate of order {order_id} was never told"


@pytest.mark.parametrize("how", ["SIGSTOP", "SIGKILL"])
def test_a_strategy_that_is_silent_or_dead_leaves_no_order(quoting, how):
    machine = quoting
    canceled = int(machine.snapshot.ledger()["orders_canceled"].sum())
    own_cancels = machine.counters().get("gate_own_cancels", 0)
    machine.kill_signal("strategy", getattr(signal, how))
    try:
        if how == "SIGSTOP":
            machine.wait(lambda: venue_open(machine) == 0, "its orders are cancelled", DEADLINE_S)
        machine.wait(lambda: machine.counters().get("gate_own_cancels", 0) > own_cancels, "by the gate", DEADLINE_S)
        machine.wait(
            lambda: int(machine.snapshot.ledger()["orders_canceled"].sum()) > canceled, "at the venue", DEADLINE_S
        )
    finally:
        if how == "SIGSTOP":
            machine.kill_signal("strategy", signal.SIGCONT)


def test_a_stale_feed_leaves_no_order(quoting):
    machine = quoting
    machine.turn(lines_off=(True, True))
    try:
        machine.wait(lambda: machine.snapshot.feed()[0]["state"] != "fresh", "the channel is stale", 10.0)
        machine.wait(lambda: venue_open(machine) == 0, "its orders are cancelled", DEADLINE_S)
    finally:
        machine.turn(lines_off=(False, False))
    machine.wait(lambda: machine.snapshot.feed()[0]["state"] == "fresh", "the channel is back")

"""Nobody is left to look after the orders: connection cut, order_sender dead or hung, strategy silent, feed stale.

The venue cancels what a lost connection leaves (its setting), order_sender calls what is unanswered unknown and learns
the rest from the stream, risk_gate cancels what a strategy or a feed leaves. One machine for all tests; each says
"no open order" of the venue's own ledger, within a deadline, and begins and ends with quotes.
"""

import os
import signal
import socket
import time

import pytest
from msgspec import structs

from tests.support.sockets import connection_of
from tests.support.system import System, system_config

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("no_leftovers")]

DEADLINE_S = 3.0
SETTLE_S = 0.1  # longer than an answer takes, shorter than the silence after which risk_gate acts
TRIES = 10
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


def venue_canceled(machine) -> int:
    """Orders that the venue has cancelled so far, by its own ledger."""
    return int(machine.snapshot.ledger()["orders_canceled"].sum())


def cut(machine) -> None:
    """End the connection from the venue's side, as a failing network does: no logout, no warning."""
    port = machine.config.venues[0].session.port
    with connection_of(machine.fabric.page("venue").pid, local_port=port) as venues_end:
        venues_end.shutdown(socket.SHUT_RDWR)


def test_a_cut_connection_leaves_no_order_and_the_stream_tells_the_cancels(quoting):
    machine = quoting
    before, canceled = machine.counters(), venue_canceled(machine)
    machine.kill_signal("order_sender", signal.SIGSTOP)  # so that it cannot be back before we looked
    try:
        cut(machine)
        machine.wait(lambda: venue_open(machine) == 0, "the venue cancels them", DEADLINE_S)
        canceled = venue_canceled(machine) - canceled
    finally:
        machine.kill_signal("order_sender", signal.SIGCONT)
    assert canceled > 0
    machine.wait(lambda: machine.counters()["sender_sessions"] > before["sender_sessions"], "a new session")
    machine.wait(
        lambda: machine.counters().get("sender_canceled", 0) >= before.get("sender_canceled", 0) + canceled,
        "each cancel is reported",
    )


def test_an_order_sender_that_is_killed_leaves_no_order(quoting):
    machine = quoting
    page = machine.fabric.page("order_sender")
    died, canceled = page.pid, venue_canceled(machine)
    os.kill(died, signal.SIGKILL)
    machine.wait(lambda: venue_open(machine) == 0, "the venue cancels what it left", DEADLINE_S)
    assert venue_canceled(machine) > canceled
    machine.wait(lambda: page.pid != died, "it is started again")


def stopped_with_orders(machine) -> int:
    """Stop the strategy at a moment when orders of it stand, and none of its own cancels is on the way. Returns how many.

    It may have been about to cancel all of them: then it goes on and is stopped again.
    """
    for _ in range(TRIES):
        machine.wait(lambda: venue_open(machine) > 0, "orders work")
        machine.kill_signal("strategy", signal.SIGSTOP)
        standing, until = venue_open(machine), time.monotonic() + SETTLE_S
        while time.monotonic() < until:
            standing = min(standing, venue_open(machine))
            machine.poll()
        if standing > 0:
            return standing
        machine.kill_signal("strategy", signal.SIGCONT)
    raise AssertionError(f"in {TRIES} tries the strategy never left an order when it was stopped")


@pytest.mark.parametrize("how", ["SIGSTOP", "SIGKILL"])
def test_a_strategy_that_is_silent_or_dead_leaves_no_order(quoting, how):
    machine = quoting

    def pulled() -> int:
        return machine.counters().get("gate_own_cancels", 0)

    def filled() -> int:
        return machine.counters().get("sender_fills", 0)

    before, fills = pulled(), filled()
    try:
        standing = stopped_with_orders(machine)
        if how == "SIGKILL":
            machine.kill_signal("strategy", signal.SIGKILL)
        else:
            machine.wait(lambda: venue_open(machine) == 0, "its orders are cancelled", DEADLINE_S)
        machine.wait(lambda: pulled() > before or filled() - fills >= standing, "by the gate", DEADLINE_S)
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

"""The order session over a bad network: single bytes, cuts in both directions, and a peer that is silently gone.

A relay stands between order_sender and the venue's order entry. The venue keeps the orders of a lost session, so
that what it did meanwhile must come back by its stream. One machine for all; positions equal the venue's in the end.
"""

import time

import pytest
from msgspec import structs

from procs.order_sender.session import LOST_SILENT
from shm.codes import JOURNAL_ORDER_SENT, JOURNAL_REPORT, JOURNAL_SESSION, REPORT_EXECUTED
from shm.records.report import REPORT
from shm.records.session_entry import SESSION_ENTRY, SESSION_LOST
from tests.fault.test_kill import SENT_ORDER, check_what_was_sent
from tests.support.system import System, system_config
from tests.support.tcp_relay import SENDER, VENUE, TcpRelay, free_port

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("no_leftovers")]

DETECTED_S = 3.0
CUTS = [(SENDER, 20, False), (SENDER, 61, True), (VENUE, 1, True), (VENUE, 40, False)]
MANY_CUTS = [(side, count, bool(count % 2)) for side in (SENDER, VENUE) for count in range(0, 120, 3)]


@pytest.fixture(scope="module")
def machine(module_folders):
    config = system_config("wire")
    session = structs.replace(config.venues[0].session, logins_per_minute_max=100_000)
    config = structs.replace(config, venues=(structs.replace(config.venues[0], session=session),))
    entry_port = free_port()
    with (
        TcpRelay(session.port, entry_port) as relay,
        System(config, {"order_entry_port": entry_port}) as running,
    ):
        running.relay = relay
        yield running
        report = running.finish()
        left = [text for text in report["failures"] if "session" not in text]  # lost ones are what this is about
        assert left == [], running.logs()
        counters = running.counters()
        assert counters.get("gate_breaks", 0) == counters.get("sender_malformed", 0) == 0
        check_what_was_sent(running)
        _, reports = running.journal("order_sender", JOURNAL_REPORT, REPORT)
        fills = reports[reports["kind"] == REPORT_EXECUTED]
        keys = list(zip(fills["match_number"].tolist(), fills["user_ref_num"].tolist(), strict=True))
        assert len(set(keys)) == len(keys), "an execution was reported twice"
        assert len(keys) == int(running.snapshot.ledger()["fills"].sum()), "each of the venue's, once"


@pytest.fixture
def trading(machine):
    go_on(machine, "orders and fills before")
    yield machine
    go_on(machine, "orders and fills afterwards")


def go_on(machine, what):
    sent, fills = machine.sent(), machine.fills()
    machine.wait(lambda: machine.sent() > sent and machine.fills() > fills, what)


def sessions(machine):
    return machine.counters().get("sender_sessions", 0)


def last_lost(machine):
    """(number of lost sessions, reason of the last) in order_sender's journal."""
    _, entries = machine.journal("order_sender", JOURNAL_SESSION, SESSION_ENTRY)
    lost = entries[entries["kind"] == SESSION_LOST]
    return len(lost), int(lost["detail"][-1]) if len(lost) else 0


def test_a_stream_in_single_bytes_is_the_same_stream(trading):
    machine, before = trading, dict(machine_passed(trading))
    machine.relay.one_byte = True
    try:
        for _ in range(3):
            go_on(machine, "orders and fills in single bytes")
    finally:
        machine.relay.one_byte = False
    assert all(machine.relay.passed[side] > before[side] + 50 for side in (SENDER, VENUE))


def machine_passed(machine):
    return machine.relay.passed


def cut_and_come_back(machine, side, count, reset):
    before, cuts = sessions(machine), machine.relay.cuts
    machine.relay.cut_after(side, count, reset=reset)
    machine.wait(lambda: machine.relay.cuts > cuts, f"a cut after {count} bytes of the {side}")
    machine.wait(lambda: sessions(machine) > before, "a new session, with evidence for every entry")
    sent = machine.sent()
    machine.wait(lambda: machine.sent() > sent, "an order afterwards")


@pytest.mark.parametrize(("side", "count", "reset"), CUTS)
def test_a_cut_stream_loses_nothing_and_doubles_nothing(trading, side, count, reset):
    cut_and_come_back(trading, side, count, reset)


@pytest.mark.soak
def test_many_cuts_lose_nothing_and_double_nothing(trading):
    for side, count, reset in MANY_CUTS:
        cut_and_come_back(trading, side, count, reset)
    print(f"{len(MANY_CUTS)} cuts")


def test_a_peer_that_is_silently_gone_is_noticed_and_nothing_is_sent_or_given_free_until_there_is_evidence(trading):
    machine = trading
    lost, _ = last_lost(machine)
    machine.relay.silent = True
    begun = time.monotonic()
    try:
        machine.wait(lambda: last_lost(machine)[0] > lost, "the silence is noticed", DETECTED_S + 2)
        took_s = time.monotonic() - begun
        print(f"half-open connection noticed after {took_s:.2f} s")
        assert last_lost(machine)[1] == LOST_SILENT and took_s <= DETECTED_S
        machine.wait(lambda: machine.counters()["gate_open_orders"] > 0, "exposure is kept")
        open_orders, sent = machine.counters()["gate_open_orders"], len(orders_sent(machine))
        later = time.monotonic() + 1.0
        machine.wait(lambda: time.monotonic() > later, "a second without evidence")
        assert machine.counters()["gate_open_orders"] >= open_orders, "given free by time alone"
        assert len(orders_sent(machine)) == sent, "sent without a session"
    finally:
        machine.relay.silent = False


def orders_sent(machine):
    return machine.journal("order_sender", JOURNAL_ORDER_SENT, SENT_ORDER)[1]

"""Processes that sleep and wake late, `quintet cancel` while others sleep, and how fast orders are known after a death.

The venue keeps the orders of a lost session. One machine for all.
"""

import os
import signal
import time

import numpy as np
import pytest

from procs.order_sender.session import LOST_CLOSED, LOST_SILENT, LOST_SLEPT
from shm.codes import JOURNAL_ORDER_SENT, JOURNAL_SESSION
from shm.records.session_entry import SESSION_ENTRY, SESSION_LOGGED_IN, SESSION_LOST
from shm.records.working import WORKING
from tests.fault.test_kill import SENT_ORDER, check_what_was_sent
from tests.support.cli import call
from tests.support.system import System, system_config

pytestmark = [pytest.mark.timeout(400), pytest.mark.usefixtures("no_leftovers")]

KNOWN_S = 3.0  # every live venue order known or cancelled after order_sender's death
OTHERS = ("risk_gate", "strategy", "feed_handler")


@pytest.fixture(scope="module")
def machine(module_folders):
    with System(system_config("late")) as running:
        yield running
        report = running.finish()
        left = [text for text in report["failures"] if "session" not in text]
        assert left == [], running.logs()
        assert running.counters().get("gate_breaks", 0) == 0
        check_what_was_sent(running)


@pytest.fixture
def trading(machine):
    go_on(machine)
    yield machine
    go_on(machine)


def go_on(machine):
    sent, fills = machine.sent(), machine.fills()
    machine.wait(lambda: machine.sent() > sent and machine.fills() > fills, "orders and fills")


def sleep(machine, instance, seconds):
    """Stop a process for so long; the supervisor is looked after meanwhile."""
    machine.kill_signal(instance, signal.SIGSTOP)
    try:
        until = time.monotonic() + seconds
        machine.wait(lambda: time.monotonic() > until, f"{instance} sleeps", seconds + 5)
    finally:
        machine.kill_signal(instance, signal.SIGCONT)


def ledger(machine, column):
    """A column of the venue's ledger by instrument_id."""
    rows = machine.snapshot.ledger()
    return {int(row["instrument_id"]): int(row[column]) for row in rows}


# --- late ------------------------------------------------------------------------------------------------------------


def test_an_order_sender_that_sleeps_a_little_sends_nothing_that_expired(trading):
    machine = trading
    expired = machine.counters().get("sender_expired", 0)
    sleep(machine, "order_sender", 0.6)
    go_on(machine)
    heads, entries = machine.journal("order_sender", JOURNAL_ORDER_SENT, SENT_ORDER)
    late = (entries["order"]["expires_ns"] > 0) & (heads["now_ns"] > entries["order"]["expires_ns"])
    assert not late.any(), entries["order"][late]
    assert machine.counters().get("sender_expired", 0) > expired, "what lay in its ring died there"


@pytest.mark.parametrize("seconds", [3.0, pytest.param(5.0, marks=pytest.mark.soak)])
def test_an_order_sender_that_sleeps_too_long_sends_nothing_until_a_new_login_brought_the_evidence(trading, seconds):
    machine = trading
    before, begun_ns = machine.counters()["sender_sessions"], time.monotonic_ns()
    sleep(machine, "order_sender", seconds)
    machine.wait(lambda: machine.counters()["sender_sessions"] > before, "a new session", 10.0)
    go_on(machine)
    heads, entries = machine.journal("order_sender", JOURNAL_SESSION, SESSION_ENTRY)
    slept = (entries["kind"] == SESSION_LOST) & (heads["stamp_ns"] > begun_ns)
    assert slept.any(), "it did not notice that it slept"
    reasons = set(entries["detail"][slept].tolist())
    assert reasons <= {LOST_SLEPT, LOST_CLOSED, LOST_SILENT}, "it, or the venue before it looked"
    lost = heads[np.flatnonzero(slept)[-1]]
    later = (entries["kind"] == SESSION_LOGGED_IN) & (heads["stamp_ns"] > lost["stamp_ns"])
    back_ns = int(heads["stamp_ns"][later][0])
    sent_ns = machine.journal("order_sender", JOURNAL_ORDER_SENT, SENT_ORDER)[0]["stamp_ns"]
    assert not ((sent_ns > lost["stamp_ns"]) & (sent_ns < back_ns)).any(), "entered without a session"
    last_ns = int(sent_ns[sent_ns < lost["stamp_ns"]].max())
    assert int(lost["stamp_ns"]) - last_ns > (seconds - 1.0) * 1e9, "entered between waking up and noticing"


@pytest.mark.parametrize("seconds", [0.6, pytest.param(5.0, marks=pytest.mark.soak)])
def test_a_gate_that_wakes_late_answers_what_expired_with_rejects(trading, seconds):
    machine = trading

    def expired():
        return machine.snapshot.orders()["rejected_by_risk"].get("expired", 0)

    before = expired()
    sleep(machine, "risk_gate", seconds)
    machine.wait(lambda: expired() > before, "expired intents are refused")


# --- quintet cancel --------------------------------------------------------------------------------------------------


def shown(machine):
    """{order id: (strategy, instrument, side)} of the `working` table."""
    _, rows = machine.snapshot.view.table("working.order_sender", WORKING)
    return {
        int(row["order_id"]): (int(row["strategy_id"]), int(row["instrument_id"]), int(row["side"]))
        for row in rows
        if row["order_id"]
    }


def still(machine):
    """Everybody but order_sender and the venue stops; orders stand, and nobody cancels them."""
    for instance in OTHERS:
        machine.kill_signal(instance, signal.SIGSTOP)
    machine.turn(flow_off=True)
    until = time.monotonic() + 0.3
    machine.wait(lambda: time.monotonic() > until, "what was on its way arrives")


def move(machine):
    machine.turn(flow_off=False)
    for instance in OTHERS:
        machine.kill_signal(instance, signal.SIGCONT)


FILTERS = [
    ("--side", "buy"),
    ("--instrument", "QNTA", "--side", "sell"),
    ("--strategy", "strategy", "--instrument", "QNTB"),
    ("--venue", "sim"),
]


def names(machine, words, order):
    """Oracle: whether the words of the command mean this order."""
    strategy, instrument, side = order
    given = dict(zip(words[::2], words[1::2], strict=True))
    symbols = [held.symbol for held in machine.config.instruments]
    return (
        given.get("--strategy", "strategy") == ("strategy" if strategy == 0 else "")
        and ("--instrument" not in given or symbols[instrument] == given["--instrument"])
        and ("--side" not in given or {"buy": 1, "sell": 2}[given["--side"]] == side)
    )


def test_cancel_with_each_filter_ends_exactly_what_it_names_while_the_others_sleep(trading):
    machine = trading
    for words in FILTERS:
        machine.wait(lambda: len({order[2] for order in shown(machine).values()}) == 2, "orders of both sides stand")
        still(machine)
        try:
            before, canceled, opened = (
                shown(machine),
                ledger(machine, "orders_canceled"),
                ledger(machine, "orders_open"),
            )
            named = {order_id for order_id, order in before.items() if names(machine, words, order)}
            answer = call("cancel", *words, "--reason", "test", "--json", "--name", machine.config.name)
            assert answer.code == 0, answer.err
            assert answer.json()["orders"] == len(named) == answer.json()["by_venue"]["sim"]
            machine.wait(lambda gone=named: not gone & set(shown(machine)), "the venue's answers", 3.0)
            for instrument, was_open in opened.items():
                ended = sum(before[order_id][1] == instrument for order_id in named)
                assert ledger(machine, "orders_canceled")[instrument] - canceled[instrument] == ended
                assert ledger(machine, "orders_open")[instrument] == was_open - ended, "no other order is touched"
            assert set(shown(machine)) == set(before) - named
        finally:
            move(machine)
        go_on(machine)


def test_cancel_of_what_does_not_exist_is_refused_and_one_of_nothing_open_ends_nothing(trading):
    machine = trading
    for words in (("--venue", "other"), ("--strategy", "none"), ("--instrument", "NONE")):
        answer = call("cancel", *words, "--reason", "test", "--name", machine.config.name)
        assert answer.code == 1 and words[1] in answer.err, answer
    answer = call("cancel", "--strategy", "house", "--reason", "test", "--name", machine.config.name)
    assert answer.code == 0 and answer.out.startswith("0 orders of strategy house")


# --- deaths ----------------------------------------------------------------------------------------------------------


def known_after_death(machine) -> float:
    """Kill order_sender with orders open at the venue; seconds until each is known to its successor or cancelled."""
    machine.wait(lambda: sum(ledger(machine, "orders_open").values()) > 0, "orders stand at the venue")
    page, before = machine.fabric.page("order_sender"), machine.counters()["sender_sessions"]
    begun = time.monotonic()
    os.kill(page.pid, signal.SIGKILL)
    machine.wait(
        lambda: machine.counters()["sender_sessions"] > before or sum(ledger(machine, "orders_open").values()) == 0,
        "known by evidence, or cancelled",
        20.0,
    )
    return time.monotonic() - begun


def deaths(machine, count):
    took = []
    for _ in range(count):
        for process in machine.supervisor.processes.values():
            process.deaths.clear()  # it would give up one that dies that often
        took.append(known_after_death(machine))
        sent = machine.sent()
        machine.wait(lambda seen=sent: machine.sent() > seen, "trading goes on", 40.0)
    return sorted(took)


def tell(took, setting):
    at = {"p50": took[len(took) // 2], "p99": took[min(len(took) - 1, int(len(took) * 0.99))]}
    words = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in at.items())
    print(f"live venue orders known or cancelled after order_sender's death, {setting}: {words} of {len(took)} deaths")


@pytest.mark.parametrize(
    ("cancels", "count"), [(False, 1), *(pytest.param(on, 20, marks=pytest.mark.soak) for on in (False, True))]
)
def test_every_live_order_is_known_or_cancelled_soon_after_a_death(trading, cancels, count):
    """Most of the time is the start of a Python process, so a host that is busy otherwise gets its share more."""
    trading.turn(cancel_on_disconnect=cancels)
    took = deaths(trading, count)
    trading.turn(cancel_on_disconnect=False)
    tell(took, f"cancel on disconnect {'on' if cancels else 'off'}")
    assert took[-1] <= KNOWN_S * max(1.0, os.getloadavg()[0] / os.cpu_count())

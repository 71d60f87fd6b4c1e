"""kill -9 of order_sender at every call that changes memory or the world: nothing is sent twice, nothing is lost.

Interpreted only: compiled functions call each other directly. The venue answers by itself and fills something before
and after each restart; at the end venue, rows, readers and journal must agree.
"""

from random import Random

import numpy as np
import pytest

import procs.order_sender.state as state_module
from procs.order_sender.life_cycle import ORDER_STATE_CLOSED
from procs.order_sender.state import arrays_of, check
from shm.codes import (
    JOURNAL_CANCEL_SENT,
    JOURNAL_ORDER_SENT,
    REPORT_EXECUTED,
    REPORT_EXPIRED,
    REPORT_NEVER_ARRIVED,
    REPORT_REJECTED,
)
from shm.jit import JIT_OFF
from shm.records.order import ORDER
from shm.records.sent import SENT
from tests.oracles.told import believe
from tests.support.killer import Killed, Killer
from tests.support.sender_bench import GATE, KEEPER, SenderBench

pytestmark = pytest.mark.skipif(not JIT_OFF, reason="run with NUMBA_DISABLE_JIT=1")

SENT_ORDER = np.dtype([("order", ORDER), ("sent", SENT)])
KILL_POINTS = (
    *("journal_claim", "journal_commit", "take_id", "open_order", "put_order", "put_cancel", "put_reduce"),
    *("ring_advance", "ring_publish", "ring_release_to", "keep_recent", "apply_report", "latest_publish"),
    *("ask_cancel", "note_left", "start_sweep", "journal_session", "control_set"),
)
NEVER_LIVED = (REPORT_EXPIRED, REPORT_NEVER_ARRIVED, REPORT_REJECTED)
PAIRS = 60  # of a first and a second death
SLOTS = 128  # a sweep over all of them is slow when it is interpreted


@pytest.fixture
def killer(monkeypatch):
    monkeypatch.setattr(state_module, "SLOTS", SLOTS)
    return Killer(monkeypatch, "procs.order_sender", KILL_POINTS)


class Session:
    """A short session whose venue answers by itself and trades; order_sender may die anywhere in it."""

    def __init__(self, killer: Killer):
        self.killer, self.deaths = killer, 0
        self.bench = SenderBench(report_capacity=64, journal_capacity=512, working_rows=32)
        self.bench.ready()
        self.fills = []

    def run(self, at: int = 0, **how) -> "Session":
        bench = self.bench
        self.killer.arm(at, **{"after": False, **how})
        first, second = bench.new(qty=100), bench.new(qty=50, strategy=1, instrument=1)
        self.cycle()
        self.trade(30)
        third = bench.replace(first, qty=120)
        bench.cancel(second, strategy=1)
        self.cycle()
        self.trade(10)
        bench.reduce(third, 90)
        fourth = bench.new(qty=40)
        self.cycle()
        bench.cancel(third)
        self.cycle()
        self.trade(5)
        self.killer.at = self.killer.again = 0
        bench.cancel(fourth)
        if bench.phase != 3:
            bench.ready()
        bench.settle(cycles=200)
        return self

    def cycle(self):
        for _ in range(3):
            try:
                self.bench.cycle(write=70)  # orders leave in pieces
            except Killed:
                self.deaths += self.killer.rise(self.start)
            self.check_sent()

    def start(self):
        """A new process, logged in."""
        self.bench.restart()
        self.bench.ready()

    def trade(self, qty):
        """The venue fills a part of its oldest live order, whatever we know of that."""
        live = [order for order in self.bench.venue.orders.values() if order.live]
        if live:
            self.fills.append(min(qty, live[0].leaves))
            self.bench.venue.execute(live[0].ref, self.fills[-1])

    def entries(self, kind):
        found = [payload[: SENT_ORDER.itemsize] for held, payload in self.bench.journal_entries() if held == kind]
        return np.frombuffer(b"".join(found), SENT_ORDER)

    def check_sent(self):
        """What the venue has got stands in the journal already, with the same terms, and came once."""
        entries = {int(entry["sent"]["user_ref_num"]): entry["order"] for entry in self.entries(JOURNAL_ORDER_SENT)}
        received = [message for message in self.bench.venue.received if message[0] in "OU"]
        refs = [message[1] if message[0] == "O" else message[2] for message in received]
        assert len(set(refs)) == len(refs), "a reference was used twice"
        order_ids = [int(entries[ref]["order_id"]) for ref in refs]
        assert len(set(order_ids)) == len(order_ids), "an order was sent twice"
        for ref, message in zip(refs, received, strict=True):
            assert int(entries[ref]["qty_lots"]) == message[3], message


def check_end(session: Session, where: str):
    """Venue, rows, readers and journal agree."""
    bench = session.bench
    check(bench.state)
    session.check_sent()
    rows = {int(row["user_ref_num"]): row for row in arrays_of(bench.state).rows if row["order_id"]}
    for ref, order in bench.venue.orders.items():
        assert (int(rows[ref]["leaves_lots"]), int(rows[ref]["cum_lots"])) == (order.leaves, order.cum), where
    for ref, row in rows.items():
        if ref not in bench.venue.orders:
            assert row["state"] == ORDER_STATE_CLOSED and row["cum_lots"] == 0, where
    for reader in (GATE, KEEPER):
        told = bench.readers[reader].reports
        assert [report["report_seq"] for report in told] == list(range(1, len(told) + 1)), where
        fills = [report["qty_lots"] for report in told if report["kind"] == REPORT_EXECUTED]
        matches = [report["match_number"] for report in told if report["kind"] == REPORT_EXECUTED]
        assert fills == session.fills and len(set(matches)) == len(matches), where
    ended = [report["order_id"] for report in bench.readers[KEEPER].reports if report["kind"] in NEVER_LIVED]
    assert len(set(ended)) == len(ended), (where, "told twice that it is over")
    for order_id, told in believe(bench.readers[KEEPER].reports).items():
        row = bench.row(order_id)
        venue = None if row is None else bench.venue.orders.get(int(row["user_ref_num"]))
        assert told.closed_times <= 1, (where, order_id)
        assert told.open == (venue is not None and venue.live), (where, order_id)
    assert set(rows) == {int(entry["sent"]["user_ref_num"]) for entry in session.entries(JOURNAL_ORDER_SENT)}, where


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_a_kill_at_any_call_sends_nothing_twice_and_loses_nothing(killer, after):
    whole = Session(killer).run()
    calls = killer.calls
    check_end(whole, "no death")
    assert calls > 100 and whole.deaths == 0 and len(whole.fills) == 3
    assert len(whole.entries(JOURNAL_ORDER_SENT)) == 4 and len(whole.entries(JOURNAL_CANCEL_SENT)) >= 3
    killed = 0
    for at in range(1, calls + 1):
        session = Session(killer).run(at, after=after)
        killed += session.deaths
        check_end(session, f"killed at call {at} of {calls}, {after=}")
    assert killed > calls // 2


def test_a_second_kill_while_it_recovers_sends_nothing_twice_and_loses_nothing(killer):
    Session(killer).run()
    seed, calls = 4, killer.calls
    print("seed", seed)
    rng = Random(seed)
    twice = 0
    for _ in range(PAIRS):
        at, again, after = rng.randrange(1, calls), rng.randrange(1, 80), rng.random() < 0.5
        session = Session(killer).run(at, after=after, again=again)
        twice += session.deaths == 2
        check_end(session, f"killed at call {at} and {again} later, {after=}, {seed=}")
    assert twice > PAIRS // 3

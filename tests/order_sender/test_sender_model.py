"""Random interleavings of everything that gate and venue may do, against an oracle that only adds up what was told.

Each example is one dozen random actions on a few orders; bytes travel at random times and in random pieces, so answers
cross with cancels and replaces in every way. Afterwards everything is delivered and the three views must agree: the
venue's own ledger, order_sender's rows, and what a reader concludes from the reports alone.
"""

import random

from procs.order_sender.life_cycle import ORDER_STATE_CLOSED
from procs.order_sender.state import arrays_of, check
from shm.error_log import ERROR_SENDER_SESSION_LOST
from shm.jit import JIT_OFF
from tests.oracles.told import believe
from tests.support.sender_bench import KEEPER, SenderBench

EXAMPLES = 50 if JIT_OFF else 2000
DEPTH = 12
EXAMPLES_A_BENCH = 25  # then a new bench: its journal memory is not endless


class Play:
    """The random player. It acts as the gate does (never names an order that it was told is closed, most of the time)."""

    def __init__(self, rng):
        self.rng = rng
        self.bench = SenderBench(report_capacity=2048, journal_capacity=4096, working_rows=256).ready()
        self.bench.venue.auto = False
        self.mine: list[int] = []
        self.inbox_at = 0  # next message of ours that the venue answers
        self.trades: dict[int, int] = {}  # lots by match number, as they stand

    def act(self):
        rng, bench, venue = self.rng, self.bench, self.bench.venue
        roll = rng.random()
        if roll < 0.25 or not self.mine:
            self.mine.append(bench.new(qty=rng.randrange(1, 100)))
        elif roll < 0.37:
            bench.cancel(rng.choice(self.mine))
        elif roll < 0.43:
            bench.reduce(rng.choice(self.mine), rng.randrange(1, 100))
        elif roll < 0.51:
            self.mine.append(bench.replace(rng.choice(self.mine), qty=rng.randrange(1, 200)))
        elif roll < 0.55:
            bench.lose()
            self.work_inbox()
            bench.connect()
        else:
            self.venue_act(venue)

    def venue_act(self, venue):
        """The venue works its inbox in order, and in between its market moves."""
        rng = self.rng
        if self.inbox_at < len(venue.received) and rng.random() < 0.6:
            self.answer(venue, venue.received[self.inbox_at])
            self.inbox_at += 1
            return
        live = [order for order in venue.orders.values() if order.live]
        if not live:
            return
        order = rng.choice(live)
        roll = rng.random()
        if roll < 0.6:
            qty = rng.randrange(1, order.leaves + 1)
            match = venue.execute(order.ref, qty)
            self.trades[match] = qty
            if rng.random() < 0.1:
                self.trades[match] = rng.randrange(1, qty + 1)
                venue.correct_trade(order.ref, match, self.trades[match], rng.randrange(1, 200) * 10_000)
            if rng.random() < 0.1:
                venue.break_trade(order.ref, match)
                del self.trades[match]
        elif roll < 0.75:
            venue.cancel(order.ref, rng.randrange(1, order.leaves + 1), "Z")
        elif roll < 0.85:
            venue.priority(order.ref, rng.randrange(1, 200) * 10_000)
        elif roll < 0.93:
            venue.system()
        else:
            venue.cancel(order.ref)

    def answer(self, venue, message):
        """One message of ours, as a venue may answer it."""
        rng = self.rng
        if message[0] == "O" and message[1] in venue.orders:
            if rng.random() < 0.12:
                venue.reject(message[1])
            elif rng.random() < 0.05:
                venue.accept(message[1], state="D")
            else:
                venue.accept(message[1])
        elif message[0] == "U":
            old, new = venue.orders.get(message[1]), venue.orders.get(message[2])
            if old is None or new is None or not old.live:
                return  # ignored in silence
            roll = rng.random()
            if new.qty <= old.cum or roll < 0.1:
                venue.cancel(old.ref)  # invalid: the original dies
            elif roll < 0.25:
                venue.reject(new.ref)
            else:
                venue.replace(old.ref, new.ref)
        elif message[0] == "X":
            order = venue.orders.get(message[1])
            if order is None or not order.live:
                return
            roll = rng.random()
            if roll < 0.1:
                venue.cancel_reject(order.ref)
                return
            if roll < 0.2:
                venue.cancel_pending(order.ref)
            venue.cancel_to(order.ref, message[2])

    def move_bytes(self):
        rng, bench = self.rng, self.bench
        if rng.random() < 0.6:
            bench.send(rng.choice([1, 20, 1 << 30]))
        if rng.random() < 0.6:
            bench.pull()
            bench.arrive(rng.choice([1, 10, 60, 2048]))
        bench.step()

    def example(self):
        self.mine.clear()
        for _ in range(DEPTH):
            self.act()
            self.move_bytes()
            if self.rng.random() < 0.3:
                check(self.bench.state)

    def work_inbox(self):
        """The venue answers all that it has: it does so before it takes another login."""
        venue = self.bench.venue
        while self.inbox_at < len(venue.received):
            self.answer(venue, venue.received[self.inbox_at])
            self.inbox_at += 1

    def deliver(self):
        """Everything arrives and is answered."""
        bench = self.bench
        for _ in range(8):
            self.work_inbox()
            if bench.phase == 1:
                bench.connect()
            bench.settle(cycles=400)


def agree(play, where):
    """Venue, order_sender and reader agree about every order."""
    bench = play.bench
    check(bench.state)
    used = arrays_of(bench.state).rows
    rows = {int(row["order_id"]): row for row in used[used["order_id"] != 0]}
    believed = believe(bench.readers[KEEPER].reports)
    for order_id, row in rows.items():
        venue = bench.venue.orders.get(int(row["user_ref_num"]))
        told = believed.get(order_id)
        assert told is not None, (where, order_id)
        assert told.open == (row["state"] != ORDER_STATE_CLOSED), (where, order_id, bench.told(order_id))
        assert told.closed_times <= 1, (where, order_id, "closed twice")
        if venue is not None and venue.live:
            assert int(row["leaves_lots"]) == told.leaves == venue.leaves, (where, order_id, bench.told(order_id))
        else:
            assert row["state"] == ORDER_STATE_CLOSED, (where, order_id, bench.told(order_id))
    traded = sum(told.traded for told in believed.values())
    assert traded == sum(play.trades.values()), where


def test_random_interleavings_leave_venue_rows_and_readers_in_agreement():
    seed = 5005
    print("seed", seed)
    rng = random.Random(seed)
    for first in range(0, EXAMPLES, EXAMPLES_A_BENCH):
        play = Play(rng)
        for example in range(first, first + EXAMPLES_A_BENCH):
            play.example()
            if example % 5 == 4:
                play.deliver()
                agree(play, f"seed {seed} example {example}")
        assert set(play.bench.errors()) <= {ERROR_SENDER_SESSION_LOST}, (play.bench.errors(), first)

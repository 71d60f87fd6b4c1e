"""Queue positions against a book that keeps every order in its queue, with acknowledgements that come late."""

import random

import numpy as np
import pytest

from procs.strategy.markout import BUCKETS, HORIZONS_S, MARKOUT, SECOND_NS, add_fill, settle_markout
from procs.strategy.slot import SLOTS, first_slot
from shm.atomics import record_view
from shm.codes import (
    INTENT_CANCEL,
    INTENT_NEW,
    INTENT_REDUCE,
    REPORT_ACCEPTED,
    REPORT_CANCELED,
    REPORT_EXECUTED,
    REPORT_REPLACED,
    SIDE_BUY,
    SIDE_SELL,
    TICK_ADD,
    TICK_DELETE,
    TICK_EXECUTE,
    TICK_REDUCE,
    TICK_REPLACE,
)
from shm.counters import STRATEGY_MARKED_LOTS, STRATEGY_MARKOUT_MICRO
from shm.jit import JIT_OFF
from shm.scratch import scratch_me
from tests.support.strategy_bench import ROW, StrategyBench

MS = 1_000_000
MID = 1_000_000
STEPS = 400 if JIT_OFF else 2_000


class Queues:
    """Every order of one instrument in its queue; says what the feed and the order session would say."""

    def __init__(self):
        self.queues: dict[tuple[int, int], list[list]] = {}  # (side, price): [[ref, lots, intent of ours or 0, done]]
        self.refs = 0
        self.ticks: list[dict] = []
        self.reports: list[tuple] = []

    def new_ref(self):
        self.refs += 1
        return self.refs

    def add(self, side, price, lots, intent_id=0, done=0):
        ref = self.new_ref()
        self.queues.setdefault((side, price), []).append([ref, lots, intent_id, done])
        return ref

    def tell(self, kind, side, price, lots, ref, **more):
        self.ticks.append(dict(kind=kind, side=side, price_ticks=price, qty_lots=lots, order_ref=ref, **more))

    def find(self, intent_id):
        for (side, price), queue in self.queues.items():
            for order in queue:
                if order[2] == intent_id:
                    return side, price, order
        return None

    def drop(self, side, price, order):
        self.queues[side, price].remove(order)
        if not self.queues[side, price]:
            del self.queues[side, price]

    def trade(self, side, price, lots):
        """An aggressor takes up to `lots` from the head of one queue."""
        while lots > 0 and (side, price) in self.queues:
            order = self.queues[side, price][0]
            taken = min(lots, order[1])
            order[1] -= taken
            order[3] += taken
            lots -= taken
            self.tell(TICK_EXECUTE, side, price, taken, order[0])
            if order[2]:
                about = dict(price_ticks=price, qty_lots=taken, leaves_lots=order[1])
                self.reports.append((REPORT_EXECUTED, order[2], side, about))
            if order[1] == 0:
                self.drop(side, price, order)

    def lower(self, side, price, order, lots):
        order[1] -= lots
        if order[1] > 0:
            self.tell(TICK_REDUCE, side, price, lots, order[0])
            return
        self.drop(side, price, order)
        self.tell(TICK_DELETE, side, price, lots, order[0])

    def replace(self, side, old_price, order, price, lots, intent_id=0):
        old_ref, old_lots = order[0], order[1]
        self.drop(side, old_price, order)
        ref = self.add(side, price, lots, intent_id, order[3])
        old = dict(old_order_ref=old_ref, old_price_ticks=old_price, old_qty_lots=old_lots)
        self.tell(TICK_REPLACE, side, price, lots, ref, **old)
        return ref

    def take(self, intent):
        """Do at once what an intent asks for; the answer waits in `reports`."""
        kind, side, price, lots = (int(intent[name]) for name in ("kind", "side", "price_ticks", "qty_lots"))
        intent_id, target_id = int(intent["intent_id"]), int(intent["target_intent_id"])
        found = self.find(target_id)
        if kind == INTENT_NEW:
            ref = self.add(side, price, lots, intent_id)
            self.tell(TICK_ADD, side, price, lots, ref)
            about = dict(price_ticks=price, leaves_lots=lots, venue_order_ref=ref)
            self.reports.append((REPORT_ACCEPTED, intent_id, side, about))
        elif found is None:
            return  # it traded: its execution is on the way
        elif kind in (INTENT_CANCEL, INTENT_REDUCE):
            _, price, order = found
            removed = order[1] if kind == INTENT_CANCEL else min(order[1], order[1] + order[3] - lots)
            self.lower(side, price, order, removed)
            about = dict(qty_lots=removed, leaves_lots=order[1])
            self.reports.append((REPORT_CANCELED, target_id, side, about))
        else:
            _, old_price, order = found
            leaves = lots - order[3]
            ref = self.replace(side, old_price, order, price, leaves, intent_id)
            about = dict(price_ticks=price, leaves_lots=leaves, venue_order_ref=ref, old_intent_id=target_id)
            self.reports.append((REPORT_REPLACED, intent_id, side, about))

    def ahead(self, intent_id):
        side, price, mine = self.find(intent_id)
        queue = self.queues[side, price]
        return sum(order[1] for order in queue[: queue.index(mine)])

    def depth(self, side):
        levels = {price: sum(o[1] for o in queue) for (held, price), queue in self.queues.items() if held == side}
        return sorted(levels.items(), reverse=side == SIDE_BUY)

    def others(self, side):
        return [(p, o) for (held, p), queue in self.queues.items() if held == side for o in queue if not o[2]]

    def whim(self, chance):
        """One random thing that others do."""
        side = chance.choice((SIDE_BUY, SIDE_SELL))
        price = MID + (100 if side == SIDE_SELL else -100) * chance.randint(1, 5)
        others = self.others(side)
        what = chance.random()
        if what < 0.4 or len(others) < 12:
            lots = chance.randint(1, 50)
            self.tell(TICK_ADD, side, price, lots, self.add(side, price, lots))
        elif what < 0.6:
            self.trade(side, self.depth(side)[0][0], chance.randint(1, 60))
        elif what < 0.9:
            old_price, order = chance.choice(others)
            self.lower(side, old_price, order, chance.randint(1, order[1]))
        else:
            old_price, order = chance.choice(others)
            self.replace(side, old_price, order, price, chance.randint(1, 50))


def show(bench, queues, seq, told):
    """The book as it is now, and its first `told` ticks that wait."""
    bench.book(queues.depth(SIDE_BUY), queues.depth(SIDE_SELL), venue_seq=seq + len(queues.ticks))
    for k in range(told):
        bench.tick(venue_seq=seq + 1 + k, last=k == told - 1, **queues.ticks[k])
    del queues.ticks[:told]
    return seq + told


def compare(bench, queues, exact):
    """Every order that is told of has the size ahead that the queues say. Returns how many were known."""
    known = 0
    for side in (SIDE_BUY, SIDE_SELL):
        for slot in bench.state.slots[first_slot(ROW, side) : first_slot(ROW, side) + SLOTS]:
            if slot["venue_ref"] == 0 or queues.find(int(slot["intent_id"])) is None:
                continue
            ahead = queues.ahead(int(slot["intent_id"]))
            if exact and slot["shown_lots"] > 0:
                assert slot["ahead_lots"] == ahead, (slot, ahead)
                known += 1
    return known


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_size_ahead_is_that_of_the_queue_however_late_the_acknowledgement(seed):
    print("seed", seed)
    chance = random.Random(seed)
    bench = StrategyBench("fixed_spread", half_spread_ticks=100, qty_lots=20, levels=2, skew_ticks=0, jump_sigmas=0.0)
    queues, seq, now_ns, known, positive = Queues(), 0, MS, 0, 0
    bench.fresh()
    for _ in range(40):
        queues.whim(chance)
    for _ in range(STEPS):
        now_ns += chance.choice((1_000, 100_000, 30 * MS))
        for _ in range(chance.randint(0, 3)):
            queues.whim(chance)
        seq = show(bench, queues, seq, chance.choice((0, len(queues.ticks), len(queues.ticks) // 2)))
        late = chance.choice((0, len(queues.reports)))
        for kind, intent_id, side, about in queues.reports[:late]:
            bench.report(kind, intent_id, side, **about)
        del queues.reports[:late]
        bench.step(now_ns)
        exact = not queues.ticks
        if not exact:
            bench.step(now_ns + MS)  # a datagram that ends later
        found = compare(bench, queues, exact and not queues.reports)
        known += found
        positive += int(bench.state.views[ROW]["bid_ahead_lots"] > 0)
        for intent in bench.intents():
            queues.take(intent)
    assert known > STEPS // 8 and positive > STEPS // 20


def test_an_order_whose_add_is_long_gone_has_all_of_its_level_ahead():
    bench = StrategyBench("fixed_spread", half_spread_ticks=100, qty_lots=20)
    bench.fresh()
    bench.book([(MID - 100, 300)], [(MID + 100, 300)], venue_seq=1)
    bench.tick(venue_seq=1, order_ref=1)
    bench.step(MS)
    bid = bench.intents()[0]
    bench.tick(venue_seq=2, kind=TICK_ADD, side=SIDE_BUY, price_ticks=MID - 100, qty_lots=20, order_ref=2)
    for k in range(200):
        bench.tick(venue_seq=3 + k, kind=TICK_ADD, side=SIDE_SELL, price_ticks=MID + 500, qty_lots=1, order_ref=3 + k)
    bench.book([(MID - 100, 320)], [(MID + 100, 300)], venue_seq=202)
    bench.step(2 * MS)
    about = dict(price_ticks=MID - 100, leaves_lots=20, venue_order_ref=2)
    bench.report(REPORT_ACCEPTED, int(bid["intent_id"]), SIDE_BUY, **about)
    bench.step(3 * MS)
    assert bench.state.views[ROW]["bid_ahead_lots"] == 300
    bench.tick(venue_seq=203, kind=TICK_EXECUTE, side=SIDE_BUY, price_ticks=MID - 100, qty_lots=250, order_ref=1)
    bench.book([(MID - 100, 70)], [(MID + 100, 300)], venue_seq=203)
    bench.step(4 * MS)
    assert bench.state.views[ROW]["bid_ahead_lots"] == 50


# --- markout ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("horizon", [0, 1, 2])
def test_markout_is_the_move_of_the_mid_within_a_bucket_of_the_horizon(seed, horizon):
    print("seed", seed)
    chance, me, markout = random.Random(seed), scratch_me(), np.zeros(1, MARKOUT)
    width = HORIZONS_S[horizon] * SECOND_NS // BUCKETS
    now_ns, mid2, fills, moved, lots = 10**18, 2 * MID, [], 0, 0
    for _ in range(1_500):
        now_ns += chance.randint(0, width) if chance.random() < 0.98 else 40 * width
        mid2 += chance.randint(-300, 300)
        settle_markout(me[0], markout[0], horizon, mid2, 7, now_ns)
        due = now_ns // width - BUCKETS
        for bucket, signed, at_mid2 in [fill for fill in fills if fill[0] < due]:
            moved += signed * (mid2 - at_mid2)
            lots += abs(signed)
            fills.remove((bucket, signed, at_mid2))
        if chance.random() < 0.3:
            signed = chance.choice((-1, 1)) * chance.randint(1, 9)
            add_fill(me[0], markout[0], horizon, signed, mid2, 7, now_ns)
            fills.append((now_ns // width, signed, mid2))
    assert lots > 100 and markout[0]["held_lots"] == sum(abs(signed) for _, signed, _ in fills)
    counted = [_counter(me, first + horizon) for first in (STRATEGY_MARKOUT_MICRO, STRATEGY_MARKED_LOTS)]
    assert counted[1] == lots
    assert abs(counted[0] - moved * 7 / 2) <= lots  # each bucket is rounded to a micro-unit


def _counter(me, counter_id):
    return int(record_view(int(me[0]["counters_addr"]) + 8 * counter_id, np.dtype([("value", "<i8")]))["value"])

"""Gate, order_sender and a fake venue in one process, turn by turn: intents in, venue bytes at any cut, exposure out.

The gate's rings are the sender's own, so what one publishes the other consumes; bytes move when a test says so.
"""

from procs.order_sender.state import check
from shm.scratch import scratch_ids
from tests.support.gate import Gate, holding
from tests.support.sender_bench import SYMBOLS, SenderBench

SIGN = {"B": 1, "S": -1}


class OrderLoop:
    """`gate`, `bench` and `bench.venue`; `executions` by match number: instrument and signed lots."""

    def __init__(self, **sizes):
        self.bench = SenderBench(report_capacity=1024, journal_capacity=4096, **sizes)
        self.gate = Gate(ring=256, slots=256)
        self.gate.report_ends = [self.bench.reports[0]]
        self.gate.order_ends = [(self.bench.orders, self.bench.orders_in)]
        self.gate.ids = scratch_ids()
        self.gate.state = self.gate.new_state()
        self.executions: dict[int, tuple[int, int]] = {}
        self.bench.ready()

    def decide(self):
        """The gate reads reports and intents, and publishes what passed."""
        self.gate.now_ns = self.bench.now_ns
        self.gate.channel()
        for row in range(self.gate.instruments):
            self.gate.top(row)
        self.gate.beat()
        self.gate.step(2)

    def new(self, **fields):
        """A new order passes the gate and is taken by order_sender. Returns its intent id."""
        intent_id = self.gate.intent(expires_ns=self.bench.now_ns + 10**12, **fields)
        self.decide()
        return intent_id

    def cancel(self, target):
        self.gate.cancel(target)
        self.decide()

    def replace(self, target, **fields):
        intent_id = self.gate.replace(target, expires_ns=self.bench.now_ns + 10**12, **fields)
        self.decide()
        return intent_id

    def turn(self):
        """One turn of order_sender's loop, bytes moving both ways."""
        bench = self.bench
        bench.pull()
        bench.arrive()
        bench.step()
        bench.send()

    def settle(self):
        """Until nothing moves, at the gate neither; then the invariants of both."""
        bench = self.bench
        for _ in range(3):
            quiet = 0
            while quiet < 10:  # a look at every slot for a due cancel takes eight cycles
                self.turn()
                moves = bench.to_sender or bench.venue.sent < len(bench.venue.stream) or bench.waiting()
                quiet = 0 if moves or not bench.idle() else quiet + 1
            self.decide()
        for reader in bench.readers[1:]:
            reader.read()
        check(bench.state)

    def execute(self, ref, qty):
        """The venue trades a part of an order; its own account is kept here, by execution."""
        order = self.bench.venue.orders[ref]
        match = self.bench.venue.execute(ref, qty)
        assert match not in self.executions
        self.executions[match] = (SYMBOLS.index(order.symbol.strip()), SIGN[order.side] * qty)

    def exposure(self, instrument=0):
        """(position, bought open, sold open, orders) of an instrument as the gate counts it."""
        return holding(self.gate, instrument)

    def venue_exposure(self, instrument=0):
        """The same by the venue's own orders and executions."""
        live = [order for order in self.live() if order.symbol.strip() == SYMBOLS[instrument]]
        lots = {side: sum(order.leaves for order in live if order.side == side) for side in SIGN}
        position = sum(signed for where, signed in self.executions.values() if where == instrument)
        return position, lots["B"], lots["S"], len(live)

    def live(self):
        """Orders that the venue has."""
        return [order for order in self.bench.venue.orders.values() if order.live]

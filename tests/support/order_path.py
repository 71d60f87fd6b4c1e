"""One order and its replacements under every action of gate, venue, wire and death, and who must agree at the end."""

from procs.order_sender.life_cycle import ORDER_STATE_CLOSED
from tests.oracles.told import believe
from tests.support.sender_bench import KEEPER, SenderBench

ACTIONS = "cancel reduce replace wire answer part rest shrink refuse hear lose crash".split()


class Path:
    """One path: the first order is entered; `act` plays one action, or says that it would change nothing."""

    def __init__(self, bench):
        self.bench, self.venue = bench, bench.venue
        self.inbox_at = len(bench.venue.received)
        self.orders = [bench.new(qty=100)]
        self.asked = set()
        bench.step()

    @property
    def standing(self):
        """The newest order that the venue has alive, or None."""
        return next((order for _, order in sorted(self.venue.orders.items(), reverse=True) if order.live), None)

    @property
    def asked_next(self):
        """The oldest message of ours that the venue has not answered, or ("",)."""
        received = self.venue.received
        return received[self.inbox_at] if self.inbox_at < len(received) else ("",)

    def possible(self) -> list[str]:
        """The actions that would change something now."""
        alive = self.standing is not None
        refusable = self.asked_next[0] == "X" and self.is_live(self.asked_next[1])
        can = {
            "cancel": ("cancel", self.orders[-1]) not in self.asked,
            "reduce": ("reduce", self.orders[-1]) not in self.asked,
            "replace": len(self.orders) < 3,
            "wire": self.bench.waiting() > 0,
            "answer": self.asked_next[0] != "",
            "part": alive,
            "rest": alive,
            "shrink": alive,
            "refuse": refusable,
            "hear": bool(self.bench.to_sender) or self.venue.sent < len(self.venue.stream),
            "lose": True,
            "crash": True,
        }
        return [action for action in ACTIONS if can[action]]

    def is_live(self, ref):
        return ref in self.venue.orders and self.venue.orders[ref].live

    def act(self, action):
        getattr(self, action)()
        self.bench.state.desk[0]["due_slot"] = 0  # where the table is looked at next must not tell two walks apart
        self.bench.step()

    def cancel(self):
        self.asked.add(("cancel", self.orders[-1]))
        self.bench.cancel(self.orders[-1])

    def reduce(self):
        self.asked.add(("reduce", self.orders[-1]))
        self.bench.reduce(self.orders[-1], 60)

    def replace(self):
        self.orders.append(self.bench.replace(self.orders[-1], qty=80 + 30 * len(self.orders)))

    def wire(self):
        self.bench.send()

    def answer(self):
        """The venue does the oldest thing that it was asked."""
        kind, *fields = self.asked_next
        self.inbox_at += 1
        orders = self.venue.orders
        if kind == "O":
            self.venue.accept(fields[0])
        elif kind == "X":
            self.venue.cancel_to(*fields)
        elif kind == "U" and fields[1] in orders and self.is_live(fields[0]):
            if orders[fields[1]].qty > orders[fields[0]].cum:
                self.venue.replace(fields[0], fields[1])
            else:
                self.venue.cancel(fields[0])

    def part(self):
        self.venue.execute(self.standing.ref, min(30, self.standing.leaves))

    def rest(self):
        self.venue.execute(self.standing.ref, self.standing.leaves)

    def shrink(self):
        self.venue.cancel(self.standing.ref, min(20, self.standing.leaves), "Z")

    def refuse(self):
        """The venue refuses a cancel or reduce instead of doing it."""
        self.venue.cancel_reject(self.asked_next[1])
        self.inbox_at += 1

    def hear(self):
        self.bench.pull()
        self.bench.arrive()

    def answer_all(self):
        while self.asked_next[0]:
            self.answer()

    def lose(self):
        self.bench.lose()
        self.answer_all()  # what it has, it answers before it takes another login
        self.bench.connect()

    def crash(self):
        """order_sender dies; what reached the venue is answered before the next life logs in."""
        self.bench.crash()
        self.answer_all()
        self.bench.start()
        self.bench.connect()

    def deliver(self):
        for _ in range(6):
            self.bench.settle(cycles=80)
            self.answer_all()
        self.bench.settle(cycles=80)

    def agree(self, where):
        believed = believe(self.bench.readers[KEEPER].reports)
        for order_id in self.orders:
            told, row = believed[order_id], self.bench.row(order_id)
            assert told.closed_times <= 1, (where, order_id)
            venue = None if row is None else self.venue.orders.get(int(row["user_ref_num"]))
            if venue is not None and venue.live:
                assert int(row["leaves_lots"]) == told.leaves == venue.leaves > 0, (where, order_id)
                assert (int(row["cum_lots"]), int(row["reduce_to"])) == (venue.cum, 0), (where, order_id)
            else:
                assert row is None or row["state"] == ORDER_STATE_CLOSED, (where, order_id, row)
                assert not told.open, (where, order_id)
        fills = sum(told.traded for told in believed.values())
        assert fills == self.bench.filled, where

    def leave(self):
        """Nothing of this path stays for the next."""
        for order in list(self.venue.orders.values()):
            if order.live:
                self.venue.cancel(order.ref)
        self.venue.orders.clear()
        self.bench.settle(cycles=80)


def new_bench():
    bench = SenderBench(report_capacity=2048, journal_capacity=4096, working_rows=256).ready()
    bench.venue.auto, bench.filled = False, 0
    execute = bench.venue.execute

    def counted(ref, qty):
        bench.filled += qty
        return execute(ref, qty)

    bench.venue.execute = counted
    return bench

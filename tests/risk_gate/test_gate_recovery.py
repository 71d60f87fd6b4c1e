"""kill -9 of the gate at every point of its step: nothing is decided twice, nothing is lost, exposure is the same."""

from random import Random

import pytest

import shm.codes as codes
from procs.risk_gate.flow import let_go
from procs.risk_gate.recover import RecoveryContradiction
from procs.risk_gate.rows import ACCOUNT, PASS_RING
from procs.risk_gate.state import parts_of
from shm.jit import JIT_OFF
from shm.records.order import ORDER_FLAG_GATE
from tests.support.gate import ORDER, REJECT, Gate, np, view_at
from tests.support.killer import Killed, Killer

# every call behind which the world or the journal is different, and those between them
KILL_POINTS = (
    *("take_report", "ring_release", "gather", "take_id", "write_decision", "reserve_new", "reserve_replace"),
    *(
        "record_order",
        "record_cancel",
        "journal_claim",
        "journal_commit",
        "write_order",
        "write_reject",
        "ring_publish",
        "ring_advance",
    ),
    *("write_own_cancel", "write_own_decision"),
)


class Session:
    """A short trading session whose venue accepts everything and fills some; the gate may die anywhere in it."""

    def __init__(self):
        self.gate = Gate(ring=16, headroom=4)
        self.orders, self.rejects = [], []

    def run(self):
        gate = self.gate
        first = gate.intent(qty_lots=10)
        gate.intent(1, instrument_id=1, side=codes.SIDE_SELL, qty_lots=7)
        gate.intent(qty_lots=0)
        self.pump()
        second = gate.replace(first, qty_lots=20)
        gate.intent(price_ticks=1_000)
        gate.cancel(4711)
        self.pump()
        gate.cancel(second)
        gate.intent(qty_lots=5)
        gate.page(1)["incarnation"] += 1  # strategy 1 starts again: the gate cancels its order
        self.pump()
        return self

    def pump(self):
        for _ in range(6):
            try:
                self.gate.step()
            except Killed:
                self.gate.restart()
            self.answer()

    def answer(self):
        """The venue's side of every new order; reports are journalled by order_sender before they are published."""
        gate = self.gate
        for order in gate.orders():
            self.orders.append(order)
            kind, qty = int(order["kind"]), int(order["qty_lots"])
            if kind == codes.INTENT_NEW:
                gate.report(codes.REPORT_ACCEPTED, order, leaves_lots=qty)
                gate.report(codes.REPORT_EXECUTED, order, qty_lots=2, leaves_lots=qty - 2)
            elif kind == codes.INTENT_REPLACE:
                gate.report(codes.REPORT_REPLACED, order, old_order_id=order["target_order_id"], leaves_lots=qty - 2)
        self.rejects += gate.rejects(0) + gate.rejects(1)

    def answers(self):
        """(intent, kind or code) of everything that left, the gate's own cancels apart."""
        orders = [
            (int(order["intent_id"]), int(order["kind"]))
            for order in self.orders
            if not order["flags"] & ORDER_FLAG_GATE
        ]
        return sorted(orders + [(int(reject["intent_id"]), int(reject["code"])) for reject in self.rejects])

    def own_cancels(self):
        return {int(order["target_order_id"]) for order in self.orders if order["flags"] & ORDER_FLAG_GATE}

    def sums(self):
        names = ["position", "open_buy", "open_sell", "orders"]
        return [tuple(int(row[name]) for name in names) for row in self.gate.exposure.pairs]


@pytest.mark.skipif(not JIT_OFF, reason="compiled functions call each other directly: run with NUMBA_DISABLE_JIT=1")
@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_a_kill_at_any_call_decides_nothing_twice_and_loses_nothing(monkeypatch, after):
    killer = Killer(monkeypatch, "procs.risk_gate", KILL_POINTS)
    whole = Session().run()
    calls = killer.calls
    assert calls > 60 and len(whole.orders) == 6 and len(whole.rejects) == 3
    for at in range(1, calls + 1):
        killer.arm(at, after=after)
        killed = Session().run()
        where = f"killed at call {at} of {calls}"
        assert killed.answers() == whole.answers(), where
        assert killed.sums() == whole.sums(), where
        assert len({int(order["order_id"]) for order in killed.orders if order["order_id"]}) == 4, where
        assert killed.own_cancels() and len(killed.gate.errors()) == 0, where


def newest(end):
    """The newest slot of a producer's ring, as bytes that can be wiped."""
    end = end[0]
    return int(end["slots_addr"] + ((end["next_seq"] - 1) & end["mask"]) * end["slot_bytes"])


def unpublish(gate, ring, dtype, strategy=0):
    """Undo the last publication and the release of its intent: memory as after a kill between journal and ring."""
    state_ends = parts_of(gate.state).ends
    view_at(newest(state_ends[ring][strategy if ring == "rejects" else 0 :]), dtype)["ring_seq"] = 0
    head_addr = int(state_ends["intents"][strategy]["head_addr"])
    head = view_at(head_addr, np.dtype([("value", "<i8")]))
    head["value"] -= 1


def test_an_order_that_was_journalled_but_not_published_leaves_once_with_its_first_stamps():
    gate = Gate()
    gate.intent()
    gate.step()
    order = np.array(view_at(newest(parts_of(gate.state).ends["orders"]), ORDER)).copy()
    unpublish(gate, "orders", ORDER)
    gate.restart()
    (again,) = gate.orders()
    for name in ORDER.names:
        if name not in ("publish_stamp_ns", "ring_seq"):
            assert (again[name] == order[name]).all(), name
    gate.step(times=3)
    assert gate.orders() == [] and len(gate.decisions()[0]) == 1


def test_a_reject_that_was_journalled_but_not_published_leaves_once():
    gate = Gate()
    gate.intent(qty_lots=0)
    gate.step()
    unpublish(gate, "rejects", REJECT)
    gate.restart()
    gate.step(times=3)
    assert gate.codes() == [codes.REJECT_LOT_SIZE] and len(gate.decisions()[0]) == 1


def test_a_reject_without_a_decision_is_not_answered_again():
    gate = Gate(journal=4)
    for _ in range(4):
        gate.intent()
    gate.step(drain=False)
    gate.intent(intent_id=900)
    gate.step(drain=False)
    head = view_at(int(gate.intent_ends[0][0][0]["head_addr"]), np.dtype([("value", "<i8")]))
    head["value"] -= 1
    gate.restart()
    gate.step(times=2)
    gate.intent(intent_id=900)
    gate.step()
    assert gate.codes() == [codes.REJECT_JOURNAL_FULL, codes.REJECT_DUPLICATE]


def test_an_intent_that_is_gone_from_its_ring_stops_the_recovery():
    gate = Gate()
    gate.intent()
    gate.step()
    unpublish(gate, "orders", ORDER)
    source = gate.intent_ends[0][0][0]
    view_at(int(source["slots_addr"]), np.dtype([("value", "<i8"), ("intent_id", "<i8")]))["intent_id"] = 5
    with pytest.raises(RecoveryContradiction, match="intent 1"):
        gate.restart()


def test_rates_ids_and_incarnations_survive_a_restart():
    gate = Gate()
    gate.limit(2, rate_orders_max=2, rate_window_ns=1000)
    gate.page(0)["incarnation"] = 3
    gate.intent()
    gate.intent()
    gate.step()
    gate.restart()
    gate.intent()
    gate.intent(intent_id=2)
    gate.step(times=3)
    assert gate.codes() == [codes.REJECT_RATE, codes.REJECT_DUPLICATE]
    assert len(gate.orders()) == 2, "its orders are still those of the living strategy"
    gate.page(0)["incarnation"] = 4
    gate.restart()
    gate.step(times=3)
    assert len(gate.orders()) == 2 and gate.codes() == []


def test_a_strategy_that_restarted_while_the_gate_was_dead_loses_its_orders_and_old_intents():
    gate = Gate()
    gate.page(0)["incarnation"] = 3
    gate.intent()
    gate.step()
    gate.orders()
    gate.intent()
    gate.page(0)["incarnation"] = 4
    gate.restart()
    gate.step(times=3)
    assert [int(order["flags"]) for order in gate.orders()] == [1] and gate.codes() == [codes.REJECT_EXPIRED]


def gate_rules(row, **fields):
    rules = dict(quote_tick_ticks=10, lot_lots=1, price_ticks_max=1_000_000, multiplier=1, price_tick_micro=100)
    return rules | dict(instrument_id=row) | fields


def kept(gate):
    """Everything that a restart must find again: sums, marks, limits, flow; not where they are kept in memory."""
    exposure = parts_of(gate.state).exposure
    for account in exposure.accounts:
        let_go(account, gate.now_ns, PASS_RING)
    held = {f"pair {name}": exposure.pairs[name].copy() for name in exposure.pairs.dtype.names}
    others = {
        "newest_ns"
    }  # of this life's decisions; refused ones among them, which let passes go and are not replayed
    names = [name for name in ACCOUNT.names if not name.endswith(("_addr", "_seen")) and name not in others]
    held |= {name: exposure.accounts[name].copy() for name in names}
    return (
        held
        | {"fills": exposure.fills["lots"].copy(), "reducing": exposure.slots["reducing"].copy()}
        | {
            f"{name} {field}": rows[field].copy()
            for name, rows in (("sums", exposure.sums), ("scale", exposure.scales), ("slot", exposure.slots))
            for field in (rows.dtype.names if name != "slot" else ("short",))
        }
    )


@pytest.mark.parametrize("seed", range(3))
def test_exposure_after_a_restart_equals_exposure_before_it(seed):
    print("seed", seed)
    random, gate, live = Random(seed), Gate(slots=32), {}
    for row in range(5):
        gate.limit(row, burst_window_ns=1_000_000_000)
    gate.write("instruments", 1, **gate_rules(1, underlying_id=0))
    gate.restart()
    rose = marked = False
    for _ in range(150 if JIT_OFF else 800):
        dice = random.random()
        if dice < 0.4:
            gate.intent(random.randrange(2), instrument_id=random.randrange(2), side=random.choice((1, 2)), qty_lots=9)
        elif dice < 0.55 and live:
            order = live[random.choice(list(live))][0]
            target, strategy = int(order["intent_id"]), int(order["strategy_id"])
            action = random.choice((gate.replace, gate.reduce, gate.cancel))
            action(target, strategy=strategy, **({} if action == gate.cancel else {"qty_lots": random.randint(5, 20)}))
        elif live:
            order, leaves = live.pop(random.choice(list(live)))
            qty = random.randint(1, leaves)
            match = gate.report_seq
            gate.report(codes.REPORT_EXECUTED, order, qty_lots=qty, leaves_lots=leaves - qty, match_number=match)
            if random.random() < 0.2:
                gate.report(codes.REPORT_CORRECTED, order, qty_lots=qty + 1, leaves_lots=0, match_number=match)
            if leaves > qty:
                live[int(order["order_id"])] = (order, leaves - qty)
        if random.random() < 0.2:
            mid = 10_000 + 10 * random.randint(-9, 9)
            gate.top(random.randrange(2), mid - 100, mid + 100)
        if random.random() < 0.1:
            words = {name: random.randint(-50, 50) for name in ("delta", "gamma", "vega")}
            gate.greek(random.randrange(2), underlying_id=0, flags=int(random.random() < 0.8), **words)
        gate.now_ns += random.choice((0, 1, 300_000_000))
        gate.channel()
        gate.step()
        gate.codes(0)
        gate.codes(1)
        for order in gate.orders():
            if order["kind"] == codes.INTENT_NEW:
                gate.report(codes.REPORT_ACCEPTED, order, leaves_lots=order["qty_lots"])
                live[int(order["order_id"])] = (order, int(order["qty_lots"]))
            elif order["kind"] == codes.INTENT_REPLACE:
                gate.report(codes.REPORT_REJECTED, order)
            elif order["kind"] == codes.INTENT_REDUCE and random.random() < 0.5:
                size = dict(qty_lots=1, leaves_lots=1)
                gate.report(codes.REPORT_CANCELED, live[int(order["target_order_id"])][0], **size)
        gate.step()
        marked |= bool(gate.exposure.slots["short"].any())
        if random.random() < 0.05:
            gate.step(times=2)  # nothing to do: newest rows of greeks are counted
            before = kept(gate)
            rose |= int(gate.exposure.sums[0]["delta_up"]) > 0
            gate.restart()
            after = kept(gate)
            for name, values in before.items():
                assert (values == after[name]).all(), name
    assert rose and marked
    assert gate.exposure.firm[0]["cancel_count"] > 0 and gate.exposure.firm[0]["executions"] > 0

"""An executor at the gate: what its desk may do under REDUCING, and that nobody passes flat. Oracle: Python integers."""

import random

import numpy as np
import pytest

from shm import codes
from shm.control import SCOPE_FIRM, control_set
from tests.support.gate import Gate, accepted, holding

MAKER, EXECUTOR, OTHER = 0, 1, 2
BUY, SELL = codes.SIDE_BUY, codes.SIDE_SELL


class FirmGate(Gate):
    """Three strategies; the second trades for the firm."""

    executor = EXECUTOR

    def __init__(self):
        super().__init__(strategies=3, instruments=1, slots=512, ring=256)

    def say(self, state: int):
        control_set(self.operator[0], SCOPE_FIRM, state)

    def hold(self, strategy: int, lots: int):
        """Make a desk's position by an order that trades at once."""
        if lots:
            side = BUY if lots > 0 else SELL
            _, order = accepted(self, strategy=strategy, side=side, qty_lots=abs(lots))
            self.fill(order, abs(lots), 0)

    def fill(self, order, lots: int, leaves: int):
        self.report(codes.REPORT_EXECUTED, order, qty_lots=lots, leaves_lots=leaves, match_number=self.report_seq + 1)
        self.step()

    def answer(self, strategy: int, **fields) -> int:
        """PASS or the code of the reject."""
        self.channel()
        self.top()
        self.beat()
        self.intent(strategy, **fields)
        self.step()
        found = self.codes(strategy)
        return found[0] if found else codes.PASS


@pytest.fixture
def gate():
    made = FirmGate()
    made.hold(MAKER, 100)
    made.orders()
    made.say(codes.STATE_REDUCING)
    return made


def test_the_executor_may_sell_what_another_desk_holds_and_not_a_lot_more(gate):
    assert gate.answer(EXECUTOR, side=SELL, qty_lots=101) == codes.REJECT_REDUCING
    assert gate.answer(EXECUTOR, side=BUY, qty_lots=1) == codes.REJECT_REDUCING
    assert gate.answer(EXECUTOR, side=SELL, qty_lots=60) == codes.PASS
    assert gate.answer(EXECUTOR, side=SELL, qty_lots=41) == codes.REJECT_REDUCING, "working orders count"
    assert gate.answer(EXECUTOR, side=SELL, qty_lots=40) == codes.PASS


def test_open_orders_of_other_desks_take_the_same_room(gate):
    assert gate.answer(MAKER, side=SELL, qty_lots=70) == codes.PASS
    assert gate.answer(EXECUTOR, side=SELL, qty_lots=31) == codes.REJECT_REDUCING
    assert gate.answer(EXECUTOR, side=SELL, qty_lots=30) == codes.PASS
    assert gate.answer(MAKER, side=SELL, qty_lots=1) == codes.REJECT_REDUCING


def test_a_desk_may_not_reopen_what_the_executor_closed_though_its_own_position_shrinks(gate):
    _, order = accepted(gate, strategy=EXECUTOR, side=SELL, qty_lots=100)
    gate.fill(order, 100, 0)
    assert holding(gate, 0)[0] == 0 and holding(gate, 0, MAKER)[0] == 100
    assert gate.answer(MAKER, side=SELL, qty_lots=1) == codes.REJECT_REDUCING
    assert gate.answer(EXECUTOR, side=BUY, qty_lots=1) == codes.REJECT_REDUCING, "nor its own desk's"


def test_reduce_only_holds_while_active_and_a_plain_order_of_the_executor_opens(gate):
    gate.say(codes.STATE_ACTIVE)
    assert gate.answer(EXECUTOR, side=SELL, qty_lots=101, reduce_only=1) == codes.REJECT_REDUCING
    assert gate.answer(EXECUTOR, side=SELL, qty_lots=100, reduce_only=1) == codes.PASS
    assert gate.answer(EXECUTOR, side=BUY, qty_lots=50) == codes.PASS
    assert gate.answer(MAKER, side=BUY, qty_lots=1, reduce_only=1) == codes.REJECT_REDUCING
    gate.say(codes.STATE_HALTED)
    assert gate.answer(EXECUTOR, side=SELL, qty_lots=1, reduce_only=1) == codes.REJECT_HALTED


@pytest.mark.parametrize(("seed", "steps"), [(1, 400), pytest.param(2, 20_000, marks=pytest.mark.soak)])
def test_random_orders_and_fills_of_all_desks_never_pass_flat(seed, steps):
    print("seed", seed)
    draw = random.Random(seed)
    gate = FirmGate()
    held = {MAKER: draw.randrange(-300, 301), OTHER: draw.randrange(-300, 301), EXECUTOR: 0}
    for strategy, lots in held.items():
        gate.hold(strategy, lots)
    gate.orders()
    gate.say(codes.STATE_REDUCING)
    working: list[list] = []  # order, strategy, sign, leaves
    passes = refusals = 0
    for _ in range(steps):
        if working and (draw.random() < 0.6 or len(working) > 30):
            entry = draw.choice(working)
            order, strategy, sign, leaves = entry
            lots = draw.randrange(0, leaves + 1)
            if lots:
                held[strategy] += sign * lots
                entry[3] -= lots
                gate.fill(order, lots, entry[3])
            else:
                entry[3] = 0
                gate.report(codes.REPORT_CANCELED, order, leaves_lots=0)
                gate.step()
            working = [one for one in working if one[3]]
            firm = sum(held.values())
            assert holding(gate, 0)[0] == firm
            continue
        strategy, sign, qty = draw.choice((MAKER, EXECUTOR, OTHER)), draw.choice((1, -1)), draw.randrange(1, 200)
        firm, own = sum(held.values()), held[strategy]
        open_firm = sum(one[3] for one in working if one[2] == sign)
        open_own = sum(one[3] for one in working if one[2] == sign and one[1] == strategy)
        may = open_firm + qty <= -sign * firm and (strategy == EXECUTOR or open_own + qty <= -sign * own)
        gate.now_ns += 50_000_000
        code = gate.answer(strategy, side=BUY if sign > 0 else SELL, qty_lots=qty)
        assert code == (codes.PASS if may else codes.REJECT_REDUCING), (strategy, sign, qty, held)
        passes, refusals = passes + may, refusals + (not may)
        if may:
            (order,) = gate.orders()
            gate.report(codes.REPORT_ACCEPTED, order, leaves_lots=qty)
            gate.step()
            working.append([order, strategy, sign, qty])
            whole = np.array([one[2] * one[3] for one in working])
            assert abs(whole.sum()) <= abs(firm) and (whole * firm <= 0).all()
    assert passes and refusals

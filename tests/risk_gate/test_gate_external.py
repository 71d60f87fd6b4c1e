"""risk_gate and orders that no gate passed: counted in instrument and firm, in no strategy, and cancelled."""

import pytest

import shm.codes as codes
from procs.risk_gate.state import parts_of
from shm.codes import ORDER_ID_EXTERNAL
from shm.counters import GATE_OWN_CANCELS, GATE_UNKNOWN_REPORTS
from tests.support.gate import Gate, accepted, counter, holding, kinds

HOUSE = 2  # the gate has two strategies
EXTERNAL = {
    "order_id": ORDER_ID_EXTERNAL + 1,
    "intent_id": ORDER_ID_EXTERNAL + 1,
    "strategy_id": HOUSE,
    "instrument_id": 0,
    "side": codes.SIDE_BUY,
    "price_ticks": 10_000,
    "qty_lots": 60,
}


@pytest.fixture
def gate():
    made = Gate()
    made.restart()  # every gate begins so: with the rules of each instrument
    return made


def adopt(gate, **fields):
    gate.report(codes.REPORT_ACCEPTED, **EXTERNAL | {"leaves_lots": 60} | fields)
    gate.step()


def desks(gate):
    """(position, bought open, sold open, orders) of the instrument, each strategy in it, and the house."""
    return [holding(gate), *(holding(gate, 0, strategy) for strategy in range(HOUSE + 1))]


def test_an_adopted_order_counts_for_instrument_firm_and_house_and_for_no_strategy(gate):
    accepted(gate)
    before = gate.exposure.firm[0].copy()
    adopt(gate)
    assert desks(gate) == [(0, 70, 0, 2), (0, 10, 0, 1), (0, 0, 0, 0), (0, 60, 0, 1)]
    firm = gate.exposure.firm[0]
    assert firm["orders"] == before["orders"] + 1 and firm["value_buy"] == before["value_buy"] + 60 * 10_000 * 100
    assert counter(gate, GATE_UNKNOWN_REPORTS) == 1


def test_it_takes_room_that_a_strategy_then_does_not_have(gate):
    gate.limit(0, long_lots_max=100)
    adopt(gate, qty_lots=95, leaves_lots=95)
    gate.orders()
    gate.intent(qty_lots=10)
    gate.step()
    assert gate.codes() == [codes.REJECT_POSITION_MAX]


def test_the_gate_cancels_it_and_releases_it_on_the_venues_word_alone(gate):
    adopt(gate)
    gate.step(32)
    (cancel,) = gate.orders()
    assert kinds([cancel]) == ["cancel"] and cancel["target_order_id"] == EXTERNAL["order_id"]
    assert counter(gate, GATE_OWN_CANCELS) == 1 and holding(gate) == (0, 60, 0, 1)
    gate.report(codes.REPORT_EXECUTED, **EXTERNAL | dict(qty_lots=20, leaves_lots=40, cum_lots=20, match_number=5))
    gate.report(codes.REPORT_CANCELED, **EXTERNAL | dict(qty_lots=40, leaves_lots=0, cum_lots=20))
    gate.step()
    assert desks(gate) == [(20, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0), (20, 0, 0, 0)]


def test_somebody_elses_replacement_takes_the_place_of_our_order(gate):
    _, order = accepted(gate, qty_lots=50)
    replaced = {"old_order_id": order["order_id"], "old_intent_id": order["intent_id"], "strategy_id": 0}
    gate.report(codes.REPORT_REPLACED, **EXTERNAL | replaced | {"leaves_lots": 60})
    gate.step()
    assert desks(gate) == [(0, 60, 0, 1), (0, 60, 0, 1), (0, 0, 0, 0), (0, 0, 0, 0)]


def test_a_restarted_gate_has_it_in_the_same_place_and_loses_no_later_decision(gate):
    adopt(gate)
    gate.report(codes.REPORT_EXECUTED, **EXTERNAL | dict(qty_lots=20, leaves_lots=40, cum_lots=20, match_number=5))
    gate.step()
    _, order = accepted(gate, qty_lots=30)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=30, leaves_lots=0, cum_lots=30, match_number=6)
    gate.step()
    before = desks(gate)
    gate.restart()
    assert desks(gate) == before == [(50, 40, 0, 1), (30, 0, 0, 0), (0, 0, 0, 0), (20, 40, 0, 1)]
    assert len(parts_of(gate.state).desks) == HOUSE + 1

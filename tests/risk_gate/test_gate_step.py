"""risk_gate's step on scratch rings: what passes, what is answered, what waits."""

from shm.codes import *  # noqa: F403
from tests.support.gate import Gate


def test_an_intent_becomes_an_order_with_its_history_and_a_journalled_decision():
    gate = Gate()
    intent_id = gate.intent()
    assert gate.step() == 1
    (order,) = gate.orders()
    assert (order["intent_id"], order["qty_lots"], order["price_ticks"], order["kind"]) == (intent_id, 10, 10_000, 1)
    print(order, gate.decisions()[0])

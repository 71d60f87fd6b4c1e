"""risk_gate's step on scratch rings: what passes, what is answered, cancels, replaces and reduces."""

import pytest

import shm.codes as codes
from procs.risk_gate.state import INTENT_BATCH, parts_of
from shm.control import control_set
from shm.counters import (
    GATE_PASSED,
    GATE_REDUCES,
    GATE_REJECT_BASE,
)
from shm.error_log import (
    ERROR_GATE_CORRUPT,
    ERROR_GATE_FOREIGN_INTENT,
)
from shm.journal import journal_drain
from shm.records.order import ORDER_FLAG_GATE
from tests.support.gate import (
    FIRM,
    STRATEGY_0,
    Gate,
    accepted,
    counter,
    holding,
    kinds,
    passed,
)


@pytest.fixture
def gate():
    return Gate()


# --- answers ----------------------------------------------------------------------------------------------------------


def test_a_pass_names_its_cause_and_carries_the_history(gate):
    first = gate.intent()
    second = gate.intent(strategy=1, instrument_id=1, side=codes.SIDE_SELL)
    assert gate.step() == 2
    orders = {int(order["intent_id"]): order for order in gate.orders()}
    assert set(orders) == {first, second} and gate.rejects(0) == gate.rejects(1) == []
    order = orders[second]
    assert (order["cause_ring"], order["cause_seq"], order["part"], order["parts"]) == (2, 0, 0, 1)
    assert (order["recv_stamp_ns"], order["tick_stamp_ns"], order["strategy_id"]) == (11, 22, 1)
    assert order["decide_stamp_ns"] <= order["pass_stamp_ns"] <= order["publish_stamp_ns"]
    assert orders[first]["order_id"] != order["order_id"] > 0
    decisions, _ = gate.decisions()
    assert sorted(decisions["order_id"]) == sorted(int(order["order_id"]) for order in orders.values())
    assert (decisions["code"] == codes.PASS).all() and (decisions["reference_ticks"] == 10_000).all()
    assert counter(gate, GATE_PASSED) == 2
    assert holding(gate, 0) == (0, 10, 0, 1) and holding(gate, 1) == (0, 0, 10, 1)


def test_a_reject_carries_the_numbers_and_is_journalled(gate):
    intent_id = gate.intent(qty_lots=1001)
    gate.step()
    (reject,) = gate.rejects()
    assert (reject["intent_id"], reject["code"]) == (intent_id, codes.REJECT_QTY_MAX)
    assert (reject["limit_value"], reject["found_value"], reject["limits_version"]) == (1000, 1001, 1)
    decisions, _ = gate.decisions()
    assert (decisions[0]["code"], decisions[0]["order_id"]) == (codes.REJECT_QTY_MAX, 0)
    assert counter(gate, GATE_REJECT_BASE + codes.REJECT_QTY_MAX - 10) == 1
    assert gate.orders() == [] and holding(gate) == (0, 0, 0, 0)


def test_the_same_intent_twice_gives_one_order(gate):
    gate.intent(intent_id=500)
    gate.intent(intent_id=500)
    gate.intent(intent_id=499)
    gate.step()
    assert kinds(gate.orders()) == ["new"]
    assert gate.codes() == [codes.REJECT_DUPLICATE, codes.REJECT_DUPLICATE]


def test_the_same_intent_id_of_two_strategies_gives_one_order(gate):
    gate.intent(0, intent_id=500)
    gate.step()
    gate.intent(1, intent_id=500)
    gate.step()
    assert len(gate.orders()) == 1 and gate.codes(1) == [codes.REJECT_DUPLICATE]


def test_an_expired_intent_is_answered_and_its_exact_expiry_passes(gate):
    gate.intent(expires_ns=gate.now_ns - 1)
    gate.intent(expires_ns=gate.now_ns)
    gate.step()
    assert gate.codes() == [codes.REJECT_EXPIRED] and len(gate.orders()) == 1


def test_an_intent_that_names_another_strategy_is_refused_and_noted(gate):
    gate.intent(0, strategy_id=1)
    gate.step()
    assert gate.codes(0) == [codes.REJECT_INSTRUMENT]
    assert gate.errors() == [ERROR_GATE_CORRUPT, ERROR_GATE_FOREIGN_INTENT]
    assert (gate.said(STRATEGY_0), gate.said(STRATEGY_0 + 1)) == (codes.STATE_HALTED, 0)


def test_an_instrument_outside_the_universe_is_refused(gate):
    parts_of(gate.state).allowed[0, 1] = 0
    for instrument in (1, 2, -1, 1 << 30):
        gate.intent(instrument_id=instrument)
    gate.step()
    assert gate.codes() == [codes.REJECT_INSTRUMENT] * 4


def test_unwritten_or_zero_limits_refuse_everything(gate):
    gate.limit(4, open_orders_max=0)
    gate.intent()
    gate.step()
    gate.write("limits", 4)
    gate.intent()
    gate.step()
    assert gate.codes() == [codes.REJECT_NO_LIMITS] * 2


def test_a_burst_before_any_answer_never_passes_the_position_limit(gate):
    for _ in range(60):
        gate.intent(qty_lots=50)
    gate.step(times=8)
    assert holding(gate)[1] == 2000
    assert set(gate.codes()) == {codes.REJECT_POSITION_MAX}


def test_message_rate_counts_only_what_passed_and_cancels_never(gate):
    gate.limit(2, rate_orders_max=2, rate_window_ns=100)
    intent_id = gate.intent()
    gate.intent(qty_lots=0)
    gate.intent()
    gate.intent()
    gate.cancel(intent_id)
    gate.step()
    assert kinds(gate.orders()) == ["new", "new", "cancel"]
    assert gate.codes() == [codes.REJECT_LOT_SIZE, codes.REJECT_RATE]
    gate.now_ns += 99
    gate.intent()
    gate.step()
    assert gate.codes() == [codes.REJECT_RATE]
    gate.now_ns += 1
    gate.intent()
    gate.step()
    assert len(gate.orders()) == 1


def test_rings_of_strategies_take_turns_and_a_step_is_bounded(gate):
    for _ in range(INTENT_BATCH + 4):
        gate.intent(0, qty_lots=1)
    gate.intent(1, qty_lots=1)
    assert gate.step() == INTENT_BATCH + 1
    assert {int(order["strategy_id"]) for order in gate.orders()} == {0, 1}
    assert gate.step() == 4


# --- cancels and replaces ---------------------------------------------------------------------------------------------


def test_a_cancel_names_its_order_and_a_second_one_is_answered(gate):
    intent_id, order = accepted(gate)
    gate.cancel(intent_id)
    gate.cancel(intent_id)
    gate.cancel(12345)
    gate.cancel(intent_id, strategy=1)
    gate.step()
    (cancel,) = gate.orders()
    assert (cancel["target_order_id"], cancel["order_id"], cancel["flags"]) == (order["order_id"], 0, 0)
    assert gate.codes(0) == [codes.REJECT_ALREADY_CANCELLING, codes.REJECT_UNKNOWN_TARGET]
    assert gate.codes(1) == [codes.REJECT_UNKNOWN_TARGET]
    assert holding(gate)[1] == 10, "exposure stays until the venue says otherwise"
    gate.report(codes.REPORT_CANCELED, order, leaves_lots=0)
    gate.step()
    assert holding(gate) == (0, 0, 0, 0)


def test_an_order_can_be_cancelled_before_any_answer_and_again_after_a_refusal(gate):
    intent_id = gate.intent()
    gate.cancel(intent_id)
    gate.step()
    new, _cancel = gate.orders()
    gate.report(codes.REPORT_CANCEL_REJECTED, new, leaves_lots=10)
    gate.cancel(intent_id)
    gate.step(times=2)
    assert kinds(gate.orders()) == ["cancel"]


def test_a_replace_in_flight_counts_the_greater_of_both_and_one_open_order(gate):
    intent_id, order = accepted(gate, qty_lots=50)
    second = gate.replace(intent_id, qty_lots=80)
    gate.step()
    (bigger,) = gate.orders()
    assert bigger["target_order_id"] == order["order_id"] and holding(gate) == (0, 80, 0, 1)
    gate.report(codes.REPORT_REPLACED, bigger, old_order_id=order["order_id"], leaves_lots=80)
    gate.replace(second, qty_lots=30)
    gate.step(times=2)
    (smaller,) = gate.orders()
    assert holding(gate) == (0, 80, 0, 1), "the old size can still trade"
    gate.report(codes.REPORT_REPLACED, smaller, old_order_id=bigger["order_id"], leaves_lots=30)
    gate.step()
    assert holding(gate) == (0, 30, 0, 1)


def test_a_replace_that_the_venue_refuses_leaves_its_order(gate):
    intent_id, order = accepted(gate, qty_lots=50)
    gate.replace(intent_id, qty_lots=80)
    gate.step()
    (bigger,) = gate.orders()
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=20, leaves_lots=30)
    gate.step()
    assert holding(gate) == (20, 60, 0, 1), "the total of a replace includes what has traded"
    gate.report(codes.REPORT_REJECTED, bigger)
    gate.step()
    assert holding(gate) == (20, 30, 0, 1)


def test_a_replace_keeps_side_and_instrument_and_needs_a_free_target(gate):
    intent_id, _order = accepted(gate)
    gate.replace(intent_id, side=codes.SIDE_SELL)
    gate.replace(intent_id, instrument_id=1)
    gate.replace(999)
    gate.replace(intent_id)
    gate.replace(intent_id)
    gate.step()
    assert kinds(gate.orders()) == ["replace"]
    unknown = codes.REJECT_UNKNOWN_TARGET
    assert gate.codes() == [codes.REJECT_SIDE, unknown, unknown, codes.REJECT_ALREADY_CANCELLING]


def test_new_orders_leave_the_headroom_of_the_order_ring_to_cancels():
    gate = Gate(ring=32, headroom=8)
    ids = [gate.intent(qty_lots=1) for _ in range(24)]
    gate.step(times=2)
    for _ in range(4):
        gate.intent(qty_lots=1)
    for intent_id in ids[:8]:
        gate.cancel(intent_id)
    gate.step(times=2)
    assert gate.codes() == [codes.REJECT_ORDERS_FULL] * 4
    gate.cancel(ids[8])
    assert gate.step() == 0, "without any slot a cancel waits in its ring"
    assert kinds(gate.orders()) == ["new"] * 24 + ["cancel"] * 8
    assert gate.step() == 1 and kinds(gate.orders()) == ["cancel"] and gate.codes() == []


def test_an_intent_whose_reject_has_no_room_stays_in_its_ring():
    gate = Gate(rejects=2)
    for _ in range(5):
        gate.intent(qty_lots=0)
    assert [gate.step(), gate.step()] == [2, 0]
    assert gate.codes() == [codes.REJECT_LOT_SIZE] * 2
    gate.step(times=1)
    assert gate.codes() == [codes.REJECT_LOT_SIZE] * 2
    gate.step()
    assert len(gate.codes()) == 1 and len(gate.decisions()[0]) == 5


def test_a_full_journal_refuses_new_orders_and_makes_cancels_wait():
    gate = Gate(journal=4)
    intent_id = gate.intent()
    for _ in range(4):
        gate.intent()
    gate.cancel(intent_id)
    assert gate.step(drain=False) == 5
    assert gate.codes() == [codes.REJECT_JOURNAL_FULL] and kinds(gate.orders()) == ["new"] * 4
    assert gate.step(drain=False) == 0
    journal_drain(gate.journal[0])
    assert gate.step() == 1 and kinds(gate.orders()) == ["cancel"]


# --- reduces ----------------------------------------------------------------------------------------------------------


def test_a_reduce_keeps_its_order_and_all_its_exposure_until_the_venue_answers(gate):
    intent_id, order = accepted(gate, qty_lots=50)
    gate.reduce(intent_id, 20)
    gate.step()
    (reduce,) = gate.orders()
    assert (reduce["kind"], reduce["qty_lots"], reduce["order_id"]) == (codes.INTENT_REDUCE, 20, 0)
    assert (reduce["target_order_id"], reduce["target_intent_id"]) == (order["order_id"], intent_id)
    assert holding(gate) == (0, 50, 0, 1) and counter(gate, GATE_REDUCES) == 1
    gate.report(codes.REPORT_CANCELED, order, qty_lots=30, leaves_lots=20)
    gate.step()
    assert holding(gate) == (0, 20, 0, 1)
    assert gate.exposure.firm[0]["value_buy"] == 20 * 10_000 * 100
    gate.reduce(intent_id, 20)
    gate.reduce(intent_id, 19)
    gate.step()
    assert gate.codes() == [codes.REJECT_REDUCE_SIZE] and len(gate.orders()) == 1


REDUCES = """
what                    before it                             size  -> answer
----------------------  ------------------------------------  ----  -> ---------------------------
one less                accepted                              9     -> PASS
the least               accepted                              1     -> PASS
the same                accepted                              10    -> REJECT_REDUCE_SIZE
more                    accepted                              11    -> REJECT_REDUCE_SIZE
nothing                 accepted                              0     -> REJECT_REDUCE_SIZE
negative                accepted                              -5    -> REJECT_REDUCE_SIZE
below what executed     accepted executed                     3     -> PASS
not yet working         nothing                               5     -> REJECT_UNKNOWN_TARGET
being cancelled         accepted cancelled                    5     -> REJECT_ALREADY_CANCELLING
being reduced           accepted reduced                      5     -> REJECT_ALREADY_CANCELLING
reduced, answered       accepted reduced answered             5     -> PASS
reduced, refused        accepted reduced refused              5     -> PASS
being replaced          accepted replaced                     5     -> REJECT_ALREADY_CANCELLING
closed                  accepted closed                       5     -> REJECT_UNKNOWN_TARGET
cancel only             accepted CANCEL_ONLY                  5     -> PASS
halted                  accepted HALTED                       5     -> PASS
expired long ago        accepted late                         5     -> PASS
"""


@pytest.mark.parametrize("line", REDUCES.strip().splitlines()[2:])
def test_a_reduce_passes_whenever_a_cancel_does_and_only_to_less(gate, line):
    left, answer = line.split("->")
    *before, size = left[24:].split()
    intent_id, order = passed(gate)
    happen = dict(
        nothing=lambda: None,
        accepted=lambda: gate.report(codes.REPORT_ACCEPTED, order, leaves_lots=10),
        executed=lambda: gate.report(codes.REPORT_EXECUTED, order, qty_lots=4, leaves_lots=6),
        cancelled=lambda: gate.cancel(intent_id),
        reduced=lambda: gate.reduce(intent_id, 8),
        answered=lambda: gate.report(codes.REPORT_CANCELED, order, qty_lots=2, leaves_lots=8),
        refused=lambda: gate.report(codes.REPORT_CANCEL_REJECTED, order, leaves_lots=10),
        replaced=lambda: gate.replace(intent_id),
        closed=lambda: gate.report(codes.REPORT_CANCELED, order, qty_lots=10, leaves_lots=0),
        CANCEL_ONLY=lambda: control_set(gate.operator[0], FIRM, codes.STATE_CANCEL_ONLY),
        HALTED=lambda: control_set(gate.operator[0], FIRM, codes.STATE_HALTED),
        late=lambda: None,
    )
    for name in before:
        happen[name]()
        if name not in ("CANCEL_ONLY", "HALTED"):
            gate.step()
    gate.orders()
    gate.reduce(intent_id, int(size), expires_ns=gate.now_ns - 1)
    gate.step()
    found = gate.codes() or [codes.PASS]
    assert found == [getattr(codes, answer.strip())], line
    wanted = ["reduce"] if found == [codes.PASS] else []
    assert kinds([order for order in gate.orders() if not order["flags"] & ORDER_FLAG_GATE]) == wanted


def test_a_cancel_passes_while_a_reduce_is_on_its_way_and_another_strategy_cannot_reduce(gate):
    intent_id, order = accepted(gate)
    gate.reduce(intent_id, 5)
    gate.reduce(intent_id, 5, strategy=1)
    gate.cancel(intent_id)
    gate.step(times=2)
    assert kinds(gate.orders()) == ["reduce", "cancel"] and gate.codes(1) == [codes.REJECT_UNKNOWN_TARGET]
    gate.report(codes.REPORT_CANCELED, order, qty_lots=5, leaves_lots=5)
    gate.cancel(intent_id)
    gate.step(times=2)
    assert gate.codes() == [codes.REJECT_ALREADY_CANCELLING], "what the reduce left is still being cancelled"

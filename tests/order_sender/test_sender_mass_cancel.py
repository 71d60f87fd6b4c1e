"""Mass cancel: one message for many cancels, and cancels one by one wherever it is not allowed, refused or unanswered."""

import pytest

from procs.order_sender.mass_cancel import MASS_ANSWER_NS, MASS_CANCEL_MIN, MASS_PAUSE_NS
from shm.codes import REPORT_ACCEPTED, REPORT_CANCELED, STATE_ACTIVE, STATE_CANCEL_ONLY, STATE_HALTED
from shm.control import SCOPE_FIRM, control_instrument_scope, control_session_scope, control_set, control_strategy_scope
from shm.counters import SENDER_CANCELS_SENT, SENDER_MASS_CANCELS
from shm.error_log import ERROR_SENDER_MASS_CANCEL
from shm.records.control_end import CONTROL_OPERATOR
from shm.scratch import scratch_control_as
from tests.support.sender_bench import SYMBOLS, SenderBench

ORDERS = 12
CYCLES = 600  # a halt by instrument or strategy is found a part of the table at a time


@pytest.fixture
def bench():
    bench = SenderBench(report_capacity=512, journal_capacity=2048, firm="QNTT").ready()
    bench.mine = [bench.new(instrument=k % 2, strategy=k % 2) for k in range(ORDERS)]
    bench.settle()
    assert open_orders(bench) == ORDERS
    return bench


def open_orders(bench):
    return int(bench.state.desk[0]["orders_open"])


def messages(bench, kind):
    return [message for message in bench.venue.received if message[0] == kind]


def operator_says(bench, state, scope="firm"):
    operator = scratch_control_as(bench.control, CONTROL_OPERATOR)[0]
    scopes = {
        "firm": SCOPE_FIRM,
        "session": control_session_scope(operator, 0),
        "strategy": control_strategy_scope(operator, 0),
        "instrument": control_instrument_scope(operator, 0),
    }
    control_set(operator, scopes[scope], state)


def wait_for_no_orders(bench, left=0):
    for _ in range(CYCLES):
        bench.cycle()
        if open_orders(bench) == left:
            break
    bench.settle()
    assert open_orders(bench) == left


@pytest.mark.parametrize(
    ("scope", "state", "symbol", "left"),
    [
        ("firm", STATE_HALTED, "", 0),
        ("firm", STATE_CANCEL_ONLY, "", 0),
        ("session", STATE_HALTED, "", 0),
        ("session", STATE_CANCEL_ONLY, "", 0),
        ("instrument", STATE_HALTED, SYMBOLS[0], ORDERS // 2),
    ],
)
def test_a_stop_pulls_its_scope_with_one_message(bench, scope, state, symbol, left):
    operator_says(bench, state, scope)
    wait_for_no_orders(bench, left)
    assert [message[2:] for message in messages(bench, "C")] == [("QNTT", symbol)]
    assert messages(bench, "X") == []
    assert bench.counter(SENDER_MASS_CANCELS) >= 1
    for order in bench.mine:
        kinds = [report["kind"] for report in bench.told(order)]
        assert kinds == [REPORT_ACCEPTED, REPORT_CANCELED] or (left and kinds == [REPORT_ACCEPTED])
    assert bench.errors() == {}


def test_a_strategy_is_no_scope_of_the_venue_and_is_cancelled_one_by_one(bench):
    operator_says(bench, STATE_HALTED, "strategy")
    wait_for_no_orders(bench, ORDERS // 2)
    assert messages(bench, "C") == [] and len(messages(bench, "X")) == ORDERS // 2


def test_the_gates_cancels_of_everything_that_is_open_become_one_message(bench):
    for order in bench.mine:
        bench.cancel(order)
    bench.settle()
    assert open_orders(bench) == 0
    assert len(messages(bench, "C")) == 1 and messages(bench, "X") == []


def test_the_gates_cancels_of_a_part_go_one_by_one(bench):
    for order in bench.mine[1:]:
        bench.cancel(order)
    bench.settle()
    assert open_orders(bench) == 1
    assert messages(bench, "C") == [] and len(messages(bench, "X")) == ORDERS - 1


def test_fewer_than_it_pays_for_go_one_by_one():
    bench = SenderBench(firm="QNTT").ready()
    orders = [bench.new() for _ in range(MASS_CANCEL_MIN - 1)]
    bench.settle()
    for order in orders:
        bench.cancel(order)
    bench.settle()
    assert messages(bench, "C") == [] and len(messages(bench, "X")) == MASS_CANCEL_MIN - 1


def test_a_gate_that_cancels_what_a_mass_cancel_covers_adds_no_message(bench):
    operator_says(bench, STATE_HALTED)
    bench.step()
    assert bench.waiting() == 22
    for order in bench.mine:
        bench.cancel(order)
    for _ in range(3):
        bench.step()
    assert bench.waiting() == 22
    bench.settle()
    assert open_orders(bench) == 0 and messages(bench, "X") == []


def test_a_refusal_is_counted_and_everything_is_cancelled_one_by_one(bench):
    bench.venue.mass_answer = "J"
    for order in bench.mine:
        bench.cancel(order)
    wait_for_no_orders(bench)
    assert len(messages(bench, "C")) == 1 and len(messages(bench, "X")) == ORDERS
    assert bench.errors() == {ERROR_SENDER_MASS_CANCEL: 1}
    more = [bench.new() for _ in range(ORDERS)]
    bench.settle()
    for order in more:
        bench.cancel(order)
    bench.settle()
    assert len(messages(bench, "C")) == 1, "who refuses once is not asked again"


@pytest.mark.parametrize("how", ["gate", "halt"])
def test_no_answer_in_time_means_one_by_one(bench, how):
    bench.venue.mass_answer = ""
    if how == "gate":
        for order in bench.mine:
            bench.cancel(order)
    else:
        operator_says(bench, STATE_HALTED)
    for _ in range(20):
        bench.cycle()
    assert open_orders(bench) == ORDERS, "its answer is waited for"
    bench.state.desk[0]["mass_stamp_ns"] -= MASS_ANSWER_NS + 1
    wait_for_no_orders(bench)
    assert len(messages(bench, "C")) == 1 and len(messages(bench, "X")) == ORDERS
    assert bench.errors() == {ERROR_SENDER_MASS_CANCEL: 1}


def test_what_the_venue_leaves_open_is_cancelled_one_by_one(bench):
    everything = bench.venue.mass_cancel
    bench.venue.mass_cancel = lambda ref, firm, symbol: everything(ref, firm, SYMBOLS[0].ljust(8).encode())
    operator_says(bench, STATE_HALTED)
    wait_for_no_orders(bench)
    assert len(messages(bench, "C")) == 1 and len(messages(bench, "X")) == ORDERS // 2


def test_after_a_while_it_may_be_used_again(bench):
    for order in bench.mine:
        bench.cancel(order)
    bench.settle()
    for shift_ns, wanted in ((0, 1), (MASS_PAUSE_NS, 2)):
        orders = [bench.new() for _ in range(ORDERS)]
        bench.settle()
        bench.state.desk[0]["mass_stamp_ns"] -= shift_ns
        for order in orders:
            bench.cancel(order)
        bench.settle()
        assert open_orders(bench) == 0
        assert len(messages(bench, "C")) == wanted


def test_a_lost_session_or_a_crash_forgets_it_and_asks_again(bench):
    for end in (bench.lose, bench.restart):
        if open_orders(bench) == 0:
            bench.mine = [bench.new() for _ in range(ORDERS)]
            bench.settle()
            bench.state.desk[0]["mass_stamp_ns"] -= MASS_PAUSE_NS
        for order in bench.mine:
            bench.cancel(order)
        bench.step()
        assert bench.waiting() == 22
        end()
        bench.ready()
        wait_for_no_orders(bench)
    assert {ERROR_SENDER_MASS_CANCEL} & set(bench.errors()) == set()


def test_numbers_on_the_wire_only_grow_though_orders_wait_when_everything_is_cancelled(bench):
    bench.new()
    bench.step()  # encoded, not sent
    assert bench.waiting() == 50
    for order in bench.mine:
        bench.cancel(order)
    bench.step()
    bench.new()
    bench.settle()
    numbers = [message[1] for message in bench.venue.received if message[0] in "OC"]
    assert numbers == sorted(set(numbers))
    assert open_orders(bench) == 2


def test_orders_entered_after_it_live(bench):
    for order in bench.mine:
        bench.cancel(order)
    young = bench.new()
    bench.settle()
    assert len(messages(bench, "C")) == 1
    assert bench.told(young)[-1]["kind"] == REPORT_ACCEPTED
    bench.cancel(young)
    bench.settle()
    assert bench.told(young)[-1]["kind"] == REPORT_CANCELED
    assert len(messages(bench, "X")) == 1


def test_without_a_firm_there_is_none(bench):
    bench = SenderBench(report_capacity=512, journal_capacity=2048).ready()
    orders = [bench.new() for _ in range(ORDERS)]
    bench.settle()
    before = bench.counter(SENDER_CANCELS_SENT)
    for order in orders:
        bench.cancel(order)
    bench.settle()
    assert open_orders(bench) == 0 and messages(bench, "C") == []
    assert bench.counter(SENDER_CANCELS_SENT) == before + ORDERS


def test_a_stop_that_is_taken_back_lets_trading_go_on(bench):
    operator_says(bench, STATE_CANCEL_ONLY)
    wait_for_no_orders(bench)
    operator_says(bench, STATE_ACTIVE)
    order = bench.new()
    bench.settle()
    assert bench.told(order)[-1]["kind"] == REPORT_ACCEPTED

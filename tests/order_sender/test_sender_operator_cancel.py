"""`quintet cancel` inside order_sender: every combination of filters ends exactly what it names, in every phase."""

import ctypes
import itertools

import numpy as np
import pytest

from procs.order_sender.life_cycle import ORDER_STATE_CLOSED, ORDER_STATE_UNKNOWN
from procs.order_sender.state import arrays_of
from shm.codes import REPORT_CANCELED, REPORT_EXPIRED, SIDE_BUY, SIDE_SELL
from shm.control_words import ControlWords, ScopeNames
from shm.counters import SENDER_ASKED, SENDER_ASKED_ORDERS
from shm.records.control_end import CONTROL_WORDS_OFFSET, control_bytes
from tests.support.sender_bench import SYMBOLS, SenderBench

STRATEGIES, INSTRUMENTS, SIDES = (0, 1), (0, 1), (SIDE_BUY, SIDE_SELL)
EVERY = list(itertools.product((-1, *STRATEGIES), (-1, *INSTRUMENTS), (0, *SIDES)))
SIZES = (3, 1, len(STRATEGIES), len(SYMBOLS))  # writers, sessions, strategies, instruments of the bench


class Operator:
    """The cold side of the control object that the bench's order_sender reads."""

    def __init__(self, bench):
        start = int(bench.control[0]["words_addr"]) - CONTROL_WORDS_OFFSET
        memory = (ctypes.c_char * control_bytes(*SIZES)).from_address(start)
        scopes = ScopeNames(["session"], ["one", "two"], list(SYMBOLS))
        self.words = ControlWords(memory, ["operator", "monitor", "order_sender"], scopes)

    def cancel(self, strategy=-1, instrument=-1, side=0):
        return self.words.operator_cancel(0, strategy, instrument, side)


@pytest.fixture
def bench():
    return SenderBench(report_capacity=512, journal_capacity=1024).ready()


def enter_all(bench):
    """One order of each strategy, instrument and side: {(strategy, instrument, side): order id}."""
    orders = {}
    for strategy, instrument, side in itertools.product(STRATEGIES, INSTRUMENTS, SIDES):
        orders[strategy, instrument, side] = bench.new(strategy=strategy, instrument=instrument, side=side)
    return orders


def meant(orders, strategy, instrument, side):
    """Oracle: the order ids that the filters name."""
    return {
        order
        for (of, where, which), order in orders.items()
        if strategy in (-1, of) and instrument in (-1, where) and side in (0, which)
    }


def live(bench, orders):
    """Order ids that the venue still has."""
    return {order for order in orders.values() if bench.venue.orders[bench.ref(order)].live}


@pytest.mark.parametrize(("strategy", "instrument", "side"), EVERY)
def test_exactly_what_is_named_ends_by_the_venues_ledger(bench, strategy, instrument, side):
    orders = enter_all(bench)
    bench.settle()
    generation = Operator(bench).cancel(strategy, instrument, side)
    bench.settle()
    named = meant(orders, strategy, instrument, side)
    assert live(bench, orders) == set(orders.values()) - named
    assert (bench.counter(SENDER_ASKED), bench.counter(SENDER_ASKED_ORDERS)) == (generation, len(named))
    later = bench.new(strategy=max(0, strategy), instrument=max(0, instrument), side=side or SIDE_BUY)
    bench.settle()
    assert bench.venue.orders[bench.ref(later)].live, "orders that come afterwards are not meant"


def test_what_is_held_or_waits_dies_unsent_and_only_that(bench):
    first = bench.new()
    bench.step()  # encoded, and the socket takes nothing
    held = {side: bench.new(side=side) for side in SIDES}
    bench.step()  # behind left-over bytes: held
    Operator(bench).cancel(side=SIDE_BUY)
    bench.step()
    bench.settle()
    assert bench.told(first)[-1]["kind"] == bench.told(held[SIDE_BUY])[-1]["kind"] == REPORT_EXPIRED
    assert [message[0] for message in bench.venue.received if message[0] != "Q"] == ["O"]
    assert bench.venue.orders[bench.ref(held[SIDE_SELL])].live


def test_a_word_is_done_once_and_a_successor_does_not_repeat_it(bench):
    orders = enter_all(bench)
    bench.settle()
    Operator(bench).cancel(side=SIDE_BUY)
    bench.settle()
    again = bench.new(side=SIDE_BUY)
    bench.settle()
    bench.restart()
    bench.ready().settle()
    assert bench.venue.orders[bench.ref(again)].live
    assert live(bench, orders) == {order for (_, _, side), order in orders.items() if side == SIDE_SELL}


@pytest.mark.parametrize("cycles", [0, 1])
def test_a_word_for_a_process_that_dies_before_or_after_reading_it_is_done_by_the_next(bench, cycles):
    orders = enter_all(bench)
    bench.settle()
    Operator(bench).cancel(strategy=1)
    for _ in range(cycles):
        bench.step()  # read and journalled, no byte has left
    bench.restart()
    bench.ready().settle()
    assert live(bench, orders) == set(orders.values()) - meant(orders, 1, -1, 0)


def test_without_a_session_it_is_remembered_and_orders_of_unknown_fate_are_meant_too(bench):
    bench.venue.auto = False
    order = bench.new()
    bench.settle()
    bench.lose()
    for _ in range(40):
        bench.step()
    assert bench.row(order)["state"] == ORDER_STATE_UNKNOWN
    Operator(bench).cancel()
    bench.step()
    bench.venue.accept(bench.ref(order))
    bench.venue.auto = True
    bench.ready().settle()
    assert bench.row(order)["state"] == ORDER_STATE_CLOSED
    assert bench.told(order)[-1]["kind"] == REPORT_CANCELED and not bench.venue.orders[bench.ref(order)].live


def test_an_order_that_is_being_cancelled_is_not_asked_twice(bench):
    bench.venue.auto = False
    order = bench.new()
    bench.settle()
    bench.venue.accept(bench.ref(order))
    bench.settle()
    bench.cancel(order)
    bench.settle()
    Operator(bench).cancel()
    bench.settle()
    assert [message[0] for message in bench.venue.received].count("X") == 1
    assert bench.counter(SENDER_ASKED_ORDERS) == 0


def test_everything_at_once_is_one_mass_cancel_where_the_venue_has_it():
    bench = SenderBench(report_capacity=512, journal_capacity=1024, firm="TEST").ready()
    orders = enter_all(bench)
    bench.settle()
    Operator(bench).cancel()
    bench.settle()
    assert live(bench, orders) == set()
    assert [message[0] for message in bench.venue.received if message[0] in "XC"] == ["C"]
    rows = arrays_of(bench.state).rows
    assert np.all(rows["state"][rows["order_id"] != 0] == ORDER_STATE_CLOSED)

"""Random inputs through the compiled engine and the plain-Python oracle: same books, same answers, same ledger."""

import random

import numpy as np
import pytest

from procs.venue.book import BOOKS, EVENT_EXECUTE, FAILED_POOL, best_price, book_orders, check, prepare_books
from procs.venue.input_log import LOG, logged, prepare_log
from procs.venue.inputs import (
    input_cancel,
    input_cross,
    input_enter,
    input_hit,
    input_print,
    input_reduce,
    input_replace,
)
from procs.venue.ledger import LEDGERS, RULE, account, ledger_apply, ledger_publish, prepare_ledger
from procs.venue.matching import TIF_HISTORY
from shm.codes import SIDE_BUY, SIDE_SELL, TIF_DAY, TIF_IOC
from shm.jit import JIT_OFF
from shm.records.ledger import LEDGER
from shm.scratch import scratch_table
from tests.oracles.matching import MatchingOracle
from tests.oracles.position import Fee

pytestmark = pytest.mark.timeout(300)  # a busy machine compiles for minutes

INSTRUMENTS = 3
ROUNDS = 600 if JIT_OFF else 6000
MONEY = ("position_lots", "bought_lots", "sold_lots", "bought_micro", "sold_micro", "fees_micro", "fills")
MONEY += ("added_lots", "added_micro", "added_fees_micro")
ADDED = (Fee(-2000), Fee(0, -1113), Fee(7, 55, 900))
REMOVED = (Fee(3000), Fee(3, 2787), Fee(3000, 0, 50_000))


def make_books(instruments, **limits):
    books = np.zeros(1, BOOKS)[0]
    prepare_books(books, instruments, **limits)
    return books


def make_log():
    log = np.zeros(1, LOG)[0]
    prepare_log(log)
    return log


def make_rules():
    rules = np.zeros(INSTRUMENTS, RULE)
    rules["unit_micro"] = [100, 100, 5000]
    for name, rates in (("fee_added", ADDED), ("fee_removed", REMOVED)):
        rules[name] = [rate.per_lot for rate in rates]
        rules[f"{name}_e8"] = [rate.e8 for rate in rates]
        rules[f"{name}_least"] = [rate.least for rate in rates]
    return rules


def random_input(rng, books, log):
    """One random input; references are live ones, dead ones and invented ones."""
    instrument = rng.randrange(INSTRUMENTS)
    side = rng.choice((SIDE_BUY, SIDE_SELL))
    price = 10_000 + rng.randrange(-12, 13) * 100 + (100 if side == SIDE_SELL else 0)
    qty = rng.randrange(1, 30)
    ref = rng.randrange(1, int(books["words"]["next_ref"]) + 2)
    if rng.random() < 0.5 and len(orders := np.flatnonzero(books["orders"]["ref"])):
        ref = int(books["orders"]["ref"][rng.choice(orders)])
    pick = rng.random()
    if pick < 0.45:
        tif = rng.choice((TIF_DAY, TIF_DAY, TIF_IOC, TIF_HISTORY))
        owner = 0 if tif == TIF_HISTORY else rng.choice((0, 0, 1, 2))
        return input_enter(books, log, instrument, side, price, qty, tif + 8 * owner, rng.randrange(1, 1000))
    if pick < 0.60:
        return input_cancel(books, log, ref)
    if pick < 0.70:
        return input_reduce(books, log, ref, rng.randrange(0, 20))
    if pick < 0.82:
        return input_replace(books, log, ref, price, qty, rng.randrange(1, 1000), rng.choice((TIF_DAY, TIF_HISTORY)))
    if pick < 0.94:
        fits = _names_the_other_side(books, ref, instrument, side)
        return input_hit(books, log, ref, qty, instrument, side, price) if fits else 0
    if pick < 0.97:
        return input_cross(books, log, ref, qty, price)
    return input_print(books, log, instrument, side, price, qty)


def _names_the_other_side(books, ref, instrument, side):
    """History names a resting order of that instrument and the other side, or one that is gone."""
    at = np.flatnonzero(books["orders"]["ref"] == ref)
    if len(at) == 0:
        return True
    order = books["orders"][at[0]]
    return order["instrument"] == instrument and order["side"] != side


@pytest.mark.parametrize("seed", [1, 20261, 77])
def test_random_inputs_give_the_oracles_books_answers_and_ledger(seed):
    print("seed", seed)
    rng = random.Random(seed)
    rules = make_rules()
    books, log = make_books(INSTRUMENTS), make_log()
    ledger = np.zeros(1, LEDGERS)[0]
    prepare_ledger(ledger, rules, scratch_table(LEDGER, INSTRUMENTS))
    for round_number in range(ROUNDS):
        books["words"]["now_ns"] = round_number + 1
        random_input(rng, books, log)
        for row in range(int(books["words"]["events"])):
            ledger_apply(ledger, books["events"][row])
        books["words"]["events"] = 0
        if round_number % 50 == 0:
            check(books)
    check(books)
    oracle = MatchingOracle(rules["unit_micro"].tolist(), ADDED, REMOVED)
    oracle.replay(logged(log))
    for instrument in range(INSTRUMENTS):
        for side in (SIDE_BUY, SIDE_SELL):
            assert book_orders(books, instrument, side) == oracle.rows(instrument, side), (seed, instrument, side)
        for owner in (1, 2):
            row = ledger["rows"][account(ledger, owner, instrument)]
            expected = oracle.accounts[owner, instrument]
            assert {name: int(row[name]) for name in MONEY} == {name: getattr(expected, name) for name in MONEY}, seed
            resting = [(order.owner, order.instrument) for order in oracle.orders.values()]
            assert row["orders_open"] == resting.count((owner, instrument))
    assert len(oracle.trades) > ROUNDS // 10
    assert ledger_publish(ledger) == INSTRUMENTS


def test_an_aggressor_takes_the_best_price_first_and_the_oldest_order_at_it():
    books, log = make_books(1), make_log()
    first = input_enter(books, log, 0, SIDE_SELL, 10_100, 5, TIF_DAY, 0)
    second = input_enter(books, log, 0, SIDE_SELL, 10_100, 5, TIF_DAY, 0)
    better = input_enter(books, log, 0, SIDE_SELL, 10_000, 5, TIF_DAY, 0)
    books["words"]["events"] = 0
    input_enter(books, log, 0, SIDE_BUY, 10_100, 12, TIF_IOC + 8, 77)
    events = books["events"][: int(books["words"]["events"])]
    assert [(event["ref"], event["price"], event["qty"]) for event in events] == [
        (better, 10_000, 5),
        (first, 10_100, 5),
        (second, 10_100, 2),
    ]
    assert set(events["kind"]) == {EVENT_EXECUTE}
    assert set(events["other_user_ref"]) == {77}
    assert book_orders(books, 0, SIDE_SELL) == [(10_100, second, 3, 0)]


def test_history_hits_our_order_first_only_where_ours_has_priority():
    books, log = make_books(1), make_log()
    older = input_enter(books, log, 0, SIDE_BUY, 10_000, 4, TIF_DAY + 8, 1)
    named = input_enter(books, log, 0, SIDE_BUY, 10_000, 10, TIF_HISTORY, 0)
    younger = input_enter(books, log, 0, SIDE_BUY, 10_000, 4, TIF_DAY + 8, 2)
    assert input_hit(books, log, named, 10, 0, SIDE_SELL, 10_000) == 0
    assert book_orders(books, 0, SIDE_BUY) == [(10_000, named, 4, 0), (10_000, younger, 4, 1)]
    assert older not in [row[1] for row in book_orders(books, 0, SIDE_BUY)]
    better = input_enter(books, log, 0, SIDE_BUY, 10_100, 3, TIF_DAY + 8, 3)
    assert input_hit(books, log, named, 2, 0, SIDE_SELL, 10_000) == 0
    assert book_orders(books, 0, SIDE_BUY)[0] == (10_100, better, 1, 1)


def test_a_full_pool_refuses_and_changes_nothing():
    books, log = make_books(1, orders=4, levels=2), make_log()
    assert input_enter(books, log, 0, SIDE_BUY, 100, 1, TIF_DAY, 0) == 1
    assert input_enter(books, log, 0, SIDE_BUY, 200, 1, TIF_DAY, 0) == 2
    assert input_enter(books, log, 0, SIDE_BUY, 300, 1, TIF_DAY, 0) == FAILED_POOL
    assert input_enter(books, log, 0, SIDE_BUY, 200, 1, TIF_DAY, 0) == 3
    assert input_enter(books, log, 0, SIDE_BUY, 100, 1, TIF_DAY, 0) == 4
    assert input_enter(books, log, 0, SIDE_BUY, 100, 1, TIF_DAY, 0) == FAILED_POOL
    check(books)
    assert best_price(books, 0, SIDE_BUY) == 200
    assert best_price(books, 0, SIDE_SELL) == 0

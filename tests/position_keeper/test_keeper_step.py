"""The position_keeper step on scratch memory: exactly once, whatever dies, and whoever is behind."""

import random

import pytest

from procs.position_keeper.accounts import check
from procs.position_keeper.state import MARK_EVERY_NS, SNAPSHOT_EVERY_NS
from shm.codes import (
    EXIT_CATCH_UP,
    LIQUIDITY_REMOVED,
    REPORT_ACCEPTED,
    REPORT_BROKEN,
    REPORT_EXECUTED,
    SIDE_BUY,
    SIDE_SELL,
)
from shm.error_log import ERROR_REPORT_ROW, ERROR_REPORT_VALUE
from shm.jit import JIT_OFF
from shm.journal import journal_drain
from shm.records.error_row import ERROR_ROW
from tests.oracles.position import Account, Execution, Fee
from tests.support.keeper_bench import KeeperBench

FEES = {"added": -2000, "removed": 3000}
UNIT = 100


@pytest.fixture
def bench():
    return KeeperBench()


def trade(bench, lots=10, side=SIDE_BUY, price=1_000_000, **fields):
    bench.report(REPORT_EXECUTED, side, qty_lots=lots, price_ticks=price, match_number=bench.report_seq + 1, **fields)


def test_fill_moves_the_position_and_names_the_report(bench):
    bench.report(REPORT_ACCEPTED, qty_lots=10, price_ticks=1_000_000)
    bench.top(999_900, 1_000_300)
    trade(bench)
    bench.step()
    held, pnl = bench.position(), bench.pnl()
    check(held)
    assert (held["position_lots"], held["cost_micro"], held["reports_seq"]) == (10, 1_000_000_000, 2)
    assert held["fees_micro"] == 10 * FEES["added"]
    assert held["spread_micro"] == 10 * 100 * UNIT
    assert (pnl["mark_half_ticks"], pnl["unrealised_micro"], pnl["reports_seq"]) == (2_000_200, 100_000, 2)
    assert bench.fills() == [2]


def test_report_without_trade_moves_only_the_sequence(bench):
    bench.report(REPORT_ACCEPTED, qty_lots=10, price_ticks=1_000_000, instrument_id=2)
    bench.step()
    assert bench.position(2)["reports_seq"] == 1 and bench.position(2)["fills"] == 0
    assert bench.fills() == []


def test_same_report_twice_is_applied_once(bench):
    trade(bench)
    bench.report_seq -= 1
    trade(bench)
    bench.step()
    assert bench.position()["position_lots"] == 10


def test_marks_follow_the_mid_at_most_every_interval(bench):
    bench.top(999_900, 1_000_100)
    trade(bench)
    bench.step(now_ns=1)
    bench.top(999_800, 1_000_000)
    bench.step(now_ns=2)
    assert bench.pnl()["unrealised_micro"] == 0
    bench.step(now_ns=1 + MARK_EVERY_NS)
    assert bench.pnl()["unrealised_micro"] == -10 * 100 * UNIT
    bench.top(0, 1_000_000)
    bench.step(now_ns=2 + 2 * MARK_EVERY_NS)
    assert bench.pnl()["mark_half_ticks"] == 1_999_800  # an empty side is no mid: the last mark stays


def test_impossible_reports_are_counted_and_passed_over(bench):
    trade(bench, strategy_id=7)
    trade(bench, lots=-5)
    trade(bench, price=0)
    trade(bench, side=9)
    bench.report(REPORT_ACCEPTED, instrument_id=-1)
    trade(bench)
    bench.step()
    assert bench.position()["position_lots"] == 10
    errors = bench.state.me[0]["errors_addr"]
    import ctypes

    import numpy as np

    rows = np.frombuffer((ctypes.c_char * (64 * 4)).from_address(int(errors)), ERROR_ROW)
    assert {ERROR_REPORT_ROW, ERROR_REPORT_VALUE} <= set(rows["code"].tolist())


@pytest.mark.parametrize(
    "undone",
    [
        ("journal", "row 0", "row 1", "head"),
        ("row 0", "row 1", "head"),
        ("row 1", "head"),
        ("head",),
        (),
    ],
)
def test_crash_anywhere_in_a_step_applies_nothing_twice_and_loses_nothing(bench, undone):
    trade(bench, lots=3)
    bench.step()
    before = bench.remember()
    trade(bench, lots=10)
    trade(bench, lots=5, side=SIDE_SELL, instrument_id=1)
    bench.step()
    bench.put_back(before, undone)
    bench.start()
    bench.step()
    trade(bench, lots=1)
    bench.step()
    assert bench.resumed_in_same_life
    assert bench.position(0)["position_lots"] == 14 and bench.position(0)["fills"] == 3
    assert bench.position(1)["position_lots"] == -5 and bench.position(1)["fills"] == 1
    assert sorted(bench.fills()) == [1, 2, 3, 4]


def test_new_life_of_the_fabric_rebuilds_from_the_journals():
    bench = KeeperBench()
    empty = bench.remember()
    for lots in (10, 20, 30):
        trade(bench, lots=lots)
    bench.step()
    bench.report(REPORT_ACCEPTED, instrument_id=1)
    bench.step(now_ns=SNAPSHOT_EVERY_NS)
    trade(bench, lots=5, side=SIDE_SELL, ring=False)  # journalled by order_sender, never seen by the old keeper
    rows = [name for name in empty if name.startswith("row")]
    bench.put_back({name: bytes(len(empty[name])) for name in rows}, rows)
    bench.start()
    assert not bench.resumed_in_same_life
    held = bench.position()
    check(held)
    assert (held["position_lots"], held["fills"], held["reports_seq"]) == (55, 4, 5)
    assert bench.position(1)["reports_seq"] == 4
    assert bench.fills() == [1, 2, 3, 5]


def test_reader_behind_reads_the_journal_then_the_ring_again():
    bench = KeeperBench(reports=4)
    for _ in range(10):
        trade(bench, lots=1)
    bench.step()
    assert bench.position()["position_lots"] == 4
    assert bench.state.exit_request[0] == EXIT_CATCH_UP
    bench.catch_up()
    bench.forgive()
    assert bench.position()["position_lots"] == 10
    trade(bench, lots=1)
    bench.step()
    assert bench.position()["position_lots"] == 11 and bench.state.exit_request[0] == 0
    assert bench.fills() == list(range(1, 12))


def test_gap_in_the_stream_is_not_applied_over(bench):
    trade(bench, lots=1)
    trade(bench, lots=2, ring=False)
    trade(bench, lots=4)
    bench.step()
    assert bench.position()["position_lots"] == 1 and bench.state.exit_request[0] == EXIT_CATCH_UP
    bench.catch_up()
    bench.step()
    assert bench.position()["position_lots"] == 7 and bench.fills() == [1, 2, 3]


def test_full_journal_stops_the_stream_until_there_is_room():
    bench = KeeperBench(journal=4)
    for _ in range(6):
        trade(bench, lots=1)
    bench.step()
    assert bench.position()["position_lots"] == 4
    journal_drain(bench.state.journal[0])
    bench.step()
    assert bench.position()["position_lots"] == 6


def test_broken_trade_is_undone_with_the_fee_of_its_own_fill(bench):
    trade(bench, lots=10, liquidity=LIQUIDITY_REMOVED)
    number = bench.report_seq
    trade(bench, lots=4, side=SIDE_SELL, price=1_010_000)
    bench.report(REPORT_BROKEN, SIDE_BUY, qty_lots=10, price_ticks=1_000_000, match_number=number, liquidity=0)
    bench.step()
    assert bench.position()["position_lots"] == 6 and bench.state.exit_request[0] == EXIT_CATCH_UP
    bench.catch_up()
    bench.step()
    held = bench.position()
    check(held)
    assert (held["position_lots"], held["bought_lots"], held["fills"]) == (-4, 0, 1)
    assert held["fees_micro"] == 4 * FEES["added"]


@pytest.mark.parametrize("seed", [1, 2])
def test_random_days_with_restarts_equal_the_sum_of_the_fills(seed):
    print("seed", seed)
    chance = random.Random(seed)
    bench = KeeperBench(reports=8, journal=8192)
    rows = len(bench.config.instruments)  # of the one strategy; the house has the rest
    accounts = [Account(UNIT, Fee(FEES["added"]), Fee(FEES["removed"])) for _ in range(rows)]
    accounts[4].unit = 5000  # the future: 50 USD a point
    before = bench.remember()
    for now_ns in range(80 if JIT_OFF else 300):
        for _ in range(chance.randint(0, 3)):
            row, sign, lots = chance.randrange(rows), chance.choice((1, -1)), chance.randint(1, 50)
            price = chance.randint(999_000, 1_001_000)
            side = SIDE_BUY if sign > 0 else SIDE_SELL
            if chance.random() < 0.4:
                bench.report(REPORT_ACCEPTED, side, instrument_id=row, qty_lots=lots, price_ticks=price)
            else:
                trade(bench, lots, side, price, instrument_id=row)
                accounts[row].execute(Execution(bench.report_seq, sign, lots, price, adds=True))
        if chance.random() < 0.3:
            before = bench.remember()
        bench.step(now_ns * SNAPSHOT_EVERY_NS)
        if bench.state.exit_request[0]:
            bench.catch_up()
            bench.forgive()
        if chance.random() < 0.2:
            if chance.random() < 0.5:
                bench.put_back(before, ["head"])
            bench.start()
        before = bench.remember()
    bench.catch_up()
    for row, account in enumerate(accounts):
        held = bench.position(row)
        check(held)
        for field, value in account.totals().items():
            assert held[field] == value, field
        assert (held["cost_micro"], held["realised_micro"]) == account.average_cost()
    assert len(bench.fills()) == len(set(bench.fills()))

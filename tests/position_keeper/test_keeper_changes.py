"""Broken and corrected executions: applied once, whatever was matched since, whoever dies, and nothing for strangers."""

import ctypes

import numpy as np
import pytest

from procs.position_keeper.accounts import check
from procs.position_keeper.lots import lots_of
from procs.position_keeper.recovery import JournalsContradict, rebuild
from procs.position_keeper.rows import clear_row
from procs.position_keeper.step import CATCH_UP_EVERY_NS
from procs.position_keeper.warm_up import warm_up
from procs.runtime.compiled import compiled_count, compiled_names
from shm.codes import (
    EXIT_CATCH_UP,
    LIQUIDITY_ADDED,
    LIQUIDITY_REMOVED,
    REPORT_BROKEN,
    REPORT_CORRECTED,
    REPORT_EXECUTED,
    SIDE_BUY,
    SIDE_SELL,
)
from shm.counters import KEEPER_BROKEN, KEEPER_CATCH_UPS, KEEPER_CORRECTED
from shm.error_log import ERROR_BREAK_UNKNOWN, ERROR_LOTS_FULL, ERROR_REPORT_VALUE
from shm.jit import JIT_OFF
from shm.records.error_row import ERROR_ROW
from shm.records.instance import COUNTERS_MAX
from tests.support.keeper_bench import KeeperBench
from tests.support.keeper_config import several_currencies

SIDES = {"buy": SIDE_BUY, "sell": SIDE_SELL}
LIQUIDITIES = {"added": LIQUIDITY_ADDED, "removed": LIQUIDITY_REMOVED, "-": 0}
KINDS = {"trade": REPORT_EXECUTED, "break": REPORT_BROKEN, "correct": REPORT_CORRECTED}


@pytest.fixture
def bench():
    return KeeperBench()


def tell(bench, event, match, side="buy", lots=10, price=1_000_000, liquidity="added", order=1, **fields):
    terms = {"qty_lots": lots, "price_ticks": price, "liquidity": LIQUIDITIES[liquidity]}
    bench.report(KINDS[event], SIDES[side], match_number=match, order_id=order, **terms, **fields)


def go_on(bench):
    """Step, and let the control thread do what the step asks for."""
    bench.step()
    if bench.state.exit_request[0]:
        bench.catch_up()
        bench.step()


def errors(bench) -> dict[int, int]:
    """{code: count} of the keeper's distinct errors."""
    memory = (ctypes.c_char * (ERROR_ROW.itemsize * 8)).from_address(int(bench.state.me[0]["errors_addr"]))
    rows = np.frombuffer(memory, ERROR_ROW)
    return {int(row["code"]): int(row["count"]) for row in rows if row["code"]}


def counted(bench, counter: int) -> int:
    return int(
        np.ctypeslib.as_array((ctypes.c_int64 * COUNTERS_MAX).from_address(int(bench.state.me[0]["counters_addr"])))[
            counter
        ]
    )


# money in micro-units; behind the bar the row after the event
TABLES = {
    "a broken execution gives everything back": """
        event   match side lots price   liquidity | position cost       realised  fees   fifo_cost  fifo_realised
        trade   1     buy  10   1000000 added     | 10       1000000000 0         -20000 1000000000 0
        trade   2     buy  10   1200000 removed   | 20       2200000000 0         10000  2200000000 0
        break   2     buy  10   1200000 -         | 10       1000000000 0         -20000 1000000000 0
        trade   3     sell 10   1000000 added     | 0        0          0         -40000 0          0
    """,
    "the opening execution breaks after its lot was closed: the close opens a short": """
        event   match side lots price   liquidity | position cost        realised fees   fifo_cost   fifo_realised
        trade   1     buy  10   1000000 removed   | 10       1000000000  0        30000  1000000000  0
        trade   2     sell 10   1010000 added     | 0        0           10000000 10000  0           10000000
        break   1     buy  10   1000000 -         | -10      -1010000000 0        -20000 -1010000000 0
        trade   3     buy  10   1000000 added     | 0        0           10000000 -40000 0           10000000
    """,
    "the first of two lots breaks after one was closed: FIFO closes the second instead": """
        event   match side lots price   liquidity | position cost       realised  fees   fifo_cost  fifo_realised
        trade   1     buy  10   1000000 added     | 10       1000000000 0         -20000 1000000000 0
        trade   2     buy  10   1100000 added     | 20       2100000000 0         -40000 2100000000 0
        trade   3     sell 5    1200000 added     | 15       1575000000 75000000  -50000 1600000000 100000000
        break   1     buy  10   1000000 -         | 5        550000000  50000000  -30000 550000000  50000000
    """,
    "a correction keeps the place of its execution": """
        event   match side lots price   liquidity | position cost       realised  fees   fifo_cost  fifo_realised
        trade   1     buy  10   1000000 removed   | 10       1000000000 0         30000  1000000000 0
        trade   2     sell 4    1010000 added     | 6        600000000  4000000   22000  600000000  4000000
        correct 1     buy  8    1005000 -         | 4        402000000  2000000   16000  402000000  2000000
        correct 1     buy  8    1005000 -         | 4        402000000  2000000   16000  402000000  2000000
        correct 2     sell 8    1005000 -         | 0        0          0         8000   0          0
        correct 1     buy  8    1005000 added     | 0        0          0         -32000 0          0
    """,
    "a break counts once, also after a correction, and a broken execution cannot be corrected": """
        event   match side lots price   liquidity | position cost       realised  fees   fifo_cost  fifo_realised
        trade   1     buy  10   1000000 added     | 10       1000000000 0         -20000 1000000000 0
        trade   2     buy  5    1000000 added     | 15       1500000000 0         -30000 1500000000 0
        correct 1     buy  12   1000000 -         | 17       1700000000 0         -34000 1700000000 0
        break   1     buy  10   1000000 -         | 5        500000000  0         -10000 500000000  0
        break   1     buy  10   1000000 -         | 5        500000000  0         -10000 500000000  0
        correct 1     buy  12   1000000 -         | 5        500000000  0         -10000 500000000  0
    """,
}
FIELDS = ("position_lots", "cost_micro", "realised_micro", "fees_micro", "fifo_cost_micro", "fifo_realised_micro")


@pytest.mark.parametrize("name", TABLES)
def test_what_a_change_leaves(bench, name):
    for line in TABLES[name].strip().splitlines()[1:]:
        event, match, side, lots, price, liquidity, *expected = line.replace("|", " ").split()
        tell(bench, event, int(match), side, int(lots), int(price), liquidity)
        go_on(bench)
        check(bench.position())
        pnl = bench.pnl()
        assert [int(pnl[field]) for field in FIELDS] == [int(word) for word in expected], line
        assert bench.total(0)["fees_micro"] == pnl["fees_micro"]
        restarted = [int(pnl[field]) for field in FIELDS]
        bench.start()
        assert [int(bench.pnl()[field]) for field in FIELDS] == restarted, "after a restart"


def test_a_change_waits_for_the_control_thread_and_nothing_overtakes_it(bench):
    tell(bench, "trade", 1)
    tell(bench, "break", 1)
    tell(bench, "trade", 2, "sell", lots=3)
    bench.step()
    assert bench.position()["position_lots"] == 10 and bench.position()["reports_seq"] == 1
    assert bench.state.exit_request[0] == EXIT_CATCH_UP
    bench.catch_up()
    assert bench.position()["position_lots"] == -3 and bench.position()["reports_seq"] == 3
    assert (counted(bench, KEEPER_BROKEN), counted(bench, KEEPER_CORRECTED)) == (1, 0)


def test_changes_that_follow_each_other_ask_for_the_control_thread_once_in_a_while(bench):
    for match in (1, 2):
        tell(bench, "trade", match)
    tell(bench, "break", 1)
    bench.step()
    bench.catch_up()
    tell(bench, "break", 2)
    bench.step(after_ns=CATCH_UP_EVERY_NS)
    assert bench.state.exit_request[0] == 0, "asked twice within the pause"
    assert bench.position()["position_lots"] == 10, "not before the control thread did it"
    bench.step(after_ns=1)
    assert bench.state.exit_request[0] == EXIT_CATCH_UP and counted(bench, KEEPER_CATCH_UPS) == 2
    bench.catch_up()
    assert (bench.position()["position_lots"], bench.position()["fills"]) == (0, 0)


def test_a_break_of_an_execution_that_we_do_not_have_is_counted_and_changes_nothing(bench):
    tell(bench, "trade", 1)
    tell(bench, "break", 7)
    tell(bench, "break", 1, order=2)
    tell(bench, "correct", 1, instrument_id=1)
    go_on(bench)
    assert bench.position()["position_lots"] == 10 and bench.position()["reports_seq"] == 3
    assert errors(bench) == {ERROR_BREAK_UNKNOWN: 3}
    assert bench.fills() == [1] and counted(bench, KEEPER_BROKEN) == 0


@pytest.mark.parametrize("lots,price", [(0, 1_000_000), (-5, 1_000_000), (10, 0), (1 << 40, 1_000_000)])
def test_a_correction_to_impossible_terms_is_counted_and_changes_nothing(bench, lots, price):
    tell(bench, "trade", 1)
    tell(bench, "correct", 1, lots=lots, price=price)
    go_on(bench)
    assert (bench.position()["position_lots"], bench.position()["reports_seq"]) == (10, 2)
    assert errors(bench) == {ERROR_REPORT_VALUE: 1}


def test_both_sides_of_one_match_are_two_executions(bench):
    tell(bench, "trade", 5, "buy", order=1)
    tell(bench, "trade", 5, "sell", order=2, liquidity="removed")
    tell(bench, "break", 5, "sell", order=2)
    go_on(bench)
    assert (bench.position()["position_lots"], bench.position()["fills"]) == (10, 1)
    tell(bench, "break", 5, "buy", order=1)
    go_on(bench)
    assert (bench.position()["position_lots"], bench.position()["fills"]) == (0, 0)
    assert bench.position()["fees_micro"] == bench.position()["spread_micro"] == 0


def test_the_journal_says_what_a_change_moved(bench):
    bench.top(999_900, 1_000_100)
    tell(bench, "trade", 1, price=999_900)
    tell(bench, "trade", 2, "sell", price=1_000_100)
    tell(bench, "correct", 1, lots=4, price=999_800)
    go_on(bench)
    fill = bench.last_fill()
    assert (fill["kind"], fill["qty_lots"], fill["price_ticks"]) == (REPORT_CORRECTED, 4, 999_800)
    assert fill["fee_micro"] == 6 * 2000
    assert fill["spread_micro"] == 4 * 200 * 100 - 10 * 100 * 100
    assert fill["realised_micro"] == fill["fifo_realised_micro"] == 4 * 300 * 100 - 10 * 200 * 100
    tell(bench, "break", 1)
    go_on(bench)
    fill = bench.last_fill()
    assert (fill["kind"], fill["qty_lots"], fill["price_ticks"]) == (REPORT_BROKEN, 4, 999_800)
    assert (fill["fee_micro"], fill["spread_micro"]) == (4 * 2000, -4 * 200 * 100)


@pytest.mark.parametrize("undone", [("journal", "row 0", "row 1", "head"), ("row 0", "row 1", "head"), ("head",), ()])
@pytest.mark.parametrize("event", ["break", "correct"])
def test_a_death_in_the_middle_of_a_change_applies_it_once(bench, event, undone):
    tell(bench, "trade", 1, lots=10)
    tell(bench, "trade", 2, "sell", lots=4, price=1_010_000)
    bench.step()
    before = bench.remember()
    tell(bench, event, 1, lots=7, price=1_000_000)
    go_on(bench)
    told = [int(bench.pnl()[field]) for field in FIELDS]
    bench.put_back(before, undone)
    bench.start()
    go_on(bench)
    assert [int(bench.pnl()[field]) for field in FIELDS] == told
    assert bench.position()["position_lots"] == (-4 if event == "break" else 3)
    assert sorted(bench.fills()) == [1, 2, 3]


def test_a_pool_without_a_free_lot_is_loud_and_costs_only_the_fifo_figures_of_that_row():
    bench = KeeperBench(lots_max=3)
    for price in (1_000_000, 1_000_100):
        tell(bench, "trade", price, price=price, instrument_id=1)
    for price in (1_000_000, 1_000_100, 1_000_200):
        tell(bench, "trade", price, price=price)
    go_on(bench)
    unusable, other, firm = bench.pnl(), bench.pnl(1), bench.total(0)
    assert (unusable["fifo_unusable"], other["fifo_unusable"], firm["fifo_unusable"]) == (1, 0, 1)
    assert (unusable["fifo_realised_micro"], unusable["fifo_unrealised_micro"], unusable["fifo_cost_micro"]) == (
        0,
        0,
        0,
    )
    assert bench.position()["cost_micro"] == 10 * (1_000_000 + 1_000_100 + 1_000_200) * 100
    assert errors(bench) == {ERROR_LOTS_FULL: 1}
    tell(bench, "trade", 9, "sell", lots=30, price=1_000_500)
    go_on(bench)
    assert (bench.pnl()["fifo_unusable"], bench.total(0)["fifo_unusable"]) == (0, 0)
    assert bench.pnl()["fifo_realised_micro"] == bench.pnl()["realised_micro"] == 10 * (500 + 400 + 300) * 100


def test_rows_that_differ_from_their_journal_are_refused():
    bench = KeeperBench()
    tell(bench, "trade", 1)
    bench.step()
    bench.book.refresh()
    clear_row(bench.state, 0)
    bench.state.rows[0]["reports_seq"] = 0
    bench.book.images[0]["fees_micro"] += 1
    with pytest.raises(JournalsContradict, match="replaying"):
        rebuild(bench.state, bench.book)


def test_totals_are_by_currency_and_never_mixed():
    bench = KeeperBench(config=several_currencies())
    tell(bench, "trade", 1, instrument_id=0)  # USD
    tell(bench, "trade", 2, instrument_id=1, strategy_id=1)  # EUR
    tell(bench, "trade", 3, "sell", instrument_id=3, lots=4)  # JPY
    go_on(bench)
    totals = bench.totals()
    bought = [int(total["bought_micro"]) for total in totals[:3]]
    sold = [int(total["sold_micro"]) for total in totals[:3]]
    assert (bought, sold) == ([1_000_000_000, 1_000_000_000, 0], [0, 0, 400_000_000])
    before = [total.copy() for total in totals]
    bench.start()
    assert [total["bought_micro"] for total in bench.totals()] == [total["bought_micro"] for total in before]
    assert lots_of(bench.state.pool, bench.state.queues[0]) == [(1_000_000, 10)]


@pytest.mark.skipif(JIT_OFF, reason="nothing is compiled")
def test_warm_up_leaves_nothing_to_compile_for_changes_and_restarts():
    warm_up(KeeperBench().state)
    bench, before = KeeperBench(), compiled_count()
    bench.top(999_900, 1_000_100)
    for number in (1, 2):
        tell(bench, "trade", number)
    tell(bench, "correct", 1, lots=4)
    tell(bench, "correct", 1, lots=0)
    tell(bench, "break", 1)
    tell(bench, "break", 1)
    go_on(bench)
    bench.start()
    assert bench.position()["position_lots"] == 10
    assert compiled_count() == before, compiled_names()

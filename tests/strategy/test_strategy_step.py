"""The strategy step on scratch rings: what goes in, which intents come out."""

import pytest

from procs.strategy.slot import SLOT_NONE, SLOT_WORKING, SLOTS, check
from shm.codes import (
    EXIT_CATCH_UP,
    INTENT_CANCEL,
    INTENT_NEW,
    INTENT_REPLACE,
    REJECT_RATE,
    REPORT_ACCEPTED,
    REPORT_CANCELED,
    REPORT_EXECUTED,
    REPORT_REPLACED,
    SIDE_BUY,
    SIDE_SELL,
    TICK_FRESH,
    TICK_STALE,
    TICK_STATE,
    TRADING_HALTED,
)
from shm.ring import ring_mark_behind
from tests.support.strategy_bench import ROW, StrategyBench

MS = 1_000_000
LIFE = 50 * MS
BOOK = ([(1_000_000, 300), (999_900, 500)], [(1_000_200, 300), (1_000_300, 500)])


@pytest.fixture
def bench():
    made = StrategyBench(half_spread_ticks=200, qty_lots=100)
    made.fresh()
    made.book(*BOOK)
    return made


def quote_both(bench, now_ns=MS):
    bench.tick()
    bench.step(now_ns)
    bid, ask = bench.intents()
    for intent, side, price in ((bid, SIDE_BUY, 999_900), (ask, SIDE_SELL, 1_000_300)):
        bench.report(REPORT_ACCEPTED, int(intent["intent_id"]), side, price_ticks=price, leaves_lots=100)
    bench.step(now_ns)
    assert bench.intents() == []
    return bid, ask


def test_first_tick_makes_a_bid_and_an_ask_as_two_parts_of_one_cause(bench):
    bench.tick(recv_stamp_ns=1234)
    bench.step(MS)
    bid, ask = bench.intents()
    assert (bid["kind"], bid["side"], bid["price_ticks"], bid["qty_lots"]) == (INTENT_NEW, SIDE_BUY, 999_900, 100)
    assert (ask["kind"], ask["side"], ask["price_ticks"], ask["qty_lots"]) == (INTENT_NEW, SIDE_SELL, 1_000_300, 100)
    assert (bid["part"], bid["parts"], ask["part"], ask["parts"]) == (0, 2, 1, 2)
    assert bid["recv_stamp_ns"] == 1234 and bid["decide_stamp_ns"] >= bid["tick_stamp_ns"] > 0
    assert bid["expires_ns"] == MS + LIFE and bid["now_ns"] == MS
    assert bid["intent_id"] != ask["intent_id"] and bid["target_intent_id"] == 0
    assert bid["cause_seq"] == 1 and bid["cause_ring"] == 2  # after one ring of rejects and one of reports


def test_nothing_is_quoted_before_the_channel_is_fresh():
    bench = StrategyBench()
    bench.book(*BOOK)
    bench.tick()
    bench.step(MS)
    assert bench.intents() == []
    bench.fresh()
    bench.step(2 * MS)
    assert len(bench.intents()) == 2


def test_nothing_is_decided_before_the_last_tick_of_a_datagram(bench):
    bench.tick(last=False)
    bench.step(MS)
    assert bench.intents() == []
    bench.book(*BOOK, row=1)
    bench.tick(row=1)
    bench.step(MS)
    assert [i["instrument_id"] for i in bench.intents()] == [0, 0, 1, 1]


def test_datagram_that_never_ends_does_not_stop_the_decisions(bench):
    bench.tick(last=False)
    bench.step(MS)
    bench.step(2 * MS)
    assert len(bench.intents()) == 2


def test_quotes_in_flight_get_no_second_action(bench):
    bench.tick()
    bench.step(MS)
    bench.intents()
    bench.book([(1_001_000, 300)], [(1_001_200, 300)])
    bench.tick()
    bench.step(2 * MS)
    assert bench.intents() == []


def test_move_of_the_book_replaces_working_quotes_with_total_size(bench):
    bid, _ask = quote_both(bench)
    bench.report(REPORT_EXECUTED, int(bid["intent_id"]), SIDE_BUY, price_ticks=999_900, qty_lots=60, leaves_lots=40)
    bench.step(2 * MS)
    (refill,) = bench.intents()  # the position leans both quotes down: the bid by a step, the ask by less than one
    assert refill["kind"] == INTENT_REPLACE and refill["target_intent_id"] == bid["intent_id"]
    assert refill["qty_lots"] == 160  # 60 executed and 100 open, as the venue counts
    assert refill["recv_stamp_ns"] == 0  # no tick caused it
    bench.report(
        REPORT_REPLACED,
        int(refill["intent_id"]),
        SIDE_BUY,
        old_intent_id=int(bid["intent_id"]),
        price_ticks=int(refill["price_ticks"]),
        leaves_lots=100,
    )
    bench.step(3 * MS)
    slot = bench.state.slots[ROW * 2 * SLOTS]
    check(slot)
    assert slot["state"] == SLOT_WORKING and slot["leaves_lots"] == 100 and slot["cum_lots"] == 60


def test_stale_channel_cancels_everything_and_fresh_quotes_again(bench):
    bid, ask = quote_both(bench)
    bench.tick(kind=TICK_STALE, row=-1)
    bench.step(2 * MS)
    cancels = bench.intents()
    assert [c["kind"] for c in cancels] == [INTENT_CANCEL, INTENT_CANCEL]
    assert [c["target_intent_id"] for c in cancels] == [bid["intent_id"], ask["intent_id"]]
    assert [c["expires_ns"] for c in cancels] == [0, 0]
    for intent, side in ((bid, SIDE_BUY), (ask, SIDE_SELL)):
        bench.report(REPORT_CANCELED, int(intent["intent_id"]), side, qty_lots=100, leaves_lots=0)
    bench.step(3 * MS)
    assert bench.intents() == []
    assert [s["state"] for s in bench.state.slots[: 2 * SLOTS : SLOTS]] == [SLOT_NONE, SLOT_NONE]
    bench.tick(kind=TICK_FRESH, row=-1)
    bench.step(4 * MS)
    assert [i["kind"] for i in bench.intents()] == [INTENT_NEW, INTENT_NEW]


def test_halted_instrument_pulls_its_quotes(bench):
    quote_both(bench)
    bench.book(*BOOK, trading_state=TRADING_HALTED)
    bench.tick(kind=TICK_STATE)
    bench.step(2 * MS)
    assert [i["kind"] for i in bench.intents()] == [INTENT_CANCEL, INTENT_CANCEL]


def test_one_sided_book_pulls_the_quotes(bench):
    quote_both(bench)
    bench.book(BOOK[0], [])
    bench.tick()
    bench.step(2 * MS)
    assert [i["kind"] for i in bench.intents()] == [INTENT_CANCEL, INTENT_CANCEL]


def test_own_quotes_are_not_part_of_the_best_prices_that_the_model_sees(bench):
    quote_both(bench)
    bench.book([(1_000_000, 300), (999_900, 100), (999_800, 50)], [(1_000_300, 140)])
    bench.tick()
    bench.step(2 * MS)
    view = bench.state.views[ROW]
    assert (view["bid_price_ticks"], view["bid_qty_lots"], view["bid_depth_lots"]) == (1_000_000, 300, 350)
    assert (view["ask_price_ticks"], view["ask_qty_lots"], view["ask_depth_lots"]) == (1_000_300, 40, 40)


def test_rejected_new_backs_off_and_comes_back_by_itself(bench):
    bench.tick()
    bench.step(MS)
    bid, ask = bench.intents()
    bench.reject(REJECT_RATE, int(bid["intent_id"]), SIDE_BUY)
    bench.reject(REJECT_RATE, int(ask["intent_id"]), SIDE_SELL)
    bench.step(2 * MS)
    assert bench.intents() == []
    bench.step(21 * MS)
    assert bench.intents() == []
    bench.step(22 * MS)  # 20 ms after the reject, without any tick
    assert [i["kind"] for i in bench.intents()] == [INTENT_NEW, INTENT_NEW]


def test_full_ring_is_tried_again():
    bench = StrategyBench(intents=4, headroom=2, half_spread_ticks=200)
    bench.fresh()
    bench.book(*BOOK)
    quote_both(bench)
    bench.book([(1_000_100, 300)], [(1_000_300, 300)])
    bench.tick()
    bench.step(2 * MS)
    bench.book(*BOOK, row=1)
    bench.tick(row=1)
    bench.step(3 * MS)  # two replaces wait in the ring: no room for new orders
    assert bench.state.marks[1]["dirty"] == 1
    assert [i["kind"] for i in bench.intents()] == [INTENT_REPLACE, INTENT_REPLACE]
    bench.step(4 * MS)
    assert [i["instrument_id"] for i in bench.intents()] == [1, 1]


def test_cancels_pass_a_ring_that_is_full_for_new_orders():
    bench = StrategyBench(intents=4, headroom=2, half_spread_ticks=200)
    bench.fresh()
    bench.book(*BOOK)
    quote_both(bench)
    bench.book(*BOOK, row=1)
    bench.tick(row=1)
    bench.step(2 * MS)
    bench.tick(kind=TICK_STALE, row=-1)
    bench.step(3 * MS)
    kinds = [(int(i["instrument_id"]), int(i["kind"])) for i in bench.intents()]
    assert kinds == [(1, INTENT_NEW), (1, INTENT_NEW), (0, INTENT_CANCEL), (0, INTENT_CANCEL)]


def test_no_identifier_means_no_intent_until_a_block_comes():
    bench = StrategyBench(ids=1)
    bench.fresh()
    bench.book(*BOOK)
    bench.tick()
    bench.step(MS)
    assert [i["side"] for i in bench.intents()] == [SIDE_BUY]
    bench.state.ids[1] += 1
    bench.step(2 * MS)
    assert [i["side"] for i in bench.intents()] == [SIDE_SELL]


def test_position_is_the_keepers_row_plus_later_reports_whatever_comes_first(bench):
    bench.position(40, reports_seq=7)
    bench.tick()
    bench.step(MS)
    view = bench.state.views[ROW]
    assert view["position_lots"] == 40
    bench.report(REPORT_EXECUTED, 999, SIDE_SELL, qty_lots=15, report_seq=7)  # the row has it
    bench.report(REPORT_EXECUTED, 999, SIDE_SELL, qty_lots=10, report_seq=8)
    bench.step(2 * MS)
    assert view["position_lots"] == 30
    bench.position(31, reports_seq=8)  # at the same report position_keeper is the authority
    bench.step(3 * MS)
    bench.tick()
    bench.step(3 * MS)
    assert view["position_lots"] == 31


def test_report_seen_twice_changes_nothing(bench):
    bid, _ask = quote_both(bench)
    for _ in range(2):
        bench.report(REPORT_EXECUTED, int(bid["intent_id"]), SIDE_BUY, qty_lots=10, leaves_lots=90, report_seq=50)
    bench.step(2 * MS)
    assert bench.state.views[ROW]["position_lots"] == 10
    assert bench.state.slots[ROW * 2 * SLOTS]["cum_lots"] == 10


def test_reports_of_an_earlier_life_move_the_position_but_no_order(bench):
    quote_both(bench)
    before = bench.state.slots[ROW * 2 * SLOTS].copy()
    bench.report(REPORT_EXECUTED, 123_456, SIDE_BUY, qty_lots=5, leaves_lots=0)
    bench.step(2 * MS)
    bench.intents()
    assert bench.state.slots[ROW * 2 * SLOTS]["intent_id"] == before["intent_id"]
    assert bench.state.views[ROW]["position_lots"] == 5


def test_reader_behind_asks_for_the_journal(bench):
    ring_mark_behind(bench.report_in[0])
    bench.step(MS)
    assert bench.state.exit_request[0] == EXIT_CATCH_UP


def test_records_that_name_impossible_rows_are_ignored(bench):
    bench.tick(row=10_000)
    bench.reject(REJECT_RATE, 1, SIDE_BUY, row=-5)
    bench.report(REPORT_ACCEPTED, 1, 9, row=3)
    bench.report(REPORT_ACCEPTED, 1, SIDE_BUY, row=10_000)
    bench.step(MS)
    for slot in bench.state.slots:
        check(slot)


def test_avellaneda_stoikov_leans_against_the_position():
    long, flat = (StrategyBench("avellaneda_stoikov", variance_floor=10.0) for _ in range(2))
    long.position(500, reports_seq=1)
    prices = []
    for bench in (long, flat):
        bench.fresh()
        bench.book([(1_000_000, 300)], [(1_001_000, 300)])
        bench.tick()
        bench.step(MS)
        prices.append([int(i["price_ticks"]) for i in bench.intents()])
    assert prices[0][0] < prices[1][0] or prices[0][1] < prices[1][1]
    assert prices[0][0] <= prices[1][0] and prices[0][1] <= prices[1][1]
    assert prices[1][0] < 1_000_500 < prices[1][1]

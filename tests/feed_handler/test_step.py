"""The step over scratch rings: what strategies, risk_gate and cold readers are told, and when."""

import pytest

from procs.feed_handler.arbitration import LINE_A, LINE_B, LINE_RETRANSMISSION
from procs.feed_handler.state import FRAMES_IN_MAX
from procs.feed_handler.step import SHORT_BATCH
from shm.codes import (
    CHANNEL_ENDED,
    CHANNEL_FRESH,
    CHANNEL_STALE,
    SIDE_BUY,
    SIDE_SELL,
    TICK_ADD,
    TICK_EXECUTE,
    TICK_FRESH,
    TICK_REPLACE,
    TICK_RESYNC,
    TICK_STALE,
    TICK_STATE,
    TRADING_HALTED,
    TRADING_OPEN,
)
from shm.counters import (
    FEED_BOOK_ERRORS,
    FEED_DUPLICATES,
    FEED_FOREIGN_SESSION,
    FEED_GAPS,
    FEED_LINE_A,
    FEED_LINE_B,
    FEED_MALFORMED,
    FEED_MESSAGES,
    FEED_RECOVERED,
    FEED_REQUESTS,
    FEED_TICKS_SKIPPED,
    FEED_UNKNOWN_TYPE,
)
from shm.records.instrument import INSTRUMENT
from shm.records.tick import TICK_FLAG_LAST
from shm.records.top import TOP
from tests.support.feed_bench import MS, FeedBench
from tests.support.itch_flow import ItchFlow, datagram, end_of_session, message

SYMBOLS = ["AAAA", "BBBB", "CCCC"]
BOTH = (LINE_A, LINE_B)


@pytest.fixture
def day():
    """A bench that is fresh after the opening messages, and the flow behind it."""
    bench = FeedBench(SYMBOLS, [{"AAAA", "BBBB"}, {"CCCC"}])
    flow = ItchFlow(1, SYMBOLS).open_day()
    bench.step()
    bench.step(*[(LINE_A, raw) for raw in flow.split()])
    for ring in range(2):
        bench.take(ring)
    return bench, flow


def kinds(ticks):
    return [int(tick["kind"]) for tick in ticks]


def next_seq(flow):
    return len(flow.messages) + 1


def test_a_new_life_says_stale_before_anything_else():
    bench = FeedBench(SYMBOLS, [{"AAAA"}, {"CCCC"}])
    bench.step()
    assert bench.channel()["state"] == CHANNEL_STALE
    assert bench.channel()["stale_stamp_ns"] > 0
    assert [kinds(bench.take(ring)) for ring in (0, 1)] == [[TICK_STALE], [TICK_STALE]]


def test_the_first_datagram_makes_the_channel_fresh_after_a_resync():
    bench = FeedBench(SYMBOLS, [{"AAAA", "CCCC"}])
    bench.step()
    bench.take()
    bench.wait(5 * MS)
    bench.step((LINE_A, ItchFlow(1, SYMBOLS).open_day().split(last=1)[0]))
    ticks = bench.take()
    assert kinds(ticks) == [TICK_RESYNC, TICK_RESYNC, TICK_FRESH]
    assert [int(tick["instrument_id"]) for tick in ticks[:2]] == [0, 2]
    channel = bench.channel()
    assert (channel["state"], channel["lines"], channel["next_seq"]) == (CHANNEL_FRESH, 1, 2)
    assert channel["stale_ns"] == 5 * MS


def test_directory_and_trading_action_reach_listing_tops_and_ticks(day):
    bench, flow = day
    listing = bench.read("listing", INSTRUMENT, 1)
    assert (listing["symbol"], listing["locate"], listing["trading_state"]) == (b"BBBB", 2, TRADING_OPEN)
    assert bench.read("tops", TOP, 1)["trading_state"] == TRADING_OPEN
    flow.say("H", locate=2, symbol="BBBB", trading_state=TRADING_HALTED)
    bench.step((LINE_A, flow.split(first=len(flow.messages))[0]))
    (tick,) = bench.take(0)
    assert (tick["kind"], tick["instrument_id"], tick["trading_state"]) == (TICK_STATE, 1, TRADING_HALTED)
    assert bench.read("tops", TOP, 1)["trading_state"] == TRADING_HALTED
    assert bench.take(1) == []


def test_an_instrument_without_a_trading_action_is_unknown():
    bench = FeedBench(SYMBOLS, [{"AAAA"}])
    bench.step((LINE_A, datagram(1, [message("R", locate=1, symbol="AAAA", qty_lots=100)])))
    add = message("A", locate=1, order_ref=5, side=SIDE_BUY, qty_lots=1, symbol="AAAA", price_ticks=10)
    bench.step((LINE_A, datagram(2, [add])))
    assert bench.read("tops", TOP, 0)["trading_state"] == 0
    assert bench.read("tops", TOP, 0)["bid_price_ticks"] == 10


def test_the_end_of_market_hours_halts_everything(day):
    bench, flow = day
    flow.say("S", event_code=ord("M"))
    bench.step((LINE_A, flow.split(first=len(flow.messages))[0]))
    assert [bench.read("tops", TOP, row)["trading_state"] for row in range(3)] == [TRADING_HALTED] * 3
    assert kinds(bench.take(0)) == [TICK_STATE, TICK_STATE]


def test_ticks_carry_the_event_the_top_after_it_and_the_last_of_a_datagram_its_flag(day):
    bench, flow = day
    first = next_seq(flow)
    ref = flow.add(0, SIDE_BUY, 300, 999_000)
    flow.add(0, SIDE_SELL, 200, 1_001_000)
    flow.add(2, SIDE_SELL, 700, 1_002_000)  # the other ring's
    flow.say("E", locate=1, order_ref=ref, qty_lots=100, match_number=1)
    flow.say("U", locate=1, order_ref=ref, new_order_ref=77, qty_lots=50, price_ticks=998_000)
    bench.wait(1 * MS)
    bench.step((LINE_B, datagram(first, flow.messages[first - 1 :])))
    ticks = bench.take(0)
    assert kinds(ticks) == [TICK_ADD, TICK_ADD, TICK_EXECUTE, TICK_REPLACE]
    assert [int(tick["flags"]) for tick in ticks] == [0, 0, 0, TICK_FLAG_LAST]
    assert [int(tick["venue_seq"]) for tick in ticks] == [first, first + 1, first + 3, first + 4]
    execute, replace = ticks[2:]
    assert (execute["order_ref"], execute["price_ticks"], execute["qty_lots"]) == (ref, 999_000, 100)
    assert (execute["side"], execute["bid_qty_lots"], execute["ask_price_ticks"]) == (SIDE_BUY, 200, 1_001_000)
    assert (replace["order_ref"], replace["old_order_ref"], replace["bid_price_ticks"]) == (77, ref, 998_000)
    assert execute["recv_stamp_ns"] == execute["publish_stamp_ns"] == bench.clock[0]["base_ns"]
    assert execute["trading_state"] == TRADING_OPEN
    (other,) = bench.take(1)
    assert (other["instrument_id"], other["flags"]) == (2, TICK_FLAG_LAST)
    top = bench.read("tops", TOP, 0)
    assert (top["last_price_ticks"], top["changed_ns"], top["venue_seq"]) == (999_000, bench.now_ns, first + 4)


def test_a_gap_is_stale_at_once_and_its_messages_are_never_ticks(day):
    bench, flow = day
    first = next_seq(flow)
    flow.trade(30)
    late, ahead = flow.split(first=first, last=first + 9, most=1), flow.split(first=first + 10)
    bench.wait(1 * MS)
    bench.step(*[(LINE_A, raw) for raw in ahead])
    channel = bench.channel()
    assert (channel["state"], channel["next_seq"], channel["ahead_seq"]) == (CHANNEL_STALE, first, next_seq(flow))
    assert channel["stale_stamp_ns"] == bench.clock[0]["base_ns"]
    assert kinds(bench.take(0)) == kinds(bench.take(1)) == [TICK_STALE]
    bench.wait(1 * MS)
    bench.step(*[(LINE_B, raw) for raw in late])
    assert bench.channel()["state"] == CHANNEL_FRESH
    assert kinds(bench.take(0)) == [TICK_RESYNC, TICK_RESYNC, TICK_FRESH]
    assert kinds(bench.take(1)) == [TICK_RESYNC, TICK_FRESH]
    assert bench.channel()["stale_ns"] == 1 * MS
    assert (bench.counter(FEED_GAPS), bench.counter(FEED_REQUESTS)) == (1, 0)
    bench.assert_books_equal(flow.books)


def test_a_heartbeat_ahead_reveals_the_gap_and_the_server_fills_it(day):
    bench, flow = day
    first = next_seq(flow)
    flow.trade(40)
    bench.step((LINE_A, datagram(next_seq(flow), [])))
    assert bench.channel()["state"] == CHANNEL_STALE
    assert bench.requests() == []
    bench.wait(2 * MS)
    bench.step()
    assert bench.requests() == [(first, 40)]
    bench.step(*[(LINE_RETRANSMISSION, raw) for raw in flow.split(first=first, most=20)])
    assert bench.channel()["state"] == CHANNEL_FRESH
    assert bench.counter(FEED_RECOVERED) == bench.channel()["recovered"] == 40
    bench.assert_books_equal(flow.books)


def test_a_heartbeat_with_the_expected_number_keeps_a_quiet_channel_fresh(day):
    bench, flow = day
    for _ in range(5):
        bench.wait(900 * MS)
        bench.step((LINE_A, datagram(next_seq(flow), [])))
    channel = bench.channel()
    assert (channel["state"], channel["heard_ns"]) == (CHANNEL_FRESH, bench.now_ns)
    assert bench.take(0) == []


def test_one_dead_line_is_counted_and_stays_fresh_but_both_dead_are_stale(day):
    bench, flow = day
    bench.step(*[(line, datagram(next_seq(flow), [])) for line in BOTH])
    assert bench.channel()["lines"] == 2
    bench.wait(600 * MS)
    bench.step((LINE_A, datagram(next_seq(flow), [])))
    bench.wait(600 * MS)
    bench.step((LINE_A, datagram(next_seq(flow), [])))
    assert (bench.channel()["lines"], bench.channel()["state"]) == (1, CHANNEL_FRESH)
    bench.wait(1001 * MS)
    bench.step()
    assert (bench.channel()["lines"], bench.channel()["state"]) == (0, CHANNEL_STALE)
    assert kinds(bench.take(0)) == [TICK_STALE]
    first = next_seq(flow)
    flow.add(0, SIDE_BUY, 100, 990_000)
    bench.step((LINE_B, flow.split(first=first)[0]))  # nothing was missed: fresh before its message, no resync
    assert kinds(bench.take(0)) == [TICK_FRESH, TICK_ADD]


def test_an_answer_of_the_server_alone_makes_nothing_fresh():
    bench = FeedBench(SYMBOLS, [{"AAAA"}], session="TEST000001")
    flow = ItchFlow(1, SYMBOLS).open_day()
    bench.step(*[(LINE_RETRANSMISSION, raw) for raw in flow.split()])
    assert bench.channel()["state"] == CHANNEL_STALE
    bench.step((LINE_A, datagram(next_seq(flow), [])))
    assert bench.channel()["state"] == CHANNEL_FRESH


def test_the_end_of_the_session_closes_the_channel_only_when_nothing_is_missing(day):
    bench, flow = day
    first = next_seq(flow)
    flow.trade(10)
    bench.step((LINE_A, end_of_session(next_seq(flow))))
    assert bench.channel()["state"] == CHANNEL_STALE
    bench.wait(2 * MS)
    bench.step()
    assert bench.requests() == [(first, 10)]
    bench.step(*[(LINE_RETRANSMISSION, raw) for raw in flow.split(first=first)])
    assert bench.channel()["state"] == CHANNEL_ENDED
    bench.assert_books_equal(flow.books)
    assert TICK_FRESH not in kinds(bench.take(0))


def test_a_foreign_session_and_malformed_datagrams_are_counted_and_change_nothing(day):
    bench, flow = day
    raw = datagram(next_seq(flow), [message("S", event_code=ord("M"))])
    bench.step((LINE_A, datagram(next_seq(flow), [b"z"], session="OTHER")), (LINE_B, raw[:-3]), (LINE_A, b"?"))
    assert bench.counter(FEED_FOREIGN_SESSION) == 1
    assert bench.counter(FEED_MALFORMED) == 2
    assert bench.channel()["next_seq"] == next_seq(flow)
    assert bench.channel()["state"] == CHANNEL_FRESH


def test_an_unknown_type_is_skipped_by_its_length_and_counted(day):
    bench, flow = day
    first = next_seq(flow)
    add = message("A", locate=1, order_ref=5, side=SIDE_BUY, qty_lots=1, symbol="AAAA", price_ticks=10)
    bench.step((LINE_A, datagram(first, [b"z" * 17, add])))
    assert bench.counter(FEED_UNKNOWN_TYPE) == 1
    assert kinds(bench.take(0)) == [TICK_ADD]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("D", {"order_ref": 999_999}),
        ("E", {"order_ref": 1000, "qty_lots": 101, "match_number": 1}),
        ("X", {"order_ref": 1000, "qty_lots": 101}),
        ("A", {"order_ref": 1000, "side": SIDE_BUY, "qty_lots": 1, "symbol": "AAAA", "price_ticks": 10}),
        ("A", {"order_ref": 5, "side": SIDE_BUY, "qty_lots": 1, "symbol": "AAAA", "price_ticks": 0}),
        ("U", {"order_ref": 1000, "new_order_ref": 1001, "qty_lots": 1, "price_ticks": 0}),
    ],
)
def test_impossible_content_makes_its_instrument_suspect_and_no_other(day, kind, fields):
    bench, flow = day
    first = next_seq(flow)
    flow.add(0, SIDE_BUY, 100, 990_000)
    flow.say(kind, locate=1, **fields)
    flow.add(1, SIDE_BUY, 100, 990_000)
    bench.step(*[(LINE_A, raw) for raw in flow.split(first=first)])
    assert bench.counter(FEED_BOOK_ERRORS) == 1
    states = [int(bench.read("tops", TOP, row)["trading_state"]) for row in range(2)]
    assert states == [0, TRADING_OPEN]
    ticks = bench.take(0)
    assert kinds(ticks) == [TICK_ADD, TICK_STATE, TICK_ADD]
    assert ticks[1]["trading_state"] == 0
    bench.assert_books_equal(flow.books)


def test_instruments_outside_the_configuration_cost_no_book(day):
    bench, flow = day
    first = next_seq(flow)
    flow.add(3, SIDE_BUY, 100, 990_000)  # the flow's OTHER
    bench.step((LINE_A, flow.split(first=first)[0]))
    assert bench.take(0) == bench.take(1) == []
    assert bench.channel()["next_seq"] == next_seq(flow)


def test_duplicates_of_the_other_line_are_counted_and_told_once(day):
    bench, flow = day
    first = next_seq(flow)
    flow.trade(20)
    both = [(line, raw) for raw in flow.split(first=first) for line in BOTH]
    bench.step(*both)
    assert bench.counter(FEED_DUPLICATES) == 20
    assert bench.counter(FEED_MESSAGES) == len(flow.messages)
    assert bench.counter(FEED_LINE_A) - bench.counter(FEED_LINE_B) == len(flow.split(last=first - 1))


def test_a_full_ring_skips_ticks_and_resyncs_when_half_empty():
    bench = FeedBench(SYMBOLS, [{"AAAA", "BBBB", "CCCC"}], capacity=32)
    flow = ItchFlow(1, SYMBOLS).open_day()
    bench.step(*[(LINE_A, raw) for raw in flow.split()])
    bench.take()
    first = next_seq(flow)
    flow.trade(200)
    for raw in flow.split(first=first):
        bench.step((LINE_A, raw))
    assert bench.counter(FEED_TICKS_SKIPPED) > 0
    assert len(bench.take(most=10)) == 10
    bench.step()
    assert bench.read("tops", TOP, 0)["venue_seq"] > 0
    bench.take(most=5)
    bench.step()
    bench.take(most=5)
    bench.step()
    rest = bench.take()
    assert kinds(rest)[-4:] == [TICK_RESYNC, TICK_RESYNC, TICK_RESYNC, TICK_FRESH]
    first = next_seq(flow)
    flow.add(0, SIDE_BUY, 100, 990_000)
    bench.step((LINE_A, flow.split(first=first)[0]))
    assert kinds(bench.take()) == [TICK_ADD]
    bench.assert_books_equal(flow.books)


def test_in_driven_time_a_full_ring_holds_the_datagrams_back_and_loses_nothing():
    bench = FeedBench(SYMBOLS, [set(SYMBOLS)], capacity=32, driven=True)
    flow = ItchFlow(1, SYMBOLS).open_day()
    bench.step(*[(LINE_A, raw) for raw in flow.split(most=3)])
    while bench.state.port_in.count[0] > 0:
        bench.take()
        bench.step()
    bench.take()
    first = next_seq(flow)
    flow.trade(150)
    for raw in flow.split(first=first, most=6):
        bench.put(LINE_A, raw)
    seen = []
    while bench.state.port_in.count[0] > 0:
        done = bench.step()
        got = bench.take(most=3)
        assert done > 0 or got
        seen += got
    seen += bench.take()
    configured = [m for m in flow.messages[first - 1 :] if int.from_bytes(m[1:3], "big") <= 3]
    assert len(seen) == len(configured)
    assert bench.counter(FEED_TICKS_SKIPPED) == 0
    bench.assert_books_equal(flow.books)


def test_in_driven_time_a_jump_of_the_clock_is_not_silence_and_readers_see_us_heard_first():
    bench = FeedBench(SYMBOLS, [{"AAAA"}], driven=True)
    flow = ItchFlow(1, SYMBOLS).open_day()
    bench.step(*[(LINE_A, raw) for raw in flow.split()])
    bench.take()
    bench.wait(3_600_000 * MS)
    bench.step()
    assert bench.channel()["state"] == CHANNEL_FRESH
    assert bench.take() == []


def test_a_restart_in_mid_session_rebuilds_from_message_1_and_tells_no_history():
    bench = FeedBench(SYMBOLS, [{"AAAA", "BBBB"}])
    flow = ItchFlow(9, SYMBOLS).open_day().trade(300)
    bench.step(*[(LINE_A, raw) for raw in flow.split(most=40)])
    bench.take()
    bench.restart()
    bench.step()
    assert bench.channel()["state"] == CHANNEL_STALE
    assert kinds(bench.take()) == [TICK_STALE]
    first = next_seq(flow)
    flow.trade(50)
    bench.step(*[(LINE_B, raw) for raw in flow.split(first=first)])
    for _ in range(20):
        bench.wait(3 * MS)
        bench.step()
        for first, count in bench.requests():
            raws = flow.split(first=first, last=first + count - 1, most=40)
            bench.step(*[(LINE_RETRANSMISSION, raw) for raw in raws])
    assert bench.channel()["state"] == CHANNEL_FRESH
    assert kinds(bench.take()) == [TICK_RESYNC, TICK_RESYNC, TICK_FRESH]
    bench.assert_books_equal(flow.books)


def test_what_waited_while_the_process_was_stopped_is_never_live(day):
    bench, flow = day
    stale_stamp_ns = int(bench.channel()["stale_stamp_ns"])
    first = next_seq(flow)
    old = flow.trade(12).split(first)
    bench.pause(400 * MS)
    bench.step(*[(LINE_A, raw) for raw in old])
    assert bench.channel()["state"] == CHANNEL_STALE, "the backlog may not be all"
    assert bench.channel()["stale_stamp_ns"] > stale_stamp_ns
    assert kinds(bench.take()) == [TICK_STALE], "said before the first old message was used"
    bench.step()
    assert bench.channel()["state"] == CHANNEL_STALE
    bench.step()
    assert bench.channel()["state"] == CHANNEL_FRESH, "two looks found the sockets empty"
    assert kinds(bench.take()) == [TICK_RESYNC, TICK_RESYNC, TICK_FRESH]
    assert bench.channel()["gaps"] == 0


def test_a_full_batch_after_a_stop_keeps_the_channel_stale(day):
    bench, flow = day
    bench.pause(400 * MS)
    for _ in range(3):
        first = next_seq(flow)
        backlog = flow.trade(2 * SHORT_BATCH).split(first, most=1)[:FRAMES_IN_MAX]
        assert len(backlog) >= SHORT_BATCH
        bench.step(*[(LINE_A, raw) for raw in backlog])
        assert bench.channel()["state"] == CHANNEL_STALE
    bench.step()
    bench.step()
    assert bench.channel()["state"] == CHANNEL_FRESH

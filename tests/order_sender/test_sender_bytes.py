"""The byte streams: any cut gives the same reports and the same orders; malformed bytes end the session, never the role."""

import random
import struct

import pytest

from procs.order_sender.state import SLOTS
from shm.codes import REPORT_BROKEN, REPORT_CORRECTED, STATE_ACTIVE, STATE_HALTED
from shm.control import control_state
from shm.counters import SENDER_MALFORMED, SENDER_UNKNOWN
from shm.error_log import ERROR_SENDER_OVERFILL, ERROR_SENDER_UNKNOWN_ORDER, ERROR_SENDER_UNKNOWN_TRADE
from tests.support.ouch_venue import VenueOrder
from tests.support.sender_bench import SenderBench

NOWHERE = VenueOrder(0, "B", 0, "", 0)  # taken back before its first byte left


def play(read, write):
    """One small session with its bytes cut into pieces; what the readers were told and the venue got."""
    bench = SenderBench(report_capacity=256, journal_capacity=1024).ready()
    orders = [bench.new(qty=100 + k) for k in range(5)]
    bench.settle(cycles=3000, read=read, write=write)
    bench.cancel(orders[0])
    replaced = bench.replace(orders[1], qty=150)
    bench.venue.execute(bench.ref(orders[2]), 40)
    bench.settle(cycles=3000, read=read, write=write)
    bench.venue.execute(bench.ref(orders[2]), 62)
    bench.venue.execute(bench.ref(replaced), 150)
    bench.venue.system()
    bench.settle(cycles=3000, read=read, write=write)
    told = [
        {name: value for name, value in report.items() if not name.endswith("_ns")}
        for report in bench.readers[0].reports
    ]
    return told, bench.venue.received, {k: v for k, v in bench.errors().items()}


@pytest.mark.parametrize(("read", "write"), [(1, 1), (1, 1 << 30), (2048, 3), (7, 11), (64, 49)])
def test_any_cut_of_the_streams_gives_the_same_messages(read, write):
    told, received, errors = play(read, write)
    whole_told, whole_received, _ = play(1 << 30, 1 << 30)
    key = lambda report: (report["order_id"], report["venue_seq"])  # noqa: E731  interleaving of orders may differ
    assert sorted(received) == sorted(whole_received)
    strip = ("ring_seq", "report_seq", "venue_seq", "venue_order_ref", "match_number")
    bare = [[{k: v for k, v in r.items() if k not in strip} for r in sorted(rs, key=key)] for rs in (told, whole_told)]
    assert sorted(map(str, bare[0])) == sorted(map(str, bare[1]))
    assert errors == {}


def test_a_random_socket_loses_and_repeats_nothing():
    seed = 20240917
    print("seed", seed)
    rng = random.Random(seed)
    bench = SenderBench(report_capacity=1024, journal_capacity=4096).ready()
    orders = []
    for _ in range(300):
        if rng.random() < 0.4:
            orders.append(bench.new())
        if orders and rng.random() < 0.2:
            bench.cancel(rng.choice(orders))
        bench.cycle(read=rng.choice([1, 3, 20, 500]), write=rng.choice([0, 0, 1, 5, 60, 1000]))
    bench.settle(cycles=2000)
    wire = [message[1] for message in bench.venue.received if message[0] == "O"]
    assert wire == sorted(set(wire))
    for order in orders:
        told = bench.told(order)
        assert [report["report_seq"] for report in told] == sorted({report["report_seq"] for report in told})
        row = bench.row(order)
        if row is not None:
            venue = bench.venue.orders.get(int(row["user_ref_num"]), NOWHERE)
            assert (int(row["leaves_lots"]), int(row["cum_lots"])) == (venue.leaves, venue.cum)


MALFORMED = {
    "length zero": b"\0\0S",
    "unknown packet type": b"\0\1?",
    "login answer in mid-session": b"\0\x1fA" + b" " * 30,
    "sequenced without a message": b"\0\1S",
    "unknown message type": b"\0\2S~",
    "accepted too short": b"\0\x0aSA" + bytes(8),
    "executed too long": struct.pack(">H", 60) + b"SE" + bytes(58),
    "appendage longer than the message": struct.pack(">H", 37) + b"SE" + bytes(33) + b"\0\x09",
    "65,535 bytes of nothing": b"\xff\xffS" + bytes(65534),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_bytes_are_counted_and_end_the_session(name):
    bench = SenderBench(report_capacity=64, journal_capacity=256).ready()
    order = bench.new()
    bench.settle()
    before = bench.counter(SENDER_MALFORMED)
    bench.to_sender += MALFORMED[name]
    for _ in range(40):
        bench.pull()
        bench.arrive()
        bench.step()
    assert bench.phase == 1
    assert bench.counter(SENDER_MALFORMED) == before + 1
    bench.to_sender = b""
    bench.venue.drop()
    bench.ready()
    bench.venue.execute(bench.ref(order), 100)
    bench.settle()
    assert bench.told(order)[-1]["cum_lots"] == 100


def test_random_bytes_never_crash_the_role():
    seed = 7
    print("seed", seed)
    rng = random.Random(seed)
    bench = SenderBench(report_capacity=1024, journal_capacity=4096).ready()
    bench.new()
    bench.settle()
    good = b"".join(struct.pack(">H", len(m) + 1) + b"S" + m for m in bench.venue.stream)
    for _ in range(300):
        spoilt = bytearray(rng.choice([good, rng.randbytes(rng.randrange(1, 200))]))
        for _ in range(rng.randrange(4)):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        if bench.phase == 1:
            bench.venue.drop()
            bench.connect()
        bench.put_frame(bytes(spoilt[: rng.randrange(1, len(spoilt) + 1)]))
        bench.step()
        bench.send()
        bench.venue.stream.clear()  # the venue's own count is of no interest here
        bench.venue.sent = 0


def test_an_order_that_we_never_sent_is_counted_reported_without_an_id_and_halts_the_session():
    bench = SenderBench(report_capacity=64, journal_capacity=256).ready()
    bench.venue.say("C", struct.pack(">IIc", 77_777, 10, b"U"))
    bench.settle()
    assert bench.counter(SENDER_UNKNOWN) >= 1
    assert bench.errors()[ERROR_SENDER_UNKNOWN_ORDER] == 1
    assert control_state(bench.control[0], 0, -1, -1) == STATE_ACTIVE, "a cancel of something unknown harms nobody"
    bench.venue.say("E", struct.pack(">IIQcQ", 77_777, 10, 1_000_000, b"A", 99) + b"\0\0")
    bench.settle()
    assert control_state(bench.control[0], 0, -1, -1) == STATE_HALTED
    for reader, wanted in ((0, 2), (1, 2), (2, 0)):
        told = bench.told(0, reader)
        assert len(told) == wanted, "the gate and position_keeper hear of it, no strategy does"
        assert all(report["instrument_id"] == -1 and report["strategy_id"] == -1 for report in told)
    bench.lose()
    bench.ready()
    assert control_state(bench.control[0], 0, -1, -1) == STATE_HALTED, "a new session does not take the halt back"


def test_more_executed_than_ordered_is_reported_and_halts_the_instrument():
    bench = SenderBench(report_capacity=64, journal_capacity=256).ready()
    order, other = bench.new(qty=100), bench.new(instrument=1)
    bench.settle()
    bench.venue.execute(bench.ref(order), 60)
    bench.venue.execute(bench.ref(order), 60)
    bench.settle()
    assert bench.errors()[ERROR_SENDER_OVERFILL] == 1
    assert [report["cum_lots"] for report in bench.told(order)] == [0, 60, 120]
    assert bench.told(order)[-1]["leaves_lots"] == 0
    assert control_state(bench.control[0], 0, 0, 0) == STATE_HALTED
    assert control_state(bench.control[0], 0, 0, 1) == STATE_ACTIVE
    assert bench.row(other)["leaves_lots"] == 100
    bench.venue.execute(bench.ref(order), 5)
    bench.settle()
    assert bench.told(order)[-1]["cum_lots"] == 125, "even then the position is told"


def test_a_broken_trade_that_is_unknown_or_broken_twice_is_counted_once_each():
    bench = SenderBench(report_capacity=64, journal_capacity=256).ready()
    order = bench.new()
    bench.settle()
    match = bench.venue.execute(bench.ref(order), 40, price=99_0000)
    bench.venue.break_trade(bench.ref(order), match)
    bench.settle()
    broken = bench.told(order)[-1]
    assert (broken["qty_lots"], broken["price_ticks"], broken["cum_lots"]) == (40, 99_0000, 0)
    bench.venue.break_trade(bench.ref(order), match)
    bench.venue.break_trade(bench.ref(order), 555)
    bench.settle()
    assert bench.errors()[ERROR_SENDER_UNKNOWN_TRADE] == 2
    assert bench.told(order)[-1]["report_seq"] == broken["report_seq"]


def test_a_corrected_trade_has_its_new_terms_and_is_corrected_as_often_as_the_venue_says():
    bench = SenderBench(report_capacity=64, journal_capacity=256).ready()
    order = bench.new()
    bench.settle()
    match = bench.venue.execute(bench.ref(order), 40, price=99_0000)
    for qty, price in ((40, 98_5000), (30, 98_0000)):
        bench.venue.correct_trade(bench.ref(order), match, qty, price)
        bench.settle()
        told = bench.told(order)[-1]
        assert told["kind"] == REPORT_CORRECTED
        assert (told["match_number"], told["qty_lots"], told["price_ticks"]) == (match, qty, price)
        assert (told["cum_lots"], told["leaves_lots"]) == (qty, 60)
    bench.lose()
    bench.ready()
    bench.settle()
    assert [report["kind"] for report in bench.told(order)].count(REPORT_CORRECTED) == 2, "a replay applies none twice"
    bench.venue.break_trade(bench.ref(order), match)
    bench.settle()
    broken = bench.told(order)[-1]
    assert (broken["qty_lots"], broken["price_ticks"], broken["cum_lots"]) == (30, 98_0000, 0)
    bench.venue.correct_trade(bench.ref(order), match, 10, 98_0000)
    bench.venue.correct_trade(bench.ref(order), 777, 10, 98_0000)
    bench.settle()
    assert bench.errors()[ERROR_SENDER_UNKNOWN_TRADE] == 2
    assert bench.told(order)[-1]["report_seq"] == broken["report_seq"]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("kind", [REPORT_BROKEN, REPORT_CORRECTED])
def test_a_trade_changes_long_after_its_orders_slot_is_anothers(kind, restart):
    bench = SenderBench(report_capacity=64, journal_capacity=256).ready()
    order = bench.new(instrument=1, strategy=1, side=2)
    bench.settle()
    ref = bench.ref(order)
    match = bench.venue.execute(ref, 100, price=99_0000)
    bench.settle()
    bench.next_ref = ref + SLOTS  # the next life's first order gets the same slot
    bench.restart()
    bench.ready()
    other = bench.new()
    bench.settle()
    assert bench.ref(other) == ref + SLOTS and bench.row(order) is None
    if restart:
        bench.restart()
        bench.ready()
    if kind == REPORT_BROKEN:
        bench.venue.break_trade(ref, match)
    else:
        bench.venue.correct_trade(ref, match, 90, 98_0000)
    bench.settle()
    told = bench.told(order)[-1]
    assert (told["kind"], told["match_number"], told["instrument_id"], told["strategy_id"]) == (kind, match, 1, 1)
    wanted = (100, 99_0000) if kind == REPORT_BROKEN else (90, 98_0000)
    assert (told["qty_lots"], told["price_ticks"], told["side"], told["leaves_lots"]) == (*wanted, 2, 0)
    assert bench.row(other)["cum_lots"] == 0
    assert bench.errors() == {} or set(bench.errors()) == {406}


def test_both_sides_of_a_trade_of_ours_have_one_number_and_break_each_for_itself():
    bench = SenderBench(report_capacity=64, journal_capacity=256).ready()
    buy, sell = bench.new(qty=100), bench.new(qty=100, side=2)
    bench.settle()
    match = bench.venue.execute(bench.ref(buy), 40)
    bench.venue.match -= 1
    assert bench.venue.execute(bench.ref(sell), 60) == match
    bench.venue.break_trade(bench.ref(buy), match)
    bench.settle()
    assert bench.told(buy)[-1]["qty_lots"] == 40
    bench.venue.break_trade(bench.ref(sell), match)
    bench.settle()
    assert bench.told(sell)[-1]["qty_lots"] == 60
    assert bench.errors() == {}


@pytest.mark.parametrize("total", [False, True])
def test_a_replaced_order_has_open_what_was_asked_for_less_what_was_executed(total):
    bench = SenderBench(report_capacity=64, journal_capacity=256).ready()
    bench.venue.replaced_total = total
    order = bench.new(qty=100)
    bench.settle()
    bench.venue.execute(bench.ref(order), 40)
    bench.settle()
    replaced = bench.replace(order, qty=150)
    bench.settle()
    told = bench.told(replaced)[-1]
    assert (told["qty_lots"], told["leaves_lots"], told["cum_lots"]) == (150, 110, 40)
    bench.venue.execute(bench.ref(replaced), 110)
    bench.settle()
    assert bench.told(replaced)[-1]["leaves_lots"] == 0
    assert bench.state.desk[0]["orders_open"] == 0

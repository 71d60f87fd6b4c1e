"""Orders of our session that no journal of ours knows: adopted, reported, cancelled; and those that never arrived.

A lost tail is made as a power loss makes it: the journal is put back to what it was some entries ago, everything that
was only in memory is new, and the venue goes on from where it really is.
"""

import struct

import pytest

from procs.order_sender.life_cycle import ORDER_STATE_CLOSED, ORDER_STATE_EXTERNAL, ORDER_STATE_UNKNOWN
from procs.order_sender.state import arrays_of
from shm.codes import (
    ORDER_ID_EXTERNAL,
    REPORT_ACCEPTED,
    REPORT_BROKEN,
    REPORT_CANCELED,
    REPORT_EXECUTED,
    REPORT_NEVER_ARRIVED,
    REPORT_REPLACED,
    REPORT_UNKNOWN,
    STATE_ACTIVE,
    STATE_HALTED,
)
from shm.control import control_state
from shm.counters import SENDER_EXTERNAL
from shm.error_log import ERROR_SENDER_EXTERNAL, ERROR_SENDER_UNKNOWN_ORDER
from shm.records.order import ORDER
from shm.records.report import REPORT
from shm.records.working import WORKING
from shm.scratch import scratch_ring, scratch_table
from tests.oracles.told import believe
from tests.support.ouch_venue import VenueOrder
from tests.support.sender_bench import GATE, KEEPER, STRATEGY, Reader, SenderBench

HOUSE = 2  # the bench has two strategies
FOREIGN_REF = 500_000_123


@pytest.fixture
def bench():
    return SenderBench(report_capacity=512, journal_capacity=1024).ready()


def lose_power(bench, on_disk):
    """Everything ends at once; the journal is what had reached the disk, the fabric and its readers are new."""
    bench.crash()
    bench.block[:] = on_disk
    bench.orders, bench.orders_in = scratch_ring(ORDER, 256)
    bench.reports = [scratch_ring(REPORT, 512) for _ in range(3)]
    bench.readers = [Reader(pair[1]) for pair in bench.reports]
    bench.working = scratch_table(WORKING, 64)
    bench.start()


def enter_elsewhere(bench, *, ref=FOREIGN_REF, side="B", qty=100, symbol="QNTB", price=100_0000):
    """Somebody else enters an order under our session's name; the venue accepts it."""
    bench.venue.orders[ref] = VenueOrder(ref, side, qty, symbol.ljust(8), price)
    bench.venue.next_ref = ref + 1
    bench.venue.accept(ref)
    return ref


def external(bench):
    """Rows of adopted orders, in order of adoption."""
    rows = arrays_of(bench.state).rows
    return sorted((row for row in rows if row["order_id"] >= ORDER_ID_EXTERNAL), key=lambda row: row["order_id"])


def told_external(bench, reader=GATE):
    return [report for report in bench.readers[reader].reports if report["order_id"] >= ORDER_ID_EXTERNAL]


def live_at_venue(bench):
    return [order.ref for order in bench.venue.orders.values() if order.live]


def rest(bench, cycles=12):
    """Settle, with the idle cycles that a look at every slot takes."""
    bench.settle()
    for _ in range(cycles):
        bench.cycle()
    return bench.settle()


def session_state(bench):
    return control_state(bench.control[0], 0, -1, -1)


def test_an_order_of_a_lost_tail_is_adopted_with_its_fills_and_cancelled(bench):
    kept = bench.new(qty=50)
    bench.settle()
    on_disk = bench.block.copy()
    lost = bench.new(qty=100, instrument=1, side=2, strategy=1)
    bench.settle()
    ref = bench.ref(lost)
    bench.venue.execute(ref, 30)
    bench.settle()
    lose_power(bench, on_disk)
    assert bench.row(lost) is None
    rest(bench.ready())
    (row,) = external(bench)
    assert (row["state"], row["cum_lots"], row["user_ref_num"]) == (ORDER_STATE_CLOSED, 30, ref)
    told = told_external(bench)
    assert [report["kind"] for report in told] == [REPORT_ACCEPTED, REPORT_EXECUTED, REPORT_CANCELED]
    assert [report["leaves_lots"] for report in told] == [100, 70, 0]
    assert {(r["strategy_id"], r["instrument_id"], r["side"]) for r in told} == {(HOUSE, 1, 2)}
    seen = [report["report_seq"] for report in told]
    assert seen == [report["report_seq"] for report in told_external(bench, KEEPER)]
    assert told_external(bench, STRATEGY) == []
    assert bench.counter(SENDER_EXTERNAL) == 1 and bench.errors()[ERROR_SENDER_EXTERNAL] == 1
    assert session_state(bench) == STATE_ACTIVE, "the replay healed it: nothing of ours could leave before its end"
    assert live_at_venue(bench) == [bench.ref(kept)], "no other order is touched"


def test_what_the_readers_believe_after_a_lost_tail_is_what_the_venue_has(bench):
    on_disk = bench.block.copy()
    orders = [bench.new(qty=100 + k, instrument=k % 2) for k in range(6)]
    bench.settle()
    for k, order in enumerate(orders):
        bench.venue.execute(bench.ref(order), 10 + k)
    bench.venue.execute(bench.ref(orders[5]), 90)
    bench.cancel(orders[0])
    bench.settle()
    lose_power(bench, on_disk)
    rest(bench.ready())
    believed = believe(bench.readers[KEEPER].reports)
    assert sum(order.traded for order in believed.values()) == sum(order.cum for order in bench.venue.orders.values())
    assert [order_id for order_id, order in believed.items() if order.open] == [] == live_at_venue(bench)
    again = bench.new(qty=5)
    bench.settle()
    assert [report["kind"] for report in bench.told(again)] == [REPORT_ACCEPTED], "trading goes on, ids are not reused"


def test_an_entry_whose_answer_was_in_the_lost_tail_is_its_own_again_and_one_that_never_left_dies_on_evidence(bench):
    bench.venue.auto = False
    arrived = bench.new(qty=100)
    bench.settle()
    never = bench.new(qty=70)
    bench.step()  # journalled, not sent
    on_disk = bench.block.copy()
    bench.venue.accept(bench.ref(arrived))
    bench.venue.execute(bench.ref(arrived), 40)
    bench.venue.auto = True
    lose_power(bench, on_disk)
    bench.settle()
    for order, lots in ((arrived, 100), (never, 70)):
        assert bench.row(order)["state"] == ORDER_STATE_UNKNOWN
        assert bench.told(order)[-1]["kind"] == REPORT_UNKNOWN and bench.told(order)[-1]["leaves_lots"] == lots
    for _ in range(50):
        bench.step(10**12)  # hours
    assert [bench.row(order)["state"] for order in (arrived, never)] == [ORDER_STATE_UNKNOWN] * 2, "time is no evidence"
    bench.ready().settle()
    assert bench.row(arrived)["leaves_lots"] == 60 and bench.row(arrived)["cum_lots"] == 40
    assert [report["kind"] for report in bench.told(never)][-2:] == [REPORT_UNKNOWN, REPORT_NEVER_ARRIVED]
    assert external(bench) == []


def test_a_phantom_stays_until_the_replay_is_at_its_end_and_the_query_is_answered(bench):
    bench.venue.auto = False
    phantom = bench.new(qty=70)
    bench.step()
    bench.restart()
    bench.venue.say("S", b"S")  # something to replay
    bench.connect()
    bench.send()  # the query leaves ...
    answer = bench.venue.stream.pop()  # ... and its answer is held back
    assert answer[:1] == b"Q"
    for _ in range(100):
        bench.cycle()
    assert bench.row(phantom)["state"] == ORDER_STATE_UNKNOWN and bench.phase != 3
    bench.venue.stream.append(answer)
    bench.venue.sent = len(bench.venue.stream) - 1
    bench.settle()
    assert bench.row(phantom)["state"] == ORDER_STATE_CLOSED and bench.phase == 3


def test_an_order_that_somebody_else_enters_now_is_adopted_cancelled_and_halts_the_session(bench):
    ours = bench.new()
    bench.settle()
    bench.venue.auto = False
    ref = enter_elsewhere(bench)
    bench.settle()
    (row,) = external(bench)
    assert row["state"] == ORDER_STATE_EXTERNAL and row["leaves_lots"] == 100 and row["cancel_asked"] == 1
    assert session_state(bench) == STATE_HALTED
    bench.venue.auto = True
    for message in [message for message in bench.venue.received if message[0] == "X"]:
        bench.venue.cancel_to(*message[1:])
    rest(bench, 600)  # a halted scope's orders are looked for a few slots a cycle
    assert ref not in live_at_venue(bench) and external(bench)[0]["state"] == ORDER_STATE_CLOSED
    assert bench.row(ours)["state"] == ORDER_STATE_CLOSED, "a halted session keeps no order"


def test_somebody_elses_replacement_of_our_order_belongs_to_its_strategy(bench):
    ours = bench.new(qty=100, strategy=1)
    bench.settle()
    bench.venue.execute(bench.ref(ours), 25)
    bench.settle()
    ref, old = FOREIGN_REF, bench.ref(ours)
    bench.venue.orders[ref] = VenueOrder(ref, "B", 200, "QNTA    ", 101_0000)
    bench.venue.replace(old, ref)
    rest(bench)
    told = told_external(bench)
    assert told[0]["kind"] == REPORT_REPLACED and told[0]["old_order_id"] == ours
    assert (told[0]["strategy_id"], told[0]["cum_lots"], told[0]["leaves_lots"]) == (1, 25, 175)
    assert bench.row(ours)["state"] == ORDER_STATE_CLOSED
    assert believe(bench.readers[GATE].reports)[ours].open is False
    assert told[-1]["kind"] == REPORT_CANCELED and told[-1]["leaves_lots"] == 0 and live_at_venue(bench) == []


@pytest.mark.parametrize("steps", range(6))
def test_a_crash_anywhere_in_an_adoption_gives_one_order_that_ends(bench, steps):
    enter_elsewhere(bench)
    for _ in range(steps):
        bench.pull()
        bench.arrive(7)
        bench.step()
    bench.restart()
    bench.venue.execute(FOREIGN_REF, 10) if FOREIGN_REF in live_at_venue(bench) else None
    rest(bench.ready())
    (row,) = external(bench)
    assert (row["state"], row["user_ref_num"]) == (ORDER_STATE_CLOSED, FOREIGN_REF)
    assert live_at_venue(bench) == []
    told = told_external(bench)
    assert [report["kind"] for report in told][0] == REPORT_ACCEPTED and told[-1]["leaves_lots"] == 0
    assert len({report["order_id"] for report in told}) == 1
    assert bench.counter(SENDER_EXTERNAL) == 1


def test_a_trade_of_an_external_order_can_be_broken_once(bench):
    ref = enter_elsewhere(bench)
    match = bench.venue.execute(ref, 10)
    bench.settle()
    bench.venue.break_trade(ref, match)
    bench.venue.break_trade(ref, match)
    bench.settle()
    broken = [report for report in told_external(bench) if report["kind"] == REPORT_BROKEN]
    assert [(report["qty_lots"], report["strategy_id"]) for report in broken] == [(10, HOUSE)]


CANNOT = {
    "an instrument that we do not know": dict(symbol="ELSE"),
    "an execution without an acknowledgement": None,
}


@pytest.mark.parametrize("why", CANNOT)
def test_what_cannot_be_adopted_halts_the_session_even_in_a_replay(bench, why):
    bench.lose()
    if CANNOT[why] is None:
        bench.venue.say("E", struct.pack(">IIQcQ", FOREIGN_REF, 10, 100_0000, b"A", 7) + b"\0\0")
    else:
        enter_elsewhere(bench, **CANNOT[why])
    bench.ready().settle()
    assert external(bench) == [] and session_state(bench) == STATE_HALTED
    assert bench.errors()[ERROR_SENDER_UNKNOWN_ORDER] == 1


def test_an_external_order_in_the_place_of_an_open_one_is_not_adopted_and_halts(bench):
    ours = bench.new()
    bench.settle()
    enter_elsewhere(bench, ref=bench.ref(ours) + 8192 * 1000)
    bench.settle()
    assert external(bench) == [] and session_state(bench) == STATE_HALTED
    assert bench.row(ours) is not None


def test_references_that_the_venue_has_passed_already_are_never_used(bench):
    """It would ignore them in silence: an order entered with one would stay unknown for ever."""
    bench.lose()
    enter_elsewhere(bench, ref=20)
    rest(bench.ready())
    order = bench.new()
    bench.settle()
    assert bench.ref(order) == 21
    assert [report["kind"] for report in bench.told(order)] == [REPORT_ACCEPTED]

"""Crashes and readers behind: nothing is sent twice, every report is applied once, the recovered state is the venue's."""

import random
import struct

import pytest

from procs.order_sender.entries import send_orders, take_orders
from procs.order_sender.life_cycle import ORDER_STATE_CLOSED
from procs.order_sender.state import arrays_of, check
from shm.codes import (
    REPORT_ACCEPTED,
    REPORT_CANCELED,
    REPORT_EXECUTED,
    REPORT_NEVER_ARRIVED,
    REPORT_UNKNOWN,
)
from shm.error_log import ERROR_SENDER_NO_EVIDENCE
from shm.latest import latest_current
from shm.records.report import REPORT
from shm.records.working import WORKING
from shm.ring import ring_resume_consumer
from shm.scratch import scratch_ring
from tests.support.sender_bench import GATE, KEEPER, STRATEGY, Reader, SenderBench
from tests.support.words import peek_record

QUIET = (
    "order_id intent_id user_ref_num venue_order_ref match_number price_ticks qty_lots leaves_lots cum_lots "
    "old_order_id state side tif kind cancel_asked instrument_id strategy_id"
).split()


def picture(bench):
    """What matters of every order that this process knows, by order id."""
    rows = arrays_of(bench.state).rows
    return {int(row["order_id"]): tuple(row[name].item() for name in QUIET) for row in rows if row["order_id"]}


def kinds(bench, order_id, reader=GATE):
    return [report["kind"] for report in bench.told(order_id, reader)]


def shown(bench):
    """Order ids in the `working` table."""
    table = bench.working[0]
    found = []
    for row in range(int(table["rows"])):
        address = latest_current(table, row)
        if address and peek_record(address, WORKING)["order_id"]:
            found.append(int(peek_record(address, WORKING)["order_id"]))
    return sorted(found)


def assert_once(bench):
    """Each reader applied each report_seq once and in order, and all readers agree on what they share."""
    for reader in bench.readers:
        sequences = [report["report_seq"] for report in reader.reports]
        assert sequences == sorted(set(sequences))
    for reader in (GATE, KEEPER):
        assert [r["report_seq"] for r in bench.readers[reader].reports] == list(
            range(1, bench.readers[reader].applied_seq + 1)
        )


@pytest.fixture
def bench():
    return SenderBench(report_capacity=128, journal_capacity=1024).ready()


def test_a_restart_gives_the_same_state_and_publishes_nothing_again(bench):
    bench.venue.auto = True
    orders = [bench.new(qty=100 + k, strategy=k % 2) for k in range(6)]
    bench.settle()
    bench.venue.execute(bench.ref(orders[1]), 30)
    bench.venue.execute(bench.ref(orders[2]), 102)
    bench.settle()
    bench.cancel(orders[3])
    bench.replace(orders[4], qty=200)
    bench.settle()
    before, working = picture(bench), shown(bench)
    told = [len(reader.reports) for reader in bench.readers]
    bench.restart()
    assert picture(bench) == before
    assert shown(bench) == working
    for reader in bench.readers:
        assert reader.read() == []
    assert [len(reader.reports) for reader in bench.readers] == told
    bench.ready()
    bench.settle()
    assert picture(bench) == before
    assert_once(bench)


def test_crash_after_journal_before_send(bench):
    order = bench.new()
    bench.step()
    assert bench.waiting() == 50
    bench.restart()
    bench.settle()
    assert kinds(bench, order) == [REPORT_UNKNOWN]
    assert bench.told(order)[0]["leaves_lots"] == 100, "exposure is kept"
    bench.ready()
    bench.settle()
    assert kinds(bench, order) == [REPORT_UNKNOWN, REPORT_NEVER_ARRIVED]
    assert [message[0] for message in bench.venue.received] == ["Q", "Q"], "never sent again"
    assert_once(bench)


@pytest.mark.parametrize("taken", range(0, 51, 7))
def test_crash_during_send_leaves_at_most_one_order_at_the_venue(bench, taken):
    order = bench.new()
    bench.step()
    bench.send(taken)
    bench.restart()
    bench.ready()
    bench.settle()
    assert kinds(bench, order) == [REPORT_UNKNOWN, REPORT_NEVER_ARRIVED]
    assert bench.venue.orders == {}


def test_crash_after_send_before_ack(bench):
    order = bench.new()
    bench.step()
    bench.send()
    ref = bench.ref(order)
    bench.restart()
    bench.venue.execute(ref, 40)
    bench.ready()
    bench.settle()
    assert kinds(bench, order) == [REPORT_UNKNOWN, REPORT_ACCEPTED, REPORT_EXECUTED]
    assert [message[0] for message in bench.venue.received].count("O") == 1
    assert bench.row(order)["leaves_lots"] == 60
    assert_once(bench)


def test_an_entry_that_the_venue_numbered_and_never_answered_stays_unknown(bench):
    bench.venue.auto = False
    order = bench.new()
    bench.step()
    bench.send()
    for _ in range(3):
        bench.restart()
        bench.ready()
        bench.settle()
    assert kinds(bench, order) == [REPORT_UNKNOWN], "no time and no restart closes it"
    assert bench.row(order)["leaves_lots"] == 100
    assert ERROR_SENDER_NO_EVIDENCE in bench.errors()
    bench.venue.accept(bench.ref(order))
    bench.settle()
    assert kinds(bench, order) == [REPORT_UNKNOWN, REPORT_ACCEPTED]


def test_crash_after_ack_before_publish(bench):
    order = bench.new()
    bench.step()
    bench.send()
    bench.pull()
    bench.arrive()
    bench.step()
    for (
        producer,
        _,
    ) in bench.reports:  # journalled, and in no ring: take the last slot back as if it had not been written
        end = arrays_of(bench.state).reports[bench.reports.index((producer, _))]
        end["next_seq"] -= 1
        peek_record(int(end["slots_addr"] + (end["next_seq"] & end["mask"]) * end["slot_bytes"]), WORKING)[
            "order_id"
        ] = 0
    bench.restart()
    for reader in bench.readers:
        reader.read()
    assert (
        kinds(bench, order, GATE) == kinds(bench, order, KEEPER) == kinds(bench, order, STRATEGY) == [REPORT_ACCEPTED]
    )
    assert_once(bench)
    bench.ready()
    bench.settle()
    assert kinds(bench, order) == [REPORT_ACCEPTED]


def test_an_order_in_the_ring_that_was_not_journalled_is_taken_after_the_restart(bench):
    bench.new()
    bench.step()
    held = bench.new()
    bench.step()  # read, held, not journalled
    bench.restart()
    bench.ready()
    bench.settle()
    assert kinds(bench, held) in ([REPORT_ACCEPTED], [10]), "sent now, or answered because no session was there"
    assert_once(bench)


def test_a_cancel_that_was_asked_for_is_sent_by_the_next_life(bench):
    bench.venue.auto = False
    order = bench.new()
    bench.settle()
    bench.venue.accept(bench.ref(order))
    bench.settle()
    bench.cancel(order)
    bench.step()
    bench.restart()
    bench.venue.auto = True
    bench.ready()
    bench.settle()
    assert kinds(bench, order) == [REPORT_ACCEPTED, REPORT_CANCELED]
    assert [message[0] for message in bench.venue.received].count("X") == 1


def test_references_are_never_reused_over_many_lives():
    bench = SenderBench(report_capacity=256, journal_capacity=4096).ready()
    for _ in range(12):
        for _ in range(4):
            bench.new()
            bench.cycle()
        bench.new()
        bench.step()
        bench.restart()
        bench.ready()
    bench.settle()
    sent = [message[1] for message in bench.venue.received if message[0] == "O"]
    assert sent == sorted(set(sent)) and len(sent) >= 48


def test_two_crashes_tell_unknown_once(bench):
    order = bench.new()
    bench.step()
    bench.send()
    bench.restart()
    bench.settle()
    bench.restart()
    bench.settle()
    assert kinds(bench, order) == [REPORT_UNKNOWN]
    bench.ready()
    bench.settle()
    assert kinds(bench, order) == [REPORT_UNKNOWN, REPORT_ACCEPTED]


def test_a_replacement_whose_original_died_in_the_crash_is_closed(bench):
    bench.venue.auto = False
    order = bench.new()
    bench.settle()
    bench.venue.accept(bench.ref(order))
    bench.settle()
    replacement = bench.replace(order, qty=150)
    bench.step()
    bench.send()
    bench.venue.execute(bench.ref(order), 100)
    bench.restart()
    bench.ready()
    bench.settle()
    assert kinds(bench, replacement) == [REPORT_UNKNOWN, REPORT_NEVER_ARRIVED]
    assert bench.state.desk[0]["orders_open"] == 0


def test_random_crashes_end_in_the_venues_state():
    seed = 41
    print("seed", seed)
    rng = random.Random(seed)
    for example in range(25):
        bench = SenderBench(report_capacity=256, journal_capacity=1024).ready()
        orders = []
        for _ in range(30):
            roll = rng.random()
            if roll < 0.35:
                orders.append(bench.new(qty=rng.randrange(1, 200), strategy=rng.randrange(2)))
            elif roll < 0.5 and orders:
                bench.cancel(rng.choice(orders))
            elif roll < 0.6 and orders:
                target = rng.choice(orders)
                row = bench.row(target)
                strategy = int(row["strategy_id"]) if row is not None else 0
                orders.append(bench.replace(target, qty=rng.randrange(200, 400), strategy=strategy))
            elif roll < 0.8:
                live = [order for order in bench.venue.orders.values() if order.live]
                if live:
                    order = rng.choice(live)
                    bench.venue.execute(order.ref, rng.randrange(1, order.leaves + 1))
            elif roll < 0.9:
                for reader in bench.readers:
                    reader.read(rng.randrange(5))
            if rng.random() < 0.7:
                bench.cycle(read=rng.choice([5, 40, 2048]), write=rng.choice([0, 13, 1000]))
            if rng.random() < 0.12:
                bench.restart()
                if rng.random() < 0.8:
                    bench.ready()
        if bench.phase == 1:
            bench.ready()
        bench.settle(cycles=500)
        where = f"seed {seed} example {example}"
        check(bench.state)
        assert_once(bench)
        rows = {int(row["user_ref_num"]): row for row in arrays_of(bench.state).rows if row["order_id"]}
        for ref, order in bench.venue.orders.items():
            row = rows[ref]
            assert (int(row["leaves_lots"]), int(row["cum_lots"])) == (order.leaves, order.cum), where
        for ref, row in rows.items():
            if ref not in bench.venue.orders:
                assert row["state"] == ORDER_STATE_CLOSED and row["cum_lots"] == 0, where
        traded = sum(order.cum for order in bench.venue.orders.values() if order.ref not in replaced_refs(bench))
        told = sum(report["qty_lots"] for report in bench.readers[KEEPER].reports if report["kind"] == REPORT_EXECUTED)
        assert told == traded, where


def replaced_refs(bench):
    """References whose executions were carried over to a replacement."""
    return {struct.unpack(">I", m[9:13])[0] for m in bench.venue.stream if m[:1] == b"U"}


# --- readers behind ---


def test_a_full_ring_marks_only_its_reader_behind_and_blocks_nobody():
    bench = SenderBench(report_capacity=8, journal_capacity=1024).ready()
    for _ in range(12):
        bench.new(strategy=0)
        bench.cycle()
        bench.readers[GATE].read()
        bench.readers[STRATEGY].read()
    for _ in range(20):
        bench.cycle()
        bench.readers[GATE].read()
        bench.readers[STRATEGY].read()
    assert [reader.behind for reader in bench.readers] == [False, True, False]
    assert len(bench.readers[GATE].reports) == len(bench.readers[STRATEGY].reports) == 12
    assert bench.readers[KEEPER].read() == bench.readers[GATE].reports[:8] or len(bench.readers[KEEPER].reports) == 8


def test_a_reader_that_read_the_journal_gets_the_rest_from_the_sender():
    bench = SenderBench(report_capacity=8, journal_capacity=1024).ready()
    for _ in range(14):
        bench.new()
        bench.cycle()
    bench.settle()
    keeper = bench.readers[KEEPER]
    for reader in bench.readers:
        reader.read()
    assert keeper.behind
    keeper.catch_up(bench.journal_reports()[:10])  # it read this far when three more came
    bench.step()
    assert not keeper.behind
    keeper.read()
    assert [report["report_seq"] for report in keeper.reports] == list(range(1, 15))


def test_too_much_missing_for_the_ring_keeps_the_reader_behind_until_it_read_more():
    bench = SenderBench(report_capacity=8, journal_capacity=1024).ready()
    for _ in range(40):
        bench.new()
        bench.cycle()
    bench.settle()
    keeper = bench.readers[KEEPER]
    keeper.read()
    ours = bench.journal_reports()
    keeper.catch_up(ours[:12])
    bench.step()
    assert keeper.behind, "28 are missing and the ring takes 8"
    keeper.catch_up(ours[:33])
    bench.step()
    assert not keeper.behind
    keeper.read()
    assert [report["report_seq"] for report in keeper.reports] == list(range(1, len(ours) + 1))


def test_a_strategy_behind_gets_only_its_own_reports_back():
    bench = SenderBench(report_capacity=8, journal_capacity=1024).ready()
    for k in range(30):
        bench.new(strategy=k % 2)
        bench.cycle()
        bench.readers[GATE].read()
        bench.readers[KEEPER].read()
    bench.settle()
    strategy = bench.readers[STRATEGY]
    strategy.read()
    assert strategy.behind
    strategy.catch_up(bench.journal_reports(strategy=0)[:-3])
    bench.step()
    assert not strategy.behind
    strategy.read()
    mine = [report["report_seq"] for report in bench.journal_reports(strategy=0)]
    assert [report["report_seq"] for report in strategy.reports] == mine


def test_a_reader_stays_behind_over_a_restart_of_the_sender():
    bench = SenderBench(report_capacity=8, journal_capacity=1024).ready()
    for _ in range(14):
        bench.new()
        bench.cycle()
    bench.settle()
    assert bench.readers[KEEPER].behind
    bench.restart()
    assert bench.readers[KEEPER].behind
    keeper = bench.readers[KEEPER]
    keeper.read()
    keeper.catch_up(bench.journal_reports())
    bench.step()
    assert not keeper.behind


def test_fresh_rings_beside_an_old_journal_get_what_fits_and_else_mean_behind():
    bench = SenderBench(report_capacity=64, journal_capacity=1024).ready()
    for _ in range(20):
        bench.new()
    bench.settle()
    bench.crash()
    bench.reports = [scratch_ring(REPORT, capacity) for capacity in (64, 8, 64)]
    bench.readers = [Reader(pair[1]) for pair in bench.reports]
    bench.start()
    for reader in bench.readers:
        reader.read()
    assert [reader.behind for reader in bench.readers] == [False, True, False]
    assert [len(reader.reports) for reader in bench.readers] == [20, 8, 20]
    bench.readers[KEEPER].catch_up(bench.journal_reports())
    bench.step()
    assert not bench.readers[KEEPER].behind


def test_the_queue_of_held_orders_gives_slots_back_only_when_they_are_safe(bench):
    bench.new()
    bench.step()
    for _ in range(5):
        bench.new()
    state = bench.state
    take_orders(state.desk[0], state.tx, state.ids, bench.now_ns)
    send_orders(state.desk[0], state.tx, state.ids, bench.now_ns)
    copy = bench.orders_in.copy()
    ring_resume_consumer(copy[0])
    assert int(copy[0]["next_seq"]) == 1, "the first was journalled, the five held ones are still in the ring"

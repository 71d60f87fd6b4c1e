"""Orders that leave in one send: what waits in the frame, what is taken out of it again, and in which order all leaves."""

import random

import pytest

from procs.order_sender.desk import WAITING_MAX
from procs.order_sender.state import arrays_of, check
from procs.order_sender.wire_out import may_send
from shm.codes import (
    REJECT_ALREADY_CANCELLING,
    REJECT_CANCEL_ONLY,
    REJECT_EXPIRED,
    REJECT_HALTED,
    REJECT_UNKNOWN_TARGET,
    REPORT_ACCEPTED,
    REPORT_EXPIRED,
    STATE_ACTIVE,
    STATE_CANCEL_ONLY,
    STATE_HALTED,
)
from shm.control import SCOPE_FIRM, control_instrument_scope, control_set
from shm.journal import JOURNAL_ORDER_SENT
from shm.records.control_end import CONTROL_OPERATOR
from shm.scratch import scratch_control_as
from tests.support.sender_bench import SenderBench


@pytest.fixture
def bench():
    return SenderBench(report_capacity=512, journal_capacity=2048).ready()


def operator_of(bench):
    return scratch_control_as(bench.control, CONTROL_OPERATOR)[0]


def wire(bench):
    """Letters and references of what the venue got behind the account query."""
    return [(message[0], message[1]) for message in bench.venue.received if message[0] != "Q"]


def fate(bench, order):
    report = bench.told(order)[-1]
    return report["kind"], report["reason"]


def test_all_orders_that_are_ready_leave_in_one_send_journalled_before(bench):
    orders = [bench.new(instrument=k % 2) for k in range(5)]
    replaced = bench.replace(orders[0])
    bench.step()
    assert bench.waiting() == 5 * 50 + 43
    assert [kind for kind, _ in bench.journal_entries()].count(JOURNAL_ORDER_SENT) == 6
    bench.send()
    assert [letter for letter, _ in wire(bench)] == list("OOOOOU")
    refs = [ref for letter, ref in wire(bench) if letter == "O"]
    assert refs == sorted(refs)
    bench.settle()
    assert bench.row(replaced)["leaves_lots"] == 100


def test_a_process_that_was_stopped_with_an_order_encoded_sends_it_not_when_it_wakes_up(bench):
    desk, stopped_ns = bench.state.desk[0], 600_000_000
    order = bench.new(expires_ns=bench.now_ns + 50_000_000)
    assert may_send(desk) == 1
    bench.step()
    assert bench.waiting() == 50
    desk["cycle_stamp_ns"] = bench.stamp() - stopped_ns
    assert may_send(desk) == 0, "its logic time is that old"
    bench.step(stopped_ns)
    desk["cycle_stamp_ns"] = bench.stamp()
    assert may_send(desk) == 1 and bench.waiting() == 0
    bench.settle()
    assert wire(bench) == []
    assert fate(bench, order) == (REPORT_EXPIRED, REJECT_EXPIRED)


def test_more_than_fit_leave_in_the_next_sends_in_order(bench):
    orders = [bench.new() for _ in range(2 * WAITING_MAX + 3)]
    bench.step()
    assert bench.waiting() == WAITING_MAX * 50
    bench.settle()
    assert [bench.row(order)["user_ref_num"] for order in orders] == [ref for _, ref in wire(bench)]
    assert all(fate(bench, order)[0] == REPORT_ACCEPTED for order in orders)


def test_a_cancel_in_the_same_cycle_goes_in_front_of_new_orders(bench):
    resting = bench.new()
    bench.settle()
    bench.new()
    bench.cancel(resting)
    bench.new()
    bench.step()
    bench.send()
    assert [letter for letter, _ in wire(bench)] == list("OXOO")


def test_cancels_go_in_front_of_orders_that_wait_whole_and_behind_one_that_has_begun(bench):
    resting = [bench.new() for _ in range(3)]
    bench.settle()
    for _ in range(3):
        bench.new()
    bench.step()
    bench.send(20)  # the first has begun
    bench.cancel(resting[0])
    bench.step()
    bench.cancel(resting[1])
    bench.cancel(resting[2])
    bench.step()
    bench.settle(cycles=600, write=1)
    assert [letter for letter, _ in wire(bench)] == list("OOO") + list("OXXXOO")
    assert [ref for letter, ref in wire(bench) if letter == "X"] == [1, 2, 3], "in the order in which they came"


def test_no_new_order_is_encoded_while_bytes_of_an_earlier_cycle_wait(bench):
    bench.new()
    bench.new()
    bench.step()
    bench.send(60)
    later = bench.new()
    for _ in range(3):
        bench.step()
    assert bench.waiting() == 40
    assert bench.row(later) is None
    bench.settle()
    assert fate(bench, later)[0] == REPORT_ACCEPTED


@pytest.mark.parametrize("state", [STATE_HALTED, STATE_CANCEL_ONLY])
@pytest.mark.parametrize("sent", [0, 1, 49, 50, 51, 100])
def test_a_stop_takes_every_order_out_of_which_no_byte_has_left(bench, state, sent):
    orders = [bench.new() for _ in range(4)]
    bench.step()
    bench.send(sent)
    control_set(operator_of(bench), SCOPE_FIRM, state)
    bench.step()
    begun = -(-sent // 50)
    cancels = begun if state == STATE_HALTED else 0  # of those that are as good as sent
    assert bench.waiting() == begun * 50 - sent + cancels * 12
    bench.settle()
    control_set(operator_of(bench), SCOPE_FIRM, STATE_ACTIVE)
    reason = REJECT_HALTED if state == STATE_HALTED else REJECT_CANCEL_ONLY
    assert [fate(bench, order) for order in orders[begun:]] == [(REPORT_EXPIRED, reason)] * (4 - begun)
    assert [letter for letter, _ in wire(bench)].count("O") == begun


def test_one_instruments_halt_takes_its_orders_out_from_between_the_others(bench):
    orders = [bench.new(instrument=k % 2, price=(10 + k) * 10_000) for k in range(6)]
    bench.step()
    operator = operator_of(bench)
    control_set(operator, control_instrument_scope(operator, 0), STATE_HALTED)
    bench.step()
    assert bench.waiting() == 3 * 50
    bench.settle()
    assert [fate(bench, order)[0] for order in orders] == [REPORT_EXPIRED, REPORT_ACCEPTED] * 3
    assert [message[5] for message in bench.venue.received if message[0] == "O"] == [110_000, 130_000, 150_000]


def test_of_several_that_wait_the_expired_and_the_cancelled_die_and_the_rest_leaves(bench):
    short = bench.new(expires_ns=bench.now_ns + 50_000)
    cancelled, stays = bench.new(), bench.new()
    bench.step()
    bench.cancel(cancelled)
    bench.step(advance_ns=100_000)
    assert bench.waiting() == 50
    bench.settle()
    assert fate(bench, short) == (REPORT_EXPIRED, REJECT_EXPIRED)
    assert fate(bench, cancelled) == (REPORT_EXPIRED, REJECT_ALREADY_CANCELLING)
    assert fate(bench, stays)[0] == REPORT_ACCEPTED
    assert len(wire(bench)) == 1


def test_a_replacement_dies_with_its_original_when_both_wait(bench):
    order = bench.new()
    replaced = bench.replace(order)
    bench.step()
    assert bench.waiting() == 50 + 43
    bench.cancel(order)
    bench.step()
    assert bench.waiting() == 0
    bench.settle()
    assert fate(bench, order) == (REPORT_EXPIRED, REJECT_ALREADY_CANCELLING)
    assert fate(bench, replaced) == (REPORT_EXPIRED, REJECT_UNKNOWN_TARGET)
    assert wire(bench) == [] and bench.state.desk[0]["orders_open"] == 0


def test_with_a_full_journal_what_may_not_leave_is_taken_out_all_the_same(bench):
    orders = [bench.new() for _ in range(3)]
    bench.step()
    bench.copier_held = True
    journal = arrays_of(bench.state).journal[0]
    room = int(journal["capacity"] - (journal["next_seq"] - journal["watermark_cached"]))
    journal["watermark_cached"] -= room  # as if the copier had stopped long ago
    control_set(operator_of(bench), SCOPE_FIRM, STATE_HALTED)
    capacity = int(journal["capacity"])
    journal["capacity"] = 0
    bench.step()
    assert bench.waiting() == 0
    assert bench.told(orders[0]) == []
    journal["capacity"] = capacity
    bench.copier_held = False
    bench.settle()
    assert [fate(bench, order) for order in orders] == [(REPORT_EXPIRED, REJECT_HALTED)] * 3
    assert wire(bench) == []


def test_a_reduce_of_an_order_that_waits_or_is_held_follows_it(bench):
    waits = bench.new(qty=100)
    bench.step()
    held = bench.new(qty=100)
    bench.reduce(waits, 60)
    bench.reduce(held, 70)
    bench.settle()
    assert [letter for letter, _ in wire(bench)] == list("OXOX")
    assert (int(bench.row(waits)["leaves_lots"]), int(bench.row(held)["leaves_lots"])) == (60, 70)


def test_random_stops_cancels_and_cuts_never_split_or_reorder_messages():
    seed = 606
    print("seed", seed)
    rng = random.Random(seed)
    bench = SenderBench(report_capacity=4096, journal_capacity=8192).ready()
    operator = operator_of(bench)
    orders = []
    for _ in range(400):
        for _ in range(rng.randrange(4)):
            roll = rng.random()
            if roll < 0.6 or not orders:
                short = rng.random() < 0.2
                expires_ns = bench.now_ns + rng.choice([1000, 3000]) if short else None
                orders.append(bench.new(instrument=rng.randrange(2), expires_ns=expires_ns))
            elif roll < 0.75:
                bench.cancel(rng.choice(orders))
            elif roll < 0.85:
                bench.reduce(rng.choice(orders), rng.randrange(1, 100))
            else:
                target = rng.choice(orders[-8:])
                row = bench.row(target)
                instrument = 0 if row is None else int(row["instrument_id"])
                orders.append(bench.replace(target, instrument=instrument))
        scope = control_instrument_scope(operator, rng.randrange(2))
        control_set(operator, scope, STATE_CANCEL_ONLY if rng.random() < 0.1 else STATE_ACTIVE)
        bench.cycle(read=rng.choice([7, 60, 2048]), write=rng.choice([0, 1, 20, 50, 93, 1000, 1000]))
    for instrument in range(2):
        control_set(operator, control_instrument_scope(operator, instrument), STATE_ACTIVE)
    bench.settle(cycles=2000)
    check(bench.state)
    numbers = [
        message[2] if message[0] == "U" else message[1] for message in bench.venue.received if message[0] in "OU"
    ]
    assert numbers == sorted(set(numbers))
    reached = set(numbers)
    for order in orders:
        row = bench.row(order)
        last = fate(bench, order)[0]
        if row is None:
            assert last == REPORT_EXPIRED
        elif last == REPORT_EXPIRED:
            assert int(row["user_ref_num"]) not in reached, "it was taken out and left all the same"
        else:
            assert int(row["user_ref_num"]) in reached
            standing = bench.venue.orders.get(int(row["user_ref_num"]))
            assert int(row["leaves_lots"]) == (standing.leaves if standing and standing.live else 0)
    assert len(reached) > 100 and bench.errors() == {}

"""From the orders ring to the wire: kill state, expiry, cancels first, what dies here, ids, and what each of them counts."""

import pytest

from procs.order_sender.cancels import HALT_BATCH
from procs.order_sender.state import SLOTS, arrays_of
from shm.codes import (
    REJECT_ALREADY_CANCELLING,
    REJECT_CANCEL_ONLY,
    REJECT_EXPIRED,
    REJECT_HALTED,
    REJECT_KIND,
    REJECT_NOT_APPROVED,
    REJECT_SESSION,
    REJECT_UNKNOWN_TARGET,
    REPORT_ACCEPTED,
    REPORT_CANCELED,
    REPORT_EXPIRED,
    REPORT_UNKNOWN,
    STATE_ACTIVE,
    STATE_CANCEL_ONLY,
    STATE_HALTED,
    STATE_REDUCING,
)
from shm.control import (
    SCOPE_FIRM,
    control_instrument_scope,
    control_session_scope,
    control_set,
    control_state,
    control_strategy_scope,
)
from shm.counters import SENDER_CANCELS_SENT, SENDER_EXPIRED, SENDER_HEARTBEATS, SENDER_SENT
from shm.error_log import (
    ERROR_SENDER_BAD_ORDER,
    ERROR_SENDER_DUPLICATE,
    ERROR_SENDER_JOURNAL,
    ERROR_SENDER_NO_IDS,
    ERROR_SENDER_SESSION_LOST,
    ERROR_SENDER_UNKNOWN_TARGET,
)
from shm.ids import IDS_END, IDS_NEXT
from shm.journal import JOURNAL_ORDER_SENT
from shm.records.control_end import CONTROL_OPERATOR
from shm.records.histogram import HISTOGRAM, HISTOGRAM_BYTES
from shm.scratch import scratch_control_as
from tests.support.sender_bench import SenderBench
from tests.support.words import peek_record


@pytest.fixture
def bench():
    return SenderBench(report_capacity=128, journal_capacity=512).ready()


def kinds(bench, order_id):
    return [(report["kind"], report["reason"]) for report in bench.told(order_id)]


@pytest.mark.parametrize(
    ("scope", "state", "result"),
    [
        ("firm", STATE_HALTED, REJECT_HALTED),
        ("firm", STATE_CANCEL_ONLY, REJECT_CANCEL_ONLY),
        ("session", STATE_HALTED, REJECT_HALTED),
        ("strategy", STATE_HALTED, REJECT_HALTED),
        ("instrument", STATE_CANCEL_ONLY, REJECT_CANCEL_ONLY),
        ("other instrument", STATE_HALTED, 0),
        ("firm", STATE_REDUCING, 0),
        ("firm", STATE_ACTIVE, 0),
    ],
)
def test_control_is_read_right_before_encoding_and_cancels_pass_it(bench, scope, state, result):
    resting = bench.new()
    bench.settle()
    operator = scratch_control_as(bench.control, CONTROL_OPERATOR)[0]
    scopes = {
        "firm": SCOPE_FIRM,
        "session": control_session_scope(operator, 0),
        "strategy": control_strategy_scope(operator, 0),
        "instrument": control_instrument_scope(operator, 0),
        "other instrument": control_instrument_scope(operator, 1),
    }
    order, replaced = bench.new(), bench.replace(resting)
    control_set(operator, scopes[scope], state)  # the records are in the ring, not yet encoded
    bench.settle()
    if result:
        assert kinds(bench, order) == [(REPORT_EXPIRED, result)]
        assert kinds(bench, replaced) == [(REPORT_EXPIRED, result)]
        assert len(bench.venue.received) == 2, "query and the first order"
        bench.cancel(resting)
        bench.settle()
        assert bench.venue.received[-1][0] == "X"
        assert bench.told(resting)[-1]["kind"] == REPORT_CANCELED
    else:
        assert kinds(bench, order)[0][0] == REPORT_ACCEPTED
        assert [message[0] for message in bench.venue.received].count("U") == 1


def test_an_expired_order_dies_here_and_its_bytes_never_exist(bench):
    late = bench.new(expires_ns=bench.now_ns)
    edge = bench.new(expires_ns=bench.now_ns + 1000)
    forever = bench.new(expires_ns=0)
    bench.settle()
    assert kinds(bench, late) == [(REPORT_EXPIRED, REJECT_EXPIRED)]
    report = bench.told(late)[0]
    assert (report["leaves_lots"], report["user_ref_num"], report["venue_seq"], report["send_stamp_ns"]) == (0, 0, 0, 0)
    assert kinds(bench, edge)[0][0] == REPORT_ACCEPTED or kinds(bench, edge) == [(REPORT_EXPIRED, REJECT_EXPIRED)]
    assert kinds(bench, forever)[0][0] == REPORT_ACCEPTED
    assert bench.row(late) is None


def test_without_a_session_orders_die_and_cancels_wait_for_it(bench):
    resting = bench.new()
    bench.settle()
    bench.lose()
    assert control_state(bench.control[0], 0, -1, -1) == STATE_CANCEL_ONLY
    order = bench.new()
    bench.cancel(resting)
    bench.settle()
    assert kinds(bench, order)[-1][0] == REPORT_EXPIRED
    assert kinds(bench, order)[-1][1] in (REJECT_SESSION, REJECT_CANCEL_ONLY)
    assert bench.row(resting)["cancel_due"] == 1
    bench.ready()
    bench.settle()
    assert control_state(bench.control[0], 0, -1, -1) == STATE_ACTIVE
    assert bench.told(resting)[-1]["kind"] == REPORT_CANCELED


def test_a_new_order_waits_while_bytes_wait_and_a_cancel_does_not(bench):
    resting = bench.new()
    bench.settle()
    bench.send(0)
    first = bench.new()
    bench.step()  # encoded, not sent
    second = bench.new()
    bench.cancel(resting)
    bench.step()
    waiting = bench.waiting()
    assert waiting == 50 + 12, "one order and one cancel"
    sent = bench.send()
    assert [message[0] for message in bench.venue.received[-2:]] == ["X", "O"], "the cancel went in front"
    assert len(sent) == waiting
    bench.settle()
    refs = [message[1] for message in bench.venue.received if message[0] == "O"]
    assert refs == sorted(refs)
    assert bench.told(first)[0]["kind"] == bench.told(second)[0]["kind"] == REPORT_ACCEPTED


def test_a_cancel_behind_a_partly_sent_order_follows_it_whole(bench):
    resting = bench.new()
    bench.settle()
    bench.new()
    bench.step()
    bench.send(7)
    bench.cancel(resting)
    bench.step()
    bench.settle(write=1)
    assert [message[0] for message in bench.venue.received[-2:]] == ["O", "X"]


def test_an_order_whose_cancel_is_behind_it_in_the_queue_dies_here(bench):
    bench.new()
    bench.step()  # its bytes wait, so the next ones are held
    held = bench.new()
    bench.cancel(held)
    bench.step()
    bench.settle()
    assert kinds(bench, held) == [(REPORT_EXPIRED, REJECT_ALREADY_CANCELLING)]
    assert [message[0] for message in bench.venue.received].count("X") == 0


def test_an_order_whose_cancel_comes_while_it_waits_whole_is_taken_back(bench):
    order = bench.new()
    bench.step()
    assert bench.waiting() == 50
    bench.cancel(order)
    bench.step()
    assert bench.waiting() == 0
    bench.settle()
    assert kinds(bench, order) == [(REPORT_EXPIRED, REJECT_ALREADY_CANCELLING)]
    assert len(bench.venue.received) == 1, "only the account query"


@pytest.mark.parametrize("how", ["halt", "expiry"])
def test_an_order_that_waits_whole_is_taken_back_when_it_may_no_longer_leave(bench, how):
    order = bench.new(expires_ns=bench.now_ns + 50_000)
    bench.step()
    assert bench.waiting() == 50
    if how == "halt":
        control_set(scratch_control_as(bench.control, CONTROL_OPERATOR)[0], SCOPE_FIRM, STATE_HALTED)
        bench.step()
    else:
        bench.step(advance_ns=100_000)
    assert bench.waiting() == 0
    bench.settle()
    assert kinds(bench, order) == [(REPORT_EXPIRED, REJECT_HALTED if how == "halt" else REJECT_EXPIRED)]
    assert len(bench.venue.received) == 1


def test_a_second_cancel_is_not_sent(bench):
    bench.venue.auto = False
    order = bench.new()
    bench.settle()
    bench.venue.accept(bench.ref(order))
    before = bench.counter(SENDER_CANCELS_SENT)
    for _ in range(3):
        bench.cancel(order)
        bench.settle()
    assert [message[0] for message in bench.venue.received].count("X") == 1
    assert bench.counter(SENDER_CANCELS_SENT) == before + 1


def test_a_cancel_of_a_closed_order_is_silent_and_one_of_an_unknown_order_is_an_error(bench):
    order = bench.new()
    bench.settle()
    bench.venue.execute(bench.ref(order), 100)
    bench.settle()
    bench.cancel(order)
    bench.settle()
    assert ERROR_SENDER_UNKNOWN_TARGET not in bench.errors()
    bench.cancel(999_999)
    bench.settle()
    assert bench.errors()[ERROR_SENDER_UNKNOWN_TARGET] == 1


def test_a_replace_of_an_order_that_cannot_be_replaced_dies_here(bench):
    order = bench.new()
    bench.settle()
    bench.venue.execute(bench.ref(order), 100)
    bench.settle()
    closed, other_side = bench.replace(order), bench.new()
    bench.settle()
    wrong = bench.replace(other_side, side=2)
    never = bench.replace(888_888)
    bench.settle()
    for order_id in (closed, wrong):
        assert kinds(bench, order_id) == [(REPORT_EXPIRED, REJECT_UNKNOWN_TARGET)]
    assert kinds(bench, never) == [(REPORT_EXPIRED, REJECT_NOT_APPROVED)], "it names no order that was before it"


@pytest.mark.parametrize(
    "fields",
    [
        {"qty": 0},
        {"qty": -5},
        {"qty": 1_000_000},
        {"price": 0},
        {"price": -1},
        {"price": 2_000_000_000},
        {"side": 0},
        {"side": 3},
        {"instrument": -1},
        {"instrument": 2},
        {"instrument": 1 << 30},
    ],
    ids=str,
)
def test_a_record_that_no_gate_may_write_is_answered_and_counted_and_reaches_no_index(bench, fields):
    order = bench.new(**fields)
    bench.settle()
    assert kinds(bench, order) == [(REPORT_EXPIRED, REJECT_KIND)]
    assert bench.errors()[ERROR_SENDER_BAD_ORDER] == 1
    assert len(bench.venue.received) == 1


def test_an_order_id_that_came_before_is_dropped_and_counted(bench):
    bench.new()
    bench.settle()
    bench.next_order_id -= 1
    bench.new()
    bench.settle()
    assert [message[0] for message in bench.venue.received].count("O") == 1
    assert bench.errors()[ERROR_SENDER_DUPLICATE] == 1


def test_every_order_on_the_wire_was_journalled_before_with_the_same_reference(bench):
    for _ in range(20):
        bench.new()
        bench.step()
        journalled = [kind for kind, _ in bench.journal_entries()].count(JOURNAL_ORDER_SENT)
        assert journalled > [message[0] for message in bench.venue.received].count("O")
        bench.send()
    bench.settle()
    wire = [message[1] for message in bench.venue.received if message[0] == "O"]
    assert wire == sorted(set(wire))


def test_without_reference_numbers_an_order_dies_and_later_ones_live_again(bench):
    ids = bench.state.ids
    end = int(ids[IDS_END])
    ids[IDS_END] = ids[IDS_NEXT]
    order = bench.new()
    bench.settle()
    assert kinds(bench, order) == [(REPORT_EXPIRED, REJECT_SESSION)]
    assert bench.errors()[ERROR_SENDER_NO_IDS] == 1
    ids[IDS_END] = end
    again = bench.new()
    bench.settle()
    assert kinds(bench, again)[0][0] == REPORT_ACCEPTED


def test_a_reference_above_32_bits_is_never_used(bench):
    bench.state.ids[IDS_NEXT] = 1 << 32
    bench.state.ids[IDS_END] = (1 << 32) + 10
    order = bench.new()
    bench.settle()
    assert kinds(bench, order) == [(REPORT_EXPIRED, REJECT_SESSION)]


def test_a_copier_too_far_behind_stops_new_orders_but_no_cancels(bench):
    resting = bench.new()
    bench.settle()
    bench.copier_held = True
    while not bench.errors().get(ERROR_SENDER_JOURNAL):
        order = bench.new()
        bench.settle()
    assert kinds(bench, order) == [(REPORT_EXPIRED, REJECT_SESSION)]
    bench.cancel(resting)
    bench.settle()
    assert bench.told(resting)[-1]["kind"] == REPORT_CANCELED
    bench.copier_held = False
    again = bench.new()
    bench.settle()
    assert kinds(bench, again)[0][0] == REPORT_ACCEPTED


def test_with_a_full_journal_the_venue_waits_and_nothing_is_lost():
    bench = SenderBench(report_capacity=512, journal_capacity=64).ready()
    orders = [bench.new() for _ in range(8)]
    bench.settle()
    bench.copier_held = True
    for _ in range(20):
        for order in orders:
            bench.venue.execute(bench.ref(order), 1)
    for _ in range(30):
        bench.cycle()
    journal = arrays_of(bench.state).journal[0]
    assert journal["next_seq"] - journal["watermark_cached"] <= 64
    bench.copier_held = False
    bench.settle(cycles=300)
    for order in orders:
        assert bench.told(order)[-1]["cum_lots"] == 20
    assert len([report for report in bench.readers[0].reports if report["match_number"]]) == 160


def test_our_silence_is_broken_by_a_heartbeat_and_the_venues_ends_the_session(bench):
    desk = bench.state.desk[0]
    desk["heartbeat_ns"], desk["silence_ns"] = 1_000_000_000, 5_000_000_000
    desk["spoke_stamp_ns"] -= 2_000_000_000
    bench.step()
    bench.send()
    assert bench.venue.heartbeats == 1
    bench.step()
    assert bench.waiting() == 0, "one is enough"
    desk["heard_stamp_ns"] -= 6_000_000_000
    bench.step()
    assert bench.phase == 1
    assert bench.errors()[ERROR_SENDER_SESSION_LOST] == 1
    assert bench.state.port_in.fds[0] == bench.state.port_out.fds[0] == -1


def test_a_server_heartbeat_keeps_the_session(bench):
    desk = bench.state.desk[0]
    before = bench.counter(SENDER_HEARTBEATS)
    desk["silence_ns"] = 5_000_000_000
    desk["heard_stamp_ns"] -= 6_000_000_000
    bench.put_frame(b"\0\1H")
    bench.step()
    assert bench.phase == 3
    assert bench.counter(SENDER_HEARTBEATS) == before + 1


def test_bytes_that_the_socket_refuses_for_too_long_make_the_session_unusable(bench):
    order = bench.new()
    bench.step()
    bench.send(20)
    bench.step()
    assert bench.phase == 3 and bench.state.desk[0]["refused_stamp_ns"] > 0
    bench.state.desk[0]["unsent_ns"] = 10_000_000_000
    bench.state.desk[0]["refused_stamp_ns"] -= 11_000_000_000
    bench.step()
    assert bench.phase == 1
    for _ in range(20):
        bench.step()
    bench.settle()
    assert kinds(bench, order) == [(REPORT_UNKNOWN, 0)]


def test_tick_to_order_and_send_are_recorded_for_orders_that_a_tick_caused(bench):
    def counted(hop):
        return int(peek_record(int(bench.me[0]["histograms_addr"]) + hop * HISTOGRAM_BYTES, HISTOGRAM)["count"])

    before = [counted(hop) for hop in range(3)]
    bench.new(recv=bench.stamp())
    bench.settle()
    bench.new(recv=0)
    bench.settle()
    after = [counted(hop) for hop in range(3)]
    assert [late - early for late, early in zip(after, before, strict=True)] == [2, 1, 2]


def test_many_open_orders_can_be_cancelled_at_once_though_the_frame_holds_fewer(bench):
    orders = [bench.new() for _ in range(200)]
    bench.settle(cycles=500)
    assert bench.state.desk[0]["orders_open"] == 200
    for order in orders:
        bench.cancel(order)
    bench.settle(cycles=300)
    assert bench.state.desk[0]["orders_open"] == 0
    assert [message[0] for message in bench.venue.received].count("X") == 200
    assert bench.counter(SENDER_EXPIRED) == bench.counter(SENDER_EXPIRED)
    assert bench.counter(SENDER_SENT) >= 200


@pytest.mark.parametrize("scope", ["firm", "session", "strategy", "instrument"])
def test_a_halt_cancels_what_works_without_any_help_from_the_gate(bench, scope):
    order = bench.new()
    bench.step()
    bench.settle()
    operator = scratch_control_as(bench.control, CONTROL_OPERATOR)[0]
    at = {
        "firm": SCOPE_FIRM,
        "session": control_session_scope(operator, 0),
        "strategy": control_strategy_scope(operator, 0),
        "instrument": control_instrument_scope(operator, 0),
    }[scope]
    control_set(operator, at, STATE_CANCEL_ONLY)
    for _ in range(SLOTS // HALT_BATCH + 1):
        bench.step()
    assert bench.counter(SENDER_CANCELS_SENT) == 0, "under CANCEL_ONLY the gate cancels"
    control_set(operator, at, STATE_HALTED)
    for _ in range(SLOTS // HALT_BATCH + 1):
        bench.step()
    bench.settle()
    assert bench.counter(SENDER_CANCELS_SENT) == 1
    assert kinds(bench, order)[-1][0] == REPORT_CANCELED

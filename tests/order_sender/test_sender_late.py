"""A process that was stopped and wakes late, and a socket that takes no more: nothing old leaves, nothing is given free."""

import socket
import time

import pytest

from procs.order_sender.desk import PHASE_DOWN, PHASE_READY
from procs.order_sender.life_cycle import ORDER_STATE_UNKNOWN
from procs.order_sender.session import H_REASON, LOST_SLEPT, LOST_UNSENT, word
from procs.order_sender.state import arrays_of
from procs.order_sender.wire_out import poll_out
from shm.codes import (
    REJECT_SESSION,
    REPORT_ACCEPTED,
    REPORT_EXPIRED,
    REPORT_NEVER_ARRIVED,
    REPORT_UNKNOWN,
    STATE_ACTIVE,
    STATE_CANCEL_ONLY,
)
from shm.control import control_state
from tests.order_sender.test_sender_session import Live
from tests.support.sender_bench import SenderBench

SILENCE_NS, UNSENT_NS = 2_500_000_000, 50_000_000


@pytest.fixture
def bench():
    made = SenderBench(report_capacity=256, journal_capacity=1024).ready()
    made.state.desk[0]["silence_ns"] = SILENCE_NS
    return made


@pytest.fixture
def live(tmp_path):
    made = Live(tmp_path)
    made.server.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    yield made
    made.client.close()
    made.server.close()


def slept(bench, ns):
    """As if the process had been stopped for so long between two cycles."""
    bench.state.desk[0]["awake_stamp_ns"] -= ns


def kinds(bench, order):
    return [report["kind"] for report in bench.told(order)]


def test_after_a_sleep_as_long_as_the_venues_silence_nothing_leaves_until_there_is_evidence(bench):
    bench.step()
    encoded = bench.new()
    bench.step()  # in the frame; the process stops before the send
    waiting = bench.new()  # in the ring meanwhile, and far from its expiry
    slept(bench, SILENCE_NS + 1)
    bench.cycle()
    assert bench.phase == PHASE_DOWN and word(bench.state.desk[0], H_REASON) == LOST_SLEPT
    assert control_state(bench.control[0], 0, -1, -1) == STATE_CANCEL_ONLY
    for _ in range(40):
        bench.cycle()
    bench.settle()
    assert kinds(bench, encoded) == [REPORT_UNKNOWN] and bench.row(encoded)["state"] == ORDER_STATE_UNKNOWN
    assert kinds(bench, waiting) == [REPORT_EXPIRED] and bench.told(waiting)[0]["reason"] == REJECT_SESSION
    assert [message for message in bench.venue.received if message[0] == "O"] == []
    bench.ready().settle()
    assert kinds(bench, encoded) == [REPORT_UNKNOWN, REPORT_NEVER_ARRIVED]
    assert control_state(bench.control[0], 0, -1, -1) == STATE_ACTIVE


def test_a_shorter_sleep_keeps_the_session_and_orders_die_of_their_expiry(bench):
    bench.step()
    late, fresh = bench.new(expires_ns=bench.now_ns + 50_000_000), bench.new()
    slept(bench, 600_000_000)
    bench.step(600_000_000)
    bench.settle()
    assert bench.phase == PHASE_READY
    assert kinds(bench, late) == [REPORT_EXPIRED] and kinds(bench, fresh) == [REPORT_ACCEPTED]


def test_a_pause_between_decision_and_send_costs_an_order_its_expiry_and_not_the_firm_its_session(live):
    live.ready()
    bench, desk = live.bench, live.bench.state.desk[0]
    desk["unsent_ns"] = UNSENT_NS
    late, fresh = bench.new(expires_ns=bench.now_ns + 50_000_000), bench.new()
    bench.step()
    assert bench.waiting() == 100
    desk["cycle_stamp_ns"] -= 600_000_000  # stopped here, for longer than a socket may refuse
    assert poll_out(bench.state) == 0 and bench.waiting() == 100, "judged too long ago"
    bench.step(600_000_000)
    assert bench.waiting() == 50, "what has expired is taken out"
    live.until(lambda: bench.told(fresh), "the answer to what may still leave")
    assert bench.phase == PHASE_READY and word(desk, H_REASON) == 0
    assert kinds(bench, late) == [REPORT_EXPIRED] and kinds(bench, fresh) == [REPORT_ACCEPTED]


def test_what_the_socket_refused_for_too_long_is_not_offered_again(live):
    live.ready()
    desk = live.bench.state.desk[0]
    desk["unsent_ns"], never = UNSENT_NS, int(desk["unsent_ns"])
    order = live.bench.new()
    live.bench.step()
    assert live.bench.waiting() == 50
    desk["refused_stamp_ns"] = live.bench.stamp() - UNSENT_NS - 1  # offered once, then stopped here
    assert poll_out(live.bench.state) == 0 and live.bench.waiting() == 50
    live.turn()
    assert live.bench.phase == PHASE_DOWN and word(desk, H_REASON) == LOST_UNSENT
    desk["unsent_ns"] = never
    live.ready()
    live.until(lambda: len(live.bench.told(order)) == 2, "the evidence")
    assert kinds(live.bench, order) == [REPORT_UNKNOWN, REPORT_NEVER_ARRIVED]
    assert live.bench.venue.orders == {}


def test_a_socket_that_takes_no_more_is_left_and_every_entry_gets_its_evidence(live):
    """Both buffers are small and the venue reads nothing: the last bytes stay here, older than they may be."""
    live.ready()
    bench, desk = live.bench, live.bench.state.desk[0]
    live.client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
    live.server.turn, reads = lambda: None, live.server.turn
    orders, full_s = [], time.monotonic()
    while time.monotonic() < full_s + 0.25:  # the kernel may take a little more later
        if not bench.waiting():
            assert len(orders) < 400, "the socket takes everything"
            orders += [bench.new() for _ in range(8)]
            full_s = time.monotonic()
        live.turn()
    queued = bench.new()
    desk["unsent_ns"], never = UNSENT_NS, int(desk["unsent_ns"])
    live.until(lambda: bench.phase == PHASE_DOWN, "the session is left")
    assert word(desk, H_REASON) == LOST_UNSENT
    print(f"{len(orders)} orders filled the buffers of both ends")
    desk["unsent_ns"], live.server.turn = never, reads
    live.ready()
    live.until(lambda: all(kinds(bench, order)[-1:] not in ([], [REPORT_UNKNOWN]) for order in orders), "evidence")
    arrived = [message for message in bench.venue.received if message[0] == "O"]
    assert len(arrived) == len({message[1] for message in arrived}) <= len(orders), "whole messages, each once"
    standing = {order.ref for order in bench.venue.orders.values() if order.live}
    rows = arrays_of(bench.state).rows
    assert standing == set(rows["user_ref_num"][rows["leaves_lots"] > 0].tolist())
    ends = {kinds(bench, order)[-1] for order in orders}
    assert ends <= {REPORT_ACCEPTED, REPORT_NEVER_ARRIVED, REPORT_EXPIRED}
    assert kinds(bench, queued) == [REPORT_EXPIRED]

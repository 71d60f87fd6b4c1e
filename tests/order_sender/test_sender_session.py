"""The session on real sockets: login, sequence, refusals without a storm, half-open, back-off, and a whole trade."""

import random
import socket
import struct
import time
from types import SimpleNamespace

import pytest

from procs.net.tcp_kernel import poll_in
from procs.order_sender.desk import PHASE_DOWN, PHASE_READY
from procs.order_sender.login import LOGGING_IN, OFFERED, STOPPED, WAITING, SessionClient
from procs.order_sender.state import arrays_of
from procs.order_sender.step import step
from procs.order_sender.wire_out import poll_out
from shm.codes import REPORT_ACCEPTED, REPORT_EXECUTED, STATE_ACTIVE, STATE_CANCEL_ONLY, STATE_HALTED
from shm.control import control_session_scope, control_set, control_state
from shm.error_log import ERROR_SENDER_LOGIN_REFUSED, ERROR_SENDER_SEQUENCE
from tests.support.ouch_venue import packet
from tests.support.sender_bench import SenderBench

DEADLINE_S = 10.0
SETTINGS = dict(username="qntet", password="canary", heartbeat_ms=1000, logins_per_minute_max=60)


class Server:
    """A SoupBinTCP server around the fake venue, on a real listening socket. `refuse` is a reason letter."""

    def __init__(self, venue):
        self.venue, self.refuse, self.shift, self.mute = venue, "", 0, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.peer = None
        self.logins: list[tuple] = []
        self.raw = b""
        self.accepted = 0

    def turn(self):
        if self.peer is None:
            try:
                self.peer, _ = self.listener.accept()
            except BlockingIOError:
                return
            self.peer.setblocking(False)
            self.raw, self.accepted, self.logged_in = b"", self.accepted + 1, False
        try:
            data = self.peer.recv(65536)
        except BlockingIOError:
            data = None
        except ConnectionResetError:
            data = b""
        if data == b"":
            self.hang_up()
            return
        if data and not self.mute:
            self.hear(data)
        if self.peer is not None and self.logged_in and not self.mute:
            try:
                self.peer.sendall(self.venue.outgoing())
            except ConnectionError:  # the client left while bytes of it were still unread here
                self.hang_up()

    def hear(self, data):
        if self.logged_in:
            self.venue.take(data)
            return
        self.raw += data
        if len(self.raw) < 49:
            return
        length, kind, user, password, session, sequence = struct.unpack(">Hc6s10s10s20s", self.raw[:49])
        self.logins.append((user.decode().strip(), password.decode().strip(), session.decode(), int(sequence)))
        if self.refuse:
            self.peer.sendall(packet(b"J", self.refuse.encode()))
            self.hang_up()
            return
        self.logged_in = True
        self.venue.login(int(sequence))
        answer = packet(b"A", self.venue.session.encode() + str(int(sequence) + self.shift).encode().rjust(20))
        self.peer.sendall(packet(b"+", b"hello") + answer + self.venue.outgoing())

    def hang_up(self):
        if self.peer is not None:
            self.peer.close()
        self.peer = None
        self.venue.drop()

    def close(self):
        self.hang_up()
        self.listener.close()


class Live:
    """One process with its two threads taken in turns, beside the server."""

    def __init__(self, tmp_path):
        self.bench = SenderBench(report_capacity=256, journal_capacity=1024)
        self.server = Server(self.bench.venue)
        self.errors: list[tuple] = []
        self.settings = SimpleNamespace(host="127.0.0.1", port=self.server.port, **SETTINGS)
        self.log_in()

    def log_in(self):
        self.client = SessionClient(
            self.settings, self.bench.state, lambda *error: self.errors.append(error), seed=1, clock=self.clock
        )

    skipped_s = 0.0

    def clock(self):
        return time.monotonic() + self.skipped_s

    def turn(self):
        self.client.turn()
        self.server.turn()
        state = self.bench.state
        poll_in(state)
        self.bench.now_ns += 1000
        step(state, self.bench.now_ns)
        state.desk[0]["cycle_stamp_ns"] = self.bench.stamp()  # a loop is quicker than these turns: none is late
        poll_out(state)
        for reader in self.bench.readers:
            reader.read()

    def until(self, condition, what):
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"not within {DEADLINE_S} s: {what}"
            self.turn()

    def ready(self):
        self.until(lambda: self.bench.phase == PHASE_READY, "ready")
        return self

    def session_state(self):
        return control_state(self.bench.control[0], 0, -1, -1)


@pytest.fixture
def live(tmp_path):
    live = Live(tmp_path)
    yield live
    live.client.close()
    live.server.close()


def test_login_asks_for_the_next_message_and_trades(live):
    live.ready()
    assert live.server.logins == [("qntet", "canary", " " * 10, 1)]
    assert live.session_state() == STATE_ACTIVE
    order = live.bench.new()
    live.until(lambda: live.bench.told(order), "the acceptance")
    live.bench.venue.execute(live.bench.ref(order), 100)
    live.until(lambda: len(live.bench.told(order)) == 2, "the execution")
    assert [report["kind"] for report in live.bench.told(order)] == [REPORT_ACCEPTED, REPORT_EXECUTED]


def test_a_lost_connection_comes_back_at_the_next_message_of_the_same_session(live):
    live.ready()
    order = live.bench.new()
    live.until(lambda: live.bench.told(order), "the acceptance")
    applied = int(live.bench.state.desk[0]["venue_seq"])
    live.server.hang_up()
    live.bench.venue.execute(live.bench.ref(order), 30)
    live.until(lambda: live.bench.phase == PHASE_DOWN, "the loss")
    assert live.session_state() == STATE_CANCEL_ONLY
    live.ready()
    assert live.server.logins[-1] == ("qntet", "canary", live.bench.venue.session, applied + 1)
    live.until(lambda: len(live.bench.told(order)) == 2, "the execution that was missed")
    assert live.session_state() == STATE_ACTIVE


def test_a_restarted_process_goes_on_where_its_journal_ends(live):
    live.ready()
    order = live.bench.new()
    live.until(lambda: live.bench.told(order), "the acceptance")
    applied = int(live.bench.state.desk[0]["venue_seq"])
    live.client.close()
    live.server.hang_up()
    live.bench.restart()
    live.log_in()
    live.ready()
    assert live.server.logins[-1] == ("qntet", "canary", live.bench.venue.session, applied + 1)


@pytest.mark.parametrize("reason", ["A", "S"])
def test_a_refused_login_halts_the_session_and_is_not_repeated_until_a_person_resumes(live, reason):
    live.server.refuse = reason
    live.until(lambda: live.client.phase == STOPPED and live.session_state() == STATE_HALTED, "the halt")
    for _ in range(50):
        live.skipped_s += 10
        live.turn()
    assert live.server.accepted == 1
    assert live.errors == [(ERROR_SENDER_LOGIN_REFUSED, ord(reason), 0)]
    live.server.refuse = ""
    control = live.bench.control[0]  # the operator acknowledges our word
    scope = control_session_scope(control, 0)
    word = (control["words_addr"] + control["writer"] * control["block_bytes"] + scope * 8).item()
    acknowledge(control, scope, word)
    live.ready()
    assert live.session_state() == STATE_ACTIVE


def acknowledge(control, scope, word_addr):
    import ctypes

    generation = ctypes.c_int64.from_address(word_addr).value >> 8
    ack_addr = int(control["acks_addr"] + control["writer"] * control["block_bytes"] + scope * 8)
    ctypes.c_int64.from_address(ack_addr).value = generation


def test_a_session_that_ended_with_nothing_open_is_followed_into_the_new_one(live):
    live.ready()
    live.server.hang_up()
    live.until(lambda: live.bench.phase == PHASE_DOWN, "the loss")
    live.server.refuse = "S"
    live.until(lambda: len(live.server.logins) == 2, "the second login")
    live.server.refuse = ""
    live.bench.venue.session, live.bench.venue.stream = "000000002B", []
    live.ready()
    assert live.server.logins[-1][2:] == (" " * 10, 1)
    live.bench.restart()
    assert bytes(arrays_of(live.bench.state).venue_session[:10]) == b"000000002B"


def test_a_session_that_ended_with_orders_open_is_a_halt(live):
    live.ready()
    order = live.bench.new()
    live.until(lambda: live.bench.told(order), "the acceptance")
    live.server.hang_up()
    live.server.refuse = "S"
    live.until(lambda: live.client.phase == STOPPED, "the halt")
    assert live.errors == [(ERROR_SENDER_LOGIN_REFUSED, ord("S"), 0)]


def test_another_sequence_number_than_asked_for_is_a_halt(live):
    live.server.shift = 5
    live.until(lambda: live.client.phase == STOPPED, "the halt")
    assert live.errors == [(ERROR_SENDER_SEQUENCE, 6, 1)]
    live.until(lambda: live.session_state() == STATE_HALTED, "the halt")


def test_nobody_there_means_trying_again_ever_more_slowly(live):
    tries = []

    def refused(host, port, *, timeout_s):
        from procs.net.errors import VenueUnreachable

        tries.append(live.clock())
        raise VenueUnreachable(where="connection", expected="somebody", found="nobody", do="wait")

    live.client.connect = refused
    for _ in range(3000):
        live.skipped_s += 0.01
        live.client.turn()
    gaps = [late - early for early, late in zip(tries, tries[1:], strict=False)]
    assert gaps[0] < 0.2 and 2.0 < gaps[-1] < 5.5 and len(tries) < 25
    assert live.errors == []


def test_logins_a_minute_are_limited(live):
    live.settings.logins_per_minute_max = 3
    live.client.back_off_s = 0.0
    live.server.mute = True
    seen = []
    for _ in range(1500):
        live.skipped_s += 0.1
        live.client.turn()
        live.server.turn()
        seen.append(live.server.accepted)
    assert 3 <= max(seen) <= 3 * 3, "150 seconds"


def test_a_venue_that_answers_nothing_is_left_after_a_while(live):
    live.server.mute = True
    live.until(lambda: live.client.phase == LOGGING_IN, "the login")
    live.skipped_s += 5
    live.until(lambda: live.client.phase == WAITING, "giving up")


def test_a_half_open_connection_is_noticed_by_its_silence(live):
    live.ready()
    order = live.bench.new()
    live.until(lambda: live.bench.told(order), "the acceptance")
    live.server.mute = True
    desk = live.bench.state.desk[0]
    desk["silence_ns"] = 200_000_000
    live.until(lambda: live.bench.phase == PHASE_DOWN, "the silence")
    assert live.session_state() == STATE_CANCEL_ONLY


def test_a_halt_while_logged_in_survives_the_next_login(live):
    live.ready()
    control_set(live.bench.control[0], control_session_scope(live.bench.control[0], 0), STATE_HALTED)
    live.server.hang_up()
    live.until(lambda: live.bench.phase == PHASE_DOWN, "the loss")
    live.ready()
    assert live.session_state() == STATE_HALTED


def test_messages_behind_the_login_answer_in_the_same_packet_are_not_lost(live):
    live.ready()
    order = live.bench.new()
    live.until(lambda: live.bench.told(order), "the acceptance")
    for _ in range(30):
        live.server.hang_up()
        live.bench.venue.execute(live.bench.ref(order), 1)
        live.bench.venue.execute(live.bench.ref(order), 1)
        live.until(lambda: live.bench.phase == PHASE_DOWN, "the loss")
        live.ready()
    assert live.bench.row(order)["cum_lots"] == 60
    assert len(live.bench.told(order)) == 61


def test_random_cuts_of_the_connection_leave_the_venues_state(live):
    seed = 97
    print("seed", seed)
    rng = random.Random(seed)
    live.ready()
    orders = []
    for _ in range(400):
        roll = rng.random()
        if roll < 0.3:
            orders.append(live.bench.new(qty=rng.randrange(1, 90)))
        elif roll < 0.4 and orders:
            live.bench.cancel(rng.choice(orders))
        elif roll < 0.43:
            live.server.hang_up()
        elif roll < 0.6:
            standing = [order for order in live.bench.venue.orders.values() if order.live]
            if standing:
                live.bench.venue.execute(rng.choice(standing).ref, 1)
        live.turn()
    live.ready()
    live.until(
        lambda: (
            live.bench.idle()
            and int(live.bench.state.desk[0]["venue_seq"]) == len(live.bench.venue.stream)
            and not live.bench.waiting()
        ),
        "quiet",
    )
    for _ in range(50):
        live.turn()
    rows = arrays_of(live.bench.state).rows
    for row in rows[rows["order_id"] != 0]:
        venue = live.bench.venue.orders.get(int(row["user_ref_num"]))
        found = (int(row["leaves_lots"]), int(row["cum_lots"]))
        assert found == ((venue.leaves, venue.cum) if venue else (0, 0))


def test_the_password_is_in_no_journal(live):
    live.ready()
    live.bench.new()
    for _ in range(20):
        live.turn()
    assert all(b"canary" not in payload for _, payload in live.bench.journal_entries())
    assert live.client.phase == OFFERED

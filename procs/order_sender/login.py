"""Login, cold side: connect, log in, offer the connection to the hot thread; back off when it fails.

One attempt is: connect, login request for the session that we know and the message after the last applied, answer. A
refused login halts the session and is not repeated until a person resumed it: a storm of logins closes ports. The
password is read when it is sent and is kept, logged and repeated nowhere.
"""

import random
import time
from collections import deque

import numpy as np

from procs.net.errors import VenueUnreachable
from procs.net.port import line_fd
from procs.net.sockets import open_tcp_connection
from procs.order_sender.session import (
    H_APPLIED,
    H_FD,
    H_HALT,
    H_LEFTOVER,
    H_LOST,
    H_OFFER,
    H_OPEN,
    H_TAKEN,
    H_VENUE_SEQ,
    VENUE_SESSION_BYTES,
    say,
    word,
)
from procs.order_sender.state import arrays_of, control_desk
from procs.wire.soupbintcp.login import (
    LOGIN_NO_SESSION,
    LOGIN_REQUEST_BYTES,
    PASSWORD_BYTES,
    USERNAME_BYTES,
    encode_login_request,
    padded_text,
    parse_login_accepted,
    parse_login_rejected,
)
from procs.wire.soupbintcp.packet import (
    SOUP_DEBUG,
    SOUP_LOGIN_ACCEPTED,
    SOUP_LOGIN_REJECTED,
    SOUP_SERVER_HEARTBEAT,
    soup_next,
    soup_type,
)
from shm.codes import STATE_HALTED
from shm.control import control_own_state, control_session_scope
from shm.error_log import ERROR_SENDER_LOGIN_REFUSED, ERROR_SENDER_SEQUENCE
from shm.failpoints import FP_LOGIN_ANSWERED, FP_LOGIN_CONNECTED, reach

BACK_OFF_FIRST_S, BACK_OFF_LAST_S = 0.05, 5.0
CONNECT_SECONDS = 0.25  # how long the control thread may be without a heartbeat for a connect
ANSWER_SECONDS = 2.0
MINUTE = 60.0
REASON_SEQUENCE = 0  # refused by us: the venue would go on at another number

WAITING, LOGGING_IN, OFFERED, STOPPED = "waiting", "logging in", "offered", "stopped"


class SessionClient:
    """The connection of one venue session, advanced by `turn` without ever waiting for an answer."""

    def __init__(self, settings, state, note_error, *, clock=time.monotonic, connect=open_tcp_connection, seed=None):
        self.settings, self.state, self.note_error = settings, state, note_error
        self.desk, self.arrays = control_desk(state), arrays_of(state)
        self.clock, self.connect = clock, connect
        self.random = random.Random(seed)
        self.phase = WAITING
        self.sock = None
        self.back_off_s = BACK_OFF_FIRST_S
        self.next_try_s = 0.0
        self.logins: deque[float] = deque()
        self.applied_seq = int(self.desk["venue_seq"])
        self.orders_open = int(self.desk["orders_open"])
        self.buffer = np.zeros(len(self.arrays.leftover), np.uint8)
        self.received = 0
        self.deadline_s = 0.0

    def turn(self) -> None:
        """One turn of the control thread."""
        if self.phase == WAITING:
            self._wait()
        elif self.phase == LOGGING_IN:
            self._hear()
        elif self.phase == OFFERED:
            self._watch()
        elif self.phase == STOPPED:
            self._ask_to_go_on()

    def close(self) -> None:
        """Close the socket. Caller: after the hot thread ended."""
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    # --- connecting ---

    def _wait(self) -> None:
        now_s = self.clock()
        while self.logins and self.logins[0] <= now_s - MINUTE:
            self.logins.popleft()
        if now_s < self.next_try_s or len(self.logins) >= self.settings.logins_per_minute_max:
            return
        try:
            self.sock = self.connect(self.settings.host, self.settings.port, timeout_s=CONNECT_SECONDS)
        except VenueUnreachable:
            self._back_off()
            return
        self.logins.append(now_s)
        self.received = 0
        self.deadline_s = now_s + ANSWER_SECONDS
        request = np.zeros(LOGIN_REQUEST_BYTES, np.uint8)
        size = encode_login_request(
            request,
            0,
            padded_text(self.settings.username, USERNAME_BYTES),
            padded_text(self.settings.password, PASSWORD_BYTES),
            self.arrays.venue_session[:VENUE_SESSION_BYTES],
            self.applied_seq + 1,
        )
        reach(FP_LOGIN_CONNECTED)
        try:
            self.sock.sendall(request[:size].tobytes())
        except OSError:
            self._back_off()
            return
        self.phase = LOGGING_IN

    def _back_off(self) -> None:
        """Try again later: twice as long each time, with jitter."""
        self.close()
        self.next_try_s = self.clock() + self.back_off_s * (0.5 + self.random.random() / 2)
        self.back_off_s = min(2 * self.back_off_s, BACK_OFF_LAST_S)
        self.phase = WAITING

    # --- the answer ---

    def _hear(self) -> None:
        try:
            data = self.sock.recv(len(self.buffer) - self.received)
        except BlockingIOError:
            if self.clock() > self.deadline_s:
                self._back_off()
            return
        except OSError:
            data = b""
        if not data:
            self._back_off()
            return
        self.buffer[self.received : self.received + len(data)] = np.frombuffer(data, np.uint8)
        self.received += len(data)
        start = 0
        while (size := soup_next(self.buffer, start, self.received)) > 0:
            kind = soup_type(self.buffer, start)
            if kind == SOUP_LOGIN_ACCEPTED:
                self._accepted(start, size)
                return
            if kind == SOUP_LOGIN_REJECTED:
                self._rejected(parse_login_rejected(self.buffer, start, size))
                return
            if kind not in (SOUP_DEBUG, SOUP_SERVER_HEARTBEAT):
                size = -1
                break
            start += size
        if size < 0:
            self._back_off()

    def _accepted(self, start: int, size: int) -> None:
        session = np.zeros(VENUE_SESSION_BYTES, np.uint8)
        next_seq = parse_login_accepted(self.buffer, start, size, session)
        if next_seq < 0:
            self._back_off()
            return
        if next_seq != self.applied_seq + 1:
            self.note_error(ERROR_SENDER_SEQUENCE, next_seq, self.applied_seq + 1)
            self._stop()
            return
        self.arrays.venue_session[:VENUE_SESSION_BYTES] = session
        left = self.received - start - size
        self.arrays.leftover[:left] = self.buffer[start + size : self.received]
        say(self.desk, H_FD, self.sock.fileno())
        say(self.desk, H_VENUE_SEQ, self.applied_seq)
        say(self.desk, H_LEFTOVER, left)
        reach(FP_LOGIN_ANSWERED)
        say(self.desk, H_OFFER, word(self.desk, H_OFFER) + 1)
        self.phase = OFFERED

    def _rejected(self, reason: int) -> None:
        """No such session and nothing open: the venue's day ended, and its new one is taken. Anything else is final."""
        known = bool((self.arrays.venue_session[:VENUE_SESSION_BYTES] != ord(" ")).any())
        if reason == LOGIN_NO_SESSION and known and self.orders_open == 0:
            self.arrays.venue_session[:VENUE_SESSION_BYTES] = ord(" ")
            self.applied_seq = 0
            self._back_off()
            return
        self.note_error(ERROR_SENDER_LOGIN_REFUSED, reason, 0)
        self._stop()

    # --- afterwards ---

    def _watch(self) -> None:
        """Wait until the hot thread gave the connection up; only then the descriptor may be closed."""
        state = self.state
        if word(self.desk, H_LOST) != word(self.desk, H_OFFER):
            if word(self.desk, H_TAKEN) == word(self.desk, H_OFFER):
                self.back_off_s = BACK_OFF_FIRST_S
            return
        if line_fd(state.port_in, 0) >= 0 or line_fd(state.port_out, 0) >= 0:
            return
        self.applied_seq = word(self.desk, H_APPLIED)
        self.orders_open = word(self.desk, H_OPEN)
        self._back_off()

    def _stop(self) -> None:
        """Halt the session and do not try again."""
        self.close()
        say(self.desk, H_HALT, 1)
        self.phase = STOPPED

    def _ask_to_go_on(self) -> None:
        """Go on once the hot thread said HALTED and a person took it back."""
        if word(self.desk, H_HALT) != 0:
            return
        control = self.arrays.control[0]
        scope = control_session_scope(control, self.desk["session_id"])
        if control_own_state(control, scope) != STATE_HALTED:
            self.back_off_s = BACK_OFF_FIRST_S
            self._back_off()

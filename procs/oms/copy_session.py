"""Copy session: the connection to one venue's drop copy. Logs in, listens, comes back where it left off. No numba.

One thread: `poll` is called between batches of journals and never waits longer than a connection on loopback takes. It
asks for the number after the last message that is in the record, and for the same venue session: a venue that began
anew refuses that, and stays silent for us until a person has looked.
"""

import time

from config.venues import DropCopy
from procs.net.sockets import open_tcp_connection
from procs.wire.soupbintcp.plain import (
    CLIENT_HEARTBEAT,
    END_OF_SESSION,
    LOGIN_ACCEPTED,
    LOGIN_REJECTED,
    SEQUENCED,
    cut,
    login_request,
    packet,
    read_login_accepted,
)
from shm.errors import QuintetError

CONNECT_S = 0.2
AGAIN_NS = 500_000_000  # between attempts to connect or log in
REFUSED_AGAIN_NS = 10_000_000_000  # after the venue refused us: no storm of log-ins
HEARTBEAT_NS = 1_000_000_000
RECEIVE_BYTES = 1 << 16
BATCH_BYTES = 1 << 18  # of one poll: some 4,000 messages, then journals have their turn


class CopySession:
    """`heard_ns`: monotonic time of the venue's last byte; `drained_ns`: all that it had sent by then was taken."""

    def __init__(self, config: DropCopy, venue_session: str, next_seq: int):
        self.config = config
        self.venue_session, self.next_seq = venue_session, next_seq
        self.heard_ns = self.drained_ns = self.logged_in_ns = 0
        self.refused = ""
        self._sock = None
        self._held = bytearray()
        self._spoke_ns = self._again_ns = 0

    def poll(self) -> list[bytes]:
        """Messages that came, in order: the first has number `next_seq` as it was before the call."""
        now_ns = time.monotonic_ns()
        if self._sock is None and now_ns >= self._again_ns:
            self._connect(now_ns)
        if self._sock is None:
            return []
        taken, drained, ended = self._receive()
        if taken:
            self.heard_ns = time.monotonic_ns()
        messages = self._take()  # a refusal comes with the end of the connection
        if ended:
            self.close()
        if self._sock is not None and now_ns - self._spoke_ns > HEARTBEAT_NS:
            self._send(packet(CLIENT_HEARTBEAT))
        if drained and self._sock is not None and self.logged_in_ns:
            self.drained_ns = now_ns  # as of before the bytes were asked for
        return messages

    def close(self) -> None:
        """End the connection."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        self._held.clear()
        self.logged_in_ns = 0

    def _connect(self, now_ns: int) -> None:
        self._again_ns = now_ns + AGAIN_NS
        try:
            self._sock = open_tcp_connection(self.config.host, self.config.port, timeout_s=CONNECT_S)
        except QuintetError:  # nobody listens: silence, which has its own alarm
            return
        config = self.config
        self._send(login_request(config.username, config.password, self.venue_session, self.next_seq))

    def _send(self, data: bytes) -> None:
        self._spoke_ns = time.monotonic_ns()
        try:
            sent = self._sock.send(data)
        except OSError:
            sent = -1
        if sent != len(data):  # a peer that does not take a few bytes is gone
            self.close()

    def _receive(self) -> tuple[int, bool, bool]:
        """Bytes taken, whether nothing was left, and whether the connection ended."""
        total = 0
        while total < BATCH_BYTES:
            try:
                data = self._sock.recv(RECEIVE_BYTES)
            except BlockingIOError:
                return total, True, False
            except OSError:
                data = b""
            if not data:
                return total, False, True
            self._held += data
            total += len(data)
        return total, False, False

    def _take(self) -> list[bytes]:
        found, packets = [], cut(self._held)
        if packets is None:
            self.close()
            return []
        for kind, payload in packets:
            if kind == SEQUENCED and self.logged_in_ns:
                found.append(payload)
            elif kind == LOGIN_ACCEPTED:
                self._accepted(payload)
            elif kind == LOGIN_REJECTED:
                self.refused = payload.decode("latin-1")
                self._again_ns = time.monotonic_ns() + REFUSED_AGAIN_NS
                self.close()
            elif kind == END_OF_SESSION:
                self.close()
        self.next_seq += len(found)
        return found

    def _accepted(self, payload: bytes) -> None:
        answer = read_login_accepted(payload)
        if answer is None or answer[1] != self.next_seq:
            self.close()
            return
        self.venue_session, self.refused = answer[0], ""
        self.logged_in_ns = time.monotonic_ns()

"""A relay between order_sender and the venue's order entry, in a thread: cuts, silence, single bytes, full buffers.

It listens where order_sender connects and connects to where the venue listens (setting `order_entry_port`). Directions
are named by who sends: "sender" and "venue". Every fault is exact to the byte and counted from when it was asked for.
"""

import contextlib
import selectors
import socket
import struct
import threading
import time

SENDER, VENUE = "sender", "venue"
PIECE = 65536


class Line:
    """One relayed connection: a socket to each side."""

    def __init__(self, sender, venue):
        self.socks = {SENDER: sender, VENUE: venue}


def free_port() -> int:
    """A TCP port that nobody has at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class TcpRelay:
    """`with TcpRelay(port, to_port) as relay`; the attributes are changed by the test, from its own thread.

    `one_byte`: each byte is forwarded by its own send. `silent`: bytes of both sides are taken and thrown away, nobody is
    told (half-open). `stalled`: nothing is taken from either side, so that their buffers fill.
    """

    def __init__(self, port: int, to_port: int, *, buffer_bytes: int = 0):
        self.to_port, self.buffer_bytes = to_port, buffer_bytes
        self.one_byte = self.silent = self.stalled = False
        self.passed = {SENDER: 0, VENUE: 0}  # bytes forwarded in all
        self.lines = 0  # connections relayed so far
        self.cuts = 0
        self.cut_at_s = 0.0  # time.monotonic() of the last cut
        self._cut: tuple[str, int, bool] | None = None  # direction, bytes still to forward, by RST
        self._line: Line | None = None
        self._leave = threading.Event()
        self._lock = threading.Lock()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if buffer_bytes:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)  # inherited by connections
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def cut_after(self, direction: str, count: int, *, reset: bool = False) -> None:
        """Forward `count` more bytes of that direction, then end the connection to both sides, by FIN or by RST."""
        with self._lock:
            self._cut = (direction, count, reset)

    def wait(self, condition, seconds: float = 10.0) -> None:
        """Until `condition()` holds; for tests without a machine to poll."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "the relay did not see that"
            time.sleep(0.002)

    # --- the thread ---

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ, None)
            while not self._leave.is_set():
                for key, _ in selector.select(0.01):
                    if key.fileobj is self._listener:
                        self._accept(selector)
                    elif self._line is not None and not self.stalled:
                        self._forward(selector, key.data)
                if self.stalled:
                    time.sleep(0.005)  # readable sockets would spin
                self._cut_if_due(selector)

    def _accept(self, selector) -> None:
        sender, _ = self._listener.accept()
        if self._line is not None:
            self._end(selector, reset=False)
        try:
            venue = socket.create_connection(("127.0.0.1", self.to_port), timeout=1.0)
        except OSError:
            sender.close()
            return
        self._line = Line(sender, venue)
        self.lines += 1
        for name, sock in self._line.socks.items():
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.buffer_bytes:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.buffer_bytes)
            sock.settimeout(2.0)
            selector.register(sock, selectors.EVENT_READ, name)

    def _forward(self, selector, name: str) -> None:
        try:
            data = self._line.socks[name].recv(PIECE)
        except OSError:
            data = b""
        if not data:
            self._end(selector, reset=False)
            return
        if self.silent:
            return
        with self._lock:
            if self._cut is not None and self._cut[0] == name:
                data = data[: self._cut[1]]
                self._cut = (name, self._cut[1] - len(data), self._cut[2])
        other = self._line.socks[VENUE if name == SENDER else SENDER]
        try:
            for piece in [data[k : k + 1] for k in range(len(data))] if self.one_byte else [data]:
                other.sendall(piece)
                self.passed[name] += len(piece)
        except OSError:
            self._end(selector, reset=False)

    def _cut_if_due(self, selector) -> None:
        with self._lock:
            due = self._cut is not None and self._cut[1] == 0 and self._line is not None
            reset = due and self._cut[2]
            if due:
                self._cut = None
        if due:
            self.cut_at_s = time.monotonic()
            self._end(selector, reset=reset)
            self.cuts += 1

    def _end(self, selector, *, reset: bool) -> None:
        for sock in self._line.socks.values():
            selector.unregister(sock)
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self._line = None

    def __enter__(self) -> "TcpRelay":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._leave.set()
        self._thread.join(5)
        if self._line is not None:
            for sock in self._line.socks.values():
                sock.close()
        self._listener.close()

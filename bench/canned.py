"""A canned venue for `tick_to_order`: market data on two multicast lines, and a session that accepts everything.

One process, plain Python and `struct`, one select loop. The book of one symbol has a bid and an ask two cents from
1,000,000 price ticks. A move adds a bid two cents below the ask, the next one deletes it again, so the mid goes up and
down by a hundred ticks and a strategy that quotes around it must replace both quotes. Nothing ever trades.
"""

import os
import select
import struct
import time
from typing import NamedTuple

from procs.net.sockets import open_multicast_sender, open_tcp_listener

BID, BEST_BID, ASK = 999_800, 1_000_000, 1_000_200
MIDS = ((BID + ASK) // 2, (BEST_BID + ASK) // 2)
LOCATE = 1
OPENING_S = 0.05  # the opening is repeated until feed_handler has joined and says fresh
HEARTBEAT_S = 0.5
LEAD_S = 0.0005  # a datagram is made this long before it is due: once sent, nothing of ours keeps a core from a role
SESSION = b"CANNED0001"
OUCH_BYTES = {b"O": 47, b"U": 40, b"X": 9, b"Q": 3}
MARK_BYTES = 3  # the option of a replace that marks a sale short


class Lines(NamedTuple):
    """Where the canned venue speaks and listens."""

    targets: tuple[tuple[str, int], ...]
    interface: str
    host: str
    port: int
    symbol: str


class Tape:
    """ITCH messages as numbered MoldUDP64 datagrams."""

    def __init__(self, symbol: str):
        self.symbol = symbol.encode().ljust(8)
        self.next_seq, self.order_ref = 1, 100
        directory = self.symbol + b"QN" + struct.pack(">I", 100) + b"NCZ PNN1N" + struct.pack(">I", 0) + b"N"
        self.opening = self.datagram(
            self.message(b"S", b"O", locate=0),
            self.message(b"R", directory),
            self.message(b"H", self.symbol + b"T " + b" " * 4),
            self.add(1, b"B", BID),
            self.add(2, b"S", ASK),
            self.message(b"S", b"Q", locate=0),
        )

    def message(self, kind: bytes, body: bytes, locate: int = LOCATE) -> bytes:
        """Kind, locate, tracking number, six bytes of nanoseconds since midnight, and the body."""
        venue_ns = time.time_ns() % 86_400_000_000_000
        return kind + struct.pack(">HH", locate, 0) + venue_ns.to_bytes(6, "big") + body

    def add(self, order_ref: int, side: bytes, price_ticks: int) -> bytes:
        """An add order of 500."""
        body = struct.pack(">QcI8sI", order_ref, side, 500, self.symbol, price_ticks)
        return self.message(b"A", body)

    def datagram(self, *messages: bytes) -> bytes:
        """The next datagram; without messages a heartbeat."""
        head = SESSION + struct.pack(">QH", self.next_seq, len(messages))
        self.next_seq += len(messages)
        return head + b"".join(struct.pack(">H", len(message)) + message for message in messages)

    def move(self, up: bool) -> bytes:
        """The better bid appears, or disappears."""
        if up:
            self.order_ref += 1
            return self.datagram(self.add(self.order_ref, b"B", BEST_BID))
        return self.datagram(self.message(b"D", struct.pack(">Q", self.order_ref)))


class Session:
    """SoupBinTCP and OUCH 5.0 towards one client: logs it in, accepts, replaces and cancels whatever it says."""

    def __init__(self, listener):
        self.listener, self.client = listener, None
        self.inbox = b""
        self.orders: dict[int, tuple] = {}  # reference number -> (side, size, symbol, price)
        self.seen = {"enter": 0, "replace": 0, "cancel": 0, "prices": {"B": set(), "S": set()}}
        self.order_ref, self.next_ref = 1000, 1

    def sockets(self) -> list:
        """What to wait for."""
        return [self.client or self.listener]

    def turn(self) -> None:
        """Accept the client, or answer what it said."""
        if self.client is None:
            self.client, _ = self.listener.accept()
            self.client.setblocking(True)
            return
        data = self.client.recv(65536)
        if not data:
            self.client.close()
            self.client, self.inbox = None, b""
            return
        self.inbox += data
        answers = []
        while len(self.inbox) >= 2 and len(self.inbox) >= (end := 2 + struct.unpack(">H", self.inbox[:2])[0]):
            kind, payload, self.inbox = self.inbox[2:3], self.inbox[3:end], self.inbox[end:]
            if kind == b"L":
                answers.append(soup(b"A", SESSION + b"1".rjust(20)))
            elif kind == b"U":
                answer = self.answer(payload)
                answers.append(soup(b"S", answer) if answer else b"")
        if answers:
            self.client.sendall(b"".join(answers))

    def answer(self, data: bytes) -> bytes:
        """One order, replace or cancel request is granted; one that names an order no longer there is ignored."""
        kind = data[:1]
        marked = kind == b"U" and len(data) == OUCH_BYTES[kind] + MARK_BYTES
        if len(data) != OUCH_BYTES.get(kind) and not marked:
            raise ValueError(f"canned venue: {len(data)} bytes of type {kind!r}")
        stamp = struct.pack(">Q", time.time_ns() % 86_400_000_000_000)
        if kind == b"Q":
            return b"Q" + stamp + struct.pack(">I", self.next_ref)
        if kind == b"O":
            ref, side, size, symbol, price = struct.unpack(">IcI8sQ", data[1:26])
            self.seen["enter"] += 1
            return b"A" + stamp + self.opening(ref, side, size, symbol, price)
        if kind == b"U":
            old, ref, size, price = struct.unpack(">IIIQ", data[1:21])
            self.seen["replace"] += 1
            if old not in self.orders:
                return b""
            side, _, symbol, _ = self.orders.pop(old)
            side = data[-1:] if marked else side
            return b"U" + stamp + struct.pack(">I", old) + self.opening(ref, side, size, symbol, price)
        ref = struct.unpack(">I", data[1:5])[0]
        self.seen["cancel"] += 1
        if ref not in self.orders:
            return b""
        return b"C" + stamp + struct.pack(">IIc", ref, self.orders.pop(ref)[1], b"U")

    def opening(self, ref: int, side: bytes, size: int, symbol: bytes, price: int) -> bytes:
        """What accepted and replaced say of the order that now lives."""
        self.orders[ref] = (side, size, symbol, price)
        self.seen["prices"]["B" if side == b"B" else "S"].add(price)  # a short sale is a sale
        self.order_ref, self.next_ref = self.order_ref + 1, ref + 1
        body = struct.pack(">IcI8sQ", ref, side, size, symbol, price) + b"0Y" + struct.pack(">Q", self.order_ref)
        return body + b"PNNL" + b" " * 14 + b"\0\0"


def soup(kind: bytes, payload: bytes = b"") -> bytes:
    """One SoupBinTCP packet."""
    return struct.pack(">H", len(payload) + 1) + kind + payload


def canned_venue(pipe, lines: Lines, moves_per_s: int, cores: set[int]) -> None:
    """Body of the process. Repeats the opening until told "go"; then moves until told "stop", then says what it saw."""
    os.sched_setaffinity(0, cores)
    senders = [open_multicast_sender(group, port, lines.interface) for group, port in lines.targets]
    session = Session(open_tcp_listener(lines.host, lines.port))
    tape = Tape(lines.symbol)
    pipe.send("listening")
    moves, going, stopping = 0, False, False
    due_s = beat_s = time.monotonic()
    while not stopping:
        wait_s = max(0.0, due_s - LEAD_S - time.monotonic())
        ready, _, _ = select.select([pipe, *session.sockets()], [], [], wait_s)
        if pipe in ready:
            going, stopping = True, pipe.recv() == "stop"
        elif ready:
            session.turn()
        now_s = time.monotonic()
        if session.client is not None and now_s >= beat_s:
            session.client.sendall(soup(b"H"))
            beat_s = now_s + HEARTBEAT_S
        if now_s >= due_s - LEAD_S:
            data = tape.move(moves % 2 == 0) if going else tape.opening
            time.sleep(max(0.0, due_s - time.monotonic()))
            for sender in senders:
                sender.send(data)
            moves += going
            due_s = max(due_s + (1 / moves_per_s if going else OPENING_S), now_s)
    pipe.send({"moves": moves, "cores": sorted(cores), **session.seen})
    pipe.recv()

"""A venue session in plain Python: SoupBinTCP and OUCH 5.0 by `struct`, written from the specification alone.

Matching is not simulated: a test says what happens to an order, the venue numbers and encodes it, and remembers what it
knows about each order. It obeys the rules that order_sender relies on: answers are one numbered stream, reference
numbers must grow, an entry with an old number and a replace of an order that is not live are ignored in silence.
"""

import struct
from dataclasses import dataclass, field

INBOUND = {"O": 47, "U": 40, "X": 9, "Q": 3, "C": 19}


def packet(kind: bytes, payload: bytes = b"") -> bytes:
    """One SoupBinTCP packet."""
    return struct.pack(">H", len(payload) + 1) + kind + payload


@dataclass
class VenueOrder:
    """An order as the venue knows it. `qty` is the total, `cum` counts executions of the whole replace chain."""

    ref: int
    side: str
    qty: int
    symbol: str
    price: int
    cum: int = 0
    leaves: int = 0
    live: bool = False
    order_ref: int = 0


@dataclass
class FakeVenue:
    """`received` is every application message that the venue took, `stream` every numbered message that it said."""

    session: str = "000000001A"
    stream: list[bytes] = field(default_factory=list)
    orders: dict[int, VenueOrder] = field(default_factory=dict)
    received: list[tuple] = field(default_factory=list)
    next_ref: int = 1
    match: int = 0
    order_ref: int = 1000
    auto: bool = True  # answer entries, replaces and cancels at once
    inbox: bytes = b""
    connected: bool = False
    sent: int = 0  # messages of the stream sent on this connection
    heartbeats: int = 0
    replaced_total: bool = False  # REPLACED names the total that was asked for instead of what is open
    mass_answer: str = "X"  # to a mass cancel: done (X), refused (J), silence ("")

    # --- connection ---

    def login(self, next_seq: int) -> None:
        """A client logged in and wants the stream from `next_seq`."""
        self.connected, self.inbox, self.sent = True, b"", next_seq - 1

    def drop(self) -> None:
        """The connection ends; bytes on the way are lost."""
        self.connected, self.inbox = False, b""

    def outgoing(self) -> bytes:
        """What the client has not been sent yet."""
        data = b"".join(packet(b"S", message) for message in self.stream[self.sent :])
        self.sent = len(self.stream)
        return data

    def take(self, data: bytes) -> None:
        """Bytes of the client."""
        self.inbox += data
        while len(self.inbox) >= 2 and len(self.inbox) >= 2 + struct.unpack(">H", self.inbox[:2])[0]:
            size = struct.unpack(">H", self.inbox[:2])[0]
            kind, payload, self.inbox = self.inbox[2:3], self.inbox[3 : 2 + size], self.inbox[2 + size :]
            if kind == b"U":
                self._message(payload)
            elif kind == b"R":
                self.heartbeats += 1
            else:
                raise AssertionError(f"the venue got a packet of type {kind}")

    def _message(self, data: bytes) -> None:
        kind = chr(data[0])
        mark = ""
        if kind == "U" and data[38:40] == b"\0\3":  # an appendage of one mark: tag 27, one letter
            assert data[40:42] == b"\2\x1b", data
            data, mark = data[:38] + b"\0\0", chr(data[42])
        assert len(data) == INBOUND[kind], (kind, len(data))
        if kind == "O":
            ref, side, qty, symbol, price, tif = struct.unpack(">IcI8sQc", data[1:27])
            self.received.append(("O", ref, side.decode(), qty, symbol.decode().strip(), price, tif.decode()))
            if ref >= self.next_ref:
                self.next_ref = ref + 1
                self.orders[ref] = VenueOrder(ref, side.decode(), qty, symbol.decode(), price)
                if self.auto:
                    self.accept(ref)
        elif kind == "U":
            old, ref, qty, price = struct.unpack(">IIIQ", data[1:21])
            self.received.append(("U", old, ref, qty, price))
            original = self.orders.get(old)
            if ref >= self.next_ref and original is not None and (original.live or not self.auto):
                self.orders[ref] = VenueOrder(ref, mark or original.side, qty, original.symbol, price)
                if self.auto:
                    self.replace(old, ref)
        elif kind == "X":
            ref, qty = struct.unpack(">II", data[1:9])
            self.received.append(("X", ref, qty))
            if self.auto:
                self.cancel_to(ref, qty)
        elif kind == "C":
            ref, firm, symbol = struct.unpack(">I4s8s", data[1:17])
            self.received.append(("C", ref, firm.decode(), symbol.decode().strip()))
            if ref >= self.next_ref:
                self.next_ref = ref + 1
                self.mass_cancel(ref, firm, symbol)
        elif kind == "Q":
            self.received.append(("Q",))
            self.say("Q", struct.pack(">I", self.next_ref))

    # --- what happens to orders ---

    def say(self, kind: str, body: bytes) -> None:
        """Number one message."""
        stamp = 34_200_000_000_000 + len(self.stream)
        self.stream.append(kind.encode() + struct.pack(">Q", stamp) + body)

    def accept(self, ref: int, state: str = "L", price: int | None = None) -> None:
        """Order accepted."""
        order = self.orders[ref]
        self.order_ref += 1
        order.order_ref, order.live, order.leaves = self.order_ref, state == "L", order.qty - order.cum
        order.leaves = order.leaves if order.live else 0
        order.price = order.price if price is None else price
        self.say("A", self._opening(order, state))

    def _opening(self, order: VenueOrder, state: str, qty: int | None = None) -> bytes:
        qty = order.qty if qty is None else qty
        body = struct.pack(">IcI8sQ", order.ref, order.side.encode(), qty, order.symbol.encode(), order.price)
        body += b"0" + b"Y" + struct.pack(">Q", order.order_ref) + b"P" + b"N" + b"N" + state.encode() + b" " * 14
        return body + b"\0\0"

    def replace(self, old: int, ref: int) -> None:
        """Order replaced: its quantity is what is open now."""
        original, order = self.orders[old], self.orders[ref]
        original.live = False
        order.cum, order.leaves = original.cum, order.qty - original.cum
        original.leaves = 0
        self.order_ref += 1
        self.next_ref = max(self.next_ref, ref + 1)
        order.order_ref, order.live = self.order_ref, True
        assert order.leaves > 0, "the original executed more than the new total: say cancel instead"
        self.say(
            "U", struct.pack(">I", old) + self._opening(order, "L", order.qty if self.replaced_total else order.leaves)
        )

    def execute(self, ref: int, qty: int, price: int | None = None, liquidity: str = "A") -> int:
        """A trade. Returns its match number."""
        order = self.orders[ref]
        self.match += 1
        order.cum += qty
        order.leaves = max(0, order.leaves - qty)
        order.live = order.live and order.leaves > 0
        at = order.price if price is None else price
        self.say("E", struct.pack(">IIQcQ", ref, qty, at, liquidity.encode(), self.match) + b"\0\0")
        return self.match

    def cancel(self, ref: int, qty: int | None = None, reason: str = "U") -> None:
        """Shares taken away; all that is left by default."""
        order = self.orders[ref]
        gone = order.leaves if qty is None else qty
        order.leaves -= gone
        order.live = order.leaves > 0
        self.say("C", struct.pack(">IIc", ref, gone, reason.encode()))

    def cancel_to(self, ref: int, total: int) -> None:
        """A client's cancel: down to `total`, executed lots included; nothing happens when it is that small already."""
        order = self.orders.get(ref)
        if order is None or not order.live:
            return
        gone = order.leaves - max(0, total - order.cum)
        if gone > 0:
            order.qty -= gone
            self.cancel(ref, gone)

    def mass_cancel(self, ref: int, firm: bytes, symbol: bytes) -> None:
        """Every live order, or those of one symbol, ends; then the response. Or it is refused, or passed over."""
        if self.mass_answer == "J":
            self.reject(ref)
        if self.mass_answer != "X":
            return
        for order in list(self.orders.values()):
            if order.live and symbol.decode() in (" " * 8, order.symbol):
                self.cancel(order.ref)
        self.say("X", struct.pack(">I4s8s", ref, firm, symbol) + b"\0\0")

    def reject(self, ref: int, reason: int = 15) -> None:
        """Entry refused; its number is used up."""
        self.next_ref = max(self.next_ref, ref + 1)
        self.say("J", struct.pack(">IH", ref, reason) + b" " * 14 + b"\0\0")

    def cancel_reject(self, ref: int) -> None:
        """Cancel refused."""
        self.say("I", struct.pack(">I", ref))

    def cancel_pending(self, ref: int) -> None:
        """Cancel will be done later."""
        self.say("P", struct.pack(">I", ref))

    def break_trade(self, ref: int, match: int) -> None:
        """Trade broken."""
        self.say("B", struct.pack(">IQc", ref, match, b"E") + b" " * 14 + b"\0\0")

    def correct_trade(self, ref: int, match: int, qty: int, price: int) -> None:
        """Trade corrected: its new size and price."""
        self.say("F", struct.pack(">IIQcQc", ref, qty, price, b"A", match, b"E") + b" " * 14 + b"\0\0")

    def self_match(self, ref: int, qty: int) -> None:
        """Lots taken off an order instead of trading with ourselves."""
        order = self.orders[ref]
        order.leaves -= qty
        order.live = order.leaves > 0
        self.say("D", struct.pack(">IIcIQcc", ref, qty, b"Q", qty, order.price, b"A", b"I"))

    def modify(self, ref: int, leaves: int) -> None:
        """Order modified: what is outstanding now."""
        order = self.orders[ref]
        order.leaves, order.qty = leaves, order.cum + leaves
        self.say("M", struct.pack(">IcI", ref, order.side.encode(), leaves))

    def restate(self, ref: int, price: int) -> None:
        """Order restated: the price that is shown now."""
        self.orders[ref].price = price
        self.say("R", struct.pack(">Ic", ref, b"P") + struct.pack(">HBBQ", 10, 9, 23, price))

    def priority(self, ref: int, price: int) -> None:
        """Order priority update: the resting price changed."""
        self.order_ref += 1
        self.orders[ref].price, self.orders[ref].order_ref = price, self.order_ref
        self.say("T", struct.pack(">IQcQ", ref, price, b"Y", self.order_ref))

    def system(self, code: str = "S") -> None:
        """System event."""
        self.say("S", code.encode())

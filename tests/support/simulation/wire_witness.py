"""Wire witness: what order_sender handed to the network, cut into messages, each held against the journals.

P1: when the first byte of an order leaves, its entry is in order_sender's journal and its approval in the gate's, with
the same terms. P2: reference numbers only grow, over every life and every connection.
"""

import hashlib
from collections.abc import Callable

from shm.codes import INTENT_REPLACE
from tests.oracles.ouch import WHOLE, read


class WireWitness:
    """`sent` and `decisions` are what the journals hold, kept by the invariants; `may_enter()` says whether now."""

    def __init__(self, symbols: list[int], sent: dict, decisions: dict, may_enter: Callable[[], bool]):
        self.symbols, self.sent, self.decisions, self.may_enter = symbols, sent, decisions, may_enter
        self.rest: dict[int, bytes] = {}  # by descriptor: a message of which a part has left
        self.begun_well: dict[int, bool] = {}  # by descriptor: whether its first byte was allowed to leave
        self.last_ref = 0
        self.orders = self.cancels = self.bytes = 0
        self.digest = hashlib.sha256()

    def hear(self, fd: int, data: bytes) -> None:
        """Bytes that the network took. Only the first byte of a message asks for permission, its whole for its terms."""
        self.bytes += len(data)
        self.digest.update(data)
        if not self.rest.get(fd):
            self.begun_well[fd] = self.may_enter()
        rest = self.rest.get(fd, b"") + data
        while len(rest) >= 4 and len(rest) >= 2 + int.from_bytes(rest[:2], "big"):
            size = 2 + int.from_bytes(rest[:2], "big")
            if rest[2:3] == b"U":
                self._message(rest[3:size], self.begun_well[fd])
            rest = rest[size:]
            self.begun_well[fd] = self.may_enter()
        self.rest[fd] = rest

    def _message(self, message: bytes, allowed: bool) -> None:
        code, event = read("inbound", message)
        assert code == WHOLE, f"not a message of the specification: {message!r}"
        kind = chr(event["kind"])
        if kind in "XC":
            self.cancels += 1
        if kind not in "OU":
            return
        self.orders += 1
        ref = event["user_ref_num"]
        assert ref > self.last_ref, f"P2: reference {ref} after {self.last_ref}"
        self.last_ref = ref
        assert ref in self.sent, f"P1: reference {ref} left without an entry in order_sender's journal"
        order = self.sent[ref]
        terms = (int(order["qty_lots"]), int(order["price_ticks"]))
        assert terms == (event["qty_lots"], event["price_ticks"]), f"P1: {ref} is {terms} in the journal, left {event}"
        if kind == "O":
            assert self.symbols[int(order["instrument_id"])] == event["symbol"], "P1: another instrument"
            assert int(order["side"]) == event["side"], "P1: another side"
        assert (kind == "U") == (int(order["kind"]) == INTENT_REPLACE), "P1: another kind"
        decision = self.decisions.get(int(order["order_id"]))
        assert decision is not None, f"P1: order {int(order['order_id'])} left without an approval"
        for name in ("qty_lots", "price_ticks", "instrument_id", "kind", "intent_id"):
            assert int(decision[name]) == int(order[name]), f"P1: {name} differs from the approval"
        assert allowed, f"INV-6: reference {ref} left under a halt"

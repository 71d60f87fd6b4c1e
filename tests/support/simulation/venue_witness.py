"""Venue witness: what the venue said and took, kept in plain Python from its own numbered stream.

It reads the bytes of the member's stream, with the second reader of OUCH (tests/oracles/ouch.py), and so knows each
order's open lots, each execution, and the position that follows from them. Nothing of the machine is asked.
"""

import ctypes
import hashlib
from dataclasses import dataclass

from tests.oracles.ouch import WHOLE, read

MEMBER = 1
BUY = 1


@dataclass
class VenueOrder:
    """An order as the venue's stream tells it."""

    symbol: int
    side: int
    leaves: int


@dataclass(frozen=True)
class Execution:
    """One side of a match."""

    match_number: int
    user_ref_num: int
    symbol: int
    side: int
    qty_lots: int
    price_ticks: int


class VenueWitness:
    """Follows one member's stream in the venue's store."""

    def __init__(self, store):
        self.store, self.offset, self.count = store, 0, 0
        self.orders: dict[int, VenueOrder] = {}
        self.executions: dict[tuple[int, int], Execution] = {}
        self.seq_of: dict[tuple[int, int], int] = {}  # execution -> number of its message
        self.known: set[int] = set()  # references that were ever live; a rejected one never is
        self.position: dict[int, int] = {}
        self.digest = hashlib.sha256()
        self.accepted = 0

    def follow(self) -> int:
        """Take in what the venue said since the last call. Returns the messages."""
        words = self.store["words"][MEMBER]
        if int(words["count"]) == self.count:
            return 0
        assert int(words["chunk"]) == 0, "a run fits in the first chunk of the stream"
        size = int(words["used"]) - self.offset
        data = ctypes.string_at(int(self.store["chunks"][MEMBER, 0]) + self.offset, size)
        self.offset += size
        self.digest.update(data)
        begun, at = self.count, 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 2], "big")
            self.count += 1
            self._take(data[at + 3 : at + 2 + length])  # behind the length and the packet type
            at += 2 + length
        return self.count - begun

    def _take(self, message: bytes) -> None:
        code, event = read("outbound", message)
        assert code == WHOLE, message
        kind = chr(event["kind"])
        ref = event.get("user_ref_num")
        if kind in "AU":
            self.known.add(ref)
            self.accepted += 1
            if kind == "U":
                self.orders.pop(event["orig_user_ref_num"], None)
            self.orders[ref] = VenueOrder(event["symbol"], event["side"], event["qty_lots"])
        elif kind == "E":
            self._execute(event)
        elif kind == "C":
            self._reduce(ref, event["qty_lots"])

    def _execute(self, event: dict) -> None:
        ref = event["user_ref_num"]
        order = self.orders[ref]
        key = (event["match_number"], ref)
        assert key not in self.executions, f"the venue told execution {key} twice"
        self.executions[key] = Execution(*key, order.symbol, order.side, event["qty_lots"], event["price_ticks"])
        self.seq_of[key] = self.count
        signed = event["qty_lots"] if order.side == BUY else -event["qty_lots"]
        self.position[order.symbol] = self.position.get(order.symbol, 0) + signed
        self._reduce(ref, event["qty_lots"])

    def _reduce(self, ref: int, lots: int) -> None:
        order = self.orders[ref]
        order.leaves -= lots
        assert order.leaves >= 0, f"order {ref} has {order.leaves} lots left"
        if order.leaves == 0:
            del self.orders[ref]

    def worst(self, symbol: int) -> tuple[int, int]:
        """(most, least) position that could follow from what is open now."""
        most = least = self.position.get(symbol, 0)
        for order in self.orders.values():
            if order.symbol == symbol:
                most += order.leaves if order.side == BUY else 0
                least -= 0 if order.side == BUY else order.leaves
        return most, least

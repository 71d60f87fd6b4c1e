"""A slow and obvious other side for a strategy: a gate that sometimes refuses, a venue that fills at whim.

Keeps every order in a plain dictionary, answers in the order of arrival, and asserts what must never happen: two
actions of one order at once, a replace at the price that the order has, a reduce that does not lower, our quotes meeting.
"""

from collections import deque
from dataclasses import dataclass

from shm.codes import (
    INTENT_CANCEL,
    INTENT_NEW,
    INTENT_REDUCE,
    REJECT_RATE,
    REJECT_UNKNOWN_TARGET,
    REPORT_ACCEPTED,
    REPORT_CANCEL_REJECTED,
    REPORT_CANCELED,
    REPORT_EXECUTED,
    REPORT_EXPIRED,
    REPORT_REJECTED,
    REPORT_REPLACED,
    SIDE_BUY,
)


@dataclass
class Order:
    """One resting order; `total` counts what was executed too."""

    intent_id: int
    side: int
    price: int
    total: int
    done: int = 0

    @property
    def leaves(self) -> int:
        return self.total - self.done


class Desk:
    """`take(intent)` hears an intent, `answer(random)` handles one, `trade(random)` fills a resting order."""

    def __init__(self, orders_max: int = 2):
        self.orders_max = orders_max  # resting at once on one side
        self.reduced = 0
        self.resting: dict[int, Order] = {}
        self.waiting: deque = deque()
        self.position = 0
        self.out: list[tuple] = []  # ("reject", code, intent_id, side) or ("report", kind, intent_id, side, fields)

    def take(self, intent) -> None:
        kind, target_id = int(intent["kind"]), int(intent["target_intent_id"])
        busy = [held for held in self.waiting if target_id and int(held["target_intent_id"]) == target_id]
        assert not busy or target_id not in self.resting, "a second action of one order while the first is unanswered"
        assert kind == INTENT_CANCEL or intent["qty_lots"] > 0
        assert (kind in (INTENT_CANCEL, INTENT_REDUCE)) == (intent["price_ticks"] == 0)
        target = self.resting.get(target_id)
        if target is not None and kind == INTENT_REDUCE:
            assert intent["qty_lots"] < target.total and intent["expires_ns"] == 0, "a reduce that does not lower"
        elif target is not None and kind != INTENT_CANCEL:
            assert intent["price_ticks"] != target.price, "a replace at the price that the order has"
        self.waiting.append(intent)

    def _report(self, kind, order, **fields) -> None:
        fields = {"price_ticks": order.price, "leaves_lots": order.leaves, **fields}
        self.out.append(("report", kind, order.intent_id, order.side, fields))

    def _rest(self, order) -> None:
        self.resting[order.intent_id] = order
        mine = [held for held in self.resting.values() if held.side == order.side]
        assert len(mine) <= self.orders_max, "too many orders of one side rest"
        bids = [held.price for held in self.resting.values() if held.side == SIDE_BUY]
        asks = [held.price for held in self.resting.values() if held.side != SIDE_BUY]
        assert not bids or not asks or max(bids) < min(asks), "our own quotes met"

    def answer(self, random) -> None:
        """Answer the oldest intent: by the gate or by the venue, with or without what it asked for."""
        if not self.waiting:
            return
        intent = self.waiting.popleft()
        intent_id, side, kind = int(intent["intent_id"]), int(intent["side"]), int(intent["kind"])
        target = self.resting.get(int(intent["target_intent_id"]))
        whim = random.random()
        if kind == INTENT_NEW:
            order = Order(intent_id, side, int(intent["price_ticks"]), int(intent["qty_lots"]))
            if whim < 0.15:
                self.out.append(("reject", REJECT_RATE, intent_id, side))
            elif whim < 0.25:
                self._report(REPORT_REJECTED if whim < 0.2 else REPORT_EXPIRED, order, leaves_lots=0)
            else:
                self._rest(order)
                self._report(REPORT_ACCEPTED, order)
        elif kind == INTENT_CANCEL:
            if target is None:
                self.out.append(("reject", REJECT_UNKNOWN_TARGET, intent_id, side))
            elif whim < 0.1:
                self._report(REPORT_CANCEL_REJECTED, target)
            else:
                del self.resting[target.intent_id]
                self._report(REPORT_CANCELED, target, qty_lots=target.leaves, leaves_lots=0)
        elif kind == INTENT_REDUCE:
            self._reduce(target, intent, whim)
        else:
            new = Order(intent_id, side, int(intent["price_ticks"]), int(intent["qty_lots"]))
            if target is None or whim < 0.15:
                self.out.append(("reject", REJECT_UNKNOWN_TARGET if target is None else REJECT_RATE, intent_id, side))
            elif whim < 0.25:
                self._report(REPORT_REJECTED, new, leaves_lots=0)
            else:
                del self.resting[target.intent_id]
                new.done = target.done
                if new.leaves > 0:
                    self._rest(new)
                self._report(REPORT_REPLACED, new, old_intent_id=target.intent_id, leaves_lots=max(0, new.leaves))

    def _reduce(self, target, intent, whim) -> None:
        if target is None:
            self.out.append(("reject", REJECT_UNKNOWN_TARGET, int(intent["intent_id"]), int(intent["side"])))
        elif whim < 0.1:
            self.out.append(("reject", REJECT_RATE, int(intent["intent_id"]), int(intent["side"])))
        elif whim < 0.2:
            self._report(REPORT_CANCEL_REJECTED, target)
        else:
            total = max(int(intent["qty_lots"]), target.done)
            removed, target.total = target.total - total, total
            if target.leaves == 0:
                del self.resting[target.intent_id]
            self.reduced += 1
            self._report(REPORT_CANCELED, target, qty_lots=removed)

    def trade(self, random) -> None:
        """Fill a part of one resting order."""
        if not self.resting:
            return
        order = random.choice(list(self.resting.values()))
        lots = random.randint(1, order.leaves)
        order.done += lots
        self.position += lots if order.side == SIDE_BUY else -lots
        if order.leaves == 0:
            del self.resting[order.intent_id]
        self._report(REPORT_EXECUTED, order, qty_lots=lots)

    def lose_all(self) -> None:
        """Cancel every resting order unasked, as the gate does for a stale feed."""
        for order in list(self.resting.values()):
            del self.resting[order.intent_id]
            self._report(REPORT_CANCELED, order, qty_lots=order.leaves, leaves_lots=0)

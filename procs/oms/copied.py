"""Copied: messages of a venue's drop copy become rows of what the venue says of our orders and executions. No numba.

```
message          what it means for the copy
---------------  -----------------------------------------------------------------------------------------
accepted         an order is open with its size, or was dead at once
replaced         the original is closed; the new order carries on what the original executed
executed         a trade; the order's open size is less by it. Told again it counts once, and is compared again
canceled         the open size is less by what was taken; nothing left closes the order
rejected         the order is closed
modified         the open size is what the message says
broken           the trade stands no more
corrected        the trade has another size and price
any other        is about no order, or about one that stays as it was
```
"""

from dataclasses import dataclass

SIDES = {"B": "buy", "S": "sell", "T": "sell", "E": "sell"}
OPEN = "open"


@dataclass(slots=True)
class CopiedOrder:
    """A row of `copied_orders`, in the order of its columns. `state`: open, replaced, canceled, filled, rejected."""

    epoch: int
    session_id: int
    user_ref_num: int
    orig_user_ref_num: int = 0
    symbol: str = ""
    side: str = ""
    price_ticks: int = 0
    qty_lots: int = 0
    cum_lots: int = 0
    leaves_lots: int = 0
    state: str = OPEN
    copy_seq: int = 0
    venue_ns: int = 0


@dataclass(slots=True)
class CopiedExecution:
    """A row of `copied_executions`, in the order of its columns. `state`: done, broken, corrected."""

    epoch: int
    session_id: int
    match_number: int
    user_ref_num: int
    copy_seq: int
    side: str
    qty_lots: int
    price_ticks: int
    liquidity: str
    state: str
    told: int  # how often the copy told it
    venue_ns: int


class CopiedBook:
    """What one drop copy told in one epoch. `find_order(ref)`, `find_execution(match, ref)` give a stored row or None.

    After `apply`, rows to store are in `orders` and `executions` until `stored` is called.
    """

    def __init__(self, epoch: int, session_id: int, find_order, find_execution):
        self.epoch, self.session_id = epoch, session_id
        self._find_order, self._find_execution = find_order, find_execution
        self._open: dict[int, CopiedOrder] = {}
        self.repeats = 0
        self.stored()

    def stored(self) -> None:
        """Everything is in the store. Closed orders are forgotten: they can be found there."""
        self.orders: dict[int, CopiedOrder] = {}
        self.executions: dict[tuple[int, int], CopiedExecution] = {}

    def order(self, user_ref_num: int) -> CopiedOrder | None:
        """What the copy told of an order."""
        held = self.orders.get(user_ref_num) or self._open.get(user_ref_num)
        return held or self._find_order(user_ref_num)

    def execution(self, match_number: int, user_ref_num: int) -> CopiedExecution | None:
        """What the copy told of an execution."""
        return self.executions.get((match_number, user_ref_num)) or self._find_execution(match_number, user_ref_num)

    def apply(self, seq: int, message: dict) -> list[tuple]:
        """Apply one message. Returns the keys that it is about: ("order", ref) and ("execution", match, ref)."""
        kind, reference = message["kind"], message.get("user_ref_num", 0)
        if kind in ("E", "B", "F"):
            return self._trade(seq, kind, reference, message)
        if kind not in ("A", "U", "C", "D", "J", "M"):
            return []
        row = self.order(reference) or CopiedOrder(self.epoch, self.session_id, reference)
        touched = [("order", reference)]
        if kind in ("A", "U"):
            row.symbol, row.side = message["symbol"], SIDES.get(message["side_letter"], "")
            row.price_ticks, row.qty_lots, row.leaves_lots = (
                message["price_ticks"],
                message["qty_lots"],
                message["qty_lots"],
            )
            if kind == "U":
                touched.append(("order", message["orig_user_ref_num"]))
                self._replace(seq, row, message)
            row.state = "canceled" if message["order_state"] == "D" else OPEN
        elif kind in ("C", "D"):
            row.leaves_lots -= message["qty_lots"]
            row.state = row.state if row.leaves_lots > 0 or row.state != OPEN else "canceled"
        elif kind == "M":
            row.leaves_lots = message["qty_lots"]
        else:
            row.state = "rejected"
        self._keep(seq, row, message)
        return touched

    def _keep(self, seq: int, row: CopiedOrder, message: dict) -> None:
        row.copy_seq, row.venue_ns = seq, message["venue_ns"]
        row.leaves_lots = row.leaves_lots if row.state == OPEN else 0
        self.orders[row.user_ref_num] = row
        if row.state == OPEN:
            self._open[row.user_ref_num] = row
        else:
            self._open.pop(row.user_ref_num, None)

    def _replace(self, seq: int, row: CopiedOrder, message: dict) -> None:
        row.orig_user_ref_num = message["orig_user_ref_num"]
        original = self.order(row.orig_user_ref_num)
        if original is not None:
            row.cum_lots = original.cum_lots
            row.leaves_lots -= original.cum_lots
            original.state = "replaced"
            self._keep(seq, original, message)

    def _trade(self, seq: int, kind: str, reference: int, message: dict) -> list[tuple]:
        match = message["match_number"]
        trade = self.execution(match, reference)
        touched = [("execution", match, reference)]
        order = self.order(reference)
        if kind == "E" and trade is None:
            order = order or CopiedOrder(self.epoch, self.session_id, reference)
            trade = CopiedExecution(
                self.epoch, self.session_id, match, reference, seq, order.side, message["qty_lots"],
                message["price_ticks"], _liquidity(message), "done", 0, message["venue_ns"],
            )  # fmt: skip
            order.cum_lots += message["qty_lots"]
            order.leaves_lots -= message["qty_lots"]
            order.state = order.state if order.leaves_lots > 0 or order.state != OPEN else "filled"
            self._keep(seq, order, message)
            touched.append(("order", reference))
        elif kind == "E":
            self.repeats += 1
            if trade.state == "done":  # told again with other values: these are compared, and the book stays
                trade.qty_lots, trade.price_ticks = message["qty_lots"], message["price_ticks"]
        elif trade is None:  # broken or corrected, and never told: a row that our record can be compared with
            trade = CopiedExecution(
                self.epoch, self.session_id, match, reference, seq, order.side if order else "", 0, 0, "", "broken", 0,
                message["venue_ns"],
            )  # fmt: skip
        if kind == "B":
            trade.state, trade.qty_lots = "broken", 0
        elif kind == "F":
            trade.state, trade.liquidity = "corrected", _liquidity(message)
            trade.qty_lots, trade.price_ticks = message["qty_lots"], message["price_ticks"]
        trade.told += 1
        trade.copy_seq = seq
        self.executions[match, reference] = trade
        return touched


def _liquidity(message: dict) -> str:
    return "added" if message["liquidity_flag"] == "A" else "removed"

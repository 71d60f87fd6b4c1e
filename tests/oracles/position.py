"""A slow and exact account: the list of fills, replayed from the start for every question.

Quantities and cash are plain sums. Average cost is followed twice: in fractions, where nothing is ever rounded, and by
the documented rule (what is released is rounded toward zero, the remainder stays), written as it reads.
"""

from fractions import Fraction
from typing import NamedTuple


class Fill(NamedTuple):
    """One execution: +1 bought or -1 sold, size, price, fee a lot."""

    sign: int
    lots: int
    price: int
    fee_per_lot: int


class Account:
    """One strategy in one instrument; `unit` is the value of one price tick of one lot, micro-units."""

    def __init__(self, unit: int):
        self.unit = unit
        self.events: list[tuple[str, Fill]] = []

    def execute(self, fill: Fill) -> None:
        self.events.append(("executed", fill))

    def undo(self, fill: Fill) -> None:
        self.events.append(("broken", fill))

    def _standing(self) -> list[Fill]:
        fills = [fill for kind, fill in self.events if kind == "executed"]
        for kind, fill in self.events:
            if kind == "broken":
                fills.remove(fill)
        return fills

    def _lots(self, sign: int) -> int:
        return sum(fill.lots for fill in self._standing() if fill.sign == sign)

    def _cash(self, sign: int) -> int:
        return sum(fill.lots * fill.price * self.unit for fill in self._standing() if fill.sign == sign)

    def totals(self) -> dict[str, int]:
        """Everything that is a sum over the fills that stand."""
        return {
            "position_lots": self._lots(1) - self._lots(-1),
            "bought_lots": self._lots(1),
            "sold_lots": self._lots(-1),
            "bought_micro": self._cash(1),
            "sold_micro": self._cash(-1),
            "fees_micro": sum(fill.lots * fill.fee_per_lot for fill in self._standing()),
            "fills": len(self._standing()),
        }

    def average_cost(self, exact: bool):
        """(cost, realised) in micro-units: fractions without rounding, or integers by the rule."""
        held, cost, realised = 0, Fraction(0), Fraction(0)
        for kind, fill in self.events:
            lots = fill.sign * fill.lots if kind == "executed" else -fill.sign * fill.lots
            for lot in [lots // abs(lots)] * abs(lots) if exact else [lots]:
                closing = 0
                if held * lot < 0:
                    closing = min(abs(held), abs(lot)) * (1 if lot > 0 else -1)
                    released = cost * Fraction(abs(closing), abs(held))
                    if not exact:
                        released = Fraction(int(released))  # int() goes toward zero
                    realised += -closing * fill.price * self.unit - released
                    cost -= released
                cost += (lot - closing) * fill.price * self.unit
                held += lot
        return cost, realised

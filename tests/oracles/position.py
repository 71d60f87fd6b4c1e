"""A slow and exact account: the list of executions, replayed from the start for every question.

Written from the table of money rules with fractions, decimals and one entry a lot; nothing of the code under test.
"""

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple


class Fee(NamedTuple):
    """Fees of one liquidity: a lot, 1e-8 of the value, least an execution (0 none)."""

    per_lot: int
    e8: int = 0
    least: int = 0


class Execution:
    """One execution: +1 bought or -1 sold, size, price, whether it added liquidity, mid x 2 when it was learnt."""

    def __init__(self, key, sign: int, lots: int, price: int, adds: bool, mark_half: int = 0):
        self.key, self.sign, self.lots, self.price, self.adds, self.mark_half = key, sign, lots, price, adds, mark_half


def rounded(exact: Fraction) -> int:
    """To the nearest, a half away from zero: what ROUND_HALF_UP means in decimal arithmetic."""
    with localcontext() as context:
        context.prec = 80
        doubled = Decimal((abs(exact) * 2).__floor__())  # 2x, cut: keeps every half
        size = int((doubled / 2).quantize(Decimal(1), ROUND_HALF_UP))
    return size if exact >= 0 else -size


class Account:
    """One strategy in one instrument; `unit` is the value of one price tick of one lot, micro-units."""

    def __init__(self, unit: int, added: Fee, removed: Fee):
        self.unit, self.added, self.removed = unit, added, removed
        self.standing: list[Execution] = []

    def execute(self, execution: Execution) -> None:
        self.standing.append(execution)

    def undo(self, key) -> bool:
        """The venue broke it. False when no such execution stands."""
        left = [held for held in self.standing if held.key != key]
        found, self.standing = len(left) < len(self.standing), left
        return found

    def correct(self, key, lots: int, price: int, adds: bool | None = None) -> bool:
        """The venue gave it another size and price, and liquidity if told. False when no such execution stands."""
        for held in self.standing:
            if held.key == key:
                held.lots, held.price = lots, price
                held.adds = held.adds if adds is None else adds
                return True
        return False

    def fee(self, held: Execution) -> int:
        rate = self.added if held.adds else self.removed
        value = held.lots * held.price * self.unit
        fee = rounded(Fraction(held.lots * rate.per_lot) + Fraction(value * rate.e8, 10**8))
        return max(fee, rate.least) if rate.least else fee

    def totals(self) -> dict[str, int]:
        """Everything that is a sum over the executions that stand, by name of its field."""
        bought = [held for held in self.standing if held.sign > 0]
        sold = [held for held in self.standing if held.sign < 0]
        added = [held for held in self.standing if held.adds]

        def lots(some):
            return sum(held.lots for held in some)

        def value(some):
            return sum(held.lots * held.price * self.unit for held in some)

        def fees(some):
            return sum(self.fee(held) for held in some)

        return {
            "position_lots": lots(bought) - lots(sold),
            "bought_lots": lots(bought),
            "sold_lots": lots(sold),
            "bought_micro": value(bought),
            "sold_micro": value(sold),
            "fees_micro": fees(self.standing),
            "added_lots": lots(added),
            "added_micro": value(added),
            "added_fees_micro": fees(added),
            "fills": len(self.standing),
            "spread_micro": sum(self.spread(held) for held in self.standing),
        }

    def spread(self, held: Execution) -> int:
        if held.mark_half == 0:
            return 0
        return rounded(held.sign * (Fraction(held.mark_half, 2) - held.price) * held.lots * self.unit)

    def average_cost(self) -> tuple[int, int]:
        """(cost, realised), each closing execution releasing its rounded share of the cost."""
        held, cost, realised = 0, 0, 0
        for one in self.standing:
            lots = one.sign * one.lots
            if held * lots < 0:
                closing = min(abs(held), one.lots)
                released = rounded(Fraction(cost * closing, abs(held)))
                realised += one.sign * -closing * one.price * self.unit - released
                cost -= released
                held += one.sign * closing
                lots -= one.sign * closing
            cost += lots * one.price * self.unit
            held += lots
        return cost, realised

    def average_cost_exact(self) -> tuple[Fraction, Fraction]:
        """(cost, realised) with no rounding at all."""
        held, cost, realised = 0, Fraction(0), Fraction(0)
        for one in self.standing:
            for _ in range(one.lots):
                if held * one.sign < 0:
                    released = cost / abs(held)
                    realised += -one.sign * one.price * self.unit - released
                    cost -= released
                else:
                    cost += one.sign * one.price * self.unit
                held += one.sign
        return cost, realised

    def fifo(self) -> tuple[int, int]:
        """(cost of the open lots, realised), every lot by itself: the oldest closes first."""
        lots: list[tuple[int, int]] = []  # (sign, price)
        realised = 0
        for one in self.standing:
            for _ in range(one.lots):
                if lots and lots[0][0] != one.sign:
                    sign, price = lots.pop(0)
                    realised += sign * (one.price - price) * self.unit
                else:
                    lots.append((one.sign, one.price))
        return sum(sign * price * self.unit for sign, price in lots), realised

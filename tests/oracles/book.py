"""The slow and obvious order book: one SortedDict of price -> {order reference: size} a side, insertion order is age.

Same operations and the same judgement of impossible messages as procs/feed_handler/book.py, but nothing shared with it
except the names of the codes. Used by feed_handler's tests and by whole-pipeline tests as the truth about a book.
"""

from sortedcontainers import SortedDict

BUY, SELL = 1, 2
PRICE_MAX = QTY_MAX = (1 << 32) - 1


class OracleBooks:
    """Books of `instruments` instruments. Every operation returns "ok" or the reason why the message is impossible."""

    def __init__(self, instruments: int):
        self.instruments = instruments
        self.sides = {(i, side): SortedDict() for i in range(instruments) for side in (BUY, SELL)}
        self.where = {}  # order reference -> (instrument, side, price)

    def add(self, instrument, ref, side, qty, price):
        if not 0 <= instrument < self.instruments:
            return "instrument"
        if side not in (BUY, SELL):
            return "side"
        if not 0 < price <= PRICE_MAX:
            return "price"
        if not 0 < qty <= QTY_MAX:
            return "quantity"
        if ref in self.where:
            return "duplicate order"
        self.sides[instrument, side].setdefault(price, {})[ref] = qty
        self.where[ref] = (instrument, side, price)
        return "ok"

    def _find(self, instrument, ref):
        if ref not in self.where:
            return None, "unknown order"
        if self.where[ref][0] != instrument:
            return None, "instrument"
        return self.where[ref], "ok"

    def reduce(self, instrument, ref, qty):
        where, answer = self._find(instrument, ref)
        if where is None:
            return answer
        _, side, price = where
        left = self.sides[instrument, side][price][ref]
        if qty <= 0:
            return "quantity"
        if qty > left:
            return "more than the order has left"
        if qty == left:
            return self.delete(instrument, ref)
        self.sides[instrument, side][price][ref] = left - qty
        return "ok"

    def delete(self, instrument, ref):
        where, answer = self._find(instrument, ref)
        if where is None:
            return answer
        _, side, price = where
        level = self.sides[instrument, side][price]
        del level[ref], self.where[ref]
        if not level:
            del self.sides[instrument, side][price]
        return "ok"

    def replace(self, instrument, ref, new_ref, qty, price):
        if not 0 < price <= PRICE_MAX:
            return "price"
        if not 0 < qty <= QTY_MAX:
            return "quantity"
        where, answer = self._find(instrument, ref)
        if where is None:
            return answer
        if new_ref in self.where:
            return "duplicate order"
        side = where[1]
        self.delete(instrument, ref)
        return self.add(instrument, new_ref, side, qty, price)

    def levels(self, instrument, side):
        """[(price, size, number of orders)], best first."""
        prices = self.sides[instrument, side]
        ordered = reversed(prices) if side == BUY else iter(prices)
        return [(price, sum(prices[price].values()), len(prices[price])) for price in ordered]

    def queue(self, instrument, side, price):
        """[(order reference, size)], oldest first."""
        return list(self.sides[instrument, side].get(price, {}).items())

    def top(self, instrument):
        """(bid price, bid size, ask price, ask size); zeros for an empty side."""
        bids, asks = self.levels(instrument, BUY), self.levels(instrument, SELL)
        return (*(bids[0][:2] if bids else (0, 0)), *(asks[0][:2] if asks else (0, 0)))

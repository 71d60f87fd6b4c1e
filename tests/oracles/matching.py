"""Oracle of the venue's matching engine and ledger: slow, obvious, on sortedcontainers.

It replays the venue's input log. It shares no code with the engine but the numbers of the log's fields.
"""

from collections import defaultdict
from fractions import Fraction

from sortedcontainers import SortedDict

from tests.oracles.position import rounded

BUY, SELL = 1, 2
DAY, IOC, HISTORY = 1, 2, 3
ENTER, CANCEL, REDUCE, REPLACE, HIT, CROSS, PRINT = range(1, 8)
PRICE_MAX, QTY_MAX = 4_294_967_295, 1_000_000
UNKNOWN, BAD_VALUE = -2, -3


class Order:
    def __init__(self, ref, instrument, side, price, qty, owner):
        self.ref, self.instrument, self.side = ref, instrument, side
        self.price, self.qty, self.owner = price, qty, owner


class Account:
    """One member in one instrument."""

    def __init__(self):
        self.position_lots = self.bought_lots = self.sold_lots = 0
        self.bought_micro = self.sold_micro = self.fees_micro = self.fills = 0
        self.added_lots = self.added_micro = self.added_fees_micro = 0


class MatchingOracle:
    """`unit_micro[instrument]` is the money of one price tick of one lot; a Fee of each liquidity for each."""

    def __init__(self, unit_micro, fee_added, fee_removed):
        self.unit_micro, self.fee_added, self.fee_removed = unit_micro, fee_added, fee_removed
        self.books = defaultdict(SortedDict)  # (instrument, side) -> {sort key: [orders, oldest first]}
        self.orders = {}
        self.accounts = defaultdict(Account)
        self.next_ref = 1
        self.trades = []  # (resting ref, price, qty, aggressor owner)

    # --- books

    def side_of(self, instrument, side):
        """Orders of one side, best first, each level oldest first."""
        return [order for queue in self.books[instrument, side].values() for order in queue]

    def rows(self, instrument, side):
        return [(order.price, order.ref, order.qty, order.owner) for order in self.side_of(instrument, side)]

    def rest(self, order):
        key = -order.price if order.side == BUY else order.price
        self.books[order.instrument, order.side].setdefault(key, []).append(order)
        self.orders[order.ref] = order

    def leave(self, order):
        book = self.books[order.instrument, order.side]
        key = -order.price if order.side == BUY else order.price
        book[key].remove(order)
        if not book[key]:
            del book[key]
        del self.orders[order.ref]

    # --- trades

    def trade(self, resting, price, qty, aggressor):
        money = price * qty * self.unit_micro[resting.instrument]
        self.trades.append((resting.ref, price, qty, aggressor))
        at = resting.instrument
        self.book_fill(resting.owner, at, resting.side, qty, money, self.fee_added[at], adds=True)
        self.book_fill(aggressor, at, 3 - resting.side, qty, money, self.fee_removed[at], adds=False)
        resting.qty -= qty
        if resting.qty == 0:
            self.leave(resting)

    def book_fill(self, owner, instrument, side, qty, money, rate, adds):
        if owner == 0:
            return
        account = self.accounts[owner, instrument]
        account.fills += 1
        fee = qty * rate.per_lot + rounded(Fraction(money * rate.e8, 10**8))
        fee = max(fee, rate.least) if rate.least else fee
        account.fees_micro += fee
        if adds:
            account.added_lots += qty
            account.added_micro += money
            account.added_fees_micro += fee
        if side == BUY:
            account.position_lots += qty
            account.bought_lots += qty
            account.bought_micro += money
        else:
            account.position_lots -= qty
            account.sold_lots += qty
            account.sold_micro += money

    def take(self, instrument, side, price, qty, owner, members_only=False, until=None):
        """Trade with the other side down to `price`; stop at order `until`. Returns what is left."""
        for resting in self.side_of(instrument, 3 - side):
            too_far = resting.price > price if side == BUY else resting.price < price
            if qty == 0 or too_far or resting is until:
                break
            if members_only and resting.owner == 0:
                continue
            size = min(qty, resting.qty)
            self.trade(resting, resting.price, size, owner)
            qty -= size
        return qty

    # --- inputs

    def new_ref(self):
        self.next_ref += 1
        return self.next_ref - 1

    def enter(self, instrument, side, price, qty, tif, owner):
        if not (0 < price <= PRICE_MAX and 0 < qty < QTY_MAX and side in (BUY, SELL)):
            return BAD_VALUE
        ref = self.new_ref()
        left = self.take(instrument, side, price, qty, owner, members_only=tif == HISTORY)
        if left and tif != IOC:
            self.rest(Order(ref, instrument, side, price, left, owner))
        return ref

    def replace(self, ref, price, qty, tif):
        old = self.orders.get(ref)
        if old is None:
            return UNKNOWN
        if not (0 < price <= PRICE_MAX and 0 < qty < QTY_MAX):
            return BAD_VALUE
        self.leave(old)
        return self.enter(old.instrument, old.side, price, qty, tif, old.owner)

    def reduce(self, ref, qty):
        order = self.orders.get(ref)
        if order is None:
            return UNKNOWN
        if qty <= 0:
            return BAD_VALUE
        if qty >= order.qty:
            self.leave(order)
            return 0
        order.qty -= qty
        return order.qty

    def cancel(self, ref):
        order = self.orders.get(ref)
        if order is None:
            return UNKNOWN
        self.leave(order)
        return order.qty

    def hit(self, ref, qty, instrument, side, price):
        resting = self.orders.get(ref)
        if resting is None:  # gone: only members with a better price come before it
            better = price - 1 if side == BUY else price + 1
            qty = self.take(instrument, side, better, qty, 0, members_only=True)
        else:
            qty = self.take(instrument, side, price, qty, 0, members_only=True, until=resting)
            size = min(qty, resting.qty)
            if size:
                self.trade(resting, resting.price, size, 0)
            qty -= size
        return self.take(instrument, side, price, qty, 0, members_only=True)

    def cross(self, ref, qty, price):
        resting = self.orders.get(ref)
        if resting is None:
            return qty
        size = min(qty, resting.qty)
        self.trade(resting, price, size, 0)
        return qty - size

    def apply(self, row):
        """One record of the input log. Returns what the engine should have answered."""
        kind, ref, price, qty = (int(row[name]) for name in ("kind", "ref", "price", "qty"))
        instrument, side, tif, owner = (int(row[name]) for name in ("instrument", "side", "tif", "owner"))
        if kind == ENTER:
            return self.enter(instrument, side, price, qty, tif, owner)
        if kind == CANCEL:
            return self.cancel(ref)
        if kind == REDUCE:
            return self.reduce(ref, qty)
        if kind == REPLACE:
            return self.replace(ref, price, qty, tif)
        if kind == HIT:
            return self.hit(ref, qty, instrument, side, price)
        if kind == CROSS:
            return self.cross(ref, qty, price)
        assert kind == PRINT, f"input of unknown kind {kind}"
        return self.take(instrument, side, price, qty, 0, members_only=True)

    def replay(self, log):
        """The whole log; each answer must be the engine's."""
        for number, row in enumerate(log):
            answer = self.apply(row)
            assert answer == row["result"], f"input {number}: engine {row['result']}, oracle {answer}: {row}"

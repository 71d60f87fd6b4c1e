"""Activity oracle: what the firm and a strategy did lately, from plain lists of everything, looked at anew each time."""

from dataclasses import dataclass, field

BUY, SELL = 1, 2
NO_LIMIT = 2**62 - 1


def in_window(times, now, window):
    """How many lie in (now - window, now]; a time ahead of now is in it."""
    return sum(at > now - window for at in times)


@dataclass
class SameOrders:
    """New orders of one strategy: (content, time). Times never fall, whatever the clock does."""

    made: list[tuple[tuple, int]] = field(default_factory=list)

    def count(self, content, now, window):
        return in_window([at for known, at in self.made if known == content], now, window)

    def add(self, content, now, window_max):
        now = max(now, self.made[-1][1]) if self.made else now
        self.made.append((content, now))
        self.made = [one for one in self.made if one[1] > now - 2 * window_max]


@dataclass
class OwnOrders:
    """Open orders of the firm: id -> (instrument, side, price)."""

    orders: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def best(self, instrument, side):
        """The price that an order of the other side would meet first, or None."""
        prices = [price for where, own, price in self.orders.values() if (where, own) == (instrument, side)]
        if not prices:
            return None
        return max(prices) if side == BUY else min(prices)


@dataclass
class Fills:
    """Executions of one strategy: (time, lots, delta, vega), signed; and what they lead to."""

    executions_max: int
    window: int
    lots_max: int
    delta_max: int
    vega_max: int
    reset: int
    fills: list[tuple[int, int, int, int]] = field(default_factory=list)
    counted: int = 0
    held: bool = False
    waits_until: int = 0
    newest: int = 0  # times never fall, whatever the clock does

    def fill(self, now, lots, signed, delta, vega):
        """One execution; `delta` and `vega` of a lot."""
        self.counted += 1
        if self.counted >= self.executions_max:
            self.held = True
        if min(self.lots_max, self.delta_max, self.vega_max) == NO_LIMIT:
            return
        at = self.newest = max(now, self.newest)
        self.fills.append((at, lots, signed * delta, signed * vega))
        self.fills = [fill for fill in self.fills if fill[0] > at - self.window]
        if self.is_burst():
            if self.reset == NO_LIMIT:
                self.held, self.waits_until = True, NO_LIMIT
            else:
                self.waits_until = max(self.waits_until, now + self.reset)

    def is_burst(self):
        if sum(lots for _, lots, _, _ in self.fills) > self.lots_max:
            return True
        for column, limit in ((2, self.delta_max), (3, self.vega_max)):
            amounts = [fill[column] for fill in self.fills]
            longer = sum(amount for amount in amounts if amount > 0)
            shorter = -sum(amount for amount in amounts if amount < 0)
            if max(longer, shorter) > limit:
                return True
        return False

    def answer(self, now):
        if self.counted + 1 > self.executions_max:
            return "executions"
        return "fill_burst" if now < self.waits_until else "pass"

    def let_go(self):
        """A person resumed it and its next order passed."""
        self.fills, self.counted, self.held, self.waits_until = [], 0, False, 0


@dataclass
class Rejects:
    """What the venue refused of one strategy, or of the firm: times, all since a person last let it go on."""

    most: int
    window: int
    newest: int = 0  # times never fall, whatever the clock does
    times: list[int] = field(default_factory=list)
    held_by: int | None = None  # whose reject was one too many
    acknowledged: bool = False

    def reject(self, now, strategy):
        """One order that the venue refused. Returns whether it was one too many, and nobody had been told before."""
        self.newest = max(now, self.newest)
        self.times.append(self.newest)
        if self.most == NO_LIMIT or self.count() <= self.most or self.held_by is not None:
            return False
        self.held_by = strategy
        return True

    def count(self):
        return in_window(self.times, self.newest, self.window)

    @property
    def stands(self):
        """Whether the word is said and nobody took it back."""
        return self.held_by is not None and not self.acknowledged

    def let_go(self):
        """A person resumed it and its next order passed; or another day."""
        self.times, self.held_by, self.acknowledged = [], None, False

"""Risk oracle: the rules of the gate written again, slowly, from sentences, with unbounded integers and plain lists.

Nothing is kept as a running sum: positions are summed from executions, open lots and money from open orders, rates and
windows from every message so far, and every amount of money is worked out from price, lots and rate each time. Names of answers are the labels of shm/codes.py (REJECT_NAMES), "pass" for a pass.
"""

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from tests.oracles import risk_market

BUY, SELL = 1, 2
NEW, REPLACE, CANCEL, REDUCE = 1, 2, 3, 4
CHAIN_MAX = 8
LAST_VALUE = 2**62 - 1  # also "no limit"
LAST_PRICE = 2**40
LAST_QTY = 2**32 - 1
RATE_REMEMBERED = 2**16
LAST_ORDER_VALUE = 2**50 - 1
MAY_BE_ZERO = ("rate_headroom", "messages_floor", "concentration_floor_micro", "permitted", "locate_lots")


@dataclass(eq=False)
class Open:
    """One order that may still trade."""

    order_id: int
    intent_id: int
    strategy: int
    instrument: int
    side: int
    price: int
    total: int
    executed: int
    leaves: int
    alive: bool = False
    cancelling: bool = False
    reducing: bool = False
    short: bool = False  # the venue was told that it is a short sale


@dataclass
class Model:
    """The firm as the gate must see it."""

    strategies: int
    instruments: list[dict]  # bands (from price, step), lot, price_max, unit, fx_ppm, equity, underlying
    limits: dict  # ("instrument", i) | ("strategy", s) | "firm" -> dict of limits, or None
    universe: set  # (strategy, instrument)
    chains: list[list[Open]] = field(default_factory=list)  # orders of which one lives at most
    moves: list[tuple[int, int, int]] = field(default_factory=list)  # (strategy, instrument, signed lots)
    passes: list[tuple[int, int, int, int, int]] = field(
        default_factory=list
    )  # strategy, instrument, time, lots, value
    entered: list[tuple[int, int, int, int, int, int]] = field(
        default_factory=list
    )  # new orders: strategy, instrument, side, price, lots, time
    messages: list[tuple[int, int, int, bool]] = field(default_factory=list)  # strategy, instrument, time, cancel
    earlier: Counter = field(default_factory=Counter)  # messages of (strategy, instrument) that no window reaches
    executions: Counter = field(default_factory=Counter)  # of (strategy, instrument)
    trades: dict[int, tuple[int, int, int, int]] = field(
        default_factory=dict
    )  # match: strategy, instrument, side, lots
    marks: dict = field(default_factory=dict)  # price that a position is valued at: (strategy, instrument), instrument
    last_intent: dict[int, int] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)
    greeks: dict = field(default_factory=dict)  # instrument: newest row
    risk: dict = field(default_factory=dict)  # ("strategy", s) | "firm": newest row, `right` when it names its scope
    short: bool = False  # of the order that was answered last
    raised: bool = False  # whether it added open lots

    # --- sums, by looking at everything -------------------------------------------------------------------------------

    def position(self, instrument, strategy=None):
        return sum(lots for s, i, lots in self.moves if i == instrument and strategy in (None, s))

    def forget_details(self, now, reach):
        """Fold executions, and messages older than `reach`, so that long runs stay affordable."""
        self.earlier.update((s, i) for s, i, at, _cancel in self.messages if at <= now - reach)
        self.messages = [message for message in self.messages if message[2] > now - reach]
        self.passes = [made for made in self.passes if made[2] > now - reach]
        self.entered = [made for made in self.entered if made[5] > now - reach]
        folded = {}
        for s, i, lots in self.moves:
            folded[s, i] = folded.get((s, i), 0) + lots
        self.moves = [(s, i, lots) for (s, i), lots in folded.items()]

    def open_chains(self, instrument=None, strategy=None, side=None):
        wanted = ((instrument, "instrument"), (strategy, "strategy"), (side, "side"))
        return [c for c in self.chains if all(v is None or getattr(c[0], name) == v for v, name in wanted)]

    def open_lots(self, instrument, side, strategy=None):
        return sum(max(order.leaves for order in chain) for chain in self.open_chains(instrument, strategy, side))

    def value(self, instrument, price, lots):
        """In the firm's currency, rounded up."""
        rules = self.instruments[instrument]
        return -(-price * lots * rules["unit"] * rules["fx_ppm"] // 1_000_000)

    def position_value(self, instrument, strategy=None):
        held = self.position(instrument, strategy)
        mark = self.marks.get(instrument if strategy is None else (strategy, instrument), 0)
        value = self.value(instrument, mark, abs(held))
        return value if held >= 0 else -value

    def open_value(self, instrument, side, strategy=None):
        return sum(
            max(self.value(instrument, order.price, order.leaves) for order in chain)
            for chain in self.open_chains(instrument, strategy, side)
        )

    def gross(self, instrument, strategy=None, buys=0, sells=0):
        """The worst size of one instrument, for the firm or one strategy, with more open on top."""
        held = self.position_value(instrument, strategy)
        buys += self.open_value(instrument, BUY, strategy)
        sells += self.open_value(instrument, SELL, strategy)
        return max(abs(held + bought - sold) for bought in (0, buys) for sold in (0, sells) if not (bought and sold))

    def all_instruments(self, amount):
        return sum(amount(instrument) for instrument in range(len(self.instruments)))

    def worst_case(self, instrument, side, strategy=None):
        held = self.position(instrument, strategy)
        return (held if side == BUY else -held) + self.open_lots(instrument, side, strategy)

    def find(self, **wanted):
        ((name, number),) = wanted.items()
        for chain in self.chains:
            for order in chain:
                if getattr(order, name) == number:
                    return chain, order
        return None, None

    # --- intents --------------------------------------------------------------------------------------------------------

    def answer(self, strategy, intent, market, now):
        """The answer to one intent out of `strategy`'s ring; remembers what it must. `market` as at this moment."""
        if intent["kind"] == CANCEL:
            result = self._cancel(strategy, intent)
        elif intent["kind"] == REDUCE:
            result = self._reduce(strategy, intent)
        else:
            self._mark(strategy, intent, market)
            result = self._order(strategy, intent, market, now)
        if result == "pass" and intent["kind"] in (CANCEL, REDUCE):
            target = self.find(intent_id=intent["target_intent_id"])[1]
            self.messages.append((strategy, target.instrument, now, True))
        self.last_intent[strategy] = max(self.last_intent.get(strategy, 0), intent["intent_id"])
        return result

    def _cancel(self, strategy, intent):
        _chain, order = self.find(intent_id=intent["target_intent_id"])
        if order is None or order.strategy != strategy:
            return "unknown_target"
        if order.cancelling:
            return "already_cancelling"
        order.cancelling = True
        return "pass"

    def _reduce(self, strategy, intent):
        chain, order = self.find(intent_id=intent["target_intent_id"])
        if order is None or order.strategy != strategy:
            return "unknown_target"
        if order.cancelling:
            return "already_cancelling"
        if not order.alive:
            return "unknown_target"
        if chain[-1] is not order or order.reducing:
            return "already_cancelling"
        if not 1 <= intent["qty_lots"] < order.total:
            return "reduce_size"
        order.reducing = True
        return "pass"

    def _mark(self, strategy, intent, market):
        """Whoever looks at a market values its positions by it."""
        if self._is_known(strategy, intent):
            reference = self._reference(market["bid"], market["ask"])
            if reference is not None and reference >= 1:
                self.marks[intent["instrument_id"]] = int(reference)
                self.marks[strategy, intent["instrument_id"]] = int(reference)

    def _is_known(self, strategy, intent):
        known = 0 <= intent["instrument_id"] < len(self.instruments) and intent["strategy_id"] == strategy
        return known and (strategy, intent["instrument_id"]) in self.universe

    def _order(self, strategy, intent, market, now):
        for refusal in (self._form, self._permission, self._market, self._exposure, self._rates):
            reason = refusal(strategy, intent, market, now)
            if reason:
                return reason
        return "pass"

    def _form(self, strategy, intent, market, now):
        if intent["kind"] not in (NEW, REPLACE) or intent["tif"] not in (1, 2):
            return "kind"
        known = self._is_known(strategy, intent)
        taken = known and self.find(intent_id=intent["intent_id"])[1] is not None
        if intent["intent_id"] <= max(0, self.last_intent.get(strategy, 0)) or taken:
            return "duplicate"
        if not known:
            return "instrument"
        if intent["side"] not in (BUY, SELL):
            return "side"
        target = self._target(strategy, intent)[1]
        if target is not None and target.side != intent["side"]:
            return "side"
        return None

    def _target(self, strategy, intent):
        if intent["kind"] != REPLACE:
            return None, None
        chain, order = self.find(intent_id=intent["target_intent_id"])
        if order is None or order.strategy != strategy or order.instrument != intent["instrument_id"]:
            return None, None
        return chain, order

    def _permission(self, strategy, intent, market, now):
        underlying = self.instruments[intent["instrument_id"]]["underlying"]
        scopes = {("instrument", intent["instrument_id"]), ("instrument", underlying)}
        for scope in (*scopes, ("strategy", strategy), "firm"):
            limits = self.limits.get(scope)
            if limits is None or any(limit <= 0 for name, limit in limits.items() if name not in MAY_BE_ZERO):
                return "no_limits"
        if risk_market.restricted(self, intent):
            return "restricted"
        if self.instruments[intent["instrument_id"]]["fx_ppm"] <= 0:
            return "fx_rate"
        if market["behind"]:
            return "sender_behind"
        if market["state"] not in (1, 2, 3):
            return "halted"
        if market["state"] == 3:
            return "cancel_only"
        return "expired" if now > intent["expires_ns"] else None

    def _market(self, strategy, intent, market, now):
        rules, limits = self.instruments[intent["instrument_id"]], self.limits["instrument", intent["instrument_id"]]
        price, qty = intent["price_ticks"], intent["qty_lots"]
        if market["trading_state"] != 1:
            return "trading_state"
        if not 1 <= price <= min(rules["price_max"], LAST_PRICE):
            return "price_range"
        step = [step for start, step in rules["bands"] if price >= start][-1]
        if Fraction(price, step).denominator != 1:
            return "tick_size"
        if qty <= 0 or Fraction(qty, rules["lot"]).denominator != 1:
            return "lot_size"
        if qty > limits["qty_lots_max"] or qty > LAST_QTY:
            return "qty_max"
        if price * qty * rules["unit"] > min(limits["notional_micro_max"], LAST_VALUE - 1):
            return "notional_max"
        if self.value(intent["instrument_id"], price, qty) > LAST_ORDER_VALUE:
            return "notional_max"
        if market["channel_state"] != 1 or now - market["heard_ns"] > limits["channel_silence_ns_max"]:
            return "reference_stale"
        reference = self._reference(market["bid"], market["ask"])
        if reference is None or now - market["changed_ns"] > limits["age_ns_max"]:
            return "reference_stale"
        bid, ask = market["bid"] or market["ask"], market["ask"] or market["bid"]
        near, far = (bid, ask) if intent["side"] == BUY else (ask, bid)
        through = price - far if intent["side"] == BUY else far - price
        if self._is_outside(abs(price - near), near, limits["collar_near_bps"]):
            return "collar_near"
        if self._is_outside(through, far, limits["collar_far_bps"]):
            return "collar_far"
        if abs(price - near) > limits["collar_near_ticks"]:
            return "collar_near_ticks"
        if through > limits["collar_far_ticks"]:
            return "collar_far_ticks"
        if risk_market.outside_band(market, price):
            return "price_band"
        return "self_trade" if self._meets_own(intent) else None

    def _meets_own(self, intent):
        """Whether it would trade with any order of the firm that may still be alive, replaces in flight included."""
        if self.limits["firm"]["self_trade"] == LAST_VALUE:
            return False
        side, price = intent["side"], intent["price_ticks"]
        others = [o for c in self.chains for o in c if o.instrument == intent["instrument_id"] and o.side != side]
        return any(o.price <= price if side == BUY else o.price >= price for o in others)

    def _same(self, strategy, intent, now):
        """As many new orders with the same content as allowed, in the window (now - window, now]."""
        limits = self.limits["strategy", strategy]
        content = tuple(intent[name] for name in ("instrument_id", "side", "price_ticks", "qty_lots"))
        edge = now - limits["same_window_ns"]
        made = [1 for who, *rest, at in self.entered if who == strategy and tuple(rest) == content and at > edge]
        return intent["kind"] == NEW and len(made) >= limits["same_orders_max"]

    @staticmethod
    def _is_outside(distance, touch, bps):
        return bps != LAST_VALUE and distance > touch * Fraction(bps, 10_000)

    @staticmethod
    def _reference(bid, ask):
        if bid < 0 or ask < 0 or max(bid, ask) > LAST_PRICE or (bid and ask and bid > ask) or not (bid or ask):
            return None
        return Fraction(bid + ask, 2) if bid and ask else Fraction(bid or ask)

    def _exposure(self, strategy, intent, market, now):
        instrument, side, qty = intent["instrument_id"], intent["side"], intent["qty_lots"]
        chain, target = self._target(strategy, intent)
        added, one_more, after, counted = qty, 1, qty, 0
        if intent["kind"] == REPLACE:
            if target is None:
                return "unknown_target"
            if target.cancelling or chain[-1] is not target or len(chain) >= CHAIN_MAX:
                return "already_cancelling"
            after = max(0, qty - target.executed)
            added, one_more = max(0, after - max(order.leaves for order in chain)), 0
            counted = max(self.value(instrument, order.price, order.leaves) for order in chain)
        reason = risk_market.sale(self, intent, market, target, chain, after, added)
        if reason:
            return reason
        if market["state"] == 2:
            held = self.position(instrument, strategy)
            if self.open_lots(instrument, side, strategy) + added > (-held if side == BUY else held):
                return "reducing"
        reason = risk_market.loss(self, strategy, intent, added, now)
        if reason:
            return reason
        name = "long_lots_max" if side == BUY else "short_lots_max"
        if self.worst_case(instrument, side) + added > self.limits["instrument", instrument][name]:
            return "position_max"
        if self.worst_case(instrument, side, strategy) + added > self.limits["strategy", strategy][name]:
            return "position_max"
        for chains, scope in (
            (self.open_chains(instrument), ("instrument", instrument)),
            (self.open_chains(strategy=strategy), ("strategy", strategy)),
            (self.chains, "firm"),
        ):
            if len(chains) + one_more > self.limits[scope]["open_orders_max"]:
                return "open_orders_max"
        money = max(0, self.value(instrument, intent["price_ticks"], after) - counted)
        return self._money(strategy, instrument, side, money) or risk_market.greeks(self, intent, added, now)

    def _money(self, strategy, instrument, side, added):
        """Open notional, gross, net and concentration with `added` more open on one side of an instrument."""
        own, firm = ("instrument", instrument), self.limits["firm"]

        def over(scope, name, after):
            return added > 0 and after > min(self.limits[scope][name], 2**61)

        def both_sides(number, who=None):
            return self.open_value(number, BUY, who) + self.open_value(number, SELL, who)

        if over(own, "open_micro_max", both_sides(instrument) + added):
            return "open_notional_max"
        of_strategy = self.all_instruments(lambda number: both_sides(number, strategy))
        if over(("strategy", strategy), "open_micro_max", of_strategy + added):
            return "open_notional_max"
        if over("firm", "open_micro_max", self.all_instruments(both_sides) + added):
            return "open_notional_max"

        more = {"buys": added} if side == BUY else {"sells": added}
        part, whole = self.gross(instrument), self.all_instruments(self.gross)
        raised = self.gross(instrument, **more) - part
        mine = self.all_instruments(lambda number: self.gross(number, strategy))
        mine_raised = self.gross(instrument, strategy, **more) - self.gross(instrument, strategy)
        for scope, after, rise in (
            (own, part + raised, raised),
            (("strategy", strategy), mine + mine_raised, mine_raised),
            ("firm", whole + raised, raised),
        ):
            if rise > 0 and after > min(self.limits[scope]["gross_micro_max"], 2**61):
                return "gross_max"

        for scope, who in ((("strategy", strategy), strategy), ("firm", None)):
            held = self.all_instruments(lambda number, who=who: self.position_value(number, who))
            opened = self.all_instruments(lambda number, who=who: self.open_value(number, side, who))
            if over(scope, "net_micro_max", (held if side == BUY else -held) + opened + added):
                return "net_max"

        bps = firm["concentration_bps_max"]
        if raised > 0 and bps != LAST_VALUE and part + raised > firm["concentration_floor_micro"]:
            if Fraction(part + raised, whole + raised) > Fraction(bps, 10_000):
                return "concentration"
        return None

    def _rates(self, strategy, intent, market, now):
        instrument = intent["instrument_id"]
        value = self.value(instrument, intent["price_ticks"], intent["qty_lots"])
        scopes = ((("strategy", strategy), (strategy, None)), ("firm", (None, None)))
        if self._same(strategy, intent, now):
            return "same_order"
        for scope, who in scopes:
            reason = self._rate(self.limits[scope], who, now)
            if reason:
                return reason
        for scope, who in ((("instrument", instrument), (None, instrument)), *scopes):
            reason = self._sums(self.limits[scope], who, now, intent["qty_lots"], value)
            if reason:
                return reason
        return None

    @staticmethod
    def _of(records, who):
        strategy, instrument = who
        return [r for r in records if strategy in (None, r[0]) and instrument in (None, r[1])]

    def _rate(self, limits, who, now):
        since = now - limits["rate_window_ns"]
        orders = sum(1 for made in self._of(self.passes, who) if made[2] > since)
        messages = [said for said in self._of(self.messages, who) if said[2] > since]
        cancels = sum(1 for said in messages if said[3])
        if limits["rate_orders_max"] != LAST_VALUE and orders >= min(limits["rate_orders_max"], RATE_REMEMBERED):
            return "rate"
        if limits["rate_messages_max"] != LAST_VALUE:
            if len(messages) >= limits["rate_messages_max"] - limits["rate_headroom"]:
                return "message_rate"
        return "cancel_rate" if cancels >= limits["rate_cancels_max"] else None

    def _sums(self, limits, who, now, lots, value):
        inside = [made for made in self._of(self.passes, who) if made[2] > now - limits["burst_window_ns"]]
        if sum(made[3] for made in inside) + lots > limits["burst_lots_max"]:
            return "burst_lots"
        if sum(made[4] for made in inside) + value > limits["burst_micro_max"]:
            return "burst_notional"
        strategy, instrument = who
        messages = 1 + len(self._of(self.messages, who))
        messages += sum(n for (s, i), n in self.earlier.items() if strategy in (None, s) and instrument in (None, i))
        trades = sum(n for (s, i), n in self.executions.items() if strategy in (None, s) and instrument in (None, i))
        per_fill = limits["messages_per_fill_max"]
        if per_fill != LAST_VALUE and messages > limits["messages_floor"] and messages > per_fill * trades:
            return "order_to_trade"
        return None

    def opened(self, strategy, intent, order_id, now):
        """A NEW or REPLACE passed and got `order_id`."""
        instrument, qty = intent["instrument_id"], intent["qty_lots"]
        entered = self.value(instrument, intent["price_ticks"], qty)
        self.passes.append((strategy, instrument, now, qty, entered))
        self.messages.append((strategy, instrument, now, False))
        if intent["kind"] == NEW and self.limits["strategy", strategy]["same_orders_max"] != LAST_VALUE:
            self.entered.append((strategy, instrument, intent["side"], intent["price_ticks"], qty, now))
        chain, target = self._target(strategy, intent)
        executed = target.executed if target else 0
        order = Open(
            order_id,
            intent["intent_id"],
            strategy,
            intent["instrument_id"],
            intent["side"],
            intent["price_ticks"],
            intent["qty_lots"],
            executed,
            max(0, intent["qty_lots"] - executed),
            short=self.short,
        )
        if target:
            chain.append(order)
        else:
            self.chains.append([order])

    # --- reports --------------------------------------------------------------------------------------------------------

    def _close(self, chain, order):
        chain.remove(order)
        if not chain:
            self.chains.remove(chain)

    def rests(self, order_id, price, qty, leaves, old_order_id=0):
        """ACCEPTED, REPLACED, RESTATED of a known order."""
        chain, order = self.find(order_id=order_id)
        order.price, order.total, order.leaves, order.alive = price, qty, leaves, True
        old_chain, old = self.find(order_id=old_order_id) if old_order_id else (None, None)
        if old is not None and old is not order:
            self._close(old_chain, old)
        if leaves == 0:
            self._close(chain, order)

    def canceled(self, order_id, leaves):
        """CANCELED of a known order; with something left it is smaller, and that answers a reduce."""
        chain, order = self.find(order_id=order_id)
        order.leaves = leaves
        order.total = min(order.total, order.executed + leaves)
        if leaves == 0:
            self._close(chain, order)
        elif order.reducing:
            order.reducing = False
        else:
            order.cancelling = False

    def executed(self, order_id, qty, leaves, strategy, instrument, side, match=0, price=0):
        """EXECUTED: the position moves, whatever is known of the order; younger orders of its chain shrink with it."""
        self.moves.append((strategy, instrument, qty if side == BUY else -qty))
        self.executions[strategy, instrument] += 1
        self.trades[match] = (strategy, instrument, side, qty)
        self.marks.setdefault(instrument, price)
        self.marks.setdefault((strategy, instrument), price)
        chain, order = self.find(order_id=order_id)
        if order is None:
            self.surprises.append("unknown")
            return
        if qty > order.leaves:
            self.surprises.append("overfill")
        for younger in chain[chain.index(order) + 1 :]:
            younger.leaves = max(0, younger.leaves - qty)
            younger.executed += qty
        order.leaves, order.alive = leaves, True
        order.executed += qty
        if leaves == 0:
            self._close(chain, order)

    def broken(self, qty, strategy, instrument, side):
        self.moves.append((strategy, instrument, -qty if side == BUY else qty))

    def corrected(self, order_id, match, qty):
        """CORRECTED: the trade is as if it had always been of this size; replaces in flight leave more or less open."""
        strategy, instrument, side, was = self.trades[match]
        change = qty - was
        self.trades[match] = (strategy, instrument, side, qty)
        self.moves.append((strategy, instrument, change if side == BUY else -change))
        chain, order = self.find(order_id=order_id)
        if order is not None:
            order.executed += change
            for younger in chain[chain.index(order) + 1 :]:
                younger.executed += change
                younger.leaves = max(0, younger.total - younger.executed)

    def died_unborn(self, order_id):
        """REJECTED, EXPIRED, NEVER_ARRIVED."""
        chain, order = self.find(order_id=order_id)
        if order is not None and not order.alive:
            self._close(chain, order)

    def cancel_refused(self, order_id):
        order = self.find(order_id=order_id)[1]
        if order is not None:
            order.cancelling = order.reducing = False

"""Risk oracle: the rules of the gate written again, slowly, from sentences, with unbounded integers and plain lists.

Nothing is kept as a running sum: positions are summed from executions, open lots from open orders, rates by counting
every pass so far. Names of answers are the labels of shm/codes.py (REJECT_NAMES), "pass" for a pass.
"""

from dataclasses import dataclass, field
from fractions import Fraction

BUY, SELL = 1, 2
NEW, REPLACE, CANCEL = 1, 2, 3
CHAIN_MAX = 8
LAST_VALUE = 2**62 - 1  # also "no limit"
LAST_PRICE = 2**40
LAST_QTY = 2**32 - 1
RATE_REMEMBERED = 2**16


@dataclass(eq=False)
class Open:
    """One order that may still trade."""

    order_id: int
    intent_id: int
    strategy: int
    instrument: int
    side: int
    total: int
    executed: int
    leaves: int
    alive: bool = False
    cancelling: bool = False


@dataclass
class Model:
    """The firm as the gate must see it."""

    strategies: int
    instruments: list[dict]  # tick, lot, price_max, unit
    limits: dict  # ("instrument", i) | ("strategy", s) | "firm" -> dict of limits, or None
    universe: set  # (strategy, instrument)
    chains: list[list[Open]] = field(default_factory=list)  # orders of which one lives at most
    moves: list[tuple[int, int, int]] = field(default_factory=list)  # (strategy, instrument, signed lots)
    passes: list[tuple[int, int]] = field(default_factory=list)  # (strategy, time)
    last_intent: dict[int, int] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)

    # --- sums, by looking at everything -------------------------------------------------------------------------------

    def position(self, instrument, strategy=None):
        return sum(lots for s, i, lots in self.moves if i == instrument and strategy in (None, s))

    def forget_details(self):
        """Fold executions into one per strategy and instrument, so that long runs stay affordable."""
        folded = {}
        for s, i, lots in self.moves:
            folded[s, i] = folded.get((s, i), 0) + lots
        self.moves = [(s, i, lots) for (s, i), lots in folded.items()]

    def open_chains(self, instrument=None, strategy=None, side=None):
        wanted = ((instrument, "instrument"), (strategy, "strategy"), (side, "side"))
        return [c for c in self.chains if all(v is None or getattr(c[0], name) == v for v, name in wanted)]

    def open_lots(self, instrument, side, strategy=None):
        return sum(max(order.leaves for order in chain) for chain in self.open_chains(instrument, strategy, side))

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
        result = (
            self._cancel(strategy, intent) if intent["kind"] == CANCEL else self._order(strategy, intent, market, now)
        )
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

    def _order(self, strategy, intent, market, now):
        for refusal in (self._form, self._permission, self._market, self._exposure, self._rates):
            reason = refusal(strategy, intent, market, now)
            if reason:
                return reason
        return "pass"

    def _form(self, strategy, intent, market, now):
        if intent["kind"] not in (NEW, REPLACE) or intent["tif"] not in (1, 2):
            return "kind"
        known = 0 <= intent["instrument_id"] < len(self.instruments) and intent["strategy_id"] == strategy
        known = known and (strategy, intent["instrument_id"]) in self.universe
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
        for scope in (("instrument", intent["instrument_id"]), ("strategy", strategy), "firm"):
            limits = self.limits.get(scope)
            if limits is None or any(limit <= 0 for limit in limits.values()):
                return "no_limits"
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
        if Fraction(price, rules["tick"]).denominator != 1:
            return "tick_size"
        if qty <= 0 or Fraction(qty, rules["lot"]).denominator != 1:
            return "lot_size"
        if qty > limits["qty_lots_max"] or qty > LAST_QTY:
            return "qty_max"
        if price * qty * rules["unit"] > min(limits["notional_micro_max"], LAST_VALUE):
            return "notional_max"
        if market["channel_state"] != 1 or now - market["heard_ns"] > limits["channel_silence_ns_max"]:
            return "reference_stale"
        reference = self._reference(market["bid"], market["ask"])
        if reference is None or now - market["changed_ns"] > limits["age_ns_max"]:
            return "reference_stale"
        band = reference * Fraction(limits["collar_bps"], 10_000)
        if limits["collar_bps"] != LAST_VALUE and abs(price - reference) > band:
            return "collar"
        return None

    @staticmethod
    def _reference(bid, ask):
        if bid < 0 or ask < 0 or max(bid, ask) > LAST_PRICE or (bid and ask and bid > ask) or not (bid or ask):
            return None
        return Fraction(bid + ask, 2) if bid and ask else Fraction(bid or ask)

    def _exposure(self, strategy, intent, market, now):
        instrument, side, qty = intent["instrument_id"], intent["side"], intent["qty_lots"]
        chain, target = self._target(strategy, intent)
        added, one_more = qty, 1
        if intent["kind"] == REPLACE:
            if target is None:
                return "unknown_target"
            if target.cancelling or chain[-1] is not target or len(chain) >= CHAIN_MAX:
                return "already_cancelling"
            after = max(0, qty - target.executed)
            added, one_more = max(0, after - max(order.leaves for order in chain)), 0
        if market["state"] == 2:
            held = self.position(instrument, strategy)
            if self.open_lots(instrument, side, strategy) + added > (-held if side == BUY else held):
                return "reducing"
        if self.worst_case(instrument, side) + added > self.limits["instrument", instrument]["position_lots_max"]:
            return "position_max"
        if self.worst_case(instrument, side, strategy) + added > self.limits["strategy", strategy]["strategy_lots_max"]:
            return "position_max"
        for chains, scope in (
            (self.open_chains(instrument), ("instrument", instrument)),
            (self.open_chains(strategy=strategy), ("strategy", strategy)),
            (self.chains, "firm"),
        ):
            if len(chains) + one_more > self.limits[scope]["open_orders_max"]:
                return "open_orders_max"
        return None

    def _rates(self, strategy, intent, market, now):
        for times, scope in (
            ([at for s, at in self.passes if s == strategy], ("strategy", strategy)),
            ([at for _s, at in self.passes], "firm"),
        ):
            limit, window = self.limits[scope]["rate_orders_max"], self.limits[scope]["rate_window_ns"]
            inside = sum(1 for at in times if at > now - window)
            if limit != LAST_VALUE and inside >= min(limit, RATE_REMEMBERED):
                return "rate"
        return None

    def opened(self, strategy, intent, order_id, now):
        """A NEW or REPLACE passed and got `order_id`."""
        self.passes.append((strategy, now))
        chain, target = self._target(strategy, intent)
        executed = target.executed if target else 0
        order = Open(
            order_id,
            intent["intent_id"],
            strategy,
            intent["instrument_id"],
            intent["side"],
            intent["qty_lots"],
            executed,
            max(0, intent["qty_lots"] - executed),
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

    def rests(self, order_id, leaves, old_order_id=0, cancelled=False):
        """ACCEPTED, REPLACED, RESTATED, CANCELED of a known order."""
        chain, order = self.find(order_id=order_id)
        order.leaves = leaves
        order.alive = order.alive or not cancelled
        if cancelled:
            order.cancelling = False
        old_chain, old = self.find(order_id=old_order_id) if old_order_id else (None, None)
        if old is not None and old is not order:
            self._close(old_chain, old)
        if leaves == 0:
            self._close(chain, order)

    def executed(self, order_id, qty, leaves, strategy, instrument, side):
        """EXECUTED: the position moves, whatever is known of the order; younger orders of its chain shrink with it."""
        self.moves.append((strategy, instrument, qty if side == BUY else -qty))
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

    def died_unborn(self, order_id):
        """REJECTED, EXPIRED, NEVER_ARRIVED."""
        chain, order = self.find(order_id=order_id)
        if order is not None and not order.alive:
            self._close(chain, order)

    def cancel_refused(self, order_id):
        order = self.find(order_id=order_id)[1]
        if order is not None:
            order.cancelling = False

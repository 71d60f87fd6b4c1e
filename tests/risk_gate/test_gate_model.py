"""The gate against the risk oracle: random intents of every kind and value, answered by a random but lawful venue.

No false accept, no false reject, the same exposure after every event, and positions that never pass the limit.
"""

import os
from random import Random

import numpy as np

import shm.codes as codes
from procs.risk_gate.invariants import check
from procs.risk_gate.step import step
from shm.jit import JIT_OFF
from shm.journal import journal_drain
from shm.records.limits import LIMIT_NONE
from shm.ring import ring_claim, ring_publish
from tests.oracles.risk import Model
from tests.support.gate import INTENT, REPORT, Gate

SEED = int(os.environ.get("QUINTET_SEED", "20240306"))
EVENTS = 2_500 if JIT_OFF else 100_000
INT64 = (0, -1, 1, (1 << 63) - 1, -(1 << 63), (1 << 62) - 1, 1 << 62, 1 << 40, (1 << 40) + 1, 1 << 32, (1 << 32) - 1)
STRATEGIES, INSTRUMENTS = 2, 2
POSITION_MAX, STRATEGY_MAX = 400, 250


class Venue:
    """What a lawful venue might answer: commands are taken in order, everything else is a throw of dice."""

    def __init__(self, random):
        self.random, self.commands, self.live, self.trades = random, [], {}, []

    def next_report(self):
        """One report as a dict, or None when nothing can happen."""
        if self.commands and (not self.live or self.random.random() < 0.6):
            return self.command(self.commands.pop(0))
        if not self.live:
            return None
        order_id = self.random.choice(list(self.live))
        order = self.live[order_id]
        dice = self.random.random()
        if dice < 0.75:
            qty = self.random.choice((order["leaves"], self.random.randint(1, order["leaves"])))
            order["leaves"] -= qty
            order["executed"] += qty
            self.trades.append(order | {"qty_lots": qty})
            return self.say(codes.REPORT_EXECUTED, order, qty_lots=qty)
        if dice < 0.85:
            order["leaves"] = self.random.randint(0, order["leaves"])
            return self.say(codes.REPORT_RESTATED, order)
        if dice < 0.9 and self.trades:
            trade = self.trades.pop(self.random.randrange(len(self.trades)))
            return self.say(codes.REPORT_BROKEN, trade, qty_lots=trade["qty_lots"])
        return self.say(self.random.choice((codes.REPORT_UNKNOWN, codes.REPORT_CANCEL_PENDING)), order)

    def command(self, order):
        kind, order_id = int(order["kind"]), int(order["order_id"])
        target = self.live.get(int(order["target_order_id"]))
        if kind == codes.INTENT_CANCEL:
            if target is None:
                return self.say(codes.REPORT_CANCEL_REJECTED, self.of(order, int(order["target_order_id"])))
            target["leaves"] = 0
            return self.say(codes.REPORT_CANCELED, target)
        made = self.of(order, order_id)
        if kind == codes.INTENT_NEW:
            if self.random.random() < 0.15:
                dead = (codes.REPORT_REJECTED, codes.REPORT_EXPIRED, codes.REPORT_NEVER_ARRIVED)
                return self.say(self.random.choice(dead), made)
            made["leaves"] = self.random.choice((made["qty_lots"], max(1, made["qty_lots"] // 2)))
            self.live[order_id] = made
            return self.say(codes.REPORT_ACCEPTED, made)
        left = made["qty_lots"] - target["executed"] if target else 0
        if target is None or left <= 0 or self.random.random() < 0.15:
            return self.say(codes.REPORT_REJECTED, made)
        del self.live[target["order_id"]]
        made["executed"], made["leaves"] = target["executed"], left
        self.live[order_id] = made
        return self.say(codes.REPORT_REPLACED, made, old_order_id=target["order_id"])

    @staticmethod
    def of(order, order_id):
        names = ("intent_id", "instrument_id", "strategy_id", "side", "price_ticks", "qty_lots")
        return {name: int(order[name]) for name in names} | {"order_id": order_id, "leaves": 0, "executed": 0}

    def say(self, kind, order, **more):
        if order["leaves"] == 0:
            self.live.pop(order["order_id"], None)
        known = {name: value for name, value in order.items() if name not in ("leaves", "executed")}
        return known | {"kind": kind, "leaves_lots": order["leaves"]} | more


class Run:
    """One random session of gate and oracle side by side."""

    def __init__(self, seed, rates):
        self.random = Random(seed)
        self.gate = Gate(strategies=STRATEGIES, instruments=INSTRUMENTS, ring=256, headroom=16, rejects=256, slots=256)
        self.venue = Venue(self.random)
        self.now, self.report_seq, self.next_id = self.gate.now_ns, 0, 100
        self.market = [dict() for _ in range(INSTRUMENTS)]
        self.control = codes.STATE_ACTIVE
        self.rates = rates
        self.counted = {}
        self.blank = {dtype.itemsize: np.zeros((), dtype)[()] for dtype in (INTENT, REPORT)}
        self.cancel_stamps = self.gate.exposure.slots["cancel_stamp_ns"]
        rules = [dict(tick=10, lot=1, price_max=1_000_000, unit=100) for _ in range(INSTRUMENTS)]
        self.model = Model(STRATEGIES, rules, {}, {(0, 0), (0, 1), (1, 0), (1, 1)})
        self.names = {code: f"{name}" for code, name in codes.REJECT_NAMES.items()} | {codes.PASS: "pass"}
        self.intent_rows = [self.slots(ends[0], INTENT) for ends in self.gate.intent_ends]
        self.report_rows = self.slots(self.gate.report_ends[0][0], REPORT)
        self.change_limits()
        self.change_market()

    @staticmethod
    def slots(end, dtype):
        import ctypes

        size = int(end[0]["capacity"]) * dtype.itemsize
        return np.frombuffer((ctypes.c_char * size).from_address(int(end[0]["slots_addr"])), dtype)

    def publish(self, end, rows, fields):
        assert ring_claim(end[0], 0) != 0
        place = int(end[0]["next_seq"]) & (len(rows) - 1)
        rows[place] = self.blank[rows.dtype.itemsize]
        row = rows[place]
        for name, value in fields.items():
            row[name] = value
        ring_publish(end[0])

    # --- the world changes --------------------------------------------------------------------------------------------

    def change_limits(self):
        pick = self.random.choice
        for instrument in range(INSTRUMENTS):
            limits = dict(
                qty_lots_max=pick((60, 100, LIMIT_NONE)),
                notional_micro_max=pick((60_000_000, 10**12, LIMIT_NONE)),
                collar_bps=pick((100, 500, LIMIT_NONE)),
                position_lots_max=POSITION_MAX,
                open_orders_max=pick((4, 8, LIMIT_NONE)),
                age_ns_max=pick((1_000_000, LIMIT_NONE)),
                channel_silence_ns_max=pick((1_000_000, LIMIT_NONE)),
            )
            if self.random.random() < 0.02:
                limits[pick(sorted(limits))] = pick((0, -1))
            self.model.limits["instrument", instrument] = limits
            self.gate.limit(instrument, **limits)
        for strategy in range(STRATEGIES):
            limits = dict(
                strategy_lots_max=STRATEGY_MAX,
                open_orders_max=pick((6, 12)),
                rate_orders_max=pick(self.rates),
                rate_window_ns=pick((1, 1000, 50_000)),
            )
            self.model.limits["strategy", strategy] = limits
            self.gate.limit(INSTRUMENTS + strategy, **limits)
        limits = dict(
            open_orders_max=pick((8, 16)), rate_orders_max=pick(self.rates), rate_window_ns=pick((1000, 80_000))
        )
        self.model.limits["firm"] = limits
        self.gate.limit(INSTRUMENTS + STRATEGIES, **limits)

    def change_market(self):
        pick, gate = self.random.choice, self.gate
        gate.now_ns = self.now
        silent = pick((0,) * 10 + (999_999, 1_000_000, 1_000_001))
        channel = pick((1,) * 40 + (0, 2, 3))
        gate.channel(state=channel, heard_ns=self.now - silent)
        for instrument in range(INSTRUMENTS):
            bid, ask = pick(
                ((9_900, 10_100),) * 30 + ((9_901, 10_000), (10_000, 0), (0, 10_000), (0, 0), (10_001, 9_999))
            )
            aged = pick((0,) * 10 + (999_999, 1_000_000, 1_000_001))
            state = pick((1,) * 60 + (0, 2, 3, 4))
            gate.top(instrument, bid, ask, state, self.now - aged)
            self.market[instrument] = dict(
                bid=bid, ask=ask, trading_state=state, changed_ns=self.now - aged, channel_state=channel
            ) | dict(heard_ns=self.now - silent, behind=False)

    def change_control(self):
        from procs.risk_gate.step import control_set

        self.control = self.random.choice((1,) * 16 + (2, 2, 2, 3, 4))
        control_set(self.gate.operator[0], 0, self.control)

    # --- events --------------------------------------------------------------------------------------------------------

    def random_intent(self, strategy):
        pick, r = self.random.choice, self.random.random
        self.next_id += 1
        open_ids = [order.intent_id for chain in self.model.chains for order in chain]
        newest = [chain[-1].intent_id for chain in self.model.chains if chain[-1].strategy == strategy]
        kind = pick((1, 1, 1, 1, 1, 1, 2, 2, 3)) if r() < 0.99 else pick((0, 4, 255))
        target = 0
        if kind in (2, 3):
            target = pick(newest) if newest and r() < 0.95 else pick([*open_ids, 7, *INT64])
        known = self.model.find(intent_id=target)[1] if kind == 2 else None
        instrument = known.instrument if known and r() < 0.97 else pick((0, 1))
        side = known.side if known and r() < 0.97 else pick((1, 2))
        price = pick((9_500, 9_490, 9_510, 9_900, 10_100, 10_110, 10_500, 10_510, 10_001) + (9_950, 10_000, 10_050) * 5)
        qty = pick((1, 10, 25, 40, 59, 60, 61, 100, 101, 250) + (5, 20, 50) * 4)
        return dict(
            intent_id=self.next_id if r() < 0.99 else self.next_id - pick((1, 2, 50)),
            target_intent_id=target,
            kind=kind,
            side=side if r() < 0.99 else pick((0, 3, 255)),
            tif=pick((1, 2)) if r() < 0.99 else pick((0, 3)),
            price_ticks=price if r() < 0.96 else pick(INT64),
            qty_lots=qty if r() < 0.96 else pick(INT64),
            expires_ns=self.now + pick((0, 1, 1000)) if r() < 0.97 else self.now + pick((-1, -(10**9), 1 << 61)),
            instrument_id=instrument if r() < 0.99 else pick((-1, 2, 3, -(1 << 31), (1 << 31) - 1)),
            strategy_id=strategy if r() < 0.995 else 1 - strategy,
        )

    def intent(self):
        strategy = self.random.randrange(STRATEGIES)
        fields = self.random_intent(strategy)
        end = self.gate.intent_ends[strategy][0]
        self.publish(end, self.intent_rows[strategy], fields | {"decide_stamp_ns": 1})
        market = self.market[fields["instrument_id"]] if 0 <= fields["instrument_id"] < INSTRUMENTS else {}
        wanted = self.model.answer(strategy, fields, market | {"state": self.control}, self.now)
        step(self.gate.state, self.now)
        orders = [order for order in self.gate.orders() if order["flags"] == 0]
        rejects = self.gate.rejects(strategy)
        assert len(orders) + len(rejects) == 1, f"{len(orders)} orders and {len(rejects)} rejects for one intent"
        found = "pass" if orders else self.names[int(rejects[0]["code"])]
        assert found == wanted, f"oracle {wanted}, gate {found}: {fields} {market} {rejects}"
        self.counted[found] = self.counted.get(found, 0) + 1
        if not orders:
            return
        if fields["kind"] != 3:
            self.model.opened(strategy, fields, int(orders[0]["order_id"]), self.now)
            instrument, side = fields["instrument_id"], fields["side"]
            limit = self.model.limits["instrument", instrument]["position_lots_max"]
            assert self.model.worst_case(instrument, side) <= limit
        self.venue.commands.append(orders[0])

    def report(self):
        said = self.venue.next_report()
        if said is None:
            return
        self.report_seq += 1
        self.publish(
            self.gate.report_ends[0][0],
            self.report_rows,
            said | {"report_seq": self.report_seq, "publish_stamp_ns": 1},
        )
        step(self.gate.state, self.now)
        kind, order_id, leaves = said["kind"], said["order_id"], said["leaves_lots"]
        where = (said["strategy_id"], said["instrument_id"], said["side"])
        if kind == codes.REPORT_EXECUTED:
            self.model.executed(order_id, said["qty_lots"], leaves, *where)
        elif kind == codes.REPORT_BROKEN:
            self.model.broken(said["qty_lots"], *where)
        elif kind in (codes.REPORT_ACCEPTED, codes.REPORT_RESTATED, codes.REPORT_CANCELED, codes.REPORT_REPLACED):
            self.model.rests(order_id, leaves, said.get("old_order_id", 0), kind == codes.REPORT_CANCELED)
        elif kind in (codes.REPORT_REJECTED, codes.REPORT_EXPIRED, codes.REPORT_NEVER_ARRIVED):
            self.model.died_unborn(order_id)
        elif kind == codes.REPORT_CANCEL_REJECTED:
            self.model.cancel_refused(order_id)

    def compare(self):
        """Every sum of the gate equals the oracle's."""
        exposure = self.gate.exposure
        for instrument in range(INSTRUMENTS):
            for strategy in (None, *range(STRATEGIES)):
                row = exposure.instruments[instrument]
                if strategy is not None:
                    row = exposure.pairs[strategy * INSTRUMENTS + instrument]
                wanted = (
                    self.model.position(instrument, strategy),
                    self.model.open_lots(instrument, codes.SIDE_BUY, strategy),
                    self.model.open_lots(instrument, codes.SIDE_SELL, strategy),
                    len(self.model.open_chains(instrument, strategy)),
                )
                found = tuple(int(row[name]) for name in ("position", "open_buy", "open_sell", "orders"))
                assert found == wanted, f"instrument {instrument}, strategy {strategy}"

    def events(self, count):
        """`count` intents and reports, mixed; returns how often each answer was given."""
        for event in range(count):
            self.now += self.random.choice((0, 0, 1, 10, 1000))
            if event % 50 == 0:
                self.change_limits()
                self.change_control()
                self.gate.beat()
                self.model.forget_details()
                self.model.passes = self.model.passes[-200:]
                check(self.gate.exposure)
            if event % 7 == 0:
                self.change_market()
            if self.random.random() < 0.5:
                self.intent()
            else:
                self.report()
            self.quiet_gate_cancels()
            journal_drain(self.gate.journal[0])
            if event % 10 == 0:
                self.compare()
        assert not self.model.surprises
        return self.counted

    def quiet_gate_cancels(self):
        """The gate's own cancels are tested elsewhere: here each order looks as if one had just been sent."""
        self.cancel_stamps[:] = 1 << 60


def test_random_intents_and_reports_are_answered_as_the_oracle_says():
    print("seed", SEED)
    counted = Run(SEED, rates=(5, 20, 1000, LIMIT_NONE)).events(EVENTS)
    print(counted)
    expected = set(codes.REJECT_NAMES.values()) - {
        "orders_full",
        "state_full",
        "sender_behind",
        "journal_full",
        "session",
    }  # session is order_sender's answer
    if not JIT_OFF:
        assert set(counted) >= expected | {"pass"}, f"never answered: {expected - set(counted)}"

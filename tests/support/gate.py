"""A whole risk gate on scratch memory: rings, tables, journal, pages, and the far ends of everything."""

import ctypes

import numpy as np

from procs.risk_gate.invariants import check
from procs.risk_gate.recover import rebuild
from procs.risk_gate.state import State, new_state, parts_of
from procs.risk_gate.step import step
from shm import codes
from shm.atomics import record_at
from shm.control import control_own_state
from shm.instance import stamp
from shm.journal import journal_drain, journal_resume
from shm.latest import latest_claim, latest_publish
from shm.records.channel import CHANNEL
from shm.records.decision import DECISION
from shm.records.error_row import ERROR_ROW
from shm.records.exposure import EXPOSURE
from shm.records.greeks import GREEKS, GREEKS_VALID
from shm.records.instance import INSTANCE
from shm.records.instrument import INSTRUMENT
from shm.records.intent import INTENT
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.limits import LIMIT_NONE, LIMITS, POSITIVE, STANDING_ROWS
from shm.records.order import ORDER
from shm.records.position import POSITION
from shm.records.reject import REJECT
from shm.records.report import REPORT
from shm.records.risk import RISK
from shm.records.top import TOP
from shm.ring import (
    ring_advance,
    ring_claim,
    ring_peek,
    ring_publish,
    ring_release,
    ring_resume_consumer,
    ring_resume_producer,
)
from shm.scratch import (
    scratch_control,
    scratch_control_as,
    scratch_ids,
    scratch_journal,
    scratch_me,
    scratch_ring,
    scratch_table,
)

NOW_NS = 1_700_000_000_000_000_000
view_at = getattr(record_at, "twin", record_at)  # interpreted code cannot call the intrinsic itself
BID, ASK = 9_900, 10_100  # reference 10000
OPERATOR = 0
FIRM, SESSION, STRATEGY_0, INSTRUMENT_0 = 0, 1, 2, 4  # scopes of two strategies and two instruments
SCOPES = {"FIRM": FIRM, "SESSION": SESSION, "STRATEGY_0": STRATEGY_0, "INSTRUMENT_0": INSTRUMENT_0}
KINDS = {1: "new", 2: "replace", 3: "cancel", 4: "reduce"}

DTYPES = dict(tops=TOP, channels=CHANNEL, instruments=INSTRUMENT, limits=LIMITS, positions=POSITION)
DTYPES |= dict(greeks=GREEKS, risk=RISK, standing=LIMITS)
INSTRUMENT_LIMITS = dict(
    qty_lots_max=1000,
    notional_micro_max=LIMIT_NONE,
    collar_near_bps=1000,
    collar_far_bps=500,
    long_lots_max=2000,
    short_lots_max=2000,
    fx_ppm=1_000_000,
    open_orders_max=50,
    age_ns_max=10_000_000_000,
    channel_silence_ns_max=3_000_000_000,
    permitted=codes.PERMIT_BUY | codes.PERMIT_SELL | codes.PERMIT_SHORT,
    locate_lots=LIMIT_NONE,
)
STRATEGY_LIMITS = dict(
    long_lots_max=2000,
    short_lots_max=2000,
    open_orders_max=50,
    rate_orders_max=LIMIT_NONE,
    rate_window_ns=1_000_000_000,
)
FIRM_LIMITS = dict(open_orders_max=100, rate_orders_max=LIMIT_NONE, rate_window_ns=1_000_000_000, self_trade=LIMIT_NONE)


class Gate:
    """One gate with `strategies`, `instruments` and one order_sender. Small rings, so that they fill."""

    executor = -1  # strategy that trades for the firm

    def __init__(self, strategies=2, instruments=2, ring=64, slots=64, headroom=8, journal=4096, rejects=64):
        self.strategies, self.instruments = strategies, instruments
        self.slots, self.headroom = slots, headroom
        self.report_ends = [scratch_ring(REPORT, 1024)]
        self.intent_ends = [scratch_ring(INTENT, ring) for _ in range(strategies)]
        self.order_ends = [scratch_ring(ORDER, ring)]
        self.reject_ends = [scratch_ring(REJECT, rejects) for _ in range(strategies)]
        self.tables = dict(
            tops=scratch_table(TOP, instruments),
            channels=scratch_table(CHANNEL, 1),
            instruments=scratch_table(INSTRUMENT, instruments),
            limits=scratch_table(LIMITS, instruments + strategies + 2),
            standing=scratch_table(LIMITS, STANDING_ROWS),
            exposure=scratch_table(EXPOSURE, instruments + strategies + 2),
            positions=scratch_table(POSITION, (strategies + 1) * instruments),
            greeks=scratch_table(GREEKS, instruments),
            risk=scratch_table(RISK, 1 + strategies + 1 + instruments),
        )
        self.control = scratch_control(1, strategies, instruments)
        self.operator = scratch_control_as(self.control, OPERATOR)
        self.journal = scratch_journal(DECISION.itemsize, journal)
        self.ids = scratch_ids()
        self.strategy_ends = [scratch_me() for _ in range(strategies)]
        self.me = scratch_me()
        self.next_intent_id = 0
        self.report_seq = 0
        self.report_log: list[bytes] = []
        self.report_stamps: list[int] = []
        self.now_ns = NOW_NS
        self.fill_tables()
        self.state = self.new_state()

    def new_state(self) -> State:
        return new_state(
            slots=self.slots,
            allowed=np.ones((self.strategies, self.instruments), np.int64),
            silence_ns=[60_000_000_000] * self.strategies,
            orders_headroom=[self.headroom],
            me=self.me,
            reports=np.concatenate([ends[1] for ends in self.report_ends]),
            intents=np.concatenate([ends[1] for ends in self.intent_ends]),
            orders=np.concatenate([ends[0] for ends in self.order_ends]),
            rejects=np.concatenate([ends[0] for ends in self.reject_ends]),
            control=self.control,
            journal=self.journal,
            ids=self.ids,
            executor=self.executor,
            pages=np.array([int(me[0]["page_addr"]) for me in self.strategy_ends], np.int64),
            **self.tables,
        )

    @property
    def exposure(self):
        return parts_of(self.state).exposure

    # --- what others write ---------------------------------------------------------------------------------------

    def fill_tables(self):
        for row in range(self.instruments):
            self.write(
                "instruments",
                row,
                quote_tick_ticks=10,
                lot_lots=1,
                price_ticks_max=1_000_000,
                multiplier=1,
                price_tick_micro=100,
                instrument_id=row,
                underlying_id=row,
            )
            self.top(row)
            self.limit(row, **INSTRUMENT_LIMITS)
        for row in range(self.instruments, self.instruments + self.strategies):
            self.limit(row, **STRATEGY_LIMITS)
        self.limit(self.instruments + self.strategies, **FIRM_LIMITS)
        self.channel()
        self.beat()

    def write(self, table, row, **fields):
        """Publish one row of a latest table; fields not named are zero."""
        end = self.tables[table]
        dtype = DTYPES[table]
        address = int(latest_claim(end[0], row))
        ctypes.memset(address, 0, dtype.itemsize)
        record = view_at(address, dtype)
        for name, value in fields.items():
            record[name] = value
        latest_publish(end[0], row)

    def top(self, row=0, bid=BID, ask=ASK, state=codes.TRADING_OPEN, changed_ns=None, flags=0):
        changed_ns = self.now_ns if changed_ns is None else changed_ns
        prices = dict(bid_price_ticks=bid, ask_price_ticks=ask)
        self.write("tops", row, trading_state=state, changed_ns=changed_ns, flags=flags, **prices)

    def limit(self, row, **fields):
        """Publish a row of limits: instruments, then strategies, then the firm.

        Fields that are not named have no limit, except what the row's scope has by default.
        """
        defaults = FIRM_LIMITS
        if row < self.instruments + self.strategies:
            defaults = INSTRUMENT_LIMITS if row < self.instruments else STRATEGY_LIMITS
        row += int(row == self.instruments + self.strategies)  # between them lies the house's row, all zero
        self.write("limits", row, **dict.fromkeys(POSITIVE, LIMIT_NONE) | {"version": 1} | defaults | fields)

    def greek(self, row=0, delta=0, gamma=0, vega=0, **fields):
        """Publish what one lot of an instrument adds, valid, as of now, for itself as underlying."""
        known = dict(delta_micro=delta, gamma_micro=gamma, vega_micro=vega, now_ns=self.now_ns)
        self.write("greeks", row, **known | dict(underlying_id=row, flags=GREEKS_VALID) | fields)

    def risk(self, strategy=None, **fields):
        """Publish risk_engine's row of a strategy, or of the firm, as of now."""
        row, scope = (0, codes.RISK_SCOPE_FIRM) if strategy is None else (1 + strategy, codes.RISK_SCOPE_STRATEGY)
        self.write("risk", row, **dict(scope=scope, scope_id=strategy or 0, now_ns=self.now_ns) | fields)

    def channel(self, state=codes.CHANNEL_FRESH, heard_ns=None, **fields):
        heard_ns = self.now_ns if heard_ns is None else heard_ns
        self.write("channels", 0, state=state, heard_ns=heard_ns, **fields)

    def page(self, strategy=0):
        return view_at(int(self.strategy_ends[strategy][0]["page_addr"]), INSTANCE)

    def beat(self):
        """Every strategy has just finished a step."""
        for strategy in range(self.strategies):
            self.page(strategy)["step_ns"] = stamp(self.me[0])

    def intent(self, strategy=0, **fields):
        """Publish one intent; returns its id. Defaults: buy 10 at the reference, one second to live."""
        self.next_intent_id += 1
        fields = (
            dict(
                intent_id=self.next_intent_id,
                kind=codes.INTENT_NEW,
                side=codes.SIDE_BUY,
                tif=codes.TIF_DAY,
                price_ticks=10_000,
                qty_lots=10,
                expires_ns=self.now_ns + 1_000_000_000,
                now_ns=self.now_ns,
                recv_stamp_ns=11,
                tick_stamp_ns=22,
                decide_stamp_ns=stamp(self.me[0]),
                strategy_id=strategy,
            )
            | fields
        )
        end = self.intent_ends[strategy][0][0]
        address = ring_claim(end, 0)
        assert address != 0, "the intents ring is full"
        record = view_at(address, INTENT)
        for name in INTENT.names[1:]:
            record[name] = fields.get(name, np.zeros((), INTENT[name]))
        ring_publish(end)
        return fields["intent_id"]

    def replace(self, target, strategy=0, **fields):
        return self.intent(strategy, kind=codes.INTENT_REPLACE, target_intent_id=target, **fields)

    def cancel(self, target, strategy=0, **fields):
        return self.intent(
            strategy, **dict(kind=codes.INTENT_CANCEL, target_intent_id=target, price_ticks=0, qty_lots=0) | fields
        )

    def reduce(self, target, qty_lots, strategy=0, **fields):
        return self.intent(
            strategy,
            **dict(kind=codes.INTENT_REDUCE, target_intent_id=target, price_ticks=0, qty_lots=qty_lots) | fields,
        )

    def report(self, kind, order=None, publish=True, **fields):
        """Publish the next report, about ORDER record `order` when given."""
        self.report_seq += 1
        known = {}
        if order is not None:
            names = ("order_id", "intent_id", "instrument_id", "strategy_id", "side", "price_ticks", "qty_lots")
            known = {name: order[name] for name in names}
        fields = dict(side=codes.SIDE_BUY, report_seq=self.report_seq, kind=kind, publish_stamp_ns=1) | known | fields
        row = np.zeros(1, REPORT)
        for name, value in fields.items():
            row[0][name] = value
        self.report_log.append(row.tobytes())
        self.report_stamps.append(stamp(self.me[0]))
        if publish:
            self.publish_report(len(self.report_log) - 1)
        return fields["report_seq"]

    def publish_report(self, index):
        end = self.report_ends[0][0][0]
        address = ring_claim(end, 0)
        assert address != 0, "the reports ring is full"
        source = np.frombuffer(self.report_log[index], REPORT)[0]
        record = view_at(address, REPORT)
        for name in REPORT.names[1:]:
            record[name] = source[name]
        ring_publish(end)

    def acknowledge(self, scope):
        """The operator takes back what the gate itself said about a scope."""
        control = self.control[0]
        offset = int(control["writer"] * control["block_bytes"] + scope * 8)
        word = ctypes.c_int64.from_address(int(control["words_addr"]) + offset).value
        ctypes.c_int64.from_address(int(control["acks_addr"]) + offset).value = word >> 8

    def said(self, scope):
        """STATE_* that the gate's own row imposes on a scope; 0 nothing."""
        return int(control_own_state(self.control[0], scope))

    # --- what the gate does --------------------------------------------------------------------------------------

    def step(self, times=1, drain=True):
        """Step the gate; exposure is checked after each."""
        work = 0
        for _ in range(times):
            work += step(self.state, self.now_ns)
            check(self.exposure)
            if drain:
                journal_drain(self.journal[0])
        return work

    def _take(self, end, dtype):
        taken = []
        while (address := ring_peek(end)) != 0:
            taken.append(np.array(view_at(address, dtype)).copy())
            ring_advance(end)
        ring_release(end)
        return taken

    def orders(self):
        """Every order published since the last call."""
        return self._take(self.order_ends[0][1][0], ORDER)

    def rejects(self, strategy=0):
        """Every reject to `strategy` since the last call."""
        return self._take(self.reject_ends[strategy][1][0], REJECT)

    def codes(self, strategy=0):
        return [int(reject["code"]) for reject in self.rejects(strategy)]

    def errors(self):
        """Codes in the gate's error log."""
        rows = [view_at(int(self.me[0]["errors_addr"]) + row * 64, ERROR_ROW) for row in range(48)]
        return [int(row["code"]) for row in rows if row["code"]]

    def decisions(self):
        """(DECISION array, stamps) of the whole journal; nothing may have been overwritten."""
        return self.entries(codes.JOURNAL_DECISION, DECISION)

    def entries(self, kind, dtype):
        """(records, stamps) of one kind in the whole journal."""
        found, stamps = [], []
        for sequence in range(int(self.journal[0]["next_seq"])):
            head = self.head(sequence)
            if int(head["kind"]) == kind:
                found.append(np.array(view_at(self.entry_addr(sequence) + 64, dtype)).copy())
                stamps.append(int(head["stamp_ns"]))
        return np.array(found, dtype), np.array(stamps, np.int64)

    def entry_addr(self, sequence):
        journal = self.journal[0]
        return int(journal["entries_addr"] + (sequence & journal["mask"]) * journal["entry_bytes"])

    def head(self, sequence):
        """Head of an entry of the journal, which must still be there."""
        head = view_at(self.entry_addr(sequence), JOURNAL_ENTRY)
        assert head["journal_seq"] == sequence + 1
        return head

    def restart(self):
        """What a new process does after kill -9: fresh private memory, resumed ends, exposure from the journals."""
        for _, consumer in self.report_ends + self.intent_ends:
            consumer[0]["next_seq"] = 0
            ring_resume_consumer(consumer[0])
        for producer, _ in self.order_ends + self.reject_ends:
            ring_resume_producer(producer[0])
        assert journal_resume(self.journal[0]) >= 0
        self.state = self.new_state()
        decisions, stamps = self.decisions()
        reports = np.frombuffer(bytearray(b"".join(self.report_log)), REPORT)
        report_stamps = np.array(self.report_stamps, np.int64)
        rebuild(self.state, decisions, stamps, reports, report_stamps, np.zeros(len(reports), np.int64))
        check(self.exposure)


def kinds(orders):
    return [KINDS[int(order["kind"])] for order in orders]


def counter(gate, counter_id):
    return view_at(int(gate.me[0]["counters_addr"]) + counter_id * 8, np.dtype([("value", "<i8")]))["value"]


def holding(gate, instrument=0, strategy=None):
    exposure = gate.exposure
    row = exposure.instruments[instrument]
    if strategy is not None:
        row = exposure.pairs[strategy * gate.instruments + instrument]
    return tuple(int(row[name]) for name in ("position", "open_buy", "open_sell", "orders"))


def passed(gate, **fields):
    """Send one intent that passes; returns (intent id, its order)."""
    intent_id = gate.intent(**fields)
    gate.step()
    (order,) = gate.orders()
    return intent_id, order


def accepted(gate, **fields):
    intent_id, order = passed(gate, **fields)
    gate.report(codes.REPORT_ACCEPTED, order, leaves_lots=order["qty_lots"])
    gate.step()
    return intent_id, order

"""How long does risk_gate take to say yes or no to one intent?

```
intent ──► gather: top, channel, control words, target, copies of limits and rules still the newest ──► CASE row
           rooms:  a slot of the journal, a slot of the order ring
           decide: every check of procs/risk_gate/table.py, in its order ──► PASS or the first refusal
```

A whole gate on scratch memory: 4 strategies, one venue session, 10 open orders in every instrument, every limit of
every scope set and counted (ten instruments share an underlying whose delta, gamma and vega are limited, sells are
short and located, P&L is watched), three writers of control words. The intents are new orders and replaces, three to
two; one in sixteen breaks one known check, all others pass every check. Each answer is compared with what it must be.
Each is timed by itself, less the median span of an empty pair of readings of the cycle counter. `risk_check` has 8
instruments, `risk_check_1000` a table of 1,000 that intents pick at random, `risk_check_shipped` the same table with
what the shipped limits leave at "none". The reference, in rounds that alternate, reads every word of the same records
once and adds them up.

One process: it does not show the rows of `tops` and `channels` and the intent arriving from another core's cache (a
hop each, ring_hop says how much), nor what follows a PASS: reserving, journal and order. A note gives the whole step in
the worst light, each intent once and after other work has emptied the caches.
"""

import numpy as np

from bench.pair import pinned, this_core
from bench.result import Result
from bench.timing import empty_pair, ns_per_cycle, to_picoseconds
from procs.risk_gate.decide import decide
from procs.risk_gate.gather import gather
from procs.risk_gate.state import State, case_of, new_state, parts_of, ring_at, stream_at
from procs.risk_gate.step import step
from shm.atomics import address_of, cycles, load_relaxed, record_at, record_view
from shm.codes import (
    CHANNEL_FRESH,
    INTENT_NEW,
    INTENT_REPLACE,
    PASS,
    PERMIT_BUY,
    PERMIT_SELL,
    PERMIT_SHORT,
    REJECT_COLLAR_NEAR,
    REJECT_DUPLICATE,
    REJECT_EXPIRED,
    REJECT_QTY_MAX,
    REJECT_TICK_SIZE,
    RISK_SCOPE_FIRM,
    RISK_SCOPE_STRATEGY,
    SELF_TRADE_REJECT,
    SIDE_BUY,
    SIDE_SELL,
    TIF_DAY,
    TRADING_OPEN,
)
from shm.instance import stamp
from shm.jit import hot
from shm.journal import journal_claim, journal_drain
from shm.latest import latest_claim, latest_publish
from shm.records.channel import CHANNEL
from shm.records.decision import DECISION
from shm.records.exposure import EXPOSURE
from shm.records.greeks import GREEKS, GREEKS_VALID
from shm.records.instance import INSTANCE
from shm.records.instrument import INSTRUMENT
from shm.records.intent import INTENT
from shm.records.journal_end import JOURNAL_END
from shm.records.limits import LIMIT_NONE, LIMITS, POSITIVE, STANDING_ROWS
from shm.records.order import ORDER
from shm.records.position import POSITION
from shm.records.reject import REJECT
from shm.records.report import REPORT
from shm.records.risk import RISK
from shm.records.top import TOP
from shm.ring import ring_advance, ring_claim, ring_peek, ring_publish, ring_release
from shm.scratch import (
    scratch_control,
    scratch_ids,
    scratch_journal,
    scratch_me,
    scratch_ring,
    scratch_table,
)

QUESTION = "How long does the whole list of pre-trade checks take for one intent, gathering its inputs included?"
STRATEGIES = 4
DESKS = STRATEGIES + 1  # and the house, whose limits are zero
SIZES = (("risk_check", 8, True), ("risk_check_1000", 1000, True), ("risk_check_shipped", 1000, False))
FAMILY = 10  # instruments that share an underlying
INTENTS = 1024  # as many as the ring of the default topology holds
ORDERS_EACH = 10
ROUNDS = 8
NOW_NS = 1_700_000_000_000_000_000
P50_NS_MAX, P99_NS_MAX = 150, 500
MID, TICK, LOTS = 1_000_000, 100, 100
SIDES = PERMIT_BUY | PERMIT_SELL | PERMIT_SHORT
INTENT_BYTES = INTENT.itemsize
OPEN_ID = 1 << 40  # intents that are checked have greater ids than those of the open orders
TABLES = dict(tops=TOP, channels=CHANNEL, instruments=INSTRUMENT, limits=LIMITS, positions=POSITION)
TABLES |= dict(standing=LIMITS, exposure=EXPOSURE)
TABLES |= dict(greeks=GREEKS, risk=RISK)


class Desk:
    """A gate with open orders, and the intents that are put to it."""

    def __init__(self, instruments: int, everything: bool):
        self.instruments, self.everything = instruments, everything
        rows = dict(
            tops=instruments,
            channels=1,
            instruments=instruments,
            limits=instruments + DESKS + 1,
            standing=STANDING_ROWS,
            exposure=instruments + DESKS + 1,
            positions=DESKS * instruments,
            greeks=instruments,
            risk=1 + DESKS + instruments,
        )
        self.tables = {name: scratch_table(dtype, rows[name]) for name, dtype in TABLES.items()}
        self.me = scratch_me()
        self.pages = [scratch_me() for _ in range(STRATEGIES)]
        self.intents_in = [scratch_ring(INTENT, INTENTS) for _ in range(STRATEGIES)]
        self.orders_out = scratch_ring(ORDER, INTENTS)
        self.control = scratch_control(1, STRATEGIES, instruments)
        self.journal = scratch_journal(DECISION.itemsize, 16_384)
        rejects = [scratch_ring(REJECT, INTENTS) for _ in range(STRATEGIES)]
        self.fill_tables()
        self.state: State = new_state(
            slots=2 * ORDERS_EACH * instruments + 2 * INTENTS,
            allowed=np.ones((STRATEGIES, instruments), np.int64),
            silence_ns=[1 << 60] * STRATEGIES,
            orders_headroom=[64],
            me=self.me,
            reports=scratch_ring(REPORT, 64)[1],
            intents=np.concatenate([ends[1] for ends in self.intents_in]),
            orders=self.orders_out[0],
            rejects=np.concatenate([ends[0] for ends in rejects]),
            control=self.control,
            journal=self.journal,
            ids=scratch_ids(),
            pages=np.array([int(page[0]["page_addr"]) for page in self.pages], np.int64),
            **self.tables,
        )
        self.open_orders()

    def write(self, table: str, row: int, **fields) -> None:
        """Publish one row; what is not named is zero."""
        record = record_view(latest_claim(self.tables[table][0], row), TABLES[table])
        for name, value in fields.items():
            record[name] = value
        latest_publish(self.tables[table][0], row)

    def fill_tables(self) -> None:
        none = dict.fromkeys(POSITIVE, LIMIT_NONE) | {"version": 1}
        every = dict(open_orders_max=20_000, open_micro_max=10**17, gross_micro_max=10**17, net_micro_max=10**17)
        every |= dict(burst_lots_max=10**9, burst_micro_max=10**18, burst_window_ns=10**9)
        every |= dict(messages_per_fill_max=1000, messages_floor=10**6)
        rare = self.rare_limits() if self.everything else (dict(permitted=SIDES, locate_lots=100_000), {}, {})
        for row in range(self.instruments):
            self.write(
                "instruments",
                row,
                quote_tick_ticks=TICK,
                band_from_ticks=(0, 10_000, 0, 0),
                band_tick_ticks=(1, TICK, 0, 0),
                lot_lots=1,
                price_ticks_max=2_000_000_000,
                multiplier=1,
                price_tick_micro=100,
                instrument_id=row,
                underlying_id=row - row % FAMILY if self.everything else row,
                luld_low_ticks=MID // 2 if self.everything else 0,
                luld_high_ticks=2 * MID if self.everything else 0,
            )
            self.write(
                "tops",
                row,
                bid_price_ticks=MID - TICK,
                ask_price_ticks=MID + TICK,
                changed_ns=NOW_NS,
                trading_state=TRADING_OPEN,
            )
            own = dict(qty_lots_max=1000, notional_micro_max=10**12, collar_near_bps=200, collar_far_bps=100)
            own |= dict(long_lots_max=100_000, short_lots_max=100_000, fx_ppm=1_000_000)
            ages = dict(open_orders_max=1000, age_ns_max=10**10, channel_silence_ns_max=3 * 10**9)
            self.write("limits", row, **none | every | own | ages | rare[0])
        rates = dict(rate_orders_max=50_000, rate_messages_max=60_000, rate_headroom=5000, rate_cancels_max=50_000)
        rates |= dict(rate_window_ns=10**9, venue_rejects_max=20, venue_rejects_window_ns=10**9)
        for row in range(self.instruments, self.instruments + STRATEGIES):
            lots = dict(long_lots_max=50_000, short_lots_max=50_000)
            self.write("limits", row, **none | every | rates | lots | rare[1])
        whole = dict(concentration_bps_max=5000, concentration_floor_micro=10**15)
        self.write("limits", self.instruments + DESKS, **none | every | rates | whole | rare[2])
        self.fill_risk()
        self.write("channels", 0, state=CHANNEL_FRESH, heard_ns=NOW_NS)
        for page in self.pages:
            record_view(int(page[0]["page_addr"]), INSTANCE)["step_ns"] = stamp(self.me[0])

    @staticmethod
    def rare_limits() -> tuple[dict, dict, dict]:
        """What the shipped limits leave at "none": of an instrument, of a strategy, of the firm."""
        own = dict(permitted=SIDES, locate_lots=100_000, collar_near_ticks=50_000, collar_far_ticks=50_000)
        own |= dict(scale_age_ns_max=10**10, delta_micro_max=10**15, gamma_micro_max=10**15, vega_micro_max=10**15)
        losses = dict(loss_micro_max=10**12, drawdown_micro_max=10**12)
        desk = dict(same_window_ns=10**6, same_orders_max=1000, executions_max=10**9, fill_window_ns=10**9)
        desk |= dict(fill_lots_max=10**9, fill_delta_micro_max=10**15, fill_vega_micro_max=10**15, fill_reset_ns=10**9)
        firm = dict(self_trade=SELF_TRADE_REJECT, risk_age_ns_max=10**10, mark_age_ns_max=10**10)
        return own, losses | desk, losses | firm

    def fill_risk(self) -> None:
        """Greeks of one lot of every instrument, puts among them, and a P&L of every desk."""
        for row in range(self.instruments):
            scale = dict(delta_micro=10**7 * (1 if row % 3 else -1), gamma_micro=10**5, vega_micro=10**4, now_ns=NOW_NS)
            self.write("greeks", row, underlying_id=row - row % FAMILY, flags=GREEKS_VALID, **scale)
        for row in range(1 + STRATEGIES):
            scope = dict(scope=RISK_SCOPE_STRATEGY if row else RISK_SCOPE_FIRM, scope_id=max(0, row - 1))
            self.write("risk", row, pnl_micro=-1000, drawdown_micro=2000, now_ns=NOW_NS, **scope)

    def open_orders(self) -> None:
        """Real steps put ORDERS_EACH orders into every instrument: intent id 1 + instrument + k * instruments."""
        intents = np.zeros(ORDERS_EACH * self.instruments, INTENT)
        number = np.arange(len(intents))
        fill_common(intents, number % self.instruments, 1 + number)
        sells = number // self.instruments % 2 == 1  # every other one, a spread above the buys
        intents["side"][sells] = SIDE_SELL
        intents["price_ticks"][sells] += 2 * TICK
        step(self.state, NOW_NS)  # nothing to do yet
        self.put(intents)
        opened = int(parts_of(self.state).exposure.book["open_count"][0])
        if opened != len(intents):
            raise RuntimeError(f"risk_check: {opened} of {len(intents)} orders were opened")

    def put(self, intents: np.ndarray) -> list[int]:
        """Publish them and decide them in whole steps. Returns the cycles of each step, of up to 16 intents each."""
        spans = []
        for first in range(0, len(intents), 16):
            for intent in intents[first : first + 16]:
                end = self.intents_in[intent["strategy_id"]][0][0]
                slot = record_view(ring_claim(end, 0), INTENT)
                for name in INTENT.names[1:]:
                    slot[name] = intent[name]
                ring_publish(end)
            spans.append(timed_step(self.state, NOW_NS))
            while ring_peek(self.orders_out[1][0]):
                ring_advance(self.orders_out[1][0])
            ring_release(self.orders_out[1][0])
            journal_drain(self.journal[0])
        return spans


def fill_common(intents: np.ndarray, instruments: np.ndarray, ids: np.ndarray) -> None:
    """New buys of LOTS at one tick under the mid, by the strategy that owns the instrument."""
    intents["intent_id"] = ids
    intents["instrument_id"] = instruments
    intents["strategy_id"] = instruments % STRATEGIES
    intents["kind"], intents["side"], intents["tif"] = INTENT_NEW, SIDE_BUY, TIF_DAY
    intents["price_ticks"], intents["qty_lots"] = MID - TICK, LOTS
    intents["expires_ns"], intents["now_ns"] = NOW_NS + 10**9, NOW_NS
    intents["recv_stamp_ns"], intents["tick_stamp_ns"], intents["decide_stamp_ns"] = 1, 2, 3


BREAKS = (  # one in sixteen intents is broken in one of these ways, in turn
    ("qty_lots", 1001, REJECT_QTY_MAX),
    ("price_ticks", MID - TICK - 1, REJECT_TICK_SIZE),
    ("price_ticks", MID + 300 * TICK, REJECT_COLLAR_NEAR),
    ("expires_ns", NOW_NS - 1, REJECT_EXPIRED),
    ("intent_id", -1, REJECT_DUPLICATE),
)


def make_intents(instruments: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(INTENT[INTENTS], the answer that each must get), in random instruments."""
    random = np.random.default_rng(seed)
    intents, codes = np.zeros(INTENTS, INTENT), np.full(INTENTS, PASS, np.int64)
    fill_common(intents, random.integers(0, instruments, INTENTS), OPEN_ID + np.arange(INTENTS))
    sells = random.random(INTENTS) < 0.5
    intents["side"][sells] = SIDE_SELL
    away = random.integers(0, 20, INTENTS) * TICK  # behind the best price of its side
    intents["price_ticks"] += np.where(sells, 2 * TICK + away, -away)
    replaces = random.random(INTENTS) < 0.4
    intents["kind"][replaces] = INTENT_REPLACE
    intents["target_intent_id"][replaces] = (1 + intents["instrument_id"] + sells * instruments)[replaces]
    for turn, row in enumerate(range(7, INTENTS, 16)):
        field, value, code = BREAKS[turn % len(BREAKS)]
        intents[field][row], codes[row] = value, code
    return intents, codes


@hot
def timed_step(state, now_ns):
    """One step of the gate, in cycles."""
    begun = cycles()
    step(state, now_ns)
    return cycles() - begun


@hot
def check(gate, by_intent, strategy_id, intent, now_ns):
    """What the gate does before it answers, as its step does it: gather, rooms, decide. Returns the code."""
    gather(gate, by_intent, strategy_id, intent, now_ns)
    case = case_of(gate)
    case["journal_room"] = 1 if journal_claim(record_at(gate["journal_addr"], JOURNAL_END)) != 0 else 0
    case["orders_room"] = 0
    if case["session"] >= 0:
        session = case["session"]
        order_addr = ring_claim(ring_at(gate["orders_addr"], session), stream_at(gate, session)["headroom"])
        case["orders_room"] = 1 if order_addr != 0 else 0
    return decide(case)


@hot
def time_checks(state, intents_addr, codes, now_ns, spans):
    """Check every intent, spans in cycles. Returns how many got another answer than `codes` says."""
    gate = state.gate[0]
    wrong = 0
    for row in range(spans.shape[0]):
        intent = record_at(intents_addr + row * INTENT_BYTES, INTENT)
        strategy_id = int(intent["strategy_id"])
        begun = cycles()
        code = check(gate, state.by_intent, strategy_id, intent, now_ns)
        spans[row] = cycles() - begun
        if code != codes[row]:
            wrong += 1
    return wrong


@hot
def sum_words(address, count):
    """Sum of `count` words."""
    total = 0
    for k in range(count):
        total += load_relaxed(address + 8 * k)
    return total


@hot
def time_reads(intents_addr, places, sizes, spans):
    """Read every word of each intent and of the records that its check looks at. places: [intent, record] addresses."""
    total = 0
    for row in range(places.shape[0]):
        begun = cycles()
        total += sum_words(intents_addr + row * INTENT_BYTES, INTENT_BYTES // 8)
        for part in range(places.shape[1]):
            total += sum_words(places[row, part], sizes[part])
        spans[row] = cycles() - begun
    return total


def state_places(desk: Desk, intents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(addresses[intent, record], words[record]) of the state that the check of each intent reads."""
    parts, control = parts_of(desk.state), desk.control[0]
    exposure, rows = parts.exposure, desk.instruments
    none = np.zeros(len(intents), np.int64)
    instrument, strategy = none + intents["instrument_id"], none + intents["strategy_id"]
    target = np.maximum(intents["target_intent_id"] - 1, 0)
    tops, channels = desk.tables["tops"][0], desk.tables["channels"][0]

    def row_of(array: np.ndarray, row, words: int = 0) -> tuple[np.ndarray, int]:
        return address_of(array) + (none + row) * array.itemsize, words or array.itemsize // 8

    places = [
        (tops["rows_addr"] + instrument * tops["stride"], 8 + 2 * TOP.itemsize // 8),
        (channels["rows_addr"] + none, 8 + 2 * CHANNEL.itemsize // 8),
        *(row_of(exposure.accounts, row) for row in (instrument, rows + strategy, rows + DESKS)),
        row_of(exposure.pairs, strategy * rows + instrument),
        row_of(exposure.slots, target),
        *(row_of(held, instrument) for held in (exposure.scales, exposure.sums)),
        row_of(parts.copies["case"], 0),
    ]
    for writer in range(int(control["writers"])):
        words = control["words_addr"] + writer * control["block_bytes"]
        places += [(words + 8 * scope + none, 1) for scope in (0, 1, 2 + strategy, 2 + STRATEGIES + instrument)]
    return np.stack([place for place, _ in places], axis=1), np.array([size for _, size in places], np.int64)


def measure(name: str, instruments: int, everything: bool, rounds: int) -> Result:
    """One size of the table of instruments, with all limits or with those that the shipped configuration has."""
    desk = Desk(instruments, everything)
    intents, codes = make_intents(instruments, seed=instruments)
    places, sizes = state_places(desk, intents)
    checked, read = [], []
    for _ in range(rounds + 1):  # the first compiles and warms up
        checked.append(np.zeros(INTENTS, np.int64))
        wrong = time_checks(desk.state, address_of(intents), codes, NOW_NS, checked[-1])
        if wrong:
            raise RuntimeError(f"risk_check: {wrong} of {INTENTS} intents got a wrong answer")
        read.append(np.zeros(INTENTS, np.int64))
        time_reads(address_of(intents), places, sizes, read[-1])
    whole = desk.put(intents[codes == PASS])
    cycle_ns, pair = ns_per_cycle(), empty_pair()
    spans, reference = (
        to_picoseconds(np.maximum(np.concatenate(part[1:]) - pair, 0), 1, cycle_ns) for part in (checked, read)
    )
    by_round = sorted(float(np.median(part)) - pair for part in checked[1:])
    passing = np.concatenate(checked[1:])[np.tile(codes == PASS, rounds)] - pair
    return Result(
        name=name,
        question=QUESTION,
        unit="ns",
        samples=spans,
        value=None,
        reference=float(np.median(reference)) / 1000,
        reference_is=f"reading the {int(sizes.sum()) * 8 + INTENT_BYTES:,} bytes of those records, alternating rounds",
        goal=f"p50 at most {P50_NS_MAX} ns, p99 at most {P99_NS_MAX} ns",
        limit_p50=P50_NS_MAX,
        limit_p99=P99_NS_MAX,
        notes=(
            f"core {this_core()}; {instruments} instruments, {STRATEGIES} strategies, {ORDERS_EACH * instruments} open"
            f" orders; {rounds} rounds of {INTENTS} intents",
            f"p50 by round: {by_round[0] * cycle_ns:.1f} to {by_round[-1] * cycle_ns:.1f} ns; intents that pass: p50"
            f" {float(np.median(passing)) * cycle_ns:.1f} ns",
            f"a whole step with reservation, journal and order, once, out of cold caches:"
            f" {float(np.median(whole)) * cycle_ns / 16:,.0f} ns an intent",
            f"an empty pair of readings of the counter, taken off: {pair * cycle_ns:.1f} ns",
        ),
        scale=1000,
    )


@pinned()
def run(smoke: bool) -> list[Result]:
    """A small table and one of 1,000 instruments with every limit, and that one with the shipped limits."""
    return [measure(*size, 2 if smoke else ROUNDS * 20) for size in SIZES]

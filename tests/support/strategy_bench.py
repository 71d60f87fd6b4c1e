"""A strategy instance on scratch rings, with the far side of every ring in hand."""

import numpy as np
from msgspec import structs

from config.load import load
from config.strategies import StrategyConfig
from procs.runtime.loop import import_module, write_module
from procs.strategy.generate import generate_strategy_module
from procs.strategy.load import load_strategy
from procs.strategy.params import layout_of
from procs.strategy.state import state_of
from shm.atomics import record_view
from shm.codes import TICK_ADD, TICK_FRESH, TRADING_OPEN
from shm.instance import stamp
from shm.journal import journal_drain
from shm.latest import latest_claim, latest_publish
from shm.records.depth import DEPTH
from shm.records.intent import INTENT
from shm.records.live_params import LIVE_PARAMS
from shm.records.position import POSITION
from shm.records.quote import QUOTE
from shm.records.reject import REJECT
from shm.records.report import REPORT
from shm.records.request import REQUEST, REQUEST_STATE, REQUESTERS
from shm.records.tick import TICK, TICK_FLAG_LAST
from shm.ring import ring_advance, ring_claim, ring_peek, ring_publish, ring_release
from shm.scratch import scratch_control, scratch_ids, scratch_journal, scratch_me, scratch_ring, scratch_table

ROW = 0
QUOTES_KEPT = 256
STRATEGY_ID = 0
TABLES = ("depth", "positions", "params", "requests", "request_states")


def config_with(module: str, executes: bool = False, **params):
    """The shipped configuration with one strategy: `module` on the first two instruments."""
    config = load()
    chosen = StrategyConfig(module=module, universe=("QNTA", "QNTB"), params=params, executes_for_firm=executes)
    return structs.replace(config, strategies={"strategy": chosen})


class StrategyBench:
    """`step(now)` runs one duty cycle; `intents()` takes what came out; the rest puts records in."""

    def __init__(
        self,
        module: str = "fixed_spread",
        intents: int = 64,
        headroom: int = 16,
        ids: int = 1 << 40,
        desks: int = 1,
        **params,
    ):
        config = config_with(module, executes=desks > 1, **params)
        instruments = len(config.instruments)
        self.tick_in, tick_end = scratch_ring(TICK, 1024)
        self.report_in, report_end = scratch_ring(REPORT, 256)
        self.reject_in, reject_end = scratch_ring(REJECT, 256)
        intent_end, self.intent_out = scratch_ring(INTENT, intents)
        self.depth = scratch_table(DEPTH, instruments)
        self.positions = scratch_table(POSITION, desks * instruments)
        self.params = scratch_table(LIVE_PARAMS, instruments + 1)
        self.requests = scratch_table(REQUEST, REQUESTERS)
        self.request_states = scratch_table(REQUEST_STATE, REQUESTERS)
        self.control = scratch_control(1, desks, instruments)
        self.state = state_of(
            me=scratch_me(),
            rings={"rejects": reject_end, "reports": report_end, "ticks": tick_end, "intents": intent_end},
            tables={name: getattr(self, name) for name in TABLES},
            control=self.control,
            journal=scratch_journal(QUOTE.itemsize, QUOTES_KEPT),
            ids=scratch_ids(count=ids),
            strategy_id=STRATEGY_ID,
            headroom=headroom,
            config=config,
            instance="strategy",
        )
        self.strategy = load_strategy(module)
        declared = {**self.strategy.params, **self.strategy.quoting}
        configured = {name: param.default for name, param in declared.items()} | params
        self.values = [dict(configured) for _ in range(instruments)]
        self._step = import_module(write_module(generate_strategy_module(module))).step
        self.report_seq = 0
        for row in range(instruments):
            self.position(0, reports_seq=0, row=row)

    def step(self, now_ns: int) -> int:
        journal_drain(self.state.journal[0])
        return int(self._step(self.state, now_ns))

    def _put(self, end, dtype, **fields):
        record = record_view(ring_claim(end[0], 0), dtype)
        for name in dtype.names:
            if name != "ring_seq":
                record[name] = fields.get(name, 0)
        if "publish_stamp_ns" in dtype.names:
            record["publish_stamp_ns"] = stamp(self.state.me[0])
        ring_publish(end[0])

    def tick(self, kind: int = TICK_ADD, row: int = ROW, recv_stamp_ns: int = 77, last: bool = True, **fields):
        about = {"instrument_id": row, "recv_stamp_ns": recv_stamp_ns, "flags": TICK_FLAG_LAST if last else 0}
        self._put(self.tick_in, TICK, kind=kind, **about, **fields)

    def fresh(self):
        self.tick(kind=TICK_FRESH, row=-1)

    def report(self, kind: int, intent_id: int, side: int, row: int = ROW, strategy_id: int = STRATEGY_ID, **fields):
        self.report_seq = fields.pop("report_seq", self.report_seq + 1)
        self._put(
            self.report_in,
            REPORT,
            kind=kind,
            intent_id=intent_id,
            side=side,
            instrument_id=row,
            strategy_id=strategy_id,
            report_seq=self.report_seq,
            **fields,
        )

    def reject(self, code: int, intent_id: int, side: int, row: int = ROW):
        self._put(self.reject_in, REJECT, code=code, intent_id=intent_id, side=side, instrument_id=row)

    def book(self, bids, asks, row: int = ROW, trading_state: int = TRADING_OPEN, venue_seq: int = 0):
        """Publish a depth: lists of (price_ticks, qty_lots), best first."""
        depth = record_view(latest_claim(self.depth[0], row), DEPTH)
        for side, levels in (("bid", bids), ("ask", asks)):
            for level in range(5):
                price, lots = levels[level] if level < len(levels) else (0, 0)
                depth[f"{side}_price_ticks"][level] = price
                depth[f"{side}_qty_lots"][level] = lots
        depth["trading_state"] = trading_state
        depth["venue_seq"] = venue_seq
        latest_publish(self.depth[0], row)

    def position(self, lots: int, reports_seq: int, row: int = ROW):
        held = record_view(latest_claim(self.positions[0], row), POSITION)
        held["position_lots"] = lots
        held["reports_seq"] = reports_seq
        latest_publish(self.positions[0], row)

    def live_params(self, row: int = ROW, **values):
        """Change parameters as `quintet params` does: the row of the instrument, then the one that tells of it."""
        self.values[row] |= values
        declared = {**self.strategy.params, **self.strategy.quoting}
        record = record_view(latest_claim(self.params[0], row), LIVE_PARAMS)
        record["layout"] = layout_of(self.strategy.params)
        for word, (name, param) in enumerate(declared.items()):
            record["words"].view("<f8" if param.kind == "f8" else "<i8")[word] = self.values[row][name]
        latest_publish(self.params[0], row)
        latest_claim(self.params[0], len(self.state.rules))
        latest_publish(self.params[0], len(self.state.rules))

    def intents(self) -> list[np.void]:
        """Take every published intent."""
        taken = []
        while True:
            address = ring_peek(self.intent_out[0])
            if address == 0:
                return taken
            taken.append(np.array([record_view(address, INTENT)], INTENT)[0].copy())
            ring_advance(self.intent_out[0])
            ring_release(self.intent_out[0])

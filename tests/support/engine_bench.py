"""A fabric in which only risk_engine may run; this process writes what feed_handler and position_keeper would."""

import os
import time
from datetime import UTC, datetime

import numpy as np
from msgspec import structs

from config.load import load
from config.risk import Threshold
from procs.runtime.cold import ColdWiring
from procs.runtime.fabric import Fabric
from procs.runtime.prepare import calibrate_fabric
from procs.runtime.supervisor import Supervisor
from procs.runtime.tables import tables_of
from shm.codes import CHANNEL_FRESH, TRADING_OPEN
from shm.inspect import latest_row
from shm.latest_words import write_latest_row
from shm.process import process_start_ns
from shm.records.channel import CHANNEL
from shm.records.pnl import PNL
from shm.records.position import POSITION
from shm.records.risk import RISK
from shm.records.segment_header import SEGMENT_KIND_LATEST
from shm.records.top import TOP
from shm.segment import attach_segment

MICRO = 1_000_000
NONE = "none"


def threshold(scope: str, measure: str, warn=NONE, reducing=NONE, flatten=NONE, halted=NONE) -> Threshold:
    """A threshold in whole units of the firm's currency."""
    steps = [value if value == NONE else int(value * MICRO) for value in (warn, reducing, flatten, halted)]
    return Threshold(scope, measure, *steps)


def option_on(root, symbol: str, kind: str, strike: float, exercise: str = "european", lots: int = 100):
    """An option on a configured instrument, `strike` in currency, expiring at the end of 2100's first day."""
    return structs.replace(
        root,
        symbol=symbol,
        kind="option",
        underlying=root.symbol,
        expires=datetime(2100, 1, 1, tzinfo=UTC),
        strike_ticks=int(strike * 10_000),
        option_type=kind,
        exercise=exercise,
        multiplier=lots,
        bands=(),
    )


def engine_config(name: str, *thresholds: Threshold, options: tuple = (), **risk):
    """The shipped configuration with these thresholds, as fast as it goes, and `risk` words of risk.toml over it."""
    config = load(f"{name}-{os.getpid()}")
    words = {"publish_ms": 1, "full_ms": 1, "journal_ms": 1, "thresholds": thresholds, **risk}
    words["input"] = structs.replace(config.risk.input, grace_ms=1, **words.get("input", {}))
    limits = dict(config.limits.instruments)
    root = config.instruments[0]
    for held in options:
        limits[held.symbol] = limits[root.symbol]
    return structs.replace(
        config,
        risk=structs.replace(config.risk, **words),
        instruments=(*config.instruments, *options),
        limits=structs.replace(config.limits, instruments=limits),
    )


class EngineBench:
    """The machine around risk_engine. A context manager."""

    def __init__(self, config, keeper_alive: bool = True):
        self.fabric = Fabric(config)
        self.config = config = self.fabric.config
        calibrate_fabric(config, self.fabric.epoch)
        self.tables, self._processes = tables_of(config), []
        self._segments = {name: self._adopted(name) for name in ("tops", "channels", "positions", "pnl")}
        self.supervisor = Supervisor(self.fabric)
        self.supervisor.processes = {"risk_engine": self.supervisor.processes["risk_engine"]}
        self.keeper = self.fabric.page("position_keeper").row
        self.wiring = ColdWiring(config.name, "strategy")  # any instance: for the clock alone
        channel = np.zeros(1, CHANNEL)
        channel["state"] = CHANNEL_FRESH
        write_latest_row(self._segments["channels"], 0, channel)
        self.fills = 0
        if keeper_alive:
            self.keeper_steps()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.supervisor.stop()
        self.wiring.detach()
        for segment in self._segments.values():
            segment.close()
        self.keeper = None
        self.fabric.destroy()

    def _adopted(self, name: str):
        table = self.tables[name]
        where = (self.config.name, self.fabric.epoch, table.name, SEGMENT_KIND_LATEST, table.dtype, table.rows)
        return attach_segment(*where, adopt=True, owner=table.owner)

    def row_of(self, symbol: str) -> int:
        """Row of `instruments`."""
        return self.config.instrument_id(symbol)

    def keeper_steps(self, age_ns: int = 0) -> None:
        """position_keeper is this process, and stepped that long ago."""
        self.keeper["pid"], self.keeper["start_ns"] = os.getpid(), process_start_ns(os.getpid())
        self.keeper["step_seen_ns"] = time.monotonic_ns() - age_ns

    def channel(self, state: int) -> None:
        """State of the market-data channel."""
        record = np.zeros(1, CHANNEL)
        record["state"] = state
        write_latest_row(self._segments["channels"], 0, record)

    def market(self, symbol: str, mid: float, age_ns: int = 0) -> None:
        """A top two cents wide around `mid`, last changed that long ago."""
        top = np.zeros(1, TOP)
        top["bid_price_ticks"], top["ask_price_ticks"] = round(mid * 10_000) - 100, round(mid * 10_000) + 100
        top["changed_ns"], top["trading_state"] = self.wiring.logic_ns() - age_ns, TRADING_OPEN
        write_latest_row(self._segments["tops"], self.row_of(symbol), top)

    def hold(self, symbol: str, lots: int, desk: int = 0, pnl: float = 0.0, fees: float = 0.0) -> None:
        """A desk's position, with its realised P&L before fees and its fees in currency."""
        at = desk * len(self.config.instruments) + self.row_of(symbol)
        position, marked = np.zeros(1, POSITION), np.zeros(1, PNL)
        for record in (position, marked):
            record["position_lots"], record["fills"] = lots, 1
            record["instrument_id"], record["strategy_id"] = self.row_of(symbol), desk
            record["realised_micro"], record["fees_micro"] = round(pnl * MICRO), round(fees * MICRO)
        write_latest_row(self._segments["positions"], at, position)
        write_latest_row(self._segments["pnl"], at, marked)

    def worker(self):
        """risk_engine in this process: (worker, its wiring)."""
        from procs.risk_engine.worker import Worker

        wiring = ColdWiring(self.config.name, "risk_engine")
        return Worker(wiring), wiring

    def risk(self, row: int) -> np.void:
        """A row of `risk` as published."""
        table = self.tables["risk"]
        segment = attach_segment(self.config.name, self.fabric.epoch, table.name, SEGMENT_KIND_LATEST, RISK)
        try:
            return latest_row(segment, RISK, row)[1].copy()
        finally:
            segment.close()

    def underlying(self, symbol: str) -> np.void:
        """The row of an underlying."""
        return self.risk(1 + 2 + self.row_of(symbol))

    def state(self, scope: str) -> int:
        """STATE_* that risk_engine imposes on a scope."""
        control = self.fabric.control
        return control.in_force(control.writers.index("risk_engine"), control.scopes.index(scope))


def look(worker) -> None:
    """One look now: steps until one was due."""
    deadline = time.monotonic() + 10
    while not worker.step():
        assert time.monotonic() < deadline
        time.sleep(0.001)

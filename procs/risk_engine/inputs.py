"""Inputs: what the other roles say now, and how old it is.

A mark is the mid of a two-sided, uncrossed top; while a book has none the last one stands, and ages. Its time is that
of the instrument's last message then. A channel that is not contiguous makes its marks stale whatever their age.
"""

import time
from typing import NamedTuple

import numpy as np

from procs.risk_engine.contracts import Contracts
from procs.risk_engine.tables import Reader
from procs.runtime.desks import desk_names
from shm.codes import CHANNEL_FRESH, LIFE_RUNNING
from shm.process import process_alive
from shm.records.channel import CHANNEL
from shm.records.limits import LIMITS
from shm.records.pnl import PNL
from shm.records.position import POSITION
from shm.records.top import TOP

MS = 1_000_000
DAY_NS = 86_400_000_000_000


class Seen(NamedTuple):
    """One look. Arrays over the n configured instruments; `desks` are rows of desks."""

    now_ns: int
    marks: np.ndarray  # i8[n]: bid + ask, twice the mid in price ticks; 0 before the first
    mark_ns: np.ndarray  # i8[n]
    marks_stale: np.ndarray  # bool[n]: older than allowed, or of a channel that is not contiguous
    assumed_stale: np.ndarray  # bool[n]: rates, volatilities or overlay of its underlying are over
    positions_stale: bool  # position_keeper is dead or hangs
    lots: np.ndarray  # i8[desks, n]
    pnl: np.ndarray  # PNL[desks, n]
    fx_ppm: np.ndarray  # i8[n]
    strangers: int  # positions in instruments that the configuration does not have
    changed: bool  # anything of it


class Inputs:
    """Everything that comes from other processes, attached read-only."""

    def __init__(self, wiring, contracts: Contracts):
        self.config, self.contracts = wiring.config, contracts
        instruments, rows = len(self.config.instruments), contracts.rows
        self.desks = len(desk_names(self.config))
        flat = (np.arange(self.desks)[:, None] * instruments + rows).ravel()
        self.tops = Reader(wiring.table("tops"), TOP, rows)
        self.positions = Reader(wiring.table("positions"), POSITION, flat)
        self.pnl = Reader(wiring.table("pnl"), PNL, flat)
        self.limits = Reader(wiring.table("limits"), LIMITS, rows)
        feeds = np.arange(len(self.config.topology.of_role("feed_handler")))
        self.channels = Reader(wiring.table("channels"), CHANNEL, feeds)
        strangers = np.setdiff1d(np.arange(self.desks * instruments), flat)
        self._strangers = Reader(wiring.table("positions"), POSITION, strangers)
        self.pages = wiring.pages(("position_keeper",))
        self._seen_running: set[str] = set()
        self.marks = np.zeros(len(rows), np.int64)
        self.mark_ns = np.zeros(len(rows), np.int64)
        roots = [self.config.risk.of(self.config.instruments[root].symbol) for root in contracts.roots.tolist()]
        self._age_ns = np.array([held.mark_age_ms * MS for held in roots], np.int64)
        self._until_ns = np.array([_until_ns(held) for held in roots], np.int64)

    def look(self, now_ns: int) -> Seen:
        """Read all of it. `now_ns`: logic time."""
        readers = (self.tops, self.positions, self.pnl, self.limits, self.channels)
        changed = [reader.look().size > 0 for reader in readers]
        if changed[1]:  # what no instrument of ours has cannot come without an execution
            self._strangers.look()
        tops = self.tops.values
        good = (tops["bid_price_ticks"] > 0) & (tops["ask_price_ticks"] > tops["bid_price_ticks"])
        self.marks = np.where(good, tops["bid_price_ticks"] + tops["ask_price_ticks"], self.marks)
        self.mark_ns = np.where(good, tops["changed_ns"], self.mark_ns)
        shape = (self.desks, len(self.marks))
        return Seen(
            now_ns=now_ns,
            marks=self.marks,
            mark_ns=self.mark_ns,
            marks_stale=(self.marks == 0) | (now_ns - self.mark_ns > self._age_ns) | ~self._heard(tops),
            assumed_stale=now_ns > self._until_ns,
            positions_stale=self._positions_stale(),
            lots=self.positions.values["position_lots"].reshape(shape),
            pnl=self.pnl.values.reshape(shape),
            fx_ppm=self.limits.values["fx_ppm"].copy(),
            strangers=int(np.count_nonzero(self._strangers.values["position_lots"])),
            changed=any(changed),
        )

    def _heard(self, tops: np.ndarray) -> np.ndarray:
        """Whether the channel of each top is contiguous."""
        channel = np.clip(tops["channel_id"], 0, len(self.channels.values) - 1)
        return self.channels.values["state"][channel] == CHANNEL_FRESH

    def _positions_stale(self) -> bool:
        """Whether position_keeper died, or has not stepped for longer than allowed.

        Not before anybody saw it run: while a machine starts nobody trades, and there is nothing to be late with.
        """
        limit_ns = self.config.risk.input.position_age_ms * MS
        for name, page in self.pages.items():
            if int(page["life"]) == LIFE_RUNNING:
                self._seen_running.add(name)
            if name not in self._seen_running and not (self.positions.versions > 0).any():
                continue
            late = time.monotonic_ns() - int(page["step_seen_ns"]) > limit_ns
            if late or not process_alive(int(page["pid"]), int(page["start_ns"])):
                return True
        return False


def _until_ns(assumed) -> int:
    """UTC time until which rates, volatilities and overlay of one underlying hold."""
    ends = [1 << 62]
    if assumed.overlay_until is not None:
        ends.append(int(assumed.overlay_until.timestamp()) * 1_000_000_000)
    if assumed.as_of is not None:
        ends.append((assumed.as_of.toordinal() - 719_163 + assumed.age_days_max + 1) * DAY_NS)
    return min(ends)

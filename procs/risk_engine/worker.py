"""Worker: one look at the machine after another: inputs, Greeks, exposures, slow figures when due, rows, thresholds."""

import sys
import time

import numpy as np

from procs.risk_engine.authority import Authority
from procs.risk_engine.contracts import contracts_of, price_book
from procs.risk_engine.figures import Calculator, Figures
from procs.risk_engine.inputs import Inputs, Seen
from procs.risk_engine.portfolio import exposures, lot_greeks, profit
from procs.risk_engine.requests import open_requests
from procs.risk_engine.scopes import Scope, scopes_of
from procs.risk_engine.tables import Writer
from procs.risk_engine.warm_up import warm_up
from procs.risk_engine.window import Window
from procs.runtime.cold_journal import ColdJournal
from procs.runtime.totals import currencies_of
from shm.codes import (
    JOURNAL_RISK,
    LIFE_CLOSING,
    RISK_SCOPE_FIRM,
    RISK_SCOPE_STRATEGY,
    RISK_SCOPE_UNDERLYING,
    STATE_HALTED,
)
from shm.counters import RISK_COMPUTED, RISK_FULL, RISK_FULL_NS, RISK_STALE
from shm.error_log import ERROR_RISK_UNVALUED
from shm.journal_kinds import parts_of
from shm.records.greeks import GREEKS
from shm.records.risk import RISK

MS = 1_000_000
SCOPE_FIRM = 0


class Worker:
    """The state of one risk_engine process."""

    def __init__(self, wiring):
        self.wiring, self.config = wiring, wiring.config
        config = self.config
        warm_up(config)  # loads what preparation compiled: a first look that waits for it would come seconds late
        self.contracts = contracts = contracts_of(config)
        self.scopes = scopes_of(config, contracts.rows, contracts.roots)
        self.inputs = Inputs(wiring, contracts)
        self.calculator = Calculator(config, contracts)
        symbols = [config.instruments[root].symbol for root in contracts.underlyings.tolist()]
        self.window = Window(config, symbols, wiring.state_folder)
        currencies = currencies_of(config)
        held = [config.instruments[row] for row in contracts.rows.tolist()]
        self.multipliers = np.array([one.multiplier for one in held], np.float64)
        self.currencies = np.array([currencies.index(one.currency) for one in held], np.int64)
        self.greeks_out, self.risk_out = Writer(wiring.table("greeks"), GREEKS), Writer(wiring.table("risk"), RISK)
        words, writer = wiring.control()
        self.journal = ColdJournal(
            config,
            wiring.epoch,
            wiring.instance,
            wiring.state_folder,
            lambda: words.writer_set(writer, SCOPE_FIRM, STATE_HALTED),
        )
        self.authority = Authority(
            wiring, self.scopes, words, writer, self.journal, open_requests(wiring, self.greeks_out)
        )
        self.pnl_max: dict[int, int] = {}
        self._resume()
        self.figures: list[Figures] = [Figures()] * len(self.scopes)
        self._lots_computed: bytes = b""
        self._rows: dict[int, np.ndarray] = {}
        self._journalled: dict[int, bytes] = {}
        self._next_ns = self._next_full_ns = self._next_journal_ns = 0
        self._unvalued: set[int] = set()

    # --- start and end --------------------------------------------------------------------------------------------

    def _resume(self) -> None:
        """Highest P&L and steps of this life: from the rows that survive us, and from the journal."""
        entries = []
        for head, payload in self.journal.reader().entries():
            parts = parts_of(int(head["kind"]), payload) if head["kind"] == JOURNAL_RISK else {}
            if parts:
                entries.append(parts["risk_entry"])
                self._remember(parts["risk"])
        for scope in self.scopes:
            version, row = self.risk_out.held(scope.row)
            if version > 0:
                self._remember(row)
        self.authority.resume(entries)

    def _remember(self, row) -> None:
        at = self._row_of(int(row["scope"]), int(row["scope_id"]))
        self.pnl_max[at] = max(self.pnl_max.get(at, 0), int(row["pnl_max_micro"]))

    def _row_of(self, kind: int, number: int) -> int:
        """Row of the table of a scope as records name it."""
        if kind == RISK_SCOPE_FIRM:
            return 0
        return 1 + number if kind == RISK_SCOPE_STRATEGY else 1 + self.inputs.desks + number

    def finish(self, gone: bool) -> None:
        """After the last step: the last rows and the window stay."""
        self._journal_rows(force=True)
        self.window.store()

    def close(self) -> None:
        """Copy the journal to its tail."""
        self.journal.close()

    # --- one look -------------------------------------------------------------------------------------------------

    def step(self) -> int:
        """Look and act when it is due. Returns 1 when it was."""
        real_ns = time.monotonic_ns()
        self.journal.watch(self.wiring.counters)
        if real_ns < self._next_ns:
            return 0
        now_ns = self.wiring.logic_ns()
        if now_ns == 0:
            return 0
        self._next_ns = real_ns + self.config.risk.publish_ms * MS
        seen = self.inputs.look(now_ns)
        marks = seen.marks * self.contracts.tick / 2.0
        spots, usable = price_book(self.contracts, self.multipliers, seen.fx_ppm, marks, now_ns)
        self._sample(seen, marks)
        self._publish_greeks(seen, spots, usable)
        portfolios = self._portfolios(seen)
        self._compute_slow(real_ns, seen, portfolios, spots, usable)
        self._fill_rows(seen, portfolios, usable)
        leaving = int(self.wiring.page["life"]) == LIFE_CLOSING
        self.authority.look(self._rows, real_ns, leaving)
        self._publish_rows()
        if real_ns >= self._next_journal_ns:
            self._next_journal_ns = real_ns + self.config.risk.journal_ms * MS
            self._journal_rows(force=False)
            self.window.store()
        self.wiring.count(RISK_COMPUTED, 1)
        return 1

    def _sample(self, seen: Seen, marks: np.ndarray) -> None:
        at = self.contracts.at_underlying
        self.window.sample(seen.now_ns, marks[at], ~seen.marks_stale[at])

    def _publish_greeks(self, seen: Seen, spots: np.ndarray, usable: np.ndarray) -> None:
        results = self.calculator.greeks(spots, usable)
        self.lots = lot_greeks(self.contracts, results, spots, usable, seen)
        for at in range(len(self.lots)):
            if self.lots["now_ns"][at]:  # nothing to say before the first mark
                self.greeks_out.write_changed(int(self.contracts.rows[at]), self.lots[at : at + 1])

    def _portfolios(self, seen: Seen) -> np.ndarray:
        """Lots i8[scopes, n] of each scope in order of `self.scopes`; strategies are netted in the firm."""
        firm = seen.lots.sum(axis=0)
        rows = [firm]
        for scope in self.scopes[1:]:
            if scope.kind == RISK_SCOPE_STRATEGY:
                rows.append(seen.lots[scope.number])
            else:
                rows.append(np.where(self.contracts.roots == scope.number, firm, 0))
        return np.array(rows, np.int64)

    def _compute_slow(self, real_ns: int, seen: Seen, portfolios, spots, usable) -> None:
        """Stress, margin and value at risk when due. Scopes that hold nothing have nothing to lose."""
        if real_ns < self._next_full_ns:
            return
        self._next_full_ns = real_ns + self.config.risk.full_ms * MS
        active = np.flatnonzero((portfolios != 0).any(axis=1))
        window, enough = self.window.scenarios()
        nothing = self.calculator.all(spots, usable, np.zeros_like(portfolios[:1]), window, enough)[0]
        self.figures = [nothing] * len(self.scopes)
        if len(active):
            found = self.calculator.all(spots, usable, portfolios[active], window, enough)
            for at, figures in zip(active.tolist(), found, strict=True):
                self.figures[at] = figures
        self.wiring.count(RISK_FULL, 1)
        self.wiring.gauge(RISK_FULL_NS, time.monotonic_ns() - real_ns)

    def _fill_rows(self, seen: Seen, portfolios: np.ndarray, usable: np.ndarray) -> None:
        """The RISK row of every scope."""
        unvalued = (portfolios[0] != 0) & ~usable
        self._tell_unvalued(seen, unvalued)
        of_underlying = seen.marks_stale[self.contracts.at_underlying][self.contracts.underlying]
        own = seen.marks_stale & ~self.contracts.option  # an option is valued by its underlying's mark
        bad = of_underlying | own | seen.assumed_stale | ~usable
        self.wiring.gauge(RISK_STALE, int(np.count_nonzero(bad & (portfolios[0] != 0))) + int(seen.positions_stale))
        for at, scope in enumerate(self.scopes):
            self._rows[scope.row] = self._row(seen, scope, portfolios[at], self.figures[at], bad)

    def _row(self, seen: Seen, scope: Scope, lots: np.ndarray, figures: Figures, bad: np.ndarray) -> np.ndarray:
        row = np.zeros(1, RISK)
        for field, value in exposures(lots, self.lots).items():
            row[field] = value
        held = lots != 0
        pnl = self._profit(seen, scope)
        highest = self.pnl_max[scope.row] = max(self.pnl_max.get(scope.row, 0), pnl)
        row["pnl_micro"], row["pnl_max_micro"], row["drawdown_micro"] = pnl, highest, highest - pnl
        row["margin_micro"], row["methods"] = figures.margin_micro, figures.methods
        row["stress_micro"], row["stress_scenario"] = figures.stress_micro, figures.stress_scenario
        for place, method in enumerate(("parametric", "historical", "monte_carlo")):
            row[f"var_{method}_micro"] = figures.var_micro[place]
            row[f"es_{method}_micro"] = figures.es_micro[place]
        row["now_ns"] = seen.now_ns
        row["input_ns"] = self.lots["now_ns"][held].min() if held.any() else seen.now_ns
        row["scope"], row["scope_id"] = scope.kind, scope.number
        row["stale"] = int(np.count_nonzero(bad & held))
        if seen.positions_stale and (held.any() or scope.kind != RISK_SCOPE_UNDERLYING):
            row["stale"] += 1  # who holds nothing may hold something by now
        if scope.kind == RISK_SCOPE_FIRM:
            row["stale"] += seen.strangers
        row["state"], row["reason"] = self.authority.state(scope), self.authority.reason(scope)
        return row

    def _profit(self, seen: Seen, scope: Scope) -> int:
        """P&L of one scope."""
        if scope.kind == RISK_SCOPE_FIRM:
            rows, columns = seen.pnl, slice(None)
        elif scope.kind == RISK_SCOPE_STRATEGY:
            rows, columns = seen.pnl[scope.number : scope.number + 1], slice(None)
        else:
            columns = np.flatnonzero(self.contracts.roots == scope.number)
            rows = seen.pnl[:, columns]
        desks = len(rows)
        currencies, rates = self.currencies[columns], seen.fx_ppm[columns]
        return profit(rows.ravel(), np.tile(currencies, desks), np.tile(rates, desks))

    def _tell_unvalued(self, seen: Seen, unvalued: np.ndarray) -> None:
        """Say once which position cannot be valued; it counts as stale until it can."""
        places = set(np.flatnonzero(unvalued).tolist())
        for at in places - self._unvalued:
            row, lots = int(self.contracts.rows[at]), int(seen.lots[:, at].sum())
            self.wiring.note_error(ERROR_RISK_UNVALUED, row, lots)
            print(f"{self.config.instruments[row].symbol}: {lots} lots cannot be valued", file=sys.stderr, flush=True)
        self._unvalued = places

    def _publish_rows(self) -> None:
        """Firm and desks always, so that their age says that we live; underlyings when they have something to say."""
        for scope in self.scopes:
            row = self._rows[scope.row]
            if scope.kind in (RISK_SCOPE_FIRM, RISK_SCOPE_STRATEGY) or self._speaks(row):
                row["state"], row["reason"] = self.authority.state(scope), self.authority.reason(scope)
                self.risk_out.write(scope.row, row)

    def _speaks(self, row: np.ndarray) -> bool:
        """Whether an underlying's row has anything but zeros, or had when it was published last."""
        known = row.tobytes()
        said = any(int(row[name][0]) for name in ("gross_micro", "pnl_micro", "stale", "reason"))
        at = self._row_of(int(row["scope"][0]), int(row["scope_id"][0]))
        return said or (known != b"" and int(self.risk_out.held(at)[1]["gross_micro"]) != 0)

    def _journal_rows(self, force: bool) -> None:
        """Journal the rows of which a figure changed."""
        for scope in self.scopes:
            row = self._rows.get(scope.row)
            if row is None:
                continue
            bare = row.copy()
            bare["now_ns"] = bare["input_ns"] = 0
            content = bare.tobytes()
            if self._journalled.get(scope.row, b"") != content and (force or self._worth(row)):
                self._journalled[scope.row] = content
                self.authority.note_row(row)

    def _worth(self, row: np.ndarray) -> bool:
        return any(int(row[name][0]) for name in ("gross_micro", "pnl_micro", "stale", "reason"))

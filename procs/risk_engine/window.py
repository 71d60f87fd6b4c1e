"""Window: past joint returns of the underlyings, for value at risk by historical simulation.

Either a configured file of daily returns, or our own marks, one every `sample_seconds` of logic time, `window` of them,
kept in the state folder so that the next life goes on with them. A return over s seconds counts for the horizon by the
square root of time. An underlying has a return when it had a fresh mark at both ends, else its place is NaN.
"""

import json
import math
import os
from pathlib import Path

import numpy as np

from config.load import file_of
from config.returns import read_returns

FILE = "risk_returns.json"
PAUSE_STEPS = 10  # samples missed in a row


class Window:
    """Returns f8[<= window, u] of the configured underlyings, newest last."""

    def __init__(self, config, symbols: list[str], state_folder: Path):
        self.var, self.symbols, self.path = config.risk.var, symbols, Path(state_folder) / FILE
        self.fixed = bool(self.var.returns_file)
        self.returns = np.zeros((0, len(symbols)))
        self._last: np.ndarray | None = None  # log marks of the last sample, NaN where there was no fresh one
        self._last_ns, self._step_ns = 0, int(self.var.sample_seconds * 1e9)
        self._stored = 0
        self.samples = 0
        if self.fixed:
            held = read_returns(file_of(self.var.returns_file), symbols)
            rows = len(next(iter(held.values())))
            nothing = [math.nan] * rows
            simple = np.array([held.get(symbol, nothing) for symbol in symbols]).T.reshape(rows, len(symbols))
            self.returns = np.log1p(simple)[-self.var.window :]
        else:
            self._load()

    def sample(self, now_ns: int, marks: np.ndarray, fresh: np.ndarray) -> None:
        """Take the marks f8[u] of the underlyings when a sample is due.

        A return over more than a sample's time is scaled back to it; one over a longer pause is left out.
        """
        if self.fixed or now_ns < self._last_ns + self._step_ns or not fresh.any():
            return
        logs = np.log(np.where(fresh, marks, np.nan))
        steps = (now_ns - self._last_ns) / self._step_ns
        if self._last is not None and steps <= PAUSE_STEPS:
            self.returns = np.vstack([self.returns, (logs - self._last) / math.sqrt(steps)])[-self.var.window :]
            self.samples += 1
        self._last, self._last_ns = logs, now_ns

    def scenarios(self) -> tuple[np.ndarray, np.ndarray]:
        """(log returns over the horizon f8[s, u], a missing one as 0; bool[u]: whether there are enough)."""
        enough = np.count_nonzero(~np.isnan(self.returns), axis=0) >= self.var.window_min
        seconds = self.var.trading_seconds_a_day if self.fixed else self.var.sample_seconds
        scale = math.sqrt(self.var.horizon_days * self.var.trading_seconds_a_day / seconds)
        return np.nan_to_num(self.returns) * scale, enough

    def store(self) -> None:
        """Keep what was collected; a window that is lost fills again."""
        if self.fixed or self._stored == self.samples:
            return
        self._stored = self.samples
        rows = [[None if math.isnan(value) else value for value in row] for row in self.returns.tolist()]
        content = {"sample_seconds": self.var.sample_seconds, "symbols": self.symbols, "returns": rows}
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(content), encoding="ascii")
        os.replace(draft, self.path)

    def _load(self) -> None:
        """Go on with what an earlier process kept; with nothing when it was kept otherwise or cannot be read."""
        try:
            held = json.loads(self.path.read_text(encoding="ascii"))
            if held["sample_seconds"] != self.var.sample_seconds:
                return
            columns = {symbol: column for column, symbol in enumerate(held["symbols"])}
            rows = [[math.nan if value is None else float(value) for value in row] for row in held["returns"]]
            found = np.array(rows, np.float64).reshape(len(rows), len(columns))
        except (OSError, ValueError, KeyError, TypeError):
            return
        if np.isinf(found).any():
            return
        chosen = [found[:, columns[name]] if name in columns else np.full(len(found), np.nan) for name in self.symbols]
        self.returns = np.stack(chosen, axis=1)[-self.var.window :] if len(found) else self.returns

"""Parameters of a strategy: declared once in its module as a table, checked against the configuration at open.

A module says `PARAMS = {"half_spread_ticks": Param(200, 1, 1_000_000, "distance from the mid, price ticks")}`. The type
is `dtype` ("i8" or "f8"); without it that of the default: int becomes i8, float f8. Every strategy has the quoting
parameters below too, and may give them other defaults: `DEFAULTS = {"hold_percent": 50}`.
"""

import zlib
from typing import NamedTuple

import numpy as np

from shm.errors import Fatal
from shm.records.live_params import LIVE_PARAMS_MAX

DTYPES = {"i8": "<i8", "f8": "<f8"}


class StrategyRefused(Fatal):
    """A strategy module or its parameters cannot be used."""


class Param(NamedTuple):
    """One parameter: default, smallest and greatest value, what it means (with its unit), and its type if declared."""

    default: int | float
    low: int | float
    high: int | float
    meaning: str = ""
    dtype: str = ""

    @property
    def kind(self) -> str:
        """ "i8" or "f8"."""
        return self.dtype or ("f8" if isinstance(self.default, float) else "i8")


QUOTING = {
    "requote_price_ticks": Param(1, 1, 1_000_000, "a working quote moves only if it is at least this far off"),
    "hold_percent": Param(0, 0, 1_000, "and stays while it is off by no more than this share of a quoting step"),
    "refill_percent": Param(50, 0, 100, "a level is topped up when less than this share of it is left; 0 never"),
    "refresh_ms": Param(100, 1, 3_600_000, "quote is called at least this often, ticks or not; logic time"),
    "flow_halflife_ms": Param(10_000, 1, 86_400_000, "memory of the trade flow"),
    "volatility_halflife_ms": Param(60_000, 1, 86_400_000, "memory of the volatility"),
    "intensity_halflife_ms": Param(300_000, 1, 86_400_000, "memory of the trading intensity"),
    "jump_sigmas": Param(8.0, 0.0, 1_000.0, "quotes are pulled when the mid jumps by more than this; 0 never"),
    "jump_window_ms": Param(500, 2, 60_000, "within which the mid jumps"),
    "jump_pause_ms": Param(1_000, 1, 3_600_000, "how long quotes stay away after a jump"),
    "obligation_spread_ticks": Param(1_000, 1, 1_000_000_000, "widest pair of quotes that counts as present"),
    "obligation_lots": Param(1, 1, 1_000_000_000, "smallest open size on each side that counts as present"),
}


def params_dtype(table: dict[str, Param]) -> np.dtype:
    """Record of a parameter table: one 8-byte field each; an empty table gives one reserved word."""
    fields = [(name, DTYPES[param.kind]) for name, param in table.items()]
    return np.dtype(fields or [("reserved", "<i8")])


QUOTING_DTYPE = params_dtype(QUOTING)


def layout_of(table: dict[str, Param]) -> int:
    """Fingerprint of the words of LIVE_PARAMS for a strategy with these parameters of its own."""
    words = [f"{name}:{param.kind}" for name, param in (*table.items(), *QUOTING.items())]
    return zlib.crc32(" ".join(words).encode()) | 1 << 32  # never the 0 of a row that nobody wrote


def quoting_table(defaults: dict) -> dict[str, Param]:
    """QUOTING with a module's own defaults. Raises StrategyRefused for a name or value that QUOTING does not allow."""
    where, do = "DEFAULTS of the strategy", "correct the module"
    for name, value in defaults.items():
        if name not in QUOTING:
            raise StrategyRefused(where=where, expected="names of " + ", ".join(QUOTING), found=name, do=do)
        checked_value(where, name, QUOTING[name], value, do)
    return {name: param._replace(default=defaults.get(name, param.default)) for name, param in QUOTING.items()}


def checked_value(where: str, name: str, param: Param, value, do: str = "change strategy.toml"):
    """`value` if it has the parameter's type and lies within its bounds. Raises StrategyRefused."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and not (param.kind == "f8" and isinstance(value, float)):
        raise StrategyRefused(
            where=f"{where}: parameter {name}",
            expected="a number" if param.kind == "f8" else "a whole number",
            found=repr(value),
            do=do,
        )
    if not param.low <= value <= param.high:
        raise StrategyRefused(
            where=f"{where}: parameter {name}", expected=f"{param.low} .. {param.high}", found=value, do=do
        )
    return value


def check_table(table: dict[str, Param]) -> str:
    """What is wrong with a module's PARAMS, "" when nothing is."""
    if len(table) + len(QUOTING) > LIVE_PARAMS_MAX:
        return f"{len(table)} parameters, more than {LIVE_PARAMS_MAX - len(QUOTING)}"
    for name, param in table.items():
        if name in QUOTING or not name.isidentifier() or not param.low <= param.default <= param.high:
            return f"{name} = {param}"
        if param.dtype not in ("", *DTYPES) or (param.kind == "i8" and not isinstance(param.default, int)):
            return f"{name} = {param}"
    return ""


def params_of(where: str, table: dict[str, Param], given: dict, quoting: dict[str, Param]) -> tuple[dict, dict]:
    """(values of the strategy's own parameters, values of the quoting parameters), defaults filled in.

    Raises StrategyRefused for a name that neither table has, a wrong type, or a value out of bounds.
    """
    known = {**quoting, **table}
    for name in given:
        if name not in known:
            raise StrategyRefused(
                where=f"{where}: parameter {name}",
                expected="one of " + ", ".join(known),
                found="it",
                do="change strategy.toml, or declare it in the module's PARAMS",
            )
    own = {name: checked_value(where, name, param, given.get(name, param.default)) for name, param in table.items()}
    common = {name: checked_value(where, name, p, given.get(name, p.default)) for name, p in quoting.items()}
    return own, common

"""Parameters of a strategy: declared once in its module as a table, checked against the configuration at open.

A module says `PARAMS = {"half_spread_ticks": Param(200, 1, 1_000_000, "distance from the mid, price ticks")}`. The type
is that of the default: int becomes int64, float becomes float64. Every strategy has the quoting parameters below too.
"""

from typing import NamedTuple

import numpy as np

from shm.errors import Fatal


class StrategyRefused(Fatal):
    """A strategy module or its parameters cannot be used."""


class Param(NamedTuple):
    """One parameter: default, smallest and greatest value, and what it means (with its unit)."""

    default: int | float
    low: int | float
    high: int | float
    meaning: str = ""


QUOTING = {
    "requote_price_ticks": Param(1, 1, 1_000_000, "a working quote moves only if it is at least this far off"),
    "refill_percent": Param(50, 0, 100, "a working quote is refilled when less than this share of it is left"),
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
    fields = [(name, "<f8" if isinstance(param.default, float) else "<i8") for name, param in table.items()]
    return np.dtype(fields or [("reserved", "<i8")])


def checked_value(where: str, name: str, param: Param, value):
    """`value` if it has the parameter's type and lies within its bounds. Raises StrategyRefused."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and not (isinstance(param.default, float) and isinstance(value, float)):
        raise StrategyRefused(
            where=f"{where}: parameter {name}",
            expected="a number" if isinstance(param.default, float) else "a whole number",
            found=repr(value),
            do="change strategy.toml",
        )
    if not param.low <= value <= param.high:
        raise StrategyRefused(
            where=f"{where}: parameter {name}",
            expected=f"{param.low} .. {param.high}",
            found=value,
            do="change strategy.toml",
        )
    return value


def params_of(where: str, table: dict[str, Param], given: dict) -> tuple[dict, dict]:
    """(values of the strategy's own parameters, values of the quoting parameters), defaults filled in.

    Raises StrategyRefused for a name that neither table has, a wrong type, or a value out of bounds.
    """
    known = {**QUOTING, **table}
    for name in given:
        if name not in known:
            raise StrategyRefused(
                where=f"{where}: parameter {name}",
                expected="one of " + ", ".join(known),
                found="it",
                do="change strategy.toml, or declare it in the module's PARAMS",
            )
    own = {name: checked_value(where, name, param, given.get(name, param.default)) for name, param in table.items()}
    quoting = {name: checked_value(where, name, p, given.get(name, p.default)) for name, p in QUOTING.items()}
    return own, quoting

"""Risk: what risk_engine assumes about markets, what it computes, and at which numbers it acts.

Every key must be there. Volatilities, rates and returns are per one (0.2 is 20 per cent); money is in micro-units of
the firm's currency. NaN, infinities and what cannot be are refused by `check_risk`.
"""

import math
from datetime import date, datetime
from typing import Literal

from msgspec import Struct

from config.errors import ConfigError
from config.returns import read_returns

Limit = int | Literal["none"]
MONEY_MAX = 1 << 62
VOLATILITY_MIN, VOLATILITY_MAX = 0.001, 10.0  # as procs/risk_engine/curve.py bounds them
MEASURES = (
    "delta",
    "gamma",
    "vega",
    "rho",
    "gross",
    "net",
    "loss",
    "drawdown",
    "margin",
    "stress",
    "var_parametric",
    "var_historical",
    "var_monte_carlo",
    "es_parametric",
    "es_historical",
    "es_monte_carlo",
)
STEPS = ("warn", "reducing", "flatten", "halted")  # of a threshold, milder first


class Inputs(Struct, forbid_unknown_fields=True, frozen=True):
    """Greatest ages of what comes in while we run, and the state that a scope with a stale input is put under."""

    position_age_ms: int  # position_keeper's last step, real time
    grace_ms: int  # how long an input may be stale before it acts: what is started again, or heals, is no breach
    stale_state: Literal["warn", "reducing", "halted"]


class Var(Struct, forbid_unknown_fields=True, frozen=True):
    """Value at risk and expected shortfall: level, horizon, and what each of the three methods needs."""

    level_bps: int  # 9900 is 99 per cent
    horizon_days: float  # trading days
    trading_days_a_year: float
    trading_seconds_a_day: float
    correlation: float  # between any two underlyings: parametric and Monte Carlo
    volatility_of_volatility: float  # per year, in parts of the volatility
    spot_volatility_correlation: float  # of a return with the change of its own volatility
    draws: int  # Monte Carlo
    seed: int
    window: int  # historical: returns kept
    window_min: int  # fewer: historical figures are not available
    sample_seconds: float  # between two of our own marks that make one return
    returns_file: str  # daily returns of each underlying instead; "" collects our own


class Stress(Struct, forbid_unknown_fields=True, frozen=True):
    """The grid: every move of price (all underlyings alike, in parts of the price) with every one of volatility."""

    price_moves: tuple[float, ...]
    volatility_moves: tuple[float, ...]  # added to it


class MarginClass(Struct, forbid_unknown_fields=True, frozen=True):
    """Margin by portfolio scenario (SEC rule 15c3-1a): the worst of five even moves down to `down` and five up to `up`.

    `offset`: the part of a gain in one underlying of this class that counts against a loss in another; 0: none.
    """

    down: float
    up: float
    offset: float


class Tenor(Struct, forbid_unknown_fields=True, frozen=True):
    """Volatilities of options that expire in so many calendar days, by moneyness (strike over the underlying's price).

    Between tenors the total variance of a moneyness is interpolated, before the first and behind the last its
    volatility holds.
    """

    days: float
    moneyness: tuple[float, ...]
    volatility: tuple[float, ...]


class Overlay(Struct, forbid_unknown_fields=True, frozen=True):
    """A person's correction, added to every volatility: a shift, and points at moneynesses of his choice."""

    shift: float
    moneyness: tuple[float, ...]
    points: tuple[float, ...]


class Underlying(Struct, forbid_unknown_fields=True, frozen=True):
    """Market assumptions for one underlying.

    `overlay_until`: when the overlay has to be looked at again. `as_of`, `age_days_max`: from when rates and
    volatilities are, and for how long they hold. Either may be left out: no end. What is over counts as stale.
    """

    interest_rate: float
    dividend_yield: float
    volatility: tuple[Tenor, ...]
    overlay: Overlay
    mark_age_ms: int
    margin: str  # a margin class
    overlay_until: datetime | None = None
    as_of: date | None = None
    age_days_max: int | None = None


class Threshold(Struct, forbid_unknown_fields=True, frozen=True):
    """From which value of a measure on which step is taken in a scope, each "none" or at least the one before.

    `scope`: firm; strategy or underlying (each of them); strategy:NAME or underlying:SYMBOL.
    """

    scope: str
    measure: Literal[MEASURES]
    warn: Limit
    reducing: Limit
    flatten: Limit
    halted: Limit


class Risk(
    Struct,
    forbid_unknown_fields=True,
    frozen=True,
    rename={"margin_classes": "margin", "underlyings": "underlying", "thresholds": "threshold"},
):
    """The file `risk.toml`. `other` holds for every underlying that has no table of its own."""

    publish_ms: int  # rows at most this often
    full_ms: int  # value at risk, stress and margin at most this often
    journal_ms: int  # rows that changed are journalled at most this often; steps at once
    again_ppm: int  # a breach that `resume` acknowledged acts again when it has grown by so many millionths
    tree_steps: int  # of American options, odd
    minimum_per_unit: float  # of margin, for each unit of the underlying in an option or future
    input: Inputs
    var: Var
    stress: Stress
    margin_classes: dict[str, MarginClass]
    other: Underlying
    underlyings: dict[str, Underlying]
    thresholds: tuple[Threshold, ...]

    def of(self, symbol: str) -> Underlying:
        """Assumptions for one underlying."""
        return self.underlyings.get(symbol, self.other)


def check_risk(config, file, file_of) -> None:
    """Raise ConfigError at the first value that cannot be. `file_of(part)` finds a file of the configuration."""
    risk = config.risk
    _check_top(risk, file)
    _check_var(risk.var, file)
    _check_stress(risk.stress, file)
    for name, held in risk.margin_classes.items():
        _check_margin(held, f"margin.{name}", file)
    symbols = [instrument.symbol for instrument in config.instruments if not instrument.underlying]
    for symbol, held in (("other", risk.other), *risk.underlyings.items()):
        key = "other" if held is risk.other else f"underlying.{symbol}"
        if held is not risk.other and symbol not in symbols:
            raise ConfigError(file, key, "a symbol of instruments.toml that is nothing's derivative", repr(symbol))
        _check_underlying(held, key, risk, file)
    strategies = [held.name for held in config.topology.of_role("strategy")]
    for row, held in enumerate(risk.thresholds):
        _check_threshold(held, f"threshold[{row}]", strategies, symbols, file)
    if risk.var.returns_file:
        read_returns(file_of(risk.var.returns_file), symbols)


def _number(file, key: str, value: float, low: float, high: float, expected: str) -> None:
    """`low` and `high` themselves are allowed; NaN is between no two numbers."""
    if not low <= value <= high:
        raise ConfigError(file, key, expected, str(value))


def _above_zero(file, key: str, value: float, high: float = math.inf) -> None:
    if not 0 < value < math.inf or value > high:
        expected = "a number above 0" + (f", at most {high:g}" if high < math.inf else "")
        raise ConfigError(file, key, expected, str(value))


def _check_top(risk: Risk, file) -> None:
    for key in ("publish_ms", "full_ms", "journal_ms", "again_ppm"):
        _above_zero(file, key, getattr(risk, key))
    if not 3 <= risk.tree_steps <= 1001 or risk.tree_steps % 2 == 0:
        raise ConfigError(file, "tree_steps", "an odd number from 3 to 1001", str(risk.tree_steps))
    _number(file, "minimum_per_unit", risk.minimum_per_unit, 0.0, 1e9, "from 0 to 1e9")
    for key in ("position_age_ms", "grace_ms"):
        _above_zero(file, f"input.{key}", getattr(risk.input, key))


def _check_var(var: Var, file) -> None:
    _number(file, "var.level_bps", var.level_bps, 5001, 9999, "from 5001 to 9999")
    for key in ("horizon_days", "trading_days_a_year", "trading_seconds_a_day", "sample_seconds"):
        _above_zero(file, f"var.{key}", getattr(var, key))
    _number(file, "var.correlation", var.correlation, 0.0, 1.0, "from 0 to 1")
    _number(file, "var.volatility_of_volatility", var.volatility_of_volatility, 0.0, 10.0, "from 0 to 10")
    _number(file, "var.spot_volatility_correlation", var.spot_volatility_correlation, -1.0, 1.0, "from -1 to 1")
    _number(file, "var.draws", var.draws, 100, 100_000, "from 100 to 100000")
    _number(file, "var.seed", var.seed, 1, 2**31 - 2, "from 1 to 2147483646")
    _number(file, "var.window", var.window, 20, 10_000, "from 20 to 10000")
    _number(file, "var.window_min", var.window_min, 20, var.window, f"from 20 to the window ({var.window})")


def _check_stress(stress: Stress, file) -> None:
    for key, low in (("price_moves", -1.0), ("volatility_moves", -5.0)):
        moves = getattr(stress, key)
        if not 1 <= len(moves) <= 50:
            raise ConfigError(file, f"stress.{key}", "1 to 50 moves", str(len(moves)))
        for move in moves:
            if not low < move <= 5.0:
                raise ConfigError(file, f"stress.{key}", f"moves above {low:g}, at most 5", str(move))


def _check_margin(held: MarginClass, key: str, file) -> None:
    _number(file, f"{key}.offset", held.offset, 0.0, 1.0, "from 0 to 1")
    if not -1 < held.down < 0:
        raise ConfigError(file, f"{key}.down", "a move down, above -1 and below 0", str(held.down))
    if not 0 < held.up < 1:
        raise ConfigError(file, f"{key}.up", "a move up, above 0 and below 1", str(held.up))


def _check_underlying(held: Underlying, key: str, risk: Risk, file) -> None:
    for field in ("interest_rate", "dividend_yield"):
        _number(file, f"{key}.{field}", getattr(held, field), -1.0, 1.0, "from -1 to 1")
    _check_volatility(held, key, file)
    _above_zero(file, f"{key}.mark_age_ms", held.mark_age_ms)
    if held.margin not in risk.margin_classes:
        raise ConfigError(
            file, f"{key}.margin", " or ".join(risk.margin_classes) or "a margin class", repr(held.margin)
        )
    if held.overlay_until is not None and held.overlay_until.tzinfo is None:
        raise ConfigError(file, f"{key}.overlay_until", "a time with its offset from UTC", str(held.overlay_until))
    if (held.as_of is None) != (held.age_days_max is None):
        raise ConfigError(file, f"{key}.as_of", "as_of and age_days_max together", "one of them")
    if held.age_days_max is not None:
        _above_zero(file, f"{key}.age_days_max", held.age_days_max)


def _check_knots(xs: tuple[float, ...], ys: tuple[float, ...], key: str, file) -> None:
    """Finite moneynesses above 0, each once, in order, with a finite number each."""
    if len(xs) != len(ys):
        raise ConfigError(file, key, "as many numbers as moneynesses", f"{len(ys)} and {len(xs)}")
    if not all(0 < x < math.inf for x in xs) or list(xs) != sorted(set(xs)):
        raise ConfigError(file, f"{key}.moneyness", "moneynesses above 0, in order, each once", str(list(xs)))
    if not all(-math.inf < y < math.inf for y in ys):
        raise ConfigError(file, key, "finite numbers", str(list(ys)))


def _check_volatility(held: Underlying, key: str, file) -> None:
    """Each volatility with the overlay within bounds; days in order; total variance that never falls with them."""
    if not held.volatility:
        raise ConfigError(file, f"{key}.volatility", "at least one tenor", "none")
    overlay = held.overlay
    _check_knots(overlay.moneyness, overlay.points, f"{key}.overlay", file)
    _number(file, f"{key}.overlay.shift", overlay.shift, -VOLATILITY_MAX, VOLATILITY_MAX, "from -10 to 10")
    for row, tenor in enumerate(held.volatility):
        where = f"{key}.volatility[{row}]"
        _above_zero(file, f"{where}.days", tenor.days)
        _check_knots(tenor.moneyness, tenor.volatility, where, file)
        if not tenor.moneyness:
            raise ConfigError(file, f"{where}.moneyness", "at least one", "none")
        for moneyness in (*tenor.moneyness, *overlay.moneyness):
            value = volatility_at(tenor, overlay, moneyness)
            expected = f"from {VOLATILITY_MIN} to {VOLATILITY_MAX} with the overlay, at moneyness {moneyness:g}"
            _number(file, f"{where}.volatility", value, VOLATILITY_MIN, VOLATILITY_MAX, expected)
    days = [tenor.days for tenor in held.volatility]
    if days != sorted(set(days)):
        raise ConfigError(file, f"{key}.volatility", "tenors in order of days", str(days))
    for near, far in zip(held.volatility, held.volatility[1:], strict=False):
        for moneyness in sorted({*near.moneyness, *far.moneyness, *overlay.moneyness}):
            first, second = (volatility_at(tenor, overlay, moneyness) ** 2 * tenor.days for tenor in (near, far))
            if first > second * (1 + 1e-12):
                where = f"{key}.volatility, {near.days:g} to {far.days:g} days, moneyness {moneyness:g}"
                expected = "a total variance that never falls with time: else money for nothing"
                raise ConfigError(file, where, expected, f"{first:.4g} then {second:.4g}")


def volatility_at(tenor: Tenor, overlay: Overlay, moneyness: float) -> float:
    """Volatility of one tenor with the overlay; between knots as procs/risk_engine/curve.py has it."""
    variance = _between(tenor.moneyness, [value * value for value in tenor.volatility], moneyness)
    added = _between(overlay.moneyness, overlay.points, moneyness) if overlay.moneyness else 0.0
    return math.sqrt(variance) + overlay.shift + added


def _between(xs, ys, x: float) -> float:
    """Linear in ln(x) between knots, flat outside."""
    if x <= xs[0]:
        return ys[0]
    for left, right, low, high in zip(xs, xs[1:], ys, ys[1:], strict=False):
        if x <= right:
            return low + (high - low) * math.log(x / left) / math.log(right / left)
    return ys[-1]


def _check_threshold(held: Threshold, key: str, strategies: list[str], symbols: list[str], file) -> None:
    kind, colon, name = held.scope.partition(":")
    known = {"firm": (), "strategy": strategies, "underlying": symbols}.get(kind)
    if known is None or bool(colon) != bool(name) or (name and name not in known):
        expected = "firm, strategy, underlying, strategy:NAME or underlying:SYMBOL"
        raise ConfigError(file, f"{key}.scope", expected, repr(held.scope))
    before = 0
    for step in STEPS:
        value = getattr(held, step)
        if value == "none":
            continue
        _above_zero(file, f"{key}.{step}", value)
        if value >= MONEY_MAX:
            raise ConfigError(file, f"{key}.{step}", 'a number below 2^62, or "none"', str(value))
        if value < before:
            expected = f"at least the step before it ({before}): {', '.join(STEPS)}"
            raise ConfigError(file, f"{key}.{step}", expected, str(value))
        before = value
    if not before:
        raise ConfigError(file, key, "at least one step with a number", "none")

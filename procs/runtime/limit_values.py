"""Limit values: rows of `limits` in the keys and units of limits.toml, by scope. For commands and the fabric step."""

from typing import NamedTuple

import msgspec
import numpy as np

from config.caps import check_cap
from config.check import check_products, check_scope
from config.errors import ConfigError
from config.limits import FirmLimits, InstrumentLimits, StrategyLimits
from procs.runtime.fill import MS, PERMITS, SELF_TRADES, fill_limits
from shm.control_words import ScopeUnknown
from shm.records.limits import LIMIT_NONE, LIMITS

TYPES = {"firm": FirmLimits, "strategy": StrategyLimits, "instrument": InstrumentLimits}
NOT_WHILE_RUNNING = ("currency", "silence_ms_max")  # no word of a row: read once, when a role starts


class Scope(NamedTuple):
    """One row of `limits` that somebody configured. `held` is the configuration's struct."""

    label: str
    kind: str
    row: int
    held: msgspec.Struct


def limit_scopes(config) -> dict[str, Scope]:
    """Every scope by label: the firm, strategies, instruments that are configured."""
    instruments, strategies = len(config.instruments), config.topology.of_role("strategy")
    found = [Scope("firm", "firm", instruments + len(strategies) + 1, config.limits.firm)]
    for position, instance in enumerate(strategies):
        held = config.limits.strategies[instance.name]
        found.append(Scope(f"strategy:{instance.name}", "strategy", instruments + position, held))
    for row, instrument in enumerate(config.instruments):
        if instrument.configured:
            held = config.limits.instruments[instrument.symbol]
            found.append(Scope(f"instrument:{instrument.symbol}", "instrument", row, held))
    return {scope.label: scope for scope in found}


def refuse_strange(label: str) -> None:
    """Raises ScopeUnknown for what cannot be a scope with limits in any configuration."""
    kind, _, name = label.partition(":")
    if label != "firm" and not (kind in ("strategy", "instrument") and name):
        kinds = "firm, strategy:NAME or instrument:SYMBOL"
        raise ScopeUnknown(where="a scope of limits", expected=kinds, found=repr(label), do="name one of these")


def scope_of(config, label: str) -> Scope:
    """The scope called `label`. Raises ScopeUnknown with the scopes that have limits: a session has none."""
    scopes = limit_scopes(config)
    if label in scopes:
        return scopes[label]
    refuse_strange(label)
    kind, _, name = label.partition(":")
    known = [held.removeprefix(f"{kind}:") for held in scopes if held.startswith(f"{kind}:")]
    raise ScopeUnknown(where=f"scope {label}", expected=" or ".join(known), found=repr(name), do=f"name a known {kind}")


def keys_of(kind: str) -> tuple[str, ...]:
    """Keys of limits.toml that a row of this kind of scope holds, in file order."""
    return tuple(key for key in TYPES[kind].__struct_fields__ if key not in NOT_WHILE_RUNNING)


def configured_values(scope: Scope) -> dict:
    """{key: value} of a scope as its file says."""
    return _plain({key: getattr(scope.held, key) for key in keys_of(scope.kind)})


def values_of(kind: str, row: np.void) -> dict:
    """{key: value} of a LIMITS record, in the units of limits.toml."""
    found = {}
    for key in keys_of(kind):
        name = key.replace("_ms", "_ns")
        word = int(row[name])
        if key == "permitted":
            found[key] = [text for text, bit in PERMITS.items() if word & bit]
        elif key == "self_trade":
            found[key] = next((text for text, code in SELF_TRADES.items() if code == word), "reject")
        elif word == LIMIT_NONE:
            found[key] = "none"
        else:
            found[key] = word // MS if name != key else word
    return found


def checked(config, scope: Scope, values: dict, where) -> msgspec.Struct:
    """`values` as the struct of the scope, by the rules of a file: types, bounds, caps. Raises ConfigError.

    `where` names the source for the message: a file, or "(command line)".
    """
    fixed = {key: getattr(scope.held, key) for key in NOT_WHILE_RUNNING if hasattr(scope.held, key)}
    key = scope.label.replace(":", ".", 1)
    for name, value in values.items():
        try:
            msgspec.convert({**msgspec.to_builtins(scope.held), name: value}, TYPES[scope.kind])
        except msgspec.ValidationError as error:
            raise ConfigError(where, f"{key}.{name}", _expected(str(error)), repr(value)) from None
    held = msgspec.convert({**values, **fixed}, TYPES[scope.kind])
    check_scope(where, key, held)
    for name in values:
        check_cap(where, key, scope.kind, getattr(config.limits.caps, scope.kind), name, getattr(held, name))
    if scope.kind == "instrument":
        check_products(where, key, held, config.instruments[scope.row])
    return held


def record_of(held: msgspec.Struct, before: np.void) -> np.ndarray:
    """LIMITS[1] of a checked struct; what it does not hold stays as in `before`, the row that it follows."""
    record = np.array([before], LIMITS)
    fill_limits(record[0], held)
    record["expires_ns"] = record["standing_row"] = 0
    return record


def _plain(values: dict) -> dict:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def _expected(message: str) -> str:
    """What msgspec wanted, in a person's words."""
    if "enum" in message or "str" in message.split("got")[0]:
        return 'a whole number, "none", or one of the documented words'
    return "a whole number" if "int" in message else "a documented value"

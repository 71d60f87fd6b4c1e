"""`quintet params`: what a strategy's parameters are, and changing them while it runs.

A change is checked against the declared bounds, noted durably in `params.jsonl` of the state folder (when, by whom,
why, before, after), then written to the table `params`; the strategy takes it over at its next step. The table lives
with the fabric: a strategy that is started again finds it, a new fabric starts from the configuration.
"""

import fcntl
import json
import os
import time
from typing import NamedTuple

import numpy as np

from config.errors import ConfigError
from config.instruments import configured_end
from config.load import Config
from procs.cli.control import user
from procs.cli.effective import effective_config
from procs.cli.strategies import param_table, param_value, params_in_force
from procs.cli.text import table
from procs.runtime.paths import state_folder
from shm.inspect import latest_rows
from shm.latest_words import write_latest_row
from shm.records.live_params import LIVE_PARAMS
from shm.records.segment_header import SEGMENT_KIND_LATEST
from shm.roster import read_roster, roster_lock
from shm.segment import Segment, attach_segment

HISTORY = "params.jsonl"


class Place(NamedTuple):
    """One row of the table: a strategy instance on one instrument."""

    strategy: str
    symbol: str
    row: int
    generation_row: int  # its version tells the strategy that something changed


def run(arguments) -> int:
    """Without KEY=VALUE print what is in force; with it change it. Exit 0; a refusal is an error of the caller."""
    roster = read_roster(arguments.name)
    config = effective_config(roster)
    wanted = _assignments(arguments.changes)
    places = _places(config, arguments.strategy, arguments.instrument, changing=bool(wanted))
    if wanted and not arguments.reason:
        raise ConfigError("(command line)", "--reason", "why, for the record", "nothing")
    segment = attach_segment(
        config.name, roster.epoch, "params", SEGMENT_KIND_LATEST, LIVE_PARAMS, writable=bool(wanted)
    )
    try:
        changes = []
        if wanted:
            with roster_lock(config.name):
                changes = _change(segment, config, places, wanted, arguments.reason)
        shown = [_shown(segment, config, place, wanted) for place in places]
    finally:
        segment.close()
    if arguments.json:
        print(json.dumps({"changes": changes, "params": shown}))
    elif wanted:
        print("\n".join(_said(change) for change in changes) or "nothing changed: these values are in force")
    else:
        print("\n\n".join(_rendered(entry) for entry in shown))
    return 0


def _assignments(words: list[str]) -> dict[str, str]:
    """{name: text} of KEY=VALUE words."""
    found = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name or not text:
            raise ConfigError("(command line)", "KEY=VALUE", "a parameter's name, = and its value", repr(word))
        if name in found:
            raise ConfigError("(command line)", name, "one value", "two")
        found[name] = text
    return found


def _places(config: Config, strategy: str | None, symbol: str | None, changing: bool) -> list[Place]:
    """The rows that a command is about. A change must name its strategy where there are several."""
    names = [instance.name for instance in config.topology.of_role("strategy")]
    if strategy is not None and strategy not in names:
        raise ConfigError("(command line)", "--strategy", "one of " + ", ".join(names), repr(strategy))
    if strategy is None and changing and len(names) > 1:
        raise ConfigError("(command line)", "--strategy", "one of " + ", ".join(names), "nothing")
    chosen = [strategy] if strategy else names
    found = []
    for name in chosen:
        universe = config.strategies[name].universe
        for held in universe if symbol is None else [one for one in universe if one == symbol]:
            index, count = names.index(name), configured_end(config.instruments)
            row = index * count + config.instrument_id(held)
            found.append(Place(name, held, row, len(names) * count + index))
    if not found:
        known = sorted({held for name in chosen for held in config.strategies[name].universe})
        raise ConfigError("(command line)", "--instrument", "one of " + ", ".join(known), repr(symbol))
    return found


# --- the table -----------------------------------------------------------------------------------------------------


def _values(segment: Segment, config: Config, place: Place) -> dict[str, int | float]:
    """Every parameter in force: from the table where somebody wrote the row, else as configured."""
    versions, rows = latest_rows(segment, LIVE_PARAMS)
    declared, layout = param_table(config, place.strategy)
    if not versions[place.row] or int(rows[place.row]["layout"]) != layout:
        return params_in_force(config, place.strategy, place.symbol)
    words = rows[place.row]["words"]
    found = {}
    for word, (name, param) in zip(words, declared.items(), strict=False):
        found[name] = float(word.view("<f8")) if param.kind == "f8" else int(word)
    return found


def _record(config: Config, strategy: str, values: dict[str, int | float]) -> np.ndarray:
    declared, layout = param_table(config, strategy)
    record = np.zeros(1, LIVE_PARAMS)
    record["layout"], record["changed_ns"] = layout, time.time_ns()
    for position, (name, param) in enumerate(declared.items()):
        if param.kind == "f8":
            record["words"][0].view("<f8")[position] = values[name]
        else:
            record["words"][0][position] = values[name]
    return record


def _change(segment: Segment, config: Config, places: list[Place], wanted: dict[str, str], reason: str) -> list[dict]:
    """Check everything, note everything, then write. Caller: holds the roster's lock. Returns what changed."""
    changes, records = [], []
    for place in places:
        declared, _ = param_table(config, place.strategy)
        before = _values(segment, config, place)
        after = dict(before)
        where = f"{place.strategy}, {place.symbol}"
        for name, text in wanted.items():
            if name not in declared:
                raise ConfigError("(command line)", f"{name} of {where}", "one of " + ", ".join(declared), "it")
            after[name] = param_value(where, name, declared[name], text)
            if after[name] != before[name]:
                about = {"strategy": place.strategy, "instrument": place.symbol, "name": name}
                changes.append({**about, "before": before[name], "after": after[name]})
        if after != before:
            records.append((place, _record(config, place.strategy, after)))
    if changes:
        note = {"at_ns": time.time_ns(), "by": user(), "reason": reason}
        _append(config.name, [{**note, **change} for change in changes])
    for place, record in records:
        write_latest_row(segment, place.row, record)
    for place in {place.generation_row: place for place, _ in records}.values():
        write_latest_row(segment, place.generation_row, np.zeros(1, LIVE_PARAMS))
    return changes


def _append(name: str, entries: list[dict]) -> None:
    """Whole lines, on disk before anything takes effect."""
    path = state_folder(name) / HISTORY
    with open(path, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("".join(json.dumps(entry) + "\n" for entry in entries))
        file.flush()
        os.fsync(file.fileno())


# --- what is shown -------------------------------------------------------------------------------------------------


def _shown(segment: Segment, config: Config, place: Place, only: dict) -> dict:
    declared, _ = param_table(config, place.strategy)
    rows = {}
    for name, value in _values(segment, config, place).items():
        param = declared[name]
        if not only or name in only:
            bounds = {"default": param.default, "min": param.low, "max": param.high}
            rows[name] = {"value": value, **bounds, "dtype": param.kind, "meaning": param.meaning}
    return {"strategy": place.strategy, "instrument": place.symbol, "params": rows}


def _rendered(entry: dict) -> str:
    rows = [
        (name, _number(held["value"]), *(_number(held[key]) for key in ("default", "min", "max")), held["meaning"])
        for name, held in entry["params"].items()
    ]
    text = table(("parameter", "value", "default", "min", "max", " "), rows, right_until=5)
    return f"{entry['strategy']} on {entry['instrument']}\n{text}"


def _said(change: dict) -> str:
    where = f"{change['strategy']} {change['instrument']} {change['name']}"
    return f"{where}  {_number(change['before'])} -> {_number(change['after'])}"


def _number(value: int | float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"

"""Limits change: from words of a person to rows of `limits`: checked, noted durably, then in force.

Order: everything is checked; `limits.jsonl` is told (who, when, why, before, after, versions); `limits.json` keeps what
became stricter; then rows are written, that of `standing` before the override that names it. risk_gate takes a row over
at its next look and journals it. A crash in between leaves a note of a change that is not in force, never the opposite.
"""

import fcntl
import json
import os
import time
from typing import NamedTuple

import numpy as np

from config.caps import is_looser
from config.errors import ConfigError
from config.load import Config
from procs.cli.second_person import Person
from procs.cli.text import clock
from procs.runtime.limit_values import Scope, checked, configured_values, keys_of, record_of, values_of
from procs.runtime.limits_file import kept_after, load_limits_file, store_limits_file
from shm.inspect import latest_row, latest_rows
from shm.latest_words import write_latest_row
from shm.records.limits import LIMITS, STANDING_ROWS
from shm.segment import Segment

HISTORY = "limits.jsonl"


class Standing(NamedTuple):
    """What one scope may do: lasting values, and the override over them ({} and 0 where there is none)."""

    values: dict
    override: dict  # the keys that differ
    expires_ns: int

    @property
    def in_force(self) -> dict:
        """Values that decide now."""
        return {**self.values, **self.override}


class Change(NamedTuple):
    """One limit of one scope; `lasting` is False for an override."""

    scope: str
    key: str
    before: object
    after: object


class Limits:
    """Tables `limits` and `standing` of a fabric. Writing: under the roster's lock, one at a time."""

    def __init__(self, config: Config, limits: Segment, standing: Segment, folder):
        self.config, self.limits, self.standing, self.folder = config, limits, standing, folder

    def now(self, scope: Scope, now_ns: int) -> Standing:
        """What is in force in a scope at that logic time."""
        row = latest_row(self.limits, LIMITS, scope.row)[1]
        values = values_of(scope.kind, row)
        if row["expires_ns"] == 0:
            return Standing(values, {}, 0)
        lasting = values_of(scope.kind, latest_row(self.standing, LIMITS, int(row["standing_row"]))[1])
        if row["expires_ns"] <= now_ns:
            return Standing(lasting, {}, 0)
        override = {key: value for key, value in values.items() if value != lasting[key]}
        return Standing(lasting, override, int(row["expires_ns"]))

    def plan(self, scope: Scope, wanted: dict, expires_ns: int, now_ns: int, where) -> tuple[Standing, Standing]:
        """(as it is, as it would be) when `wanted` keys change, for good or until `expires_ns`. Raises ConfigError."""
        before = self.now(scope, now_ns)
        for key in wanted:
            if key not in keys_of(scope.kind):
                raise ConfigError(where, f"{scope.label} {key}", "one of " + ", ".join(keys_of(scope.kind)), "it")
        if not expires_ns:
            override = {key: value for key, value in before.override.items() if key not in wanted}
            after = Standing({**before.values, **wanted}, override, before.expires_ns if override else 0)
        else:
            if before.expires_ns and before.expires_ns != expires_ns:
                expected = "one override of a scope at a time: wait for its end, or set its limits for good"
                raise ConfigError(where, f"{scope.label} --for", expected, ", ".join(before.override))
            override = {**before.override, **wanted}
            override = {key: value for key, value in override.items() if value != before.values[key]}
            after = Standing(before.values, override, expires_ns if override else 0)
        for values in (after.values, after.in_force):
            checked(self.config, scope, values, where)
        return before, after

    def apply(self, planned: list[tuple[Scope, Standing, Standing]], note: dict, now_ns: int, file: dict) -> list[dict]:
        """Note and write what was planned. Returns the lines that were noted. Caller: holds the roster's lock.

        `file` is what limits.json learns of a limits.toml that was taken over, {} for other changes.
        """
        self._tidy(now_ns)
        planned = [step for step in planned if step[1] != step[2]]
        if not planned and not file:
            return []
        slots = self._free_slots()
        wanting = [scope for scope, _, after in planned if after.expires_ns]
        if len(wanting) > len(slots):
            raise ConfigError("(command line)", "--for", f"at most {STANDING_ROWS} scopes with an override", "more")
        content = load_limits_file(self.folder) | file
        lines, writes = [], []
        for scope, before, after in planned:
            version = content["version"] + 1
            content["version"] = version + (1 if after.expires_ns else 0)
            lines += _lines(scope, before, after, version, note)
            writes.append((scope, after, version))
            about = {name: note[name] for name in ("by", "reason", "at_ns")}
            says, kept = content["file"].get(scope.label), content["kept"].get(scope.label, [])
            says = configured_values(scope) if says is None else says
            content["kept"][scope.label] = kept_after(says, after.values, after.override, after.expires_ns, about, kept)
        content["kept"] = {label: held for label, held in content["kept"].items() if held}
        append(self.folder / HISTORY, lines)
        store_limits_file(self.folder, content)
        for scope, after, version in writes:
            self._write(scope, after, version, slots)
        return lines

    def _write(self, scope: Scope, after: Standing, version: int, slots: list[int]) -> None:
        """The rows of one scope."""
        present = latest_row(self.limits, LIMITS, scope.row)[1]
        row = record_of(checked(self.config, scope, after.in_force, "(command line)"), present)
        row["version"] = version
        if after.expires_ns:
            slot = slots.pop()
            lasting = record_of(checked(self.config, scope, after.values, "(command line)"), present)
            lasting["version"], lasting["standing_row"] = version + 1, scope.row
            write_latest_row(self.standing, slot, lasting)
            row["expires_ns"], row["standing_row"] = after.expires_ns, slot
        write_latest_row(self.limits, scope.row, row)

    def _free_slots(self) -> list[int]:
        """Rows of `standing` that no row of `limits` names. A scope that has one gets another, and frees it then."""
        _, rows = latest_rows(self.limits, LIMITS)
        taken = set(rows["standing_row"][rows["expires_ns"] > 0].tolist())
        return [slot for slot in range(STANDING_ROWS) if slot not in taken]

    def _tidy(self, now_ns: int) -> None:
        """Write what follows ended overrides where they were, so that their rows of `standing` are free again."""
        _, rows = latest_rows(self.limits, LIMITS)
        for row in np.flatnonzero((rows["expires_ns"] > 0) & (rows["expires_ns"] <= now_ns)).tolist():
            record = latest_row(self.standing, LIMITS, int(rows[row]["standing_row"]))[1].reshape(1).copy()
            record["standing_row"] = 0
            write_latest_row(self.limits, row, record)


def loosens(planned: list[tuple[Scope, Standing, Standing]]) -> list[Change]:
    """What of a plan allows more than now, at once or when an override ends."""
    found = []
    for scope, before, after in planned:
        for key in keys_of(scope.kind):
            for was, becomes in ((before.in_force, after.in_force), (before.values, after.values)):
                if is_looser(key, becomes[key], was[key]):
                    found.append(Change(scope.label, key, was[key], becomes[key]))
                    break
    return found


def _lines(scope: Scope, before: Standing, after: Standing, version: int, note: dict) -> list[dict]:
    """A line of history for each limit that changes."""
    found = []
    for key in keys_of(scope.kind):
        was, becomes = before.in_force[key], after.in_force[key]
        if was != becomes or before.values[key] != after.values[key]:
            until_ns = after.expires_ns if key in after.override else 0
            line = {"scope": scope.label, "key": key, "before": was, "after": becomes, "lasting": after.values[key]}
            found.append({**note, **line, "version": version, "until_ns": until_ns})
    return found


def append(path, entries: list[dict]) -> None:
    """Whole lines of JSON, on disk when it returns. Raises OSError."""
    with open(path, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("".join(json.dumps(entry) + "\n" for entry in entries))
        file.flush()
        os.fsync(file.fileno())


def note_of(who: Person, reason: str, second: Person | None = None) -> dict:
    """Who acts, when and why, for the history."""
    note = {"at_ns": time.time_ns(), "by": who.name, "uid": who.uid, "reason": reason}
    return note | ({"confirmed_by": second.name, "confirmed_uid": second.uid} if second else {})


def history(folder) -> list[dict]:
    """Every noted change, oldest first; a torn last line is left out."""
    try:
        lines = (folder / HISTORY).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def changes_of(folder, version: int) -> list[dict]:
    """The noted changes that made that version of a row: its own, or the one whose override ended with it."""
    ended = [line for line in history(folder) if line["until_ns"] and line["version"] + 1 == version]
    return [line for line in history(folder) if line["version"] == version] or ended


def said_change(line: dict) -> str:
    """One change in a line, as in the file."""
    until = f", until {clock(line['until_ns'])}, then {line['lasting']}" if line["until_ns"] else ""
    change = f"{as_written(line['before'])} -> {as_written(line['after'])}"
    return f"{line['scope']} {line['key']}  {change}{until}  version {line['version']}"


def as_written(value) -> str:
    """A value as in the file, with thousands separators."""
    if isinstance(value, list):
        return ",".join(value) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)

"""Limits file: what outlives a fabric of the changes made while one ran, and how the next one starts with it.

```
<state folder>/limits.json
  format    of this file
  version   greatest version that any row of `limits` ever had: versions rise for as long as the folder lives
  revision  of limits.toml as it was in force last, and `content`, a checksum of what it said
  file      scope -> limits of the limits.toml that was taken over while running; {} when it is that of the start
  kept      scope -> entries of key, value, until_ns, by, reason, at_ns: limits that were made stricter while running
  checksum  of all the rest
```

A limit that a person lowered stays lowered over every restart, until a command raises it again, or the file itself is
as strict. A limit that was raised is not kept: the next fabric starts from the file, so raising for good means a new
revision. A temporary lowering is kept until its time. Nothing starts from a file that is damaged, of another format, or
with a limits.toml older than the one before, or changed under the same revision: nobody knows then what holds.
"""

import json
import os
import zlib
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from config.caps import is_looser, strictest
from config.errors import ConfigError
from config.limits import Limits
from config.load import file_of
from procs.runtime.fill import limit_rows
from procs.runtime.limit_values import TYPES, configured_values, limit_scopes, record_of
from shm.errors import Fatal
from shm.folders import make_folder, sync_folder
from shm.records.limits import LIMITS, STANDING_ROWS

LIMITS_FILE = "limits.json"
FORMAT = 1
DO = "nothing trades on it: put back the file of the last backup, or move it away and set what was lowered again"


class LimitsFileRefused(Fatal):
    """The limits file exists and must not be used: nobody knows which limits were lowered."""


class StartLimits(NamedTuple):
    """What a fabric begins with."""

    rows: np.ndarray  # LIMITS of table `limits`
    standing: np.ndarray  # LIMITS[STANDING_ROWS]
    kept: list[str]  # a sentence for each limit that is stricter than the file says


def empty_file() -> dict:
    """What a folder without a limits file holds."""
    return {"format": FORMAT, "version": 0, "revision": 0, "content": "", "file": {}, "kept": {}}


def content_of(limits: Limits) -> str:
    """Checksum of what a limits.toml says, whatever its spaces and comments."""
    return f"{zlib.crc32(json.dumps(msgspec.to_builtins(limits), sort_keys=True).encode()):08x}"


def _checksum(content: dict) -> str:
    rest = {key: value for key, value in content.items() if key != "checksum"}
    return f"{zlib.crc32(json.dumps(rest, sort_keys=True).encode()):08x}"


def load_limits_file(folder: Path) -> dict:
    """The limits file of a state folder. Raises LimitsFileRefused with key, expected, found."""
    path = Path(folder) / LIMITS_FILE
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        return empty_file()
    except ValueError as error:
        raise _refused(path, "(syntax)", "JSON in UTF-8", f"{type(error).__name__}: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise _refused(path, "format", f"{FORMAT}, the format of this version of Quintet", repr(found))
    if content.get("checksum") != _checksum(content):
        raise _refused(path, "checksum", _checksum(content), repr(content.get("checksum")))
    return content


def _refused(path: Path, key: str, expected: str, found: str) -> LimitsFileRefused:
    return LimitsFileRefused(where=f"{path}: {key}", expected=expected, found=found, do=DO)


def store_limits_file(folder: Path, content: dict) -> None:
    """Replace the limits file durably. Caller: one at a time, under the roster's lock or before there is a fabric."""
    make_folder(Path(folder))
    draft = Path(folder) / f"{LIMITS_FILE}.new"
    content = {**content, "checksum": _checksum(content)}
    with open(draft, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, sort_keys=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, Path(folder) / LIMITS_FILE)
    sync_folder(Path(folder))


def check_revision(limits: Limits, content: dict, path) -> None:
    """Refuse a limits.toml that is older than the one in force last, or another one under the same revision."""
    if limits.revision < content["revision"]:
        expected = f"{content['revision']} or above: that was in force already, and an older file must not come back"
        raise ConfigError(path, "revision", expected, str(limits.revision))
    if limits.revision == content["revision"] and content_of(limits) != content["content"]:
        expected = (
            f"above {content['revision']}: what it says is not what was in force under that number "
            f"(checksum {content['content']})"
        )
        raise ConfigError(path, "revision", expected, f"{limits.revision} (checksum {content_of(limits)})")


def kept_after(file: dict, standing: dict, override: dict, until_ns: int, about: dict, kept: list[dict]) -> list[dict]:
    """What is kept of one scope: limits stricter than limits.toml says, which is `file`. `about`: by, reason, at_ns.

    A limit may have two entries: what lasts, and a stricter override with the logic time of its end. An entry that
    says what it said keeps its author.
    """
    found = []
    for key, configured in file.items():
        if is_looser(key, configured, standing[key]):
            found.append({"key": key, "value": standing[key], "until_ns": 0})
        if key in override and is_looser(key, strictest(key, configured, standing[key]), override[key]):
            found.append({"key": key, "value": override[key], "until_ns": until_ns})
    earlier = [{name: entry[name] for name in ("key", "value", "until_ns")} for entry in kept]
    return [kept[earlier.index(entry)] if entry in earlier else {**entry, **about} for entry in found]


def start_limits(config, folder: Path, now_ns: int) -> StartLimits:
    """Rows for a new fabric: of each limit the stricter of limits.toml and what was kept. Notes the new version.

    `now_ns`: logic time at which the fabric begins. Raises LimitsFileRefused, ConfigError. Caller: the fabric step.
    """
    content, path = load_limits_file(folder), file_of("limits.toml")
    check_revision(config.limits, content, path)
    rows, said = limit_rows(config), []
    standing = np.zeros(STANDING_ROWS, LIMITS)
    version = content["version"] + 1
    rows["version"] = version
    scopes, slots = limit_scopes(config), 0
    content["kept"] = {
        label: _still_kept(scopes[label], entries, now_ns) if label in scopes else entries
        for label, entries in content["kept"].items()
    }
    for label, entries in content["kept"].items():
        if label not in scopes or not entries:
            continue
        scope = scopes[label]
        lasting = [entry for entry in entries if entry["until_ns"] == 0]
        row = _stricter_row(scope, lasting, rows[scope.row])
        timed = [entry["until_ns"] for entry in entries if entry["until_ns"] > 0]
        if timed and slots < STANDING_ROWS:
            row["version"] = version + 1
            standing[slots] = row[0]
            standing[slots]["standing_row"] = scope.row
            row = _stricter_row(scope, entries, rows[scope.row])
            row["expires_ns"], row["standing_row"] = max(timed), slots
            row["version"] = version
            slots += 1
        rows[scope.row] = row[0]
        said += [f"{label} {held['key']} {held['value']}, by {held['by']}: {held['reason']}" for held in entries]
    content |= {
        "version": version + 1,
        "file": {},
        "revision": config.limits.revision,
        "content": content_of(config.limits),
    }
    store_limits_file(folder, content)
    return StartLimits(rows, standing, said)


def _still_kept(scope, entries: list[dict], now_ns: int) -> list[dict]:
    """Entries whose time is not over, of limits that the file does not make as strict by itself."""
    file = configured_values(scope)
    return [
        entry
        for entry in entries
        if entry["key"] in file
        and not 0 < entry["until_ns"] <= now_ns
        and is_looser(entry["key"], file[entry["key"]], entry["value"])
    ]


def _stricter_row(scope, entries: list[dict], before: np.void) -> np.ndarray:
    """The configured row with each entry's value where that is the stricter one."""
    values = configured_values(scope)
    for entry in entries:
        values[entry["key"]] = strictest(entry["key"], entry["value"], values[entry["key"]])
    held = msgspec.convert({**msgspec.to_builtins(scope.held), **values}, TYPES[scope.kind])
    return record_of(held, before)

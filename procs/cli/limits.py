"""`quintet limits`: the limits in force, what is used of them, who owns and changed them; and changing them.

A change is validated by the rules of limits.toml, bounded by its caps, noted durably before it takes effect, and taken
over by risk_gate at its next look. In profile prod whatever allows more than before is a request first, which another
person confirms. How long a change lasts: procs/runtime/limits_file.py.
"""

import json
import re
import time
from pathlib import Path

import msgspec

from config.check import check as check_config
from config.errors import ConfigError
from config.limits import Limits as LimitsToml
from config.load import file_of, read_file
from procs.cli.effective import effective_config
from procs.cli.limits_change import Limits, history, loosens, note_of, said_change
from procs.cli.limits_request import ACT, request_id, take_request
from procs.cli.limits_view import checks_shown, checks_text, history_text, shown, shown_text
from procs.cli.second_person import SecondPersonMissing, ask, needs_second_person, person
from procs.cli.snapshot import Snapshot
from procs.runtime.limit_values import NOT_WHILE_RUNNING, configured_values, limit_scopes, refuse_strange, scope_of
from procs.runtime.limits_file import check_revision, content_of, load_limits_file
from procs.runtime.paths import state_folder
from shm.records.limits import LIMITS
from shm.records.segment_header import SEGMENT_KIND_LATEST
from shm.roster import read_roster, roster_lock
from shm.segment import attach_segment

HERE = "(command line)"
UNITS_NS = {"s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000}
LASTING_MAX_NS = 24 * UNITS_NS["h"]


def run(arguments) -> int:
    """Print or change; exit 0, also when a change waits for a second person. A refusal is an error of the caller."""
    _refuse_mixed(arguments)
    if arguments.checks:
        print(json.dumps({"checks": checks_shown()}) if arguments.json else checks_text())
        return 0
    if arguments.history:
        entries = history(state_folder(arguments.name))
        if arguments.scope:
            refuse_strange(arguments.scope)  # it need not be one of today's
            entries = [entry for entry in entries if entry.get("scope") == arguments.scope]
        print(json.dumps({"history": entries}) if arguments.json else history_text(entries))
        return 0
    snapshot = Snapshot(arguments.name)
    try:
        if arguments.changes or arguments.reload is not None or arguments.confirm:
            return _change(arguments, snapshot)
        told = shown(snapshot, arguments.scope)
        print(json.dumps(told) if arguments.json else shown_text(told))
    finally:
        snapshot.close()
    return 0


def _refuse_mixed(arguments) -> None:
    """One act at a time, with what it needs."""
    acts = {
        "KEY=VALUE": bool(arguments.changes),
        "--reload": arguments.reload is not None,
        "--confirm": bool(arguments.confirm),
        "--checks": arguments.checks,
        "--history": arguments.history,
    }
    chosen = [name for name, given in acts.items() if given]
    if len(chosen) > 1:
        raise ConfigError(HERE, " ".join(chosen), "one of them", "several")
    if arguments.lasting and chosen != ["KEY=VALUE"]:
        raise ConfigError(HERE, "--for", "KEY=VALUE beside it", "none")
    if (arguments.changes or arguments.reload is not None) and not arguments.reason:
        raise ConfigError(HERE, "--reason", "why, for the record", "nothing")
    if arguments.changes and not arguments.scope:
        raise ConfigError(HERE, "--scope", "firm, strategy:NAME or instrument:SYMBOL", "nothing")


# --- changing ------------------------------------------------------------------------------------------------------


def _change(arguments, snapshot: Snapshot) -> int:
    """Plan under the lock, then write, or leave a request for a second person."""
    roster = read_roster(arguments.name)
    config = effective_config(roster)
    folder = state_folder(config.name)
    segments = [
        attach_segment(config.name, roster.epoch, name, SEGMENT_KIND_LATEST, LIMITS, writable=True)
        for name in ("limits", "standing")
    ]
    try:
        with roster_lock(config.name):
            limits = Limits(config, *segments, folder)
            now_ns = snapshot.logic_ns() or time.time_ns()
            if arguments.confirm:
                done = _confirm(arguments.confirm, limits, roster.epoch, now_ns)
            else:
                done = _ask_or_apply(arguments, limits, roster.epoch, now_ns)
    finally:
        for segment in segments:
            segment.close()
    if arguments.json:
        print(json.dumps(done))
    elif done["request"]:
        request = done["request"]
        print(f"nothing changed yet: request {request['id']} waits for a second person, until {request['until']}")
        print("\n".join(f"  {line}" for line in request["loosens"]))
        named = "" if config.name == "quintet" else f" --name {config.name}"
        print(f"another user confirms it: quintet limits --confirm {request['id']}{named}")
    else:
        print("\n".join(said_change(line) for line in done["changes"]) or "nothing changed: these limits are in force")
    return 0


def _ask_or_apply(arguments, limits: Limits, epoch: int, now_ns: int) -> dict:
    """Apply what only tightens; in production ask a second person for the rest."""
    if arguments.reload is not None:
        content = _reloaded(arguments.reload, limits)
    else:
        scope = scope_of(limits.config, arguments.scope)
        wanted = _assignments(arguments.changes)
        content = {"wanted": {scope.label: wanted}, "lasting_ns": _lasting_ns(arguments.lasting), "revision": None}
    planned = _planned(limits, content, now_ns)
    loose = loosens(planned)
    if loose and needs_second_person(limits.config):
        content |= {"epoch": epoch, "version": load_limits_file(limits.folder)["version"]}
        request = ask(limits.folder, ACT, content, arguments.reason)
        lines = [f"{change.scope} {change.key}  {change.before} -> {change.after}" for change in loose]
        until = time.strftime("%H:%M:%SZ", time.gmtime(request.until_ns // 1_000_000_000))
        return {"changes": [], "request": {"id": request_id(request), "until": until, "loosens": lines}}
    return _applied(limits, planned, content, note_of(person(), arguments.reason), now_ns)


def _confirm(wanted_id: str, limits: Limits, epoch: int, now_ns: int) -> dict:
    """Do what was asked for, if the limits are still those that the asker saw."""
    request, who = take_request(limits.folder, wanted_id), person()
    content = request.what
    if content["epoch"] != epoch or content["version"] != load_limits_file(limits.folder)["version"]:
        raise SecondPersonMissing(
            where=f"--confirm {wanted_id}",
            expected="the limits as they were when it was asked for",
            found="others: something changed them since",
            do="look at `quintet limits` and ask again",
        )
    note = note_of(request.by, request.reason, who)
    return _applied(limits, _planned(limits, content, now_ns), content, note, now_ns)


def _planned(limits: Limits, content: dict, now_ns: int) -> list:
    expires_ns = now_ns + content["lasting_ns"] if content["lasting_ns"] else 0
    where = content.get("file", HERE)
    return [
        (scope, *limits.plan(scope, wanted, expires_ns, now_ns, where))
        for scope, wanted in ((scope_of(limits.config, label), held) for label, held in content["wanted"].items())
    ]


def _applied(limits: Limits, planned: list, content: dict, note: dict, now_ns: int) -> dict:
    file = {}
    if content["revision"] is not None:
        file = {"revision": content["revision"], "content": content["content"], "file": content["wanted"]}
    return {"changes": limits.apply(planned, note, now_ns, file), "request": None}


def _reloaded(path: str, limits: Limits) -> dict:
    """What a changed limits.toml wants of every scope. Raises ConfigError; the limits in force stay."""
    file = Path(path) if path else file_of("limits.toml")
    if not file.exists():
        raise ConfigError(file, "(file)", "a readable TOML file", "nothing there")
    read, running = read_file(file, LimitsToml), limits.config.limits
    configured = tuple(held for held in limits.config.instruments if held.configured)
    config = msgspec.structs.replace(limits.config, limits=read, instruments=configured)
    check_config(config, lambda part: file if part == "limits.toml" else file_of(part))
    check_revision(read, load_limits_file(limits.folder), file)
    for key in ("fx_ppm", "caps"):
        if getattr(read, key) != getattr(running, key):
            expected = "what the fabric was started with: it is read once, at the start"
            raise ConfigError(file, key.removesuffix("s"), expected, "something else")
    wanted, scopes = {}, limit_scopes(msgspec.structs.replace(limits.config, limits=read))
    for label, scope in limit_scopes(limits.config).items():
        for key in NOT_WHILE_RUNNING:
            if getattr(scope.held, key, None) != getattr(scopes[label].held, key, None):
                expected = f"{getattr(scope.held, key)}: it is read once, at the start"
                found = str(getattr(scopes[label].held, key))
                raise ConfigError(file, f"{label.replace(':', '.', 1)}.{key}", expected, found)
        wanted[label] = configured_values(scopes[label])
    about = {"revision": read.revision, "content": content_of(read), "file": str(file)}
    return {"wanted": wanted, "lasting_ns": 0, **about}


# --- words ---------------------------------------------------------------------------------------------------------


def _assignments(words: list[str]) -> dict:
    """{key: value} of KEY=VALUE words: whole numbers, "none", or words with commas between them."""
    found = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key or not text:
            raise ConfigError(HERE, "KEY=VALUE", "a limit's name, = and its value", repr(word))
        if key in found:
            raise ConfigError(HERE, key, "one value", "two")
        found[key] = _value(key, text)
    return found


def _value(key: str, text: str):
    if key == "permitted":
        return [] if text == "none" else text.split(",")
    if re.fullmatch(r"[+-]?[0-9](_?[0-9])*", text) and len(text) <= 40:
        return int(text)
    return text


def _lasting_ns(text: str | None) -> int:
    """Nanoseconds of 30s, 10m, 2h; 0 for a change that stays."""
    if text is None:
        return 0
    parts = re.fullmatch(r"([0-9]{1,6})([smh])", text)
    lasting_ns = int(parts[1]) * UNITS_NS[parts[2]] if parts else 0
    if not 0 < lasting_ns <= LASTING_MAX_NS:
        raise ConfigError(HERE, "--for", "a time as 30s, 10m or 2h, at most 24h", repr(text))
    return lasting_ns

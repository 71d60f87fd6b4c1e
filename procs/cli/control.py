"""`quintet halt | cancel-all | reduce | resume`: the operator's word, with or without a living fabric.

A halt needs no free slot and no living process but order_sender: it is one word in shared memory, and a file that
survives every restart. `cancel-all` puts the scope under CANCEL_ONLY: risk_gate cancels its orders and nothing new
passes until `resume`. `reduce` puts it under REDUCING: what lowers exposure passes, and `flatten` works.

What makes a scope stricter is one person's act. What lets it trade again (`resume`, and `reduce` of what was stopped)
asks in production for a second person: one asks for it, another one confirms with `--confirm`.
"""

import json
import os
import pwd
import sys

import msgspec

from config.load import Config, load
from procs.cli.effective import effective_config
from procs.cli.failed_journals import refuse_failed_journals
from procs.cli.second_person import approve, needs_second_person, pending, told
from procs.runtime.control_names import CONTROL_WORD, control_writers, scope_names
from procs.runtime.kill import halt_file
from procs.runtime.paths import runtime_folder, state_folder
from procs.runtime.settled import CONFIGURATION, epochs_of
from shm.codes import STATE_ACTIVE, STATE_CANCEL_ONLY, STATE_HALTED, STATE_NAMES, STATE_REDUCING
from shm.control_words import STATES, ControlWords, latch_load, operator_resume, operator_stop
from shm.errors import Fatal, NoSuchFabric
from shm.records.segment_header import SEGMENT_KIND_CONTROL
from shm.roster import list_fabrics, read_roster
from shm.segment import attach_segment

VERBS = {"halt": STATE_HALTED, "cancel-all": STATE_CANCEL_ONLY, "reduce": STATE_REDUCING, "resume": STATE_ACTIVE}


class HaltFileThere(Fatal):
    """Nothing is armed while a file asks for a halt."""


def run(arguments) -> int:
    """Store the word, latch it, say what is in force. Without a fabric only the latch changes."""
    try:
        roster = read_roster(arguments.name)
    except NoSuchFabric:
        roster = None
    words = segment = None
    if roster is not None:
        config = effective_config(roster)
        segment = attach_segment(
            config.name, roster.epoch, "control", SEGMENT_KIND_CONTROL, CONTROL_WORD, writable=True
        )
        words = ControlWords(segment.bytes, control_writers(config), scope_names(config))
    else:
        config = load(arguments.name)
        scope_names(config).index(arguments.scope)  # refuses a scope that names nothing
    folder, by, wanted = state_folder(arguments.name), user(), VERBS[arguments.command]
    stops = wanted > STATE_REDUCING
    if stops or (wanted == STATE_REDUCING and _in_force(words, folder, arguments.scope) <= wanted):
        operator_stop(words, folder, arguments.scope, wanted, arguments.reason, by)
    else:
        if roster is not None and arguments.scope == "firm":
            refuse_failed_journals(config, roster.epoch)
        if not _may_rearm(arguments, config, folder):
            return 1
        operator_resume(words, folder, arguments.scope, arguments.reason, by, wanted)
    state = _state(words, arguments)
    if arguments.json:
        print(json.dumps({"scope": arguments.scope, "state": state, "fabric": roster is not None}))
    else:
        print(f"{arguments.scope} {state}")
    _say_what_else(words, arguments)
    return 0


def user() -> str:
    """Who acts, for the record; a number where the user has no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _may_rearm(arguments, config: Config, folder) -> bool:
    """Whether a scope may trade more than now. False: it was only asked for, and a second person must confirm."""
    path = halt_file(folder, runtime_folder(arguments.name))
    if path is not None:
        do = "remove it when what it stands for is over"
        raise HaltFileThere(where=str(path), expected="no file that asks for a halt", found="one", do=do)
    if not _is_production(config, folder):
        return True
    act, what = arguments.command, {"scope": arguments.scope}
    if approve(folder, act, what, arguments.reason, arguments.confirm) is not None:
        return True
    asked = next(held for held in pending(folder) if (held.act, held.what) == (act, what))
    named = "" if arguments.name == "quintet" else f" --name {arguments.name}"
    print(told(asked, f"{act}{named} --scope {arguments.scope}"), file=sys.stderr)
    return False


def _is_production(config: Config, folder) -> bool:
    """Whether this fabric, or without one the last that ran here, asks for two persons. Unreadable: it does."""
    if needs_second_person(config):
        return True
    epochs = sorted(epochs_of(folder))
    if not epochs:
        return False
    try:
        held = (folder / "journal" / str(epochs[-1]) / CONFIGURATION).read_bytes()
        return msgspec.json.decode(held)["profile"] == "prod"
    except FileNotFoundError:
        return False
    except (msgspec.MsgspecError, KeyError, TypeError):
        return True


def _in_force(words: ControlWords | None, folder, scope: str) -> int:
    """STATE_* of a scope now: of the words, or of the latch when nothing is up."""
    if words is not None:
        return words.effective(words.scopes.index(scope))
    entry = latch_load(folder).get(scope)
    return STATES[entry["state"]] if entry else STATE_ACTIVE


def _say_what_else(words: ControlWords | None, arguments) -> None:
    if words is None:
        others = f" (there are: {', '.join(list_fabrics())})" if list_fabrics() else ""
        kept = "nothing is latched any more" if arguments.command == "resume" else "latched for its next start"
        print(f"no fabric {arguments.name!r} is up{others}: {kept}", file=sys.stderr)
    elif arguments.command in ("resume", "reduce") and (held := _held_by(words, arguments.scope)):
        print(f"still in force: {held}", file=sys.stderr)


def _held_by(words: ControlWords, scope: str) -> str:
    """What else still stands in the way of a scope that was resumed; "" when nothing does."""
    said = []
    for row in words.matrix():
        if row["scope"] == scope and row["held_by"] == ["operator"]:
            continue  # what was just asked for
        if row["state"] != "ACTIVE" and (scope == "firm" or row["scope"] == "firm"):
            said.append(f"{row['scope']} {row['state']} by {', '.join(row['held_by'])}")
    return ", ".join(said)


def _state(words: ControlWords | None, arguments) -> str:
    """The state in force in the scope, or what was latched when nothing is up."""
    if words is not None:
        return STATE_NAMES[words.effective(words.scopes.index(arguments.scope))]
    return "resumed" if arguments.command == "resume" else STATE_NAMES[VERBS[arguments.command]]

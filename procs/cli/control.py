"""`quintet halt | resume | cancel-all`: the operator's word, with or without a living fabric.

A halt needs no free slot and no living process but order_sender: it is one word in shared memory, and a file that
survives every restart. `cancel-all` puts the scope under CANCEL_ONLY: risk_gate cancels its orders and nothing new
passes until `resume`.
"""

import json
import os
import pwd
import sys

from config.load import load
from procs.cli.effective import effective_config
from procs.runtime.control_names import CONTROL_WORD, control_writers, scope_names
from procs.runtime.paths import state_folder
from shm.codes import STATE_CANCEL_ONLY, STATE_HALTED, STATE_NAMES
from shm.control_words import ControlWords, operator_resume, operator_stop
from shm.errors import NoSuchFabric
from shm.records.segment_header import SEGMENT_KIND_CONTROL
from shm.roster import list_fabrics, read_roster
from shm.segment import attach_segment

VERBS = {"halt": STATE_HALTED, "cancel-all": STATE_CANCEL_ONLY}


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
        scope_names(load(arguments.name)).index(arguments.scope)  # refuses a scope that names nothing
    folder, by = state_folder(arguments.name), user()
    if arguments.command == "resume":
        operator_resume(words, folder, arguments.scope, arguments.reason, by)
    else:
        operator_stop(words, folder, arguments.scope, VERBS[arguments.command], arguments.reason, by)
    state = _state(words, arguments)
    if arguments.json:
        print(json.dumps({"scope": arguments.scope, "state": state, "fabric": roster is not None}))
    else:
        print(f"{arguments.scope} {state}")
    if roster is None:
        others = f" (there are: {', '.join(list_fabrics())})" if list_fabrics() else ""
        kept = "nothing is latched any more" if arguments.command == "resume" else "latched for its next start"
        print(f"no fabric {arguments.name!r} is up{others}: {kept}", file=sys.stderr)
    elif arguments.command == "resume" and (held := _held_by(words, arguments.scope)):
        print(f"still in force: {held}", file=sys.stderr)
    return 0


def user() -> str:
    """Who acts, for the record; a number where the user has no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _held_by(words: ControlWords, scope: str) -> str:
    """What else still stands in the way of a scope that was resumed; "" when nothing does."""
    said = []
    for row in words.matrix():
        if row["state"] != "ACTIVE" and (scope == "firm" or row["scope"] == "firm"):
            said.append(f"{row['scope']} {row['state']} by {', '.join(row['held_by'])}")
    return ", ".join(said)


def _state(words: ControlWords | None, arguments) -> str:
    """The state in force in the scope, or what was latched when nothing is up."""
    if words is not None:
        return STATE_NAMES[words.effective(words.scopes.index(arguments.scope))]
    return "resumed" if arguments.command == "resume" else STATE_NAMES[VERBS[arguments.command]]

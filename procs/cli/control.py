"""`quintet halt | resume | cancel-all`: the operator's word, with or without a living fabric.

A halt needs no free slot and no living process but order_sender: it is one word in shared memory, and a file that
survives every restart. `cancel-all` puts the scope under CANCEL_ONLY: risk_gate cancels its orders and nothing new
passes until `resume`.
"""

import getpass
import json
import sys

from config.load import load
from procs.runtime.control_names import control_writers, scope_names
from procs.runtime.fabric import CONTROL_WORD
from procs.runtime.paths import state_folder
from shm.codes import STATE_CANCEL_ONLY, STATE_HALTED, STATE_NAMES
from shm.control_words import ControlWords, operator_resume, operator_stop
from shm.errors import NoSuchFabric
from shm.records.segment_header import SEGMENT_KIND_CONTROL
from shm.roster import read_roster
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
        from config.load import decode

        config = decode(roster.blob)
        segment = attach_segment(
            config.name, roster.epoch, "control", SEGMENT_KIND_CONTROL, CONTROL_WORD, writable=True
        )
        words = ControlWords(segment.bytes, control_writers(config), scope_names(config))
    else:
        scope_names(load(arguments.name)).index(arguments.scope)  # refuses a scope that names nothing
    folder, by = state_folder(arguments.name), getpass.getuser()
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
            print(f"no fabric {arguments.name!r} is up: latched for its next start", file=sys.stderr)
    return 0


def _state(words: ControlWords | None, arguments) -> str:
    """The state in force in the scope, or what was latched when nothing is up."""
    if words is not None:
        return STATE_NAMES[words.effective(words.scopes.index(arguments.scope))]
    return "resumed" if arguments.command == "resume" else STATE_NAMES[VERBS[arguments.command]]

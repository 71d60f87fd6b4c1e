"""Death: notes on the INSTANCE pages how a process of a fabric ended, as a supervisor would. No numba.

`python -m procs.runtime.death --fabric NAME --instance NAME` is the `ExecStopPost=` of `quintet@NAME.service`; systemd
says in SERVICE_RESULT, EXIT_CODE and EXIT_STATUS how the process ended. A stop that was asked for is no death. A
process that failed for good (EXIT_FATAL) halts the firm here; for one that died too often the unit's `OnFailure=` does.
"""

import argparse
import os
import signal
import sys
from collections.abc import Mapping

from config.load import decode
from procs.runtime.attached import AttachedFabric
from procs.runtime.instance import instances_of
from shm.codes import STATE_HALTED
from shm.control_words import operator_stop
from shm.errors import EXIT_FATAL, NoSuchFabric, QuintetError
from shm.roster import read_roster


def exit_status(environment: Mapping[str, str]) -> int:
    """How the process ended, as waitpid's users write it: the exit code, or minus the signal's number."""
    found = environment.get("EXIT_STATUS", "0")
    if environment.get("EXIT_CODE", "exited") == "exited":
        return int(found)
    return -int(found) if found.isdecimal() else -int(signal.Signals[f"SIG{found}"])


def note_death(fabric: str, process: str, environment: Mapping[str, str]) -> str:
    """Count the death on the page of each instance of `process`. Returns a sentence, "" when there is none to tell."""
    if environment.get("SERVICE_RESULT", "success") == "success":
        return ""
    roster = read_roster(fabric)
    attached = AttachedFabric(decode(roster.blob), roster.epoch)
    status, result = exit_status(environment), environment["SERVICE_RESULT"]
    instances = instances_of(attached.config, process)
    for instance in instances:
        attached.page(instance.name).note_restart(status)
    if status != EXIT_FATAL:
        return f"{process} died ({result}, status {status})"
    reason = f"{process} failed for good (exit code {status}): see journalctl -u quintet@{process}"
    if instances[0].cold:
        return f"{reason}: it stays down, trading goes on without it"
    operator_stop(attached.control, attached.state_folder, "firm", STATE_HALTED, reason, "systemd")
    return f"{reason}: it stays down and the firm is HALTED"


def main(argv: list[str] | None = None) -> int:
    """Exit 0 when it was noted, or when there is no fabric left to note it in."""
    parser = argparse.ArgumentParser(description="Note how a process ended (started by systemd).")
    parser.add_argument("--fabric", required=True, help="name of the fabric")
    parser.add_argument("--instance", required=True, help="instance, or process word of fused ones")
    arguments = parser.parse_args(argv)
    try:
        said = note_death(arguments.fabric, arguments.instance, os.environ)
    except NoSuchFabric as error:
        said = f"{error}: nothing noted"
    except QuintetError as error:
        print(f"{arguments.instance}: {error}", file=sys.stderr)
        return error.exit_code
    if said:
        print(said, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

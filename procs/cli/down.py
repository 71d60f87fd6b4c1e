"""`quintet down`: the supervisor cancels, stops the roles, removes the shared memory; a dead one is swept up."""

import json
import os
import signal
import sys
import time
from contextlib import suppress

from shm.process import process_alive
from shm.roster import destroy, list_fabrics, living_owners, read_roster

DOWN_SECONDS = 30.0
ROLES_SECONDS = 5.0
POLL_SECONDS = 0.02
SYSTEMD = b'"run_by":"systemd"'  # in the roster's text, which another version may have written


def run(arguments) -> int:
    """Exit 0 when nothing of the fabric is left; 1 when something lives on, or there was none of that name."""
    roster = read_roster(arguments.name)
    if SYSTEMD in roster.blob:
        print(
            f"quintet down: systemd runs {arguments.name}: systemctl stop quintet.target quintet-fabric.service",
            file=sys.stderr,
        )
        return 1
    swept = not roster.creator_alive
    if swept:
        sweep(arguments.name)
    elif not ask_supervisor(roster):
        print(f"quintet down: supervisor {roster.creator_pid} is still busy; ask again", file=sys.stderr)
        return 1
    if arguments.name in list_fabrics():
        destroy(arguments.name)
    if arguments.json:
        print(json.dumps({"name": arguments.name, "state": "down", "supervisor_was_dead": swept}))
    else:
        print(f"{arguments.name} is down")
    return 0


def ask_supervisor(roster) -> bool:
    """Let the supervisor cancel and take everything down. Returns whether it left in time."""
    with suppress(ProcessLookupError):
        os.kill(roster.creator_pid, signal.SIGTERM)
    return _wait(lambda: not process_alive(roster.creator_pid, roster.creator_start_ns), DOWN_SECONDS)


def sweep(name: str) -> None:
    """End what outlived a dead supervisor: nobody was there to cancel, which the operator must know."""
    print(f"quintet down: the supervisor of {name} was dead: its orders were not cancelled by it,", file=sys.stderr)
    print("quintet down: ask the venue what is still open there", file=sys.stderr)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in set(living_owners(name).values()):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        if _wait(lambda: not living_owners(name), ROLES_SECONDS):
            return


def _wait(done, seconds: float) -> bool:
    """Poll until `done()` or time is up; returns the last answer."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True

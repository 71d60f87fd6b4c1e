"""`quintet down`: the supervisor cancels, stops the roles, removes the shared memory; a dead one is swept up."""

import json
import os
import signal
import sys
import time

from shm.process import process_alive
from shm.roster import destroy, list_fabrics, living_owners, read_roster

DOWN_SECONDS = 30.0


def run(arguments) -> int:
    """Exit 0 when nothing of the fabric is left; 1 when something lives on."""
    roster = read_roster(arguments.name)
    if roster.creator_alive:
        os.kill(roster.creator_pid, signal.SIGTERM)
        _wait(lambda: not process_alive(roster.creator_pid, roster.creator_start_ns))
        if process_alive(roster.creator_pid, roster.creator_start_ns):
            print(f"quintet down: supervisor {roster.creator_pid} is still busy", file=sys.stderr)
            return 1
    for pid in set(living_owners(arguments.name).values()):  # roles that outlived their supervisor
        os.kill(pid, signal.SIGKILL)
    _wait(lambda: not living_owners(arguments.name))
    if arguments.name in list_fabrics():
        destroy(arguments.name)
    if arguments.json:
        print(json.dumps({"name": arguments.name, "state": "down"}))
    else:
        print(f"{arguments.name} is down")
    return 0


def _wait(done) -> None:
    deadline = time.monotonic() + DOWN_SECONDS
    while not done() and time.monotonic() < deadline:
        time.sleep(0.02)

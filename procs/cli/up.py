"""`quintet up`: start a supervised fabric in the background and wait until it runs.

The supervisor is a process of its own (`python -m procs.cli.up`): it creates the fabric, starts the roles, starts a
dead one again, and takes everything down on SIGTERM.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time

from config.load import load
from procs.cli.session import NotReady, progress_line, stop_quoting, wait_ready
from procs.cli.snapshot import Snapshot
from procs.runtime.fabric import Fabric
from procs.runtime.paths import runtime_folder
from procs.runtime.supervisor import StartFailed, Supervisor
from shm.control_words import latch_automatic
from shm.errors import QuintetError

POLL_SECONDS = 0.02
LATCH_SECONDS = 0.5


def run(arguments) -> int:
    """Start the supervisor, show its progress, return when every instance runs. Exit 1 with its reason if it fails."""
    load(arguments.name, arguments.profile)  # a mistake is told here, before anything starts
    folder = runtime_folder(arguments.name)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "procs.cli.up", "--name", arguments.name, "--profile", arguments.profile]
    with open(folder / "supervisor.log", "wb") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    for line in child.stdout:
        row = json.loads(line)
        if "done" in row:
            progress_line(row)
        elif row["state"] == "failed":
            print(f"quintet up: {row['reason']}", file=sys.stderr)
            child.wait()
            return 1
        else:
            if arguments.json:
                print(json.dumps({"name": arguments.name, "supervisor": child.pid, **row}))
            else:
                print(f"{arguments.name} is up, supervisor {child.pid}; risk state {row['risk']}")
            return 0
    print(f"quintet up: the supervisor ended unexpectedly; see {folder / 'supervisor.log'}", file=sys.stderr)
    return 1


def supervise(name: str, profile: str) -> int:
    """Body of the supervisor process: tells its parent one JSON object a line, then runs until SIGTERM."""
    leave = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leave.append(True))
    try:
        config = load(name, profile)
        fabric = Fabric(config)
    except QuintetError as error:
        _tell(state="failed", reason=str(error))
        return 1
    supervisor = Supervisor(fabric)
    snapshot = None
    try:
        supervisor.prepare(lambda row: _tell(**row))
        supervisor.start()
        snapshot = Snapshot(name)
        wait_ready(fabric, supervisor, snapshot)
        if config.host.arming == "automatic":
            fabric.arm()
        _tell(state="up", risk=snapshot.control().matrix()[0]["state"])
        _detach_stdout()
        watch(fabric, supervisor, leave)
        stop_quoting(fabric, supervisor, snapshot)
    except (StartFailed, NotReady) as error:
        _tell(state="failed", reason=str(error))
        return 1
    finally:
        if snapshot is not None:
            snapshot.close()
        supervisor.stop()
        fabric.destroy()
    return 0


def watch(fabric: Fabric, supervisor: Supervisor, leave: list) -> None:
    """Restart the dead and latch automatic halts until asked to leave."""
    next_latch = 0.0
    while not leave:
        for event in supervisor.poll():
            print(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {event}", file=sys.stderr, flush=True)
        if time.monotonic() >= next_latch:
            next_latch = time.monotonic() + LATCH_SECONDS
            for scope in latch_automatic(fabric.control, fabric.state_folder):
                print(f"latched an automatic halt of {scope}", file=sys.stderr, flush=True)
        time.sleep(POLL_SECONDS)


def _tell(**row) -> None:
    print(json.dumps(row), flush=True)


def _detach_stdout() -> None:
    """The parent goes away after this: nobody reads our stdout any more."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


if __name__ == "__main__":
    words = argparse.ArgumentParser()
    words.add_argument("--name", required=True)
    words.add_argument("--profile", required=True)
    given = words.parse_args()
    sys.exit(supervise(given.name, given.profile))

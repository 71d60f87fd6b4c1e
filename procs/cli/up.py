"""`quintet up`: start a supervised fabric in the background and wait until it runs.

The supervisor is a process of its own (`python -m procs.cli.up`): it creates the fabric, starts the roles, starts a
dead one again, and takes everything down on SIGTERM.
"""

import argparse
import json
import os
import subprocess
import sys
import time

from config.errors import ConfigError
from config.load import load
from procs.cli.interrupt import Leave
from procs.cli.record_to import record_folder, with_record
from procs.cli.session import NotReady, progress_line, stop_quoting, wait_ready
from procs.cli.snapshot import Snapshot
from procs.cli.strategies import check_strategies
from procs.runtime.autogroup import yield_to_others
from procs.runtime.fabric import Fabric
from procs.runtime.kill import Kill
from procs.runtime.paths import runtime_folder
from procs.runtime.supervisor import StartFailed, Supervisor
from shm.control_words import LatchUnreadable, latch_automatic, latch_load
from shm.errors import QuintetError

POLL_SECONDS = 0.02
LATCH_SECONDS = 0.5


def run(arguments) -> int:
    """Start the supervisor, show its progress, return when every instance runs. Exit 1 with its reason if it fails."""
    check_strategies(load(arguments.name, arguments.profile))  # a mistake is told here, before anything starts
    folder = runtime_folder(arguments.name)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "supervisor.log"
    command = [sys.executable, "-m", "procs.cli.up", "--name", arguments.name, "--profile", arguments.profile]
    if arguments.record:
        command += ["--record", str(record_folder(arguments.record))]
    leave = Leave()
    with open(log, "ab") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=output, start_new_session=True
        )
    leave.then = child.terminate  # it ends its output, and so the loop below
    if leave:
        child.terminate()
    row = {}
    for line in child.stdout:
        row = json.loads(line)
        if "done" in row:
            progress_line(row)
        else:
            break
    if row.get("state") == "up":
        _tell_up(arguments, child.pid, row)
        return 0
    child.wait()
    reason = row.get("reason") or f"the supervisor ended unexpectedly; see {log}"
    print(f"quintet up: {'stopped before it was up' if leave else reason}", file=sys.stderr)
    return 1


def _tell_up(arguments, pid: int, row: dict) -> None:
    if arguments.json:
        print(json.dumps({"name": arguments.name, "supervisor": pid, **row}))
        return
    print(f"{arguments.name} is up: supervisor {pid}, firm {row['risk']}; logs in {runtime_folder(arguments.name)}")
    for text in row["held"]:
        print(f"held: {text}", file=sys.stderr)
    if row["risk"] != "ACTIVE":
        named = "" if arguments.name == "quintet" else f" --name {arguments.name}"
        print(f"nothing trades until `quintet resume{named} --reason ...`", file=sys.stderr)


def supervise(name: str, profile: str, record: str) -> int:
    """Body of the supervisor process: tells its parent one JSON object a line, then runs until SIGTERM."""
    leave = Leave()
    try:
        config = with_record(load(name, profile), record)
        fabric = Fabric(config)
    except (ConfigError, QuintetError, OSError) as error:
        _tell(state="failed", reason=str(error))
        return 1
    if config.host.core_sharing == "allow":
        yield_to_others()
    kill = Kill(fabric.state_folder, runtime_folder(name), "supervisor")
    kill.use(fabric.control)
    kill.on_signal()
    supervisor = Supervisor(fabric)
    leave.then = supervisor.abandon
    snapshot = None
    try:
        supervisor.prepare(lambda row: _tell(**row), leave)
        supervisor.start(leave=leave)
        snapshot = Snapshot(name)
        wait_ready(fabric, supervisor, snapshot, leave=leave)
        held = arm(fabric) + [f"limit {kept}" for kept in fabric.kept_limits]
        _log(f"{name} is up, profile {profile}, epoch {fabric.epoch}")
        _tell(state="up", risk=snapshot.control().matrix()[0]["state"], held=held)
        _detach_stdout()
        watch(fabric, supervisor, leave, kill)
        _log("asked to leave: cancelling and stopping")
        left = stop_quoting(fabric, supervisor, snapshot)
        if left:
            _log(f"{left} orders were still open when the roles were stopped")
    except (StartFailed, NotReady, QuintetError) as error:
        _log(str(error))
        _tell(state="failed", reason=str(error))
        return 1
    finally:
        if snapshot is not None:
            snapshot.close()
        for process in supervisor.stop():
            _log(f"{process} did not stop and was killed")
        fabric.destroy()
    _log(f"{name} is down")
    return 0


def arm(fabric: Fabric) -> list[str]:
    """Leave the start state if the configuration says so. Returns what is latched, a sentence for each scope."""
    try:
        if fabric.config.host.arming == "automatic":
            fabric.arm()
        latched = latch_load(fabric.state_folder)
    except LatchUnreadable as error:
        return [str(error)]
    return [
        f"{scope} {entry['state']} since {_when(entry['at_ns'])} by {entry['by']}: {entry['reason']}"
        for scope, entry in latched.items()
    ]


def watch(fabric: Fabric, supervisor: Supervisor, leave: Leave, kill: Kill) -> None:
    """Restart the dead, halt when signal or file say so, latch automatic halts, until asked to leave."""
    next_latch = 0.0
    while not leave:
        for event in supervisor.poll():
            _log(event)
        if why := kill.look():
            _log(f"HALTED: {why}")
        if time.monotonic() >= next_latch:
            next_latch = time.monotonic() + LATCH_SECONDS
            try:
                for scope in latch_automatic(fabric.control, fabric.state_folder):
                    _log(f"latched an automatic halt of {scope}")
            except OSError as error:  # a full disk: the halt stands in memory, and the roles still need a supervisor
                _log(f"an automatic halt could not be latched: {error}")
        time.sleep(POLL_SECONDS)


def _when(utc_ns: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(utc_ns // 1_000_000_000))


def _log(text: str) -> None:
    print(f"{_when(time.time_ns())} {text}", file=sys.stderr, flush=True)


def _tell(**row) -> None:
    try:
        print(json.dumps(row), flush=True)
    except BrokenPipeError:  # whoever started us is gone: the fabric is not less up for that
        _detach_stdout()


def _detach_stdout() -> None:
    """The parent goes away after this: nobody reads our stdout any more."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


if __name__ == "__main__":
    words = argparse.ArgumentParser()
    words.add_argument("--name", required=True)
    words.add_argument("--profile", required=True)
    words.add_argument("--record", default="")
    given = words.parse_args()
    sys.exit(supervise(given.name, given.profile, given.record))

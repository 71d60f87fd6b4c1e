"""`quintet fabric create | watch | remove`: what `quintet up` does around the roles, in steps that systemd can order.

`create` makes the shared memory, sees that all code is compiled, calibrates the clock, and ends. `watch` runs beside
the roles: it latches automatic halts on disk, and when it is told to leave, which units order before any role, it
cancels and waits until no order is open. `remove` takes the shared memory away when every role has left.
"""

import contextlib
import json
import sys
import time

from msgspec import structs

from config.load import load
from procs.cli.effective import effective_config
from procs.cli.interrupt import Leave
from procs.cli.session import progress_line, stop_quoting
from procs.cli.snapshot import Snapshot
from procs.cli.strategies import check_strategies
from procs.runtime.attached import AttachedFabric
from procs.runtime.fabric import Fabric
from procs.runtime.kill import Kill
from procs.runtime.notify import Notifier
from procs.runtime.paths import runtime_folder
from procs.runtime.settled import settle
from procs.runtime.supervisor import StartFailed, Supervisor
from shm.control_words import LatchUnreadable, latch_automatic
from shm.errors import QuintetError
from shm.roster import destroy, list_fabrics, read_roster

WATCH_SECONDS = 0.5


def run(arguments) -> int:
    """Exit 0 when it was done; 1 with a sentence when not."""
    return {"create": create, "watch": watch, "remove": remove}[arguments.what](arguments)


def create(arguments) -> int:
    """Everything that must be there before the first role starts. Leaves nothing behind when it fails."""
    from procs.runtime.affinity import HostRefused  # late: who only watches or removes need not pay for them
    from procs.runtime.preconditions import refuse_open_cache

    config = load(arguments.name, arguments.profile)
    check_strategies(config)
    config = structs.replace(config, run=structs.replace(config.run, run_by="systemd"))
    leave = Leave()
    try:
        refuse_open_cache(config)
        fabric = Fabric(config)
    except HostRefused as error:
        print(f"quintet fabric: {error}", file=sys.stderr)
        return 1
    supervisor = Supervisor(fabric)
    leave.then = supervisor.abandon
    try:
        supervisor.prepare(progress_line, leave)
    except BaseException as error:
        fabric.destroy()
        if not isinstance(error, StartFailed):
            raise
        print(f"quintet fabric: {'asked to leave while preparing' if leave else error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps({"name": config.name, "epoch": fabric.epoch, "bytes": fabric.bytes, "state": "HALTED"}))
        return 0
    held = f" and {', '.join(fabric.latched)} as latched" if fabric.latched else ""
    print(f"{config.name} is created: epoch {fabric.epoch}, {fabric.bytes} bytes; the firm is HALTED{held}")
    for kept in fabric.kept_limits:
        print(f"held: limit {kept}", file=sys.stderr)
    return 0


class Watched(AttachedFabric):
    """A fabric with the face that `stop_quoting` asks of a supervisor: systemd starts the dead again, we need not."""

    def poll(self) -> list[str]:
        """Nothing to reap."""
        return []


def watch(arguments) -> int:
    """Latch automatic halts until told to leave; then cancel and wait until no order is open."""
    leave, notifier = Leave(), Notifier()
    roster = read_roster(arguments.name)
    watched, snapshot = Watched(effective_config(roster), roster.epoch), Snapshot(arguments.name)
    kill = Kill(watched.state_folder, runtime_folder(arguments.name), "watch")
    kill.use(watched.control)
    kill.on_signal()
    turns = 0
    while not leave:
        if why := kill.look():
            print(f"HALTED: {why}", file=sys.stderr, flush=True)
        try:
            for scope in latch_automatic(watched.control, watched.state_folder):
                print(f"latched an automatic halt of {scope}", file=sys.stderr, flush=True)
            notifier.status(f"firm {watched.control.matrix()[0]['state']}")
        except OSError as error:  # a full disk: the halt stands in memory, and is latched when there is room
            notifier.status(f"an automatic halt could not be latched: {error}")
        except LatchUnreadable as error:  # everything is HALTED by it already; a person must look
            notifier.status(str(error))
        notifier.beat(time.monotonic_ns(), [turns])
        turns += 1
        if turns > 1:  # the second turn says READY
            time.sleep(WATCH_SECONDS)
    notifier.stopping()
    left = stop_quoting(watched, watched, snapshot)
    snapshot.close()
    if left:
        print(f"{left} orders were still open when time was up: ask the venue", file=sys.stderr)
    return 1 if left else 0


def say_settled(name: str) -> None:
    """Leave the word beside the journals that nothing is open, if the roles' pages say so."""
    roster = read_roster(name)
    attached = AttachedFabric(effective_config(roster), roster.epoch)
    pages = [(held.name, attached.page(held.name).segment) for held in attached.config.topology.instances]
    settle(attached.state_folder / "journal" / str(roster.epoch), attached.config, pages)


def remove(arguments) -> int:
    """Remove the shared memory. Refuses while a role lives in it. Nothing there is well: it is what was asked for."""
    removed = 0
    if arguments.name in list_fabrics():
        with contextlib.suppress(QuintetError):  # an object is missing: then nothing can be said of how it ended
            say_settled(arguments.name)
        removed = destroy(arguments.name)
    if arguments.json:
        print(json.dumps({"name": arguments.name, "removed": removed}))
    elif removed:
        print(f"{arguments.name}: {removed} objects removed")
    return 0

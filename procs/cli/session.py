"""Session: start a fabric, wait until it may trade, wind it down. Shared by `demo` and `up`. No numba."""

import sys
import time
from collections.abc import Callable

from procs.cli.snapshot import Snapshot
from procs.runtime.fabric import Fabric
from procs.runtime.supervisor import Supervisor
from shm.codes import STATE_CANCEL_ONLY
from shm.records.control_end import CONTROL_OPERATOR

READY_SECONDS = 30.0
FLAT_SECONDS = 10.0
DRAIN_SECONDS = 5.0
POLL_SECONDS = 0.02


class NotReady(Exception):
    """The machine started but may not trade; the message names what is missing."""


def progress_line(row: dict) -> None:
    """Progress of the preparation on stderr: one line that is written over on a terminal, one a step elsewhere."""
    if row["done"] == row["of"]:
        text = f"prepared in {row['seconds']:.1f} s ({row['compiled']} functions compiled)"
    else:
        text = f"compiling, once for each version of the sources: {row['done']} of {row['of']} parts ready"
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="\n" if row["done"] == row["of"] else "", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)


def wait_ready(
    fabric: Fabric, supervisor: Supervisor, snapshot: Snapshot, seconds: float = READY_SECONDS, leave: object = None
) -> None:
    """Wait for what arming asks for: every instance running, feed contiguous, sessions logged in, positions agreed on.

    Raises NotReady when for `seconds` nothing of it comes nearer, or once `leave` is true.
    """
    last, least, deadline = None, 0, 0.0
    while True:
        for event in supervisor.poll():
            print(event, file=sys.stderr, flush=True)
        if leave:
            raise NotReady("asked to leave before everything was ready")
        missing = []
        if not supervisor.all_running():
            late = [row["instance"] for row in snapshot.instances() if row["state"] != "running"]
            missing.append(f"a running loop in {', '.join(late) or 'an instance'}")
        if any(row["state"] != "fresh" for row in snapshot.feed()):
            missing.append("a contiguous market-data channel")
        if snapshot.counters().get("sender_sessions", 0) < len(fabric.config.topology.of_role("order_sender")):
            missing.append("a venue session that is logged in")
        unread = unread_reports(snapshot, "risk_gate", "position_keeper")
        if unread:
            missing.append("the end of what the venue replays")
        if snapshot.counters().get("gate_breaks", 0):
            missing.append("positions of which risk_gate and position_keeper say the same")
        if not missing:
            return
        if missing != last or unread < least:  # a busy host is slow, not stuck
            last, least, deadline = missing, unread, time.monotonic() + seconds
        if time.monotonic() > deadline:
            raise NotReady(
                f"for {seconds:.0f} s no step nearer, missing: {', '.join(missing)}; logs in {supervisor.log_folder}"
            )
        time.sleep(POLL_SECONDS)


def stop_quoting(fabric: Fabric, supervisor: Supervisor, snapshot: Snapshot) -> int:
    """Put the firm under CANCEL_ONLY and wait until no order is open. Returns how many still are when time is up.

    Not latched: it ends with this life of the fabric. A stricter state stays.
    """
    fabric.control.operator_set(0, max(STATE_CANCEL_ONLY, fabric.control.in_force(CONTROL_OPERATOR, 0)))
    return settle(supervisor, lambda: open_orders(snapshot), FLAT_SECONDS)


def open_orders(snapshot: Snapshot) -> int:
    """Orders open at risk_gate or at order_sender, unanswered ones included."""
    counters = snapshot.counters()
    return max(counters.get("sender_open_orders", 0), counters.get("gate_open_orders", 0))


def drain(supervisor: Supervisor, snapshot: Snapshot) -> int:
    """Wait until position_keeper has applied every report. Returns how many are missing when time is up."""
    return settle(supervisor, lambda: unread_reports(snapshot, "position_keeper"), DRAIN_SECONDS)


def unread_reports(snapshot: Snapshot, *roles: str) -> int:
    """Reports that order_sender has and readers of these roles have not applied; a reader left behind counts as one.

    Asks the rings, not the counters: a process that is killed between a report and its counter miscounts for ever.
    """
    readers = {instance.name for role in roles for instance in snapshot.config.topology.of_role(role)}
    rows = [ring for ring in snapshot.rings() if ring["ring"].startswith("reports.")]
    return sum(max(row["depth"], int(row["behind"])) for row in rows if row["ring"].rpartition(".")[2] in readers)


def settle(supervisor: Supervisor, measure: Callable[[], int], seconds: float) -> int:
    """Poll until `measure` is zero twice in a row or time is up; returns the last value."""
    deadline = time.monotonic() + seconds
    quiet = 0
    while True:
        supervisor.poll()
        value = measure()
        quiet = quiet + 1 if value == 0 else 0
        if quiet == 2 or time.monotonic() > deadline:
            return value
        time.sleep(POLL_SECONDS)

"""`quintet status`: the machine at a glance, with any or every role dead."""

import json
import sys
import time

from procs.cli.snapshot import Snapshot
from procs.cli.text import count, duration, money, rate, table

WATCH_SECONDS = 1.0
CLEAR = "\x1b[H\x1b[2J"


def run(arguments) -> int:
    """Print one status, or one a second with --watch. Exit 0, or 1 when no fabric of that name exists."""
    snapshot = Snapshot(arguments.name)
    try:
        while True:
            taken = snapshot.take()
            text = json.dumps(taken) if arguments.json else render(taken)
            clear = CLEAR if arguments.watch and not arguments.json and sys.stdout.isatty() else ""
            print(clear + text, flush=True)
            if not arguments.watch:
                return 0
            time.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        return 0
    finally:
        snapshot.close()


def render(taken: dict) -> str:
    """The status as text."""
    parts = [_head(taken), _instances(taken), _rings(taken), _hops(taken), _positions(taken), _errors(taken)]
    return "\n\n".join(part for part in parts if part)


def _age(ns) -> str:
    return "-" if ns is None else duration(ns)


def _head(taken: dict) -> str:
    lines = [f"{taken['name']}  epoch {taken['epoch']}  profile {taken['profile']}"]
    lines[0] += f"  supervisor {taken['supervisor'] or 'dead'}"
    for row in taken["risk"]:
        if row["state"] == "ACTIVE" and row["scope"] != "firm":
            continue
        held = f"  held by {', '.join(row['held_by'])}" if row["held_by"] else ""
        lines.append(f"risk  {row['scope']}  {row['state']}{held}")
    for row in taken["feed"]:
        lines.append(
            f"feed  {row['state']}  {row['lines']} of 2 lines  {count(row['messages'])} messages  {row['gaps']} gaps  "
            f"{count(row['recovered'])} recovered  {count(row['missing'])} missing  stale {duration(row['stale_ns'])}"
        )
    return "\n".join(lines)


def _instances(taken: dict) -> str:
    header = ("instance", "state", "pid", "core", "wanted", "step", "heartbeat", "work", "idle", "longest", "restarts")
    rows = []
    for row in taken["instances"]:
        rows.append(
            (
                row["instance"],
                row["state"],
                row["pid"] or "-",
                row["core"] if row["alive"] else "-",
                row["core_wanted"],
                _age(row["step_age_ns"]),
                _age(row["heartbeat_age_ns"]),
                rate(row["work_per_s"]),
                f"{row['idle_share']:.0%}",
                duration(row["step_max_ns"]),
                row["restarts"],
            )
        )
    warnings = [f"{row['instance']}: {', '.join(row['warnings'])}" for row in taken["instances"] if row["warnings"]]
    return table(header, rows, left=2) + ("\nwarnings  " + "; ".join(warnings) if warnings else "")


def _rings(taken: dict) -> str:
    header = ("ring", "depth", "capacity", "high water", "rate", "refusals", "reader")
    return table(
        header,
        [
            (
                row["ring"],
                row["depth"],
                row["capacity"],
                row["high_water"],
                rate(row["per_s"]),
                row["refusals"],
                "behind" if row["behind"] else "ok",
            )
            for row in taken["rings"]
        ],
    )


def _hops(taken: dict) -> str:
    rows = [
        (label, count(seen["count"]), *(duration(seen[key]) for key in ("p50", "p99", "p99_9", "max")))
        for label, seen in taken["hops_ns"].items()
        if seen["count"]
    ]
    return table(("hop", "count", "p50", "p99", "p99.9", "max"), rows) if rows else ""


def _positions(taken: dict) -> str:
    rows = [
        (
            row["strategy"],
            row["instrument"],
            count(row["position_lots"]),
            count(row["fills"]),
            money(row["realised_micro"]),
            money(row["unrealised_micro"]),
            money(row["fees_micro"]),
            row["currency"],
        )
        for row in taken["positions"]
    ]
    header = ("strategy", "instrument", "position", "fills", "realised", "unrealised", "fees", "")
    return table(header, rows, left=2) if rows else ""


def _errors(taken: dict) -> str:
    rows = [(label, seen["count"], *seen["detail"]) for label, seen in taken["errors"].items()]
    return table(("error", "count", "detail", ""), rows) if rows else ""

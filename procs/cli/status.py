"""`quintet status`: the machine at a glance, with any or every role dead."""

import json
import os
import sys
import time

from procs.cli.interrupt import Leave
from procs.cli.positions import fifo
from procs.cli.snapshot import Snapshot
from procs.cli.text import age, clock, count, duration, money, rate, table
from shm.errors import NoSuchFabric, NotReady
from shm.roster import read_roster

WATCH_SECONDS, REST_SECONDS = 1.0, 0.05
HOME, CLEAR_LINE, CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


def run(arguments) -> int:
    """Print one status, or one a second with --watch. Exit 0, or 1 when no fabric of that name exists."""
    if arguments.watch:
        return watch(arguments)
    snapshot = Snapshot(arguments.name)
    try:
        taken = snapshot.take()
    finally:
        snapshot.close()
    print(json.dumps(taken) if arguments.json else render(taken))
    return 0


def watch(arguments) -> int:
    """A status each second until Ctrl-C. Goes on through `down` and `up`: each life of the fabric is attached anew.

    A flag, not KeyboardInterrupt: a shell that starts it in the background leaves SIGINT ignored.
    """
    leave = Leave()
    snapshot = Snapshot(arguments.name)
    try:
        while not leave:
            snapshot = _current(snapshot, arguments.name)
            if snapshot is None:
                text = json.dumps({"name": arguments.name, "state": "down"})
                show(text if arguments.json else f"{arguments.name} is down; waiting for `quintet up`", arguments.json)
            else:
                taken = snapshot.take()
                show(json.dumps(taken) if arguments.json else render(taken), arguments.json)
            _rest(leave)
    finally:
        if snapshot is not None:
            snapshot.close()
    return 0


def _rest(leave: Leave) -> None:
    """Until the next status is due, or somebody asks us to leave."""
    until = time.monotonic() + WATCH_SECONDS
    while not leave and time.monotonic() < until:
        time.sleep(REST_SECONDS)


def _current(snapshot: Snapshot | None, name: str) -> Snapshot | None:
    """A snapshot of the fabric's present life, the same one if it still is; None while there is none."""
    try:
        if snapshot is not None and read_roster(name).epoch == snapshot.view.epoch:
            return snapshot
        if snapshot is not None:
            snapshot.close()
        return Snapshot(name)
    except (NoSuchFabric, NotReady, FileNotFoundError):
        return None


def show(text: str, plain: bool) -> None:
    """Over the last one on a terminal, cut to what it can hold; below it elsewhere."""
    if plain or not sys.stdout.isatty():
        print(text, flush=True)
        return
    columns, rows = os.get_terminal_size(sys.stdout.fileno())
    lines = [line[:columns] for line in text.split("\n")]
    if len(lines) > rows:
        lines = [*lines[: rows - 1], f"... {len(lines) - rows + 1} more lines: enlarge the window"[:columns]]
    sys.stdout.write(HOME + "\n".join(line + CLEAR_LINE for line in lines) + CLEAR_BELOW)
    sys.stdout.flush()


def render(taken: dict) -> str:
    """The status as text, 100 columns at most."""
    parts = [
        _head(taken),
        _instances(taken),
        _positions(taken),
        _quoting(taken),
        _hops(taken),
        _rings(taken),
        _alarms(taken),
    ]
    return "\n\n".join(part for part in parts if part)


def _head(taken: dict) -> str:
    supervisor = f"supervisor {taken['supervisor']}" if taken["supervisor"] else "supervisor DEAD"
    if taken["run_by"] == "systemd":
        supervisor = "run by systemd"
    over = f"over the last {duration(taken['rates_over_ns'])}" if taken["rates_over_ns"] else "means since the start"
    lines = [
        f"{taken['name']}  {taken['profile']}  up {age(taken['up_ns'])}  {supervisor}  epoch {taken['epoch']}  "
        f"logic time {clock(taken['logic_ns'])}  rates {over}"
    ]
    for row in taken["risk"]:
        if row["state"] == "ACTIVE" and row["scope"] != "firm":
            continue
        held = f"  held by {', '.join(row['held_by'])}" if row["held_by"] else ""
        lines.append(f"risk    {row['scope']} {row['state']}{held}")
    orders = taken["orders"]
    rejected = sum(orders["rejected_by_risk"].values())
    lines.append(
        f"orders  {count(orders['open'])} open of {count(orders['open_max'])} allowed; {count(orders['sent'])} sent, "
        f"{rate(orders['sent_per_s'])} of {rate(orders['sent_per_s_max'])} allowed; {count(orders['fills'])} fills; "
        f"rejected {count(rejected)} by risk, {count(orders['rejected_by_venue'])} by the venue"
    )
    for row in taken["feed"]:
        lines.append(
            f"feed    {row['state']}, {row['lines']} of 2 lines; {count(row['messages'])} messages, "
            f"{count(row['gaps'])} gaps, {count(row['recovered'])} recovered, {count(row['missing'])} missing, "
            f"stale {duration(row['stale_ns'])} in all"
        )
    lines.append(_reconciliation(taken["reconciliation"]))
    return "\n".join(lines)


NOT_RECONCILED = {
    "not configured": "not configured: nothing compares our record with the venue's",
    "no oms": "nothing compares our record with the venue's: there is no oms",
    "dead": "oms is DEAD: nothing compares our record with the venue's",
    "hung": "oms is HUNG: nothing compares our record with the venue's",
    "not begun": "not compared yet",
}


def _reconciliation(row: dict) -> str:
    """One line about the drop copy."""
    text = NOT_RECONCILED.get(row["state"])
    if text is None:
        word = "SILENT" if row["state"] == "silent" else "heard"
        text = f"{word} {age(row['heard_age_ns'])} ago, {count(row['agreed'])} comparisons agreed, "
        text += f"{count(row['watched'])} on their way"
    return f"drop copy  {text}; {count(row['breaks'])} breaks reduce trading" + (
        ": `quintet breaks`" if row["breaks"] else ""
    )


def _instances(taken: dict) -> str:
    header = ("instance", "state", "pid", "core", "wanted", "last step", "beat", "work", "idle", "longest", "restarts")
    rows = []
    for row in taken["instances"]:
        rows.append(
            (
                row["instance"],
                row["state"],
                row["pid"] or "-",
                row["core"] if row["alive"] else "-",
                row["core_wanted"] if row["core_wanted"] >= 0 else "any",
                age(row["step_age_ns"]),
                age(row["heartbeat_age_ns"]),
                rate(row["work_per_s"]),
                f"{row['idle_share']:.0%}",
                duration(row["step_max_ns"]),
                row["restarts"],
            )
        )
    warnings = []
    for row in taken["instances"]:
        said = list(row["warnings"])
        if row["late_compiles"]:
            said.append(f"{row['late_compiles']} functions compiled after warm-up")
        if said:
            warnings.append(f"warning  {row['instance']}: {', '.join(said)}")
    return "\n".join([table(header, rows, left=2), *warnings])


def _rings(taken: dict) -> str:
    header = ("ring", "depth", "capacity", "high water", "rate", "refusals", "reader")
    return table(
        header,
        [
            (
                row["ring"],
                count(row["depth"]),
                count(row["capacity"]),
                count(row["high_water"]),
                rate(row["per_s"]),
                count(row["refusals"]),
                "BEHIND" if row["behind"] else "ok",
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
            count(row["position_lots_max"]),
            count(row["fills"]),
            money(row["realised_micro"] + row["unrealised_micro"] - row["fees_micro"], row["currency"]),
            money(row["realised_micro"], row["currency"]),
            fifo(row),
            money(row["unrealised_micro"], row["currency"]),
            money(row["fees_micro"], row["currency"]),
            row["currency"],
        )
        for row in taken["positions"]
    ]
    amounts = ("P&L", "realised", "FIFO", "unrealised", "fees paid", "")
    header = ("strategy", "instrument", "position", "limit", "fills", *amounts)
    return table(header, rows, left=2) if rows else "no fills yet"


def _quoting(taken: dict) -> str:
    rows = []
    for row in taken["quoting"]:
        if row["obliged_ns"]:
            shares = (f"{row[f'{label}_share']:.1%}" for label in ("present", "wide", "thin", "absent"))
            moves = (money(row["markout_micro"][after]) for after in ("1s", "10s", "60s"))
            rows.append((row["strategy"], duration(row["obliged_ns"]), *shares, count(row["jumps"]), *moves))
    header = ("quoting", "obliged", "met", "wide", "thin", "absent", "jumps", "mid after 1 s", "10 s", "60 s")
    return table(header, rows) if rows else ""


def _alarms(taken: dict) -> str:
    rows = [(label, count(seen["value"]), seen["unit"], seen["meaning"]) for label, seen in taken["alarms"].items()]
    found = [table(("alarm", "value", "", ""), rows, left=4)] if rows else []
    rows = [(label, count(seen["count"]), *seen["detail"]) for label, seen in taken["errors"].items()]
    found += [table(("error", "count", "last with", ""), rows)] if rows else []
    return "\n\n".join(found)

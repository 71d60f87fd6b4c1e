"""`quintet breaks`: where our record and a venue's drop copy differed, and journal entries that contradict others."""

import json
import time

from config.errors import ConfigError
from procs.cli.record import USAGE, epoch_of, instant, print_table, tell_behind
from procs.oms.query import BREAK_STATES, Filter, journal_breaks, venue_breaks
from procs.oms.reconcile import KINDS_ALL
from procs.oms.store import open_reader


def run(arguments) -> int:
    """Print what passes, oldest first. Exit 1 when a break is open, 0 when none is, 1 when there is no record."""
    for key, value, known in (("--state", arguments.state, BREAK_STATES), ("--kind", arguments.kind, KINDS_ALL)):
        if value is not None and value not in known:
            raise ConfigError(**USAGE, key=key, expected=", ".join(known), found=value)
    if arguments.last is not None and arguments.last < 1:
        raise ConfigError(**USAGE, key="--last", expected="a number above 0", found=str(arguments.last))
    chosen = Filter(epoch=epoch_of(arguments.epoch), state=arguments.state, last=arguments.last)
    connection = open_reader(arguments.name)
    try:
        rows = venue_breaks(connection, chosen, arguments.kind, arguments.instrument)
        contradictions = journal_breaks(connection, chosen) if arguments.kind in (None, "journal") else []
        if arguments.instrument or arguments.state not in (None, "open"):
            contradictions = []
        if arguments.json:
            for row in (*rows, *contradictions):
                print(json.dumps(row))
        else:
            _print(rows, contradictions)
        tell_behind(arguments.name, connection)
    finally:
        connection.close()
    return 1 if contradictions or any(row["state"] == "open" for row in rows) else 0


def _print(rows: list[dict], contradictions: list[dict]) -> None:
    if not rows and not contradictions:
        print("no breaks")
        return
    if rows:
        header = ("told", "break", "kind", "scope", "about", "our record", "drop copy", "after", "state")
        print_table(header, map(_cells, rows))
    if contradictions:
        print(("\n" if rows else "") + "entries of journals that contradict what came before:")
        header = ("entry", "kind", "order", "match", "expected", "found")
        print_table(header, map(_contradiction, contradictions))


def _cells(row: dict) -> tuple:
    told = f"{time.strftime('%Y-%m-%d', time.gmtime(row['told_ns'] // 10**9))} {instant(row['told_ns'])}"
    after = f"{(row['told_ns'] - row['first_ns']) / 1e9:.3f} s"
    ended_ns = row["cleared_ns"] or row["acknowledged_ns"]
    state = f"{row['state']} after {(ended_ns - row['told_ns']) / 1e9:.1f} s" if ended_ns else row["state"]
    about = row["subject"] + (f", order {row['order_id']}" if row["order_id"] else "")
    return (told, row["number"], row["kind"], row["scope"], about, row["expected"], row["found"], after, state)


def _contradiction(row: dict) -> tuple:
    entry = f"{row['instance']} {row['seq']}"
    return (entry, row["kind"], row["order_id"] or "-", row["match_number"] or "-", row["expected"], row["found"])

"""`quintet oms load | check`: the book of record, built or continued from the journals, and whether it agrees."""

import json
import sys
import time

from procs.cli.record import tell_behind
from procs.cli.text import count, rate
from procs.oms.check import check, extent
from procs.oms.loader import Loader
from procs.oms.store import open_reader
from procs.runtime.journals import find, live_epoch

SHOWN_MAX = 10  # faults of one check that are printed; --json has all


def run(arguments) -> int:
    """Exit 0 when it was loaded, or is sound; 1 when not."""
    return {"load": load, "check": check_all}[arguments.what](arguments)


def load(arguments) -> int:
    """Take everything that the journals have more. Refused while an oms runs: it does the same."""
    find(arguments.name, None, None)  # raises NoSuchJournal: an empty record would say that nothing ever happened
    loader = Loader(arguments.name, live_epoch(arguments.name))
    begun = time.monotonic()
    try:
        entries = loader.load()
    finally:
        loader.close()
    seconds = time.monotonic() - begun
    connection = open_reader(arguments.name)
    try:
        held = extent(connection)
    finally:
        connection.close()
    if arguments.json:
        print(json.dumps({"name": arguments.name, "entries": entries, "seconds": round(seconds, 3), "rows": held}))
        return 0
    print(f"{count(entries)} entries in {seconds:.1f} s, {rate(entries / max(seconds, 1e-9))}")
    print(", ".join(f"{count(n)} {table.replace('_', ' ')}" for table, n in held.items()))
    return 0


def check_all(arguments) -> int:
    """Print what holds and what does not. Exit 1 when something does not."""
    connection = open_reader(arguments.name)
    try:
        found, held = check(connection), extent(connection)
        tell_behind(arguments.name, connection)
    finally:
        connection.close()
    sound = not any(row["found"] for row in found)
    if arguments.json:
        print(json.dumps({"name": arguments.name, "sound": sound, "rows": held, "checks": found}))
        return 0 if sound else 1
    print(", ".join(f"{count(n)} {table.replace('_', ' ')}" for table, n in held.items()))
    for row in found:
        print(f"{'ok   ' if not row['found'] else 'FAULT'}  {row['check']}: {row['holds']}")
        for fault in row["found"][:SHOWN_MAX]:
            print("         " + " ".join(f"{key}={value}" for key, value in fault.items()))
        if len(row["found"]) > SHOWN_MAX:
            print(f"         and {count(len(row['found']) - SHOWN_MAX)} more", file=sys.stderr)
    return 0 if sound else 1

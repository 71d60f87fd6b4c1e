"""`quintet journal prune`: which earlier lives of a fabric may go from the disk, and with --apply, gone they are."""

import json

from procs.cli.text import table
from procs.runtime.journals import live_epoch
from procs.runtime.paths import state_folder
from procs.runtime.retention import DAYS, finish_removals, lives, remove


def prune(arguments) -> int:
    """Show every life with what would happen to it; with --apply let it happen. Exit 0."""
    folder = state_folder(arguments.name)
    days = DAYS if arguments.days is None else arguments.days
    found = lives(folder, live_epoch(arguments.name), days)
    if arguments.apply:
        finish_removals(folder)
        for life in found:
            if not life.kept:
                remove(life)
    if arguments.json:
        rows = [{"epoch": life.epoch, "bytes": life.bytes, "kept": life.kept} for life in found]
        print(json.dumps({"name": arguments.name, "days": days, "applied": arguments.apply, "lives": rows}))
        return 0
    gone = "removed" if arguments.apply else "would go"
    rows = [
        (life.epoch, f"{life.bytes / 1e6:.1f}", f"{life.age_days:.0f}", f"stays: {life.kept}" if life.kept else gone)
        for life in found
    ]
    print(table(("epoch", "MB", "days", ""), rows, right_until=3))
    going = [life for life in found if not life.kept]
    megabytes = sum(life.bytes for life in going) / 1e6
    if arguments.apply:
        print(f"{len(going)} of {len(found)} lives removed, {megabytes:.1f} MB")
    else:
        print(f"{len(going)} of {len(found)} lives would go, {megabytes:.1f} MB; nothing was removed, --apply does it")
    return 0

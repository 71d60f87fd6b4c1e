"""Retention: which lives of a fabric may be removed from its state folder. Nothing is removed by itself. No numba.

```
a life stays while it is    because
--------------------------  ------------------------------------------------------------------------------------------
the living one              roles write its journals
the newest one              the next start reads it when it was not settled, and a person asks for it first
not settled                 the venue may know orders of it (procs/runtime/settled.py)
younger than N days         by the newest of its files; DAYS is what MiFID II asks for: five years
damaged                     what is wrong with it is for a person to see
```

A life goes with all that belongs to it: journals, snapshots, configuration. What a recovery needs is in the living or
the newest life alone: every life has its own journals and starts from nothing or from its own files.
"""

import os
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from procs.runtime.settled import epochs_of, is_settled
from shm.folders import sync_folder
from shm.journal_verify import verify

DAYS = 1_830
DAY_S = 86_400
LEAVING = ".pruned"  # a life whose removal was begun: no longer one, whatever is left of it


class Life(NamedTuple):
    """One epoch's folder. `kept` says why it stays; "" for one that may go."""

    epoch: int
    folder: Path
    bytes: int
    age_days: float
    kept: str


def lives(state_folder: Path, living: int | None, days: int, now_s: float | None = None) -> list[Life]:
    """Every life on disk, oldest first. Reads all journals of those that may go. `living`: epoch that runs now."""
    now_s = time.time() if now_s is None else now_s
    epochs = epochs_of(state_folder)
    found = []
    for epoch in epochs:
        folder = Path(state_folder) / "journal" / str(epoch)
        files = [path.stat() for path in folder.rglob("*") if path.is_file()]
        age_days = (now_s - max((held.st_mtime for held in files), default=now_s)) / DAY_S
        kept = _why_kept(epoch, folder, age_days, days, living, epochs[-1])
        found.append(Life(epoch, folder, sum(held.st_size for held in files), age_days, kept))
    return found


def _why_kept(epoch: int, folder: Path, age_days: float, days: int, living: int | None, newest: int) -> str:
    if epoch == living:
        return "it is the living one"
    if epoch == newest:
        return "it is the newest one"
    if not is_settled(folder):
        return "it is not settled: the venue may know orders of it"
    if age_days < days:
        return f"it is younger than {days} days"
    for journal in sorted(path for path in folder.iterdir() if path.is_dir()):
        problem = verify(journal).problem
        if problem:
            return f"it is damaged: {problem}"
    return ""


def remove(life: Life) -> None:
    """Remove one life. Its name goes first and durably, so that a death in between leaves no half of one. OSError."""
    if life.kept:
        raise ValueError(f"remove: expected a life that may go, found epoch {life.epoch}: {life.kept}")
    leaving = life.folder.with_name(life.folder.name + LEAVING)
    os.rename(life.folder, leaving)
    sync_folder(leaving.parent)
    shutil.rmtree(leaving)


def finish_removals(state_folder: Path) -> int:
    """Remove what a death in the middle of `remove` left. Returns how many."""
    left = list((Path(state_folder) / "journal").glob(f"*{LEAVING}"))
    for folder in left:
        shutil.rmtree(folder)
    return len(left)

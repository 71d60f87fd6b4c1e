"""Settled: how a life of a fabric ended, as a file beside its journals; and which life the next start goes on with.

```
<state folder>/journal/<epoch>/settled.json     every writer left on its own with its journal on disk, no order open
```

Without the file a life ended by a power loss, or with its supervisor. Its orders and executions may not all be in the
journals, and the venue still knows them: the next start of that trading date goes on with the same epoch and the same
files. order_sender then logs in behind the last message that its journal has, and the venue sends the rest again. The
embedded venue dies with its fabric, so there is nothing to go on with. No numba.
"""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from config.load import Config, decode
from procs.runtime.objects import JOURNAL_PAYLOADS
from shm.codes import LIFE_CLOSED
from shm.counters import SENDER_OPEN_ORDERS
from shm.errors import Fatal
from shm.folders import sync_folder
from shm.journal_disk import list_files
from shm.records.instance import COUNTERS_OFFSET, INSTANCE, INSTANCE_OFFSET
from shm.segment import Segment

SETTLED = "settled.json"
CONFIGURATION = "configuration.json"  # file in an epoch's folder


class UnsettledEpoch(Fatal):
    """The last life has to be gone on with, and this configuration numbers its rows otherwise."""


def settle(folder: Path, config: Config, pages: Iterable[tuple[str, Segment]]) -> bool:
    """Say that the life in an epoch's folder is over, if it is. `pages`: (instance, its segment). Returns whether.

    Caller: whoever removes the shared memory, before it does. A folder without journals needs no word.
    """
    # a cold role's journal says nothing about orders: a life without the end of it is settled all the same
    writers = {held.name for held in config.topology.instances if held.role in JOURNAL_PAYLOADS and not held.cold}
    closed, open_orders = set(), 0
    for name, segment in pages:
        if int(segment.view(INSTANCE_OFFSET, INSTANCE)[0]["life"]) == LIFE_CLOSED:
            closed.add(name)
        open_orders += int(segment.view(COUNTERS_OFFSET + 8 * SENDER_OPEN_ORDERS, np.dtype("<i8"))[0])
    if not writers <= closed or open_orders or not _journals(folder):
        return False
    draft = folder / f"{SETTLED}.new"
    with open(draft, "w", encoding="ascii") as file:
        json.dump({"at_ns": time.time_ns()}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, folder / SETTLED)
    sync_folder(folder)
    return True


def is_settled(folder: Path) -> bool:
    """Whether nothing of the life in an epoch's folder is open: it was settled, or it never journalled."""
    return (Path(folder) / SETTLED).exists() or not _journals(folder)


def epochs_of(state_folder: Path) -> list[int]:
    """Epochs with a folder on disk, oldest first."""
    return sorted(int(path.name) for path in (Path(state_folder) / "journal").glob("*") if path.name.isdigit())


def epoch_to_go_on_with(state_folder: Path, config: Config) -> int | None:
    """The epoch that a start of `config` must go on with; None: a new one begins.

    `config` has its trading date. Raises UnsettledEpoch.
    """
    epochs = epochs_of(state_folder)
    if not epochs or config.topology.of_role("venue"):
        return None
    folder = Path(state_folder) / "journal" / str(epochs[-1])
    if is_settled(folder) or not (folder / CONFIGURATION).exists():
        return None
    before = decode((folder / CONFIGURATION).read_bytes())
    if before.run.trading_date != config.run.trading_date:
        return None  # the venue's session of that day is over, and its day orders with it
    if _numbering(before) != _numbering(config):
        raise UnsettledEpoch(
            where=str(folder),
            expected=f"instances and instruments as in that life, which is not settled: {_numbering(before)}",
            found=_numbering(config),
            do="start once with the configuration that it had and end with `quintet down`, then change it",
        )
    return epochs[-1]


def _numbering(config: Config) -> dict[str, list[str]]:
    """What the numbers in journals mean; instruments have numbers of their own for ever."""
    return {role: [held.name for held in config.topology.of_role(role)] for role in ("strategy", "order_sender")}


def _journals(folder: Path) -> list[Path]:
    """Journals in an epoch's folder that have files."""
    return [path for path in Path(folder).glob("*") if path.is_dir() and list_files(path)]

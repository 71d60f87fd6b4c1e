"""Snapshots: what a role made of its journal up to a sequence, so that a restart reads the rest alone. No numba.

```
journal/<instance>/snapshot/00000000000000131072.snapshot     header (records/snapshot_file), then the role's bytes
                            00000000000000262144.snapshot     the newest SNAPSHOTS_KEPT stay
```

A snapshot only ever saves time. It is written whole under another name, synced, renamed, and the folder synced; it is
used only when its checksums hold and the journal has the very entry that it ends with. Torn, altered, of another
journal, of another layout, or newer than the journal: it is passed over for the one before, or for the whole journal.
"""

import os
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from shm.errors import JournalWriteFailed
from shm.failpoints import (
    FP_SNAPSHOT_BEGUN,
    FP_SNAPSHOT_PRUNED,
    FP_SNAPSHOT_RENAMED,
    FP_SNAPSHOT_SYNCED,
    FP_SNAPSHOT_WRITTEN,
    reach,
)
from shm.folders import make_folder, sync_folder
from shm.records.snapshot_file import SNAPSHOT_FILE, SNAPSHOT_FILE_MAGIC

SNAPSHOTS_KEPT = 2
FOLDER = "snapshot"  # in a journal's folder
HEADER_BYTES = SNAPSHOT_FILE.itemsize


class Snapshot(NamedTuple):
    """A valid snapshot: the first journal entry behind it, `body` as it was stored, and why newer ones were not used.

    `next_seq` 0: there is none that may be used, everything is in the journal.
    """

    next_seq: int
    body: bytes
    passed_over: tuple[str, ...]


def list_snapshots(folder: Path) -> list[Path]:
    """Snapshot files, oldest first. Drafts of one that was never finished do not count."""
    return sorted(path for path in Path(folder).glob("*.snapshot") if path.stem.isdigit())


def store_snapshot(folder: Path, next_seq: int, chain_crc: int, layout: int, body: bytes) -> Path:
    """Write a snapshot durably, then remove all but the newest SNAPSHOTS_KEPT. Blocks for the disk.

    Caller: never a hot thread. Raises JournalWriteFailed; nothing is tried again, and what was there before stays.
    """
    header = np.zeros(1, SNAPSHOT_FILE)
    header["magic"], header["next_seq"], header["chain_crc"] = SNAPSHOT_FILE_MAGIC, next_seq, chain_crc
    header["layout"], header["body_bytes"], header["body_crc"] = layout, len(body), zlib.crc32(body)
    header["created_ns"] = time.time_ns()
    header["crc"] = zlib.crc32(header.tobytes()[:56])
    path = Path(folder) / f"{next_seq:020d}.snapshot"
    draft = path.with_suffix(".new")
    reach(FP_SNAPSHOT_BEGUN)
    try:
        make_folder(path.parent)
        for left in path.parent.glob("*.new"):
            left.unlink()
        with open(draft, "wb") as file:
            file.write(header.tobytes())
            file.write(body)
            file.flush()
            reach(FP_SNAPSHOT_WRITTEN)
            os.fsync(file.fileno())
        reach(FP_SNAPSHOT_SYNCED)
        os.rename(draft, path)
        reach(FP_SNAPSHOT_RENAMED)
        sync_folder(path.parent)
        for old in list_snapshots(path.parent)[:-SNAPSHOTS_KEPT]:
            old.unlink()
        reach(FP_SNAPSHOT_PRUNED)
    except OSError as error:
        raise JournalWriteFailed(
            where=str(path),
            expected="a synced snapshot",
            found=error,
            do="look at the disk; a start reads the journal instead",
        ) from error
    return path


def newest_snapshot(folder: Path, layout: int, crc_of: Callable[[int], int | None]) -> Snapshot:
    """The newest snapshot that may be used. `crc_of(sequence)`: crc of that journal entry, None when it is not there.

    Nothing is removed: a file that was passed over is for a person.
    """
    passed_over = []
    for path, header, body in _candidates(folder):
        why = _why_not(path, header, body, layout, crc_of)
        if not why:
            return Snapshot(int(header["next_seq"]), body, tuple(passed_over))
        passed_over.append(f"{path.name}: {why}")
    return Snapshot(0, b"", tuple(passed_over))


def _candidates(folder: Path) -> Iterator[tuple[Path, np.void, bytes]]:
    for path in reversed(list_snapshots(folder)):
        content = path.read_bytes()
        yield path, np.frombuffer(content[:HEADER_BYTES].ljust(HEADER_BYTES, b"\0"), SNAPSHOT_FILE)[0], content[64:]


def _why_not(path: Path, header: np.void, body: bytes, layout: int, crc_of) -> str:
    """Why a snapshot must not be used; "" when it may."""
    if header["magic"] != SNAPSHOT_FILE_MAGIC or header["crc"] != zlib.crc32(header.tobytes()[:56]):
        return "its header is torn or altered"
    if int(path.stem) != header["next_seq"] or header["next_seq"] < 1:
        return "its name is not its sequence"
    if header["layout"] != layout:
        return f"it is of layout {int(header['layout'])}, not {layout}"
    if len(body) != header["body_bytes"] or zlib.crc32(body) != header["body_crc"]:
        return "its content is torn or altered"
    crc = crc_of(int(header["next_seq"]) - 1)
    if crc is None:
        return "it is newer than the journal"
    return "" if crc == header["chain_crc"] else "it is of another journal"

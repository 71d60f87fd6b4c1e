"""Journals: where every life of a fabric keeps them, and readers for them. For cold readers; imports no numba.

```
<state folder>/journal/<epoch>/configuration.json     what the entries were written under (procs/runtime/fabric.py)
                              settled.json            nothing of it is open (procs/runtime/settled.py)
                              <instance>/*.journal    shm/journal_disk.py
                                         snapshot/    shm/snapshot.py
```
"""

from pathlib import Path
from typing import NamedTuple

from procs.runtime.paths import state_folder
from procs.runtime.settled import epochs_of
from shm.errors import NoSuchFabric, NoSuchSegment, NotReady, QuintetError
from shm.journal_disk import list_files, read_header
from shm.journal_reader import JournalReader
from shm.journal_view import JournalView
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.segment_header import SEGMENT_KIND_JOURNAL
from shm.roster import read_roster
from shm.segment import Segment, attach_segment


class NoSuchJournal(QuintetError):
    """No journal of that name or epoch on disk."""


class Place(NamedTuple):
    """One journal: an instance in one epoch."""

    instance: str
    epoch: int
    folder: Path


def find(name: str, instance: str | None, epoch: int | None) -> list[Place]:
    """Journals on disk, oldest epoch first. Raises NoSuchJournal when none is as asked."""
    folder = state_folder(name) / "journal"
    epochs = epochs_of(state_folder(name))
    places = [
        Place(path.name, held, path)
        for held in epochs
        if epoch in (None, held)
        for path in sorted((folder / str(held)).iterdir())
        if path.is_dir() and instance in (None, path.name)
    ]
    if not places:
        wanted = f"a journal of {instance or 'any instance'}" + (f" in epoch {epoch}" if epoch is not None else "")
        names = sorted({path.name for held in epochs for path in (folder / str(held)).iterdir() if path.is_dir()})
        held = f"{', '.join(names)} in {len(epochs)} epochs" if names else "none"
        do = "`quintet journal` lists them" if names else "start a fabric of that name, or give --name"
        raise NoSuchJournal(where=str(folder), expected=wanted, found=held, do=do)
    return places


def live_epoch(name: str) -> int | None:
    """Epoch of the fabric that has shared memory now; its journals' newest entries are there."""
    try:
        return read_roster(name).epoch
    except (NoSuchFabric, NotReady):
        return None


class Source:
    """Reader of one journal: its files, and its memory while the fabric has it. A context manager."""

    def __init__(self, name: str, place: Place, live: bool):
        self.place, self.segment = place, memory(name, place) if live else None
        view = view_of(place, self.segment) if self.segment is not None else None
        self.view, self.reader = view, JournalReader(place.folder, view)

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *_) -> None:
        self.reader.close()
        if self.segment is not None:
            self.segment.close()

    def first_seq(self) -> int:
        """First sequence that can be read."""
        files = list_files(self.place.folder)
        return files[0][0] if files else 0


def memory(name: str, place: Place) -> Segment | None:
    """The journal's part in shared memory, read-only; None when it was removed in between."""
    try:
        return attach_segment(name, place.epoch, f"journal.{place.instance}", SEGMENT_KIND_JOURNAL, JOURNAL_ENTRY)
    except NoSuchSegment:
        return None


def view_of(place: Place, segment: Segment) -> JournalView | None:
    """The memory as entries; their size is what the first file says. None before there is a file."""
    files = list_files(place.folder)
    if not files:
        return None
    with open(files[0][1], "rb") as file:
        entry_bytes = int(read_header(files[0][1], file.fileno())["entry_bytes"])
    return JournalView(segment.bytes, entry_bytes, segment.capacity)

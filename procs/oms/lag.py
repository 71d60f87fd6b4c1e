"""Lag: how much the journals have that the record has not, asked from outside. No numba."""

import sqlite3

from procs.oms.loader import ROLES
from procs.runtime.journals import NoSuchJournal, Source, find, live_epoch
from shm.errors import JournalCorrupt, JournalGone

UNCOUNTED = -1


def record_behind(name: str, connection: sqlite3.Connection) -> int:
    """Entries of the living epoch that the record has not; UNCOUNTED when it lacks some of an earlier one; else 0.

    A journal that cannot be read on is not behind: the record says so in a break.
    """
    rows = connection.execute("SELECT epoch, instance, next_seq, ended FROM cursors").fetchall()
    cursors = {(row[0], row[1]): (row[2], row[3]) for row in rows}
    live = live_epoch(name)
    try:
        places = find(name, None, None)
    except NoSuchJournal:
        return 0
    entries = 0
    for place in places:
        next_seq, ended = cursors.get((place.epoch, place.instance), (0, 0))
        if ended or place.instance.partition(".")[0] not in ROLES:
            continue
        with Source(name, place, place.epoch == live) as source:
            if source.view is not None and source.view.started:
                entries += max(0, source.view.tail() - next_seq)
            elif source.segment is None and _has(source, next_seq):
                return UNCOUNTED
    return entries


def _has(source: Source, sequence: int) -> bool:
    try:
        return len(source.reader.read(max(sequence, source.first_seq()), 1)) > 0
    except (JournalCorrupt, JournalGone):
        return False

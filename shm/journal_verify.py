"""Verifying a journal's files without touching them: every entry, the chain of crcs, the order of files. No numba."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from shm.errors import JournalCorrupt
from shm.journal_disk import list_files, read_entries, read_header
from shm.journal_view import chain_holds, entries_valid, leading

CHUNK_ENTRIES = 4_096


class Verdict(NamedTuple):
    """What the files of one journal hold. `problem` is empty when all of it is sound."""

    first_seq: int
    tail_seq: int  # first sequence that is not there
    files: int
    bytes: int
    torn_bytes: int  # behind the tail, nothing valid behind them: what a power loss leaves; a start cuts them
    problem: str


def verify(folder: Path, watermark: int = 0) -> Verdict:
    """Read all files of a journal and say whether anything is missing, altered, repeated or out of place.

    `watermark`: what a living writer says is on disk; fewer entries than that are a problem. What lies behind it is on
    its way, perhaps later bytes before earlier ones, and is not judged. Cost: about 1 us an entry.
    """
    walk = _Walk(watermark)
    for first, path in list_files(folder):
        walk.files += 1
        walk.bytes += path.stat().st_size
        walk.file(first, path)
        if walk.problem:
            break
    if not walk.problem and walk.tail_seq < watermark:
        walk.problem = f"{folder}: expected entries up to the watermark {watermark}, found {walk.tail_seq}"
    first_seq = 0 if walk.first_seq is None else walk.first_seq
    return Verdict(first_seq, walk.tail_seq, walk.files, walk.bytes, walk.torn_bytes, walk.problem)


class _Walk:
    """Where the walk over the files has come to."""

    def __init__(self, watermark: int):
        self.watermark = watermark
        self.first_seq: int | None = None
        self.tail_seq, self.crc = 0, 0
        self.files = self.bytes = self.torn_bytes = 0
        self.ended_at = ""  # path of a file that was not full; none may follow it
        self.problem = ""

    def file(self, first: int, path: Path) -> None:
        """Verify one file and what joins it to the one before."""
        if self.ended_at and self.watermark and self.tail_seq >= self.watermark:
            return  # begun by the living writer after the walk came to its watermark
        if self.ended_at:
            self.problem = f"{path}: it follows {self.ended_at}, whose entry {self.tail_seq} is not valid"
            return
        handle = os.open(path, os.O_RDONLY)
        try:
            header = read_header(path, handle)
            if self.first_seq is None:
                self.first_seq = self.tail_seq = first
                self.crc = int(header["prev_crc"])
            elif first != self.tail_seq:
                self.problem = f"{path}: expected a file that starts at entry {self.tail_seq}, found {first}"
            elif int(header["prev_crc"]) != self.crc:
                self.problem = f"{path}: its prev_crc is not the crc of entry {first - 1}"
            if not self.problem:
                self._entries(path, handle, header)
        except JournalCorrupt as error:
            self.problem = str(error)
        finally:
            os.close(handle)

    def _entries(self, path: Path, handle: int, header: np.void) -> None:
        room = int(header["entries"])
        index = 0
        while index < room:
            chunk = read_entries(handle, header, index, min(CHUNK_ENTRIES, room - index))
            mask = entries_valid(chunk, self.tail_seq)
            valid = leading(mask)
            if valid and not chain_holds(chunk[:valid], self.crc):
                self.problem = f"{path}: the chain of crcs is broken at or behind entry {self.tail_seq}"
                return
            if valid:
                self.crc = int(chunk["head"]["crc"][valid - 1])
            self.tail_seq += valid
            index += valid
            if valid < len(chunk):
                self._end(path, handle, header, index)
                return

    def _end(self, path: Path, handle: int, header: np.void, index: int) -> None:
        """Entry `index` of this file is not valid: the tail, or damage; not yet either behind a watermark."""
        self.ended_at = str(path)
        if self.watermark and self.tail_seq >= self.watermark:
            return
        rest = read_entries(handle, header, index, int(header["entries"]) - index)
        behind = np.flatnonzero(entries_valid(rest, self.tail_seq))
        if len(behind):
            self.problem = (
                f"{path}: entry {self.tail_seq} is not valid and entry {self.tail_seq + int(behind[0])} behind it is"
            )
        else:
            used = np.flatnonzero(rest.view(np.uint8))
            self.torn_bytes = int(used[-1]) + 1 if len(used) else 0

"""Reading a journal from any sequence, at the reader's own pace: memory first, then disk. Imports no numba.

A reader never disturbs the writer or the copier. It may be slower than the memory turns over (then it reads files),
faster than the copier (then it reads memory), and files may be added while it reads.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from shm.errors import JournalCorrupt, JournalGone
from shm.journal_disk import KEEP, list_files, read_entries, read_header
from shm.journal_view import JournalView, chain_holds, entries_valid, leading

CHUNK_ENTRIES = 4_096
LOOK_AGAIN = 5  # a file read while it is written may show later bytes before earlier ones, for microseconds


class JournalReader:
    """Entries of one journal. `folder` may be absent or behind; `view` may be None when no fabric is up."""

    def __init__(self, folder: Path, view: JournalView | None = None):
        self.folder, self.view = Path(folder), view
        self._files: list[tuple[int, Path]] = []
        self._open: tuple[int, int, np.void] | None = None  # first sequence, handle, header
        self._next_seq, self._next_prev_crc = -1, 0  # where a reader that goes on must find the chain unbroken

    def entries(self, from_seq: int = 0) -> Iterator[tuple[np.void, bytes]]:
        """(head, payload) of every entry from `from_seq` on, until there are no more now. May be called again later."""
        for chunk in self.chunks(from_seq):
            for entry in chunk:
                yield entry["head"], entry["payload"].tobytes()[: entry["head"]["payload_bytes"]]

    def chunks(self, from_seq: int = 0, limit: int = CHUNK_ENTRIES) -> Iterator[np.ndarray]:
        """The same as arrays of at most `limit` records with `head` and `payload` (bytes), each a private copy.

        Of a journal that is being written it ends where the journal ended when it began, or soon after: a reader on a
        busy core would otherwise run behind a busy writer for ever.
        """
        end = self.view.tail() if self.view is not None and self.view.started else None
        sequence = from_seq
        while (end is None or sequence < end) and len(chunk := self.read(sequence, limit)):
            yield chunk
            sequence += len(chunk)

    def read(self, sequence: int, limit: int = CHUNK_ENTRIES) -> np.ndarray:
        """Verified entries from `sequence` on, at least one unless the journal ends there.

        Each names the crc of the one before: in what is returned, and against the last entry of the read before when
        this one goes on behind it. Raises JournalCorrupt for an entry that must exist and does not verify, JournalGone
        when it was removed.
        """
        chunk = self._read(sequence, limit)
        if len(chunk):
            named = [self._next_prev_crc] if sequence == self._next_seq else []
            if self._open is not None and sequence == self._open[0]:
                named.append(int(self._open[2]["prev_crc"]))
            if not chain_holds(chunk) or any(chunk["head"]["prev_crc"][0] != crc for crc in named):
                raise self._corrupt("chain", sequence, "the chain of crcs is broken at it or behind it")
            self._next_seq, self._next_prev_crc = sequence + len(chunk), int(chunk["head"]["crc"][-1])
        return chunk

    def _read(self, sequence: int, limit: int) -> np.ndarray:
        watermark = 0
        if self.view is not None and self.view.started:
            chunk = self.view.read(sequence, limit)
            watermark = self.view.watermark  # before the files are read: what it covers must be in them
            if len(chunk):
                valid = leading(entries_valid(chunk, sequence))
                if valid == 0:
                    raise self._corrupt("memory", sequence, "its crc does not hold")
                return chunk[:valid]
            if sequence >= watermark and sequence >= self.view.tail():
                return chunk  # memory has all that is not on disk: the files need not be searched for it
        return self._read_files(sequence, limit, watermark)

    def crc_of(self, sequence: int) -> int | None:
        """crc of one entry; None when the journal has none of that sequence, or not any more."""
        try:
            chunk = self.read(sequence, 1)
        except JournalGone:
            return None
        return int(chunk["head"]["crc"][0]) if len(chunk) else None

    def tail_seq(self) -> int:
        """The next sequence: entries before it can be read now."""
        if self.view is not None and self.view.started:
            return self.view.tail()
        files = list_files(self.folder)
        if not files:
            return 0
        tail = files[-1][0]
        for chunk in self.chunks(tail):
            tail += len(chunk)
        return tail

    def close(self) -> None:
        if self._open is not None:
            os.close(self._open[1])
            self._open = None

    # --- inside -------------------------------------------------------------------------------------------------------

    def _read_files(self, sequence: int, limit: int, watermark: int) -> np.ndarray:
        for look in range(LOOK_AGAIN + 1):
            if look:
                time.sleep(0.001)
            if not self._find(sequence, watermark):
                return np.empty(0, self.view.entries.dtype) if self.view is not None else np.empty(0)
            first, handle, header = self._open
            index = sequence - first
            chunk = read_entries(handle, header, index, min(limit, int(header["entries"]) - index))
            mask = entries_valid(chunk, sequence)
            if mask[0]:
                return chunk[: leading(mask)]
            if sequence >= watermark and not self._anything_behind(sequence, mask):
                return chunk[:0]
        raise self._corrupt("file", sequence, "it does not verify, and entries behind it exist")

    def _anything_behind(self, sequence: int, mask: np.ndarray) -> bool:
        first, handle, header = self._open
        self._files = list_files(self.folder)
        if mask.any() or self._files[-1][0] > sequence:
            return True
        index = sequence - first + len(mask)
        rest = read_entries(handle, header, index, int(header["entries"]) - index)
        return bool(entries_valid(rest, first + index).any())

    def _find(self, sequence: int, watermark: int) -> bool:
        """Open the file that holds `sequence`. False when the files end before it."""
        if self._open is not None:
            first, _, header = self._open
            if first <= sequence < first + header["entries"]:
                return True
            self.close()
        self._files = list_files(self.folder)
        older = [(first, path) for first, path in self._files if first <= sequence]
        if not older:
            oldest = self._files[0][0] if self._files else (self.view.first_seq if self.view is not None else 0)
            if self._files or sequence < max(oldest, watermark):
                raise JournalGone(
                    where=str(self.folder),
                    expected=f"entry {sequence}",
                    found=f"entries from {oldest} on",
                    do="start from a newer snapshot, or bring the older files back",
                )
            return False
        path = older[-1][1]
        handle = os.open(path, os.O_RDONLY)
        try:
            header = read_header(path, handle)
        except JournalCorrupt:
            os.close(handle)
            raise
        if sequence >= header["first_seq"] + header["entries"]:
            os.close(handle)
            if sequence < watermark or self._files[-1][0] > sequence:
                raise self._corrupt("file", sequence, "no file has it")
            return False
        self._open = (int(header["first_seq"]), handle, header)
        return True

    def _corrupt(self, place: str, sequence: int, found: str) -> JournalCorrupt:
        where = f"{self.folder}, {place}, entry {sequence}"
        return JournalCorrupt(where=where, expected="a valid entry", found=found, do=KEEP)

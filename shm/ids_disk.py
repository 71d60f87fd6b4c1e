"""The durable high-water mark of identifiers: a file with two slots, written in turn. Imports no numba.

A block is reserved by writing the new mark into the older slot and syncing it, before any id of the block is used.
A slot also states how far the *next* reservation may go, so when one slot is damaged the other tells which ids might
be out, and they are skipped. Two damaged slots, or a short file, stop the start: nobody guesses.

off   size  type   field         meaning
----  ----  -----  ------------  --------------------------------------------------------
   0     8  i8     magic         ID_MAGIC
   8     8  i8     turn          counts writes; the greater valid turn is the mark
  16     8  i8     mark          every id below it may be in use
  24     8  i8     mark_next     greatest mark that the next write can set
  32     8  i8     crc           zlib.crc32 of the four words before
4096    40         second slot, in another sector and page
"""

import fcntl
import os
import struct
import zlib
from pathlib import Path

from shm.errors import IdFileDamaged, IdWriteFailed, WriterAlreadyAlive
from shm.failpoints import FP_ID_BLOCK_SYNCED, FP_ID_BLOCK_WANTED, FP_ID_BLOCK_WRITTEN, reach
from shm.folders import make_folder, sync_folder

ID_MAGIC = 0x5144495445555101  # "QUETID", a version byte
ID_LAST_MAX = (1 << 62) - 1
SLOT_OFFSETS = (0, 4096)
FILE_BYTES = 8192
SLOT = struct.Struct("<4q")
CRC = struct.Struct("<q")


def _packed(turn: int, mark: int, mark_next: int) -> bytes:
    words = SLOT.pack(ID_MAGIC, turn, mark, mark_next)
    return words + CRC.pack(zlib.crc32(words))


def _unpacked(content: bytes) -> tuple[int, int, int] | None:
    """(turn, mark, mark_next) of a valid slot, else None."""
    if len(content) < SLOT.size + CRC.size:
        return None
    magic, turn, mark, mark_next = SLOT.unpack_from(content)
    (crc,) = CRC.unpack_from(content, SLOT.size)
    if magic != ID_MAGIC or crc != zlib.crc32(content[: SLOT.size]) or not 0 < mark <= mark_next:
        return None
    return turn, mark, mark_next


class IdFile:
    """Reserves blocks of `block_size` ids, durably. One process at a time (file lock)."""

    def __init__(self, path: Path, block_size: int, first: int = 1, last: int = ID_LAST_MAX):
        if block_size < 1 or first < 1 or last < first or last > ID_LAST_MAX:
            raise ValueError(
                f"IdFile: expected block_size >= 1 and 1 <= first <= last, found {block_size}, {first}, {last}"
            )
        self.path, self.block_size, self.first, self.last = Path(path), block_size, first, last
        self.mark = 0
        self._turn = 0
        self._handle = -1
        self._failed = False

    def open(self) -> int:
        """Read the mark, or make the file. Returns the mark: ids from it on were never given out."""
        make_folder(self.path.parent)
        if not self.path.exists():
            self._create()
        self._handle = os.open(self.path, os.O_RDWR)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WriterAlreadyAlive(
                where=str(self.path),
                expected="no other process that reserves from it",
                found="it is locked",
                do="stop it",
            ) from error
        self._read()
        # from here on the other slot's promise covers this block size: needed before the first block is reserved
        self._write(self.mark)
        return self.mark

    def reserve(self) -> tuple[int, int] | None:
        """Reserve the next block durably and return it as (first, end); None when `last` is reached.

        Raises IdWriteFailed when it could not be synced; nothing of that block is ever given out, and no later one.
        """
        first = self.mark
        end = min(first + self.block_size, self.last + 1)
        if first >= end:
            return None
        self._write(end)
        return first, end

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _create(self) -> None:
        """Make the file whole under another name first, so that a short or empty file is always damage."""
        draft = self.path.with_name(self.path.name + ".new")
        content = bytearray(FILE_BYTES)
        for slot, offset in enumerate(SLOT_OFFSETS):
            packed = _packed(slot, self.first, min(self.first + self.block_size, self.last + 1))
            content[offset : offset + len(packed)] = packed
        handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o640)
        try:
            self._pwrite_all(handle, bytes(content), 0)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.rename(draft, self.path)
        sync_folder(self.path.parent)

    def _read(self) -> None:
        content = os.pread(self._handle, FILE_BYTES + 1, 0)
        slots = [_unpacked(content[offset : offset + 64]) for offset in SLOT_OFFSETS]
        valid = [slot for slot in slots if slot is not None]
        if len(content) != FILE_BYTES or not valid:
            raise IdFileDamaged(
                where=str(self.path),
                expected=f"{FILE_BYTES} bytes with at least one valid slot of two",
                found=f"{len(content)} bytes, {len(valid)} valid",
                do="find the greatest id ever sent in the journal and at the venue, write a new file above it",
            )
        self._turn, self.mark, mark_next = max(valid)
        if len(valid) == 1:  # the other one may have been newer: skip whatever it can have reserved
            self.mark = mark_next

    def _write(self, mark: int) -> None:
        if self._failed:
            raise self._error("an earlier write or sync of this file failed")
        turn = self._turn + 1  # never over the newest valid slot
        packed = _packed(turn, mark, min(mark + self.block_size, self.last + 1))
        reach(FP_ID_BLOCK_WANTED)
        try:
            self._pwrite_all(self._handle, packed, SLOT_OFFSETS[turn % 2])
            reach(FP_ID_BLOCK_WRITTEN)
            os.fdatasync(self._handle)
        except OSError as error:
            self._failed = True
            raise self._error(error) from error
        self._turn, self.mark = turn, mark
        reach(FP_ID_BLOCK_SYNCED)

    def _pwrite_all(self, handle: int, content: bytes, offset: int) -> None:
        written = os.pwrite(handle, content, offset)
        if written != len(content):
            raise OSError(f"short write: {written} of {len(content)} bytes")

    def _error(self, found: object) -> IdWriteFailed:
        return IdWriteFailed(
            where=str(self.path),
            expected="a synced high-water mark",
            found=found,
            do="no id may be taken any more: stop, look at the disk, start again",
        )

"""The journal on disk: recovery at open, and the copier that follows the hot memory. Imports no numba.

```
journal/<instance>/00000000000000000000.journal     header (records/journal_file) | 512: entry 0 | entry 1 | ...
                   00000000000000065536.journal     made whole under another name, synced, renamed, folder synced
```

A file is preallocated with zeros. Entries are appended with pwrite, synced with fdatasync, and only then is the
watermark in memory moved. The old file is synced before the next is made, so only the last file can have a torn tail.
No write or sync is ever tried again after an error: the kernel may have dropped the pages and report success.

Recovery walks to the first entry that is not valid. If nothing valid lies behind it, it is a torn tail and is cut
(zeroed); the range is returned. If anything valid lies behind it, or the chain of crcs is broken, nothing is touched
and JournalCorrupt says where. That also happens when a power loss kept a later page of one unsynced batch and lost an
earlier one: a person looks, because a machine cannot tell that from damage.
"""

import errno
import fcntl
import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from shm.errors import JournalCorrupt, JournalWriteFailed, LayoutMismatch, WriterAlreadyAlive
from shm.failpoints import (
    FP_COPY_PUBLISHED,
    FP_COPY_SYNCED,
    FP_COPY_WRITTEN,
    FP_SEGMENT_FULL,
    FP_SEGMENT_RENAMED,
    FP_SEGMENT_SYNCED,
    reach,
)
from shm.folders import make_folder, sync_folder
from shm.journal_view import JournalView, chain_holds, entries_valid, entry_dtype, leading
from shm.records.journal_file import JOURNAL_FILE, JOURNAL_FILE_ENTRIES_OFFSET, JOURNAL_FILE_MAGIC

FILE_ENTRIES = 65_536  # 12 MiB of 192-byte entries: scanned in well under a second, made about once a minute at most
COPY_ENTRIES_MAX = 4_096  # one batch: bounds what a single sync waits for
KEEP = "keep the files for a person; the system stays halted"


def file_path(folder: Path, first_seq: int) -> Path:
    """Name of the file that starts at `first_seq`."""
    return Path(folder) / f"{first_seq:020d}.journal"


def list_files(folder: Path) -> list[tuple[int, Path]]:
    """(first sequence, path) of every journal file, in order. Drafts of a file that was never finished do not count."""
    return sorted((int(path.stem), path) for path in Path(folder).glob("*.journal") if path.stem.isdigit())


def read_header(path: Path, handle: int) -> np.void:
    """The JOURNAL_FILE record of an open file. Raises JournalCorrupt when it is not one."""
    content = os.pread(handle, JOURNAL_FILE.itemsize, 0)
    header = np.frombuffer(content.ljust(JOURNAL_FILE.itemsize, b"\0"), JOURNAL_FILE)[0]
    whole = header["magic"] == JOURNAL_FILE_MAGIC and header["crc"] == zlib.crc32(content[:56])
    if not whole or int(path.stem) != header["first_seq"] or header["entry_bytes"] < 64 or header["entries"] < 1:
        raise JournalCorrupt(where=str(path), expected="a journal file header", found=repr(content[:24]), do=KEEP)
    return header


def read_entries(handle: int, header: np.void, index: int, count: int) -> np.ndarray:
    """`count` entries from `index` on as records; what the file does not have reads as zeros. One private copy."""
    entry_bytes = int(header["entry_bytes"])
    content = bytearray(count * entry_bytes)
    got = os.preadv(handle, [content], JOURNAL_FILE_ENTRIES_OFFSET + index * entry_bytes) if count else 0
    while 0 < got < len(content):
        more = os.preadv(handle, [memoryview(content)[got:]], JOURNAL_FILE_ENTRIES_OFFSET + index * entry_bytes + got)
        if more == 0:
            break
        got += more
    return np.frombuffer(content, entry_dtype(entry_bytes))


class DiskTail(NamedTuple):
    """What recovery found: the next sequence, the crc to chain on, and the torn bytes that were cut."""

    tail_seq: int
    prev_crc: int
    cut_bytes: int


class JournalDisk:
    """The files of one journal, with one writer at a time (file lock)."""

    def __init__(self, folder: Path, entry_bytes: int, file_entries: int = FILE_ENTRIES):
        self.folder, self.entry_bytes, self.file_entries = Path(folder), entry_bytes, file_entries
        self.failed = 0  # error number of the first failed write or sync
        self._lock = self._handle = -1
        self._header: np.void | None = None

    def recover(self) -> DiskTail:
        """Open for appending: find the tail, cut what is torn, refuse what is corrupt. Makes the first file if none.

        Reads the last two files whole; readers verify the rest as they read it.
        """
        try:
            make_folder(self.folder)
        except OSError as error:
            raise self._give_up("creation of the folder", error) from error
        self._take_lock()
        try:
            return self._recover()
        except BaseException:
            self.close()
            raise

    def _recover(self) -> DiskTail:
        for draft in self.folder.glob("*.new"):
            draft.unlink()
        files = list_files(self.folder)
        if not files:
            self._create(0, 0)
            return DiskTail(0, 0, 0)
        headers = [self._checked_header(path) for _, path in files]
        for (first, path), header in zip(files[1:], headers[:-1], strict=True):
            if first != header["first_seq"] + header["entries"]:
                end = int(header["first_seq"] + header["entries"])
                raise JournalCorrupt(where=str(path), expected=f"to start at {end}", found=first, do=KEEP)
        crc = None
        if len(files) > 1:
            valid, crc = self._scan(files[-2][1], headers[-2])
            if valid < headers[-2]["entries"]:
                raise self._corrupt(files[-2][1], headers[-2], valid, "the file behind it exists")
        if crc is not None and crc != headers[-1]["prev_crc"]:
            raise self._corrupt(files[-1][1], headers[-1], 0, "its prev_crc is not the crc of the file before")
        self._handle, self._header = os.open(files[-1][1], os.O_RDWR), headers[-1]
        valid, crc = self._scan(files[-1][1], headers[-1])
        cut_bytes = self._cut(files[-1][1], valid)
        return DiskTail(int(headers[-1]["first_seq"]) + valid, crc, cut_bytes)

    def append(self, sequence: int, entries: np.ndarray) -> None:
        """Write whole entries at their place, not synced. Raises JournalWriteFailed, from then on always.

        `entries` is a run of slots, in place. Rotates when a file is full: syncs it first, then makes the next.
        """
        self._refuse_after_failure()
        content = memoryview(entries.view(np.uint8))
        try:
            while len(content):
                index = sequence - int(self._header["first_seq"])
                room = int(self._header["entries"]) - index
                if room == 0:
                    self._rotate(sequence)
                    continue
                count = min(room, len(content) // self.entry_bytes)
                size = count * self.entry_bytes
                written = os.pwrite(
                    self._handle, content[:size], JOURNAL_FILE_ENTRIES_OFFSET + index * self.entry_bytes
                )
                if written != size:
                    raise OSError(errno.EIO, f"short write: {written} of {size} bytes")
                sequence, content = sequence + count, content[size:]
        except OSError as error:
            raise self._give_up("write", error) from error

    def seek(self, sequence: int) -> None:
        """Go to the file that holds `sequence`. A copier writes again from the watermark on what it may have written.

        What is on disk behind the watermark is not trusted to be synced: a sync may have failed in an earlier life,
        and the page cache would not tell.
        """
        first, path = [(first, path) for first, path in list_files(self.folder) if first <= sequence][-1]
        if first != self._header["first_seq"]:
            os.close(self._handle)
            self._handle, self._header = os.open(path, os.O_RDWR), self._checked_header(path)

    def sync(self) -> None:
        """Make everything appended durable. Raises JournalWriteFailed, from then on always."""
        self._refuse_after_failure()
        try:
            os.fdatasync(self._handle)
        except OSError as error:
            raise self._give_up("sync", error) from error

    def free_bytes(self) -> int:
        """Bytes that this user can still write on that file system, for the low-space alarm."""
        space = os.statvfs(self.folder)
        return space.f_bavail * space.f_frsize

    def close(self) -> None:
        """Release the files and the lock; what was not synced stays unsynced."""
        for handle in (self._handle, self._lock):
            if handle >= 0:
                os.close(handle)
        self._handle = self._lock = -1

    # --- inside -------------------------------------------------------------------------------------------------------

    def _rotate(self, sequence: int) -> None:
        """Sync the full file and go to the next one, which exists when these entries were written before."""
        last = read_entries(self._handle, self._header, int(self._header["entries"]) - 1, 1)[0]["head"]
        os.fdatasync(self._handle)
        os.close(self._handle)
        self._handle = -1
        path = file_path(self.folder, sequence)
        if path.exists():
            self._handle, self._header = os.open(path, os.O_RDWR), self._checked_header(path)
        else:
            reach(FP_SEGMENT_FULL)
            self._create(sequence, int(last["crc"]))

    def _take_lock(self) -> None:
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WriterAlreadyAlive(
                where=str(self.folder), expected="one process that writes", found="a second", do="stop the other"
            ) from error

    def _checked_header(self, path: Path) -> np.void:
        handle = os.open(path, os.O_RDONLY)
        try:
            header = read_header(path, handle)
        finally:
            os.close(handle)
        if header["entry_bytes"] != self.entry_bytes:
            raise LayoutMismatch(
                where=str(path),
                expected=f"entries of {self.entry_bytes} bytes",
                found=f"{header['entry_bytes']} bytes",
                do="move the old journal away after the last session of the old version is settled",
            )
        return header

    def _scan(self, path: Path, header: np.void) -> tuple[int, int]:
        """(valid entries at the start, crc of the last one). Refuses what lies behind them, and a broken chain."""
        handle = os.open(path, os.O_RDONLY)
        try:
            entries = read_entries(handle, header, 0, int(header["entries"]))
        finally:
            os.close(handle)
        mask = entries_valid(entries, int(header["first_seq"]))
        valid = leading(mask)
        if mask[valid:].any():
            behind = int(header["first_seq"]) + valid + int(np.argmax(mask[valid:]))
            raise self._corrupt(path, header, valid, f"entry {behind} behind it is valid")
        if not chain_holds(entries[:valid], int(header["prev_crc"])):
            raise self._corrupt(path, header, 0, "the chain of crcs is broken")
        return valid, int(entries["head"]["crc"][valid - 1]) if valid else int(header["prev_crc"])

    def _cut(self, path: Path, valid: int) -> int:
        """Zero everything behind the tail, and give the file its full size again. Returns the torn bytes."""
        entries = int(self._header["entries"])
        torn = read_entries(self._handle, self._header, valid, entries - valid).view(np.uint8)
        used = np.flatnonzero(torn)
        size = JOURNAL_FILE_ENTRIES_OFFSET + entries * self.entry_bytes
        try:
            if len(used):
                os.pwrite(
                    self._handle,
                    bytes(int(used[-1]) + 1),
                    JOURNAL_FILE_ENTRIES_OFFSET + valid * self.entry_bytes,
                )
            if os.fstat(self._handle).st_size != size:
                os.ftruncate(self._handle, size)
                os.posix_fallocate(self._handle, 0, size)
            os.fsync(self._handle)
        except OSError as error:
            raise self._give_up("cut", error) from error
        return int(used[-1]) + 1 if len(used) else 0

    def _create(self, first_seq: int, prev_crc: int) -> None:
        """Make the next file: whole and synced under another name, then renamed, then the folder synced."""
        path = file_path(self.folder, first_seq)
        draft = path.with_suffix(".new")
        header = np.zeros(1, JOURNAL_FILE)
        header["magic"], header["entry_bytes"], header["entries"] = (
            JOURNAL_FILE_MAGIC,
            self.entry_bytes,
            self.file_entries,
        )
        header["first_seq"], header["prev_crc"], header["created_ns"] = first_seq, prev_crc, time.time_ns()
        header["crc"] = zlib.crc32(header.tobytes()[:56])
        try:
            handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o640)
            try:
                os.posix_fallocate(handle, 0, JOURNAL_FILE_ENTRIES_OFFSET + self.file_entries * self.entry_bytes)
                if os.pwrite(handle, header.tobytes(), 0) != JOURNAL_FILE.itemsize:
                    raise OSError(errno.EIO, "short write of a file header")
                os.fsync(handle)
                reach(FP_SEGMENT_SYNCED)
                os.rename(draft, path)
                reach(FP_SEGMENT_RENAMED)
                sync_folder(self.folder)
            except BaseException:
                os.close(handle)
                raise
        except OSError as error:
            raise self._give_up("creation of a file", error) from error
        self._handle, self._header = handle, header[0]

    def _refuse_after_failure(self) -> None:
        if self.failed:
            raise self._error("an earlier write or sync failed")

    def _give_up(self, what: str, error: OSError) -> JournalWriteFailed:
        self.failed = self.failed or error.errno or errno.EIO
        return self._error(f"{what} failed: {error}")

    def _error(self, found: str) -> JournalWriteFailed:
        return JournalWriteFailed(
            where=str(self.folder),
            expected="a synced journal",
            found=found,
            do="halt, cancel, look at the disk; what is in memory is copied after a start with a sound disk",
        )

    def _corrupt(self, path: Path, header: np.void, index: int, found: str) -> JournalCorrupt:
        sequence = int(header["first_seq"]) + index
        return JournalCorrupt(where=f"{path}, entry {sequence}", expected="a valid entry", found=found, do=KEEP)


class JournalCopier:
    """Follows the hot memory of one journal onto its files. One copier thread; not thread-safe.

    Make it after `JournalDisk.recover` and `journal_open` (shm/journal.py) agreed on the tail. `ready(entries)`: how
    many leading entries of a run may go to the disk now, for a journal that must not be there ahead of another.
    """

    def __init__(self, view: JournalView, disk: JournalDisk, ready: Callable[[np.ndarray], int] = len):
        self.view, self.disk, self.ready = view, disk, ready
        self.copied = 0
        disk.seek(view.watermark)
        view.publish_failed(0)

    def copy_some(self, entries_max: int = COPY_ENTRIES_MAX) -> int:
        """Copy complete entries behind the watermark, sync, move the watermark. Returns how many; 0 means idle.

        Blocks for the disk (the interpreter is free meanwhile). Caller: the background thread, in a loop.
        Raises JournalWriteFailed once and for all; the memory then carries the error number for `journal_failed`.
        """
        sequence = self.view.watermark
        runs = self.view.pieces(sequence, entries_max)
        try:
            position = sequence
            for run in runs:
                count = self.ready(run)
                self.disk.append(position, run[:count])
                position += count
                if count < len(run):
                    break
            if position > sequence:
                reach(FP_COPY_WRITTEN)
                self.disk.sync()
                reach(FP_COPY_SYNCED)
        except JournalWriteFailed:
            self.view.publish_failed(self.disk.failed)
            raise
        if position > sequence:
            self.view.publish_watermark(position)
            reach(FP_COPY_PUBLISHED)
            self.copied += position - sequence
        return position - sequence

    def lag(self) -> tuple[int, int]:
        """(entries, bytes) that are in memory and not yet on disk."""
        entries = self.view.tail() - self.view.watermark
        return entries, entries * self.view.entry_bytes

    def close(self) -> None:
        """Copy what is left, then release the files. After an error nothing more is written."""
        try:
            while not self.disk.failed and self.copy_some():
                pass
        finally:
            self.disk.close()

"""RecordingFile: one part of a recording on disk, its bytes checked block by block. Cold; imports no numba.

```
<folder>/<instance>/<part>.recording     a part is one life of one instance: from its start to its end
+--------+---------------------------------------------------------------------+
| head   | magic, kind, number of bytes, crc32 of the bytes, crc32 of the head |
| bytes  | BLOCK_HEADER: JSON, what ran; BLOCK_ENTRIES: whole entries          |
|        | (records/recording_entry.py); BLOCK_READS: entries of kind READ;    |
|        | BLOCK_END: JSON, why it ended and how many entries there are        |
+--------+---------------------------------------------------------------------+
```
What a journal's reader saw stands in BLOCK_READS, before the entry of the section that used it. A part without
BLOCK_END was killed: its last milliseconds are missing.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from shm.errors import QuintetError
from shm.records.recording_entry import ITEM_HEAD_BYTES, RECORDING_ENTRY

HEAD = struct.Struct("<8sIQI")
HEAD_CRC = struct.Struct("<I")
HEAD_BYTES = HEAD.size + HEAD_CRC.size
MAGIC = b"QNTETREC"
BLOCK_HEADER, BLOCK_ENTRIES, BLOCK_READS, BLOCK_END = 1, 2, 3, 4
VERSION = 1
SUFFIX = ".recording"


class RecordingDamaged(QuintetError):
    """Bytes of a recording that are not what was written."""


class NoSuchRecording(QuintetError):
    """No recording in a folder, or none of that instance."""


class Item(NamedTuple):
    """One item of an entry."""

    kind: int
    index: int
    key: int
    payload: bytes


def write_block(file, kind: int, data: bytes) -> int:
    """Append one block. Returns the bytes written."""
    head = HEAD.pack(MAGIC, kind, len(data), zlib.crc32(data))
    for part in (head, HEAD_CRC.pack(zlib.crc32(head)), data):
        written = 0
        while written < len(part):
            written += file.write(memoryview(part)[written:])
    return HEAD_BYTES + len(data)


def blocks(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """(offset, kind, bytes) of every whole block; a torn last one is left out. Raises RecordingDamaged."""
    with open(path, "rb") as file:
        offset = 0
        while len(head := file.read(HEAD_BYTES)) == HEAD_BYTES:
            magic, kind, size, crc = HEAD.unpack_from(head)
            if magic != MAGIC or HEAD_CRC.unpack_from(head, HEAD.size)[0] != zlib.crc32(head[: HEAD.size]):
                raise _damaged(path, offset, "the head of a block", head.hex())
            data = file.read(size)
            if len(data) < size:
                return
            if zlib.crc32(data) != crc:
                raise _damaged(path, offset, f"{size} bytes with crc32 {crc:08x}", f"crc32 {zlib.crc32(data):08x}")
            yield offset, kind, data
            offset += HEAD_BYTES + size


def _damaged(path: Path, offset: int, expected: str, found: str) -> RecordingDamaged:
    do = "use another copy of the recording; what comes before can be read, what comes after cannot be trusted"
    return RecordingDamaged(where=f"{path}, block at byte {offset}", expected=expected, found=found, do=do)


def entries_in(data: bytes) -> Iterator[bytes]:
    """The entries of a block."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 8], "little")
        yield data[at : at + size]
        at += size


def head_of(entry: bytes) -> np.void:
    """RECORDING_ENTRY of an entry."""
    return np.frombuffer(entry, RECORDING_ENTRY, 1)[0]


def items_in(data: bytes) -> Iterator[Item]:
    """Items of a run of items: an entry's inputs behind its head, or its outputs."""
    at = 0
    while at < len(data):
        word, key = struct.unpack_from("<qq", data, at)
        size = word >> 32
        at += ITEM_HEAD_BYTES
        yield Item(word & 255, word >> 8 & 0xFFFFFF, key, data[at : at + size])
        at += (size + 7) & -8


class Part(NamedTuple):
    """One part: its file and what ran."""

    path: Path
    header: dict

    @property
    def instance(self) -> str:
        return self.header["instance"]


def read_part(path: Path) -> Part:
    """The part in a file. Raises RecordingDamaged."""
    first = next(blocks(path), None)
    if first is None or first[1] != BLOCK_HEADER:
        raise _damaged(path, 0, "a header", "none: the role died at once")
    header = json.loads(first[2])
    if header["version"] != VERSION:
        raise _damaged(path, 0, f"version {VERSION} of the format", str(header["version"]))
    return Part(path, header)


def find_parts(folder: Path, instance: str | None = None) -> list[Part]:
    """Parts of a recording in the order of instance and start. Raises NoSuchRecording, RecordingDamaged."""
    paths = sorted(path for path in Path(folder).glob(f"*/*{SUFFIX}") if instance in (None, path.parent.name))
    if not paths:
        raise NoSuchRecording(
            where=str(folder),
            expected=f"a recording of {instance or 'any instance'}",
            found="none",
            do="name the folder that was given to --record",
        )
    return [read_part(path) for path in paths]


def next_path(folder: Path, instance: str) -> Path:
    """Where the next part of an instance goes; its folder is made."""
    place = Path(folder) / instance
    place.mkdir(parents=True, exist_ok=True)
    numbers = [int(path.stem) for path in place.glob(f"*{SUFFIX}")]
    return place / f"{max(numbers, default=0) + 1:04d}{SUFFIX}"

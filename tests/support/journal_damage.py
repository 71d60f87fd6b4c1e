"""A journal in files, damaged copies of it, and what its readers must say of each: the oracle compares bytes."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from shm.errors import JournalCorrupt, JournalGone
from shm.journal_disk import JournalDisk, list_files
from shm.journal_reader import JournalReader
from shm.journal_verify import verify
from shm.journal_view import entry_dtype
from shm.records.journal_end import JOURNAL_HEAD_BYTES, journal_entry_bytes
from shm.records.journal_file import JOURNAL_FILE_ENTRIES_OFFSET
from tests.support.journal import JournalBench

PAYLOAD_BYTES, FILE_ENTRIES, ENTRIES = 256, 10, 47
ENTRY_BYTES = journal_entry_bytes(PAYLOAD_BYTES)
FILE_BYTES = JOURNAL_FILE_ENTRIES_OFFSET + FILE_ENTRIES * ENTRY_BYTES
LAST_FILES = 2  # recovery reads these; readers verify the others


def written(folder: Path) -> dict[str, bytes]:
    """{file name: content} of a journal of ENTRIES entries, the last file not full."""
    bench = JournalBench(folder, PAYLOAD_BYTES, 16, FILE_ENTRIES)
    bench.start()
    while bench.ends[0]["next_seq"] < ENTRIES:
        bench.append(min(7, ENTRIES - int(bench.ends[0]["next_seq"])))
        bench.copier.copy_some()
    bench.stop()
    return {path.name: path.read_bytes() for _, path in list_files(bench.folder)}


def place(sequence: int) -> tuple[str, int]:
    """(file name, offset) of an entry."""
    first = sequence // FILE_ENTRIES * FILE_ENTRIES
    return f"{first:020d}.journal", JOURNAL_FILE_ENTRIES_OFFSET + (sequence - first) * ENTRY_BYTES


def carried(entry: np.ndarray) -> np.ndarray:
    """Bytes of an entry that mean something: head without its reserved word, payload in whole words."""
    words = -(-int(entry.view(entry_dtype(ENTRY_BYTES))[0]["head"]["payload_bytes"]) // 8)
    return np.concatenate([entry[:56], entry[JOURNAL_HEAD_BYTES : JOURNAL_HEAD_BYTES + 8 * words]])


def damaged_from(before: dict[str, bytes], after: dict[str, bytes]) -> tuple[int, bool]:
    """(first entry that is not what it was, ENTRIES if none; whether a sound one lies behind it)."""
    sound = []
    for sequence in range(ENTRIES):
        name, at = place(sequence)
        old = np.frombuffer(before[name][at : at + ENTRY_BYTES], np.uint8)
        new = np.frombuffer(after.get(name, b"")[at : at + ENTRY_BYTES].ljust(ENTRY_BYTES, b"\0"), np.uint8)
        sound.append(len(carried(old)) == len(carried(new)) and bool((carried(old) == carried(new)).all()))
    first = sound.index(False) if False in sound else ENTRIES
    return first, any(sound[first + 1 :])


class Found(NamedTuple):
    """What each reader of a journal said: how many entries, or -1 for refused."""

    verified: int
    read: int
    recovered: int


def put(folder: Path, files: dict[str, bytes]) -> None:
    """Make the folder hold exactly these files."""
    folder.mkdir(exist_ok=True)
    held = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in held.keys() - files.keys():
        (folder / name).unlink()
    for name, content in files.items():
        if held.get(name) != content:
            (folder / name).write_bytes(content)


def ask(folder: Path) -> Found:
    """Let verify, a reader and a recovery look at it, in this order: only the last one may write."""
    verdict = verify(folder)
    reader, read = JournalReader(folder), 0
    try:
        for chunk in reader.chunks(0, 3):
            read += len(chunk)
    except (JournalCorrupt, JournalGone):
        read = -1
    reader.close()
    disk, before = JournalDisk(folder, ENTRY_BYTES, FILE_ENTRIES), {p.name: p.read_bytes() for p in folder.iterdir()}
    try:
        recovered = disk.recover().tail_seq
        disk.close()
    except JournalCorrupt:
        recovered = -1
        after = {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "lock"}
        assert after == {name: content for name, content in before.items() if name != "lock"}, "touched what it refused"
    return Found(-1 if verdict.problem else verdict.tail_seq, read, recovered)


def check(folder: Path, before: dict[str, bytes], after: dict[str, bytes], what: str) -> None:
    """Damage with a sound entry behind it is refused; damage at the end is a tail, cut exactly where it begins."""
    put(folder, after)
    found = ask(folder)
    first, sound_behind = damaged_from(before, after)
    if not sound_behind:
        assert found == (first, first, first), f"{what}: damaged from entry {first} on, nothing behind it: {found}"
        return
    assert (found.verified, found.read) == (-1, -1), (
        f"{what}: entry {first} is damaged, others behind it are not: {found}"
    )
    last_files_begin = (ENTRIES // FILE_ENTRIES + 1 - LAST_FILES) * FILE_ENTRIES
    assert found.recovered == -1 or first < last_files_begin, f"{what}: recovery took entry {first}: {found}"

"""Power loss: every process and all shared memory at once, and on each disk any subset of what was not synced.

P4: of each journal at least everything up to its watermark is left, byte for byte; what is missing lies behind it and
is named. P2: identifiers go on above all that were ever used. A machine that comes up again knows nothing of its orders
at the venue: it may not trade before its positions are the venue's.
"""

from typing import NamedTuple

from shm.errors import JournalCorrupt
from shm.journal_disk import JournalDisk
from shm.journal_reader import JournalReader
from tests.support.simulation.disk import FILE_ENTRIES
from tests.support.simulation.invariants import JOURNALS


class Mark(NamedTuple):
    """One journal at the moment of the loss: where it lies, what was synced, the crc of each of its entries."""

    folder: object
    entry_bytes: int
    watermark: int
    crcs: list[int]


def lose_power(run) -> dict[str, Mark]:
    """Everything stops. Afterwards a new, empty life of the fabric exists and no role runs."""
    run.note("power is lost")
    marks = {}
    for name in JOURNALS:
        tail = run.checks.tails[name]
        folder = run.machine.fabric.state_folder / "journal" / str(run.machine.fabric.epoch) / name
        marks[name] = Mark(folder, tail.view.entry_bytes, tail.view.watermark, tail.crcs)
    for seat in run.seats.values():
        if seat.alive:
            run.machine.kill(seat, power_lost=True)
    run.machine.destroy()
    run.machine.create(fresh=False)
    return marks


def check_disk(mark: Mark) -> int:
    """P4 for one journal. Returns how many entries are missing; a hole before valid ones stops with its place."""
    reader = JournalReader(mark.folder)
    kept: list[int] = []
    try:
        for chunk in reader.chunks(0):
            kept += chunk["head"]["crc"].tolist()
    except JournalCorrupt as found:
        assert len(kept) >= mark.watermark, f"P4: {found}; everything before {mark.watermark} was synced"
    finally:
        reader.close()
    assert len(kept) >= mark.watermark, f"P4: {len(kept)} entries left, {mark.watermark} were synced"
    assert kept == mark.crcs[: len(kept)], "P4: what is left is not what was written"
    disk = JournalDisk(mark.folder, mark.entry_bytes, FILE_ENTRIES)
    try:
        tail = disk.recover()
        assert tail.tail_seq == len(kept), f"P4: recovered up to {tail.tail_seq}, {len(kept)} entries are valid"
    except JournalCorrupt as found:  # a later sector of the last batch was kept and an earlier one was not
        assert f"entry {len(kept)}" in str(found), found
    finally:
        disk.close()
    return len(mark.crcs) - len(kept)

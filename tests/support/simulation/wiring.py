"""Wiring of a simulated process: the real shared memory, a simulated disk, and a copier that the scheduler runs."""

from procs.runtime.wiring import Wiring
from shm.ends import journal_end_at
from shm.ids import IdBlock
from shm.ids_disk import ID_LAST_MAX
from shm.journal import journal_open
from shm.journal_disk import JournalCopier
from shm.journal_view import JournalView
from shm.records.journal_end import journal_entry_bytes
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.segment_header import SEGMENT_KIND_JOURNAL
from tests.support.simulation.disk import SimulatedDisk

ID_BLOCK = 32  # small: blocks are reserved often


class SimulatedWiring(Wiring):
    """As Wiring, without threads. `die` forgets everything as the kernel does for a killed process."""

    def __init__(self, fabric: str, instance: str):
        super().__init__(fabric, instance)
        self.disk: SimulatedDisk | None = None
        self.copier: JournalCopier | None = None
        self.id_files: list[IdBlock] = []
        self.opened_readers = []

    def journal(self):
        """JOURNAL_END[1], resumed; the copier is the scheduler's to run."""
        journal = self._journals[self.instance]
        segment = self._adopt(journal.name, SEGMENT_KIND_JOURNAL, JOURNAL_ENTRY, journal.entries)
        entry_bytes = journal_entry_bytes(journal.payload_bytes)
        self.disk = SimulatedDisk(self.journal_folder, entry_bytes)
        found = self.disk.recover()
        end = journal_end_at(segment.address, journal.payload_bytes, journal.entries)
        journal_open(end[0], found.tail_seq, found.prev_crc, self.epoch)
        self.copier = JournalCopier(JournalView(segment.bytes, entry_bytes, journal.entries), self.disk)
        return end

    def journal_reader(self, instance: str):
        """As Wiring, and closed when the process dies."""
        reader = super().journal_reader(instance)
        self.opened_readers.append(reader)
        return reader

    def ids(self, last: int = ID_LAST_MAX) -> IdBlock:
        """Durable identifiers in small blocks."""
        block = IdBlock(self.state_folder / "ids" / self.instance, ID_BLOCK, last=last)
        self.id_files.append(block)  # first: it may die in the next line, and its file is closed all the same
        block.open()
        return block

    def die(self) -> None:
        """kill -9: descriptors are closed, mappings go, nothing is said to anybody."""
        for held in (*self.opened_readers, *self.id_files):
            held.close()
        for segment in self._segments:
            segment.adopted = False  # the owner's words stay as a killed process leaves them
            segment.close()

"""Failed journals: a firm whose record could not be written is not armed again before the roles that write it are new.

After a failed write or sync a role lives on, so that it can cancel and be read, but what it appends reaches no disk any
more: order_sender enters nothing, and what risk_gate decided would be lost with the power. Only a start on a sound disk
mends that. No numba.
"""

import os

from procs.runtime.objects import JournalObject, journals_of
from shm.errors import Fatal
from shm.journal_view import JournalView
from shm.records.journal_end import journal_entry_bytes
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.segment_header import SEGMENT_KIND_JOURNAL
from shm.segment import attach_segment


class JournalFailedThere(Fatal):
    """Nothing is armed while a role's journal takes no more."""


def refuse_failed_journals(config, epoch: int) -> None:
    """Raises JournalFailedThere for the first journal whose write or sync failed in the process that runs now."""
    for instance, journal in journals_of(config).items():
        number = _failed(config.name, epoch, journal)
        if number:
            do = f"see to the disk, then end {instance} (kill its process): it is started again and reads what is there"
            raise JournalFailedThere(
                where=f"journal of {instance}", expected="a disk that takes it", found=os.strerror(number), do=do
            )


def _failed(fabric: str, epoch: int, journal: JournalObject) -> int:
    """Error number of a journal's last write or sync; 0 while it is well."""
    segment = attach_segment(fabric, epoch, journal.name, SEGMENT_KIND_JOURNAL, JOURNAL_ENTRY, journal.entries)
    view = JournalView(segment.bytes, journal_entry_bytes(journal.payload_bytes), journal.entries)
    number = view.failed
    del view  # before its memory goes
    segment.close()
    return number

"""Journal tail: every entry of one journal as it appears in memory, once."""

import numpy as np

from procs.runtime.objects import journals_of
from shm.journal_view import JournalView
from shm.records.journal_end import journal_entry_bytes


class JournalTail:
    """Follows one instance's journal through the fabric creator's own mapping."""

    def __init__(self, fabric, instance: str, digest):
        shape = journals_of(fabric.config)[instance]
        segment = next(held for held in fabric._kept if held.full_name.endswith(f".{shape.name}"))
        self.view = JournalView(segment.bytes, journal_entry_bytes(shape.payload_bytes), shape.entries)
        self.sequences = self.view.entries["head"]["journal_seq"]
        self.mask, self.next_seq, self.digest = shape.entries - 1, 0, digest
        self.crcs: list[int] = []  # of every entry so far; each covers those before it

    def new(self) -> list[tuple[int, int, bytes]]:
        """(kind, logic time, payload) of each entry that was completed since the last call."""
        if self.sequences[self.next_seq & self.mask] != self.next_seq + 1:
            return []
        found = []
        while len(chunk := self.view.read(self.next_seq, self.mask + 1)):
            self.next_seq += len(chunk)
            self.crcs += chunk["head"]["crc"].tolist()
            kinds, times = chunk["head"]["kind"].tolist(), chunk["head"]["now_ns"].tolist()
            sizes = chunk["head"]["payload_bytes"].tolist()
            for row, payload in enumerate(chunk["payload"]):
                found.append((kinds[row], times[row], payload[: sizes[row]].tobytes()))
                self.digest.update(found[-1][2])
        return found


def record(payload: bytes, dtype: np.dtype, offset: int = 0) -> np.void:
    """The record at the start of a payload."""
    return np.frombuffer(payload, dtype, 1, offset)[0]

"""Journal memory and entries as numpy sees them: for the copier, recovery and readers. Imports no numba.

Words are read and written through int64 views of the mapping: on x86-64 an aligned 8-byte access is one instruction,
in program order with calls of the interpreter between. The hot end is shm/journal.py. A process that has compiled code
anyway lets it judge entries, twenty times as fast (`judge_with`); oms and the command line do without numba, whose
import costs them half a second.
"""

from collections.abc import Callable

import numpy as np

from shm.records.journal_end import (
    JOURNAL_ENTRIES_OFFSET,
    JOURNAL_FAILED_OFFSET,
    JOURNAL_HEAD_BYTES,
    JOURNAL_START_OFFSET,
    JOURNAL_WATERMARK_OFFSET,
)
from shm.records.journal_entry import JOURNAL_ENTRY

ALL_ONES = np.uint32(0xFFFFFFFF)


def entry_dtype(entry_bytes: int) -> np.dtype:
    """One journal entry as a record: `head` (JOURNAL_ENTRY) and `payload` (bytes)."""
    return np.dtype([("head", JOURNAL_ENTRY), ("payload", "u1", (entry_bytes - JOURNAL_HEAD_BYTES,))])


def _crc_tables() -> np.ndarray:
    """Eight tables of CRC32C: table k advances a byte over k more zero bytes ("slicing by eight")."""
    tables = np.zeros((8, 256), np.uint32)
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        tables[0, byte] = crc
    for k in range(1, 8):
        tables[k] = tables[0][tables[k - 1] & 255] ^ (tables[k - 1] >> 8)
    return tables


_TABLES = _crc_tables()


def _fold(crc: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Fold one 8-byte word of each entry (two uint32 columns) into its crc."""
    low = crc ^ low
    folded = _TABLES[7][low & 255] ^ _TABLES[6][low >> 8 & 255] ^ _TABLES[5][low >> 16 & 255] ^ _TABLES[4][low >> 24]
    folded ^= _TABLES[3][high & 255] ^ _TABLES[2][high >> 8 & 255]
    return folded ^ _TABLES[1][high >> 16 & 255] ^ _TABLES[0][high >> 24]


def entry_crcs(entries: np.ndarray) -> np.ndarray:
    """CRC32C of each entry as int64; -1 where payload_bytes is impossible. Twin of `_entry_crc` in shm/journal.py.

    Word order: journal_seq, stamp_ns, now_ns, kind with payload_bytes, epoch, whole payload words, prev_crc.
    Cost: about 1 us an entry of 192 bytes, thousands at once.
    """
    halves = np.ascontiguousarray(entries).view("<u4").reshape(len(entries), -1)
    sizes = entries["head"]["payload_bytes"].astype(np.int64)
    possible = (sizes >= 0) & (sizes <= entries.dtype["payload"].itemsize)
    words = np.where(possible, (sizes + 7) // 8, 0)
    crc = np.full(len(entries), ALL_ONES)
    for word in (0, 1, 2, 5, 6):
        crc = _fold(crc, halves[:, 2 * word], halves[:, 2 * word + 1])
    for k in range(int(words.max(initial=0))):
        word = JOURNAL_HEAD_BYTES // 8 + k
        crc = np.where(k < words, _fold(crc, halves[:, 2 * word], halves[:, 2 * word + 1]), crc)
    crc = _fold(crc, halves[:, 8], halves[:, 9]) ^ ALL_ONES
    return np.where(possible, crc.astype(np.int64), -1)


_judge: Callable[[int, int, int, int, int, int], None] | None = None  # compiled twin of `_judge_in_numpy`


def judge_with(judge: Callable[[int, int, int, int, int, int], None]) -> None:
    """Let `judge(entries_addr, count, entry_bytes, payload_bytes_max, first_seq, mask_addr)` judge entries from now on.

    Caller: shm/journal.py, when it is imported.
    """
    global _judge
    _judge = judge


def entries_valid(entries: np.ndarray, first_seq: int) -> np.ndarray:
    """Mask of the entries that carry the sequence of their place and whose crc holds. The chain is not looked at."""
    if _judge is None or not entries.flags.c_contiguous:
        return _judge_in_numpy(entries, first_seq)
    valid = np.zeros(len(entries), bool)
    dtype = entries.dtype
    shape = (len(entries), dtype.itemsize, dtype["payload"].itemsize)
    _judge(entries.ctypes.data, *shape, first_seq, valid.ctypes.data)
    return valid


def _judge_in_numpy(entries: np.ndarray, first_seq: int) -> np.ndarray:
    valid = entries["head"]["journal_seq"] == np.arange(first_seq + 1, first_seq + 1 + len(entries))
    places = np.flatnonzero(valid)
    if len(places):
        some = entries[places]
        valid[places] = entry_crcs(some) == some["head"]["crc"]
    return valid


def leading(mask: np.ndarray) -> int:
    """Number of True before the first False."""
    return int(np.argmin(mask)) if not mask.all() else len(mask)


def chain_holds(entries: np.ndarray, prev_crc: int | None = None) -> bool:
    """Whether each entry names the crc of the one before; of the first one too, when `prev_crc` is given."""
    heads = entries["head"]
    if len(heads) and prev_crc is not None and heads["prev_crc"][0] != prev_crc:
        return False
    return bool((heads["prev_crc"][1:] == heads["crc"][:-1]).all())


LOOK_FIRST = 16  # entries looked at before the first answer, eight times as many each time after


class JournalView:
    """A journal object in memory. `memory`: all of it, segment header included; may be read-only for readers."""

    def __init__(self, memory, entry_bytes: int, capacity: int):
        self._memory = np.frombuffer(memory, np.uint8)
        self._words = self._memory[:JOURNAL_ENTRIES_OFFSET].view(np.int64)
        self.entry_bytes, self.capacity = entry_bytes, capacity
        end = JOURNAL_ENTRIES_OFFSET + capacity * entry_bytes
        self.entries = self._memory[JOURNAL_ENTRIES_OFFSET:end].view(entry_dtype(entry_bytes))
        self._sequences = self.entries["head"]["journal_seq"]

    @property
    def started(self) -> bool:
        """Whether the writer has begun this epoch."""
        return int(self._words[JOURNAL_START_OFFSET // 8]) != 0

    @property
    def first_seq(self) -> int:
        """First sequence of this epoch."""
        return int(self._words[JOURNAL_START_OFFSET // 8 + 1])

    @property
    def watermark(self) -> int:
        """Entries before it are on disk and synced."""
        return int(self._words[JOURNAL_WATERMARK_OFFSET // 8])

    def publish_watermark(self, sequence: int) -> None:
        """Caller: the copier, after the sync. Pairs with the acquire in `journal_claim`."""
        self._words[JOURNAL_WATERMARK_OFFSET // 8] = sequence

    @property
    def failed(self) -> int:
        """Error number of the copier's last write or sync; 0 while it is well."""
        return int(self._words[JOURNAL_FAILED_OFFSET // 8])

    def publish_failed(self, number: int) -> None:
        """Caller: the copier, before it raises; or at open, with 0."""
        self._words[JOURNAL_FAILED_OFFSET // 8] = number

    def pieces(self, sequence: int, limit: int) -> list[np.ndarray]:
        """Complete entries from `sequence` on, in place, at most `limit`: one or two runs of slots, or none.

        They stay as they are while they are at or behind the watermark: for the copier.
        """
        runs = []
        while limit > 0:
            slot = sequence & (self.capacity - 1)
            count = min(limit, self.capacity - slot)
            ready = self._ready(sequence, slot, count)
            if ready:
                runs.append(self.entries[slot : slot + ready])
            if ready < count or slot == 0:
                break
            sequence, limit = sequence + ready, limit - ready
        return runs

    def _ready(self, sequence: int, slot: int, count: int) -> int:
        """How many entries from `slot` on are complete. Looks at few when few are: the copier asks all the time."""
        ready, look = 0, LOOK_FIRST
        while ready < count:
            look = min(look, count - ready)
            wanted = np.arange(sequence + ready + 1, sequence + ready + 1 + look)
            found = leading(self._sequences[slot + ready : slot + ready + look] == wanted)
            ready += found
            if found < look:
                break
            look *= 8
        return ready

    def tail(self) -> int:
        """First sequence that is not complete in memory. Any process may ask; a moving writer makes it a moment old."""
        for _ in range(8):
            watermark = self.watermark
            tail = watermark + sum(len(run) for run in self.pieces(watermark, self.capacity))
            if self.watermark == watermark:  # else slots that were counted on may have been used again
                break
        return tail

    def read(self, sequence: int, limit: int) -> np.ndarray:
        """Copies of complete entries from `sequence` on, at most `limit`; empty when that one is not in memory.

        The writer clears a slot's sequence word before it fills the slot again, so a word that is the same after the
        copy as before says that the copy is whole.
        """
        for run in self.pieces(sequence, limit)[:1]:
            copy = run.copy()
            wanted = np.arange(sequence + 1, sequence + 1 + len(copy))
            return copy[: leading(run["head"]["journal_seq"] == wanted)]
        return np.empty(0, self.entries.dtype)

"""ReplayWiring: the objects of a recorded instance in private memory, as the recording says that they were.

Every call takes the next ENTRY_CALL of the recording and puts what it says into the new object, so `open_` and
`recover` find what they found then. Objects get the numbers that they had (procs/runtime/recorded_wiring.py).
"""

import ctypes
from collections import deque
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from config.load import Config
from procs.runtime.control_names import control_writers, scope_names
from procs.runtime.recorded_wiring import PAGE_WORDS
from procs.runtime.recorder import CALL_MORE, Recorder
from procs.runtime.recording_file import Item, head_of, items_in
from procs.runtime.wiring import Shape
from shm.atomics import address_of
from shm.ends import control_end_at, journal_end_at
from shm.errors import QuintetError
from shm.ids import ids_words
from shm.recording_again import put_inputs
from shm.records.clock_page import CLOCK_PAGE
from shm.records.control_end import CONTROL_WORDS_OFFSET, control_bytes
from shm.records.instance import INSTANCE
from shm.records.journal_end import JOURNAL_END, JOURNAL_WATERMARK_OFFSET, journal_bytes, journal_entry_bytes
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.recording_entry import ITEM_IMAGE, ITEM_IN_HEAD, RECORDING_ENTRY
from shm.records.ring_end import RING_SLOTS_OFFSET, RING_STATS_OFFSET
from shm.ring import ring_resume_consumer, ring_resume_producer
from shm.scratch import scratch_block, scratch_bytes, scratch_me, scratch_ring, scratch_table

HEAD_BYTES = RECORDING_ENTRY.itemsize
LOG_BYTES = 1 << 12  # nothing is written: the smallest that there is


class OtherCalls(QuintetError):
    """The role that is replayed attaches to other things than the one that was recorded."""


class Reads:
    """What was read of one journal: entries by sequence, how many each read gave, the tails that were asked for."""

    def __init__(self):
        self.entries: dict[int, bytes] = {}
        self.counts: dict[int, deque[int]] = {}
        self.tails: deque[int] = deque()
        self.first_seq = 0

    def take(self, sequence: int, data: bytes, entry_bytes: int) -> None:
        """One answer of the reader."""
        if not data and sequence < 0:
            self.first_seq = -1 - sequence
            return
        if not data:
            self.tails.append(sequence)
            return
        count = len(data) // entry_bytes
        self.counts.setdefault(sequence, deque()).append(count)
        for number in range(count):
            self.entries[sequence + number] = data[number * entry_bytes : (number + 1) * entry_bytes]


class ReplayReader:
    """The answers of a journal's reader while it was recorded."""

    life_first_seq = 0  # a recording begins with a life that goes on with none

    def __init__(self, dtype: np.dtype, reads: Reads):
        self._dtype, self._reads, self._store = dtype, reads, reads.entries

    def read(self, sequence: int, limit: int = 4096) -> np.ndarray:
        """Entries from `sequence` on: as many as a read from there gave then, else as far as any was read."""
        found = []
        counts = self._reads.counts.get(sequence)
        limit = counts.popleft() if counts else limit
        while len(found) < limit and sequence + len(found) in self._store:
            found.append(self._store[sequence + len(found)])
        return np.frombuffer(bytearray(b"".join(found)), self._dtype)

    def chunks(self, from_seq: int = 0, limit: int = 4096):
        """As JournalReader."""
        while len(chunk := self.read(from_seq, limit)):
            yield chunk
            from_seq += len(chunk)

    def entries(self, from_seq: int = 0):
        """As JournalReader."""
        for chunk in self.chunks(from_seq):
            for entry in chunk:
                yield entry["head"], entry["payload"].tobytes()[: entry["head"]["payload_bytes"]]

    def tail_seq(self) -> int:
        """As it was answered then."""
        return self._reads.tails.popleft() if self._reads.tails else max(self._store, default=-1) + 1

    def crc_of(self, sequence: int) -> int | None:
        """As JournalReader."""
        chunk = self.read(sequence, 1)
        return int(chunk["head"]["crc"][0]) if len(chunk) else None

    @property
    def view(self) -> Reads:
        """What roles ask of the memory: `first_seq`."""
        return self._reads

    @property
    def folder(self) -> str:
        """For messages."""
        return "(replay)"

    def close(self) -> None:
        """Nothing is open."""


class ReplayIds:
    """Identifier words that the recording fills."""

    def __init__(self):
        self.words = ids_words()

    def extend(self) -> bool:
        """Blocks come from the recording."""
        return False


class ReplayWiring(Shape):
    """`calls`: the ENTRY_CALL entries in order, filled by whoever reads the recording; `journals`: names by number."""

    scratch = False

    def __init__(self, config: Config, instance: str, epoch: int, journals: list[str]):
        super().__init__(config, instance)
        self.epoch, self.recorder = epoch, Recorder(LOG_BYTES)
        self.calls: deque[bytes] = deque()
        self._names = journals
        self._reads: dict[int, Reads] = {}
        self._readers = 0
        self._files = TemporaryDirectory(prefix="quintet-replay-")
        self._held: dict[str, np.ndarray] = {}
        self._clock_addr = 0
        self.recorder.tape["playing"] = 1
        self.page = np.zeros(1, INSTANCE)[0]

    def add_read(self, entry: bytes) -> None:
        """Keep the journal entries of an ENTRY_READ."""
        name = self._names[int(head_of(entry)["detail"])]
        item = next(items_in(entry[HEAD_BYTES:]))
        reads = self._reads.setdefault(item.index, Reads())
        reads.take(item.key, item.payload, self._entry_dtype(name).itemsize)

    def add_file(self, entry: bytes) -> None:
        """Put a file of an ENTRY_FILE where the role looks for it."""
        item = next(items_in(entry[HEAD_BYTES:]))
        path = self.journal_folder / item.payload[: item.key].decode()
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(item.payload[item.key :])

    @property
    def journal_folder(self) -> Path:
        """A folder of our own with the files that stood beside the journal."""
        return Path(self._files.name)

    def _entry_dtype(self, instance: str) -> np.dtype:
        payload = journal_entry_bytes(self._journals[instance].payload_bytes) - JOURNAL_ENTRY.itemsize
        return np.dtype([("head", JOURNAL_ENTRY), ("payload", "u1", (payload,))])

    def _call(self, what: str) -> list[bytes]:
        """The entries of the next call."""
        entries = []
        while self.calls and (not entries or int(head_of(entries[-1])["detail"]) == CALL_MORE):
            entries.append(self.calls.popleft())
        if not entries:
            raise OtherCalls(
                where=f"{self.instance}, {what}",
                expected="the calls of the wiring that were recorded",
                found="one more",
                do="replay with the sources that were recorded",
            )
        return entries

    def _items(self, entries: list[bytes], kind: int) -> list[Item]:
        return [item for entry in entries for item in items_in(entry[HEAD_BYTES:]) if item.kind == kind]

    def _apply(self, entries: list[bytes]) -> None:
        for entry in entries:
            held = np.frombuffer(entry, np.uint8)
            put_inputs(self.recorder.r, address_of(held))

    def _paint(self, entries: list[bytes], address: int) -> None:
        for item in self._items(entries, ITEM_IMAGE):
            ctypes.memmove(address + item.key, item.payload, len(item.payload))

    # --- what the role attaches to ------------------------------------------------------------------------------------

    @property
    def clock_addr(self) -> int:
        """Address of a CLOCK_PAGE whose stamps come from the tape."""
        if not self._clock_addr:
            entries = self._call("clock")
            page = scratch_block(CLOCK_PAGE.itemsize).view(CLOCK_PAGE)
            page[:] = np.frombuffer(self._items(entries, ITEM_IN_HEAD)[0].payload, CLOCK_PAGE)
            self._clock_addr = self.recorder.clock(page)
            self._apply(entries)
        return self._clock_addr

    def me(self) -> np.ndarray:
        """INSTANCE_END[1] of a page that nobody reads."""
        end = scratch_me()
        end["clock_addr"] = self.clock_addr
        self._paint(self._call("me"), int(end[0]["counters_addr"]))
        return end

    def rings_in(self, noun: str) -> np.ndarray:
        """RING_END[n] whose slots the recording fills."""
        entries, ends = self._call(f"rings {noun}"), []
        heads = self._items(entries, ITEM_IN_HEAD)
        for ring, head in zip(self._inputs(noun), heads, strict=True):
            end = scratch_ring(ring.dtype, ring.capacity)[1]
            ctypes.c_int64.from_address(int(end[0]["head_addr"])).value = head.key
            ring_resume_consumer(end[0])
            self.recorder.add_ring_in(0, int(end[0]["slots_addr"]), end[0])
            self.recorder.add_block(0, int(end[0]["behind_addr"]), 1)
            ends.append(end)
        self._apply(entries)
        return np.concatenate(ends)

    def rings_out(self, noun: str) -> np.ndarray:
        """RING_END[n] that nobody consumes; where the consumers stood is in the recording."""
        ends = []
        for ring in self._outputs(noun):
            entries, end = self._call(f"ring {ring.name}"), scratch_ring(ring.dtype, ring.capacity)[0]
            self.recorder.add_block(0, int(end[0]["head_addr"]), 1)
            self.recorder.add_block(0, int(end[0]["caught_up_addr"]), 1)
            self._apply(entries)
            self._paint(entries, int(end[0]["slots_addr"]) - RING_SLOTS_OFFSET + RING_STATS_OFFSET)
            ring_resume_producer(end[0])
            self.recorder.add_ring_out(ring.name, ring.dtype, end[0])
            ends.append(end)
        return np.concatenate(ends)

    def table(self, name: str) -> np.ndarray:
        """TABLE_END[1] as it was then."""
        table = self._tables[self._table_name(name)]
        entries = self._call(f"table {name}")
        if f"table {name}" not in self._held:
            end = self._held[f"table {name}"] = scratch_table(table.dtype, table.rows)
            if table.owner == self.instance:
                self._paint(entries, int(end[0]["rows_addr"]))
                self.recorder.add_table_out(table.name, table.dtype, end[0])
            else:
                self.recorder.add_table_in(0, end[0])
        self._apply(entries)
        return self._held[f"table {name}"].copy()

    def control(self) -> np.ndarray:
        """CONTROL_END[1] as it was then."""
        entries = self._call("control")
        scopes, writers = scope_names(self.config), control_writers(self.config)
        sizes = (len(writers), len(scopes.sessions), len(scopes.strategies), len(scopes.instruments))
        end = control_end_at(scratch_bytes(control_bytes(*sizes)), *sizes, writers.index(self.instance))
        row, total = end[0], control_bytes(*sizes) - CONTROL_WORDS_OFFSET
        width, own = int(row["block_bytes"]), int(row["words_addr"])
        at = int(row["writer"]) * width
        self._paint(entries, own + at)
        for begin, size in ((0, at), (at + width, total - at - width)):
            self.recorder.add_block(0, own + begin, size // 8)
        self.recorder.set_own_control(scratch_bytes(width), own + at, width // 8)
        self._apply(entries)
        return end

    def journal(self, order: Callable | None = None) -> np.ndarray:
        """JOURNAL_END[1] whose memory and place are as they were; nothing is written to disk."""
        entries = self._call("journal")
        journal = self._journals[self.instance]
        address = scratch_bytes(journal_bytes(journal.payload_bytes, journal.entries))
        end = journal_end_at(address, journal.payload_bytes, journal.entries)
        held = np.frombuffer(self._items(entries, ITEM_IN_HEAD)[0].payload, JOURNAL_END)
        for name in ("next_seq", "watermark_cached", "prev_crc", "epoch", "refusals"):
            end[name] = held[name]
        self._paint(entries, address + JOURNAL_WATERMARK_OFFSET)
        self.recorder.add_block(0, int(end[0]["watermark_addr"]), 2)
        self._apply(entries)
        self._held["journal"] = end
        self.recorder.set_journal(end)
        return end

    def journal_reader(self, instance: str) -> ReplayReader:
        """What was read of that journal."""
        self._readers += 1
        return ReplayReader(self._entry_dtype(instance), self._reads.setdefault(self._readers - 1, Reads()))

    def ids(self, *last) -> ReplayIds:
        """Identifiers from the recording."""
        entries, block = self._call("ids"), ReplayIds()
        self.recorder.set_ids(0, address_of(block.words))
        self._apply(entries)
        return block

    def hand_over(self, words: np.ndarray, letters: list[np.ndarray]) -> tuple[int, list[int]]:
        """The arrays themselves: the recording writes what the control thread wrote."""
        own = [address_of(letter) for letter in letters]
        sizes = [(0, at, letter.nbytes) for at, letter in zip(own, letters, strict=True)]
        self.recorder.set_hand_over(None, words, sizes)
        return address_of(words), own

    def pages(self, role: str) -> np.ndarray:
        """int64[n]: pages of which the recording knows the words that were read."""
        entries = self._call(f"pages of {role}")
        pages = [scratch_bytes(INSTANCE.itemsize) for _ in self.config.topology.of_role(role)]
        for page in pages:
            for offset, words in PAGE_WORDS:
                self.recorder.add_block(0, page + offset, words)
        self._apply(entries)
        return np.array(pages, np.int64)

    def note_error(self, code: int, detail_a: int = 0, detail_b: int = 0) -> None:
        """Errors of the control thread are not replayed."""

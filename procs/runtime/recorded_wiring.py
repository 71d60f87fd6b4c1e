"""RecordedWiring: the real objects of a running fabric, with private mirrors in front of everything that others write.

The role's own outputs stay the shared objects themselves; only the heads of its output rings, which the consumers move,
are mirrored words. What a call found is logged in one entry, and procs/runtime/replay_wiring.py gives it out again.
"""

import ctypes
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from config.load import encode
from procs.runtime.recorder import CALL_LAST, Recorder
from procs.runtime.recording_writer import RecordingWriter
from procs.runtime.wiring import Wiring
from shm.atomics import address_of
from shm.counters import RECORDING_BYTES
from shm.ids import IDS_END, IDS_NEXT, ids_words
from shm.journal_reader import JournalReader
from shm.recording import take_block, take_ids, take_ring, take_table
from shm.records.clock_page import CLOCK_PAGE
from shm.records.control_end import CONTROL_WORDS_OFFSET, control_bytes
from shm.records.instance import COUNTERS_MAX, INSTANCE
from shm.records.journal_end import JOURNAL_ENTRIES_OFFSET, JOURNAL_WATERMARK_OFFSET
from shm.records.recording_entry import (
    ENTRY_FILE,
    ENTRY_READ,
    ENTRY_SECTION,
    ITEM_HEAD_BYTES,
    ITEM_IN_HEAD,
    ITEM_IN_IDS,
    ITEM_IN_WORD,
    RECORDING_ENTRY,
)
from shm.records.ring_end import RING_SLOTS_OFFSET, RING_STATS_OFFSET
from shm.scratch import scratch_block, scratch_bytes
from shm.segment import HEADER_BYTES

PAGE_WORDS = ((INSTANCE.fields["incarnation"][1], 2), (INSTANCE.fields["step_ns"][1], 1))  # what roles read of others


class RecordedIds:
    """An IdBlock whose words the role does not share with the control thread: blocks pass through the loop."""

    def __init__(self, block):
        self.block, self.words = block, ids_words()
        for word in (IDS_NEXT, IDS_END):
            self.words[word] = block.words[word]

    def extend(self) -> bool:
        """As IdBlock: reserve the next block when the last was passed on."""
        return self.block.extend()


class RecordedReader(JournalReader):
    """A reader whose answers are logged. `keep(named, sequence, bytes)` takes them: entries, or none for a tail."""

    def __init__(self, reader: JournalReader, named: tuple[str, int], keep):
        super().__init__(reader.folder, reader.view)
        self._named, self._keep, self._first = named, keep, 0

    def read(self, sequence: int, limit: int = 4096) -> np.ndarray:
        """As JournalReader."""
        chunk = super().read(sequence, limit)
        if threading.current_thread() is not threading.main_thread():
            return chunk  # the copier's looks decide what goes to disk, nothing that the role gives out
        if self.view is not None and self.view.first_seq != self._first:
            self._first = int(self.view.first_seq)
            self._keep(self._named, -1 - self._first, b"")
        if len(chunk):
            self._keep(self._named, sequence, chunk.tobytes())
        return chunk

    def tail_seq(self) -> int:
        """As JournalReader."""
        tail = super().tail_seq()
        self._keep(self._named, tail, b"")
        return tail


class RecordedWiring(Wiring):
    """A Wiring that records. `folder`: config.run.record."""

    def __init__(self, fabric: str, instance: str, recorder: Recorder | None = None):
        super().__init__(fabric, instance)
        self.recorder = recorder or Recorder()
        config = self.config
        header = {
            "instance": instance,
            "epoch": self.epoch,
            "incarnation": int(self.page["incarnation"]),
            "started_ns": int(self.page["start_ns"]),
            "journals": [held.name for held in config.topology.instances],
            "config": encode(config).decode(),
        }
        self.writer = RecordingWriter(self.recorder, Path(config.run.record), header)
        self.writer.start()
        self._numbers = {name: number for number, name in enumerate(header["journals"])}
        self._clock_addr = self._readers = 0
        self._held: dict[str, object] = {}
        self.recorder.r["me_addr"] = address_of(self._keep_array(super().me()))

    def _keep_array(self, array: np.ndarray) -> np.ndarray:
        self._held[f"array {address_of(array)}"] = array
        return array

    def _commit(self) -> None:
        self.recorder.commit(CALL_LAST, self.writer.wait)

    # --- what the role attaches to ------------------------------------------------------------------------------------

    @property
    def clock_addr(self) -> int:
        """Address of the role's own CLOCK_PAGE, which puts every stamp on the tape."""
        if not self._clock_addr:
            self.recorder.begin()
            page = self._keep_array(self._clock.view(HEADER_BYTES, CLOCK_PAGE))
            self._clock_addr = self.recorder.clock(page)
            self.recorder.put(ITEM_IN_HEAD, 0, 0, page.tobytes())
            self._commit()
        return self._clock_addr

    def me(self) -> np.ndarray:
        """INSTANCE_END[1] with that clock."""
        end = super().me()
        end["clock_addr"] = self.clock_addr
        self.recorder.begin()
        self.recorder.put_image(0, int(end[0]["counters_addr"]), COUNTERS_MAX * 8, self.writer.wait)
        self._commit()
        return end

    def rings_in(self, noun: str) -> np.ndarray:
        """RING_END[n] over copies of the consumed rings."""
        ends = super().rings_in(noun)
        self.recorder.begin()
        for row in range(len(ends)):
            end, slots = ends[row], scratch_bytes(int(ends[row]["capacity"] * ends[row]["slot_bytes"]))
            number = self.recorder.add_ring_in(int(end["slots_addr"]), slots, end)
            end["next_addr"] += slots - end["slots_addr"]
            end["slots_addr"] = slots
            self.recorder.put(ITEM_IN_HEAD, number, int(end["next_seq"]), b"")
            self._mirror_word(end, "behind_addr")
            take_ring(self.recorder.r, number)
        self._commit()
        return ends

    def _mirror_word(self, end: np.void, name: str) -> int:
        """Put a copy of a word that the other side writes in front of an end. Returns the block's number."""
        own = scratch_bytes(64)
        block = self.recorder.add_block(int(end[name]), own, 1)
        end[name] = own
        take_block(self.recorder.r, block)
        return block

    def rings_out(self, noun: str) -> np.ndarray:
        """RING_END[n] of the produced rings themselves; where the consumers stand comes through the mirrors."""
        ends = super().rings_out(noun)
        for row, ring in enumerate(self._outputs(noun)):
            end = ends[row]
            self.recorder.begin()
            number = len(self.recorder.rings_out)
            data_addr = int(end["slots_addr"]) - RING_SLOTS_OFFSET
            size = RING_SLOTS_OFFSET + int(end["capacity"] * end["slot_bytes"])
            held = int(end["head_cached"])
            block = self._mirror_word(end, "head_addr")
            self.recorder.put_word(ITEM_IN_WORD, block, 0, int(end["head_addr"]), held)
            self._mirror_word(end, "caught_up_addr")
            self.recorder.put_image(number, data_addr + RING_STATS_OFFSET, size - RING_STATS_OFFSET, self.writer.wait)
            self.recorder.add_ring_out(ring.name, ring.dtype, end)
            self._commit()
        return ends

    def table(self, name: str) -> np.ndarray:
        """TABLE_END[1]: our own table itself, or a copy of what others write, as it is now."""
        table = self._tables[self._table_name(name)]
        self.recorder.begin()
        if f"table {name}" not in self._held:
            end = self._held[f"table {name}"] = super().table(name)
            size = int(end[0]["rows"] * end[0]["stride"])
            if table.owner == self.instance:
                self.recorder.put_image(len(self.recorder.tables_out), int(end[0]["rows_addr"]), size, self.writer.wait)
                self.recorder.add_table_out(table.name, table.dtype, end[0])
            else:
                source, end[0]["rows_addr"] = int(end[0]["rows_addr"]), scratch_bytes(size)
                self._held[f"number {name}"] = self.recorder.add_table_in(source, end[0])
        if table.owner != self.instance:
            take_table(self.recorder.r, self._held[f"number {name}"])
        self._commit()
        return self._held[f"table {name}"].copy()

    def control(self) -> np.ndarray:
        """CONTROL_END[1] over a copy; what the step says in its own row is passed on behind the step."""
        end = super().control().copy()
        row = end[0]
        sizes = (int(row[name]) for name in ("writers", "sessions", "strategies", "instruments"))
        total = control_bytes(*sizes) - CONTROL_WORDS_OFFSET  # states, acknowledgements, the operator's cancels
        width, source = int(row["block_bytes"]), int(row["words_addr"])
        own = scratch_bytes(total)
        row["acks_addr"] += own - source
        row["words_addr"] = own
        at = int(row["writer"]) * width
        ctypes.memmove(own + at, source + at, width)
        self.recorder.begin()
        self.recorder.put_image(0, own + at, width, self.writer.wait)
        for begin, size in ((0, at), (at + width, total - at - width)):
            take_block(self.recorder.r, self.recorder.add_block(source + begin, own + begin, size // 8))
        self.recorder.set_own_control(source + at, own + at, width // 8)
        self._commit()
        return end

    def journal(self, order: Callable | None = None) -> np.ndarray:
        """JOURNAL_END[1] of our journal itself; the watermark comes through the mirrors. Snapshot files are kept."""
        for path in sorted(self.journal_folder.glob("*/*.snapshot")):
            if path.is_file():
                name = str(path.relative_to(self.journal_folder)).encode()
                self._keep_bytes(ENTRY_FILE, 0, 0, len(name), name + path.read_bytes())
        end = super().journal(order)
        row = end[0]
        self.recorder.begin()
        own = scratch_bytes(64)
        block = self.recorder.add_block(int(row["watermark_addr"]), own, 2)
        object_addr = int(row["entries_addr"]) - JOURNAL_ENTRIES_OFFSET
        size = JOURNAL_ENTRIES_OFFSET + int(row["capacity"] * row["entry_bytes"]) - JOURNAL_WATERMARK_OFFSET
        row["watermark_addr"] = own
        self.recorder.put_word(ITEM_IN_WORD, block, 0, own, int(row["watermark_cached"]))
        self.recorder.put(ITEM_IN_HEAD, 0, 0, end.tobytes())
        self.recorder.put_image(0, object_addr + JOURNAL_WATERMARK_OFFSET, size, self.writer.wait)
        self._held["journal"] = end
        self._commit()
        self.recorder.set_journal(end)
        return end

    def journal_reader(self, instance: str) -> JournalReader:
        """A reader whose entries go into the recording."""
        self._readers += 1
        return RecordedReader(super().journal_reader(instance), (instance, self._readers - 1), self._keep_read)

    def _keep_read(self, reader: tuple[str, int], sequence: int, data: bytes) -> None:
        self._keep_bytes(ENTRY_READ, self._numbers[reader[0]], reader[1], sequence, data)

    def _keep_bytes(self, kind: int, detail: int, index: int, key: int, data: bytes) -> None:
        """An entry of one item past the ring of bytes: it may be large, and no hot thread makes it."""
        head = np.zeros(1, RECORDING_ENTRY)
        whole = (len(data) + 7) & -8
        head["entry_bytes"] = RECORDING_ENTRY.itemsize + ITEM_HEAD_BYTES + whole
        head["kind"], head["detail"] = kind, detail
        head["number"] = self.recorder.r["entries"]
        head["outputs_at"] = head["entry_bytes"]
        item = np.array([ITEM_IN_HEAD | index << 8 | len(data) << 32, key], np.int64)
        self.writer.reads.append(head.tobytes() + item.tobytes() + data + bytes(whole - len(data)))

    def ids(self, *last) -> RecordedIds:
        """Identifiers of which the role's words are a copy."""
        block = RecordedIds(super().ids(*last))
        self.recorder.begin()
        self.recorder.set_ids(address_of(block.block.words), address_of(block.words))
        self.recorder.put(ITEM_IN_IDS, 0, 0, block.words[:4].tobytes())
        take_ids(self.recorder.r)
        self._commit()
        return block

    def hand_over(self, words: np.ndarray, letters: list[np.ndarray]) -> tuple[int, list[int]]:
        """Copies for the hot thread; words go both ways at each step, letters to it when word 0 changes."""
        mirror = scratch_block(words.nbytes).view(np.int64)
        own = [scratch_bytes(letter.nbytes) for letter in letters]
        for letter, copy in zip(letters, own, strict=True):
            ctypes.memmove(copy, address_of(letter), letter.nbytes)
        sizes = [(address_of(letter), copy, letter.nbytes) for letter, copy in zip(letters, own, strict=True)]
        self.recorder.set_hand_over(words, mirror, sizes)
        return address_of(mirror), own

    def pages(self, role: str) -> np.ndarray:
        """int64[n]: copies of the INSTANCE pages, of which the words that roles read are kept up to date."""
        sources = super().pages(role)
        copies = np.array([scratch_bytes(INSTANCE.itemsize) for _ in sources], np.int64)
        self.recorder.begin()
        for source, copy in zip(sources.tolist(), copies.tolist(), strict=True):
            for offset, words in PAGE_WORDS:
                take_block(self.recorder.r, self.recorder.add_block(source + offset, copy + offset, words))
        self._commit()
        return copies

    # --- the agent's calls --------------------------------------------------------------------------------------------

    def begin_section(self) -> None:
        """A part of the role that is not hot begins; the hot thread is not running."""
        self.recorder.begin_section()

    def end_section(self, section: int) -> None:
        """It has ended: log what it gave out. `section`: SECTION_*."""
        self.recorder.letters_back()
        self.recorder.end_section(ENTRY_SECTION, section, self.writer.wait)

    def watch_recording(self) -> str:
        """Count what was written; why the recording ended early, told once."""
        self._counters[RECORDING_BYTES] = self.writer.written
        return self.writer.ended_text()

    def close_background(self) -> None:
        """As Wiring; and the recording is written to its end."""
        self.writer.close()
        super().close_background()

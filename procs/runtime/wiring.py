"""Wiring: what a role attaches to, by noun. No role knows names, epochs or other instances.

`Wiring` maps the real objects of a fabric; `ScratchWiring` gives the same shapes in private memory, for the compile
step, warm-up and tests: one `open_` serves both, and the compiled types are the same.
"""

import ctypes
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from config.load import Config, decode
from config.placement import place
from procs.runtime.control_names import CONTROL_WORD, control_writers, scope_names
from procs.runtime.fill import instrument_rows, limit_rows
from procs.runtime.journal_thread import Background
from procs.runtime.objects import journals_of, rings_of
from procs.runtime.page import introduce, note_error
from procs.runtime.paths import runtime_folder, state_folder
from procs.runtime.tables import tables_of
from shm.atomics import address_of
from shm.codes import STATE_HALTED
from shm.control import SCOPE_FIRM
from shm.control_words import ControlWords
from shm.ends import control_end_at, journal_end_at
from shm.error_log import ERROR_JOURNAL_FAILED, ERROR_JOURNAL_TAIL
from shm.errors import JournalWriteFailed
from shm.ids import IdBlock, ids_hand_over, ids_wanted
from shm.ids_disk import ID_LAST_MAX
from shm.instance import HOT_ERROR_ROWS
from shm.journal import journal_open
from shm.journal_disk import DiskTail, JournalCopier, JournalDisk
from shm.journal_reader import JournalReader
from shm.journal_view import JournalView
from shm.latest import latest_claim, latest_publish
from shm.records.clock_page import CLOCK_PAGE
from shm.records.error_row import ERROR_ROW
from shm.records.histogram import HISTOGRAM, HISTOGRAM_BYTES
from shm.records.instance import (
    COUNTERS_MAX,
    COUNTERS_OFFSET,
    ERRORS_MAX,
    ERRORS_OFFSET,
    HISTOGRAMS_OFFSET,
    INSTANCE,
    INSTANCE_OFFSET,
)
from shm.records.journal_end import journal_bytes, journal_entry_bytes
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.segment_header import (
    SEGMENT_KIND_CLOCK,
    SEGMENT_KIND_CONTROL,
    SEGMENT_KIND_INSTANCE,
    SEGMENT_KIND_JOURNAL,
    SEGMENT_KIND_LATEST,
)
from shm.ring import ring_resume_consumer, ring_resume_newest, ring_resume_producer
from shm.roster import read_roster
from shm.scratch import (
    scratch_bytes,
    scratch_control,
    scratch_ids,
    scratch_journal,
    scratch_me,
    scratch_ring,
    scratch_table,
)
from shm.segment import HEADER_BYTES, Segment, attach_segment
from shm.segment_kinds import (
    attach_ring_consumer,
    attach_ring_producer,
    instance_end,
    ring_end_consumer,
    ring_end_producer,
    table_end,
)


class ScratchIds(NamedTuple):
    """Identifiers in memory only, with the face of an IdBlock."""

    words: np.ndarray

    def extend(self) -> bool:
        """There is always enough."""
        return False


class Shape:
    """What both wirings derive from the configuration alone."""

    scratch: bool
    recorder = None  # procs/runtime/recorder.py, where the instance is recorded

    def __init__(self, config: Config, instance: str):
        self.config = config
        self.instance = instance
        self.role = config.topology.instance(instance).role
        self.index = [held.name for held in config.topology.of_role(self.role)].index(instance)
        self.place = place(config)[instance]
        self.state_folder = state_folder(config.name)
        self.runtime_folder = runtime_folder(config.name)
        self._rings = rings_of(config)
        self._tables = tables_of(config)
        self._journals = journals_of(config)

    def _inputs(self, noun: str):
        return [ring for ring in self._rings if ring.noun == noun and ring.consumer == self.instance]

    def _outputs(self, noun: str):
        return [ring for ring in self._rings if ring.noun == noun and ring.producer == self.instance]

    def ring_names_in(self, noun: str) -> list[str]:
        """Names of the rings of `noun` that this instance consumes, in topology order."""
        return [ring.name for ring in self._inputs(noun)]

    def ring_names_out(self, noun: str) -> list[str]:
        """Names of the rings of `noun` that this instance produces, in topology order."""
        return [ring.name for ring in self._outputs(noun)]

    def peers_out(self, noun: str) -> list[str]:
        """Consumers of the rings of `noun` that this instance produces, in the order of `rings_out`."""
        return [ring.consumer for ring in self._outputs(noun)]

    def peers_in(self, noun: str) -> list[str]:
        """Producers of the rings of `noun` that this instance consumes, in the order of `rings_in`."""
        return [ring.producer for ring in self._inputs(noun)]

    def headrooms_out(self, noun: str) -> np.ndarray:
        """int64[n]: slots of each produced ring that only cancels may take."""
        return np.array([ring.headroom for ring in self._outputs(noun)], np.int64)

    def _table_name(self, name: str) -> str:
        return f"working.{self.instance}" if name == "working" else name

    @property
    def journal_folder(self):
        """Disk journal of this instance in this epoch: one epoch is one session with the venue."""
        return self.state_folder / "journal" / str(self.epoch) / self.instance


class ScratchWiring(Shape):
    """The same shapes in private memory. Nothing outside the process sees it; it opens no file."""

    scratch = True

    def __init__(self, config: Config, instance: str):
        super().__init__(config, instance)
        self.epoch = 0
        self.far_ends: dict[str, np.ndarray] = {}  # ring name -> the other side, for warm-up and tests

    def me(self) -> np.ndarray:
        """INSTANCE_END[1]."""
        return scratch_me()

    @property
    def clock_addr(self) -> int:
        """Address of the CLOCK_PAGE."""
        return int(scratch_me()[0]["clock_addr"])

    def rings_in(self, noun: str) -> np.ndarray:
        """RING_END[n] of the consumed rings of `noun`."""
        return self._scratch_rings(self._inputs(noun), 1)

    def rings_out(self, noun: str) -> np.ndarray:
        """RING_END[n] of the produced rings of `noun`."""
        return self._scratch_rings(self._outputs(noun), 0)

    def _scratch_rings(self, rings, side: int) -> np.ndarray:
        pairs = [scratch_ring(ring.dtype, ring.capacity) for ring in rings]
        for producer, consumer in pairs:  # as the real wiring does, so that these are compiled too
            ring_resume_producer(producer[0])
            ring_resume_consumer(consumer[0])
            ring_resume_newest(consumer[0])
        for ring, pair in zip(rings, pairs, strict=True):
            self.far_ends[ring.name] = pair[1 - side]
        return np.concatenate([pair[side] for pair in pairs])

    def table(self, name: str) -> np.ndarray:
        """TABLE_END[1] of a latest table; instruments and limits are filled from the configuration."""
        table = self._tables[self._table_name(name)]
        end = scratch_table(table.dtype, table.rows)
        if name in ("instruments", "limits"):
            _write_rows(end, instrument_rows(self.config) if name == "instruments" else limit_rows(self.config))
        return end

    def control(self) -> np.ndarray:
        """CONTROL_END[1], everything ACTIVE."""
        scopes = scope_names(self.config)
        return scratch_control(len(scopes.sessions), len(scopes.strategies), len(scopes.instruments))

    def journal(self, order: Callable | None = None) -> np.ndarray:
        """JOURNAL_END[1] of this instance's journal, memory only."""
        journal = self._journals[self.instance]
        return scratch_journal(journal.payload_bytes, journal.entries)

    def hand_over(self, words: np.ndarray, letters: list[np.ndarray]) -> tuple[int, list[int]]:
        """As `Wiring.hand_over`."""
        return address_of(words), [address_of(letter) for letter in letters]

    def ids(self, last: int = ID_LAST_MAX) -> "ScratchIds":
        """Identifiers that are not durable."""
        words = scratch_ids()
        if ids_wanted(words):  # what an IdBlock calls from Python is compiled with the rest
            ids_hand_over(words, int(words[1]), int(words[1]) + 1)
        return ScratchIds(words)

    def pages(self, role: str) -> np.ndarray:
        """int64[n]: addresses of the INSTANCE pages of every instance of a role."""
        count = len(self.config.topology.of_role(role))
        return np.array([int(scratch_me()[0]["page_addr"]) for _ in range(count)], np.int64)

    def journals(self, role: str) -> np.ndarray:
        """JOURNAL_END[n] of the journals of every instance of a role, in new memory and not opened: to look at them."""
        held = [self._journals[instance.name] for instance in self.config.topology.of_role(role)]
        shapes = [(journal.payload_bytes, journal.entries) for journal in held]
        return np.concatenate([journal_end_at(scratch_bytes(journal_bytes(*shape)), *shape) for shape in shapes])


class Wiring(Shape):
    """The real objects of a running fabric, attached as the topology says."""

    scratch = False

    def __init__(self, fabric: str, instance: str):
        roster = read_roster(fabric)
        self.epoch = roster.epoch
        super().__init__(decode(roster.blob), instance)
        self._segments: list[Segment] = []
        self._background: Background | None = None
        self._control: ControlWords | None = None
        self._me = self._adopt(f"instance.{instance}", SEGMENT_KIND_INSTANCE, INSTANCE, 1)
        self._clock = self._attach("clock", SEGMENT_KIND_CLOCK, CLOCK_PAGE, 1)
        self.page = self._me.view(INSTANCE_OFFSET, INSTANCE)[0]
        self._counters = self._me.view(COUNTERS_OFFSET, np.dtype("<i8"), COUNTERS_MAX)
        self._errors = self._me.view(ERRORS_OFFSET, ERROR_ROW, ERRORS_MAX)
        introduce(self.page, self.role, self.place.core)

    def _keep(self, segment: Segment) -> Segment:
        self._segments.append(segment)
        return segment

    def _attach(self, name: str, kind: int, dtype, capacity, writable: bool = False) -> Segment:
        return self._keep(attach_segment(self.config.name, self.epoch, name, kind, dtype, capacity, writable=writable))

    def _adopt(self, name: str, kind: int, dtype, capacity) -> Segment:
        return self._keep(
            attach_segment(self.config.name, self.epoch, name, kind, dtype, capacity, adopt=True, owner=self.instance)
        )

    def me(self) -> np.ndarray:
        """INSTANCE_END[1]."""
        return instance_end(self._me, self._clock)

    @property
    def clock_addr(self) -> int:
        """Address of the CLOCK_PAGE."""
        return int(self.me()[0]["clock_addr"])

    def drive_clock_addr(self) -> int:
        """Address of a writable CLOCK_PAGE. Caller: the one instance that drives logic time."""
        segment = self._attach("clock", SEGMENT_KIND_CLOCK, CLOCK_PAGE, 1, writable=True)
        return segment.address + HEADER_BYTES

    def rings_in(self, noun: str) -> np.ndarray:
        """RING_END[n] of the consumed rings of `noun`, resumed at head_seq."""
        ends = []
        for ring in self._inputs(noun):
            data, head = attach_ring_consumer(
                self.config.name, self.epoch, ring.name, ring.dtype, ring.capacity, self.instance
            )
            self._segments += [data, head]
            end = ring_end_consumer(data, head)
            ring_resume_consumer(end[0])
            ends.append(end)
        return np.concatenate(ends)

    def rings_out(self, noun: str) -> np.ndarray:
        """RING_END[n] of the produced rings of `noun`, resumed at the first unpublished slot."""
        ends = []
        for ring in self._outputs(noun):
            data, head = attach_ring_producer(
                self.config.name, self.epoch, ring.name, ring.dtype, ring.capacity, self.instance
            )
            self._segments += [data, head]
            end = ring_end_producer(data, head)
            ring_resume_producer(end[0])
            ends.append(end)
        return np.concatenate(ends)

    def table(self, name: str) -> np.ndarray:
        """TABLE_END[1] of a latest table: adopted when the topology says that we write it, else read-only."""
        table = self._tables[self._table_name(name)]
        attach = self._adopt if table.owner == self.instance else self._attach
        return table_end(attach(table.name, SEGMENT_KIND_LATEST, table.dtype, table.rows))

    def control(self) -> np.ndarray:
        """CONTROL_END[1] with our own writer row."""
        segment = self._attach("control", SEGMENT_KIND_CONTROL, CONTROL_WORD, None, writable=True)
        self._attach_control()
        scopes, writers = scope_names(self.config), control_writers(self.config)
        counts = (len(writers), len(scopes.sessions), len(scopes.strategies), len(scopes.instruments))
        return control_end_at(segment.address, *counts, writers.index(self.instance))

    def journal(self, order: Callable | None = None) -> np.ndarray:
        """JOURNAL_END[1] of this instance's journal, resumed; its copier starts in the background.

        `order(readers, config)` makes what holds entries back from the disk (`ready` of JournalCopier); it gets readers
        of the journals that our reports come from. What a power loss took is told here.
        """
        journal = self._journals[self.instance]
        segment = self._adopt(journal.name, SEGMENT_KIND_JOURNAL, JOURNAL_ENTRY, journal.entries)
        entry_bytes = journal_entry_bytes(journal.payload_bytes)
        disk = JournalDisk(self.journal_folder, entry_bytes, self.config.topology.journal_file_entries)
        found = disk.recover()
        end = journal_end_at(segment.address, journal.payload_bytes, journal.entries)
        view = JournalView(segment.bytes, entry_bytes, journal.entries)
        goes_on = found.tail_seq > 0 and not view.started
        journal_open(end[0], found.tail_seq, found.prev_crc, self.epoch)
        if found.cut_bytes or goes_on:
            self._tell_loss(found, goes_on, journal.entries)
        self._attach_control()  # before anything can fail
        readers = [self.plain_reader(name) for name in self.peers_in("reports")]
        ready = len if order is None else order(readers, self.config)
        self._background = Background(JournalCopier(view, disk, ready), self.halt_firm, journal.rest_seconds)
        self._background.start()
        return end

    def journal_reader(self, instance: str) -> JournalReader:
        """Reader of any instance's journal, for the role: disk first, then memory."""
        return self.plain_reader(instance)

    def plain_reader(self, instance: str) -> JournalReader:
        """The same for what is no part of the role: its journal's copier."""
        journal = self._journals[instance]
        segment = self._attach(journal.name, SEGMENT_KIND_JOURNAL, JOURNAL_ENTRY, journal.entries)
        view = JournalView(segment.bytes, journal_entry_bytes(journal.payload_bytes), journal.entries)
        return JournalReader(self.state_folder / "journal" / str(self.epoch) / instance, view)

    def hand_over(self, words: np.ndarray, letters: list[np.ndarray]) -> tuple[int, list[int]]:
        """Where the hot thread finds words that it shares with the control thread, and bytes that go with word 0.

        The arrays themselves; where the instance is recorded, copies that the loop keeps alike. `letters` are uint8
        arrays of whole words, written by the control thread before it changes word 0.
        """
        return address_of(words), [address_of(letter) for letter in letters]

    def ids(self, last: int = ID_LAST_MAX) -> IdBlock:
        """Durable identifiers of this instance up to `last`, opened: the first block is reserved on disk."""
        block = IdBlock(self.state_folder / "ids" / self.instance, self.config.topology.id_block, last=last)
        block.open()
        return block

    def pages(self, role: str) -> np.ndarray:
        """int64[n]: addresses of the INSTANCE pages of every instance of a role, read-only."""
        found = []
        for held in self.config.topology.of_role(role):
            segment = self._attach(f"instance.{held.name}", SEGMENT_KIND_INSTANCE, INSTANCE, 1)
            found.append(segment.address + INSTANCE_OFFSET)
        return np.array(found, np.int64)

    def journals(self, role: str) -> np.ndarray:
        """JOURNAL_END[n] of the journals of every instance of a role, read-only and not opened: to look at them."""
        found = []
        for held in self.config.topology.of_role(role):
            journal = self._journals[held.name]
            segment = self._attach(journal.name, SEGMENT_KIND_JOURNAL, JOURNAL_ENTRY, journal.entries)
            found.append(journal_end_at(segment.address, journal.payload_bytes, journal.entries))
        return np.concatenate(found)

    # --- the control thread's own words ---------------------------------------------------------------------------

    def label_histograms(self, labels: tuple[str, ...]) -> None:
        """Name the latency histograms of this instance."""
        for row, label in enumerate(labels):
            head = self._me.view(HISTOGRAMS_OFFSET + row * HISTOGRAM_BYTES, HISTOGRAM)[0]
            head["label"] = label.encode()

    def count_control(self, counter_id: int, amount: int) -> None:
        """Add to a control-thread counter (id 96 and above)."""
        self._counters[counter_id] += amount

    def note_error(self, code: int, detail_a: int = 0, detail_b: int = 0) -> None:
        """Count one occurrence of an ERROR_* code seen by the control thread."""
        note_error(self._errors[HOT_ERROR_ROWS:], code, detail_a, detail_b)

    def control_words(self) -> ControlWords:
        """The control words as people and signals use them."""
        if self._control is None:
            self._attach_control()
        return self._control

    def halt_firm(self) -> None:
        """Say HALTED for the firm in our own control row: a role that fails for good must not be traded around."""
        if self._control is not None:
            self._control.writer_set(control_writers(self.config).index(self.instance), SCOPE_FIRM, STATE_HALTED)

    def _tell_loss(self, found: DiskTail, goes_on: bool, entries: int) -> None:
        """Say which entries may be missing: the files tell where a power loss began, nothing tells where it ended."""
        self.note_error(ERROR_JOURNAL_TAIL, found.tail_seq, found.cut_bytes)
        text = f"{self.instance}: the journal ends at entry {found.tail_seq}"
        if found.cut_bytes:
            text += f", {found.cut_bytes} torn bytes behind it were cut"
        if goes_on:
            text += f"; its memory is gone, so entries from {found.tail_seq} on, at most {entries}, are missing"
        print(text, file=sys.stderr, flush=True)

    def disk_failed(self, error: JournalWriteFailed, number: int, sequence: int) -> None:
        """Stop trading because something could not be written, and say so: on the page, and in our log."""
        self.halt_firm()
        self.note_error(ERROR_JOURNAL_FAILED, number, sequence)
        print(f"{self.instance}: {error}", file=sys.stderr, flush=True)

    def _attach_control(self) -> None:
        """Map the control words, so that `halt_firm` needs nothing that could be missing when it is called."""
        segment = self._attach("control", SEGMENT_KIND_CONTROL, CONTROL_WORD, None, writable=True)
        self._control = ControlWords(segment.bytes, control_writers(self.config), scope_names(self.config))

    def raise_background_error(self) -> None:
        """Raise what stopped the journal's copier, on the control thread. A failed disk is not raised here.

        The copier halted the firm when its write or sync failed; this process lives on, because only order_sender can
        cancel what is open, and what the others hold in memory must stay readable. It fails when it is asked to leave.
        """
        if self._background is None or self._background.error is None:
            return
        if not isinstance(self._background.error, JournalWriteFailed):
            raise self._background.error
        if not self._background.told:
            self._background.told = True
            copier = self._background.copier
            self.disk_failed(self._background.error, copier.disk.failed, copier.view.watermark)

    def watch_journal(self, at_s: float) -> None:
        """Count what the journal copier does and what room it has. Caller: the control thread, with monotonic time."""
        if self._background is not None and not self._background.told:
            self._background.watch(self._counters, at_s)

    def watch_recording(self) -> str:
        """Why a recording of this instance ended early, told once; empty without one."""
        return ""

    def close_background(self) -> None:
        """Copy the journal to its tail and stop the copier."""
        if self._background is not None:
            self._background.leave.set()
            self._background.join()
            if self._background.error is not None:
                raise self._background.error
            self._background.copier.close()

    def detach(self) -> None:
        """Give up every object. Nothing hot may run afterwards."""
        for segment in self._segments:
            segment.close()


def _write_rows(end: np.ndarray, rows: np.ndarray) -> None:
    """Publish one version of every row of a scratch table."""
    for position in range(len(rows)):
        target = latest_claim(end[0], position)
        ctypes.memmove(int(target), address_of(rows[position : position + 1]), rows.dtype.itemsize)
        latest_publish(end[0], position)

"""Replay: run the steps of a recorded instance again and compare every byte that they give out.

The role is opened and recovered as it was, then each entry's inputs are put into the mirrors, its stamps on the tape,
and its step is called with its logic time. What the step publishes - records of rings, rows of latest tables, journal
entries, words of control, bytes for the venue - must be what the recording says. JIT on or off makes no difference.
"""

import ctypes
import importlib
import json
import time
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np

from config.load import decode
from procs.runtime.loop import step_target
from procs.runtime.prepare import load_role
from procs.runtime.recording_file import (
    BLOCK_END,
    BLOCK_ENTRIES,
    BLOCK_READS,
    Item,
    Part,
    blocks,
    entries_in,
    find_parts,
    head_of,
    items_in,
)
from procs.runtime.replay_wiring import ReplayWiring
from shm.atomics import address_of
from shm.codes import EXIT_CATCH_UP
from shm.journal_kinds import KIND_NAMES, parts_of
from shm.recording import entry_begin, log_outputs, note_offer, put_inputs, put_stamps, show_own_control
from shm.records.journal_end import JOURNAL_HEAD_BYTES
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.recording_entry import (
    ENTRY_CALL,
    ENTRY_READ,
    ENTRY_SECTION,
    ENTRY_STEP,
    ITEM_IN_FRAMES,
    ITEM_OUT_BYTES,
    ITEM_OUT_JOURNAL,
    ITEM_OUT_RING,
    ITEM_OUT_ROW,
    ITEM_SENT,
    RECORDING_ENTRY,
    SECTION_NAMES,
    SECTION_RECOVERED,
)

HEAD_BYTES = RECORDING_ENTRY.itemsize


class Difference(NamedTuple):
    """The first byte that came out otherwise."""

    entry: int  # of the part
    now_ns: int  # logic time of that step
    output: str  # ring, table, journal, control, or what the step did
    key: int  # sequence, row, scope
    field: str
    expected: object
    found: object

    def text(self) -> str:
        """One sentence."""
        place = f"entry {self.entry}, logic time {self.now_ns}: {self.output}, {self.key}, {self.field}"
        return f"{place}: expected {self.expected}, found {self.found}"


class Result(NamedTuple):
    """What became of one part. `ended`: its end as recorded, empty when it was killed."""

    part: Part
    steps: int
    outputs: int
    output_bytes: int
    seconds: float
    ended: str
    difference: Difference | None


class _Stop(Exception):
    """A difference was found."""

    def __init__(self, difference: Difference):
        self.difference = difference


class Replay:
    """One part, step by step. `before(entry number, state)` is called before each step: for a debugger and tests."""

    def __init__(self, part: Part, package: str = "procs", before: Callable[[int, object], None] | None = None):
        self.part, self.before = part, before
        header = part.header
        self.config = decode(header["config"].encode())
        self.role = load_role(package, self.config.topology.instance(part.instance).role)
        self.wiring = ReplayWiring(self.config, part.instance, header["epoch"], header["journals"])
        module, function = step_target(self.role, self.config, part.instance).split(":")
        self.step = getattr(importlib.import_module(module), function)
        self.sent = None
        if self.role.sent_again:
            module, function = self.role.sent_again.split(":")
            self.sent = getattr(importlib.import_module(module), function)
        self.r = self.wiring.recorder.r
        self.tape = self.wiring.recorder.tape[0]
        self.state = None
        self.reads: list[bytes] = []
        self.steps = self.outputs = self.output_bytes = 0
        self.ended = ""

    def run(self) -> Result:
        """All of it, or up to the first difference. Raises RecordingDamaged, OtherCalls."""
        begun, difference = time.monotonic(), None
        try:
            for entry in self._entries():
                self._one(entry)
        except _Stop as stop:
            difference = stop.difference
        seconds = time.monotonic() - begun
        return Result(self.part, self.steps, self.outputs, self.output_bytes, seconds, self.ended, difference)

    def _entries(self) -> Iterator[bytes]:
        for _, kind, data in blocks(self.part.path):
            if kind in (BLOCK_ENTRIES, BLOCK_READS):
                yield from entries_in(data)
            elif kind == BLOCK_END:
                self.ended = json.loads(data)["text"]

    def _one(self, entry: bytes) -> None:
        head = head_of(entry)
        kind = int(head["kind"])
        if kind == ENTRY_CALL:
            self.wiring.calls.append(entry)
        elif kind == ENTRY_READ:
            self.reads.append(entry)
        elif kind == ENTRY_SECTION:
            self._section(entry, head)
        elif kind == ENTRY_STEP:
            self._step(entry, head)

    # --- running ------------------------------------------------------------------------------------------------------

    def _section(self, entry: bytes, head: np.void) -> None:
        number = int(head["number"])
        for read in [read for read in self.reads if int(head_of(read)["number"]) <= number]:
            self.wiring.add_read(read)
        self.reads = [read for read in self.reads if int(head_of(read)["number"]) > number]
        if int(head["detail"]) == SECTION_RECOVERED:
            self.state = self.role.open_(self.wiring)
            self.wiring.recorder.set_ports(self.role, self.state)
            self._inputs(entry)
            self.role.recover(self.wiring, self.state)
        else:
            self._expect(head, "exit_request", EXIT_CATCH_UP, int(self.state.exit_request[0]))
            self._inputs(entry)
            self.role.catch_up(self.wiring, self.state)
            self.state.exit_request[0] = 0
        self._compare(entry, head, SECTION_NAMES[int(head["detail"])])

    def _step(self, entry: bytes, head: np.void) -> None:
        self._expect(head, "exit_request", 0, int(self.state.exit_request[0]))
        self._inputs(entry)
        if self.before is not None:
            self.before(int(head["number"]), self.state)
        work = self._frames(entry, head) + int(self.step(self.state, int(head["now_ns"])))
        self.steps += 1
        self._check_tape(head)
        if self.sent is not None:
            work += self._send(entry, head)
        self._expect(head, "work", int(head["work"]), work)
        self._compare(entry, head, "step")

    def _frames(self, entry: bytes, head: np.void) -> int:
        """Frames that poll_in had for the step."""
        if not self.role.poll_in:
            return 0
        return sum(item.key for item in _inputs_of(entry, head) if item.kind == ITEM_IN_FRAMES)

    def _send(self, entry: bytes, head: np.void) -> int:
        """What poll_out did, by what it returned and its stamps."""
        note_offer(self.r)
        sent = [item for item in _inputs_of(entry, head) if item.kind == ITEM_SENT] or [Item(ITEM_SENT, 0, 0, b"")]
        stamps = np.frombuffer(sent[0].payload or bytes(8), np.int64)
        put_stamps(self.r, address_of(stamps), len(sent[0].payload))
        return int(self.sent(self.state, sent[0].key))

    def _inputs(self, entry: bytes) -> None:
        held = np.frombuffer(entry, np.uint8)
        put_inputs(self.r, address_of(held))

    def _expect(self, head: np.void, field: str, expected: int, found: int) -> None:
        if expected != found:
            raise _Stop(
                Difference(int(head["number"]), int(head["now_ns"]), "step", self.steps, field, expected, found)
            )

    def _check_tape(self, head: np.void) -> None:
        first, end = int(self.tape["first_addr"]), int(self.tape["end_addr"])
        taken = (int(self.tape["next_addr"]) - first) // 8 + int(self.tape["missed"])
        self._expect(head, "stamps taken", (end - first) // 8, taken)

    # --- comparing ----------------------------------------------------------------------------------------------------

    def _compare(self, entry: bytes, head: np.void, what: str) -> None:
        entry_begin(self.r, 0, 0)
        show_own_control(self.r)
        log_outputs(self.r)
        size = int(self.r["used"]) - HEAD_BYTES
        found = ctypes.string_at(int(self.r["buffer_addr"]) + HEAD_BYTES, size)
        expected = entry[int(head["outputs_at"]) :]
        self.output_bytes += len(expected)
        if found == expected:
            self.outputs += sum(1 for _ in items_in(expected)) if expected else 0
            return
        for one, other in zip_longest(items_in(expected), items_in(found)):
            self.outputs += 1
            if one != other:
                raise _Stop(self._explain(head, one, other, what))

    def _explain(self, head: np.void, expected: Item | None, found: Item | None, what: str) -> Difference:
        place = (int(head["number"]), int(head["now_ns"]))
        named = expected or found
        name, dtype = self._named(named)
        if expected is None or found is None or expected[:3] != found[:3]:
            words = [self._place(item) for item in (expected, found)]
            return Difference(*place, name, named.key, f"what the {what} gave out", *words)
        for field, one, other in _fields(expected, found, dtype):
            if one != other:
                return Difference(*place, name, named.key, field, one, other)
        return Difference(*place, name, named.key, "bytes", expected.payload.hex(), found.payload.hex())

    def _place(self, item: Item | None) -> str:
        return "nothing more" if item is None else f"{self._named(item)[0]} {item.key}"

    def _named(self, item: Item) -> tuple[str, np.dtype | None]:
        recorder = self.wiring.recorder
        if item.kind == ITEM_OUT_RING:
            return f"ring {recorder.rings_out[item.index].name}", recorder.rings_out[item.index].dtype
        if item.kind == ITEM_OUT_ROW:
            return f"table {recorder.tables_out[item.index].name}", recorder.tables_out[item.index].dtype
        if item.kind == ITEM_OUT_JOURNAL:
            return "journal", None
        return "bytes to the venue" if item.kind == ITEM_OUT_BYTES else "control", None


def _inputs_of(entry: bytes, head: np.void) -> Iterator[Item]:
    return items_in(entry[HEAD_BYTES : int(head["outputs_at"])])


def _fields(expected: Item, found: Item, dtype: np.dtype | None) -> Iterator[tuple[str, object, object]]:
    """(field, expected, found) of two items of one kind, in the order that explains most."""
    if expected.kind == ITEM_OUT_JOURNAL:
        heads = [np.frombuffer(item.payload, JOURNAL_ENTRY, 1)[0] for item in (expected, found)]
        kinds = [int(head["kind"]) for head in heads]
        yield "kind", *(KIND_NAMES.get(kind, kind) for kind in kinds)
        parts = [parts_of(kinds[0], item.payload[JOURNAL_HEAD_BYTES:]) for item in (expected, found)]
        for name in parts[0].keys() & parts[1].keys():
            yield from _pairs(f"{name}.", parts[0][name], parts[1][name])
        yield from _pairs("head.", *heads)
    elif dtype is not None:
        skip = 8 if expected.kind == ITEM_OUT_ROW else 0  # a row has its version in front
        if skip:
            yield "version", *(int.from_bytes(item.payload[:8], "little") for item in (expected, found))
        yield from _pairs("", *(np.frombuffer(item.payload, dtype, 1, skip)[0] for item in (expected, found)))


def _pairs(prefix: str, one: np.void, other: np.void) -> Iterator[tuple[str, object, object]]:
    for name in one.dtype.names:
        yield prefix + name, one[name].tolist(), other[name].tolist()


def replay(folder: Path, instance: str | None = None, package: str = "procs", before=None) -> Iterator[Result]:
    """Every part of a recording, or of one instance. Raises NoSuchRecording, RecordingDamaged, OtherCalls."""
    for part in find_parts(folder, instance):
        yield Replay(part, package, before).run()

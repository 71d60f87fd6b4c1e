"""Replay: run the steps of a recorded instance again and compare every byte that they give out.

The role is opened and recovered as it was, then each entry's inputs are put into the mirrors, its stamps on the tape,
and its step is called with its logic time. What the step publishes - records of rings, rows of latest tables, journal
entries, words of control, bytes for the venue - must be what the recording says. JIT on or off makes no difference.
"""

import ctypes
import json
import time
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np

from config.load import decode
from procs.runtime.loop import import_module, step_target, write_module
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
from shm.recording_again import OTHER_STAMPS, OTHER_WORK, outputs_again, put_inputs
from shm.records.journal_end import JOURNAL_HEAD_BYTES
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.recording_entry import (
    ENTRY_CALL,
    ENTRY_FILE,
    ENTRY_SECTION,
    ENTRY_STEP,
    ITEM_OUT_BYTES,
    ITEM_OUT_JOURNAL,
    ITEM_OUT_RING,
    ITEM_OUT_ROW,
    ITEM_STAMPS,
    RECORDING_ENTRY,
    SECTION_NAMES,
    SECTION_RECOVERED,
)

HEAD_BYTES = RECORDING_ENTRY.itemsize


TEXT = '''"""Generated: the steps of {instance}, run again."""

from {module} import {function} as step
{sent_import}from shm.atomics import record_at
from shm.jit import hot
from shm.recording_again import offer_again, put_inputs, step_compare
from shm.records.recording_entry import ENTRY_STEP, RECORDING_ENTRY


@hot
def run_steps(recorder, state, address, end_addr):
    """Run the steps of the entries from `address` on. Returns where it stopped: `differs` says whether one differs."""
    r = recorder[0]
    while address < end_addr and state.exit_request[0] == 0:
        head = record_at(address, RECORDING_ENTRY)
        if head["kind"] != ENTRY_STEP:
            break
        put_inputs(r, address)
        work = r["frames"] + step(state, head["now_ns"])
{sent_again}        r["differs"] = step_compare(r, address, work)
        if r["differs"] != 0:
            break
        r["steps"] += 1
        r["output_bytes"] += head["entry_bytes"] - head["outputs_at"]
        address += head["entry_bytes"]
    return address
'''


def load_steps(role, config, instance: str):
    """The compiled function that runs the steps of an instance again: the role's own step between two small calls."""
    module, function = step_target(role, config, instance).split(":")
    sent_import = sent_again = ""
    if role.sent_again:
        sent_module, sent = role.sent_again.split(":")
        sent_import = f"from {sent_module} import {sent} as sent_again\n"
        sent_again = "        work += sent_again(state, offer_again(r))\n"
    words = {"sent_import": sent_import, "sent_again": sent_again}
    text = TEXT.format(instance=instance, module=module, function=function, **words)
    return import_module(write_module(text)).run_steps


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
        self.run_steps = load_steps(self.role, self.config, part.instance)
        self.r = self.wiring.recorder.r
        self.state = None
        self.reads: list[bytes] = []
        self.ended = ""

    def run(self) -> Result:
        """All of it, or up to the first difference. Raises RecordingDamaged, OtherCalls."""
        begun, difference = time.monotonic(), None
        try:
            self._blocks()
        except _Stop as stop:
            difference = stop.difference
        seconds = time.monotonic() - begun
        steps, output_bytes = int(self.r["steps"]), int(self.r["output_bytes"])
        return Result(self.part, steps, output_bytes, seconds, self.ended, difference)

    def _blocks(self) -> None:
        for _, kind, data in blocks(self.part.path):
            if kind == BLOCK_READS:
                for entry in entries_in(data):
                    if int(head_of(entry)["kind"]) == ENTRY_FILE:
                        self.wiring.add_file(entry)
                    else:
                        self.reads.append(entry)
            elif kind == BLOCK_ENTRIES:
                self._steps(data)
            elif kind == BLOCK_END:
                self.ended = json.loads(data)["text"]

    def _one(self, entry: bytes) -> None:
        head = head_of(entry)
        kind = int(head["kind"])
        if kind == ENTRY_CALL:
            self.wiring.calls.append(entry)
        elif kind == ENTRY_SECTION:
            self._section(entry, head)

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

    def _steps(self, data: bytes) -> None:
        """Entries of a block: runs of steps in compiled code, everything else here."""
        held = np.frombuffer(data, np.uint8)
        begin, end = address_of(held), address_of(held) + len(data)
        at = begin
        while at < end:
            entry = data[at - begin : at - begin + int.from_bytes(data[at - begin : at - begin + 8], "little")]
            head = head_of(entry)
            if int(head["kind"]) != ENTRY_STEP:
                self._one(entry)
                at += len(entry)
                continue
            self._expect(head, "exit_request", 0, int(self.state.exit_request[0]))
            stop = end
            if self.before is not None:
                self.before(int(head["number"]), self.state)
                stop = at + len(entry)
            at = int(self.run_steps(self.wiring.recorder.row, self.state, at, stop))
            if self.r["differs"]:
                self._differ(data[at - begin :])

    def _differ(self, data: bytes) -> None:
        """Say what the first step of `data` did otherwise."""
        entry = data[: int.from_bytes(data[:8], "little")]
        head, found = head_of(entry), int(self.r["found"])
        if self.r["differs"] == OTHER_STAMPS:
            stamps = [item for item in _inputs_of(entry, head) if item.kind == ITEM_STAMPS]
            self._expect(head, "stamps taken", len(stamps[0].payload) // 8, found)
        if self.r["differs"] == OTHER_WORK:
            self._expect(head, "work", int(head["work"]), found)
        self._compare_items(head, entry[int(head["outputs_at"]) :], self._buffer(), "step")

    def _buffer(self) -> bytes:
        return ctypes.string_at(int(self.r["buffer_addr"]) + HEAD_BYTES, int(self.r["used"]) - HEAD_BYTES)

    def _inputs(self, entry: bytes) -> None:
        held = np.frombuffer(entry, np.uint8)
        put_inputs(self.r, address_of(held))

    def _expect(self, head: np.void, field: str, expected: int, found: int) -> None:
        if expected != found:
            place = (int(head["number"]), int(head["now_ns"]), "step", int(self.r["steps"]))
            raise _Stop(Difference(*place, field, expected, found))

    # --- comparing ----------------------------------------------------------------------------------------------------

    def _compare(self, entry: bytes, head: np.void, what: str) -> None:
        """Compare what a section gave out."""
        outputs_again(self.r)
        found, expected = self._buffer(), entry[int(head["outputs_at"]) :]
        if found != expected:
            self._compare_items(head, expected, found, what)

    def _compare_items(self, head: np.void, expected: bytes, found: bytes, what: str) -> None:
        for one, other in zip_longest(items_in(expected), items_in(found)):
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

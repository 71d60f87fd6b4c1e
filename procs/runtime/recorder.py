"""Recorder: the mirrors of one instance and the entries that are made of them, cold side (hot side: shm/recording.py).

Both the live role and its replay build one, by the same calls in the same order: so an object has the same number in
both, and an entry of the one fits the mirrors of the other.
"""

import ctypes
from typing import NamedTuple

import numpy as np

from shm.atomics import address_of
from shm.recorder_rows import RECORDED_BLOCK, RECORDED_RING, RECORDED_TABLE, RECORDER
from shm.recording import (
    end_recording,
    entry_begin,
    entry_commit,
    item_put,
    keep_outputs,
    keep_stamps,
    log_room,
    take_block,
    take_ids,
    take_ring,
    take_table,
    tape_begin,
)
from shm.records.clock_page import CLOCK_PAGE, CLOCK_SOURCE_TAPE
from shm.records.recording_entry import ENDED_CLOSED, ENTRY_CALL, ITEM_IMAGE
from shm.records.tape import TAPE
from shm.scratch import scratch_block, scratch_bytes, scratch_ring, scratch_table

OBJECTS_MAX = 256  # rings, tables, blocks of words of each kind
LOG_BYTES = 1 << 24  # how far the writer may be behind
BUFFER_BYTES = 1 << 22  # the largest entry
STAMPS_MAX = 1 << 16  # stamps of one step
ROW_BYTES_MAX = 1 << 16
IMAGE_PAGE = 4096
LOG_TAIL, LOG_HEAD = 0, 8  # words that the hot thread and the writer share
CALL_LAST, CALL_MORE = 0, 1  # details of ENTRY_CALL


class Named(NamedTuple):
    """What an output's number stands for."""

    name: str
    dtype: np.dtype


class Recorder:
    """`row` is what hot functions take. Memory lives as long as the process."""

    def __init__(self, log_bytes: int = LOG_BYTES):
        self.row = np.zeros(1, RECORDER)
        self._tables = {
            name: np.zeros(OBJECTS_MAX, dtype)
            for name, dtype in {
                "rings_in": RECORDED_RING,
                "rings_out": RECORDED_RING,
                "tables_in": RECORDED_TABLE,
                "tables_out": RECORDED_TABLE,
                "blocks": RECORDED_BLOCK,
                "letters": RECORDED_BLOCK,
            }.items()
        }
        self.rings_out: list[Named] = []
        self.tables_out: list[Named] = []
        self.log = scratch_block(log_bytes)
        self.words = scratch_block(256).view(np.int64)  # [0] tail of the log, [8] its head, [16] a clock that stands
        self.tape = scratch_block(TAPE.itemsize).view(TAPE)
        r = self.row[0]
        for name, table in self._tables.items():
            r[f"{name}_addr"] = address_of(table)
        r["buffer_addr"], r["buffer_bytes"] = scratch_bytes(BUFFER_BYTES), BUFFER_BYTES
        r["log_addr"], r["log_mask"] = address_of(self.log), log_bytes - 1
        r["log_tail_addr"], r["log_head_addr"] = (address_of(self.words) + 8 * word for word in (LOG_TAIL, LOG_HEAD))
        r["driven_addr"] = address_of(self.words) + 128
        r["row_addr"] = scratch_bytes(8 + ROW_BYTES_MAX)
        r["tape_addr"] = address_of(self.tape)
        tape = self.tape[0]
        tape["first_addr"] = tape["next_addr"] = scratch_bytes(STAMPS_MAX * 8)
        tape["end_addr"] = tape["first_addr"] + STAMPS_MAX * 8

    @property
    def r(self) -> np.void:
        """The RECORDER row, for hot functions."""
        return self.row[0]

    def _add(self, name: str) -> np.void:
        number = int(self.r[name])
        if number >= OBJECTS_MAX:
            raise ValueError(f"recorder: more than {OBJECTS_MAX} {name}")
        self.r[name] = number + 1
        return self._tables[name][number]

    # --- objects ------------------------------------------------------------------------------------------------------

    def clock(self, page: np.ndarray) -> int:
        """Address of the role's own CLOCK_PAGE, whose stamps go through the tape. `page`: the true one."""
        own = scratch_block(CLOCK_PAGE.itemsize).view(CLOCK_PAGE)
        own[0] = page[0]
        own["source"], own["tape_addr"] = CLOCK_SOURCE_TAPE, address_of(self.tape)
        self.tape["clock_addr"] = address_of(page)
        self.add_block(self.driven_addr(address_of(page)), self.driven_addr(address_of(own)), 1)
        self.r["driven_addr"] = self.driven_addr(address_of(page))
        return address_of(own)

    @staticmethod
    def driven_addr(clock_addr: int) -> int:
        """Address of the driver's word of a CLOCK_PAGE."""
        return clock_addr + CLOCK_PAGE.fields["driven_ns"][1]

    def add_ring_in(self, source_addr: int, mirror_addr: int, end: np.void) -> int:
        """An input ring, copied from `end`'s next sequence on. Returns its number."""
        ring = self._add("rings_in")
        ring["source_addr"], ring["mirror_addr"] = source_addr, mirror_addr
        ring["slot_bytes"], ring["mask"], ring["next_seq"] = end["slot_bytes"], end["mask"], end["next_seq"]
        return int(self.r["rings_in"]) - 1

    def add_ring_out(self, name: str, dtype: np.dtype, end: np.void) -> None:
        """An output ring, logged from `end`'s next sequence on."""
        ring = self._add("rings_out")
        ring["source_addr"], ring["slot_bytes"] = end["slots_addr"], end["slot_bytes"]
        ring["mask"], ring["next_seq"] = end["mask"], end["next_seq"]
        self.rings_out.append(Named(name, dtype))

    def add_table_in(self, source_addr: int, end: np.void) -> int:
        """A latest table that others write; `end`: of the mirror. Returns its number."""
        if end["copy_bytes"] > ROW_BYTES_MAX:
            raise ValueError(f"recorder: expected rows of at most {ROW_BYTES_MAX} bytes, found {end['copy_bytes']}")
        self._fill_table(self._add("tables_in"), source_addr, int(end["rows_addr"]), end)
        return int(self.r["tables_in"]) - 1

    def add_table_out(self, name: str, dtype: np.dtype, end: np.void) -> None:
        """A latest table of our own, as it is now: what changes from now on is logged."""
        seen = scratch_block(int(end["rows"]) * 8).view(np.int64)
        stride = int(end["stride"])
        for row in range(len(seen)):
            seen[row] = ctypes.c_int64.from_address(int(end["rows_addr"]) + row * stride).value
        self._fill_table(self._add("tables_out"), int(end["rows_addr"]), address_of(seen), end)
        self.tables_out.append(Named(name, dtype))

    @staticmethod
    def _fill_table(table: np.void, source_addr: int, mirror_addr: int, end: np.void) -> None:
        table["source_addr"], table["mirror_addr"] = source_addr, mirror_addr
        for name in ("stride", "copy_bytes", "rows"):
            table[name] = end[name]

    def add_block(self, source_addr: int, mirror_addr: int, words: int) -> int:
        """A run of words that others write. Returns its number."""
        block = self._add("blocks")
        block["source_addr"], block["mirror_addr"], block["words"] = source_addr, mirror_addr, words
        return int(self.r["blocks"]) - 1

    def set_journal(self, end: np.ndarray) -> None:
        """Our own journal, logged from its tail on. `end`: JOURNAL_END[1], kept alive by the caller."""
        self.r["journal_addr"], self.r["journal_seq"] = address_of(end), end[0]["next_seq"]

    def set_own_control(self, source_addr: int, mirror_addr: int, words: int) -> None:
        """Our own row of control; the mirror is as it is now."""
        seen = scratch_bytes(words * 8)
        ctypes.memmove(seen, mirror_addr, words * 8)
        r = self.r
        r["own_addr"], r["own_mirror_addr"], r["own_seen_addr"], r["own_words"] = source_addr, mirror_addr, seen, words

    def set_ids(self, source_addr: int, mirror_addr: int) -> None:
        """Words of the identifier block."""
        self.r["ids_addr"], self.r["ids_mirror_addr"] = source_addr, mirror_addr

    def set_ports(self, role, state) -> None:
        """The ports of a role that talks to the world: what poll_in fills and poll_out sends."""
        r = self.r
        if role.poll_in:
            port = state.port_in
            r["frames_addr"], r["frame_bytes_addr"] = address_of(port.frames), address_of(port.frame_bytes)
            r["frames_count_addr"], r["peers_addr"] = address_of(port.count), address_of(port.peers)
        if role.poll_out:
            port = state.port_out
            r["out_frames_addr"], r["out_bytes_addr"] = address_of(port.frames), address_of(port.frame_bytes)
            r["out_count_addr"], r["out_taken_addr"] = address_of(port.count), address_of(port.taken)
            r["out_streams"] = int(role.streams)

    def set_hand_over(self, source: np.ndarray | None, mirror: np.ndarray, letters: list[tuple[int, int, int]]) -> None:
        """Words that the control thread (`source`) and the hot thread (`mirror`) write, and bytes that go with them.

        `letters`: (source address, mirror address, bytes, a multiple of 8) of each.
        """
        r = self.r
        r["hand_addr"] = address_of(mirror if source is None else source)
        r["hand_mirror_addr"], r["hand_words"] = address_of(mirror), len(mirror)
        r["hand_seen_addr"] = scratch_bytes(8 * len(mirror))
        for source_addr, mirror_addr, size in letters:
            letter = self._add("letters")
            letter["source_addr"], letter["mirror_addr"], letter["words"] = source_addr, mirror_addr, size // 8

    def letters_back(self) -> None:
        """Give the control thread the bytes that recovery found."""
        for number in range(int(self.r["letters"])):
            letter = self._tables["letters"][number]
            ctypes.memmove(int(letter["source_addr"]), int(letter["mirror_addr"]), int(letter["words"]) * 8)

    # --- entries of the cold side -------------------------------------------------------------------------------------

    def begin(self) -> None:
        """An empty entry, made here and not by the loop."""
        entry_begin(self.r, 0, 0)

    def put(self, kind: int, index: int, key: int, data: bytes) -> None:
        """Append one item."""
        held = np.frombuffer(data, np.uint8) if data else np.zeros(1, np.uint8)
        item_put(self.r, kind, index, key, address_of(held), len(data))

    def put_word(self, kind: int, block: int, word: int, address: int, value: int) -> None:
        """Store `value` in a mirror's word and append the item that does the same."""
        ctypes.c_int64.from_address(address).value = value
        self.put(kind, block, word, int(value).to_bytes(8, "little", signed=True))

    def put_image(self, index: int, address: int, size: int, wait) -> None:
        """Append what is not zero of `size` bytes, in as many entries as it takes."""
        held = np.frombuffer((ctypes.c_char * size).from_address(address), np.uint8)
        for at in range(0, size, IMAGE_PAGE):
            page = held[at : at + IMAGE_PAGE]
            if page.any():
                if self.r["used"] > BUFFER_BYTES // 2:
                    self.commit(CALL_MORE, wait)
                    self.begin()
                self.put(ITEM_IMAGE, index, at, page.tobytes())

    def commit(self, detail: int, wait) -> None:
        """Hand over the entry of a call; `wait()` gives the writer time while there is no room, False to give up."""
        self.wait_for_room(wait)
        entry_commit(self.r, ENTRY_CALL, 0, int(self.r["used"]), detail)

    def wait_for_room(self, wait) -> None:
        """Let the writer catch up: cold parts may wait for it, the loop never does."""
        while log_room(self.r) < BUFFER_BYTES and self.r["ended"] == 0 and wait():
            pass

    def begin_section(self) -> None:
        """A part of the role begins that is not hot: stamps are its own."""
        tape_begin(self.r)

    def end_section(self, kind: int, section: int, wait) -> None:
        """What that part gave out, and the stamps that it took, as one entry."""
        self.begin()
        self.wait_for_room(wait)
        keep_stamps(self.r)
        keep_outputs(self.r, kind, 1, section)


def warm_recorder() -> np.ndarray:
    """RECORDER[1] on which everything was called that cold code calls, so that it is compiled before a role starts."""
    recorder = Recorder(1 << 23)
    end, table = scratch_ring(CLOCK_PAGE, 2)[1], scratch_table(TAPE, 1)
    recorder.clock(scratch_block(CLOCK_PAGE.itemsize).view(CLOCK_PAGE))
    number = recorder.add_ring_in(int(end[0]["slots_addr"]), int(end[0]["slots_addr"]), end[0])
    recorder.begin()
    take_ring(recorder.r, number)
    take_table(recorder.r, recorder.add_table_in(int(table[0]["rows_addr"]), table[0]))
    recorder.put_word(ITEM_IMAGE, 0, 0, scratch_bytes(64), 0)
    take_block(recorder.r, 0)
    take_ids(recorder.r)
    recorder.commit(CALL_LAST, bool)
    recorder.begin_section()
    recorder.end_section(ENTRY_CALL, 0, bool)
    end_recording(recorder.r, ENDED_CLOSED)
    return recorder.row

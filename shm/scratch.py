"""Scratch: rings, tables and an instance page in private memory, laid out exactly as in shared memory.

For the compile step, for warm-up and for tests: the same hot code runs on it, and nothing outside the process sees it.
Memory stays allocated for the life of the process, because hot rows hold bare addresses.
"""

import ctypes
from pathlib import Path

import numpy as np

from shm.atomics import address_of
from shm.clock import calibrate
from shm.codes import CLOCK_REAL, STATE_ACTIVE
from shm.control import control_set
from shm.ends import control_end_at, instance_end_at, journal_end_at, ring_end_at, table_end_at
from shm.ids import IDS_END, IDS_NEXT, ids_words
from shm.journal import journal_open
from shm.journal_reader import JournalReader
from shm.journal_view import JournalView
from shm.records.clock_page import CLOCK_PAGE
from shm.records.control_end import CONTROL_OPERATOR, control_bytes, control_scopes
from shm.records.histogram import HISTOGRAM_BYTES
from shm.records.instance import HISTOGRAMS_MAX, HISTOGRAMS_OFFSET
from shm.records.journal_end import JOURNAL_ENTRIES_OFFSET, journal_bytes
from shm.records.ring_end import RING_HEAD_BYTES, RING_SLOTS_OFFSET
from shm.records.table_end import LATEST_ROWS_OFFSET, latest_stride

PAGE_BYTES = 4096
_alive: list[np.ndarray] = []
_clock_addr: dict[int, int] = {}


def scratch_block(size: int) -> np.ndarray:
    """`size` zeroed private bytes on a page border, as uint8[size]."""
    block = np.zeros(size + PAGE_BYTES, np.uint8)
    start = -address_of(block) % PAGE_BYTES
    _alive.append(block)
    return block[start : start + size]


def scratch_bytes(size: int) -> int:
    """Address of `size` zeroed private bytes on a page border."""
    return address_of(scratch_block(size))


def scratch_ring(dtype: np.dtype, capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """(producer RING_END[1], consumer RING_END[1]) of one new empty ring. `capacity` is a power of two."""
    if capacity < 1 or capacity & (capacity - 1):
        raise ValueError(f"scratch_ring: expected a capacity that is a power of two, found {capacity}")
    data_addr = scratch_bytes(RING_SLOTS_OFFSET + capacity * dtype.itemsize)
    head_addr = scratch_bytes(RING_HEAD_BYTES)
    return tuple(ring_end_at(data_addr, head_addr, dtype.itemsize, capacity) for _ in range(2))


def scratch_table(dtype: np.dtype, rows: int) -> np.ndarray:
    """TABLE_END[1] of a new latest table, for its writer and its readers alike."""
    address = scratch_bytes(LATEST_ROWS_OFFSET + rows * latest_stride(dtype.itemsize))
    return table_end_at(address, dtype.itemsize, rows)


def scratch_clock(mode: int = CLOCK_REAL, **calibration) -> int:
    """Address of a new calibrated CLOCK_PAGE; keywords as in `shm.clock.calibrate`. Takes 50 ms."""
    page = scratch_block(CLOCK_PAGE.itemsize).view(CLOCK_PAGE)
    calibrate(page, mode, **calibration)
    return address_of(page)


def scratch_me(clock_addr: int = 0) -> np.ndarray:
    """INSTANCE_END[1] of a new instance object: page, counters, errors, histograms. Default: one shared real clock."""
    if clock_addr == 0:
        if CLOCK_REAL not in _clock_addr:
            _clock_addr[CLOCK_REAL] = scratch_clock(CLOCK_REAL)
        clock_addr = _clock_addr[CLOCK_REAL]
    return instance_end_at(scratch_bytes(HISTOGRAMS_OFFSET + HISTOGRAMS_MAX * HISTOGRAM_BYTES), clock_addr)


def scratch_control(sessions: int, strategies: int, instruments: int, writer: int = 2) -> np.ndarray:
    """CONTROL_END[1] of a new control object of three writers, every scope ACTIVE by the operator.

    `scratch_control_as(control, CONTROL_OPERATOR)` gives another writer's row of the same object.
    """
    sizes = (3, sessions, strategies, instruments)
    control = control_end_at(scratch_bytes(control_bytes(*sizes)), *sizes, writer=writer)
    operator = scratch_control_as(control, CONTROL_OPERATOR)
    for scope in range(control_scopes(sessions, strategies, instruments)):
        control_set(operator[0], scope, STATE_ACTIVE)
    return control


def scratch_control_as(control: np.ndarray, writer: int) -> np.ndarray:
    """CONTROL_END[1] of the same control object with row `writer` as the own row."""
    other = control.copy()
    other["writer"] = writer
    return other


def scratch_journal(payload_bytes_max: int, capacity: int) -> np.ndarray:
    """JOURNAL_END[1] of a new empty journal in memory, without files: nothing moves its watermark but the caller.

    When `capacity` entries are in it, claims are refused; `journal_drain` lets it go on.
    """
    journal = journal_end_at(scratch_bytes(journal_bytes(payload_bytes_max, capacity)), payload_bytes_max, capacity)
    journal_open(journal[0], 0, 0, epoch=1)
    return journal


def scratch_journal_reader(journal: np.void) -> JournalReader:
    """A reader of a scratch journal by its JOURNAL_END: memory only."""
    size = JOURNAL_ENTRIES_OFFSET + int(journal["entry_bytes"] * journal["capacity"])
    memory = (ctypes.c_char * size).from_address(int(journal["entries_addr"]) - JOURNAL_ENTRIES_OFFSET)
    return JournalReader(
        Path("/nonexistent"), JournalView(memory, int(journal["entry_bytes"]), int(journal["capacity"]))
    )


def scratch_ids(first: int = 1, count: int = 1 << 40) -> np.ndarray:
    """Identifier words (shm/ids.py) that hand out `count` ids from `first`, without a file."""
    ids = ids_words()
    ids[IDS_NEXT], ids[IDS_END] = first, first + count
    return ids

"""Ends: the private rows (RING_END, TABLE_END, CONTROL_END, ...) through which hot code sees shared objects.

Built here from plain addresses, for real segments (shm/segment.py) and for scratch memory (shm/scratch.py) alike, so
that the offsets inside the objects are applied in one place. Imports no numba.
"""

import numpy as np

from shm.errors import BadCapacity
from shm.records.control_end import (
    CONTROL_END,
    CONTROL_READER,
    CONTROL_WORDS_OFFSET,
    control_block_bytes,
    control_scopes,
)
from shm.records.instance import COUNTERS_OFFSET, ERRORS_OFFSET, HISTOGRAMS_OFFSET, INSTANCE_OFFSET
from shm.records.instance_end import INSTANCE_END
from shm.records.journal_end import (
    JOURNAL_END,
    JOURNAL_ENTRIES_OFFSET,
    JOURNAL_HEAD_BYTES,
    JOURNAL_START_OFFSET,
    JOURNAL_WATERMARK_OFFSET,
    journal_entry_bytes,
)
from shm.records.ring_end import (
    RING_BEHIND_OFFSET,
    RING_CAUGHT_UP_OFFSET,
    RING_END,
    RING_HEAD_OFFSET,
    RING_SLOTS_OFFSET,
    RING_STATS_OFFSET,
)
from shm.records.table_end import LATEST_ROWS_OFFSET, TABLE_END, latest_stride


def ring_end_at(data_addr: int, head_addr: int, record_bytes: int, capacity: int) -> np.ndarray:
    """RING_END[1] for either side of the ring whose two objects start at the given addresses.

    Sequences are zero: call `ring_resume_producer` or `ring_resume_consumer` (shm/ring.py) before use.
    """
    ends = np.zeros(1, RING_END)
    end = ends[0]
    end["slots_addr"] = data_addr + RING_SLOTS_OFFSET
    end["slot_bytes"] = record_bytes
    end["next_addr"] = end["slots_addr"]
    end["mask"] = capacity - 1
    end["capacity"] = capacity
    end["head_addr"] = head_addr + RING_HEAD_OFFSET
    end["stats_addr"] = data_addr + RING_STATS_OFFSET
    end["behind_addr"] = data_addr + RING_BEHIND_OFFSET
    end["caught_up_addr"] = head_addr + RING_CAUGHT_UP_OFFSET
    return ends


def table_end_at(object_addr: int, record_bytes: int, rows: int) -> np.ndarray:
    """TABLE_END[1] of the latest table whose object starts at `object_addr`."""
    ends = np.zeros(1, TABLE_END)
    end = ends[0]
    end["rows_addr"] = object_addr + LATEST_ROWS_OFFSET
    end["stride"] = latest_stride(record_bytes)
    end["copy_bytes"] = record_bytes
    end["rows"] = rows
    return ends


def instance_end_at(object_addr: int, clock_page_addr: int) -> np.ndarray:
    """INSTANCE_END[1], the `me` of a hot thread, of the instance object at `object_addr`."""
    ends = np.zeros(1, INSTANCE_END)
    end = ends[0]
    end["page_addr"] = object_addr + INSTANCE_OFFSET
    end["counters_addr"] = object_addr + COUNTERS_OFFSET
    end["errors_addr"] = object_addr + ERRORS_OFFSET
    end["histograms_addr"] = object_addr + HISTOGRAMS_OFFSET
    end["clock_addr"] = clock_page_addr
    return ends


def control_end_at(
    object_addr: int, writers: int, sessions: int, strategies: int, instruments: int, writer: int = CONTROL_READER
) -> np.ndarray:
    """CONTROL_END[1] of the control object that starts at `object_addr`, for row `writer` or for a reader."""
    block_bytes = control_block_bytes(control_scopes(sessions, strategies, instruments))
    ends = np.zeros(1, CONTROL_END)
    end = ends[0]
    end["words_addr"] = object_addr + CONTROL_WORDS_OFFSET
    end["acks_addr"] = object_addr + CONTROL_WORDS_OFFSET + writers * block_bytes
    end["block_bytes"] = block_bytes
    end["writers"] = writers
    end["sessions"] = sessions
    end["strategies"] = strategies
    end["instruments"] = instruments
    end["writer"] = writer
    return ends


def journal_end_at(object_addr: int, payload_bytes_max: int, capacity: int) -> np.ndarray:
    """JOURNAL_END[1] of the journal object at `object_addr`. Call `journal_open` (shm/journal.py) before use."""
    if capacity < 2 or capacity & (capacity - 1):
        raise BadCapacity(
            where="journal memory", expected="a power of two from 2 on", found=capacity, do="correct the topology"
        )
    entry_bytes = journal_entry_bytes(payload_bytes_max)
    ends = np.zeros(1, JOURNAL_END)
    end = ends[0]
    end["entries_addr"] = object_addr + JOURNAL_ENTRIES_OFFSET
    end["entry_bytes"] = entry_bytes
    end["mask"] = capacity - 1
    end["capacity"] = capacity
    end["payload_bytes_max"] = entry_bytes - JOURNAL_HEAD_BYTES
    end["watermark_addr"] = object_addr + JOURNAL_WATERMARK_OFFSET
    end["start_addr"] = object_addr + JOURNAL_START_OFFSET
    return ends

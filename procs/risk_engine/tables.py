"""Tables: latest tables as this role reads and writes them: chosen rows at once, and only what changed. No numba."""

import numpy as np

from shm.inspect import latest_row
from shm.latest_words import write_latest_row
from shm.records.table_end import LATEST_ROWS_OFFSET, LATEST_VERSION_BYTES, latest_stride
from shm.segment import Segment

WORD = np.dtype("<i8")


class Reader:
    """Some rows of one latest table, read-only. Each row is consistent, the table is not."""

    def __init__(self, segment: Segment, dtype: np.dtype, rows: np.ndarray):
        self.segment, self.dtype, self.rows = segment, dtype, rows
        stride = latest_stride(dtype.itemsize)
        memory = segment.view(LATEST_ROWS_OFFSET, np.uint8, segment.capacity * stride)
        self._words = np.ndarray((segment.capacity,), WORD, memory, 0, (stride,))
        self._copies = [
            np.ndarray((segment.capacity,), dtype, memory, LATEST_VERSION_BYTES + k * dtype.itemsize, (stride,))
            for k in (0, 1)
        ]
        self.versions = np.full(len(rows), -1, np.int64)
        self.values = np.zeros(len(rows), dtype)

    def look(self) -> np.ndarray:
        """Bring `values` up to date. Returns which places changed; what was never written stays zero."""
        now = self._words[self.rows]
        changed = np.flatnonzero(now != self.versions)
        for k in (0, 1):
            places = changed[(now[changed] & 1 == k) & (now[changed] > 0)]
            self.values[places] = self._copies[k][self.rows[places]]
        again = changed[self._words[self.rows[changed]] != now[changed]]  # may be half of one and half of another
        for place in again.tolist():
            now[place], self.values[place] = latest_row(self.segment, self.dtype, int(self.rows[place]))
        self.versions = now
        return changed


class Writer:
    """Rows of one latest table that is ours."""

    def __init__(self, segment: Segment, dtype: np.dtype):
        self.segment, self.dtype = segment, dtype
        self._said: dict[int, bytes] = {}

    def held(self, row: int) -> tuple[int, np.void]:
        """(version, value) that this row has, of an earlier process too."""
        return latest_row(self.segment, self.dtype, row)

    def write(self, row: int, record: np.ndarray) -> None:
        """Publish a record of one element as the newest value of `row`."""
        write_latest_row(self.segment, row, record)

    def write_changed(self, row: int, record: np.ndarray) -> bool:
        """The same, unless it is what we said last. Returns whether it was written."""
        content = record.tobytes()
        if self._said.get(row) == content:
            return False
        self._said[row] = content
        self.write(row, record)
        return True

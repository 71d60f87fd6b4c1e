"""Disk order: our journal must not be on disk ahead of order_sender's. Cold, for our journal's copier thread.

After a power loss order_sender numbers its reports on from the last one that its files have. If our files had a fill
of a later number, the number would come again with another report, and we would take that for one we have seen. So an
entry waits until the report that it stands for is behind the watermark of the journal that it came from.
"""

import numpy as np

from shm.codes import JOURNAL_FILL, JOURNAL_REPORT
from shm.journal_reader import JournalReader
from shm.journal_view import JournalView
from shm.records.fill import FILL
from shm.records.position import POSITION
from shm.records.report import REPORT

READ_BACK = 1024  # entries looked at in one piece


def last_report(entries: np.ndarray) -> int:
    """report_seq of the last REPORT among journal entries; 0 when there is none."""
    reports = np.flatnonzero(entries["head"]["kind"] == JOURNAL_REPORT)
    if len(reports) == 0:
        return 0
    payload = entries["payload"][reports[-1], : REPORT.itemsize]
    return int(np.frombuffer(payload.tobytes(), REPORT)[0]["report_seq"])


class ReportsOnDisk:
    """The last report of one order_sender that a power loss cannot take."""

    def __init__(self, reader: JournalReader):
        self.reader = reader
        self._looked_to, self._newest = 0, 0

    def newest(self) -> int:
        """Its report_seq. Looks only at entries that reached the disk since the last call."""
        view: JournalView = self.reader.view
        watermark = view.watermark if view.started else 0
        high = watermark
        while high > self._looked_to:
            low = max(self._looked_to, high - READ_BACK)
            found = self._last_in(low, high)
            if found:
                self._newest = found
                break
            high = low
        self._looked_to = watermark
        return self._newest

    def _last_in(self, low: int, high: int) -> int:
        found = 0
        while low < high and len(chunk := self.reader.read(low, high - low)):
            found, low = last_report(chunk) or found, low + len(chunk)
        return found


class DiskOrder:
    """`ready` for the copier of our journal. `reports`: by venue session; `session_of`: session of each instrument."""

    def __init__(self, reports: list[ReportsOnDisk], session_of: np.ndarray):
        self.reports, self.session_of = reports, session_of

    def ready(self, entries: np.ndarray) -> int:
        """How many leading entries of a run are of reports that are on disk."""
        if len(entries) == 0:
            return 0
        sequences, sessions = self._causes(entries)
        durable = np.array([held.newest() for held in self.reports], np.int64)
        late = np.flatnonzero(sequences > durable[np.clip(sessions, 0, len(durable) - 1)])
        return int(late[0]) if len(late) else len(entries)

    def _causes(self, entries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(report_seq, session) that each entry stands for."""
        payload = entries["payload"]
        fills = np.frombuffer(payload[:, : FILL.itemsize].tobytes(), FILL)
        rows = np.frombuffer(payload[:, : POSITION.itemsize].tobytes(), POSITION)
        is_fill = entries["head"]["kind"] == JOURNAL_FILL
        instruments = np.clip(rows["instrument_id"].astype(np.int64), 0, len(self.session_of) - 1)
        return (
            np.where(is_fill, fills["report_seq"], rows["reports_seq"]),
            np.where(is_fill, fills["session_id"].astype(np.int64), self.session_of[instruments]),
        )

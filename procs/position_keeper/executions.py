"""Executions: every execution of this epoch in the order in which it came, read from our own journal. Cold.

What restarts and broken trades are rebuilt from. Private memory, 64 bytes an execution; it grows with the journal and
reads each entry once. A snapshot is all of it as bytes.
"""

import zlib

import numpy as np

from shm.codes import JOURNAL_FILL, JOURNAL_SNAPSHOT, REPORT_BROKEN, REPORT_CORRECTED, REPORT_EXECUTED
from shm.records.fill import FILL
from shm.records.position import POSITION

# off  size  type  field            meaning
#   0     8  i8    match_number     venue's match number
#   8     8  i8    order_id         order that traded: both sides of a match may be ours
#  16     8  i8    price_ticks      price, after corrections
#  24     8  i8    qty_lots         size, after corrections
#  32     8  i8    fee_micro        fee, after corrections
#  40     8  i8    spread_micro     spread earned, after corrections
#  48     8  i8    mark_half_ticks  mid when it was learnt; 0 not known
#  56     4  i4    at               row of `positions`
#  60     1  u1    side             SIDE_*
#  61     1  u1    liquidity        LIQUIDITY_*, after corrections
#  62     1  u1    session_id       venue session
#  63     1  u1    broken           1: the venue took it back
EXECUTION = np.dtype(
    [
        ("match_number", "<i8"),
        ("order_id", "<i8"),
        ("price_ticks", "<i8"),
        ("qty_lots", "<i8"),
        ("fee_micro", "<i8"),
        ("spread_micro", "<i8"),
        ("mark_half_ticks", "<i8"),
        ("at", "<i4"),
        ("side", "u1"),
        ("liquidity", "u1"),
        ("session_id", "u1"),
        ("broken", "u1"),
    ]
)

assert EXECUTION.itemsize == 64

AS_IN_FILL = [name for name in EXECUTION.names if name in FILL.names]


class Executions:
    """The list. `instruments`: rows of `positions` of one strategy."""

    def __init__(self, instruments: int):
        self.instruments = instruments
        self._held = np.zeros(1024, EXECUTION)
        self._count = 0

    def take(self, fills: np.ndarray) -> None:
        """Append executions and apply breaks and corrections: FILL records, in journal order."""
        begun = 0
        for change in np.flatnonzero(fills["kind"] != REPORT_EXECUTED):
            self._append(fills[begun:change])
            self._change(fills[change])
            begun = change + 1
        self._append(fills[begun:])

    def held(self) -> np.ndarray:
        """All executions in order, broken ones among them. Not a copy."""
        return self._held[: self._count]

    def replace(self, executions: np.ndarray) -> None:
        """Hold these and nothing else; as `held` gave them."""
        self._held, self._count = executions.copy(), len(executions)

    def find(self, report: np.void) -> np.void | None:
        """Copy of the standing execution that a report of a break or correction means; None if there is none."""
        at = self._find(report)
        return None if at is None else self._held[at].copy()

    def of_row(self, at: int) -> np.ndarray:
        """Copy of the executions of one row that stand, in order."""
        held = self._held[: self._count]
        return held[(held["at"] == at) & (held["broken"] == 0)]

    def standing(self) -> np.ndarray:
        """Copy of all executions that stand, in order."""
        held = self._held[: self._count]
        return held[held["broken"] == 0]

    def _append(self, fills: np.ndarray) -> None:
        needed = self._count + len(fills)
        if needed > len(self._held):
            grown = np.zeros(max(needed, 2 * len(self._held)), EXECUTION)
            grown[: self._count] = self._held[: self._count]
            self._held = grown
        new = self._held[self._count : needed]
        for name in AS_IN_FILL:
            new[name] = fills[name]
        new["at"] = fills["strategy_id"].astype(np.int64) * self.instruments + fills["instrument_id"]
        self._count = needed

    def _find(self, report) -> int | None:
        at = int(report["strategy_id"]) * self.instruments + int(report["instrument_id"])
        held = self._held[: self._count]
        for place in np.flatnonzero(held["match_number"] == report["match_number"]):
            one = held[place]
            named = one["order_id"] == report["order_id"] and one["session_id"] == report["session_id"]
            if named and one["at"] == at and not one["broken"]:
                return int(place)
        return None

    def _change(self, fill) -> None:
        at = self._find(fill)
        if at is None:
            return
        held = self._held[at]
        if fill["kind"] == REPORT_BROKEN:
            held["broken"] = 1
        elif fill["kind"] == REPORT_CORRECTED:
            for name in ("price_ticks", "qty_lots", "liquidity"):
                held[name] = fill[name]
            held["fee_micro"] += fill["fee_micro"]
            held["spread_micro"] += fill["spread_micro"]


class JournalBook:
    """Executions, and the newest row of each strategy and instrument, as far as our journal was read."""

    def __init__(self, reader, instruments: int, rows: int):
        self.reader, self.next_seq, self.chain_crc = reader, 0, 0
        self.read_at = 0.0  # of the process clock; whoever reads at intervals keeps it
        self.executions = Executions(instruments)
        self.images = np.zeros(rows, POSITION)  # newest of each row; reports_seq 0 where there is none

    def refresh(self) -> Executions:
        """Read what is new in the journal. Returns the executions."""
        for chunk in self.reader.chunks(self.next_seq):
            self.next_seq, self.chain_crc = self.next_seq + len(chunk), int(chunk["head"]["crc"][-1])
            kind, payload = chunk["head"]["kind"], chunk["payload"]
            fills, snapshots = payload[kind == JOURNAL_FILL], payload[kind == JOURNAL_SNAPSHOT]
            self.executions.take(_records(fills, 0, FILL))
            self._keep(_records(fills, FILL.itemsize, POSITION))
            self._keep(_records(snapshots, 0, POSITION))
        return self.executions

    def pack(self) -> bytes:
        """All of it as bytes, for a snapshot: what `unpack` takes. They belong to `next_seq` and `chain_crc`."""
        return self.images.tobytes() + self.executions.held().tobytes()

    def unpack(self, next_seq: int, body: bytes) -> None:
        """Be what a book of the same `layout` was when it was packed; reading goes on at `next_seq`."""
        images = self.images.nbytes
        self.images = np.frombuffer(bytearray(body[:images]), POSITION)
        self.executions.replace(np.frombuffer(body, EXECUTION, offset=images))
        self.next_seq = next_seq

    @property
    def layout(self) -> int:
        """Number of the layout that `pack` gives: another one when records or the number of rows change."""
        shape = (POSITION.descr, EXECUTION.descr, len(self.images), self.executions.instruments)
        return zlib.crc32(repr(shape).encode())

    def _keep(self, rows: np.ndarray) -> None:
        at = rows["strategy_id"].astype(np.int64) * self.executions.instruments + rows["instrument_id"]
        for one in np.unique(at):
            last = rows[at == one][-1]
            if 0 <= one < len(self.images) and last["reports_seq"] > self.images[one]["reports_seq"]:
                self.images[one] = last


def _records(payload: np.ndarray, offset: int, dtype: np.dtype) -> np.ndarray:
    """Records at `offset` of each payload, a row of bytes each."""
    return np.frombuffer(payload[:, offset : offset + dtype.itemsize].tobytes(), dtype)

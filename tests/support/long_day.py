"""A long day in journals, written at once: orders that were passed, sent, accepted, filled and applied, none open."""

from pathlib import Path

import numpy as np

from config.load import Config
from procs.runtime.objects import JOURNAL_PAYLOADS
from shm import codes
from shm.journal_disk import JournalDisk
from shm.journal_view import entry_dtype
from shm.records.decision import DECISION
from shm.records.fill import FILL
from shm.records.journal_end import JOURNAL_HEAD_BYTES, journal_entry_bytes
from shm.records.order import ORDER
from shm.records.position import POSITION
from shm.records.report import REPORT
from shm.records.sent import SENT
from tests.support.record_bench import LOGIC_NS, chained

ENTRIES_AN_ORDER = 5  # decision; order sent, accepted, executed; fill
PRICE_TICKS, QTY_LOTS = 1_000_000, 100
PIECE = 50_000


class LongDay:
    """Journals of `orders` orders of one strategy in one instrument, bought and sold by turns, in an epoch's folder."""

    def __init__(self, folder: Path, config: Config, epoch: int, orders: int):
        self.folder, self.epoch, self.orders = folder, epoch, orders
        strategy = config.topology.of_role("strategy")[0].name
        symbol = config.strategies[strategy].universe[0]
        self.instrument_id = config.instrument_id(symbol)
        held = config.instruments[self.instrument_id]
        self.value_micro = QTY_LOTS * PRICE_TICKS * held.multiplier * held.price_tick_micro
        self.numbers = np.arange(1, orders + 1, dtype=np.int64)
        self.sides = np.where(self.numbers % 2 == 1, codes.SIDE_BUY, codes.SIDE_SELL)

    def _named(self, dtype: np.dtype, **fields) -> np.ndarray:
        """A record for each order with what names it; further fields as given."""
        records = np.zeros(self.orders, dtype)
        known = {"order_id": self.numbers, "intent_id": self.numbers, "side": self.sides, "price_ticks": PRICE_TICKS}
        known |= {"qty_lots": QTY_LOTS, "instrument_id": self.instrument_id, "user_ref_num": self.numbers}
        for name, value in (known | fields).items():
            if name in dtype.names:
                records[name] = value
        return records

    def write(self) -> int:
        """Write all three journals. Returns the number of entries."""
        return self._gate() + self._sender() + self._keeper()

    def _gate(self) -> int:
        passed = self._named(DECISION, code=codes.PASS, kind=codes.INTENT_NEW, cause_ring=1, cause_seq=self.numbers - 1)
        passed["reference_ticks"], passed["now_ns"] = PRICE_TICKS, LOGIC_NS + self.numbers
        return self._append("risk_gate", [(codes.JOURNAL_DECISION, passed)], 1)

    def _sender(self) -> int:
        sent = np.zeros(self.orders, np.dtype([("order", ORDER), ("sent", SENT)]))
        sent["order"] = self._named(ORDER, kind=codes.INTENT_NEW)
        sent["sent"]["user_ref_num"] = self.numbers
        accepted = self._named(REPORT, kind=codes.REPORT_ACCEPTED, leaves_lots=QTY_LOTS)
        executed = self._named(REPORT, kind=codes.REPORT_EXECUTED, cum_lots=QTY_LOTS, match_number=self.numbers)
        executed["liquidity"] = codes.LIQUIDITY_ADDED
        for place, reports in enumerate((accepted, executed)):
            reports["report_seq"] = reports["venue_seq"] = 2 * self.numbers - 1 + place
            reports["venue_order_ref"], reports["now_ns"] = self.numbers, LOGIC_NS
        kinds = [(codes.JOURNAL_ORDER_SENT, sent), (codes.JOURNAL_REPORT, accepted), (codes.JOURNAL_REPORT, executed)]
        return self._append("order_sender", kinds, 2)

    def _keeper(self) -> int:
        applied = np.zeros(self.orders, np.dtype([("fill", FILL), ("position", POSITION)]))
        fill = {"kind": codes.REPORT_EXECUTED, "liquidity": codes.LIQUIDITY_ADDED, "match_number": self.numbers}
        applied["fill"] = self._named(FILL, report_seq=2 * self.numbers, **fill)
        row = applied["position"]
        row["instrument_id"], row["reports_seq"], row["fills"] = self.instrument_id, 2 * self.numbers, self.numbers
        bought, sold = (self.numbers + 1) // 2, self.numbers // 2
        row["position_lots"] = (bought - sold) * QTY_LOTS
        row["cost_micro"] = (bought - sold) * self.value_micro
        for name, count in (("bought", bought), ("sold", sold), ("added", self.numbers)):
            row[f"{name}_lots"], row[f"{name}_micro"] = count * QTY_LOTS, count * self.value_micro
        return self._append("position_keeper", [(codes.JOURNAL_FILL, applied)], 3)

    def _append(self, instance: str, kinds: list[tuple[int, np.ndarray]], step: int) -> int:
        """Entries of each order in the order of `kinds`, stamped so that journals merge as they were written."""
        room = journal_entry_bytes(JOURNAL_PAYLOADS[instance])
        disk, crc, sequence = JournalDisk(self.folder / instance, room), 0, 0
        disk.recover()
        for first in range(0, self.orders, PIECE):
            count = min(PIECE, self.orders - first)
            entries = np.zeros(count * len(kinds), entry_dtype(room))
            for place, (kind, records) in enumerate(kinds):
                size = records.dtype.itemsize
                mine = entries[place :: len(kinds)]
                mine["head"]["kind"], mine["head"]["payload_bytes"] = kind, size
                mine["head"]["stamp_ns"] = 10 * self.numbers[first : first + count] + step + place
                payload = np.frombuffer(records[first : first + count].tobytes(), np.uint8).reshape(count, size)
                mine["payload"][:, :size] = payload
            heads = entries["head"]
            heads["journal_seq"] = np.arange(sequence + 1, sequence + 1 + len(entries))
            heads["now_ns"], heads["epoch"] = LOGIC_NS + heads["stamp_ns"], self.epoch
            crc = chained(entries, crc)
            disk.append(sequence, entries)
            sequence += len(entries)
        disk.sync()
        disk.close()
        assert room - JOURNAL_HEAD_BYTES >= max(records.dtype.itemsize for _, records in kinds)
        return sequence

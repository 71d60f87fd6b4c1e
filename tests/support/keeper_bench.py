"""position_keeper on scratch memory, with an order_sender's journal beside it, and ways to die and come back."""

import ctypes
from functools import cache

import numpy as np

from config.load import load
from procs.position_keeper.executions import JournalBook
from procs.position_keeper.recovery import (
    apply_missed,
    entry_before_report,
    rebuild,
    reports_in_journal,
    resume,
    rows_in_table,
    same_life,
    take_newer,
)
from procs.position_keeper.state import LOTS_MAX, state_of
from procs.position_keeper.step import CATCH_UP_EVERY_NS, step
from procs.runtime.desks import desk_names
from procs.runtime.totals import total_rows
from shm.atomics import address_of, copy_bytes, record_view
from shm.clock import drive_now_ns, stamp_ns
from shm.codes import CLOCK_DRIVEN, JOURNAL_FILL, JOURNAL_REPORT, LIQUIDITY_ADDED, REPORT_EXECUTED, SIDE_BUY
from shm.instance import stamp
from shm.jit import hot
from shm.journal import journal_claim, journal_commit, journal_resume
from shm.latest import latest_claim, latest_publish, latest_read
from shm.records.fill import FILL
from shm.records.journal_end import JOURNAL_HEAD_BYTES
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.pnl import PNL
from shm.records.position import POSITION
from shm.records.report import REPORT
from shm.records.top import TOP
from shm.records.total import TOTAL
from shm.ring import (
    ring_caught_up,
    ring_caught_up_seq,
    ring_claim,
    ring_clear_behind,
    ring_mark_behind,
    ring_publish,
    ring_resume_consumer,
)
from shm.scratch import (
    scratch_clock,
    scratch_journal,
    scratch_journal_reader,
    scratch_me,
    scratch_ring,
    scratch_table,
)

BETWEEN_STEPS_NS = CATCH_UP_EVERY_NS + 1  # a step that has to wait for its journal may ask for it at once


@cache
def _clock_addr() -> int:
    """One clock for all benches, which moves with their steps alone: a fast machine does what a slow one does."""
    return scratch_clock(CLOCK_DRIVEN, virtual_stamps=True)


@hot
def _copy(target, source, size):
    copy_bytes(target, source, size)


class KeeperBench:
    """`report(...)` puts a report into the sender's journal and its ring; `step(now)` runs the keeper."""

    def __init__(
        self, reports: int = 256, journal: int = 1024, config=None, lots_max: int = LOTS_MAX, sent: int = 4096
    ):
        self.config = config or load()
        self.rows = len(self.config.instruments) * len(desk_names(self.config))
        self.lots_max = lots_max
        self.report_in, self._report_out = scratch_ring(REPORT, reports)
        self.tables = {
            "positions": scratch_table(POSITION, self.rows),
            "pnl": scratch_table(PNL, self.rows),
            "totals": scratch_table(TOTAL, len(total_rows(self.config))),
            "tops": scratch_table(TOP, len(self.config.instruments)),
        }
        self.journal = scratch_journal(REPORT.itemsize, journal)
        self.sender_journal = scratch_journal(REPORT.itemsize, sent)
        self.me = scratch_me(_clock_addr())
        self.report_seq = 0
        self._pass(BETWEEN_STEPS_NS)
        self.start()

    # --- the sender's side ---------------------------------------------------------------------------------------

    def report(self, kind: int = REPORT_EXECUTED, side: int = SIDE_BUY, instrument_id: int = 0, ring: bool = True, **f):
        """One report; a ring without room is marked behind, and gets nothing until the keeper caught up."""
        self.report_seq += 1
        row = np.zeros(1, REPORT)
        fields = {"liquidity": LIQUIDITY_ADDED, "report_seq": self.report_seq, "now_ns": self.report_seq, **f}
        for name, value in {"kind": kind, "side": side, "instrument_id": instrument_id, **fields}.items():
            row[name] = value
        _copy(journal_claim(self.sender_journal[0]), address_of(row), REPORT.itemsize)
        journal_commit(self.sender_journal[0], JOURNAL_REPORT, REPORT.itemsize, 0, self.report_seq)
        end = self.report_in[0]
        if ring and not end["behind"]:
            address = ring_claim(end, 0)
            if address == 0:
                ring_mark_behind(end)
            else:
                row["publish_stamp_ns"] = stamp(self.me[0])
                _copy(address + 8, address_of(row) + 8, REPORT.itemsize - 8)
                ring_publish(end)

    def forgive(self):
        """What order_sender does for a reader that read the journal to its end."""
        if self.report_in[0]["behind"] and ring_caught_up_seq(self.report_in[0]) == self.report_seq:
            ring_clear_behind(self.report_in[0])

    def top(self, bid: int, ask: int, instrument_id: int = 0):
        row = record_view(latest_claim(self.tables["tops"][0], instrument_id), TOP)
        row["bid_price_ticks"], row["ask_price_ticks"] = bid, ask
        latest_publish(self.tables["tops"][0], instrument_id)

    # --- the keeper's side ---------------------------------------------------------------------------------------

    def start(self):
        """A new process on what the old one left: attach, recover."""
        consumer = self._report_out.copy()
        ring_resume_consumer(consumer[0])
        end = self.journal.copy()
        assert journal_resume(end[0]) >= 0
        tables, shape = self.tables, {"config": self.config, "lots_max": self.lots_max}
        self.state = state_of(me=self.me, reports=consumer, tables=tables, journal=end, **shape)
        instruments = len(self.config.instruments)
        self.book = JournalBook(scratch_journal_reader(end[0]), instruments, self.rows)
        self.book.refresh()
        self.resumed_in_same_life = same_life(self.state)
        rebuild(self.state, self.book)
        if self.resumed_in_same_life:
            take_newer(self.state, rows_in_table(self.state))
        resume(self.state, np.zeros(instruments, np.int64))
        self.sender_reader, self.next_entry = scratch_journal_reader(self.sender_journal[0]), 0
        self.catch_up()

    def catch_up(self):
        begin = entry_before_report(self.sender_reader, int(self.state.applied_seq[0]) + 1, self.next_entry)
        reports, self.next_entry = reports_in_journal(self.sender_reader, begin)
        missed = reports[reports["report_seq"] > self.state.applied_seq[0]]
        apply_missed(self.state, 0, missed, self.book.refresh)
        ring_caught_up(self.state.reports[0], int(self.state.applied_seq[0]))
        self.state.exit_request[0] = 0

    def step(self, now_ns: int = 0, after_ns: int = BETWEEN_STEPS_NS) -> int:
        """One step, `after_ns` of latency time after the step before."""
        self._pass(after_ns)
        return int(step(self.state, now_ns))

    def _pass(self, ns: int) -> None:
        drive_now_ns(_clock_addr(), stamp_ns(_clock_addr()) + ns)

    def _read(self, table: str, dtype, row: int):
        held = np.zeros(1, dtype)
        latest_read(self.tables[table][0], row, address_of(held))
        return held[0]

    def position(self, instrument_id: int = 0):
        return self._read("positions", POSITION, instrument_id)

    def pnl(self, instrument_id: int = 0):
        return self._read("pnl", PNL, instrument_id)

    def total(self, at: int):
        return self._read("totals", TOTAL, at)

    def totals(self) -> list:
        return [self.total(at) for at in range(len(self.state.totals_held))]

    def last_fill(self):
        """The newest FILL of our journal."""
        end = self.state.journal[0]
        for sequence in range(int(end["next_seq"]) - 1, -1, -1):
            address = int(end["entries_addr"] + (sequence & int(end["mask"])) * end["entry_bytes"])
            if record_view(address, JOURNAL_ENTRY)["kind"] == JOURNAL_FILL:
                return record_view(address + JOURNAL_HEAD_BYTES, FILL)
        raise LookupError("no fill was journalled")

    def fills(self) -> list[int]:
        """report_seq of every fill in our journal."""
        entries = scratch_journal_reader(self.state.journal[0]).entries(0)
        return [int(np.frombuffer(p, FILL, count=1)[0]["report_seq"]) for h, p in entries if h["kind"] == JOURNAL_FILL]

    # --- dying in the middle -------------------------------------------------------------------------------------

    def _regions(self) -> dict[str, tuple[int, int]]:
        positions, end = self.tables["positions"][0], self.journal[0]
        stride = int(positions["stride"])
        regions = {f"row {row}": (int(positions["rows_addr"]) + row * stride, stride) for row in range(self.rows)}
        regions["journal"] = (int(end["entries_addr"]), int(end["entry_bytes"] * end["capacity"]))
        regions["head"] = (int(self.report_in[0]["head_addr"]), 8)
        return regions

    def remember(self) -> dict[str, bytes]:
        """Shared memory as it is now, by part."""
        return {name: ctypes.string_at(address, size) for name, (address, size) in self._regions().items()}

    def put_back(self, memory: dict[str, bytes], parts) -> None:
        """Make `parts` what they were: as if the process had died before it wrote them."""
        for name in parts:
            address, size = self._regions()[name]
            ctypes.memmove(address, memory[name], size)

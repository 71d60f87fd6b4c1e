"""order_sender and position_keeper with journals in files, and a loss of power that takes memory and rings from both."""

from pathlib import Path

import numpy as np

from procs.order_sender.state import arrays_of, forget
from procs.position_keeper.disk_order import DiskOrder, ReportsOnDisk
from procs.position_keeper.executions import JournalBook
from procs.position_keeper.recovery import apply_missed, entry_before_report, rebuild, reports_in_journal, resume
from procs.position_keeper.state import state_of
from procs.runtime.totals import total_rows
from shm.ends import journal_end_at
from shm.journal import journal_open
from shm.journal_disk import DiskTail, JournalCopier, JournalDisk
from shm.journal_reader import JournalReader
from shm.journal_view import JournalView
from shm.records.journal_end import journal_bytes, journal_entry_bytes
from shm.records.order import ORDER
from shm.records.pnl import PNL
from shm.records.position import POSITION
from shm.records.report import REPORT
from shm.records.top import TOP
from shm.records.total import TOTAL
from shm.records.working import WORKING
from shm.scratch import scratch_block, scratch_me, scratch_ring, scratch_table
from tests.support.sender_bench import PAYLOAD_BYTES, Reader, SenderBench

ENTRY_BYTES = journal_entry_bytes(PAYLOAD_BYTES)
FILE_ENTRIES = 64


class PowerSender(SenderBench):
    """A SenderBench whose journal is copied to files when the test says so (`copier.copy_some`)."""

    def __init__(self, folder: Path, **sizes):
        self.folder, self.disk = folder, None
        self.found = DiskTail(0, 0, 0)
        self.copier_held = True
        super().__init__(**sizes)

    def open_journal(self):
        if self.disk is not None:
            self.disk.close()
        self.disk = JournalDisk(self.folder, ENTRY_BYTES, FILE_ENTRIES)
        self.found = self.disk.recover()
        journal = journal_end_at(int(self.block.ctypes.data), PAYLOAD_BYTES, self.journal_capacity)
        journal_open(journal[0], self.found.tail_seq, self.found.prev_crc, 1)
        self.copier = JournalCopier(self.view(), self.disk)
        return journal

    def view(self) -> JournalView:
        return JournalView(self.block, ENTRY_BYTES, self.journal_capacity)

    def reader(self) -> JournalReader:
        return JournalReader(self.folder, self.view())

    def lose_power(self) -> None:
        """The process and all shared memory are gone; the venue and the files are not. `start` is the next life."""
        forget(self.state)
        self.state = None
        self.disk.close()
        self.disk = None
        self.venue.drop()
        self.to_sender = b""
        self.block = scratch_block(journal_bytes(PAYLOAD_BYTES, self.journal_capacity))
        self.orders, self.orders_in = scratch_ring(ORDER, 256)
        self.reports = [scratch_ring(REPORT, 1024) for _ in range(3)]
        self.readers = [Reader(pair[1]) for pair in self.reports]
        self.working = scratch_table(WORKING, 64)

    def tail(self) -> int:
        return int(arrays_of(self.state).journal[0]["next_seq"])


class PowerKeeper:
    """position_keeper that reads order_sender's journal alone, as after a ring that left it behind."""

    def __init__(self, folder: Path, sender: PowerSender, config):
        self.folder, self.sender, self.config, self.disk = folder, sender, config, None
        self.rows = len(config.instruments) * len(config.topology.of_role("strategy"))
        self.start()

    def start(self) -> None:
        """A process of a new life of the fabric: memory empty, files as they are."""
        self.block = scratch_block(journal_bytes(REPORT.itemsize, 1024))
        self.disk = JournalDisk(self.folder, ENTRY_BYTES, FILE_ENTRIES)
        self.found = self.disk.recover()
        journal = journal_end_at(int(self.block.ctypes.data), REPORT.itemsize, 1024)
        journal_open(journal[0], self.found.tail_seq, self.found.prev_crc, 1)
        view = JournalView(self.block, ENTRY_BYTES, 1024)
        order = DiskOrder([ReportsOnDisk(self.sender.reader())], np.zeros(len(self.config.instruments), np.int64))
        self.copier = JournalCopier(view, self.disk, order.ready)
        tables = {
            "positions": scratch_table(POSITION, self.rows),
            "pnl": scratch_table(PNL, self.rows),
            "totals": scratch_table(TOTAL, len(total_rows(self.config))),
            "tops": scratch_table(TOP, len(self.config.instruments)),
        }
        ring = scratch_ring(REPORT, 2)[1]
        self.state = state_of(me=scratch_me(), reports=ring, tables=tables, journal=journal, config=self.config)
        self.book = JournalBook(JournalReader(self.folder, view), len(self.config.instruments), self.rows)
        self.book.refresh()
        rebuild(self.state, self.book)
        resume(self.state, np.zeros(len(self.config.instruments), np.int64))

    def catch_up(self) -> None:
        """Apply what order_sender's journal has more."""
        reader = self.sender.reader()
        reports, _ = reports_in_journal(reader, entry_before_report(reader, int(self.state.applied_seq[0]) + 1, 0))
        last = int(reports["report_seq"][-1]) if len(reports) else 0
        assert last >= self.state.applied_seq[0], "our files were ahead of order_sender's"
        missed = reports[reports["report_seq"] > self.state.applied_seq[0]]
        apply_missed(self.state, 0, missed, self.book.refresh)

    def lose_power(self) -> None:
        self.disk.close()

    def lots(self) -> dict[tuple[int, int], tuple[int, int, int]]:
        """{(strategy, instrument): (bought, sold, executions)} of the rows that traded."""
        return {
            (int(row["strategy_id"]), int(row["instrument_id"])): (
                int(row["bought_lots"]),
                int(row["sold_lots"]),
                int(row["fills"]),
            )
            for row in self.state.rows
            if row["fills"]
        }

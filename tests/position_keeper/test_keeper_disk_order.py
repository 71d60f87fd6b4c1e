"""position_keeper's journal goes to the disk only behind the reports that it stands for."""

import random

import numpy as np

from procs.position_keeper.disk_order import DiskOrder, ReportsOnDisk
from shm.atomics import record_view
from shm.codes import JOURNAL_FILL, JOURNAL_ORDER_SENT, JOURNAL_REPORT, JOURNAL_SNAPSHOT
from shm.journal import journal_claim, journal_commit
from shm.records.fill import FILL
from shm.records.position import POSITION
from shm.records.report import REPORT
from shm.scratch import scratch_journal, scratch_journal_reader


def append(journal, kind: int, report_seq: int) -> None:
    """One entry that carries, or stands for, a report."""
    address = journal_claim(journal[0])
    dtype, field = {JOURNAL_FILL: (FILL, "report_seq"), JOURNAL_SNAPSHOT: (POSITION, "reports_seq")}.get(
        kind, (REPORT, "report_seq")
    )
    record_view(address, dtype)[field] = report_seq
    journal_commit(journal[0], kind, REPORT.itemsize, 0, 0)


def test_random_watermarks_let_exactly_the_entries_of_reports_on_disk_through():
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    sender, keeper = scratch_journal(REPORT.itemsize, 4096), scratch_journal(REPORT.itemsize, 1024)
    reader = scratch_journal_reader(sender[0])
    order = DiskOrder([ReportsOnDisk(reader)], np.zeros(4, np.int64))
    places, causes = [], []  # entry of each report; report of each of our entries
    while len(causes) < 400:
        if chance.random() < 0.6:
            append(sender, JOURNAL_REPORT, len(places) + 1)
            places.append(int(sender[0]["next_seq"]) - 1)
            if chance.random() < 0.5:
                append(keeper, chance.choice((JOURNAL_FILL, JOURNAL_SNAPSHOT)), len(places))
                causes.append(len(places))
        else:
            append(sender, JOURNAL_ORDER_SENT, 0)
        if chance.random() < 0.2:
            reader.view.publish_watermark(chance.randrange(reader.view.watermark, int(sender[0]["next_seq"]) + 1))
            durable = sum(place < reader.view.watermark for place in places)
            entries = scratch_journal_reader(keeper[0]).read(0, 1024) if causes else np.zeros(0)
            assert order.ready(entries) == sum(cause <= durable for cause in causes), f"seed {seed}"

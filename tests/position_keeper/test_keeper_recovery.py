"""Finding one's place in journals: order_sender's by bisection, our own read once, entry by entry."""

import random

import numpy as np
import pytest

from procs.position_keeper.executions import Executions, JournalBook
from procs.position_keeper.recovery import PROBE_ENTRIES, entry_before_report, reports_in_journal
from shm.atomics import record_view
from shm.codes import JOURNAL_ORDER_SENT, JOURNAL_REPORT, REPORT_BROKEN, REPORT_CORRECTED, REPORT_EXECUTED
from shm.journal import journal_claim, journal_commit
from shm.records.fill import FILL
from shm.records.report import REPORT
from shm.scratch import scratch_journal, scratch_journal_reader
from tests.support.keeper_bench import KeeperBench


def journal_of(kinds):
    """A journal with one entry a kind; reports are numbered from 1. Returns (reader, entry of each report)."""
    journal, places = scratch_journal(REPORT.itemsize, 1 << 12), []
    for entry, kind in enumerate(kinds):
        address = journal_claim(journal[0])
        if kind == JOURNAL_REPORT:
            places.append(entry)
            record_view(address, REPORT)["report_seq"] = len(places)
        journal_commit(journal[0], kind, REPORT.itemsize, 0, 0)
    return scratch_journal_reader(journal[0]), places


@pytest.mark.parametrize("share", [1.0, 0.3, 0.02])
def test_bisection_finds_a_place_from_which_no_report_is_missed(share):
    chance = random.Random(int(share * 100))
    print("seed", int(share * 100))
    kinds = [JOURNAL_REPORT if chance.random() < share else JOURNAL_ORDER_SENT for _ in range(3000)]
    reader, places = journal_of(kinds)
    for wanted in {1, 2, len(places), len(places) + 1, *(chance.randint(1, len(places)) for _ in range(20))}:
        for low in (0, places[max(0, min(wanted, len(places)) - 2)]):
            begin = entry_before_report(reader, wanted, low)
            assert low <= begin and (wanted > len(places) or begin <= places[wanted - 1])
            found = reports_in_journal(reader, begin)[0]["report_seq"].tolist()
            assert found == list(range(found[0], len(places) + 1)) and found[0] <= wanted
            if share > 0.1 and wanted <= len(places):
                assert places[wanted - 1] - begin <= 4 * PROBE_ENTRIES


def test_a_journal_without_reports_or_entries_has_no_place_but_its_begin():
    for kinds in ([], [JOURNAL_ORDER_SENT] * 500):
        reader, _ = journal_of(kinds)
        begin = entry_before_report(reader, 1, 0)
        assert begin == 0 and len(reports_in_journal(reader, begin)[0]) == 0


def test_executions_grow_beyond_their_first_memory_and_keep_their_order():
    executions = Executions(5)
    for first in range(0, 5000, 500):
        fills = np.zeros(500, FILL)
        fills["match_number"], fills["kind"] = np.arange(first, first + 500), REPORT_EXECUTED
        fills["instrument_id"], fills["strategy_id"] = fills["match_number"] % 5, fills["match_number"] % 2
        fills["qty_lots"] = fills["match_number"] + 1
        executions.take(fills)
    assert executions.standing()["match_number"].tolist() == list(range(5000))
    row = executions.of_row(5 + 3)
    assert row["match_number"].tolist() == list(range(3, 5000, 10))
    changes = np.zeros(3, FILL)
    changes["match_number"], changes["kind"] = (3, 13, 3), (REPORT_BROKEN, REPORT_CORRECTED, REPORT_BROKEN)
    changes["instrument_id"], changes["strategy_id"], changes["qty_lots"] = 3, 1, 77
    executions.take(changes)
    row = executions.of_row(5 + 3)
    assert row["match_number"].tolist() == list(range(13, 5000, 10)) and row["qty_lots"][0] == 77
    assert executions.find(changes[0]) is None and executions.find(changes[1])["qty_lots"] == 77


def test_our_own_journal_is_read_once_however_often_it_is_refreshed():
    bench = KeeperBench()
    reader, read = bench.book.reader, []

    class Counting:
        def chunks(self, from_seq):
            for chunk in reader.chunks(from_seq):
                read.append(len(chunk))
                yield chunk

    book = JournalBook(Counting(), 5, bench.rows)
    for number in range(1, 4):
        bench.report(REPORT_EXECUTED, qty_lots=1, price_ticks=1_000_000, match_number=number)
        bench.step()
        book.refresh()
    assert sum(read) == len(book.executions.standing()) == 3
    assert book.images[0]["position_lots"] == 3

"""position_keeper from a snapshot and the rest of its journal is position_keeper from the whole journal, byte for byte."""

import random

import numpy as np
import pytest

from procs.position_keeper.executions import JournalBook
from procs.position_keeper.lots import lots_of
from procs.position_keeper.recovery import rebuild
from procs.position_keeper.snapshots import Snapshots
from procs.position_keeper.state import state_of
from shm.codes import (
    LIQUIDITY_ADDED,
    LIQUIDITY_REMOVED,
    REPORT_BROKEN,
    REPORT_CORRECTED,
    REPORT_EXECUTED,
    SIDE_BUY,
    SIDE_SELL,
)
from shm.errors import JournalWriteFailed
from shm.journal import journal_drain
from shm.scratch import scratch_journal_reader
from shm.snapshot import list_snapshots
from tests.support.keeper_bench import KeeperBench


def trade(bench, chance, number: int) -> None:
    """One report: mostly an execution, now and then a break or a correction of an earlier one."""
    kind = (
        REPORT_EXECUTED
        if number < 5
        else chance.choices((REPORT_EXECUTED, REPORT_BROKEN, REPORT_CORRECTED), (8, 1, 1))[0]
    )
    instrument = chance.randrange(2)
    match = number if kind == REPORT_EXECUTED else chance.randrange(number)
    if kind != REPORT_EXECUTED:
        instrument = bench.instrument_of[match]
    bench.instrument_of[number] = instrument
    bench.report(
        kind,
        chance.choice((SIDE_BUY, SIDE_SELL)),
        instrument,
        qty_lots=chance.randrange(1, 50),
        price_ticks=1_000_000 + 100 * chance.randrange(20),
        match_number=match,
        order_id=match,
        liquidity=chance.choice((LIQUIDITY_ADDED, LIQUIDITY_REMOVED)),
    )
    bench.step()
    if bench.state.exit_request[0]:
        bench.catch_up()


def traded(seed: int, count: int) -> KeeperBench:
    chance = random.Random(seed)
    bench = KeeperBench(journal=4096)
    bench.instrument_of = {}
    for number in range(count):
        trade(bench, chance, number)
    return bench


def new_book(bench) -> JournalBook:
    return JournalBook(scratch_journal_reader(bench.state.journal[0]), len(bench.config.instruments), bench.rows)


def digest(bench, book: JournalBook) -> tuple:
    """Everything that a restart makes of the journal: rows, open lots in order, executions, images."""
    tables = {name: bench.tables[name] for name in bench.tables}
    state = state_of(
        me=bench.me, reports=bench.state.reports, tables=tables, journal=bench.state.journal, config=bench.config
    )
    rebuild(state, book)
    lots = [lots_of(state.pool, state.queues[at]) for at in range(len(state.rows))]
    fifo = state.queues["realised_micro"].tolist()
    return state.rows.tobytes(), lots, fifo, book.executions.held().tobytes(), book.images.tobytes(), book.next_seq


def by_replay(bench) -> tuple:
    book = new_book(bench)
    book.refresh()
    return digest(bench, book)


def by_snapshot(bench, folder) -> tuple[tuple, int, tuple[str, ...]]:
    """(digest, first entry that was read, why snapshots were passed over)."""
    book = new_book(bench)
    passed_over = Snapshots(folder, book).load()
    begun = book.next_seq
    book.refresh()
    return digest(bench, book), begun, passed_over


def keep(bench, folder, book: JournalBook) -> None:
    """A snapshot of `book` as it is now."""
    book.refresh()
    journal_drain(bench.state.journal[0])
    snapshots = Snapshots(folder, book, entries=1)
    assert snapshots.turn() is None
    snapshots.close()


def test_a_restart_from_any_snapshot_gives_the_same_digest(tmp_path):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    bench, chance = traded(seed, 60), random.Random(seed + 1)
    book = new_book(bench)
    for number in range(60, 160):
        if number % 20 == 0:
            keep(bench, tmp_path, book)
            taken = book.next_seq
        trade(bench, chance, number)
        if number % 7 == 0:
            found, begun, passed_over = by_snapshot(bench, tmp_path)
            assert (begun, passed_over) == (taken, ()) and found == by_replay(bench), f"seed {seed}, report {number}"
    assert len(list_snapshots(tmp_path / "snapshot")) == 2


DAMAGE = ("torn", "flipped", "newer", "stale", "empty", "gone")


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_newest_snapshot_changes_nothing_but_the_time(tmp_path, what):
    bench, book = traded(7, 40), None
    book = new_book(bench)
    keep(bench, tmp_path, book)
    older = book.next_seq
    for number in range(40, 80):
        trade(bench, random.Random(number), number)
    keep(bench, tmp_path, book)
    path = list_snapshots(tmp_path / "snapshot")[-1]
    content = bytearray(path.read_bytes())
    if what == "torn":
        path.write_bytes(content[:-100])
    elif what == "flipped":
        content[len(content) // 2] ^= 16
        path.write_bytes(content)
    elif what == "newer":
        other = traded(8, 200)
        elsewhere = new_book(other)
        keep(other, tmp_path / "other", elsewhere)
        (newer,) = list_snapshots(tmp_path / "other" / "snapshot")
        path.unlink()
        newer.rename(path.parent / newer.name)
    elif what == "stale":  # of an earlier life of this journal: same sequence, other entries
        other = traded(9, 80)
        elsewhere = new_book(other)
        keep(other, tmp_path / "other", elsewhere)
        (stale,) = list_snapshots(tmp_path / "other" / "snapshot")
        path.unlink()
        stale.rename(path.parent / stale.name)
    elif what == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    found, begun, passed_over = by_snapshot(bench, tmp_path)
    assert begun == older and found == by_replay(bench)
    assert len(passed_over) == (what != "gone")


def test_one_is_due_only_for_what_is_on_disk_and_less_often_as_the_day_grows(tmp_path):
    bench = traded(3, 30)
    book = new_book(bench)
    book.refresh()
    snapshots = Snapshots(tmp_path, book, entries=10)
    snapshots.turn()
    snapshots.close()
    assert list_snapshots(tmp_path / "snapshot") == [], "a power loss would leave it newer than the journal"
    journal_drain(bench.state.journal[0])
    snapshots.turn()
    snapshots.close()
    assert len(list_snapshots(tmp_path / "snapshot")) == 1
    snapshots.next_seq, book.next_seq = 1000, 1249
    snapshots.turn()
    assert snapshots.next_seq == 1000, "not before a quarter more"


def test_a_disk_that_fails_is_told_once(tmp_path, monkeypatch):
    bench = traded(3, 30)
    book = new_book(bench)
    book.refresh()
    journal_drain(bench.state.journal[0])
    snapshots = Snapshots(tmp_path, book, entries=1)
    written = []

    def fail(*_):
        written.append(1)
        raise JournalWriteFailed(where="here", expected="a disk", found="none", do="look")

    monkeypatch.setattr("procs.position_keeper.snapshots.store_snapshot", fail)
    assert snapshots.turn() is None
    snapshots.close()
    assert isinstance(snapshots.turn(), JournalWriteFailed)
    assert snapshots.turn() is None and len(written) == 1
    assert np.array_equal(book.images, new_book(bench).images) is False, "the book itself is unharmed"

"""The record's file: one writer, one version, readers that need nothing; journals that end badly."""

import os
import sqlite3

import pytest

from procs.oms.errors import NoRecord, OtherRecord, RecordHeld
from procs.oms.loader import Loader
from procs.oms.orders import ExecutionRow, OrderRow
from procs.oms.schema import DDL, FILE, STATISTICS, VERSION, columns
from procs.oms.store import Store, open_reader
from procs.runtime.paths import state_folder
from shm import codes
from tests.support.record_bench import Scribe

pytestmark = pytest.mark.usefixtures("folders")


@pytest.fixture
def name() -> str:
    return f"store-{os.getpid()}"


def test_one_writer_at_a_time_and_the_next_when_it_left(name):
    first = Store(state_folder(name))
    with pytest.raises(RecordHeld, match="one that is alive"):
        Store(state_folder(name))
    first.close()
    Store(state_folder(name)).close()


def test_a_reader_reads_while_the_writer_writes_and_cannot_write(name):
    store = Store(state_folder(name))
    with store.transaction():
        store.put("breaks", [(1, "order_sender", 0, "cum", 5, 6, "a", "b")])
    reader = open_reader(name)
    with store.transaction():
        store.put("breaks", [(1, "order_sender", 1, "cum", 5, 6, "a", "b")])
        assert len(reader.execute("SELECT * FROM breaks").fetchall()) == 1
    assert len(reader.execute("SELECT * FROM breaks").fetchall()) == 2
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM breaks")
    reader.close()
    store.close()


def test_a_transaction_that_fails_leaves_nothing(name):
    store = Store(state_folder(name))
    with pytest.raises(sqlite3.IntegrityError), store.transaction():
        store.move_cursor(1, "order_sender", 5, False)
        store.put("breaks", [(1, "order_sender", 0, "cum", 5, 6, "a", "b")] * 2)
    assert store.cursors() == {}
    store.close()


def test_another_version_and_a_file_that_is_no_record_are_refused_with_what_to_do(name):
    with pytest.raises(NoRecord, match="quintet oms load"):
        open_reader(name)
    store = Store(state_folder(name))
    store.connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    store.close()
    for opened in (lambda: Store(state_folder(name)), lambda: open_reader(name)):
        with pytest.raises(
            OtherRecord, match=f"expected a record of version {VERSION}, found version {VERSION + 1}; move it"
        ):
            opened()
    (state_folder(name) / FILE).write_bytes(b"not a database at all, not at all" * 100)
    for opened in (lambda: Store(state_folder(name)), lambda: open_reader(name)):
        with pytest.raises(OtherRecord, match="not a database"):
            opened()


def test_columns_of_rows_are_those_of_the_tables(name):
    store = Store(state_folder(name))
    run = store.connection.execute
    tables = [row[0] for row in run("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
    assert len(tables) == DDL.count("CREATE TABLE")
    for table in set(tables) - {"epochs"}:
        assert tuple(row[1] for row in run(f"PRAGMA table_info({table})")) == columns(table)
    assert OrderRow.__slots__ == columns("orders") and ExecutionRow.__slots__ == columns("executions")
    indexes = {row[0] for row in run("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert indexes <= {index for _, index, _ in STATISTICS}
    store.close()


def test_a_question_about_a_day_goes_by_the_index_of_the_report(name):
    store = Store(state_folder(name))
    query = "SELECT * FROM executions e LEFT JOIN fills f ON f.epoch = e.epoch AND f.session_id = e.session_id AND f.report_seq = e.report_seq"
    plan = " ".join(row[3] for row in store.connection.execute("EXPLAIN QUERY PLAN " + query))
    assert "fills_by_report (epoch=? AND session_id=? AND report_seq=?)" in plan
    store.close()


def test_a_damaged_journal_is_told_and_the_others_are_read_on(name):
    scribe = Scribe(name, 1)
    for number in range(101, 131):
        scribe.order(number)
        scribe.decision(order_id=number, intent_id=number + 1000)
    scribe.write()
    (path,) = (scribe.folder / "order_sender").glob("*.journal")
    content = bytearray(path.read_bytes())
    content[512 + 20 * 320 + 70] ^= 1
    path.write_bytes(content)
    loader = Loader(name, None)
    loader.load()
    run = loader.store.connection.execute
    assert run("SELECT count(*) FROM orders").fetchone()[0] == 20
    assert run("SELECT count(*) FROM decisions").fetchone()[0] == 30
    ((instance, seq, kind, found),) = run("SELECT instance, seq, kind, found FROM breaks").fetchall()
    assert (instance, seq, kind) == ("order_sender", 20, "journal") and "entry 20" in found
    assert loader.store.cursors()[1, "order_sender"] == (20, False)
    assert loader.load() == 0, "it is not tried again in the same life"
    loader.close()


def test_names_are_those_of_the_epoch_and_come_later_when_they_are_not_known_yet(name):
    nameless, named = Scribe(name, 1, configured=False), Scribe(name, 2)
    for scribe in (nameless, named):
        scribe.report(codes.REPORT_EXPIRED, 101, 0, user_ref_num=0)
        scribe.write()
    loader = Loader(name, None)
    loader.load()
    run = loader.store.connection.execute
    assert run("SELECT DISTINCT epoch FROM strategies").fetchall() == [(2,)]
    assert run("SELECT symbol FROM instruments WHERE epoch = 2 AND instrument_id = 0").fetchone() == ("QNTA",)
    loader.close()

"""Store: the one writer of the record, and how others open it. The record is one sqlite file in the state folder.

Rows and the cursor of the journal that they came from are written in one transaction, so a process that is killed at
any instant has applied every entry once or not at all. `synchronous = NORMAL` with a write-ahead log: a power loss may
take the last transactions, never a part of one, and what it takes is still in the journals and is loaded again.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

from procs.oms.errors import NoRecord, OtherRecord, RecordHeld
from procs.oms.orders import ExecutionRow, OrderBook, OrderRow, execution_values, order_values
from procs.oms.schema import DDL, FILE, LOCK, STATISTICS, VERSION, columns
from procs.runtime.paths import state_folder

CACHE_KIB = 32_768  # pages that a load goes back to: the ends of every index
LOG_PAGES = 4_096  # pages of the write-ahead log before they go into the file: 16 MiB, so that a sync is seldom


def record_path(name: str) -> Path:
    """The file of a fabric's record, there or not."""
    return state_folder(name) / FILE


def check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Raise OtherRecord unless the file is a record of this version."""
    try:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != VERSION:
        raise OtherRecord(
            where=str(path),
            expected=f"a record of version {VERSION}",
            found=f"version {found}" if isinstance(found, int) else found,
            do="move it away: it is built again from the journals (`quintet oms load`, or oms by itself)",
        )


def open_reader(name: str) -> sqlite3.Connection:
    """Read-only connection with rows by column name. Raises NoRecord, OtherRecord. Never waits for the writer."""
    path = record_path(name)
    if not path.exists():
        raise NoRecord(
            where=str(path),
            expected="the record of that fabric",
            found="none",
            do="oms writes it while it runs; `quintet oms load` builds it from the journals; or give --name",
        )
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        check_version(connection, path)
    except BaseException:
        connection.close()
        raise
    connection.row_factory = sqlite3.Row
    return connection


class Store:
    """The writer's connection. Raises RecordHeld when another process writes, OtherRecord for another version."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self._lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise RecordHeld(
                where=str(self.path), expected="no other writer", found="one that is alive", do="read it instead"
            ) from None
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        self._inserts: dict[str, str] = {}

    def _open(self) -> None:
        run = self.connection.execute
        try:
            empty = run("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        except sqlite3.DatabaseError:
            empty = False
        if not empty:
            check_version(self.connection, self.path)
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run(f"PRAGMA cache_size = -{CACHE_KIB}")
        run(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        if empty:
            with self.transaction():  # all tables and the version, or none
                for statement in DDL.split(";\n"):
                    if statement.strip():
                        run(statement)
                run("ANALYZE")  # makes the table of statistics
                self.connection.executemany("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", STATISTICS)
                run("ANALYZE sqlite_schema")  # and takes them into use
                run(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Give the record up; the write-ahead log goes into the file."""
        self.connection.close()
        os.close(self._lock)

    @contextmanager
    def transaction(self):
        """All that is written inside, or nothing of it."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    # --- inside a transaction -----------------------------------------------------------------------------------------

    def put(self, table: str, rows: Iterable[tuple], replace: bool = False) -> None:
        """Insert rows; with `replace` over those with the same key, else such a row is a fault and raises."""
        names = ("epoch", "profile") if table == "epochs" else columns(table)
        verb = "REPLACE" if replace else "INSERT"
        key = f"{verb} {table}"
        if key not in self._inserts:
            places = ", ".join("?" * len(names))
            self._inserts[key] = f"{verb} INTO {table} ({', '.join(names)}) VALUES ({places})"
        self.connection.executemany(self._inserts[key], rows)

    def put_book(self, book: OrderBook) -> None:
        """Everything that a book holds to be stored."""
        self.put("orders", map(order_values, book.changed.values()), replace=True)
        self.put("order_events", book.events)
        self.put("executions", map(execution_values, book.executions), replace=True)
        self.put("sessions", book.sessions)
        self.put("breaks", book.breaks.values())

    def move_cursor(self, epoch: int, instance: str, next_seq: int, ended: bool) -> None:
        """Say that every entry of a journal before `next_seq` is in the record."""
        self.put("cursors", [(epoch, instance, next_seq, int(ended))], replace=True)

    # --- looking back -------------------------------------------------------------------------------------------------

    def cursors(self) -> dict[tuple[int, str], tuple[int, bool]]:
        """{(epoch, instance): (next sequence, whether it ended)}."""
        rows = self.connection.execute("SELECT epoch, instance, next_seq, ended FROM cursors").fetchall()
        return {(epoch, instance): (next_seq, bool(ended)) for epoch, instance, next_seq, ended in rows}

    def named_epochs(self) -> set[int]:
        """Epochs of which the names are known."""
        return {row[0] for row in self.connection.execute("SELECT epoch FROM epochs")}

    def book(self, epoch: int, instance: str) -> OrderBook:
        """An order_sender's orders as the record has them."""
        run = self.connection.execute
        report_seq = run(
            "SELECT report_seq FROM order_events WHERE epoch = ? AND instance = ? AND report_seq != 0"
            " ORDER BY seq DESC LIMIT 1",
            (epoch, instance),
        ).fetchone()

        def find_order(order_id: int) -> OrderRow | None:
            found = run("SELECT * FROM orders WHERE epoch = ? AND order_id = ?", (epoch, order_id)).fetchone()
            return None if found is None else OrderRow(*found)

        def find_execution(match_number: int, order_id: int) -> ExecutionRow | None:
            found = run(
                "SELECT * FROM executions WHERE epoch = ? AND instance = ? AND match_number = ?"
                " ORDER BY order_id = ? DESC, seq DESC LIMIT 1",
                (epoch, instance, match_number, order_id),
            ).fetchone()
            return None if found is None else ExecutionRow(*found)

        return OrderBook(epoch, instance, report_seq[0] if report_seq else 0, find_order, find_execution)

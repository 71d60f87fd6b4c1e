"""Query: what a person asks of the record, as SQL over one read-only connection. No numba.

Each question yields dictionaries, oldest first: the columns of its table, the names of strategy and instrument as they
were in that epoch (None where nobody knows them), and what is stored elsewhere and belongs to it.
"""

import heapq
import sqlite3
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from procs.oms.schema import columns
from procs.oms.states import OPEN_STATES, PASSED
from shm.records.order import ORDER_FLAG_SHORT

DAY_NS = 86_400 * 1_000_000_000


class Moment(NamedTuple):
    """A time as asked for: UTC ns, or with `of_day` ns since midnight of the newest day in the record."""

    ns: int
    of_day: bool = False


class Filter(NamedTuple):
    """What to show; None and False choose everything. `epoch` None is the newest, 0 all. Times are logic time."""

    open: bool = False
    strategy: str | None = None
    instrument: str | None = None
    side: str | None = None
    state: str | None = None
    code: str | None = None
    since: Moment | None = None
    until: Moment | None = None
    epoch: int | None = None
    last: int | None = None


NAMES = """
LEFT JOIN strategies s ON s.epoch = t.epoch AND s.strategy_id = t.strategy_id
LEFT JOIN instruments i ON i.epoch = t.epoch AND i.instrument_id = t.instrument_id
"""
NAMED = "s.name AS strategy, i.symbol AS instrument, i.currency, i.price_tick_micro"

# an order that passed the gate and is not in order_sender's journal: as much of its row as the decision tells
_FROM_DECISION = {
    "parent_order_id": "coalesce((SELECT p.order_id FROM orders p WHERE p.epoch = d.epoch"
    " AND p.intent_id = d.target_intent_id AND d.target_intent_id != 0), 0)",
    "session_id": "-1",
    "leaves_lots": "d.qty_lots",
    "state": f"'{PASSED}'",
    "short": f"(d.order_flags & {ORDER_FLAG_SHORT}) != 0",
    "first_ns": "d.now_ns",
    "last_ns": "d.now_ns",
}
_SHARED = set(columns("decisions"))
_TEXTS = ("tif", "pending", "instance")


def _of_decision(name: str) -> str:
    """The column of `orders` as a decision has it; nothing where it has none."""
    return "''" if name in _TEXTS else f"d.{name}" if name in _SHARED else "0"


PASSED_ROWS = (
    "SELECT "
    + ", ".join(f"{_FROM_DECISION.get(name) or _of_decision(name)} AS {name}" for name in columns("orders"))
    + " FROM decisions d WHERE d.code = 'pass' AND d.order_id != 0"
    " AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.epoch = d.epoch AND o.order_id = d.order_id)"
)
ORDER_LIST = ", ".join(columns("orders"))
ORDERS = f"(SELECT {ORDER_LIST} FROM orders UNION ALL {PASSED_ROWS})"


def newest_epoch(connection: sqlite3.Connection) -> int | None:
    """The newest epoch with anything in the record; None for an empty one."""
    return connection.execute("SELECT max(epoch) FROM cursors").fetchone()[0]


def orders(connection: sqlite3.Connection, chosen: Filter) -> Iterator[dict]:
    """Orders. `since` and `until` are about when an order was made."""
    where = []
    if chosen.open:
        where.append(f"t.state IN ({', '.join(repr(state) for state in OPEN_STATES)})")
    found = [
        _rows(connection, source, chosen, "t.first_ns", "t.epoch {0}, t.order_id {0}", where)
        for source, asked in (("orders", chosen.state != PASSED), (f"({PASSED_ROWS})", chosen.state in (None, PASSED)))
        if asked
    ]
    merged = heapq.merge(*found, key=lambda row: (row["epoch"], row["order_id"]))
    return merged if chosen.last is None else iter(deque(merged, chosen.last))


def executions(connection: sqlite3.Connection, chosen: Filter) -> Iterator[dict]:
    """Executions, each with position_keeper's fee, realised P&L and position after it; None while it has not said."""
    extra = (
        ", f.fee_micro, f.realised_micro, f.position_lots, f.seq AS fill_seq,"
        " (SELECT o.state FROM orders o WHERE o.epoch = t.epoch AND o.order_id = t.order_id) AS order_state"
    )
    join = (
        "LEFT JOIN fills f ON f.epoch = t.epoch AND f.session_id = t.session_id AND f.report_seq = t.report_seq"
        " AND f.order_id = t.order_id"
    )
    order = "t.epoch {0}, t.now_ns {0}, t.seq {0}"
    return _rows(connection, "executions", chosen, "t.now_ns", order, [], extra, join)


def decisions(connection: sqlite3.Connection, chosen: Filter) -> Iterator[dict]:
    """Every answer of risk_gate; `code` "refused" is all but passes."""
    where = []
    if chosen.code == "refused":
        where.append("t.code != 'pass'")
    return _rows(connection, "decisions", chosen, "t.now_ns", "t.epoch {0}, t.instance {0}, t.seq {0}", where)


BREAK_STATES = ("open", "acknowledged", "cleared")
_BREAK_STATE = (
    "CASE WHEN cleared_ns != 0 THEN 'cleared' WHEN acknowledged_ns != 0 THEN 'acknowledged' ELSE 'open' END AS state"
)


def venue_breaks(
    connection: sqlite3.Connection, chosen: Filter, kind: str | None = None, instrument: str | None = None
) -> list[dict]:
    """Breaks with drop copies, oldest first, with their `state`. Of `chosen` epoch, state and last are asked."""
    where, values = _of_epoch(connection, chosen)
    scope = None if instrument is None else f"instrument:{instrument}"
    for field, value in (("kind", kind), ("scope", scope), ("state", chosen.state)):
        if value is not None:
            where.append(f"{field} = ?")
            values.append(value)
    text = f"SELECT * FROM (SELECT *, {_BREAK_STATE} FROM venue_breaks)" + _where(where)
    found = [dict(row) for row in connection.execute(text + " ORDER BY epoch, number", values)]
    return found if chosen.last is None else found[-chosen.last :]


def journal_breaks(connection: sqlite3.Connection, chosen: Filter) -> list[dict]:
    """Journal entries that contradict what came before."""
    where, values = _of_epoch(connection, chosen)
    text = "SELECT * FROM breaks" + _where(where) + " ORDER BY epoch, instance, seq, kind"
    found = [dict(row) for row in connection.execute(text, values)]
    return found if chosen.last is None else found[-chosen.last :]


def _of_epoch(connection: sqlite3.Connection, chosen: Filter) -> tuple[list[str], list]:
    epoch = newest_epoch(connection) if chosen.epoch is None else chosen.epoch
    return (["epoch = ?"], [epoch]) if epoch else ([], [])


def _where(conditions: list[str]) -> str:
    return " WHERE " + " AND ".join(conditions) if conditions else ""


def _rows(
    connection, source, chosen: Filter, at: str, order: str, where: list[str], extra="", join=""
) -> Iterator[dict]:
    """The rows of `source` that pass. `at` is the time that `since` and `until` are about."""
    epoch = newest_epoch(connection) if chosen.epoch is None else chosen.epoch
    held = dict(where=list(where), values=[])

    def also(condition: str, value) -> None:
        held["where"].append(condition)
        held["values"].append(value)

    if epoch:
        also("t.epoch = ?", epoch)
    for name, field in (("strategy", "s.name"), ("instrument", "i.symbol"), ("side", "t.side"), ("state", "t.state")):
        value = getattr(chosen, name)
        if value is not None:
            also(f"{field} = ?", value)
    if chosen.code not in (None, "refused"):
        also("t.code = ?", chosen.code)
    for moment, sign in ((chosen.since, ">="), (chosen.until, "<")):
        if moment is not None:
            also(f"{at} {sign} ?", absolute(connection, moment, epoch))
    text = f"SELECT t.*, {NAMED}{extra} FROM {source} t {NAMES} {join}"
    if held["where"]:
        text += " WHERE " + " AND ".join(held["where"])
    newest_first = chosen.last is not None
    text += " ORDER BY " + order.format("DESC" if newest_first else "ASC")
    if newest_first:
        text += f" LIMIT {chosen.last}"
    found = connection.execute(text, held["values"])
    if newest_first:
        found = reversed(found.fetchall())
    for row in found:
        yield dict(row)


def absolute(connection, moment: Moment, epoch: int | None) -> int:
    """UTC ns of a moment as asked for."""
    if not moment.of_day:
        return moment.ns
    where, values = ("WHERE epoch = ?", (epoch,)) if epoch else ("", ())
    tables = ("order_events", "decisions")
    newest = [connection.execute(f"SELECT max(now_ns) FROM {name} {where}", values).fetchone()[0] for name in tables]
    newest_ns = max((at_ns for at_ns in newest if at_ns), default=0)
    return newest_ns // DAY_NS * DAY_NS + moment.ns

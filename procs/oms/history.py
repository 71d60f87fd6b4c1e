"""History: orders and positions as they stood at a past moment of logic time, from the record of their changes."""

import sqlite3
from collections import deque
from collections.abc import Iterator

from procs.oms.query import NAMED, NAMES, Filter, Moment, absolute, newest_epoch, orders
from procs.oms.states import CLOSED_WORDS, OPEN_STATES, PASSED

_NEWEST = (
    "SELECT leaves_lots, cum_lots, reason FROM order_events"
    " WHERE epoch = ? AND order_id = ? AND now_ns <= ? AND kind NOT LIKE '%_sent' ORDER BY instance, seq DESC LIMIT 1"
)
_ASKED = (  # what we asked for changes state and pending, and nothing else
    "SELECT state, pending FROM order_events WHERE epoch = ? AND order_id = ? AND now_ns <= ?"
    " ORDER BY instance, seq DESC LIMIT 1"
)
_REPLACED = (
    "SELECT 1 FROM orders o JOIN order_events e ON e.epoch = o.epoch AND e.order_id = o.order_id"
    " WHERE o.epoch = ? AND o.parent_order_id = ? AND e.kind = 'replaced' AND e.now_ns <= ?"
)
_EXECUTED = (
    "SELECT coalesce(sum(CASE kind WHEN 'executed' THEN qty_lots WHEN 'broken' THEN -qty_lots ELSE 0 END), 0)"
    " FROM order_events WHERE epoch = ? AND order_id = ? AND now_ns <= ? AND kind IN ('executed', 'broken')"
)


def orders_at(connection: sqlite3.Connection, chosen: Filter, at: Moment) -> Iterator[dict]:
    """Orders that were made by then, with state, pending and sizes as they were.

    `state` and `open` of the filter are about then too.
    """
    at_ns = absolute(connection, at, newest_epoch(connection) if chosen.epoch is None else chosen.epoch)
    found = _orders_at(connection, chosen, at_ns)
    return found if chosen.last is None else iter(deque(found, chosen.last))


def _orders_at(connection: sqlite3.Connection, chosen: Filter, at_ns: int) -> Iterator[dict]:
    for row in orders(connection, chosen._replace(state=None, open=False, last=None)):
        if row["first_ns"] > at_ns:
            continue
        if row["state"] != PASSED and row["last_ns"] > at_ns:  # else it stands as it stood
            _put_back(connection, row, at_ns)
        asked = chosen.state is None or row["state"] == chosen.state
        if asked and (not chosen.open or row["state"] in OPEN_STATES):
            yield row


def _put_back(connection: sqlite3.Connection, row: dict, at_ns: int) -> None:
    """Change an order's row to what it was."""
    given = (row["epoch"], row["order_id"], at_ns)
    answered = connection.execute(_NEWEST, given).fetchone()
    asked = connection.execute(_ASKED, given).fetchone()
    if answered is not None:
        row["leaves_lots"], row["cum_lots"] = answered["leaves_lots"], answered["cum_lots"]
        row["reason"] = answered["reason"]
    else:  # only sent by then: nothing of it had been told
        row["leaves_lots"], row["cum_lots"], row["reason"] = row["qty_lots"], 0, 0
    if asked is not None:
        row["state"], row["pending"] = asked["state"], asked["pending"]
    row["executed_lots"] = connection.execute(_EXECUTED, given).fetchone()[0]
    if row["state"] in OPEN_STATES and connection.execute(_REPLACED, given).fetchone():
        row["state"], row["pending"] = "replaced", ""
    row["closed"] = int(row["state"] in CLOSED_WORDS.values())
    if row["closed"]:
        row["leaves_lots"], row["pending"] = 0, ""


def positions_at(connection: sqlite3.Connection, at: Moment, epoch: int | None = None) -> list[dict]:
    """Position of each strategy and instrument after the last execution by then, with what it had realised and paid."""
    epoch = newest_epoch(connection) if epoch is None else epoch
    at_ns = absolute(connection, at, epoch)
    query = (
        f"SELECT t.epoch, t.strategy_id, t.instrument_id, {NAMED}, count(*) AS fills, max(t.seq) AS newest_seq,"
        " sum(t.realised_micro) AS realised_micro, sum(t.fee_micro) AS fees_micro, max(t.now_ns) AS now_ns,"
        " sum(CASE WHEN t.side = 'buy' AND t.kind = 'executed' THEN t.qty_lots ELSE 0 END) AS bought_lots,"
        " sum(CASE WHEN t.side = 'sell' AND t.kind = 'executed' THEN t.qty_lots ELSE 0 END) AS sold_lots,"
        " (SELECT f.position_lots FROM fills f WHERE f.epoch = t.epoch AND f.strategy_id = t.strategy_id"
        "  AND f.instrument_id = t.instrument_id AND f.now_ns <= ?1 ORDER BY f.seq DESC LIMIT 1) AS position_lots"
        f" FROM fills t {NAMES} WHERE t.now_ns <= ?1 AND (?2 = 0 OR t.epoch = ?2)"
        " GROUP BY t.epoch, t.strategy_id, t.instrument_id"
    )
    return [dict(row) for row in connection.execute(query, (at_ns, epoch or 0))]

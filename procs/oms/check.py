"""Check: whether the parts of the record agree with each other, for every epoch. No numba.

The parts come from different journals, written by different processes: what they agree on was told twice.
"""

import sqlite3

CHECKS = (
    (
        "positions",
        "executions of a strategy and instrument add up to the position that position_keeper has",
        """
        SELECT epoch, strategy_id, instrument_id, sum(lots) AS executed, max(position_lots) AS kept FROM (
          SELECT epoch, strategy_id, instrument_id,
                 CASE side WHEN 'buy' THEN qty_lots ELSE -qty_lots END AS lots, NULL AS position_lots
            FROM executions WHERE order_id != 0
          UNION ALL SELECT epoch, strategy_id, instrument_id, 0, position_lots FROM positions)
        GROUP BY epoch, strategy_id, instrument_id HAVING executed IS NOT kept
        """,
    ),
    (
        "fills",
        "every execution is in position_keeper's journal, once, with the same size and price",
        """
        SELECT e.epoch, e.order_id, e.match_number, e.report_seq, count(f.seq) AS kept
          FROM executions e LEFT JOIN fills f ON f.epoch = e.epoch AND f.session_id = e.session_id
           AND f.report_seq = e.report_seq AND f.order_id = e.order_id AND f.kind = 'executed'
           AND f.qty_lots = e.first_qty_lots AND f.price_ticks = e.first_price_ticks AND f.side = e.side
         WHERE e.order_id != 0 GROUP BY e.epoch, e.instance, e.seq HAVING kept != 1
        """,
    ),
    (
        "unreported",
        "every fill of position_keeper was reported by order_sender",
        """
        SELECT f.epoch, f.order_id, f.match_number, f.report_seq FROM fills f
         WHERE f.kind = 'executed' AND NOT EXISTS (
          SELECT 1 FROM executions e WHERE e.epoch = f.epoch AND e.session_id = f.session_id
             AND e.match_number = f.match_number AND e.order_id = f.order_id)
        """,
    ),
    (
        "decisions",
        "every order that was sent passed risk_gate, once",
        """
        SELECT o.epoch, o.order_id, o.intent_id, count(d.seq) AS passed FROM orders o
          LEFT JOIN decisions d ON d.epoch = o.epoch AND d.intent_id = o.intent_id AND d.order_id = o.order_id
           AND d.code = 'pass' GROUP BY o.epoch, o.order_id HAVING passed != 1
        """,
    ),
    (
        "sizes",
        "an order's executed size is that of its executions",
        """
        SELECT o.epoch, o.order_id, o.executed_lots, coalesce(sum(e.qty_lots), 0) AS executions FROM orders o
          LEFT JOIN executions e ON e.epoch = o.epoch AND e.order_id = o.order_id
         GROUP BY o.epoch, o.order_id HAVING o.executed_lots != executions
        """,
    ),
    ("breaks", "no journal contradicts itself", "SELECT * FROM breaks"),
)


def check(connection: sqlite3.Connection) -> list[dict]:
    """One row a check: name, what must hold, and where it does not. `found` is empty for a sound record."""
    return [
        {"check": name, "holds": text, "found": [dict(row) for row in connection.execute(query)]}
        for name, text, query in CHECKS
    ]


def extent(connection: sqlite3.Connection) -> dict[str, int]:
    """Rows of each table that grows with trading."""
    tables = ("decisions", "orders", "order_events", "executions", "fills")
    return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}

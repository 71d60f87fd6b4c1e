"""`quintet positions`: positions and P&L by average cost and by FIFO, with any or every role dead."""

import json

from procs.cli.snapshot import Snapshot
from procs.cli.text import count, money, table

SCOPE_OF = {"strategy": "strategy", "instrument": "instrument", "venue": "venue", "currency": "firm", "firm": "firm"}
HEADER = ("position", "fills", "bought", "sold", "realised", "FIFO", "unrealised", "spread", "moves", "fees", "P&L", "")


def run(arguments) -> int:
    """Print the rows. Exit 0, or 1 when no fabric of that name exists."""
    snapshot = Snapshot(arguments.name)
    try:
        rows = rows_by(snapshot, arguments.by)
    finally:
        snapshot.close()
    print(json.dumps({"by": arguments.by, "rows": rows}) if arguments.json else render(rows, arguments.by))
    return 0


def rows_by(snapshot: Snapshot, by: str | None) -> list[dict]:
    """Rows of a scope, one a currency; None: one for each strategy and instrument."""
    if by is None:
        return snapshot.positions()
    return [row for row in snapshot.totals() if row["scope"] == SCOPE_OF[by]]


def render(rows: list[dict], by: str | None) -> str:
    """A table. Fees that we paid are negative; `moves` is what prices did to us after the spread was earned."""
    if not rows:
        return "no fills yet"
    if by is None:
        cells = [(row["strategy"], row["instrument"], *amounts(row)) for row in rows]
        return table(("strategy", "instrument", *HEADER), cells, left=2)
    if by in ("currency", "firm"):
        return table((by, *HEADER), [(row["currency"] if by == "currency" else "firm", *amounts(row)) for row in rows])
    return table((by, *HEADER), [(row["name"], *amounts(row)) for row in rows])


def amounts(row: dict) -> tuple[str, ...]:
    """Cells under HEADER of one row, money with the decimals of its currency."""
    unit = row["currency"]
    return (
        count(row["position_lots"]),
        count(row["fills"]),
        count(row["bought_lots"]),
        count(row["sold_lots"]),
        money(row["realised_micro"], unit),
        fifo(row),
        money(row["unrealised_micro"], unit),
        *parts(row),
        unit,
    )


def parts(row: dict) -> tuple[str, str, str, str]:
    """What P&L is made of: spread earned, price moves after it, fees (negative when we paid); then P&L."""
    unit, traded = row["currency"], row["realised_micro"] + row["unrealised_micro"]
    moves, profit = traded - row["spread_micro"], traded - row["fees_micro"]
    return money(row["spread_micro"], unit), money(moves, unit), money(-row["fees_micro"], unit), money(profit, unit)


def fifo(row: dict) -> str:
    """Realised by FIFO; a dash while it is not usable."""
    return "-" if row["fifo_unusable"] else money(row["fifo_realised_micro"], row["currency"])

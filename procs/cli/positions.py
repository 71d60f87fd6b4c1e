"""`quintet positions`: positions and P&L by average cost and by FIFO, with any or every role dead."""

import json

from procs.cli.record import epoch_of, moment, named, tell_behind
from procs.cli.snapshot import Snapshot
from procs.cli.text import count, money, table
from procs.oms.history import positions_at
from procs.oms.store import open_reader

SCOPE_OF = {"strategy": "strategy", "instrument": "instrument", "venue": "venue", "currency": "firm", "firm": "firm"}
HEADER = ("position", "fills", "bought", "sold", "realised", "FIFO", "unrealised", "spread", "moves", "fees", "P&L", "")


def run(arguments) -> int:
    """Print the rows. Exit 0, or 1 when no fabric of that name exists; with --at, when it has no record."""
    if arguments.at is not None:
        return run_at(arguments)
    snapshot = Snapshot(arguments.name)
    try:
        rows = rows_by(snapshot, arguments.by)
    finally:
        snapshot.close()
    print(json.dumps({"by": arguments.by, "rows": rows}) if arguments.json else render(rows, arguments.by))
    return 0


def run_at(arguments) -> int:
    """Positions of a past moment, from the record."""
    connection = open_reader(arguments.name)
    try:
        rows = positions_at(connection, moment(arguments.at, "--at"), epoch_of(arguments.epoch))
        if arguments.json:
            print(json.dumps({"at": arguments.at, "rows": rows}))
        else:
            print(render_at(rows))
        tell_behind(arguments.name, connection)
    finally:
        connection.close()
    return 0


def render_at(rows: list[dict]) -> str:
    """A table; fees that we paid are negative, as everywhere here."""
    if not rows:
        return "no fills by then"
    cells = []
    for row in rows:
        unit = row["currency"] or ""
        amounts = (money(row["realised_micro"], unit), money(-row["fees_micro"], unit), unit)
        sizes = (count(row[name]) for name in ("position_lots", "fills", "bought_lots", "sold_lots"))
        cells.append((*named(row), *sizes, *amounts))
    header = ("strategy", "instrument", "position", "fills", "bought", "sold", "realised", "fees", "")
    return table(header, cells, left=2)


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

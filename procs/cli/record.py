"""`quintet orders | executions | decisions`: what the book of record says, chosen by filters. Reads only."""

import calendar
import json
import re
import sys
import time
from collections.abc import Iterator

from config.errors import ConfigError
from procs.cli.text import count
from procs.oms.history import orders_at
from procs.oms.lag import record_behind
from procs.oms.query import Filter, Moment, decisions, executions, orders
from procs.oms.states import STATES
from procs.oms.store import open_reader
from shm.codes import REJECT_NAMES

USAGE = {"file": "(command line)"}
SECOND_NS = 1_000_000_000
WIDTH_ROWS = 500  # rows that decide how wide the columns are; later ones follow as they come
BEHIND_MAX = 1_000  # entries: oms writes some ten times a second, so a few are always on their way


def run(arguments) -> int:
    """Print what passes, oldest first. Exit 0, also when nothing does; 1 when there is no record."""
    chosen = filter_of(arguments)
    connection = open_reader(arguments.name)
    try:
        ask, show, header = QUESTIONS[arguments.command]
        at = moment(getattr(arguments, "at", None), "--at")
        rows = ask(connection, chosen) if at is None else orders_at(connection, chosen, at)
        if arguments.json:
            for row in rows:
                print(json.dumps(row))
        else:
            print_table(header, (show(row) for row in rows))
        tell_behind(arguments.name, connection)
    finally:
        connection.close()
    return 0


def filter_of(arguments) -> Filter:
    """The command line's filters. Raises ConfigError for a word that can mean nothing."""
    state, code = getattr(arguments, "state", None), getattr(arguments, "code", None)
    trades = arguments.command == "executions"
    states = ("done", "broken", "corrected") if trades else STATES
    codes = ("pass", "refused", *REJECT_NAMES.values())
    for key, value, known in (("--state", state, states), ("--code", code, codes)):
        if value is not None and value not in known:
            raise ConfigError(**USAGE, key=key, expected=", ".join(known), found=value)
    if arguments.last is not None and arguments.last < 1:
        raise ConfigError(**USAGE, key="--last", expected="a number above 0", found=str(arguments.last))
    return Filter(
        open=getattr(arguments, "open", False),
        strategy=arguments.strategy,
        instrument=arguments.instrument,
        side=arguments.side,
        state=state,
        code=code,
        since=moment(arguments.since, "--since"),
        until=moment(arguments.until, "--until"),
        epoch=epoch_of(arguments.epoch),
        last=arguments.last,
    )


def epoch_of(text: str | None) -> int | None:
    """None for the newest, 0 for all."""
    if text is None or text == "all":
        return None if text is None else 0
    if not text.isdecimal() or int(text) == 0:
        raise ConfigError(**USAGE, key="--epoch", expected="a number as `quintet journal` shows it, or all", found=text)
    return int(text)


def moment(text: str | None, key: str) -> Moment | None:
    """A time of the command line: 2026-01-31, 2026-01-31T14:30:05.5, 14:30, 14:30:05 (UTC), or ns since 1970."""
    if text is None:
        return None
    if text.isdecimal():
        return Moment(int(text))
    parts = re.fullmatch(r"(?:(\d{4}-\d\d-\d\d)(?:[T ]|$))?(?:(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?Z?", text)
    try:
        if parts is None or not (parts[1] or parts[2]):
            raise ValueError
        hours, minutes, seconds = (int(parts[k] or 0) for k in (2, 3, 4))
        if hours > 23 or minutes > 59 or seconds > 59:
            raise ValueError
        ns = ((hours * 60 + minutes) * 60 + seconds) * SECOND_NS + int((parts[5] or "0").ljust(9, "0"))
        if parts[1] is None:
            return Moment(ns, of_day=True)
        days = time.strptime(f"{parts[1]} UTC", "%Y-%m-%d %Z")
    except ValueError:
        expected = "2026-01-31, 2026-01-31T14:30:05.5, 14:30 or 14:30:05 (UTC), or ns since 1970"
        raise ConfigError(**USAGE, key=key, expected=expected, found=text) from None

    return Moment(calendar.timegm(days) * SECOND_NS + ns)


def tell_behind(name: str, connection) -> None:
    """Say on stderr that the journals have more than the record, when they have."""
    entries = record_behind(name, connection)
    if entries > BEHIND_MAX or entries < 0:
        how = "" if entries < 0 else f" by {count(entries)} entries"
        do = "oms is not keeping up: `quintet status`" if entries > 0 else "`quintet oms load` brings it up"
        print(f"the record is behind the journals{how}: {do}", file=sys.stderr)


# --- rows as text -----------------------------------------------------------------------------------------------------


def print_table(header: tuple[str, ...], rows: Iterator[tuple]) -> None:
    """Aligned columns, the first as they are, numbers to the right; long answers are printed as they come."""
    kept = []
    for row in rows:
        kept.append(tuple(str(cell) for cell in row))
        if len(kept) == WIDTH_ROWS:
            break
    widths = [max(len(row[k]) for row in [header, *kept]) for k in range(len(header))]
    right = [all(_numeric(row[k]) for row in kept) for k in range(len(header))]

    def line(row: tuple) -> str:
        cells = (cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True))
        return "  ".join(cells).rstrip()

    print(line(header))
    for row in kept:
        print(line(row))
    for row in rows:
        print(line(tuple(str(cell) for cell in row)))


def _numeric(text: str) -> bool:
    return not text or text == "-" or text.lstrip("+-")[:1].isdigit() and ":" not in text


def instant(utc_ns: int) -> str:
    """Logic time of day, UTC, to the microsecond."""
    return f"{time.strftime('%H:%M:%S', time.gmtime(utc_ns // SECOND_NS))}.{utc_ns % SECOND_NS // 1000:06d}"


def price(row: dict, ticks: int | None) -> str:
    """A price in units of its currency; in ticks where the instrument is not known."""
    if not ticks:
        return "-"
    if row["price_tick_micro"] is None:
        return f"{ticks} ticks"
    micro = ticks * row["price_tick_micro"]
    return f"{micro // 1_000_000}.{micro % 1_000_000 // 100:04d}"


def fee(micro: int) -> str:
    """A fee in units of its currency, to the hundredth of a cent; negative for a rebate."""
    tenths = (abs(micro) + 50) // 100
    return f"{'-' if micro < 0 and tenths else ''}{tenths // 10_000}.{tenths % 10_000:04d}"


def named(row: dict) -> tuple[str, str]:
    """Strategy and instrument, by number where no name is known."""
    return (row["strategy"] or f"#{row['strategy_id']}", row["instrument"] or f"#{row['instrument_id']}")


def reason(kind: str, number: int) -> str:
    """A reason of a report: our own code by name, the venue's letter or number."""
    if not number:
        return ""
    if kind == "expired":
        return REJECT_NAMES.get(number, str(number))
    return chr(number) if 33 <= number < 127 and chr(number).isalpha() else str(number)


def order_state(row: dict) -> str:
    """State, with what is asked for and not answered."""
    return f"{row['state']}, {row['pending']} pending" if row["pending"] else row["state"]


def order_cells(row: dict) -> tuple:
    """One order as a line of the table."""
    average = row["value_ticks"] / row["executed_lots"] if row["executed_lots"] else 0
    return (
        instant(row["first_ns"]),
        row["order_id"],
        *named(row),
        row["side"],
        count(row["qty_lots"]),
        price(row, row["price_ticks"]),
        count(row["executed_lots"]),
        price(row, round(average)),
        count(row["leaves_lots"]),
        order_state(row),
        reason(row["state"], row["reason"]),
        row["parent_order_id"] or "-",
        row["user_ref_num"] or "-",
    )


def execution_cells(row: dict) -> tuple:
    """One execution as a line of the table."""
    known = row["fee_micro"] is not None
    return (
        instant(row["now_ns"]),
        row["match_number"],
        row["order_id"],
        *named(row),
        row["side"],
        count(row["qty_lots"]),
        price(row, row["price_ticks"]),
        row["liquidity"],
        fee(row["fee_micro"]) if known else "-",
        f"{row['position_lots']:+,}" if known else "-",
        row["state"],
    )


def decision_cells(row: dict) -> tuple:
    """One decision as a line of the table."""
    refused = row["code"] != "pass"
    return (
        instant(row["now_ns"]),
        row["intent_id"],
        row["order_id"] or "-",
        row["kind"],
        *named(row),
        row["side"],
        count(row["qty_lots"]),
        price(row, row["price_ticks"]),
        row["code"],
        count(row["limit_value"]) if refused else "-",
        count(row["found_value"]) if refused else "-",
        row["scope"] or "-",
        row["limits_version"],
    )


_HEAD = ("strategy", "instrument", "side", "qty", "price")
QUESTIONS = {
    "orders": (
        orders,
        order_cells,
        ("time", "order", *_HEAD, "done", "average", "open", "state", "reason", "replaces", "ref"),
    ),
    "executions": (
        executions,
        execution_cells,
        ("time", "match", "order", *_HEAD, "liquidity", "fee", "position", "state"),
    ),
    "decisions": (
        decisions,
        decision_cells,
        ("time", "intent", "order", "kind", *_HEAD, "code", "limit", "found", "scope", "limits"),
    ),
}

"""Report: what a session of trading came to, for a trader and as one JSON object."""

from typing import NamedTuple

from procs.cli.positions import fifo, parts
from procs.cli.snapshot import Snapshot
from procs.cli.text import count, duration, money, signed, table
from shm.inspect import HistogramSeen

SPARK = "▁▂▃▄▅▆▇█"
INVENTORY_COLUMNS = 50
HOPS = (
    "feed_handler->strategy",
    "strategy->risk_gate",
    "risk_gate->order_sender",
    "order_sender->strategy",
    "order_sender->risk_gate",
    "order_sender->position_keeper",
)
HOPS_WITHOUT_RECORDS = ("risk_gate->strategy",)  # rejects: a session may have none


class Mark(NamedTuple):
    """Where things stood at one moment of the session: what came before the first is no part of the trading."""

    stale_ns: int
    rejects: dict[str, int]
    histograms: dict[str, HistogramSeen]


def mark(snapshot: Snapshot) -> Mark:
    """Take a mark."""
    stale_ns = sum(row["stale_ns"] for row in snapshot.feed())
    return Mark(stale_ns, snapshot.rejects(), snapshot.histograms())


NO_MARK = Mark(0, {}, {})


def collect(
    snapshot: Snapshot,
    seconds: float,
    source: str,
    processes: dict,
    inventory: list[dict],
    armed: Mark = NO_MARK,
    stopped: Mark | None = None,
) -> dict:
    """The report as plain data. `processes` is {instance: {pid, tid, core}}; `inventory` samples of {seconds, lots}.

    Staleness and latencies count from `armed` on; `rejects` are those between `armed` and `stopped`, because a strategy
    that asks while nothing may trade is refused by design.
    """
    counters = snapshot.counters()
    feed = snapshot.feed()
    positions, totals = snapshot.positions(), snapshot.totals()
    hops = snapshot.hops(armed.histograms)
    rejects = stopped.rejects if stopped else snapshot.rejects()
    rejects = {label: n - armed.rejects.get(label, 0) for label, n in rejects.items()}
    return {
        "seconds": round(seconds, 3),
        "source": source,
        "processes": processes,
        "feed": {
            **{key: sum(row[key] for row in feed) for key in ("datagrams", "messages", "gaps", "recovered")},
            "stale_ns": sum(row["stale_ns"] for row in feed) - armed.stale_ns,
        },
        "orders": {
            "sent": counters.get("sender_sent", 0) + counters.get("sender_replaces_sent", 0),
            "accepted": counters.get("sender_accepted", 0) + counters.get("sender_replaced", 0),
            "cancelled": counters.get("sender_canceled", 0),
            "filled": counters.get("sender_fills", 0),
            "rejected_by_risk": counters.get("gate_rejected", 0),
            "rejected_by_venue": counters.get("sender_venue_rejects", 0),
            "new": counters.get("sender_sent", 0),
            "replaced": counters.get("sender_replaces_sent", 0),
        },
        "fills": sum(row["fills"] for row in positions),
        "position_breaks": len(breaks(snapshot, positions)),
        "breaks": breaks(snapshot, positions),
        "pnl": pnl_of(totals),
        "totals": totals,
        "hops_ns": {label: hops[label] for label in (*HOPS, *HOPS_WITHOUT_RECORDS, "send") if label in hops},
        "tick_to_order_ns": hops.get("tick_to_order", {}),
        "rejects": {label: n for label, n in rejects.items() if n > 0},
        "positions": positions,
        "quoting": snapshot.quoting(),
        "inventory": inventory,
        "errors": snapshot.errors(),
        "counters": counters,
    }


def pnl_of(totals: list[dict]) -> dict:
    """The firm's P&L by currency, and flat where there is only one: amounts of two currencies are never added."""
    firm = [row for row in totals if row["scope"] == "firm"]
    by_currency = {
        row["currency"]: {
            "realised": row["realised_micro"] / 1e6,
            "realised_fifo": None if row["fifo_unusable"] else row["fifo_realised_micro"] / 1e6,
            "unrealised": row["unrealised_micro"] / 1e6,
            "fees": row["fees_micro"] / 1e6,
            "spread": row["spread_micro"] / 1e6,
        }
        for row in firm
    }
    none = {"realised": 0.0, "realised_fifo": 0.0, "unrealised": 0.0, "fees": 0.0, "spread": 0.0}
    flat = next(iter(by_currency.values())) if len(by_currency) == 1 else dict.fromkeys(none)
    return {**(flat if by_currency else none), "by_currency": by_currency}


LEDGER_WORDS = ("position_lots", "bought_lots", "sold_lots", "bought_micro", "sold_micro", "fills", "fees_micro")
BY_LIQUIDITY = ("added_lots", "added_micro", "added_fees_micro")  # the rest removed


def breaks(snapshot: Snapshot, positions: list[dict]) -> list[dict]:
    """Instruments whose position, cash or fees, in all and by liquidity, differ from the venue's own ledger."""
    found = []
    for row in snapshot.ledger():
        instrument = snapshot.config.instruments[int(row["instrument_id"])]
        ours = [held for held in positions if held["instrument"] == instrument.symbol]
        mine = {key: sum(held[key] for held in ours) for key in (*LEDGER_WORDS, *BY_LIQUIDITY)}
        venue = {key: int(row[key]) for key in mine}
        if mine != venue:
            differs = [key for key in mine if mine[key] != venue[key]]
            found.append({"instrument": instrument.symbol, "differs": differs, "ours": mine, "venue": venue})
    return found


def failures(report: dict, traded: bool = True) -> list[str]:
    """Why the session does not count as well: each a sentence. Empty when it does. `traded`: there was something to."""
    found = []
    for hop in HOPS if traded else ():
        if not report["hops_ns"].get(hop, {}).get("count"):
            found.append(f"hop {hop} was never counted: nothing passed there")
    for row in report["breaks"]:
        ours, venue = ({key: side[key] for key in row["differs"]} for side in (row["ours"], row["venue"]))
        found.append(f"position break in {row['instrument']}: ours {ours}, the venue's {venue}")
    if report["counters"].get("oms_venue_breaks", 0):
        found.append(f"{report['counters']['oms_venue_breaks']} breaks with the venue's drop copy: `quintet breaks`")
    for label, seen in report["errors"].items():
        found.append(f"error {label}, {seen['count']} times, last with {seen['detail']}")
    return found


def render(report: dict) -> str:
    """The report as text for a terminal, 80 columns where the numbers allow it."""
    orders, pnl, feed = report["orders"], report["pnl"], report["feed"]
    seconds = max(report["seconds"], 1e-9)
    lines = [f"{report['source']}, {seconds:.1f} s of trading"]
    stale = f"stale {duration(feed['stale_ns'])}" if feed["stale_ns"] else "never stale"
    lines.append(
        f"market data  {count(feed['datagrams'])} datagrams, {count(feed['messages'])} messages, "
        f"{count(feed['gaps'])} gaps, {stale}"
    )
    lines.append(
        f"orders       {count(orders['sent'])} sent ({orders['sent'] / seconds:,.0f}/s: {count(orders['new'])} new, "
        f"{count(orders['replaced'])} replaces), {count(orders['cancelled'])} cancelled"
    )
    lines.append(f"fills        {count(report['fills'])}")
    reasons = ", ".join(f"{label} {count(n)}" for label, n in sorted(report["rejects"].items(), key=lambda kv: -kv[1]))
    by_risk = sum(report["rejects"].values())
    outside = orders["rejected_by_risk"] - by_risk
    lines.append(
        f"rejected     {count(by_risk)} by risk{f' ({reasons})' if reasons else ''}, "
        f"{count(orders['rejected_by_venue'])} by the venue"
    )
    if outside > 0:
        lines.append(f"             and {count(outside)} by risk before arming and after the stop, as it must")
    for number, (unit, held) in enumerate(pnl["by_currency"].items()):
        lines += _profit(unit, held, "P&L" if number == 0 else "")
    lines += _quoting(report)
    verdict = "equal to the venue's ledger" if not report["position_breaks"] else f"{report['position_breaks']} BREAKS"
    lines.append(f"positions    {verdict}")
    return "\n\n".join(
        part
        for part in ("\n".join(lines), _positions(report), _strategies(report), _inventory(report), _latency(report))
        if part
    )


def _quoting(report: dict) -> list[str]:
    """Adverse selection beside the spread earned, then the quoting obligation; a line for each strategy."""
    lines = []
    several = len(report["quoting"]) > 1
    for row in report["quoting"]:
        name = f" {row['strategy']}" if several else ""
        spread = sum(held["spread_micro"] for held in report["positions"] if held["strategy"] == row["strategy"])
        moves = ", ".join(
            f"{signed(row['markout_micro'][after] / 1e6)} after {after.replace('s', ' s')}"
            for after, lots in row["marked_lots"].items()
            if lots
        )
        if moves:
            lines.append(f"selection   {name} spread earned {signed(spread / 1e6)}, then the mid moved {moves}")
    for row in report["quoting"]:
        name = f" {row['strategy']}" if several else ""
        if row["obliged_ns"]:
            lines.append(
                f"obligation  {name} met {row['present_share']:.1%} of {duration(row['obliged_ns'])}; too wide "
                f"{row['wide_share']:.1%}, too small {row['thin_share']:.1%}, a side absent {row['absent_share']:.1%}"
            )
    return lines


def _profit(unit: str, held: dict, label: str) -> list[str]:
    """What one currency's P&L is made of."""
    traded = held["realised"] + held["unrealised"]
    by_fifo = "not usable" if held["realised_fifo"] is None else signed(held["realised_fifo"])
    return [
        f"{label:<12} {signed(traded - held['fees'])} {unit} = spread earned {signed(held['spread'])}, "
        f"price moves {signed(traded - held['spread'])}, fees {signed(-held['fees'])}",
        f"             realised {signed(held['realised'])} (FIFO {by_fifo}), "
        f"unrealised {signed(held['unrealised'])} before fees",
    ]


def _positions(report: dict) -> str:
    """A row for each instrument (and strategy, when there are several)."""
    held = report["positions"]
    if not held:
        return "no fills"
    several = len({row["strategy"] for row in held}) > 1
    rows = [(f"{row['instrument']} {row['strategy']}" if several else row["instrument"], *_row(row)) for row in held]
    return table(("instrument", "fills", "bought", "sold", "position", "spread", "moves", "fees", "P&L", ""), rows)


def _row(row: dict) -> tuple[str, ...]:
    """Fills and sizes of one row, then what its P&L is made of; fees that we paid are negative."""
    sizes = ("fills", "bought_lots", "sold_lots", "position_lots")
    return (*(count(row[name]) for name in sizes), *parts(row), row["currency"])


def _strategies(report: dict) -> str:
    """A row for each strategy and currency: realised by average cost and by FIFO, and what P&L is made of."""
    rows = [
        (
            row["name"],
            count(row["fills"]),
            money(row["realised_micro"], row["currency"]),
            fifo(row),
            money(row["unrealised_micro"], row["currency"]),
            *parts(row),
            row["currency"],
        )
        for row in report["totals"]
        if row["scope"] == "strategy"
    ]
    header = ("strategy", "fills", "realised", "FIFO", "unrealised", "spread", "moves", "fees", "P&L", "")
    return table(header, rows) if rows else ""


def _inventory(report: dict) -> str:
    """One line an instrument: its position over time, scaled to its own greatest."""
    lines = []
    for symbol in sorted({symbol for sample in report["inventory"] for symbol in sample["lots"]}):
        held = [sample["lots"].get(symbol, 0) for sample in report["inventory"]]
        stride = -(-len(held) // INVENTORY_COLUMNS)
        held = [max(held[k : k + stride], key=abs) for k in range(0, len(held), stride)]
        limit = max(1, max(abs(lots) for lots in held))
        bars = "".join(SPARK[min(7, round((lots + limit) * 7 / (2 * limit)))] for lots in held)
        lines.append(f"{symbol:<8}  {bars}  {min(held):+,} to {max(held):+,}")
    return "inventory over time, lots\n" + "\n".join(lines) if lines else ""


def _latency(report: dict) -> str:
    rows = [
        (label, count(seen["count"]), *(duration(seen[key]) for key in ("p50", "p99", "p99_9", "max")))
        for label, seen in [*report["hops_ns"].items(), ("tick to order", report["tick_to_order_ns"])]
        if seen and seen["count"]
    ]
    cores = {held["core"] for held in report["processes"].values()}
    shared = len(report["processes"]) - len(cores)
    note = f"\n{len(report['processes'])} processes shared {len(cores)} cores: the figures include waiting for one"
    return table(("latency", "count", "p50", "p99", "p99.9", "max"), rows) + (note if shared > 0 else "")

"""Report: what a session of trading came to, for a trader and as one JSON object."""

from typing import NamedTuple

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
    positions = snapshot.positions()
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
        "pnl": {
            "realised": sum(row["realised_micro"] for row in positions) / 1e6,
            "unrealised": sum(row["unrealised_micro"] for row in positions) / 1e6,
            "fees": sum(row["fees_micro"] for row in positions) / 1e6,
            "spread": sum(row["spread_micro"] for row in positions) / 1e6,
        },
        "hops_ns": {label: hops[label] for label in (*HOPS, *HOPS_WITHOUT_RECORDS, "send") if label in hops},
        "tick_to_order_ns": hops.get("tick_to_order", {}),
        "rejects": {label: n for label, n in rejects.items() if n > 0},
        "positions": positions,
        "quoting": snapshot.quoting(),
        "inventory": inventory,
        "errors": snapshot.errors(),
        "counters": counters,
    }


def breaks(snapshot: Snapshot, positions: list[dict]) -> list[dict]:
    """Instruments whose position, turnover or fees differ between position_keeper and the venue's own ledger."""
    found = []
    for row in snapshot.ledger():
        instrument = snapshot.config.instruments[int(row["instrument_id"])]
        ours = [held for held in positions if held["instrument"] == instrument.symbol]
        mine = {
            "position_lots": sum(held["position_lots"] for held in ours),
            "bought_lots": sum(held["bought_lots"] for held in ours),
            "sold_lots": sum(held["sold_lots"] for held in ours),
            "fills": sum(held["fills"] for held in ours),
            "fees_micro": sum(held["fees_micro"] for held in ours),
        }
        venue = {key: int(row[key]) for key in mine}
        if mine != venue:
            found.append({"instrument": instrument.symbol, "ours": mine, "venue": venue})
    return found


def failures(report: dict, traded: bool = True) -> list[str]:
    """Why the session does not count as well: each a sentence. Empty when it does. `traded`: there was something to."""
    found = []
    for hop in HOPS if traded else ():
        if not report["hops_ns"].get(hop, {}).get("count"):
            found.append(f"hop {hop} was never counted: nothing passed there")
    for row in report["breaks"]:
        found.append(f"position break in {row['instrument']}: ours {row['ours']}, the venue's {row['venue']}")
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
    traded = pnl["realised"] + pnl["unrealised"]
    lines.append(
        f"P&L          {signed(traded - pnl['fees'])}{_currency(report)} = spread earned {signed(pnl['spread'])}, "
        f"price moves {signed(traded - pnl['spread'])}, fees {signed(-pnl['fees'])}"
    )
    lines.append(f"             realised {signed(pnl['realised'])}, unrealised {signed(pnl['unrealised'])} before fees")
    lines += _quoting(report)
    verdict = "equal to the venue's ledger" if not report["position_breaks"] else f"{report['position_breaks']} BREAKS"
    lines.append(f"positions    {verdict}")
    return "\n\n".join(["\n".join(lines), _positions(report), _inventory(report), _latency(report)]).rstrip()


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


def _currency(report: dict) -> str:
    names = {row["currency"] for row in report["positions"]}
    return f" {names.pop()}" if len(names) == 1 else " (several currencies added up)" if names else ""


MONEY = ("realised_micro", "unrealised_micro", "spread_micro", "fees_micro")


def _positions(report: dict) -> str:
    """A row for each instrument (and strategy, when there are several), and their sum."""
    held = report["positions"]
    if not held:
        return "no fills"
    several = len({row["strategy"] for row in held}) > 1
    rows = [(f"{row['instrument']} {row['strategy']}" if several else row["instrument"], *_row(row)) for row in held]
    if len(held) > 1:
        sums = {key: sum(row[key] for row in held) for key in ("fills", "bought_lots", "sold_lots", *MONEY)}
        rows.append(("all", *_row({**sums, "position_lots": None})))
    header = ("instrument", "fills", "bought", "sold", "position", "spread", "moves", "fees", "P&L")
    return table(header, rows)


def _row(row: dict) -> tuple[str, ...]:
    """Fills and sizes of one row, then what its P&L is made of; fees that we paid are negative."""
    traded = row["realised_micro"] + row["unrealised_micro"]
    return (
        count(row["fills"]),
        count(row["bought_lots"]),
        count(row["sold_lots"]),
        "" if row["position_lots"] is None else count(row["position_lots"]),
        money(row["spread_micro"]),
        money(traded - row["spread_micro"]),
        money(-row["fees_micro"]),
        money(traded - row["fees_micro"]),
    )


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

"""Report: what a session of trading came to, for a trader and as one JSON object."""

from procs.cli.snapshot import Snapshot
from procs.cli.text import count, duration, money, table
from shm.codes import REJECT_NAMES
from shm.counters import GATE_REJECT_BASE
from shm.inspect import counter_words

SPARK = "▁▂▃▄▅▆▇█"
HOPS = (
    "feed_handler->strategy",
    "strategy->risk_gate",
    "risk_gate->order_sender",
    "order_sender->strategy",
    "order_sender->risk_gate",
    "order_sender->position_keeper",
)
HOPS_WITHOUT_RECORDS = ("risk_gate->strategy",)  # rejects: a session may have none


def collect(snapshot: Snapshot, seconds: float, source: str, processes: dict, inventory: list[dict]) -> dict:
    """The report as plain data. `processes` is {instance: {pid, tid, core}}; `inventory` samples of {seconds, lots}."""
    counters = snapshot.counters()
    feed = snapshot.feed()
    positions = snapshot.positions()
    hops = snapshot.hops()
    return {
        "seconds": round(seconds, 3),
        "source": source,
        "processes": processes,
        "feed": {
            key: sum(row[key] for row in feed) for key in ("datagrams", "messages", "gaps", "recovered", "stale_ns")
        },
        "orders": {
            "sent": counters.get("sender_sent", 0) + counters.get("sender_replaces_sent", 0),
            "accepted": counters.get("sender_accepted", 0) + counters.get("sender_replaced", 0),
            "cancelled": counters.get("sender_canceled", 0),
            "filled": counters.get("sender_fills", 0),
            "rejected_by_risk": counters.get("gate_rejected", 0),
            "rejected_by_venue": counters.get("sender_venue_rejects", 0),
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
        "rejects": rejects(snapshot),
        "positions": positions,
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


def rejects(snapshot: Snapshot) -> dict[str, int]:
    """Rejects of the risk gate by reason."""
    found = {}
    for instance in snapshot.config.topology.of_role("risk_gate"):
        words = counter_words(snapshot.view.instances()[instance.name])
        for code, label in REJECT_NAMES.items():
            value = int(words[GATE_REJECT_BASE + code - 10])
            if value:
                found[label] = value
    return found


def failures(report: dict) -> list[str]:
    """Why the session does not count as well: each a sentence. Empty when it does."""
    found = []
    for hop in HOPS:
        if not report["hops_ns"].get(hop, {}).get("count"):
            found.append(f"hop {hop} was never counted: nothing passed there")
    for row in report["breaks"]:
        found.append(f"position break in {row['instrument']}: ours {row['ours']}, the venue's {row['venue']}")
    for label, seen in report["errors"].items():
        found.append(f"error {label}, {seen['count']} times, last with {seen['detail']}")
    return found


def render(report: dict) -> str:
    """The report as text for a terminal."""
    orders, pnl, feed = report["orders"], report["pnl"], report["feed"]
    seconds = max(report["seconds"], 1e-9)
    lines = [f"{report['source']}: {seconds:.1f} s"]
    lines.append(
        f"market data  {count(feed['datagrams'])} datagrams, {count(feed['messages'])} messages, {feed['gaps']} gaps, "
        f"{count(feed['recovered'])} recovered, stale {duration(feed['stale_ns'])}"
    )
    lines.append(
        f"orders       {count(orders['sent'])} sent ({orders['sent'] / seconds:,.0f}/s), "
        f"{count(orders['accepted'])} accepted, {count(orders['cancelled'])} cancelled, "
        f"{count(orders['filled'])} executions"
    )
    reasons = ", ".join(f"{label} {count(n)}" for label, n in sorted(report["rejects"].items(), key=lambda kv: -kv[1]))
    lines.append(
        f"rejected     by risk {count(orders['rejected_by_risk'])}{f' ({reasons})' if reasons else ''}, "
        f"by the venue {count(orders['rejected_by_venue'])}"
    )
    total = pnl["realised"] + pnl["unrealised"] - pnl["fees"]
    lines.append(
        f"P&L          {total:,.2f} = realised {pnl['realised']:,.2f} + unrealised {pnl['unrealised']:,.2f} "
        f"- fees {pnl['fees']:,.2f}; spread earned {pnl['spread']:,.2f}"
    )
    verdict = "equal to the venue's ledger" if not report["position_breaks"] else f"{report['position_breaks']} BREAKS"
    lines.append(f"positions    {verdict}")
    return "\n\n".join(["\n".join(lines), _positions(report), _inventory(report), _latency(report)]).rstrip()


def _positions(report: dict) -> str:
    rows = [
        (
            row["instrument"],
            row["strategy"],
            count(row["fills"]),
            count(row["bought_lots"]),
            count(row["sold_lots"]),
            count(row["position_lots"]),
            money(row["realised_micro"]),
            money(row["unrealised_micro"]),
            money(row["fees_micro"]),
            money(row["spread_micro"]),
            row["currency"],
        )
        for row in report["positions"]
    ]
    header = (
        "instrument",
        "strategy",
        "fills",
        "bought",
        "sold",
        "position",
        "realised",
        "unrealised",
        "fees",
        "spread",
        "",
    )
    return table(header, rows, left=2) if rows else "no fills"


def _inventory(report: dict) -> str:
    """One line an instrument: its position over time, scaled to its own greatest."""
    lines = []
    for symbol in sorted({symbol for sample in report["inventory"] for symbol in sample["lots"]}):
        held = [sample["lots"].get(symbol, 0) for sample in report["inventory"]]
        stride = max(1, len(held) // 60)
        held = [max(held[k : k + stride], key=abs) for k in range(0, len(held), stride)]
        limit = max(1, max(abs(lots) for lots in held))
        bars = "".join(SPARK[min(7, round((lots + limit) * 7 / (2 * limit)))] for lots in held)
        lines.append(f"{symbol:<8}  {bars}  {min(held):+,} to {max(held):+,} lots")
    return "inventory over time\n" + "\n".join(lines) if lines else ""


def _latency(report: dict) -> str:
    rows = [
        (label, count(seen["count"]), *(duration(seen[key]) for key in ("p50", "p99", "p99_9", "max")))
        for label, seen in [*report["hops_ns"].items(), ("tick to order", report["tick_to_order_ns"])]
        if seen and seen["count"]
    ]
    return table(("latency", "count", "p50", "p99", "p99.9", "max"), rows) if rows else ""

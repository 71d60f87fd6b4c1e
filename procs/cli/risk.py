"""`quintet risk`: what is held and what it may lose, scope by scope, and what thresholds did. Reads only; no numba."""

import json

from config.risk import STEPS
from procs.cli.snapshot import Snapshot
from procs.cli.text import age, money, table
from procs.runtime.desks import desk_names
from procs.runtime.journals import Source, find, live_epoch
from shm.codes import (
    JOURNAL_RISK,
    RISK_EVENT_NAMES,
    RISK_EVENT_ROW,
    RISK_METHOD_HISTORICAL,
    RISK_METHOD_MONTE_CARLO,
    RISK_METHOD_PARAMETRIC,
    RISK_REASON_NAMES,
    RISK_SCOPE_NAMES,
    RISK_STEP_NAMES,
    STATE_NAMES,
)
from shm.journal_kinds import parts_of
from shm.records.risk import RISK

METHODS = {
    "parametric": RISK_METHOD_PARAMETRIC,
    "historical": RISK_METHOD_HISTORICAL,
    "monte_carlo": RISK_METHOD_MONTE_CARLO,
}
EXECUTOR_NAMES = {0: "", 1: "asked", 2: "none to ask"}
SECOND_NS = 1_000_000_000


def run(arguments) -> int:
    """Print the tables. Exit 0, or 1 when there is no fabric of that name, or no journal for --history."""
    if arguments.history:
        return run_history(arguments)
    snapshot = Snapshot(arguments.name)
    try:
        report = look(snapshot)
    finally:
        snapshot.close()
    print(json.dumps(report) if arguments.json else render(report))
    return 0


def look(snapshot: Snapshot) -> dict:
    """The rows of `risk` that were ever published, and how risk_engine is."""
    engine = next((row for row in snapshot.instances() if row["instance"].startswith("risk_engine")), None)
    now_ns = snapshot.logic_ns()
    versions, rows = snapshot.view.table("risk", RISK)
    scopes = [scope_row(snapshot.config, row, now_ns) for version, row in zip(versions, rows, strict=True) if version]
    return {
        "name": snapshot.config.name,
        "currency": snapshot.config.limits.firm.currency,
        "engine": "not in the topology" if engine is None else engine["state"],
        "level": snapshot.config.risk.var.level_bps / 100,
        "horizon_days": snapshot.config.risk.var.horizon_days,
        "scopes": scopes,
        "thresholds": thresholds(snapshot.config, scopes),
    }


def scope_name(config, kind: int, number: int) -> str:
    """firm, strategy NAME, underlying SYMBOL."""
    names = {1: lambda: "", 2: lambda: desk_names(config)[number], 3: lambda: config.instruments[number].symbol}
    return f"{RISK_SCOPE_NAMES[kind]} {names[kind]()}".strip()


def scope_row(config, row, now_ns: int) -> dict:
    """One row by name; a method that is not available yet is null. `age_ns` is that of the row."""
    found = {"scope": scope_name(config, int(row["scope"]), int(row["scope_id"]))}
    found |= {name: int(row[name]) for name in RISK.names if name.endswith("_micro")}
    for method, bit in METHODS.items():
        if not int(row["methods"]) & bit:
            found[f"var_{method}_micro"] = found[f"es_{method}_micro"] = None
    held = config.risk.stress
    price, volatility = divmod(int(row["stress_scenario"]), len(held.volatility_moves))
    worst = [held.price_moves[price % len(held.price_moves)], held.volatility_moves[volatility]]
    return found | {
        "stress_moves": worst if found["stress_micro"] else None,
        "state": STATE_NAMES.get(int(row["state"]), "?"),
        "reason": RISK_REASON_NAMES.get(int(row["reason"]), ""),
        "stale": int(row["stale"]),
        "age_ns": max(0, now_ns - int(row["now_ns"])),
        "input_age_ns": max(0, now_ns - int(row["input_ns"])),
    }


def amount(row: dict, measure: str) -> int | None:
    """The amount that a threshold on `measure` looks at, of a row of `look`; as procs/risk_engine/measures.py."""
    if measure == "loss":
        return max(0, -row["pnl_micro"])
    value = row[f"{measure}_micro"]
    return None if value is None else abs(value)


def thresholds(config, scopes: list[dict]) -> list[dict]:
    """Every threshold beside the scope of it that comes nearest."""
    found = []
    for held in config.risk.thresholds:
        kind, _, name = held.scope.partition(":")
        wanted = f"{kind} {name}".strip()
        rows = [row for row in scopes if row["scope"] == wanted or (not name and row["scope"].split(" ")[0] == kind)]
        amounts = [(amount(row, held.measure), row["scope"]) for row in rows]
        known = [pair for pair in amounts if pair[0] is not None]
        nearest = max(known, default=(None, ""))
        numbers = {step: None if getattr(held, step) == "none" else getattr(held, step) for step in STEPS}
        found.append({"measure": held.measure, "scope": held.scope, "most": nearest[0], "of": nearest[1], **numbers})
    return found


# --- text -------------------------------------------------------------------------------------------------------------


def render(report: dict) -> str:
    """Tables for a risk officer, money in the firm's currency."""
    if not report["scopes"]:
        return f"risk_engine is {report['engine']}: it has published nothing"
    unit = report["currency"]
    head = f"risk_engine {report['engine']}; {unit}; value at risk and shortfall at {report['level']:g} %, "
    head += f"{report['horizon_days']:g} trading days"
    parts = [head, _states(report), _exposures(report, unit), _losses(report, unit), _thresholds(report, unit)]
    return "\n\n".join(part for part in parts if part)


def _cell(micro: int | None, unit: str) -> str:
    return "not yet" if micro is None else money(micro, unit)


def _states(report: dict) -> str:
    unit = report["currency"]
    header = ("scope", "state", "because of", "P&L", "highest", "drawdown", "stale", "row age", "oldest input")
    rows = [
        (
            row["scope"],
            row["state"],
            row["reason"] or "-",
            *(money(row[name], unit) for name in ("pnl_micro", "pnl_max_micro", "drawdown_micro")),
            row["stale"],
            age(row["age_ns"]),
            age(row["input_age_ns"]),
        )
        for row in report["scopes"]
    ]
    return table(header, rows, left=3)


def _exposures(report: dict, unit: str) -> str:
    fields = ("gross", "net", "delta", "gamma", "vega", "theta", "rho")
    rows = [(row["scope"], *(money(row[f"{name}_micro"], unit) for name in fields)) for row in report["scopes"]]
    return table(("exposure", "gross", "net", "delta", "gamma 1%", "vega pt", "theta day", "rho 1%"), rows)


def _losses(report: dict, unit: str) -> str:
    header = (
        "may lose",
        "margin",
        "worst stress",
        "at",
        *(f"{kind} {m}" for kind in ("VaR", "ES") for m in ("par", "hist", "MC")),
    )
    rows = []
    for row in report["scopes"]:
        moves = row["stress_moves"]
        worst = "-" if moves is None else f"{moves[0]:+.0%} vol {moves[1] * 100:+g}"
        amounts = (_cell(row[f"{kind}_{method}_micro"], unit) for kind in ("var", "es") for method in METHODS)
        rows.append((row["scope"], money(row["margin_micro"], unit), money(row["stress_micro"], unit), worst, *amounts))
    return table(header, rows)


def _thresholds(report: dict, unit: str) -> str:
    rows = [
        (
            row["measure"],
            row["scope"],
            _cell(row["most"], unit),
            *("none" if row[step] is None else money(row[step], unit) for step in STEPS),
        )
        for row in report["thresholds"]
    ]
    return table(("threshold", "scope", "most", *STEPS), rows, left=2) if rows else ""


# --- history ----------------------------------------------------------------------------------------------------------


def run_history(arguments) -> int:
    """What thresholds did, oldest first."""
    place = find(arguments.name, "risk_engine", None)[-1]
    with Source(arguments.name, place, live_epoch(arguments.name) == place.epoch) as source:
        rows = list(events(source.reader.entries(source.first_seq()), configuration(place)))
    print(json.dumps({"name": arguments.name, "events": rows}) if arguments.json else render_history(rows))
    return 0


def configuration(place):
    """The configuration that a life of the fabric ran with."""
    from config.load import decode

    return decode((place.folder.parent / "configuration.json").read_bytes())


def events(entries, config):
    """One dictionary for each entry of a risk_engine journal that is more than a row."""
    for head, payload in entries:
        parts = parts_of(int(head["kind"]), payload) if head["kind"] == JOURNAL_RISK else {}
        if not parts or parts["risk_entry"]["event"] == RISK_EVENT_ROW:
            continue
        entry, row = parts["risk_entry"], parts["risk"]
        yield {
            "at_ns": int(head["now_ns"]),
            "at_utc_ns": int(entry["at_utc_ns"]),
            "event": RISK_EVENT_NAMES.get(int(entry["event"]), "?"),
            "scope": scope_name(config, int(entry["scope"]), int(entry["scope_id"])),
            "measure": RISK_REASON_NAMES.get(int(entry["reason"]), "?"),
            "found_micro": int(entry["found_micro"]),
            "threshold_micro": int(entry["threshold_micro"]),
            "step": RISK_STEP_NAMES.get(int(entry["step"]), "?"),
            "step_before": RISK_STEP_NAMES.get(int(entry["step_before"]), "?"),
            "said": STATE_NAMES.get(int(entry["state"]), ""),
            "executor": EXECUTOR_NAMES.get(int(entry["executor"]), "?"),
            "request_id": int(entry["request_id"]),
            "delta_micro": int(row["delta_micro"]),
            "gross_micro": int(row["gross_micro"]),
            "pnl_micro": int(row["pnl_micro"]),
        }


def render_history(rows: list[dict]) -> str:
    """A line a step: when, whose, which number reached which threshold, what was done."""
    if not rows:
        return "no threshold was reached in this life"
    header = (
        "time (UTC)",
        "scope",
        "measure",
        "found",
        "threshold",
        "step",
        "said",
        "executor",
        "delta then",
        "P&L then",
    )
    return table(header, [_history_cells(row) for row in rows], left=3)


def _history_cells(row: dict) -> tuple[str, ...]:
    """Cells of one event under the header of `render_history`."""
    import time

    at = time.strftime("%H:%M:%S", time.gmtime(row["at_utc_ns"] // SECOND_NS))
    stale = row["measure"] == "stale"
    numbers = (str(row[name]) if stale else money(row[name]) for name in ("found_micro", "threshold_micro"))
    step = f"{row['step']} (eased)" if row["event"] == "eased" else row["step"]
    said = "" if row["event"] == "eased" else row["said"]
    at = f"{at}.{row['at_utc_ns'] // 1_000_000 % 1000:03d}"
    amounts = (money(row["delta_micro"]), money(row["pnl_micro"]))
    return (at, row["scope"], row["measure"], *numbers, step, said, row["executor"], *amounts)

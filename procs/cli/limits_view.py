"""Limits view: what `quintet limits` shows. Limits and used amounts by scope, worst first to see; checks; history."""

import time
from textwrap import wrap

import numpy as np

from config.caps import SHORTER_IS_LOOSER
from procs.cli.limits_change import HISTORY, Limits, as_written, history
from procs.cli.limits_request import request_id, requests
from procs.cli.snapshot import Snapshot
from procs.cli.text import clock, money, table
from procs.risk_gate.table import CHECKS, LEAVING_CHECKS
from procs.runtime.desks import desk_names
from procs.runtime.limit_values import NOT_WHILE_RUNNING, Scope, configured_values, limit_scopes, scope_of
from procs.runtime.limits_file import load_limits_file
from procs.runtime.paths import state_folder
from shm.codes import SIDE_BUY
from shm.inspect import latest_row, latest_rows
from shm.records.exposure import EXPOSURE
from shm.records.limits import LIMITS
from shm.records.position import POSITION
from shm.records.risk import RISK
from shm.records.segment_header import SEGMENT_KIND_LATEST
from shm.records.working import WORKING

WIDTH = 120


# --- what is used --------------------------------------------------------------------------------------------------


class Used:
    """What is counted against the limits of each scope, from shared memory alone."""

    def __init__(self, snapshot: Snapshot):
        self.config = snapshot.config
        self._view = snapshot.view
        self.versions, self.rows = latest_rows(self._table("exposure"), EXPOSURE)
        self.risk_versions, self.risk = latest_rows(self._table("risk"), RISK)
        self._worst = self._worst_lots()

    def _table(self, name: str):
        return self._view.segment(name, SEGMENT_KIND_LATEST)

    def _worst_lots(self) -> np.ndarray:
        """int64[2, desks, instruments]: position and open lots of one side, long and short, of each desk."""
        _, positions = latest_rows(self._table("positions"), POSITION)
        count = len(self.config.instruments)
        held = positions["position_lots"].reshape(-1, count)
        worst = np.stack([held, -held]).astype(np.int64)
        for sender in self.config.topology.of_role("order_sender"):
            _, working = latest_rows(self._table(f"working.{sender.name}"), WORKING)
            for order in working[working["order_id"] > 0]:
                desk, instrument = int(order["strategy_id"]), int(order["instrument_id"])
                if 0 <= desk < len(held) and 0 <= instrument < count:
                    worst[0 if order["side"] == SIDE_BUY else 1, desk, instrument] += order["leaves_lots"]
        return worst

    def of(self, scope: Scope) -> dict[str, int]:
        """{key: amount} of what is known to be counted against a limit of the scope; nothing before the gate looked."""
        if not self.versions[scope.row]:
            return {}
        row = self.rows[scope.row]
        found = {
            "open_orders_max": row["open_orders"],
            "open_micro_max": row["open_buy_micro"] + row["open_sell_micro"],
            "gross_micro_max": row["gross_micro"],
            "net_micro_max": max(row["net_long_micro"], row["net_short_micro"], 0),
            "burst_lots_max": row["burst_lots"],
            "burst_micro_max": row["burst_micro"],
            "messages_per_fill_max": row["messages"] // max(1, row["executions"]),
            "messages_floor": row["messages"],
            "rate_orders_max": row["orders_in_window"],
            "rate_messages_max": row["messages_in_window"],
            "rate_cancels_max": row["cancels_in_window"],
            "executions_max": row["executions"],
            "venue_rejects_max": row["rejects_in_window"],
            **self._lots_of(scope, row),
            **self._risk_of(scope),
        }
        return {key: int(value) for key, value in found.items()}

    def _lots_of(self, scope: Scope, row) -> dict:
        if scope.kind == "instrument":
            short = max(0, row["open_sell_lots"] - row["position_lots"])
            long = max(0, row["position_lots"] + row["open_buy_lots"])
            return {"long_lots_max": long, "short_lots_max": short, "locate_lots": short}
        if scope.kind == "strategy":
            desk = self._worst[:, scope.row - len(self.config.instruments)]
            return {"long_lots_max": max(0, desk[0].max()), "short_lots_max": max(0, desk[1].max())}
        shares = self.rows["gross_micro"][: len(self.config.instruments)]
        return {"concentration_bps_max": int(shares.max(initial=0)) * 10_000 // max(1, int(row["gross_micro"]))}

    def _risk_of(self, scope: Scope) -> dict:
        """What risk_engine published, where it did."""
        count = len(self.config.instruments)
        desks = len(desk_names(self.config))
        at = {"firm": 0, "strategy": 1 + scope.row - count, "instrument": 1 + desks + scope.row}[scope.kind]
        if not self.risk_versions[at]:
            return {}
        row = self.risk[at]
        if scope.kind == "instrument":
            return {f"{greek}_micro_max": abs(int(row[f"{greek}_micro"])) for greek in ("delta", "gamma", "vega")}
        return {"loss_micro_max": max(0, -int(row["pnl_micro"])), "drawdown_micro_max": row["drawdown_micro"]}


# --- all of it -----------------------------------------------------------------------------------------------------


def shown(snapshot: Snapshot, only: str | None) -> dict:
    """Everything that is printed, as plain values."""
    config, folder = snapshot.config, state_folder(snapshot.config.name)
    scopes = limit_scopes(config) if only is None else {only: scope_of(config, only)}
    now_ns = snapshot.logic_ns() or time.time_ns()
    limits_table, standing = (snapshot.view.segment(name, SEGMENT_KIND_LATEST) for name in ("limits", "standing"))
    limits, used = Limits(config, limits_table, standing, folder), Used(snapshot)
    content, changes = load_limits_file(folder), history(folder)
    return {
        "name": config.name,
        "profile": config.profile,
        "currency": config.limits.firm.currency,
        "revision": content["revision"],
        "logic_ns": now_ns,
        "history": str(folder / HISTORY),
        "scopes": [_scope_shown(config, limits, used, scope, changes, now_ns) for scope in scopes.values()],
        "requests": [
            {"id": request_id(held), "by": held.by.name, "reason": held.reason, "until_ns": held.until_ns}
            for held in requests(folder)
        ],
    }


def _scope_shown(config, limits: Limits, used: Used, scope: Scope, changes: list[dict], now_ns: int) -> dict:
    standing, amounts = limits.now(scope, now_ns), used.of(scope)
    caps, configured = getattr(config.limits.caps, scope.kind), configured_values(scope)
    last = {entry["key"]: entry for entry in changes if entry.get("scope") == scope.label}
    rows = []
    for key, value in standing.in_force.items():
        entry = {
            "limit": key,
            "value": value,
            "used": amounts.get(key),
            "cap": getattr(caps, key, None),
            "configured": configured[key],
            "until_ns": standing.expires_ns if key in standing.override else 0,
        }
        if entry["used"] is not None and isinstance(value, int):
            entry["percent"] = round(entry["used"] * 100 / value, 1) if value else None
        if key in last and (value != configured[key] or key in standing.override):
            entry["changed"] = {
                name: last[key].get(name) for name in ("at_ns", "by", "confirmed_by", "reason", "version")
            }
        rows.append(entry)
    version, record = latest_row(limits.limits, LIMITS, scope.row)
    exposure = used.rows[scope.row]
    return {
        "scope": scope.label,
        "owner": caps.owner,
        "rationale": caps.rationale,
        "review_by": str(caps.review_by),
        "version": int(record["version"]),
        "taken": bool(used.versions[scope.row]) and int(exposure["limits_seen"]) == version,
        "used_ns": int(exposure["now_ns"]),
        "limits": rows,
        "at_start": {key: getattr(scope.held, key) for key in NOT_WHILE_RUNNING if hasattr(scope.held, key)},
    }


# --- text ----------------------------------------------------------------------------------------------------------


def shown_text(told: dict) -> str:
    """One table a scope, as wide as a terminal."""
    head = f"limits of {told['name']}, profile {told['profile']}, limits.toml revision {told['revision']}"
    parts = [f"{head}, {clock(told['logic_ns'])}; money in {told['currency']}"]
    parts += [_scope_text(scope, told) for scope in told["scopes"]]
    for request in told["requests"]:
        until = clock(request["until_ns"])
        parts.append(
            f"waits for a second person until {until}: {request['id']} by {request['by']}: {request['reason']}"
        )
    return "\n\n".join(parts)


def _scope_text(scope: dict, told: dict) -> str:
    due = ", REVIEW IS DUE" if scope["review_by"] < time.strftime("%Y-%m-%d", time.gmtime()) else ""
    head = f"{scope['scope']}  owner {scope['owner']}, review by {scope['review_by']}{due}; version {scope['version']}"
    if not scope["taken"]:
        head += "; not taken over by risk_gate yet"
    silent = [row["limit"] for row in scope["limits"] if row["value"] == "none" and "changed" not in row]
    rows = []
    for row in scope["limits"]:
        if row["limit"] in silent:
            continue
        used = "-" if row["used"] is None else amount(row["limit"], row["used"], told["currency"])
        percent = "-" if row.get("percent") is None else f"{row['percent']:.0f} %"
        bound = "" if row["cap"] is None else amount(row["limit"], row["cap"], told["currency"])
        if bound and bound != "none":
            bound = (">= " if row["limit"] in SHORTER_IS_LOOSER else "<= ") + bound
        value = amount(row["limit"], row["value"], told["currency"])
        rows.append((row["limit"], used, value, percent, bound, _changed(row, told["currency"])))
    text = table(("limit", "used", "limit is", "used %", "hard cap", "changed"), rows, right_until=5)
    lines = [head, *(line[:WIDTH] for line in text.splitlines())]
    if silent:
        lines += _wrapped("no limit: ", silent)
    return "\n".join(lines)


def _changed(row: dict, currency: str) -> str:
    """Who changed it last, when and why; until when it holds."""
    if "changed" not in row:
        return (
            ""
            if row["value"] == row["configured"]
            else f"file says {amount(row['limit'], row['configured'], currency)}"
        )
    entry = row["changed"]
    second = f" and {entry['confirmed_by']}" if entry["confirmed_by"] else ""
    until = f"until {clock(row['until_ns'])}, " if row["until_ns"] else ""
    return f"{until}{clock(entry['at_ns'])} {entry['by']}{second}: {entry['reason']}"


def _wrapped(head: str, words: list[str]) -> list[str]:
    """Words with commas, in lines of a terminal's width."""
    lines, line = [], head
    for position, word in enumerate(words):
        piece = word + (", " if position + 1 < len(words) else "")
        if len(line) + len(piece) > WIDTH:
            lines.append(line.rstrip())
            line = " " * len(head)
        line += piece
    return [*lines, line.rstrip()]


def amount(key: str, value, currency: str) -> str:
    """A limit or what is used of it, in a person's unit: money in currency, times with ms, everything with commas."""
    if isinstance(value, (list, tuple)):
        return ",".join(value) or "none"
    if not isinstance(value, int):
        return str(value)
    if "_micro" in key:
        return money(value, currency).removesuffix(".00")
    unit = " ms" if "_ms" in key else " bps" if "_bps" in key else ""
    return f"{value:,}{unit}"


def history_text(entries: list[dict]) -> str:
    """A line a change, oldest first."""
    rows = []
    for entry in entries:
        second = f"+{entry['confirmed_by']}" if entry.get("confirmed_by") else ""
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(entry["at_ns"] // 1_000_000_000))
        until = f" until {clock(entry['until_ns'])}" if entry["until_ns"] else ""
        change = f"{as_written(entry['before'])} -> {as_written(entry['after'])}{until}"
        rows.append(
            (when, entry["by"] + second, entry["version"], entry["scope"], entry["key"], change, entry["reason"])
        )
    if not rows:
        return "nobody changed a limit while this fabric, or an earlier one of its name, ran"
    return table(("UTC", "by", "version", "scope", "limit", "change", "reason"), rows, left=7)


def checks_shown() -> list[dict]:
    """Every check as plain values, those of cancels and reduces last."""
    return [check._asdict() | {"label": check.label} for check in (*CHECKS, *LEAVING_CHECKS)]


def checks_text() -> str:
    """Every pre-trade check in the order in which it decides, two lines each: what, and who asks for it."""
    lines = [_check_text(place, check) for place, check in enumerate(CHECKS, 1)]
    lines.append("cancels and reduces pass none of these; they are answered only with")
    return "\n".join(lines + [_check_text(place, check) for place, check in enumerate(LEAVING_CHECKS, 1)])


def _check_text(place: int, check) -> str:
    bound = f"limit {check.limit}; " if check.limit else ""
    unit = f"in {check.unit}; " if check.unit else ""
    said = (f"{check.refuses}  [{', '.join(check.scopes)}]", f"{bound}{unit}asked by {check.standard}")
    lines = [piece for text in said for piece in wrap(text, WIDTH - 25, drop_whitespace=False)]
    return "\n".join(
        f"{place:3d}  {check.label:<20}{piece}" if not position else f"{'':25}{piece.lstrip()}"
        for position, piece in enumerate(lines)
    )

"""Snapshot: one look at a whole fabric through shared memory, as plain dictionaries. Read-only, no numba."""

import time

import numpy as np

from config.load import Config
from procs.cli.effective import effective_config
from procs.runtime.control_names import CONTROL_WORD, control_writers, scope_names
from procs.runtime.desks import desk_names
from procs.runtime.limits_in_force import rows_in_force
from procs.runtime.tables import tables_of
from procs.runtime.totals import currencies_of
from shm.codes import (
    CHANNEL_FRESH,
    CHANNEL_STALE,
    CLOCK_DRIVEN,
    CLOCK_SCALED,
    LIFE_NAMES,
    REJECT_NAMES,
    TOTAL_FIRM,
    TOTAL_INSTRUMENT,
    TOTAL_SESSION,
    TOTAL_STRATEGY,
)
from shm.control_words import ControlWords
from shm.counters import COUNTERS, GATE_REJECT_BASE
from shm.error_log import error_label
from shm.inspect import (
    FabricView,
    HistogramSeen,
    bucket_bounds,
    counter_words,
    counters,
    errors,
    histogram_of,
    histograms,
    instance_page,
)
from shm.process import process_alive
from shm.records.channel import CHANNEL
from shm.records.clock_page import CLOCK_PAGE
from shm.records.ledger import LEDGER
from shm.records.limits import LIMITS
from shm.records.pnl import PNL, SUMMED
from shm.records.position import POSITION
from shm.records.segment_header import SEGMENT_KIND_CLOCK, SEGMENT_KIND_CONTROL
from shm.records.total import TOTAL
from shm.segment import HEADER_BYTES

COPY_NAMES = {0: "not begun", 1: "heard", 2: "silent"}  # of the counter oms_copy_state (procs/oms)
OMS_HUNG_NS = 5_000_000_000  # a batch takes some 60 ms
CHANNEL_NAMES = {0: "never heard", CHANNEL_FRESH: "fresh", CHANNEL_STALE: "stale", 3: "ended"}
WARNING_NAMES = {1: "not pinned", 2: "memory not locked", 4: "no real-time policy", 8: "recording ended"}


MARKOUTS = ("1s", "10s", "60s")  # horizons of procs/strategy/markout.py
ONLY_MARKED = ("unrealised_micro", "fifo_realised_micro", "fifo_unrealised_micro", "fifo_unusable")
FIRST_REJECT = min(REJECT_NAMES)


def histogram_since(seen: HistogramSeen, before: HistogramSeen) -> HistogramSeen:
    """What was counted after `before`. The greatest value is exact when it came after, else that of its bucket."""
    counts = np.maximum(seen.counts - before.counts, 0)
    filled = np.flatnonzero(counts)
    if not len(filled):
        return histogram_of(seen.label, counts, 0, 0, 0)
    greatest = seen.max if seen.max > before.max else min(bucket_bounds(int(filled[-1]))[1], seen.max)
    return histogram_of(seen.label, counts, bucket_bounds(int(filled[0]))[0], greatest, max(0, seen.sum - before.sum))


class Snapshot:
    """Keeps one attached view and the last sample, so that rates are over the interval between looks."""

    def __init__(self, name: str):
        self.view = FabricView(name)
        self.config: Config = effective_config(self.view.roster)
        self._before: dict[str, tuple[int, int]] = {}
        self._taken_ns = 0

    def close(self) -> None:
        """Detach."""
        self.view.close()

    def _rate(self, key: str, value: int, since_ns: int) -> float:
        """Growth a second since the last look, or since `since_ns` at the first."""
        now_ns = time.monotonic_ns()
        at_ns, held = self._before.get(key, (since_ns, 0))
        self._before[key] = (now_ns, value)
        return max(0.0, (value - held) * 1e9 / max(1, now_ns - at_ns)) if at_ns else 0.0

    def take(self) -> dict:
        """Everything that `quintet status` shows. `rates_over_ns` 0: rates are means since the start."""
        now_ns = time.monotonic_ns()
        over_ns, self._taken_ns = (now_ns - self._taken_ns if self._taken_ns else 0), now_ns
        return {
            "name": self.config.name,
            "epoch": self.view.epoch,
            "profile": self.config.profile,
            "supervisor": self.view.roster.creator_pid if self.view.roster.creator_alive else 0,
            "run_by": self.config.run.run_by,
            "up_ns": max(0, time.time_ns() - self.view.roster.created_ns),
            "logic_ns": self.logic_ns(),
            "rates_over_ns": over_ns,
            "risk": self.control().matrix(),
            "orders": self.orders(),
            "instances": self.instances(),
            "rings": self.rings(),
            "feed": self.feed(),
            "reconciliation": self.reconciliation(),
            "hops_ns": self.hops(),
            "positions": self.positions(),
            "quoting": self.quoting(),
            "alarms": self.alarms(),
            "errors": self.errors(),
        }

    def logic_ns(self) -> int:
        """Logic time now, UTC ns; 0 before the clock is calibrated."""
        page = self.view.segment("clock", SEGMENT_KIND_CLOCK).view(HEADER_BYTES, CLOCK_PAGE)[0]
        if page["mode"] == CLOCK_DRIVEN:
            return int(page["driven_ns"])
        if page["base_ns"] == 0:
            return 0
        passed_ns = time.monotonic_ns() - int(page["base_ns"])
        speed_q16 = int(page["speed_q16"]) if page["mode"] == CLOCK_SCALED else 1 << 16
        return int(page["logic_base_ns"]) + (passed_ns * speed_q16 >> 16)

    def limits(self) -> np.ndarray:
        """LIMITS rows in force."""
        (_, rows), (_, standing) = (self.view.table(name, LIMITS) for name in ("limits", "standing"))
        return rows_in_force(rows, standing, self.logic_ns())

    def orders(self) -> dict:
        """Orders open and sent, beside the firm's limits on them."""
        held, firm = self.counters(), self.limits()[-1]
        sent = held.get("sender_sent", 0) + held.get("sender_replaces_sent", 0)
        return {
            "open": max(held.get("sender_open_orders", 0), held.get("gate_open_orders", 0)),
            "open_max": int(firm["open_orders_max"]),
            "sent": sent,
            "sent_per_s": self._rate("orders sent", sent, self._created_ns()),
            "sent_per_s_max": int(firm["rate_orders_max"]) * 1_000_000_000 / int(firm["rate_window_ns"]),
            "cancels_sent": held.get("sender_cancels_sent", 0),
            "fills": held.get("sender_fills", 0),
            "rejected_by_risk": self.rejects(),
            "rejected_by_venue": held.get("sender_venue_rejects", 0),
        }

    def _created_ns(self) -> int:
        """When the fabric was created, on the monotonic clock."""
        return time.monotonic_ns() - max(0, time.time_ns() - self.view.roster.created_ns)

    def rejects(self) -> dict[str, int]:
        """Rejects of the risk gate by reason, those that happened."""
        found = {}
        for instance in self.config.topology.of_role("risk_gate"):
            words = counter_words(self.view.instances()[instance.name])
            for code, label in REJECT_NAMES.items():
                value = int(words[GATE_REJECT_BASE + code - FIRST_REJECT])
                if value:
                    found[label] = found.get(label, 0) + value
        return found

    def alarms(self) -> dict[str, dict]:
        """Counters that are at a value which needs a person: {instance: label} with value, unit and meaning."""
        alarming = {counter.label: counter for counter in COUNTERS if counter.alarm == ">0"}
        found = {}
        for name, segment in self.view.instances().items():
            for label, value in counters(segment).items():
                if label in alarming and value > 0:
                    entry = {"value": value, "unit": alarming[label].unit, "meaning": alarming[label].meaning}
                    found[f"{name}: {label}"] = entry
        return found

    def control(self) -> ControlWords:
        """The control words, read-only."""
        segment = self.view.segment("control", SEGMENT_KIND_CONTROL, CONTROL_WORD)
        return ControlWords(segment.bytes, control_writers(self.config), scope_names(self.config))

    def instances(self) -> list[dict]:
        """One row for each instance of the topology."""
        now_ns = time.monotonic_ns()
        rows = []
        segments = self.view.instances()
        for name in (instance.name for instance in self.config.topology.instances):
            page = instance_page(segments[name])
            alive = process_alive(page["pid"], page["start_ns"])
            steps = max(1, page["steps"])
            rows.append(
                {
                    "instance": name,
                    "pid": page["pid"],
                    "alive": alive,
                    "tid": page["hot_tid"],
                    "core_wanted": page["core_wanted"],
                    "core": page["core_actual"],
                    "state": (LIFE_NAMES.get(page["life"], "not started") if alive or not page["pid"] else "dead"),
                    "step_age_ns": now_ns - page["step_seen_ns"] if page["step_seen_ns"] else None,
                    "heartbeat_age_ns": now_ns - page["alive_ns"] if page["alive_ns"] else None,
                    "work": page["work"],
                    "work_per_s": self._rate(f"work {name}", page["work"], page["started_ns"]),
                    "idle_share": page["idle_steps"] / steps,
                    "step_max_ns": page["step_ns_max"],
                    "last_exit": page["last_exit"],
                    "restarts": page["restarts"],
                    "late_compiles": page["compile_count"],
                    "warnings": [text for bit, text in WARNING_NAMES.items() if page["warnings"] & bit],
                }
            )
        return rows

    def rings(self) -> list[dict]:
        """One row for each ring."""
        rows = []
        created_ns = self._created_ns()
        for name, ring in self.view.rings().items():
            rows.append(
                {
                    "ring": name,
                    "depth": ring.depth,
                    "capacity": ring.capacity,
                    "high_water": ring.high_water,
                    "per_s": self._rate(f"ring {name}", ring.tail_seq, created_ns),
                    "records": ring.tail_seq,
                    "refusals": ring.refusals,
                    "behind": ring.behind,
                }
            )
        return rows

    def histograms(self) -> dict[str, HistogramSeen]:
        """Every histogram by its label; of several instances with one label, the one that counted most."""
        found: dict[str, HistogramSeen] = {}
        for segment in self.view.instances().values():
            for seen in histograms(segment):
                if seen.label not in found or found[seen.label].count < seen.count:
                    found[seen.label] = seen
        return found

    def hops(self, since: dict[str, HistogramSeen] | None = None) -> dict[str, dict]:
        """Latency of each hop and span that has a label, from records; `since` leaves out what was counted before."""
        found = {}
        for label, seen in self.histograms().items():
            if since and label in since:
                seen = histogram_since(seen, since[label])
            found[label] = {"count": seen.count, "p50": seen.p50, "p99": seen.p99, "p99_9": seen.p99_9, "max": seen.max}
        return found

    def counters(self) -> dict[str, int]:
        """Every counter that is not zero, all instances added up."""
        total: dict[str, int] = {}
        for segment in self.view.instances().values():
            for label, value in counters(segment).items():
                total[label] = total.get(label, 0) + value
        return total

    def feed(self) -> list[dict]:
        """One row for each market-data channel."""
        _, rows = self.view.table("channels", CHANNEL)
        return [
            {
                "state": CHANNEL_NAMES.get(int(row["state"]), "?"),
                "datagrams": int(row["datagrams"]),
                "messages": int(row["messages"]),
                "gaps": int(row["gaps"]),
                "recovered": int(row["recovered"]),
                "stale_ns": int(row["stale_ns"]),
                "next_seq": int(row["next_seq"]),
                "missing": max(0, int(row["ahead_seq"]) - int(row["next_seq"])),
                "lines": int(row["lines"]),
            }
            for row in rows
        ]

    def reconciliation(self) -> dict:
        """Who compares our record with the venue's drop copy. `state`: heard, silent, not configured, dead, no oms.

        `heard_age_ns` is None before anything was heard.
        """
        found = self.config.topology.of_role("oms")
        held = counters(self.view.instances()[found[0].name]) if found else {}
        state = COPY_NAMES.get(held.get("oms_copy_state", 0), "?")
        if not any(venue.drop_copy is not None for venue in self.config.venues):
            state = "not configured"
        elif not found:
            state = "no oms"
        else:
            page = instance_page(self.view.instances()[found[0].name])
            age_ns = time.monotonic_ns() - int(page["step_ns"])
            if not process_alive(int(page["pid"]), int(page["start_ns"])):
                state = "dead"
            elif int(page["step_ns"]) and age_ns > OMS_HUNG_NS:
                state = "hung"
        heard_ns = held.get("oms_copy_heard", 0)
        return {
            "state": state,
            "heard_age_ns": max(0, time.monotonic_ns() - heard_ns) if heard_ns else None,
            "messages": held.get("oms_copy_messages", 0),
            "agreed": held.get("oms_copy_agreed", 0),
            "watched": held.get("oms_copy_watched", 0),
            "breaks": held.get("oms_venue_breaks", 0),
        }

    def positions(self) -> list[dict]:
        """One row for each desk and instrument that ever traded, with the limit that its instrument has."""
        _, held = self.view.table("positions", POSITION)
        _, marked = self.view.table("pnl", PNL)
        desks, limits = desk_names(self.config), self.limits()
        found = []
        for row, mark in zip(held, marked, strict=True):
            if not row["fills"]:
                continue
            instrument = self.config.instruments[int(row["instrument_id"])]
            side = "long_lots_max" if row["position_lots"] >= 0 else "short_lots_max"
            most = int(limits[int(row["instrument_id"])][side])  # 0: nobody may trade it, only the house can hold it
            found.append(
                {
                    "strategy": desks[int(row["strategy_id"])],
                    "instrument": instrument.symbol,
                    "currency": instrument.currency,
                    "position_lots": int(row["position_lots"]),
                    "position_lots_max": most,
                    **{name: int(row[name]) for name in SUMMED if name in row.dtype.names},
                    **{name: int(mark[name]) for name in ONLY_MARKED},
                    "reports_seq": int(row["reports_seq"]),
                }
            )
        return found

    def quoting(self) -> list[dict]:
        """One row for each strategy: how its quoting obligation was met, and what the market did after its fills.

        Shares are of the obliged time, null before there was any. `markout_micro` adds up, over all fills that are that
        old, how far the mid moved for (+) or against (-) them by then.
        """
        found = []
        for instance in self.config.topology.of_role("strategy"):
            held = counters(self.view.instances()[instance.name])
            obliged_ns = held.get("strategy_obliged", 0)
            shares = {
                f"{label}_share": held.get(f"strategy_{label}", 0) / obliged_ns if obliged_ns else None
                for label in ("present", "wide", "thin")
            }
            known = [share for share in shares.values() if share is not None]
            shares["absent_share"] = max(0.0, 1.0 - sum(known)) if known else None
            found.append(
                {
                    "strategy": instance.name,
                    "obliged_ns": obliged_ns,
                    **shares,
                    "jumps": held.get("strategy_jumps", 0),
                    "reduces": held.get("strategy_reduces", 0),
                    "held_back": held.get("strategy_held_back", 0),
                    "markout_micro": {after: held.get(f"strategy_markout_{after}", 0) for after in MARKOUTS},
                    "marked_lots": {after: held.get(f"strategy_marked_{after}", 0) for after in MARKOUTS},
                }
            )
        return found

    def totals(self) -> list[dict]:
        """One row for each scope and currency in which anything was ever traded: what rows of positions() add up to."""
        names = {
            TOTAL_FIRM: ("firm", ["firm"]),
            TOTAL_SESSION: ("venue", [venue.name for venue in self.config.venues]),
            TOTAL_STRATEGY: ("strategy", desk_names(self.config)),
            TOTAL_INSTRUMENT: ("instrument", [held.symbol for held in self.config.instruments]),
        }
        currencies, found = currencies_of(self.config), []
        rows = self.view.table("totals", TOTAL)[1]
        for row in rows[rows["fills"] > 0]:
            scope, members = names[int(row["scope"])]
            head = {"scope": scope, "name": members[int(row["scope_id"])]}
            head["currency"] = currencies[int(row["currency_id"])]
            found.append({**head, **{name: int(row[name]) for name in SUMMED}})
        return found

    def ledger(self) -> np.ndarray:
        """The venue's own ledger: LEDGER rows of the instruments that it trades."""
        if "ledger" not in tables_of(self.config):
            return np.zeros(0, LEDGER)
        versions, rows = self.view.table("ledger", LEDGER)
        return rows[versions > 0]

    def errors(self) -> dict[str, dict]:
        """Distinct errors by instance and label."""
        found = {}
        for name, segment in self.view.instances().items():
            for seen in errors(segment):
                entry = {"count": seen.count, "detail": [seen.detail_a, seen.detail_b]}
                text = error_label(seen.code)
                found[f"{name}: {text}"] = entry
        return found

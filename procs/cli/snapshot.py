"""Snapshot: one look at a whole fabric through shared memory, as plain dictionaries. Read-only, no numba."""

import time

import numpy as np

from config.load import Config, decode
from procs.runtime.control_names import control_writers, scope_names
from procs.runtime.fabric import CONTROL_WORD
from procs.runtime.tables import tables_of
from shm.codes import CHANNEL_FRESH, CHANNEL_STALE, LIFE_NAMES
from shm.control_words import ControlWords
from shm.error_log import error_label
from shm.inspect import FabricView, counters, errors, histograms, instance_page
from shm.process import process_alive
from shm.records.channel import CHANNEL
from shm.records.ledger import LEDGER
from shm.records.pnl import PNL
from shm.records.position import POSITION
from shm.records.segment_header import SEGMENT_KIND_CONTROL

CHANNEL_NAMES = {0: "never heard", CHANNEL_FRESH: "fresh", CHANNEL_STALE: "stale", 3: "ended"}
WARNING_NAMES = {1: "not pinned", 2: "memory not locked", 4: "no real-time policy"}


class Snapshot:
    """Keeps one attached view and the last sample, so that rates are over the interval between looks."""

    def __init__(self, name: str):
        self.view = FabricView(name)
        self.config: Config = decode(self.view.roster.blob)
        self._before: dict[str, tuple[int, int]] = {}

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
        """Everything that `quintet status` shows."""
        instances = self.instances()
        return {
            "name": self.config.name,
            "epoch": self.view.epoch,
            "profile": self.config.profile,
            "supervisor": self.view.roster.creator_pid if self.view.roster.creator_alive else 0,
            "risk": self.control().matrix(),
            "instances": instances,
            "rings": self.rings(),
            "feed": self.feed(),
            "hops_ns": self.hops(),
            "positions": self.positions(),
            "errors": self.errors(),
        }

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
                    "restarts": page["restarts"],
                    "late_compiles": page["compile_count"],
                    "warnings": [text for bit, text in WARNING_NAMES.items() if page["warnings"] & bit],
                }
            )
        return rows

    def rings(self) -> list[dict]:
        """One row for each ring."""
        rows = []
        created_ns = time.monotonic_ns() - max(0, time.time_ns() - self.view.roster.created_ns)
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

    def hops(self) -> dict[str, dict]:
        """Latency of each hop and span that has a label, from the histograms of all instances."""
        found = {}
        for segment in self.view.instances().values():
            for seen in histograms(segment):
                figures = {"count": seen.count, "p50": seen.p50, "p99": seen.p99, "p99_9": seen.p99_9, "max": seen.max}
                found[seen.label] = figures
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

    def positions(self) -> list[dict]:
        """One row for each strategy and instrument that ever traded."""
        _, held = self.view.table("positions", POSITION)
        _, marked = self.view.table("pnl", PNL)
        strategies = [instance.name for instance in self.config.topology.of_role("strategy")]
        found = []
        for row, mark in zip(held, marked, strict=True):
            if not row["fills"]:
                continue
            instrument = self.config.instruments[int(row["instrument_id"])]
            found.append(
                {
                    "strategy": strategies[int(row["strategy_id"])],
                    "instrument": instrument.symbol,
                    "currency": instrument.currency,
                    "position_lots": int(row["position_lots"]),
                    "bought_lots": int(row["bought_lots"]),
                    "sold_lots": int(row["sold_lots"]),
                    "fills": int(row["fills"]),
                    "realised_micro": int(row["realised_micro"]),
                    "unrealised_micro": int(mark["unrealised_micro"]),
                    "fees_micro": int(row["fees_micro"]),
                    "spread_micro": int(row["spread_micro"]),
                    "reports_seq": int(row["reports_seq"]),
                }
            )
        return found

    def ledger(self) -> np.ndarray:
        """The venue's own ledger: LEDGER rows by instrument."""
        if "ledger" not in tables_of(self.config):
            return np.zeros(0, LEDGER)
        return self.view.table("ledger", LEDGER)[1]

    def errors(self) -> dict[str, dict]:
        """Distinct errors by instance and label."""
        found = {}
        for name, segment in self.view.instances().items():
            for seen in errors(segment):
                entry = {"count": seen.count, "detail": [seen.detail_a, seen.detail_b]}
                text = error_label(seen.code)
                found[f"{name}: {text}"] = entry
        return found

"""System: a whole machine (venue and five roles) for flow and fault tests, driven as `quintet demo` drives it."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
from msgspec import structs

from config.load import Config, load
from procs.cli.report import collect, failures
from procs.cli.session import drain, settle, stop_quoting, wait_ready
from procs.cli.snapshot import Snapshot
from procs.runtime.fabric import Fabric
from procs.runtime.objects import journals_of
from procs.runtime.paths import runtime_folder, state_folder
from procs.runtime.supervisor import RESTARTS_MAX, Supervisor
from procs.venue.settings import CHANGED
from shm.codes import LIFE_RUNNING
from shm.journal_reader import JournalReader
from shm.journal_view import JournalView
from shm.records.clock_page import CLOCK_PAGE
from shm.records.journal_end import journal_entry_bytes
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.segment_header import SEGMENT_KIND_CLOCK, SEGMENT_KIND_JOURNAL
from shm.segment import HEADER_BYTES

ROOT = Path(__file__).resolve().parents[2]
HEAL_SECONDS = 5.0  # what the venue said while a session was lost is a break until oms has read our journals too
ROLES = ("feed_handler", "strategy", "risk_gate", "order_sender", "position_keeper")


def system_config(
    name: str, *, module: str = "fixed_spread", params: dict | None = None, fused: bool = False
) -> Config:
    """The shipped configuration with one strategy module, in its own namespace; `fused` puts the five into one process."""
    config = load(f"{name}-{os.getpid()}")
    strategies = {
        held: structs.replace(strategy, module=module, params=params or {}, overrides={})
        for held, strategy in config.strategies.items()
    }
    if fused:
        instances = tuple(
            structs.replace(instance, process="five" if instance.role in ROLES else "")
            for instance in config.topology.instances
        )
        config = structs.replace(config, topology=structs.replace(config.topology, instances=instances))
    return structs.replace(config, strategies=strategies)


class System:
    """A running machine. Use as a context manager; `finish` winds it down and returns the report."""

    def __init__(
        self, config: Config, venue: dict | None = None, listed: tuple[str, ...] = (), restarts_max: int = RESTARTS_MAX
    ):
        self.venue = venue or {}
        os.environ["QUINTET_VENUE"] = json.dumps(self.venue)
        self.config = config
        self.snapshot = None
        self.fabric = Fabric(config, fresh=True, listed=listed)
        self.supervisor = self.make_supervisor(restarts_max)
        self.events: list[str] = []
        try:
            self.supervisor.prepare(lambda row: None)
            self.supervisor.start(60)
            self.snapshot = Snapshot(config.name)
            wait_ready(self.fabric, self.supervisor, self.snapshot, 60)
        except BaseException:
            self.close()
            raise
        self.begun = time.monotonic()
        self.fabric.arm()

    def make_supervisor(self, restarts_max: int) -> Supervisor:
        """Who starts the processes; for machines that start some of them in another way."""
        return Supervisor(self.fabric, restarts_max=restarts_max)

    def counters(self) -> dict[str, int]:
        """Every counter that is not zero."""
        return self.snapshot.counters()

    def sent(self) -> int:
        """New orders and replaces handed to the venue."""
        counters = self.counters()
        return counters.get("sender_sent", 0) + counters.get("sender_replaces_sent", 0)

    def steps(self, instance: str) -> int:
        """Steps that an instance's hot thread has done."""
        return int(self.fabric.page(instance).row["steps"])

    def fills(self) -> int:
        """Executions in the positions."""
        return sum(row["fills"] for row in self.snapshot.positions())

    def poll(self) -> None:
        """One turn of the supervisor."""
        self.events += self.supervisor.poll()

    def wait(self, condition, what: str, seconds: float = 30.0) -> None:
        """Poll until `condition()` holds, or fail with what was awaited and where the machine stands."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.poll()
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{what}: not within {seconds} s; counters {self.counters()}; events {self.events}"
                )
            time.sleep(0.01)

    def kill(self, instance: str, number: int = signal.SIGKILL) -> float:
        """Kill the process of an instance; returns the seconds until its successor runs."""
        page = self.fabric.page(instance)
        died, begun = page.pid, time.monotonic()
        os.kill(died, number)
        self.wait(lambda: page.pid != died and page.life == LIFE_RUNNING, f"{instance} is back")
        return time.monotonic() - begun

    def turn(self, **settings) -> None:
        """Change faults or flow of the running venue; what is not named stays."""
        self.venue = {**self.venue, **settings}
        path = runtime_folder(self.config.name) / CHANGED
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(self.venue))
        os.replace(partial, path)

    def journal_view(self, instance: str) -> JournalView:
        """The memory of an instance's journal."""
        shape = journals_of(self.config)[instance]
        segment = self.snapshot.view.segment(shape.name, SEGMENT_KIND_JOURNAL, JOURNAL_ENTRY)
        return JournalView(segment.bytes, journal_entry_bytes(shape.payload_bytes), shape.entries)

    def journal(self, instance: str, kind: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        """(heads, records) of every entry of one kind that an instance has journalled so far."""
        view = self.journal_view(instance)
        folder = state_folder(self.config.name) / "journal" / str(self.fabric.epoch) / instance
        heads, records = [np.zeros(0, JOURNAL_ENTRY)], [np.zeros(0, dtype)]
        for chunk in JournalReader(folder, view).chunks():
            chunk = chunk[chunk["head"]["kind"] == kind]
            payload = np.ascontiguousarray(chunk["payload"][:, : dtype.itemsize])
            heads.append(chunk["head"])
            records.append(np.frombuffer(payload.tobytes(), dtype))
        return np.concatenate(heads), np.concatenate(records)

    def kill_signal(self, instance: str, number: int) -> None:
        """Send a signal to the process of an instance."""
        os.kill(self.fabric.page(instance).pid, number)

    def logic_ns(self) -> int:
        """Logic time now, from the clock page (SCALED and REAL modes)."""
        page = self.snapshot.view.segment("clock", SEGMENT_KIND_CLOCK).view(HEADER_BYTES, CLOCK_PAGE)[0]
        elapsed_ns = time.monotonic_ns() - int(page["base_ns"])
        return int(page["logic_base_ns"]) + elapsed_ns * int(page["speed_q16"]) // 65536

    def finish(self) -> dict:
        """Stop quoting, wait until flat of orders, drain; the report with `failures` in it."""
        seconds = time.monotonic() - self.begun
        open_left = stop_quoting(self.fabric, self.supervisor, self.snapshot)
        missing = drain(self.supervisor, self.snapshot)
        settle(self.supervisor, lambda: self.counters().get("oms_venue_breaks", 0), HEAL_SECONDS)
        report = collect(self.snapshot, seconds, "test", {}, [])
        report["failures"] = failures(report)
        if open_left or missing:
            report["failures"].append(f"{open_left} orders still open, {missing} reports not applied")
        return report

    def logs(self) -> str:
        """What the processes printed, for a failure's message."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text()[-2000:]}" for path in self.supervisor.log_folder.iterdir()
        )

    def close(self) -> None:
        """Take everything down."""
        if self.snapshot is not None:
            self.snapshot.close()
        self.killed = self.supervisor.stop()
        self.fabric.destroy()

    def __enter__(self) -> "System":
        return self

    def __exit__(self, *_) -> None:
        self.close()

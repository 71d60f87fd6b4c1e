"""A machine with a thousand open orders and strategies that send as fast as they can; and what a kill does to it.

Three strategies keep eight orders each in every one of 42 instruments and move two of them at every turn. A trial
stores the word, waits until the venue holds nothing of ours, and reads from order_sender's journal when the last byte
of a new order left, and when the cancels did. Stamps of the fabric are CLOCK_MONOTONIC, as this process's are.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import structs

from config.load import Config, load
from config.strategies import StrategyConfig
from config.topology import Instance, Ring
from procs.cli.session import wait_ready
from procs.cli.snapshot import Snapshot
from procs.runtime.fabric import Fabric
from procs.runtime.objects import journals_of
from procs.runtime.paths import state_folder
from procs.runtime.supervisor import Supervisor
from shm.codes import JOURNAL_CANCEL_SENT, JOURNAL_ORDER_SENT, JOURNAL_REPORT
from shm.control_words import operator_resume
from shm.journal_reader import JournalReader
from shm.journal_view import JournalView
from shm.records.journal_end import journal_entry_bytes
from shm.records.journal_entry import JOURNAL_ENTRY
from shm.records.order import ORDER
from shm.records.report import REPORT
from shm.records.segment_header import SEGMENT_KIND_JOURNAL
from shm.records.sent import SENT

MODULE = str(Path(__file__).resolve().parent / "restless.py")
NAMES = ("strategy.fast", "strategy.faster", "strategy.fastest")
INSTRUMENTS = 42  # the configuration of 63 would not fit into a roster
OPEN_ORDERS = 1_000
RESTARTS_MAX = 100  # a proof kills them on purpose
START_SECONDS = 90.0
SENT_ORDER = np.dtype([("order", ORDER), ("sent", SENT)])
FREE = dict(
    gross_micro_max="none", net_micro_max="none", open_micro_max="none", burst_lots_max="none",
    burst_micro_max="none", messages_per_fill_max="none", rate_messages_max="none", rate_cancels_max="none",
    rate_orders_max=1_000_000, open_orders_max=5_000,
)  # fmt: skip


class Trial(NamedTuple):
    """One kill. Times in ns from the store of the word; `new_after` counts orders journalled later than 20 ms."""

    open_orders: int
    last_order_ns: int  # below 0: the last one left before
    handed_ns: int  # until every open order's cancel was handed over
    gone_ns: int  # until the venue had nothing of ours
    new_after: int


def kill_config(name: str) -> Config:
    """The shipped configuration with 42 equal instruments, three restless strategies and limits that bind nobody."""
    config = load(f"{name}-{os.getpid()}")
    model, limits = config.instruments[0], config.limits
    instruments = tuple(structs.replace(model, symbol=f"K{row:02d}") for row in range(INSTRUMENTS))
    of_one = structs.replace(
        limits.instruments[model.symbol],
        **{name: FREE[name] for name in ("gross_micro_max", "open_micro_max", "burst_lots_max", "burst_micro_max")},
        messages_per_fill_max="none", collar_near_bps=5_000, collar_far_bps=5_000, open_orders_max=100,
        age_ms_max=60_000,
    )  # fmt: skip
    desk = structs.replace(limits.strategies["strategy"], **FREE, silence_ms_max=10_000)
    chosen = StrategyConfig(
        module=MODULE,
        universe=tuple(held.symbol for held in instruments),
        intent_life_ms=1_000,
        messages_per_second=1_000_000,
        messages_burst=100_000,
    )
    return structs.replace(
        config,
        instruments=instruments,
        topology=_topology(config.topology),
        strategies=dict.fromkeys(NAMES, chosen),
        limits=structs.replace(
            limits,
            firm=structs.replace(limits.firm, **FREE),
            instruments={held.symbol: of_one for held in instruments},
            strategies=dict.fromkeys(NAMES, desk),
        ),
    )


def _topology(topology):
    instances, rings = [], []
    for held in topology.instances:
        if held.role == "strategy":
            instances += [Instance(name=name, role="strategy") for name in NAMES]
        elif held.role != "oms":  # no part of it, and a process less
            instances.append(held)
    for ring in topology.rings:
        words = ring.name.split(".")
        if "strategy" not in words:
            rings.append(ring)
            continue
        for name in NAMES:
            renamed = ".".join(name if word == "strategy" else word for word in words)
            rings.append(Ring(name=renamed, capacity=ring.capacity, headroom=ring.headroom, resume=ring.resume))
    return structs.replace(topology, instances=tuple(instances), rings=tuple(rings), working_rows=4_096)


class KillMachine:
    """The machine, running and armed. Use as a context manager."""

    def __init__(self, config: Config):
        self.config = config
        self.fabric = Fabric(config, fresh=True)
        self.supervisor = Supervisor(self.fabric, restarts_max=RESTARTS_MAX)
        self.snapshot = None

    def __enter__(self) -> "KillMachine":
        try:
            self.supervisor.prepare(lambda row: None)
            self.supervisor.start(START_SECONDS)
            self.snapshot = Snapshot(self.config.name)
            wait_ready(self.fabric, self.supervisor, self.snapshot, START_SECONDS)
            self.fabric.arm()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        if self.snapshot is not None:
            self.snapshot.close()
        self.supervisor.stop()
        self.fabric.destroy()

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        """Poll until `condition()` holds, restarting what dies; AssertionError when it does not in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.supervisor.poll()
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {seconds} s; counters {self.snapshot.counters()}")
            time.sleep(0.005)

    def signal(self, instance: str, number: int) -> None:
        """A signal to the process of an instance."""
        os.kill(self.fabric.page(instance).pid, number)

    def journal_view(self) -> JournalView:
        """The memory of order_sender's journal."""
        shape = journals_of(self.config)["order_sender"]
        segment = self.snapshot.view.segment(shape.name, SEGMENT_KIND_JOURNAL, JOURNAL_ENTRY)
        return JournalView(segment.bytes, journal_entry_bytes(shape.payload_bytes), shape.entries)


def at_venue(machine: "KillMachine") -> int:
    """Our orders that the venue has open, by its own ledger."""
    return int(machine.snapshot.ledger()["orders_open"].sum())


def wait_for_orders(machine: "KillMachine", seconds: float = 90.0) -> int:
    """Until a thousand orders are open at the venue. Returns how many."""
    machine.wait(lambda: at_venue(machine) >= OPEN_ORDERS, f"{OPEN_ORDERS} open orders", seconds)
    return at_venue(machine)


def store_word(machine: "KillMachine") -> int:
    """HALTED for the firm as `quintet halt` stores it. Returns CLOCK_MONOTONIC right before the store, ns."""
    begun_ns = time.monotonic_ns()
    machine.fabric.control.operator_set(0, 4)
    return begun_ns


def go_on(machine: "KillMachine") -> None:
    """Let the firm trade again."""
    operator_resume(machine.fabric.control, state_folder(machine.config.name), "firm", "next trial", "test")


def trial(machine: "KillMachine", halt: Callable[["KillMachine"], int] = store_word, seconds: float = 20.0) -> Trial:
    """One kill of a machine with its orders open. `halt` returns when the word was stored, ns."""
    open_orders = wait_for_orders(machine)
    first_seq = machine.journal_view().tail()
    stored_ns = halt(machine)
    deadline = time.monotonic() + seconds
    while at_venue(machine):
        assert time.monotonic() < deadline, f"{at_venue(machine)} orders still open"
        time.sleep(0.0005)
    gone_ns = time.monotonic_ns()
    machine.wait(lambda: machine.snapshot.counters().get("sender_open_orders", 0) == 0, "order_sender knows it")
    heads, reports, sent_heads, cancels = _journalled(machine, first_seq)
    left_ns = reports["send_stamp_ns"][reports["send_stamp_ns"] > 0]
    after = cancels["sent"]["stamp_ns"] >= stored_ns
    whole = after & (cancels["order"]["strategy_id"] == -1)
    stamps = cancels["sent"]["stamp_ns"]
    handed_ns = gone_ns  # where order_sender cancelled one by one without a journal entry: the venue's answers
    if whole.any():
        handed_ns = int(stamps[whole].min())
    elif int(after.sum()) >= open_orders:
        handed_ns = int(stamps[after].max())
    return Trial(
        open_orders,
        int(left_ns.max()) - stored_ns if len(left_ns) else -1,
        handed_ns - stored_ns,
        gone_ns - stored_ns,
        int((sent_heads["stamp_ns"] > stored_ns + 20_000_000).sum()),
    )


def _journalled(machine: "KillMachine", first_seq: int):
    """(heads and REPORTs, heads of orders sent, cancels sent) from an entry of order_sender's journal on."""
    folder = state_folder(machine.config.name) / "journal" / str(machine.fabric.epoch) / "order_sender"
    found: dict[int, list] = {JOURNAL_REPORT: [], JOURNAL_ORDER_SENT: [], JOURNAL_CANCEL_SENT: []}
    for chunk in JournalReader(folder, machine.journal_view()).chunks(first_seq):
        for kind, parts in found.items():
            parts.append(chunk[chunk["head"]["kind"] == kind])
    heads, reports = _records(found[JOURNAL_REPORT], REPORT)
    sent_heads, _ = _records(found[JOURNAL_ORDER_SENT], SENT_ORDER)
    _, cancels = _records(found[JOURNAL_CANCEL_SENT], SENT_ORDER)
    return heads, reports, sent_heads, cancels


def _records(chunks: list, dtype: np.dtype):
    heads = np.concatenate([chunk["head"] for chunk in chunks])
    payloads = [np.ascontiguousarray(chunk["payload"][:, : dtype.itemsize]).tobytes() for chunk in chunks]
    return heads, np.frombuffer(b"".join(payloads), dtype)


def say(trials: list[Trial]) -> str:
    """The figures of many trials in one line."""

    def at(name: str, share: float) -> str:
        values = sorted(getattr(one, name) for one in trials)
        return f"{values[min(len(values) - 1, int(len(values) * share))] / 1e6:.2f} ms"

    names = (("last_order_ns", "last new-order byte"), ("handed_ns", "cancels handed over"), ("gone_ns", "none open"))
    words = [f"{text} p50 {at(name, 0.5)}, p99.9 {at(name, 0.999)}" for name, text in names]
    opened = min(one.open_orders for one in trials)
    return f"{len(trials)} kills with at least {opened} orders open: " + "; ".join(words)

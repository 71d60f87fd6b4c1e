"""How long does the machine take from a datagram that moves the market to the order that answers it?

```
canned venue ──UDP──► feed_handler ──ticks──► strategy ──intents──► risk_gate ──orders──► order_sender ──TCP──► venue
              two lines ^ the receive call returns: the clock starts           it stops: stamp before send ^

reference:            paced writer ──line───► relay ────line────► relay ─────line────► reader
                      each in a process on the core of the role above it, idling like it; a fifth idles beside them
```

The five real roles run as on a live day: own processes, pinned, journals to disk, fixed-spread strategy on one symbol.
Every few milliseconds a datagram moves the mid by one cent, far below saturation, and the strategy replaces its two
quotes. The figure is order_sender's own histogram `tick_to_order` (buckets of 1.6 %), the difference between two looks,
so that the start does not count; it includes the second of the two orders of a tick. Afterwards every price that the
venue was sent must be one of the four that the strategy can want, and no role may have counted an error or a reject.

The reference is three null hops: three processes hand one line on. It runs before and after on the same cores at the
same pace. It does not show the kernel's receive path (before the clock starts), the send call (after it stops), nor a
burst. On fewer cores than roles, processes yield to each other and to the canned venue: most of the time is the
scheduler's, in the reference as well.
"""

import multiprocessing
import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from msgspec import structs

from bench.canned import MIDS, Lines, canned_venue
from bench.pair import SharedBlock, attach_block
from bench.result import Result
from bench.timing import ns_per_cycle
from config.load import Config, load
from config.placement import Place, place
from procs.cli.session import progress_line, stop_quoting, wait_ready
from procs.cli.snapshot import Snapshot
from procs.runtime.fabric import Fabric
from procs.runtime.idle import idle_yield
from procs.runtime.supervisor import Supervisor
from shm.atomics import cycles, load_acquire, record_at, store_release
from shm.inspect import HistogramSeen, bucket_bounds, histograms
from shm.jit import hot

QUESTION = (
    "How long from the receive call that brings a market move to the order that answers it, through five processes?"
)
ROOT = Path(__file__).resolve().parents[1]
PIPELINE = ("feed_handler", "strategy", "risk_gate", "order_sender", "position_keeper")
HOPS = ("feed_handler->strategy", "strategy->risk_gate", "risk_gate->order_sender")
SYMBOL, HALF_SPREAD = "QNTA", 100
MOVES_PER_S = 250
NS_MAX_SHARED, NS_MAX_OWN = 10_000, 1_500
LINE = np.dtype([("sequence", "<i8"), ("stamp", "<i8"), ("words", "<i8", (6,))])
READY, STOP, FIRST_LINE, BLOCK = 0, 1024, 2048, 4096


# --- the reference ----------------------------------------------------------------------------------------------------


@hot
def wait_for(address, sequence, yields):
    """Until the line carries `sequence`, idling as a role does."""
    while load_acquire(address) != sequence:
        if yields:
            idle_yield(0)


@hot
def write_line(address, sequence, stamp):
    """All words of one line, its sequence last."""
    line = record_at(address, LINE)
    line["stamp"] = stamp
    for k in range(6):
        line["words"][k] = sequence + k
    store_release(address, sequence)


@hot
def pace_lines(out, back, count, period, yields):
    """First of the chain: a line each period, stamped with the cycle counter, the next when the last has arrived."""
    due = cycles() + period
    for sequence in range(1, count + 1):
        while cycles() < due:
            if yields:
                idle_yield(0)
        now = cycles()
        write_line(out, sequence, now)
        due = max(due + period, now)
        wait_for(back, sequence, yields)
    return 0


@hot
def relay_lines(into, out, count, yields):
    """Middle of the chain. Returns the number of wrong lines."""
    wrong = 0
    for sequence in range(1, count + 1):
        wait_for(into, sequence, yields)
        line = record_at(into, LINE)
        total = 0
        for k in range(6):
            total += line["words"][k]
        if total != 6 * sequence + 15:
            wrong += 1
        write_line(out, sequence, line["stamp"])
    return wrong


@hot
def read_lines(into, back, spans, yields):
    """End of the chain: spans in cycles. Returns the number of wrong lines."""
    wrong = 0
    for row in range(spans.shape[0]):
        wait_for(into, row + 1, yields)
        line = record_at(into, LINE)
        spans[row] = cycles() - line["stamp"]
        total = 0
        for k in range(6):
            total += line["words"][k]
        if total != 6 * (row + 1) + 15:
            wrong += 1
        store_release(back, row + 1)
    return wrong


@hot
def stand_by(stop, yields):
    """A fifth process that only idles, until told to stop."""
    while load_acquire(stop) == 0:
        if yields:
            idle_yield(0)
    return 0


@hot
def tell(address, word):
    """Store one word for the others."""
    store_release(address, word)


@hot
def told(address):
    """Look at it."""
    return load_acquire(address)


def null_role(block: str, number: int, spot: Place, count: int, period: int, pipe) -> None:
    """Body of one process of the chain; sends its spans or its number of wrong lines."""
    segment = attach_block(block, BLOCK)
    base, yields = segment.address, spot.idle != "spin"
    lines = [base + FIRST_LINE + 128 * k for k in range(4)]
    os.sched_setaffinity(0, {spot.core})
    warm = [np.zeros(LINE.itemsize + 64, np.uint8) for _ in range(2)]
    here, there = (int(part.ctypes.data) + (-int(part.ctypes.data)) % 64 for part in warm)
    tell(there, 1)
    pace_lines(here, there, 1, 1, yields)
    relay_lines(here, there, 1, yields)
    read_lines(there, here, np.zeros(1, np.int64), yields)
    stand_by(here, yields)
    tell(base + READY + 128 * number, 1)
    while not all(told(base + READY + 128 * k) for k in range(5)):
        os.sched_yield()
    spans, wrong = None, 0
    if number == 0:
        pace_lines(lines[0], lines[3], count, period, yields)
    elif number in (1, 2):
        wrong = relay_lines(lines[number - 1], lines[number], count, yields)
    elif number == 3:
        spans = np.zeros(count, np.int64)
        wrong = read_lines(lines[2], lines[3], spans, yields)
        tell(base + STOP, 1)
    else:
        stand_by(base + STOP, yields)
    pipe.send((wrong, spans))
    segment.close()


def null_hops(spots: list[Place], count: int, cycle_ns: float) -> np.ndarray:
    """Cycles from the writer's stamp to the reader, over three hops, for `count` lines at the pace of the moves."""
    context = multiprocessing.get_context("spawn")
    period = round(1e9 / MOVES_PER_S / cycle_ns)
    with SharedBlock(BLOCK) as block:
        children = []
        for number, spot in enumerate(spots):
            mine, theirs = context.Pipe()
            arguments = (block.segment.full_name, number, spot, count, period, theirs)
            child = context.Process(target=null_role, args=arguments, daemon=True)
            child.start()
            children.append((child, mine))
        answers = [hear(child, pipe, 60 + count / MOVES_PER_S) for child, pipe in children]
        for child, _ in children:
            child.join()
    if any(wrong for wrong, _ in answers):
        raise RuntimeError("tick_to_order: the reference handed wrong lines on")
    return answers[3][1]


def hear(child, pipe, seconds: float):
    """The next message of a child process. Raises RuntimeError when it died or is late."""
    deadline = time.monotonic() + seconds
    while not pipe.poll(0.05):
        if child.exitcode is not None and not pipe.poll(0):
            raise RuntimeError(f"tick_to_order: {child.name} ended with exit code {child.exitcode}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"tick_to_order: {child.name} said nothing for {seconds:.0f} s")
    return pipe.recv()


# --- the machine ------------------------------------------------------------------------------------------------------


def bench_config(name: str) -> Config:
    """The shipped configuration without the venue, quoting one symbol at a fixed spread."""
    config = load(name)
    roles = tuple(instance for instance in config.topology.instances if instance.role in PIPELINE)
    strategies = {
        name: structs.replace(
            strategy,
            module="fixed_spread",
            universe=(SYMBOL,),
            params={"half_spread_ticks": HALF_SPREAD},
            overrides={},
        )
        for name, strategy in config.strategies.items()
    }
    topology = structs.replace(config.topology, instances=roles)
    venues = tuple(  # the canned venue knows single cancels only
        structs.replace(venue, session=structs.replace(venue.session, firm="")) for venue in config.venues
    )
    return structs.replace(config, topology=topology, strategies=strategies, venues=venues)


@contextmanager
def own_folders():
    """State and runtime folders of our own, and a path on which the role processes find the packages."""
    with tempfile.TemporaryDirectory(prefix="quintet-bench-") as folder:
        path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
        ours = {"QUINTET_STATE": f"{folder}/state", "QUINTET_RUNTIME": f"{folder}/run", "PYTHONPATH": path}
        before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name)
                else:
                    os.environ[name] = value


class Machine:
    """The five roles and the canned venue, from start to a result."""

    def __init__(self, config: Config):
        self.config = config
        self.fabric = Fabric(config, fresh=True)
        self.supervisor = Supervisor(self.fabric)
        self.snapshot = self.child = None

    def __enter__(self) -> "Machine":
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self) -> None:
        """Prepare, start roles and venue, wait until the machine may trade, arm it."""
        self.supervisor.prepare(progress_line)
        venue = self.config.venues[0]
        channel, session = venue.channel, venue.session
        targets = ((channel.group_a, channel.port_a), (channel.group_b, channel.port_b))
        lines = Lines(targets, channel.interface, session.host, session.port, SYMBOL)
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        arguments = (theirs, lines, MOVES_PER_S, set(self.config.cores))
        self.child = context.Process(target=canned_venue, args=arguments, daemon=True, name="the canned venue")
        self.child.start()
        hear(self.child, self.pipe, 30)
        self.supervisor.start(60)
        self.snapshot = Snapshot(self.config.name)
        wait_ready(self.fabric, self.supervisor, self.snapshot, 60)
        self.fabric.arm()
        self.pipe.send("go")

    def look(self) -> dict[str, HistogramSeen]:
        """Every histogram by label."""
        return {seen.label: seen for page in self.snapshot.view.instances().values() for seen in histograms(page)}

    def wait_for_orders(self, more: int, seconds: float) -> dict[str, HistogramSeen]:
        """Look again and again until `more` further orders were caused by ticks."""
        wanted, deadline = self.look()["tick_to_order"].count + more, time.monotonic() + seconds
        while (seen := self.look())["tick_to_order"].count < wanted:
            events = self.supervisor.poll()
            if events or time.monotonic() > deadline:
                counters = self.snapshot.counters()
                raise RuntimeError(f"tick_to_order: {events or 'too few orders'}; {counters}; {self.snapshot.errors()}")
            time.sleep(0.02)
        return seen

    def finish(self) -> dict:
        """Stop quoting and the roles; what the venue saw, checked."""
        stop_quoting(self.fabric, self.supervisor, self.snapshot)
        errors, rejected = self.snapshot.errors(), self.snapshot.counters().get("gate_rejected", 0)
        self.pipe.send("stop")
        seen = hear(self.child, self.pipe, 10)
        wanted = {"B": {mid - HALF_SPREAD for mid in MIDS}, "S": {mid + HALF_SPREAD for mid in MIDS}}
        if errors or seen["prices"] != wanted:
            raise RuntimeError(f"tick_to_order: errors {errors}; prices {seen['prices']} where {wanted} were wanted")
        return seen | {"rejected": rejected}

    def __exit__(self, *_) -> None:
        if self.snapshot is not None:
            self.snapshot.close()
        self.supervisor.stop()
        if self.child is not None:
            self.child.kill()
            self.child.join()
        self.fabric.destroy()


def values_between(before: HistogramSeen | None, after: HistogramSeen) -> np.ndarray:
    """What was recorded between two looks, as sorted bucket values."""
    counts = after.counts - (before.counts if before is not None else 0)
    buckets = np.flatnonzero(counts)
    return np.repeat(np.array([bucket_bounds(int(bucket))[1] for bucket in buckets], np.int64), counts[buckets])


def at(values: np.ndarray, share: float) -> str:
    """One percentile, in us."""
    return f"{np.percentile(values, share) / 1000:.1f}"


def run(smoke: bool) -> list[Result]:
    """Reference, machine, reference."""
    orders, warm, nulls = (100, 50, 100) if smoke else (4_000, 500, 1_500)
    cycle_ns = ns_per_cycle()
    config = bench_config(f"bench-{os.getpid()}")
    places = place(config)
    spots = [places[name] for name in PIPELINE]
    shared = any(spot.shared for spot in spots)
    chain = [null_hops(spots, nulls, cycle_ns)]
    with own_folders(), Machine(config) as machine:
        before = machine.wait_for_orders(warm, 60)
        after = machine.wait_for_orders(orders, 60 + orders / MOVES_PER_S)
        seen = machine.finish()
    chain.append(null_hops(spots, nulls, cycle_ns))
    null_ns = np.concatenate(chain) * cycle_ns
    samples = values_between(before["tick_to_order"], after["tick_to_order"])
    hops = {hop: values_between(before.get(hop), after[hop]) for hop in (*HOPS, "send")}
    limit = NS_MAX_SHARED if shared else NS_MAX_OWN
    cores = ", ".join(f"{name} {spot.core}" for name, spot in zip(PIPELINE, spots, strict=True))
    return [
        Result(
            name="tick_to_order",
            question=QUESTION,
            unit="ns",
            samples=samples,
            value=None,
            reference=float(np.median(null_ns)),
            reference_is="three null hops between processes on the same cores, before and after",
            goal=f"p50 at most {limit:,} ns, {'cores shared, yielding' if shared else 'a core for each role'}",
            limit_p50=limit,
            notes=(
                f"cores: {cores}; idle: {spots[0].idle}",
                *(f"{hop}: p50 {at(values, 50)} us, p99 {at(values, 99)} us" for hop, values in hops.items()),
                f"null hops: p99 {np.percentile(null_ns, 99) / 1000:,.1f} us;"
                f" medians of both runs {', '.join(f'{np.median(part) * cycle_ns / 1000:.2f}' for part in chain)} us",
                f"{seen['moves']} moves at {MOVES_PER_S} a second; the venue saw {seen['enter']} new orders,"
                f" {seen['replace']} replaces, {seen['cancel']} cancels; {seen['rejected']} intents were rejected",
            ),
        )
    ]

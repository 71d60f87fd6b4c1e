"""Does it slow an order down that somebody reads the journals while it happens?

```
five roles as in tick_to_order, journals copied to disk  +  oms and `quintet journal order_sender --follow --json`
                                                            stopped (SIGSTOP) | going on (SIGCONT), by turns
```

One machine, one start. Both readers run from the start on; by turns they are stopped and let go on, and the histogram
of order_sender is looked at before and after each turn. They then have to catch up with what they missed, which is more
than they would have to do otherwise, so the first second of each turn does not count. The figure is p99 over all turns
in which they read, the reference p99 over all in which they did not. The copiers of the journals belong to the roles
and run in both: nothing runs without them.
"""

import os
import signal
import subprocess
import sys
import time

import numpy as np
from msgspec import structs

from bench.result import Result
from bench.tick_to_order import ROOT, Machine, at, bench_config, own_folders, values_between
from config.load import Config, load

QUESTION = "By how much does a reader that follows the journals, and oms, change the p99 of tick-to-order?"
RATIO_MAX = 1.05
SETTLE_S = 1.0
JOURNAL_ENTRIES = 1 << 17  # in memory: a disk that is away for half a second lets the shipped size refuse orders


def with_oms(name: str) -> Config:
    """As tick_to_order, with the book of record beside it and room for a slow disk; the venue has no drop copy."""
    config = bench_config(name)
    instances = (*config.topology.instances, *load(name).topology.of_role("oms"))
    venues = tuple(structs.replace(venue, drop_copy=None) for venue in config.venues)
    topology = structs.replace(config.topology, instances=instances, journal_entries=JOURNAL_ENTRIES)
    return structs.replace(config, topology=topology, venues=venues)


def follower(name: str) -> subprocess.Popen:
    """`quintet journal order_sender --follow --json`, its output thrown away."""
    command = [sys.executable, "-m", "procs.cli", "journal", "order_sender", "--follow", "--json", "--name", name]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Readers:
    """The processes that read, which can be stopped and let go on together."""

    def __init__(self, machine: Machine):
        self.child = follower(machine.config.name)
        self.pids = [self.child.pid, machine.supervisor.processes["oms"].popen.pid]

    def send(self, number: int) -> None:
        """A signal to each. Raises RuntimeError when one has ended: then nothing was measured."""
        if self.child.poll() is not None:
            raise RuntimeError(f"journal_readers: the follower ended with exit code {self.child.returncode}")
        for pid in self.pids:
            os.kill(pid, number)

    def close(self) -> None:
        self.child.kill()
        self.child.wait()


def turn(machine: Machine, readers: Readers, reading: bool, orders: int) -> np.ndarray:
    """Spans of tick-to-order, ns, of one turn."""
    readers.send(signal.SIGCONT if reading else signal.SIGSTOP)
    until = time.monotonic() + SETTLE_S
    while time.monotonic() < until:
        machine.supervisor.poll()
        time.sleep(0.02)
    before = machine.look()["tick_to_order"]
    after = machine.wait_for_orders(orders, 60)["tick_to_order"]
    return values_between(before, after)


def run(smoke: bool) -> list[Result]:
    """Turns with and without readers, which one comes first changing from round to round."""
    rounds, orders, warm = (1, 100, 50) if smoke else (8, 1_500, 500)
    spans: dict[bool, list[np.ndarray]] = {True: [], False: []}
    with own_folders(), Machine(with_oms(f"readers-{os.getpid()}")) as machine:
        readers = Readers(machine)
        try:
            machine.wait_for_orders(warm, 60)
            for number in range(rounds):
                for reading in (True, False) if number % 2 else (False, True):
                    spans[reading].append(turn(machine, readers, reading, orders))
            readers.send(signal.SIGCONT)
            machine.finish()
        finally:
            readers.close()
    read, alone = (np.concatenate(spans[reading]) for reading in (True, False))
    by_round = [
        float(np.percentile(a, 99) / np.percentile(b, 99)) for a, b in zip(spans[True], spans[False], strict=True)
    ]
    return [
        Result(
            name="journal_readers",
            question=QUESTION,
            unit="ns",
            samples=None,
            value=float(np.percentile(read, 99)),
            reference=float(np.percentile(alone, 99)),
            reference_is="p99 of tick-to-order in the turns in which the readers were stopped",
            goal=f"p99 at most {RATIO_MAX} x the p99 without readers",
            ratio_max=RATIO_MAX,
            notes=(
                f"{rounds} rounds of two turns, {len(read):,} and {len(alone):,} orders",
                f"p50 {at(read, 50)} us with readers, {at(alone, 50)} us without",
                f"ratio of p99 in each round: {', '.join(f'{ratio:.3f}' for ratio in by_round)}",
            ),
        )
    ]

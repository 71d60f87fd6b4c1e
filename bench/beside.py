"""Beside: one machine of tick_to_order, and processes beside it that are stopped and let go on by turns.

They run from the start on; by turns they are stopped (SIGSTOP) and let go on (SIGCONT), which comes first changing from
round to round, and histograms are looked at before and after each turn. What goes on has to catch up with what it
missed, which is more than it would have to do otherwise, so the first second of each turn does not count.
"""

import os
import signal
import time
from collections.abc import Callable

import numpy as np
from msgspec import structs

from bench.tick_to_order import Machine, bench_config, values_between
from config.load import Config, load

SETTLE_S = 1.0
JOURNAL_ENTRIES = 1 << 15  # in memory: a disk that is away for half a second lets the shipped size refuse orders


def config_with(name: str, role: str) -> Config:
    """As tick_to_order, with a cold role beside it and room for a slow disk; the canned venue has no drop copy."""
    config = bench_config(name)
    instances = (*config.topology.instances, *load(name).topology.of_role(role))
    venues = tuple(structs.replace(venue, drop_copy=None) for venue in config.venues)
    topology = structs.replace(config.topology, instances=instances, journal_entries=JOURNAL_ENTRIES)
    return structs.replace(config, topology=topology, venues=venues)


def _turn(machine: Machine, pids: list[int], going: bool, orders: int, labels: tuple[str, ...]) -> dict:
    """Spans, ns, of one turn by label of their histogram."""
    for pid in pids:
        os.kill(pid, signal.SIGCONT if going else signal.SIGSTOP)
    until = time.monotonic() + SETTLE_S
    while time.monotonic() < until:
        machine.supervisor.poll()
        time.sleep(0.02)
    before = machine.look()
    after = machine.wait_for_orders(orders, 60)
    return {label: values_between(before[label], after[label]) for label in labels}


def by_turns(
    machine: Machine,
    pids: Callable[[], list[int]],
    labels: tuple[str, ...],
    *,
    rounds: int,
    orders: int,
) -> dict[bool, list[dict]]:
    """{they go on: spans of each round}. `pids()` raises when one of them has ended: then nothing was measured."""
    spans: dict[bool, list[dict]] = {True: [], False: []}
    for number in range(rounds):
        for going in (True, False) if number % 2 else (False, True):
            spans[going].append(_turn(machine, pids(), going, orders, labels))
    for pid in pids():
        os.kill(pid, signal.SIGCONT)
    return spans


def together(spans: list[dict], label: str) -> np.ndarray:
    """All rounds of one histogram."""
    return np.concatenate([turn[label] for turn in spans])


def ratios(spans: dict[bool, list[dict]], label: str, share: float) -> list[float]:
    """Of each round: a percentile while they went on over that while they were stopped."""
    return [
        float(np.percentile(a[label], share) / np.percentile(b[label], share))
        for a, b in zip(spans[True], spans[False], strict=True)
    ]

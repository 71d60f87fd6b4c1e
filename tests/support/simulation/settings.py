"""Settings of one run: a small machine whose rings and journals fill and wrap, and the faults that a seed draws."""

import os
import random
from dataclasses import dataclass, field
from datetime import date

from msgspec import structs

from config.load import Config, Run, load
from tests.support.simulation.network import MS, LineFaults, StreamFaults

SYMBOLS = ("QNTA", "QNTB")
LIMIT_LOTS = 400  # worst case of an instrument: four quotes
PARAMS = {"levels": 2, "qty_lots": 100, "half_spread_ticks": 100, "level_ticks": 100, "position_lots_max": 1_000}


@dataclass
class Plan:
    """What one seed does to the machine. Weights are relative; 0 never."""

    seed: int
    turns: int
    lines: list[LineFaults]
    stream: StreamFaults
    ring: int
    journal_entries: int
    fault_every: int  # turns between two faults, on average
    weights: dict[str, int] = field(default_factory=dict)


def draw_plan(seed: int, turns: int) -> Plan:
    """The plan of a seed: some runs have gentle wires and many deaths, others the other way round."""
    rng = random.Random(seed * 2 + 1)
    rough = rng.random() < 0.7
    lines = [
        LineFaults(
            loss=rng.choice((0, 0.001, 0.01, 0.02, 0.05, 0.3)) if rough else 0,
            duplicate=rng.choice((0, 0.05, 0.5)) if rough else 0,
            late=rng.choice((0, 0.01, 0.1)) if rough else 0,
            delay_ns=rng.choice((10_000, 100_000)),
            late_ns=rng.choice((MS // 2, 20 * MS)),
        )
        for _ in range(2)
    ]
    stream = StreamFaults(
        delay_ns=rng.choice((5_000, 100_000, 3 * MS)),
        buffer_bytes=rng.choice((120, 600, 8192)),
        piece_bytes=rng.choice((16, 64, 2048)),
    )
    weights = {
        "kill_one": 6,
        "kill_some": rng.choice((0, 2)),
        "kill_inside": rng.choice((0, 4)),
        "kill_in_copy": rng.choice((0, 2)),
        "kill_all": rng.choice((0, 1)),
        "stop": rng.choice((0, 3)),
        "break": rng.choice((0, 4)),
        "half_open": rng.choice((0, 1)),
        "unreachable": rng.choice((0, 1)),
        "line_off": rng.choice((0, 2)),
        "disk_slow": rng.choice((0, 2)),
        "disk_fails": rng.choice((0, 0, 0, 1)),
        "halt": rng.choice((0, 1)),
    }
    ring, entries = rng.choice((64, 128, 1024)), rng.choice((256, 1024))
    return Plan(seed, turns, lines, stream, ring, entries, rng.choice((40, 100, 250)), weights)


_loaded: dict[int, Config] = {}


def simulation_config(plan: Plan) -> Config:
    """The shipped configuration, made small; in its own namespace."""
    if os.getpid() not in _loaded:
        _loaded.clear()
        _loaded[os.getpid()] = load(f"simulation-{os.getpid()}")
    config = _loaded[os.getpid()]
    return structs.replace(
        config,
        topology=_small_topology(config.topology, plan),
        limits=_tight_limits(config.limits),
        strategies={
            name: structs.replace(held, module="fixed_spread", params=PARAMS, overrides={}, universe=SYMBOLS)
            for name, held in config.strategies.items()
        },
        host=structs.replace(config.host, book_orders_max=4096, book_levels_max=4096, memory_lock="off"),
        run=Run(seed=plan.seed + 1, events_per_second=4000, trading_date=date(2026, 1, 5)),
    )


def _small_topology(topology, plan: Plan):
    rings = tuple(
        structs.replace(ring, capacity=plan.ring, headroom=plan.ring // 4 if ring.headroom else 0)
        for ring in topology.rings
    )
    return structs.replace(topology, rings=rings, journal_entries=plan.journal_entries, working_rows=64)


def _tight_limits(limits):
    tight = {"long_lots_max": LIMIT_LOTS, "short_lots_max": LIMIT_LOTS}
    return structs.replace(
        limits,
        instruments={symbol: structs.replace(held, **tight) for symbol, held in limits.instruments.items()},
        strategies={name: structs.replace(held, **tight) for name, held in limits.strategies.items()},
    )

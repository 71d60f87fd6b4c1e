"""risk_gate: intent -> order or coded reject."""

import sys

import numpy as np

from procs.risk_gate.recover import catch_up, recover, sender_names
from procs.risk_gate.state import State, new_state
from procs.risk_gate.step import HISTOGRAMS
from procs.risk_gate.warm import warm_up
from procs.runtime.agent import main
from procs.runtime.desks import executor_of
from procs.runtime.role import Role

MS = 1_000_000


def _ordered(ends: np.ndarray, peers: list[str], names: list[str]) -> np.ndarray:
    """Ring ends by the number of the instance at the other side, whatever the order of their declaration."""
    if sorted(peers) != sorted(names):
        raise ValueError(f"risk_gate: expected one ring for each of {names}, found {peers}")
    return np.concatenate([ends[peers.index(name) : peers.index(name) + 1] for name in names])


def open_(wiring) -> State:
    """Attach rings and tables, take an identifier block, allocate everything."""
    config = wiring.config
    strategies = [instance.name for instance in config.topology.of_role("strategy")]
    senders, executor = sender_names(wiring), executor_of(config)
    allowed = np.zeros((len(strategies), len(config.instruments)), np.int64)
    for row, name in enumerate(strategies):
        for symbol in config.strategies[name].universe:
            allowed[row, config.instrument_id(symbol)] = 1
    headrooms = dict(zip(wiring.peers_out("orders"), wiring.headrooms_out("orders"), strict=True))
    wiring.id_block = wiring.ids()  # tend extends it
    return new_state(
        slots=config.topology.working_rows * len(senders),
        allowed=allowed,
        silence_ns=[config.limits.strategies[name].silence_ms_max * MS for name in strategies],
        orders_headroom=[int(headrooms[name]) for name in senders],
        me=wiring.me(),
        reports=_ordered(wiring.rings_in("reports"), wiring.peers_in("reports"), senders),
        intents=_ordered(wiring.rings_in("intents"), wiring.peers_in("intents"), strategies),
        orders=_ordered(wiring.rings_out("orders"), wiring.peers_out("orders"), senders),
        rejects=_ordered(wiring.rings_out("rejects"), wiring.peers_out("rejects"), strategies),
        tops=wiring.table("tops"),
        channels=wiring.table("channels"),
        instruments=wiring.table("instruments"),
        limits=wiring.table("limits"),
        standing=wiring.table("standing"),
        exposure=wiring.table("exposure"),
        positions=wiring.table("positions"),
        greeks=wiring.table("greeks"),
        risk=wiring.table("risk"),
        control=wiring.control(),
        journal=wiring.journal(),
        ids=wiring.id_block.words,
        pages=wiring.pages("strategy"),
        executor=strategies.index(executor) if executor else -1,
    )


def tend(wiring, state: State) -> None:
    """Reserve identifiers ahead of use."""
    wiring.id_block.extend()


ROLE = Role(
    name="risk_gate",
    step="procs.risk_gate.step:step",
    open_=open_,
    recover=recover,
    tend=tend,
    catch_up=catch_up,
    warm_up=warm_up,
    histograms=HISTOGRAMS,
)

if __name__ == "__main__":
    sys.exit(main(ROLE))

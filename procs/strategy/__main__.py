"""Wire a strategy instance: attach, resume at the newest tick, extend identifiers, read missed reports."""

import sys

import numpy as np

from procs.runtime.agent import main
from procs.runtime.role import Role
from procs.strategy.generate import generate
from procs.strategy.look import sample_position
from procs.strategy.requests import resume_requests
from procs.strategy.state import StrategyState, state_of
from procs.strategy.step import HISTOGRAMS, apply_reports, touch_all
from procs.strategy.warm_up import warm_up
from shm.atomics import address_of
from shm.codes import CHANNEL_FRESH
from shm.ids import IdBlock
from shm.journal import JOURNAL_REPORT
from shm.latest import latest_read
from shm.records.channel import CHANNEL
from shm.records.instrument import INSTRUMENT
from shm.records.report import REPORT
from shm.ring import ring_caught_up, ring_resume_newest

_id_blocks: dict[str, IdBlock] = {}  # by instance: the cold side of `state.ids`
_journals: dict[tuple, list] = {}  # by wiring, a life, and reports ring: its producer's journal, next entry to read


def open_(wiring) -> StrategyState:
    """Attach rings and tables and allocate everything; no order is known and no channel is fresh yet."""
    block = wiring.ids()
    _id_blocks[wiring.instance] = block
    state = state_of(
        me=wiring.me(),
        rings={
            "rejects": wiring.rings_in("rejects"),
            "reports": wiring.rings_in("reports"),
            "ticks": wiring.rings_in("ticks"),
            "intents": wiring.rings_out("intents"),
        },
        tables={name: wiring.table(name) for name in ("depth", "positions", "params", "requests", "request_states")},
        control=wiring.control(),
        journal=wiring.journal(),
        ids=block.words,
        strategy_id=wiring.index,
        headroom=int(wiring.headrooms_out("intents")[0]),
        config=wiring.config,
        instance=wiring.instance,
    )
    _read_channels(wiring, state)
    return state


def _rows(end: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Newest values of every row of a latest table; zeros where none was written."""
    rows = np.zeros(int(end[0]["rows"]), dtype)
    for row in range(len(rows)):
        latest_read(end[0], row, address_of(rows[row : row + 1]))
    return rows


def _read_channels(wiring, state) -> None:
    """Which channel carries each instrument, and whether it is fresh now; afterwards the ticks say so."""
    instruments = _rows(wiring.table("instruments"), INSTRUMENT)
    channels = _rows(wiring.table("channels"), CHANNEL)
    state.rules["channel_id"] = instruments["channel_id"]
    known = np.clip(instruments["channel_id"], 0, len(channels) - 1)
    state.marks["fresh"] = channels["state"][known] == CHANNEL_FRESH


def recover(wiring, state) -> None:
    """Skip the ticks of the time that we were away; the latest tables hold what they led to, and our positions."""
    for end in state.ticks:
        ring_resume_newest(end)
    _read_channels(wiring, state)
    for row in range(len(state.rules)):
        sample_position(state, row)
    resume_requests(state, int(state.desk[0]["scan_ns"]))
    touch_all(state)


def tend(wiring, state) -> None:
    """Reserve the next block of identifiers when the hot thread has begun the last one."""
    _id_blocks[wiring.instance].extend()


def catch_up(wiring, state) -> None:
    """Apply the reports that did not fit into our rings, from each order_sender's journal.

    Each entry is read once in our life: a strategy that takes longer than its silence limit loses its orders.
    """
    for ring, sender in enumerate(wiring.peers_in("reports")):
        if (wiring, ring) not in _journals:
            _journals[wiring, ring] = [wiring.journal_reader(sender), 0]
        place = _journals[wiring, ring]
        for chunk in place[0].chunks(place[1]):
            place[1] += len(chunk)
            chunk = chunk[chunk["head"]["kind"] == JOURNAL_REPORT]
            reports = np.frombuffer(bytearray(chunk["payload"][:, : REPORT.itemsize].tobytes()), REPORT)
            apply_reports(state, ring, reports, chunk["head"]["now_ns"].copy())
        ring_caught_up(state.reports[ring], int(state.applied_seq[ring]))


ROLE = Role(
    name="strategy",
    generate=generate,
    open_=open_,
    recover=recover,
    tend=tend,
    catch_up=catch_up,
    warm_up=warm_up,
    histograms=HISTOGRAMS,
)

if __name__ == "__main__":
    sys.exit(main(ROLE))

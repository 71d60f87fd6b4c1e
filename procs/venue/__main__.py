"""venue: the other side, for development, tests and replay. A restart is refused: books and streams are one session."""

import io
import sys
import time

import numpy as np

from procs.net.udp_kernel import udp_send
from procs.runtime.agent import main
from procs.runtime.role import Role
from procs.venue.day_blocks import DayReader, warm_reader
from procs.venue.day_file import is_day, read_directory
from procs.venue.drop_copy import DropCopy, Stream
from procs.venue.history import load_history
from procs.venue.input_log import log_drain
from procs.venue.knobs import Knobs
from procs.venue.settings import CHANGED, load_settings
from procs.venue.state import State, new_state
from procs.venue.step import close_session, end_session, step
from procs.venue.store import store_count, store_extend
from procs.venue.world import World
from shm.codes import CLOCK_DRIVEN
from shm.errors import Fatal
from shm.scratch import scratch_clock

BEHIND_FEED = ("strategy", "risk_gate", "order_sender", "position_keeper")


class VenueRestarted(Fatal):
    """The venue's session died with its process."""


def session_name() -> str:
    """Ten letters that differ from one start to the next."""
    return f"Q{time.time_ns() // 1_000_000 % 1_000_000_000:09d}"


def open_(wiring) -> State:
    """Attach the ledger, feed_handler's channels and the control words; allocate everything. Reads history, if any."""
    config = wiring.config
    path = "" if wiring.scratch else config.run.replay
    wiring.reader = None
    if path and is_day(path):
        history = read_directory(path)
    else:
        history = load_history(path) if path else None
    state = new_state(
        config,
        load_settings(),
        history,
        "SCRATCH" if wiring.scratch else session_name(),
        me=wiring.me(),
        control=wiring.control(),
        ledger=wiring.table("ledger"),
        channels=wiring.table("channels"),
        pages=np.concatenate([wiring.pages(role) for role in BEHIND_FEED]),
        journals=np.concatenate([wiring.journals(role) for role in BEHIND_FEED]),
    )
    words = state.venue[0]["playback"]["words"]
    if wiring.scratch:
        words["clock_addr"] = scratch_clock(CLOCK_DRIVEN)
    elif config.run.speed == 0:
        words["clock_addr"] = wiring.drive_clock_addr()
        words["driven"] = 1
    return state


def recover(wiring, state: State) -> None:
    """Open the sockets, before the loop. There is nothing to recover from: a second life is refused."""
    if int(wiring.page["incarnation"]) > 1:
        raise VenueRestarted(
            where=wiring.instance,
            expected="the first start of this venue in its fabric",
            found=f"start number {int(wiring.page['incarnation'])}",
            do="stop the fabric and start it again: the simulated exchange does not survive its process",
        )
    wiring.world = World(wiring.config, state, load_settings().order_entry_port)
    wiring.knobs = Knobs(wiring.runtime_folder / CHANGED, state.venue[0])
    wiring.runtime_folder.mkdir(parents=True, exist_ok=True)
    wiring.copies = _drop_copies(wiring, state)
    wiring.input_file = None
    if load_settings().input_log:
        wiring.input_file = open(wiring.runtime_folder / "venue-input.log", "wb", buffering=0)
        state.venue[0]["exchange"]["log"]["words"]["to_file"] = 1
    store_extend(state.venue[0]["exchange"]["store"])
    if state.venue[0]["day"]["words"]["on"]:
        wiring.reader = DayReader(wiring.config.run.replay, state.venue[0]["day"]["blocks"])


def _drop_copies(wiring, state: State) -> list[DropCopy]:
    """A drop copy for each member that has one configured."""
    exchange = state.venue[0]["exchange"]
    session = exchange["desk"]["session"].tobytes().decode("ascii")
    return [
        DropCopy(held.drop_copy, Stream(exchange["store"], member), session, wiring.runtime_folder)
        for member, held in enumerate(wiring.config.venues, start=1)
        if held.drop_copy is not None
    ]


def tend(wiring, state: State) -> None:
    """Memory ahead of need, connections, drop copies, the input file."""
    store_extend(state.venue[0]["exchange"]["store"])
    if wiring.reader is not None:
        wiring.reader.fill()
    wiring.world.tend()
    wiring.knobs.turn()
    for copy in wiring.copies:
        copy.tend(wiring.knobs.settings)
    if wiring.input_file is not None:
        log_drain(state.venue[0]["exchange"]["log"], wiring.input_file)


def close(wiring, state: State) -> None:
    """Close the session on both lines, then the sockets and the input file."""
    now_ns = int(state.venue[0]["exchange"]["books"]["words"]["now_ns"])
    close_session(state, now_ns)
    udp_send(state.lines_out, state.me[0])
    end_session(state, now_ns)  # nothing is new now: both lines carry the end of session
    udp_send(state.lines_out, state.me[0])
    if wiring.input_file is not None:
        log_drain(state.venue[0]["exchange"]["log"], wiring.input_file)
        wiring.input_file.close()
    if wiring.reader is not None:
        wiring.reader.close()
    for copy in wiring.copies:
        copy.close()
    wiring.world.close()


def warm_up(state: State) -> None:
    """A scratch session: first books, some flow, and one play of history's machinery through its empty file."""
    for turn in range(1, 20):
        step(state, 1_700_000_000_000_000_000 + turn * 10_000_000)
        state.lines_out.count[0] = 0
    log_drain(state.venue[0]["exchange"]["log"], io.BytesIO())
    warm_reader(state.venue[0]["day"]["blocks"])
    store_count(int(state.venue[0]["exchange"]["store"]["ready_addr"][1]))
    close_session(state, 1_700_000_001_000_000_000)


ROLE = Role(
    name="venue",
    step="procs.venue.step:step",
    poll_in="procs.venue.poll:poll_in",
    poll_out="procs.venue.poll:poll_out",
    open_=open_,
    recover=recover,
    tend=tend,
    warm_up=warm_up,
    close=close,
    recorded=False,
    histograms=(),
)

if __name__ == "__main__":
    sys.exit(main(ROLE))

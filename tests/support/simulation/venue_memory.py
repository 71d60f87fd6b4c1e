"""Venue memory: one venue a process, put back to its first state for every run: 46 MB copied instead of made anew."""

import ctypes

import numpy as np

import procs.venue.store as store_module
from procs.venue.flow import prepare_flow
from procs.venue.settings import Settings
from procs.venue.state import State, flow_instruments, make_rules, new_state
from procs.venue.store import CHUNK_BYTES, STREAMS
from shm.ends import instance_end_at
from shm.records.channel import CHANNEL
from shm.records.clock_page import CLOCK_PAGE
from shm.records.histogram import HISTOGRAM_BYTES
from shm.records.instance import HISTOGRAMS_MAX, HISTOGRAMS_OFFSET
from shm.records.journal_end import JOURNAL_END
from shm.records.ledger import LEDGER
from shm.scratch import scratch_block, scratch_bytes, scratch_control, scratch_table

INSTANCE_BYTES = HISTOGRAMS_OFFSET + HISTOGRAMS_MAX * HISTOGRAM_BYTES
SESSION = "SIMULATED"


class VenueMemory:
    """A venue's state and its clock page. All its memory is private to it: it is outside of every fabric."""

    def __init__(self, config):
        self.page = scratch_block(CLOCK_PAGE.itemsize).view(CLOCK_PAGE)
        self.state: State = new_state(
            config,
            Settings(),
            None,
            SESSION,
            me=instance_end_at(scratch_bytes(INSTANCE_BYTES), self.page.ctypes.data),
            control=scratch_control(1, 1, len(config.instruments)),
            ledger=scratch_table(LEDGER, len(config.instruments)),
            channels=scratch_table(CHANNEL, 1),
            pages=np.zeros(0, np.int64),
            journals=np.zeros(0, JOURNAL_END),
        )
        self.first = self.state.venue.tobytes()
        self.chunks = [int(self.state.venue[0]["exchange"]["store"]["chunks"][stream, 0]) for stream in range(STREAMS)]

    def reset(self, config) -> None:
        """As it was, with the flow of another seed."""
        store = self.state.venue[0]["exchange"]["store"]
        for address, words in zip(self.chunks, store["words"], strict=True):  # later chunks are made anew
            used = int(words["used"]) + 64 if words["chunk"] == 0 else CHUNK_BYTES
            ctypes.memset(address, 0, min(CHUNK_BYTES, used))
        ctypes.memmove(self.state.venue.ctypes.data, self.first, len(self.first))
        flow = self.state.venue[0]["flow"]
        for name in flow.dtype.names:
            flow[name] = np.zeros((), flow.dtype[name])
        prepare_flow(flow, flow_instruments(config), make_rules(config), config.run.seed, config.run.events_per_second)
        for port in (self.state.requests_in, self.state.lines_out, self.state.orders_in, self.state.orders_out):
            port.frames[:] = 0
            port.fds[:] = -1
            for words in (port.count, port.peers, port.taken):
                words[:] = 0


_memory: list[VenueMemory] = []


def venue_memory(config) -> VenueMemory:
    """The one of this process, in its first state."""
    if not _memory:
        _memory.append(VenueMemory(config))
    _memory[0].reset(config)
    return _memory[0]


def chunks_alive() -> set[int]:
    """Addresses of the chunks that the store keeps alive."""
    return set(store_module._alive)


def forget_chunks(kept: set[int]) -> None:
    """Let every other chunk go. Caller: when the run that made them is over."""
    for address in set(store_module._alive) - kept:
        del store_module._alive[address]

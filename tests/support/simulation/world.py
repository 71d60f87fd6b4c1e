"""World: what is outside the machine: the venue, the wires and the clock. It lives on when the machine dies."""

import random

from procs.venue.step import step as venue_step
from procs.venue.store import store_extend
from tests.support.kept import Kept
from tests.support.simulation.clock import SimulatedClock
from tests.support.simulation.network import DatagramLine, LineFaults, Network, StreamFaults
from tests.support.simulation.ports import receive_datagrams, receive_streams, send_datagrams, send_streams
from tests.support.simulation.venue_memory import chunks_alive, forget_chunks, venue_memory

PEER = 1  # where answers to requests go: there is one who asks


class World:
    """The venue with its own memory, two multicast lines, requests and replies, and the order connections."""

    def __init__(self, config, rng: random.Random):
        memory = venue_memory(config)
        self.kept, self.chunks = Kept(), chunks_alive()
        self.rng, self.clock, self.venue = rng, SimulatedClock(), memory.state
        self.clock.attach(memory.page)
        self.network = Network(self.clock, rng, StreamFaults())
        self.feed_lines = [DatagramLine(self.clock, rng, LineFaults()) for _ in range(3)]
        self.requests = DatagramLine(self.clock, rng, LineFaults())
        self.tap = None  # hears (descriptor, bytes) of what order_sender sends
        self.away_until_ns = 0
        self.accepted: dict[int, int] = {}  # line of the venue -> descriptor

    def step(self) -> int:
        """One turn of the venue's hot thread. Returns its work."""
        state, stamp_ns = self.venue, self.clock.stamp_ns
        receive_datagrams(state.requests_in, [self.requests], stamp_ns, PEER)
        receive_streams(state.orders_in, self.network, stamp_ns)
        work = venue_step(state, self.clock.now_ns)
        work += send_datagrams(state.lines_out, self.feed_lines)
        return int(work) + send_streams(state.orders_out, self.network, stamp_ns)

    def tend(self) -> None:
        """The venue's control thread: memory ahead of need, connections in and out (procs/venue/world.py)."""
        store_extend(self.venue.venue[0]["exchange"]["store"])
        inward, outward = self.venue.orders_in, self.venue.orders_out
        for line in [line for line in self.accepted if inward.fds[line] < 0 and outward.fds[line] < 0]:
            self.network.close(self.accepted.pop(line))
        for fd in self.network.arriving:
            free = [line for line in range(len(inward.fds)) if line not in self.accepted]
            if not free:
                self.network.close(fd)
                continue
            self.accepted[free[0]] = fd
            inward.fds[free[0]] = outward.fds[free[0]] = fd
        self.network.arriving.clear()

    def set_faults(self, lines: list[LineFaults], stream: StreamFaults) -> None:
        """How the wires behave from now on: lines A and B (replies as A, requests as B), and every connection."""
        for line, faults in zip((*self.feed_lines, self.requests), (*lines, *lines), strict=True):
            line.faults = faults
        self.network.set_faults(stream)

    def forget_feed(self) -> None:
        """feed_handler's sockets are gone, with what was in them."""
        for line in self.feed_lines:
            line.forget()

    def close(self) -> None:
        """Let go of what modules keep alive for the life of a process; a run is shorter."""
        self.kept.let_go()
        forget_chunks(self.chunks)

"""Network: datagram lines that lose, repeat, delay and reorder; byte streams that delay, cut anywhere and break.

Descriptors are numbers of this network. They stand in the ports where a kernel's would, so the hot code on both sides
takes connections over and lets go of them exactly as it does live.
"""

import heapq
import random
from collections import deque
from dataclasses import dataclass, field

from procs.net.errors import VenueUnreachable

FIRST_FD = 100
MS = 1_000_000


@dataclass
class LineFaults:
    """What happens to a datagram, as probabilities; delays in nanoseconds."""

    loss: float = 0.0
    duplicate: float = 0.0
    late: float = 0.0  # probability of a long delay: overtaken by those behind it
    delay_ns: int = 20_000
    late_ns: int = 5 * MS


class DatagramLine:
    """One direction of datagrams."""

    def __init__(self, clock, rng: random.Random, faults: LineFaults):
        self.clock, self.rng, self.faults = clock, rng, faults
        self.waiting: list[tuple[int, int, bytes]] = []
        self.count = self.lost = 0

    def send(self, data: bytes) -> None:
        """Put a datagram on the line: none, one or two arrive, some time later."""
        faults, rng = self.faults, self.rng
        if rng.random() < faults.loss:
            self.lost += 1
            return
        for _ in range(2 if rng.random() < faults.duplicate else 1):
            delay_ns = rng.randrange(1, faults.delay_ns)
            if faults.late and rng.random() < faults.late:
                delay_ns += rng.randrange(faults.late_ns)
            self.count += 1
            heapq.heappush(self.waiting, (self.clock.stamp_ns + delay_ns, self.count, data))

    def receive(self) -> bytes | None:
        """The next datagram that has arrived."""
        if self.waiting and self.waiting[0][0] <= self.clock.stamp_ns:
            return heapq.heappop(self.waiting)[2]
        return None

    def forget(self) -> None:
        """Nobody listens any more: what was on the way is gone."""
        self.waiting.clear()


@dataclass
class StreamFaults:
    """How a byte stream behaves; delays in nanoseconds."""

    delay_ns: int = 30_000
    buffer_bytes: int = 8192  # on the way at most: a sender finds no room beyond
    piece_bytes: int = 2048  # a receive call brings at most so many


class Pipe:
    """One direction of a connection. Order is kept; cuts are arbitrary."""

    def __init__(self, clock, rng: random.Random, faults: StreamFaults):
        self.clock, self.rng, self.faults = clock, rng, faults
        self.pieces: deque[tuple[int, bytes]] = deque()
        self.bytes = 0
        self.closed = False  # the writer is gone: what is on the way still arrives
        self.held_until_ns = 0  # half open: nothing arrives before
        self.last_due_ns = 0

    def write(self, data: bytes) -> int:
        """Bytes taken: as many as there is room for. -1 when the reader is gone."""
        if self.closed:
            return -1
        taken = data[: max(0, self.faults.buffer_bytes - self.bytes)]
        if taken:
            due_ns = self.clock.stamp_ns + self.rng.randrange(1, self.faults.delay_ns)
            self.last_due_ns = max(due_ns, self.last_due_ns)
            self.pieces.append((self.last_due_ns, taken))
            self.bytes += len(taken)
        return len(taken)

    def read(self, limit: int) -> bytes | None:
        """Bytes that have arrived, b"" for none yet, None at the end of the stream."""
        if not self.pieces:
            return None if self.closed else b""
        due_ns, data = self.pieces[0]
        if due_ns > self.clock.stamp_ns or self.held_until_ns > self.clock.stamp_ns:
            return b""
        most = min(limit, self.faults.piece_bytes)
        size = self.rng.randrange(1, most + 1) if len(data) > 1 and self.rng.random() < 0.3 else most
        self.pieces.popleft()
        if size < len(data):
            self.pieces.appendleft((due_ns, data[size:]))
            data = data[:size]
        self.bytes -= len(data)
        return data

    def cut(self) -> None:
        """The connection fails: a prefix of what is on the way arrives, of any length, then the end."""
        data = b"".join(piece for _, piece in self.pieces)
        keep = self.rng.randrange(len(data) + 1)
        self.pieces.clear()
        if keep:
            self.pieces.append((self.clock.stamp_ns, data[:keep]))
        self.bytes, self.closed = keep, True

    def discard(self) -> None:
        """The reader is gone: nothing more is taken or kept."""
        self.pieces.clear()
        self.bytes, self.closed = 0, True


@dataclass
class End:
    """One side of a connection."""

    fd: int
    inward: Pipe
    outward: Pipe
    is_open: bool = True


class SimulatedSocket:
    """What open_tcp_connection would return: the login's few calls."""

    def __init__(self, network: "Network", fd: int):
        self.network, self.fd = network, fd

    def fileno(self) -> int:
        """Number of this end."""
        return self.fd

    def sendall(self, data: bytes) -> None:
        """Raises OSError when the other side is gone."""
        if self.network.send(self.fd, data) != len(data):
            raise OSError("the connection was reset")

    def recv(self, limit: int) -> bytes:
        """Bytes, or b"" at the end. Raises BlockingIOError when there are none yet."""
        data = self.network.receive(self.fd, limit)
        if data == b"":
            raise BlockingIOError
        return data or b""

    def close(self) -> None:
        """Give the end back."""
        self.network.close(self.fd)


@dataclass
class Network:
    """Every connection between order_sender and the venue, and the datagram lines."""

    clock: object
    rng: random.Random
    stream_faults: StreamFaults
    unreachable: bool = False
    ends: dict[int, End] = field(default_factory=dict)
    arriving: list[int] = field(default_factory=list)  # venue's ends that were not accepted yet
    connections: int = 0

    def connect(self, _host: str, _port: int, *, timeout_s: float) -> SimulatedSocket:
        """A new connection. Raises VenueUnreachable while there is no way."""
        if self.unreachable:
            raise VenueUnreachable(
                where="network", expected="the venue", found=f"no way within {timeout_s} s", do="wait"
            )
        first = FIRST_FD + 2 * self.connections
        self.connections += 1
        there = Pipe(self.clock, self.rng, self.stream_faults)
        back = Pipe(self.clock, self.rng, self.stream_faults)
        self.ends[first], self.ends[first + 1] = End(first, back, there), End(first + 1, there, back)
        self.arriving.append(first + 1)
        return SimulatedSocket(self, first)

    def send(self, fd: int, data: bytes) -> int:
        """Bytes taken, 0 without room, -1 when the other side is gone."""
        return self.ends[fd].outward.write(data)

    def receive(self, fd: int, limit: int) -> bytes | None:
        """Bytes, b"" for none yet, None at the end."""
        return self.ends[fd].inward.read(limit)

    def close(self, fd: int) -> None:
        """One side closes: the other still reads what was sent, this one reads no more."""
        end = self.ends.get(fd)
        if end is not None and end.is_open:
            end.is_open = False
            end.outward.closed = True
            end.inward.discard()

    def living(self) -> list[int]:
        """First descriptors of connections that still carry bytes both ways."""
        return [fd for fd in self.ends if fd % 2 == 0 and not self.ends[fd].inward.closed
                and not self.ends[fd].outward.closed]  # fmt: skip

    def set_faults(self, faults: StreamFaults) -> None:
        """How this and every later connection behaves."""
        self.stream_faults = faults
        for end in self.ends.values():
            end.inward.faults = faults

    def break_all(self) -> int:
        """Every connection fails, at any byte of each direction. Returns how many."""
        broken = self.living()
        for fd in broken:
            self.ends[fd].inward.cut()
            self.ends[fd].outward.cut()
        return len(broken)

    def hold_all(self, ns: int) -> int:
        """Half open: nothing arrives on any connection for a time. Returns how many."""
        held = self.living()
        for fd in held:
            for pipe in (self.ends[fd].inward, self.ends[fd].outward):
                pipe.held_until_ns = self.clock.stamp_ns + ns
        return len(held)

"""Ports: frames between a role's ports and the simulated network, in the place of the kernel's calls.

Each function does what its namesake of procs/net/udp_kernel.py or tcp_kernel.py does with the same arrays.
"""

import ctypes

from procs.net.port import FramePort
from shm.records.frame import FRAME_BYTES, FRAME_FLAG_CLOSED
from tests.support.simulation.network import DatagramLine, Network


def _fill(port: FramePort, row: int, line: int, data: bytes, flags: int, stamp_ns: int) -> None:
    port.frames[row] = (stamp_ns, len(data), line, flags, 0)
    ctypes.memmove(int(port.words[0]) + row * FRAME_BYTES, data, len(data))


def receive_datagrams(port: FramePort, lines: list[DatagramLine], stamp_ns: int, peer: int = 0) -> int:
    """What has arrived on the lines, an equal share of the rows each. Returns the frames."""
    if port.count[0]:
        return 0
    share, total = len(port.frames) // len(port.fds), 0
    for number, line in enumerate(lines):
        left = share
        while left and (data := line.receive()) is not None:
            _fill(port, total, number, data[:FRAME_BYTES], 0, stamp_ns)
            port.peers[total] = peer
            total, left = total + 1, left - 1
    port.count[0] = total
    return total


def send_datagrams(port: FramePort, lines: list[DatagramLine]) -> int:
    """Every counted row onto its line. Returns the rows."""
    count = int(port.count[0])
    for row in range(count):
        size = int(port.frames[row]["size"])
        lines[int(port.frames[row]["line"])].send(port.frame_bytes[row, :size].tobytes())
    port.count[0] = 0
    return count


def receive_streams(port: FramePort, network: Network, stamp_ns: int) -> int:
    """At most one frame a connection; the end of one lets go of its descriptor. Returns the frames."""
    total = 0
    for line, fd in enumerate(port.fds.tolist()):
        if fd < 0:
            continue
        data = network.receive(fd, FRAME_BYTES)
        if data == b"":
            continue
        if data is None:
            port.fds[line] = -1
        _fill(port, total, line, data or b"", FRAME_FLAG_CLOSED if data is None else 0, stamp_ns)
        total += 1
    port.count[0] = total
    return total


def send_streams(port: FramePort, network: Network, stamp_ns: int, tap=None) -> int:
    """What waits in the transmit frames, as far as there is room. `tap(fd, bytes)` hears what left. Returns bytes."""
    total = 0
    for line, fd in enumerate(port.fds.tolist()):
        frame = port.frames[line]
        begun, size = int(port.taken[line]), int(frame["size"])
        if size <= begun or fd < 0:
            continue
        frame["stamp_ns"] = stamp_ns
        taken = network.send(fd, port.frame_bytes.reshape(-1)[line * FRAME_BYTES + begun : line * FRAME_BYTES + size]
                             .tobytes())  # fmt: skip
        if taken <= 0:
            continue
        if tap is not None:
            tap(fd, port.frame_bytes.reshape(-1)[line * FRAME_BYTES + begun :][:taken].tobytes())
        total += taken
        port.taken[line] += taken
        if begun + taken == size:
            port.taken[line] = 0
            frame["size"] = 0
    return total

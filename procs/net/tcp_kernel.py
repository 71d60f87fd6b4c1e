"""Byte streams through the kernel: one recv a connection and poll, one send of what waits.

A connection that the other side closed, or that failed, gives one last frame with FRAME_FLAG_CLOSED and no bytes; the
hot thread lets go of the descriptor first. Bytes that the socket does not take stay where they are.
"""

from procs.net.libc import ERRNO_AGAIN, ERRNO_INTR, MSG_DONTWAIT, MSG_NOSIGNAL, recv, send
from procs.net.port import WORD_BYTES_ADDR, let_go, line_fd, note_call_error
from shm.failpoint import failpoint, failpoint_size
from shm.failpoints import FP_RECEIVED, FP_SEND_AFTER, FP_SEND_BEFORE, FP_SEND_PARTIAL
from shm.instance import stamp
from shm.jit import hot
from shm.records.frame import FRAME_BYTES, FRAME_FLAG_CLOSED


@hot
def tcp_send(fd, addr, size):
    """Send `size` bytes at an address. Returns the bytes taken, 0 when the socket has no room, or a negative errno."""
    if size <= 0:
        return 0
    taken = send(fd, addr, size, MSG_DONTWAIT | MSG_NOSIGNAL)
    return 0 if taken == -ERRNO_AGAIN or taken == -ERRNO_INTR else taken


@hot
def _fill(port, row, line, size, flags, at_ns):
    frame = port.frames[row]
    frame["stamp_ns"] = at_ns
    frame["size"] = size
    frame["line"] = line
    frame["flags"] = flags
    frame["kernel_ns"] = 0


@hot
def tcp_receive(port, me):
    """Fill the rows of `port` with what has arrived, at most one row a connection. Returns the rows. Never blocks."""
    total = 0
    for line in range(port.fds.size):
        fd = line_fd(port, line)
        if fd < 0:
            continue
        got = recv(fd, port.words[WORD_BYTES_ADDR] + total * FRAME_BYTES, FRAME_BYTES, MSG_DONTWAIT)
        if got == -ERRNO_AGAIN or got == -ERRNO_INTR:
            continue
        at_ns = stamp(me)
        if got > 0:
            failpoint(FP_RECEIVED)
            _fill(port, total, line, got, 0, at_ns)
        else:
            if got < 0:
                note_call_error(port, got)
            let_go(port, line)
            _fill(port, total, line, 0, FRAME_FLAG_CLOSED, at_ns)
        total += 1
    port.count[0] = total
    return total


@hot
def tcp_send_waiting(port, me):
    """Send what waits in the transmit frame of each line. Returns the bytes taken. Never blocks.

    Stamps `frames[line]` just before the call. After a hard error the bytes stay where they are, and the next
    `tcp_receive` of the same connection reports its end.
    """
    total = 0
    for line in range(port.fds.size):
        frame = port.frames[line]
        waiting = frame["size"] - port.taken[line]
        if waiting <= 0:
            continue
        fd = line_fd(port, line)
        if fd < 0:
            continue
        frame["stamp_ns"] = stamp(me)
        failpoint(FP_SEND_BEFORE)
        asked = failpoint_size(FP_SEND_PARTIAL, waiting)
        taken = tcp_send(fd, port.words[WORD_BYTES_ADDR] + line * FRAME_BYTES + port.taken[line], asked)
        if asked < waiting:
            failpoint(FP_SEND_PARTIAL)
        failpoint(FP_SEND_AFTER)
        if taken < 0:
            note_call_error(port, taken)
            continue
        total += taken
        note_taken(port, line, taken)
    return total


@hot
def note_taken(port, line, taken):
    """The line's socket took `taken` bytes of its transmit frame."""
    port.taken[line] += taken
    if port.taken[line] == port.frames[line]["size"]:
        port.taken[line] = 0
        port.frames[line]["size"] = 0


@hot
def drop_waiting(port, line):
    """Forget what waits for a line, after its session is lost."""
    port.taken[line] = 0
    port.frames[line]["size"] = 0


@hot
def poll_in(state):
    """The seam: bytes of all connections into `state.port_in`."""
    return tcp_receive(state.port_in, state.me[0])


@hot
def poll_out(state):
    """The seam: the transmit frames of `state.port_out` to their connections."""
    return tcp_send_waiting(state.port_out, state.me[0])

"""Datagrams through the kernel: one recvmmsg a socket and poll, sendmmsg for runs of one line.

Every receiving line gets an equal share of the rows, so a flood on one cannot silence the other. A datagram that cannot
be sent is dropped and tallied: the receivers' recovery is for that, and waiting would stop the hot thread.
"""

from procs.net.libc import ERRNO_AGAIN, ERRNO_INTR, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_TRUNC, recvmmsg, sendmmsg
from procs.net.port import (
    HEADER_FLAGS,
    HEADER_NAME,
    HEADER_NAME_BYTES,
    HEADER_SIZE,
    NAME_BYTES,
    VECTOR_SIZE,
    WORD_DROPPED,
    WORD_HEADERS_ADDR,
    WORD_NAMES_ADDR,
    WORD_TRUNCATED,
    line_fd,
    note_call_error,
)
from shm.instance import stamp
from shm.jit import hot
from shm.records.frame import FRAME_BYTES, FRAME_FLAG_TRUNCATED

HEADER_BYTES = 64
LOW_32 = 0xFFFFFFFF


@hot
def udp_receive(port, me):
    """Fill the rows of `port` from all its lines. Returns the number of frames. Never blocks.

    `peers[row]` names the sender, for an answer through a port that sends.
    """
    rows = port.frames.size
    lines = port.fds.size
    share = rows // lines
    total = 0
    for line in range(lines):
        fd = line_fd(port, line)
        if fd < 0:
            continue
        got = recvmmsg(fd, port.words[WORD_HEADERS_ADDR] + total * HEADER_BYTES, share, MSG_DONTWAIT)
        if got > 0:
            _fill(port, line, total, got, stamp(me))
            total += got
        elif got < 0 and got != -ERRNO_AGAIN and got != -ERRNO_INTR:
            note_call_error(port, got)
    port.count[0] = total
    return total


@hot
def _fill(port, line, first, got, at_ns):
    for row in range(first, first + got):
        flags = 0
        if port.headers[row, HEADER_FLAGS] & MSG_TRUNC:
            flags = FRAME_FLAG_TRUNCATED
            port.words[WORD_TRUNCATED] += 1
        frame = port.frames[row]
        frame["stamp_ns"] = at_ns
        frame["size"] = port.headers[row, HEADER_SIZE] & LOW_32
        frame["line"] = line
        frame["flags"] = flags
        frame["kernel_ns"] = 0
        port.peers[row] = port.names[row, 0]
        port.headers[row, HEADER_NAME_BYTES] = NAME_BYTES  # the kernel wrote what it used
        port.headers[row, HEADER_FLAGS] = 0


@hot
def _address_row(port, row):
    """Point the row's header at its bytes and destination. False if its size is impossible."""
    size = port.frames[row]["size"]
    if size < 0 or size > FRAME_BYTES:
        return False
    port.vectors[row, VECTOR_SIZE] = size
    port.headers[row, HEADER_FLAGS] = 0
    if port.peers[row] == 0:
        port.headers[row, HEADER_NAME] = 0
        port.headers[row, HEADER_NAME_BYTES] = 0
    else:
        port.names[row, 0] = port.peers[row]
        port.names[row, 1] = 0
        port.headers[row, HEADER_NAME] = port.words[WORD_NAMES_ADDR] + row * NAME_BYTES
        port.headers[row, HEADER_NAME_BYTES] = NAME_BYTES
    return True


@hot
def _run_end(port, first, count):
    """First row behind `first` that goes to another line or has no sendable size."""
    row = first
    while row < count and port.frames[row]["line"] == port.frames[first]["line"] and _address_row(port, row):
        row += 1
    return row


@hot
def udp_send(port, me):
    """Send the counted rows, each to its `peers[row]` or, where that is 0, to the line's connected destination.

    Stamps the rows just before each call. Returns the number sent; the count is 0 afterwards. Never blocks.
    """
    count = min(port.count[0], port.frames.size)
    row = 0
    sent = 0
    while row < count:
        end = _run_end(port, row, count)
        line = int(port.frames[row]["line"])
        fd = line_fd(port, line) if line >= 0 and line < port.fds.size else -1
        if end == row or fd < 0:
            port.words[WORD_DROPPED] += 1
            row += 1
            continue
        at_ns = stamp(me)
        for i in range(row, end):
            port.frames[i]["stamp_ns"] = at_ns
        flags = MSG_DONTWAIT | MSG_NOSIGNAL
        done = sendmmsg(fd, port.words[WORD_HEADERS_ADDR] + row * HEADER_BYTES, end - row, flags)
        if done > 0:
            sent += done
            row += done
        elif done != -ERRNO_INTR:
            note_call_error(port, done)
            port.words[WORD_DROPPED] += 1
            row += 1
    port.count[0] = 0
    return sent


@hot
def sent_again(state, taken):
    """What `poll_out` left behind when it returned `taken`, without a socket. Caller: replay."""
    state.port_out.count[0] = 0
    return taken


@hot
def poll_in(state):
    """The seam: datagrams of all lines into `state.port_in`."""
    return udp_receive(state.port_in, state.me[0])


@hot
def poll_out(state):
    """The seam: the counted rows of `state.port_out` to their lines."""
    return udp_send(state.port_out, state.me[0])

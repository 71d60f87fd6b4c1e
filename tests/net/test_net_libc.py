"""The compiled system calls and their plain twins do the same on the same sockets."""

import errno
import socket

import numpy as np
import pytest

from procs.net import libc
from procs.net.port import open_port
from shm.atomics import address_of

FORMS = {
    "used": (libc.recvmmsg, libc.sendmmsg, libc.recv, libc.send),
    "twin": (libc.recvmmsg_twin, libc.sendmmsg_twin, libc.recv_twin, libc.send_twin),
}


@pytest.mark.parametrize("form", FORMS)
def test_stream_calls_move_bytes_and_answer_negative_errno(form):
    _, _, recv, send = FORMS[form]
    ours, theirs = socket.socketpair()
    bytes_out = np.arange(100, dtype=np.uint8)
    bytes_in = np.zeros(100, np.uint8)
    with ours, theirs:
        fds = ours.fileno(), theirs.fileno()
        assert recv(fds[1], address_of(bytes_in), 100, libc.MSG_DONTWAIT) == -errno.EAGAIN
        assert send(fds[0], address_of(bytes_out), 100, libc.MSG_DONTWAIT | libc.MSG_NOSIGNAL) == 100
        assert recv(fds[1], address_of(bytes_in), 60, libc.MSG_DONTWAIT) == 60
        assert recv(fds[1], address_of(bytes_in) + 60, 60, libc.MSG_DONTWAIT) == 40
        assert (bytes_in == bytes_out).all()
        theirs.close()
        assert recv(fds[0], address_of(bytes_in), 60, libc.MSG_DONTWAIT) == 0
        assert send(fds[0], address_of(bytes_out), 1, libc.MSG_DONTWAIT | libc.MSG_NOSIGNAL) == -errno.EPIPE
    assert recv(-1, address_of(bytes_in), 1, libc.MSG_DONTWAIT) == -errno.EBADF


@pytest.mark.parametrize("form", FORMS)
def test_datagram_calls_move_batches_with_sizes_and_flags(form):
    recvmmsg, sendmmsg, _, _ = FORMS[form]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    out, into = open_port(rows=4, lines=1), open_port(rows=4, lines=1)
    for row in range(3):
        out.frame_bytes[row, :] = row + 1
        out.vectors[row, 1] = 10 * (row + 1)
        out.headers[row, :2] = 0  # connected: no name
    into.vectors[:, 1] = 25  # the third datagram is longer
    with ours, theirs:
        fds = ours.fileno(), theirs.fileno()
        assert recvmmsg(fds[1], address_of(into.headers), 4, libc.MSG_DONTWAIT) == -errno.EAGAIN
        assert sendmmsg(fds[0], address_of(out.headers), 3, libc.MSG_DONTWAIT) == 3
        assert recvmmsg(fds[1], address_of(into.headers), 4, libc.MSG_DONTWAIT) == 3
    assert list(into.headers[:3, 7] & 0xFFFFFFFF) == [10, 20, 25]
    assert [bool(flags & libc.MSG_TRUNC) for flags in into.headers[:3, 6]] == [False, False, True]
    assert (into.frame_bytes[1, :20] == 2).all()
    assert sendmmsg(-1, address_of(out.headers), 1, libc.MSG_DONTWAIT) == -errno.EBADF
    assert recvmmsg(-1, address_of(out.headers), 1, libc.MSG_DONTWAIT) == -errno.EBADF

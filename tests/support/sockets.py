"""Other people's sockets: a duplicate of a descriptor that a child process of ours holds (pidfd_getfd)."""

import ctypes
import os
import socket

import psutil

SYS_PIDFD_GETFD = 438  # Linux 5.6, every architecture

_libc = ctypes.CDLL(None, use_errno=True)


def connection_of(pid: int, *, local_port: int = 0, remote_port: int = 0) -> socket.socket:
    """A duplicate of the established TCP connection of process `pid` with that local or remote port.

    What is sent through it goes out as if the process had sent it. Raises LookupError when there is none.
    """
    for held in psutil.Process(pid).net_connections("tcp"):
        if held.status != psutil.CONN_ESTABLISHED:
            continue
        if local_port in (0, held.laddr.port) and remote_port in (0, held.raddr.port):
            return socket.socket(fileno=_duplicate(pid, held.fd))
    raise LookupError(f"process {pid}: expected an established connection, found none")


def _duplicate(pid: int, fd: int) -> int:
    handle = os.pidfd_open(pid)
    try:
        made = _libc.syscall(SYS_PIDFD_GETFD, handle, fd, 0)
    finally:
        os.close(handle)
    if made < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return made

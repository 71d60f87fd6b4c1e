"""The system calls of the hot path: four of libc, each with a plain-Python twin for the JIT switched off.

All answer with the call's result, or with a negative errno. Addresses are int64; nothing is checked. The compiled
forms can be cached on disk, which calls through ctypes cannot. An empty non-blocking receive costs about 170 ns.
"""

import ctypes

import numpy as np
from numba.core import types

from shm.atomics import record_at
from shm.jit import JIT_OFF, hot

MSG_TRUNC = 0x20
MSG_DONTWAIT = 0x40
MSG_NOSIGNAL = 0x4000

ERRNO_INTR = 4
ERRNO_AGAIN = 11

ERRNO_WORD = np.dtype([("value", "<i4")])

_many = types.int32(types.int32, types.int64, types.uint32, types.int32, types.int64)
_one = types.int64(types.int32, types.int64, types.int64, types.int32)
_recvmmsg = types.ExternalFunction("recvmmsg", _many)
_sendmmsg = types.ExternalFunction("sendmmsg", types.int32(types.int32, types.int64, types.uint32, types.int32))
_recv = types.ExternalFunction("recv", _one)
_send = types.ExternalFunction("send", _one)
_errno_location = types.ExternalFunction("__errno_location", types.int64())

_libc = ctypes.CDLL(None, use_errno=True)
_libc.recv.restype = ctypes.c_ssize_t
_libc.send.restype = ctypes.c_ssize_t


def _answer(result):
    return result if result >= 0 else -ctypes.get_errno()


def recvmmsg_twin(fd, headers_addr, count, flags):
    """Receive up to `count` datagrams into an array of mmsghdr."""
    headers = ctypes.c_void_p(int(headers_addr))
    return _answer(_libc.recvmmsg(int(fd), headers, ctypes.c_uint(int(count)), int(flags), None))


def sendmmsg_twin(fd, headers_addr, count, flags):
    """Send up to `count` datagrams from an array of mmsghdr."""
    headers = ctypes.c_void_p(int(headers_addr))
    return _answer(_libc.sendmmsg(int(fd), headers, ctypes.c_uint(int(count)), int(flags)))


def recv_twin(fd, addr, size, flags):
    """Receive at most `size` bytes of a stream; 0 means that the other side closed."""
    return _answer(_libc.recv(int(fd), ctypes.c_void_p(int(addr)), ctypes.c_size_t(int(size)), int(flags)))


def send_twin(fd, addr, size, flags):
    """Send at most `size` bytes to a stream."""
    return _answer(_libc.send(int(fd), ctypes.c_void_p(int(addr)), ctypes.c_size_t(int(size)), int(flags)))


@hot
def _errno():
    return int(record_at(_errno_location(), ERRNO_WORD)["value"])


@hot
def _recvmmsg_compiled(fd, headers_addr, count, flags):
    result = _recvmmsg(np.int32(fd), headers_addr, np.uint32(count), np.int32(flags), 0)
    return int(result) if result >= 0 else -_errno()


@hot
def _sendmmsg_compiled(fd, headers_addr, count, flags):
    result = _sendmmsg(np.int32(fd), headers_addr, np.uint32(count), np.int32(flags))
    return int(result) if result >= 0 else -_errno()


@hot
def _recv_compiled(fd, addr, size, flags):
    result = _recv(np.int32(fd), addr, size, np.int32(flags))
    return result if result >= 0 else -_errno()


@hot
def _send_compiled(fd, addr, size, flags):
    result = _send(np.int32(fd), addr, size, np.int32(flags))
    return result if result >= 0 else -_errno()


if JIT_OFF:
    recvmmsg, sendmmsg, recv, send = recvmmsg_twin, sendmmsg_twin, recv_twin, send_twin
else:
    recvmmsg, sendmmsg, recv, send = _recvmmsg_compiled, _sendmmsg_compiled, _recv_compiled, _send_compiled

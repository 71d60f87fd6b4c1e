"""Affinity: pin the hot thread, lock memory, take the real-time policy. Each says what it could not do.

Pinning a process pins only its main thread, so the hot thread pins itself by its native thread id (psutil on the tid).
The control thread keeps off the cores of hot threads where there are others: beside a real-time thread that spins it
would wait for the balancer, and starve.
"""

import ctypes
import os
import signal
import threading

import psutil

MCL_CURRENT = 1
MCL_FUTURE = 2
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
THREAD_NAME_MAX = 15

_libc = ctypes.CDLL(None, use_errno=True)


class HostRefused(Exception):
    """The machine does not grant what the profile requires; the message says which setting grants it."""


def pin_thread(core: int) -> bool:
    """Pin the calling thread to one core. Returns whether it worked."""
    try:
        psutil.Process(threading.get_native_id()).cpu_affinity([core])
    except (psutil.Error, OSError, ValueError):
        return False
    return os.sched_getaffinity(0) == {core}


def keep_off(hot_cores: set[int]) -> None:
    """Take the calling thread, and threads that it starts from now on, off the cores of hot threads, if any is left."""
    left = os.sched_getaffinity(0) - hot_cores
    if left:
        psutil.Process(threading.get_native_id()).cpu_affinity(sorted(left))


def lock_memory(demand: str) -> str:
    """Lock all present and future pages. `demand`: off, try, require. Returns "" or the warning. Raises HostRefused."""
    if demand == "off" or _libc.mlockall(MCL_CURRENT | MCL_FUTURE) == 0:
        return ""
    reason = os.strerror(ctypes.get_errno())
    text = (
        f"memory is not locked ({reason}): raise the limit, LimitMEMLOCK=infinity in the unit or `ulimit -l unlimited`"
    )
    if demand == "require":
        raise HostRefused(text)
    return text


def take_realtime(demand: str, priority: int) -> str:
    """SCHED_FIFO for the calling thread. `demand`: off, try, require. Returns "" or the warning. Raises HostRefused."""
    if demand == "off":
        return ""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
        return ""
    except OSError as error:
        text = (
            f"no real-time policy ({error.strerror}): set LimitRTPRIO={priority} in the unit, or run with CAP_SYS_NICE"
        )
        if demand == "require":
            raise HostRefused(text) from None
        return text


def name_thread(name: str) -> None:
    """The calling thread's name in `ps -T` and `top -H`, cut to 15 characters."""
    _libc.prctl(PR_SET_NAME, name.encode()[:THREAD_NAME_MAX], 0, 0, 0)


def leave_with_parent() -> None:
    """Get SIGTERM when the process that started us dies: nobody trades unsupervised. Under systemd that is PID 1."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

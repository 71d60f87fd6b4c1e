"""Pair: two pinned processes over one piece of shared memory, for what only two cores can show."""

import multiprocessing
import os

import numpy as np
import posix_ipc

from shm.segment import Segment, allocate


def two_cores() -> tuple[int, int]:
    """The first two cores that we may use; the same one twice on a single-core machine."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[1 % len(cores)]


class SharedBlock:
    """Named shared bytes without a header, removed on exit."""

    def __init__(self, size: int):
        self.name = f"/quintet-bench-{os.getpid()}"
        fd = posix_ipc.SharedMemory(self.name, posix_ipc.O_CREX, mode=0o600).fd
        allocate(fd, size, self.name)
        self.segment = Segment(self.name, fd, size, writable=True, adopted=False)

    def __enter__(self) -> "SharedBlock":
        return self

    def __exit__(self, *_) -> None:
        self.segment.close()
        posix_ipc.unlink_shared_memory(self.name)


def attach_block(name: str, size: int) -> Segment:
    """The same bytes in another process."""
    return Segment(name, posix_ipc.SharedMemory(name, 0).fd, size, writable=True, adopted=False)


def run_beside(target, arguments: tuple, body, core: int):
    """Run `target(*arguments)` in a fresh process while `body()` runs here, pinned to `core`; returns body's answer."""
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=target, args=arguments, daemon=True)
    before = os.sched_getaffinity(0)
    child.start()
    try:
        os.sched_setaffinity(0, {core})
        answer = body()
    except BaseException:
        child.kill()
        raise
    finally:
        os.sched_setaffinity(0, before)
        child.join(30)
    if child.exitcode != 0:
        raise RuntimeError(f"the other side of the benchmark ended with exit code {child.exitcode}")
    return answer


def interleave(blocks: list[np.ndarray]) -> np.ndarray:
    """All samples of several rounds as one array."""
    return np.concatenate(blocks)

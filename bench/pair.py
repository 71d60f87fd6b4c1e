"""Pinning: one process on one core, or two over one piece of shared memory, for what only two cores can show."""

import multiprocessing
import os
import threading
from contextlib import contextmanager

import posix_ipc

from shm.segment import Segment, allocate


def two_cores() -> tuple[int, int]:
    """The first two cores that we may use; the same one twice on a single-core machine."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[1 % len(cores)]


def this_core() -> int:
    """The core to which `pinned` tied us."""
    return max(os.sched_getaffinity(0))


@contextmanager
def pinned():
    """Keep this process on one core, the last one, and answer which. Serves as a decorator of `run`, too."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield max(before)
    finally:
        os.sched_setaffinity(0, before)


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


def _end_with(child, block: SharedBlock) -> None:
    """The hot loops of a pair spin for each other and never look up: when one dies early, the other ends here."""
    child.join()
    if child.exitcode != 0:
        posix_ipc.unlink_shared_memory(block.name)
        os.write(2, f"the other side of the benchmark ended with exit code {child.exitcode}\n".encode())
        os._exit(1)


def run_beside(block: SharedBlock, target, arguments: tuple, body, core: int):
    """Run `target(block name, *arguments)` in a fresh process beside `body()`, pinned to `core`; returns body's answer.

    The program ends with a message when the other process fails.
    """
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=target, args=(block.segment.full_name, *arguments), daemon=True)
    before = os.sched_getaffinity(0)
    child.start()
    watch = threading.Thread(target=_end_with, args=(child, block), daemon=True)
    watch.start()
    try:
        os.sched_setaffinity(0, {core})
        answer = body()
    finally:
        os.sched_setaffinity(0, before)
    watch.join(30)
    return answer

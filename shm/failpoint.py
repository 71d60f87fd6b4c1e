"""The hot form of a failpoint: no instruction unless built in (shm/failpoints.py says how, and names them)."""

import numpy as np
from numba.core import types

from shm.atomics import load_relaxed, monotonic_ns, store_relaxed
from shm.failpoints import (
    ANY_PID,
    AT_HIT,
    BASE_ADDR,
    BUILT_IN,
    DIED_NS,
    HITS,
    LIMIT,
    LINE_BYTES,
    PID,
    SIGNAL,
    reach,
    reach_size,
)
from shm.jit import JIT_OFF, hot, intrinsic_or

_getpid = types.ExternalFunction("getpid", types.int32())
_kill = types.ExternalFunction("kill", types.int32(types.int32, types.int32))


@intrinsic_or(reach)
def _nothing(typing_context, number):
    """Emits no code."""

    def codegen(context, builder, signature, args):
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@intrinsic_or(reach_size)
def _whole(typing_context, number, size):
    """`size` itself."""

    def codegen(context, builder, signature, args):
        return args[1]

    return types.int64(types.int64, types.int64), codegen


@hot
def _is_ours(line_addr):
    pid = load_relaxed(line_addr + PID * 8)
    return pid == ANY_PID or pid == _getpid()


@hot
def _hit(line_addr):
    if not _is_ours(line_addr):
        return
    hits = load_relaxed(line_addr + HITS * 8) + 1
    store_relaxed(line_addr + HITS * 8, hits)
    if hits == load_relaxed(line_addr + AT_HIT * 8):
        store_relaxed(line_addr + PID * 8, 0)
        store_relaxed(line_addr + DIED_NS * 8, monotonic_ns())
        _kill(_getpid(), np.int32(load_relaxed(line_addr + SIGNAL * 8)))


@hot
def _built_in(number):
    line_addr = BASE_ADDR + number * LINE_BYTES
    if load_relaxed(line_addr) != 0:
        _hit(line_addr)


@hot
def _built_in_size(number, size):
    line_addr = BASE_ADDR + number * LINE_BYTES
    if load_relaxed(line_addr) == 0 or not _is_ours(line_addr):
        return size
    limit = load_relaxed(line_addr + LIMIT * 8)
    if limit <= 0 or limit >= size:
        return size
    return limit if load_relaxed(line_addr + HITS * 8) + 1 == load_relaxed(line_addr + AT_HIT * 8) else size


# failpoint(number): dies here if armed to. failpoint_size(number, size): `size`, or fewer bytes before a partial send.
failpoint = _built_in if BUILT_IN and not JIT_OFF else _nothing
failpoint_size = _built_in_size if BUILT_IN and not JIT_OFF else _whole

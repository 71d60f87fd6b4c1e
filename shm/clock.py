"""Two clocks. `stamp_ns` is latency time, `now_ns` is logic time; both come from one page for all processes.

stamp_ns: cycle counter through one calibration (8 ns), in CLOCK_MONOTONIC nanoseconds at calibration. For differences
between processes of one fabric; it is not disciplined afterwards.
now_ns: read once a cycle and passed down. REAL: UTC nanoseconds that never step (latency time + an offset fixed for
the epoch). SCALED: the same, stretched by speed. DRIVEN: a word that the venue or replay stores.
"""

import time

import numpy as np

from shm.atomics import cycles, load_acquire, monotonic_ns, mul_shift32, record_at, store_release
from shm.jit import JIT_OFF, hot, hot_inline
from shm.records.clock_page import (
    CLOCK_PAGE,
    CLOCK_SOURCE_DRIVEN,
    CLOCK_SOURCE_SYSCALL,
    CLOCK_SOURCE_TAPE,
    CLOCK_SOURCE_TSC,
)
from shm.records.tape import STAMP, TAPE

from shm.codes import CLOCK_DRIVEN, CLOCK_REAL, CLOCK_SCALED  # isort: skip

CALIBRATION_NS = 50_000_000  # two readings 20 ns apart over 50 ms: rate within 1e-6
DRIVEN_OFFSET = CLOCK_PAGE.fields["driven_ns"][1]


@hot
def _stamp_of_page(clock_addr):
    page = record_at(clock_addr, CLOCK_PAGE)
    if page["source"] == CLOCK_SOURCE_TSC:
        return page["base_ns"] + mul_shift32(cycles() - page["base_cycles"], page["ns_per_cycle_q32"])
    if page["source"] == CLOCK_SOURCE_DRIVEN:
        return load_acquire(clock_addr + DRIVEN_OFFSET)
    return monotonic_ns()


@hot
def _stamp_of_tape(tape_addr):
    """The tape's next stamp while it plays; else the time, which is put on the tape. 0 behind the end of a tape."""
    tape = record_at(tape_addr, TAPE)
    at_addr = tape["next_addr"]
    held = record_at(at_addr, STAMP)
    if at_addr >= tape["end_addr"]:
        tape["missed"] += 1
        return 0 if tape["playing"] == 1 else _stamp_of_page(tape["clock_addr"])
    tape["next_addr"] = at_addr + 8
    if tape["playing"] == 0:
        held["value"] = _stamp_of_page(tape["clock_addr"])
    return held["value"]


@hot_inline
def stamp_ns(clock_addr):
    """Latency time now. `clock_addr` is the address of the CLOCK_PAGE."""
    page = record_at(clock_addr, CLOCK_PAGE)
    if page["source"] == CLOCK_SOURCE_TSC:
        return page["base_ns"] + mul_shift32(cycles() - page["base_cycles"], page["ns_per_cycle_q32"])
    if page["source"] == CLOCK_SOURCE_TAPE:
        return _stamp_of_tape(page["tape_addr"])
    return _stamp_of_page(clock_addr)


@hot
def now_ns(clock_addr):
    """Logic time now, ns: UTC in REAL, stretched UTC in SCALED, the driver's word in DRIVEN."""
    page = record_at(clock_addr, CLOCK_PAGE)
    if page["mode"] == CLOCK_DRIVEN:
        return load_acquire(clock_addr + DRIVEN_OFFSET)
    stamp = stamp_ns(clock_addr)
    if page["mode"] == CLOCK_SCALED:
        # elapsed * speed through 128 bits; the speed is the factor that is shifted up, for elapsed << 16 leaves int64
        # after 39 hours
        return page["logic_base_ns"] + mul_shift32(stamp - page["base_ns"], page["speed_q16"] << 16)
    return stamp + page["utc_offset_ns"]


@hot
def drive_now_ns(clock_addr, value_ns):
    """Set logic time in DRIVEN mode. Caller: the one driver. Ordering: release; pairs with the acquire in `now_ns`."""
    store_release(clock_addr + DRIVEN_OFFSET, value_ns)


def _cycle_pair() -> tuple[int, int]:
    """(cycles, CLOCK_MONOTONIC ns) read together: the tightest of twenty tries."""
    best = None
    for _ in range(20):
        before = _cycles_now()
        at_ns = time.monotonic_ns()
        after = _cycles_now()
        if best is None or after - before < best[0]:
            best = (after - before, before + (after - before) // 2, at_ns)
    return best[1], best[2]


@hot
def _cycles_now():
    return cycles()


def tsc_is_invariant() -> bool:
    """Whether the cycle counter runs at one rate on all cores and in all sleep states (CPU flags)."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
        flags = next((line for line in lines if line.startswith("flags")), "")
    return "constant_tsc" in flags and "nonstop_tsc" in flags


def calibrate(
    page: np.ndarray,
    mode: int = CLOCK_REAL,
    speed: float = 1.0,
    logic_start_ns: int | None = None,
    virtual_stamps: bool = False,
) -> None:
    """Fill a CLOCK_PAGE array of one. Takes CALIBRATION_NS. Caller: the fabric step, before any role attaches.

    `speed` and `logic_start_ns` (default: UTC now) matter in SCALED, `logic_start_ns` also starts DRIVEN.
    `virtual_stamps` (replay, DRIVEN only) makes latency time the driver's word, too.
    """
    first_cycles, first_ns = _cycle_pair()
    time.sleep(CALIBRATION_NS / 1e9)
    last_cycles, last_ns = _cycle_pair()
    row = page[0]
    row["base_cycles"], row["base_ns"] = last_cycles, last_ns
    row["ns_per_cycle_q32"] = ((last_ns - first_ns) << 32) // max(1, last_cycles - first_cycles)
    row["utc_offset_ns"] = time.time_ns() - time.monotonic_ns()
    row["source"] = CLOCK_SOURCE_TSC if tsc_is_invariant() and not JIT_OFF else CLOCK_SOURCE_SYSCALL
    if virtual_stamps:
        row["source"] = CLOCK_SOURCE_DRIVEN
    row["mode"] = mode
    row["speed_q16"] = round(speed * 65536)
    start_ns = logic_start_ns if logic_start_ns is not None else last_ns + int(row["utc_offset_ns"])
    row["logic_base_ns"] = start_ns
    row["driven_ns"] = start_ns if mode == CLOCK_DRIVEN else 0

"""ClockPage: how every process turns the cycle counter into time, and which logic time rules.

Writer of lines 0-1: the fabric step, once. Writer of line 2: whoever drives time (the venue, or replay). Readers: all.
Kept after the segment header of object `clock`. Three cache lines.

off  size  type   field             meaning
---  ----  -----  ----------------  ----------------------------------------
  0     8  i8     base_cycles       cycle counter at calibration
  8     8  i8     base_ns           CLOCK_MONOTONIC at the same moment, ns
 16     8  i8     ns_per_cycle_q32  nanoseconds per cycle, times 2^32
 24     8  i8     utc_offset_ns     UTC minus CLOCK_MONOTONIC at calibration, ns; fixed for the epoch
 32     8  i8     source            CLOCK_SOURCE_*
 40     8  i8     mode              CLOCK_*
 48     8  i8     speed_q16         SCALED: logic seconds per second, times 2^16
 56     8  i8     logic_base_ns     SCALED: logic time at base_ns; REAL: utc_offset_ns + base_ns
 64     8  i8     tape_addr         TAPE: address of the process's TAPE; zero in the shared page
 72    56  i8x7   reserved          zero
128     8  i8     driven_ns         DRIVEN: logic time now; own line
136    56  i8x7   driven_reserved   zero
"""

import numpy as np

CLOCK_PAGE = np.dtype(
    [
        ("base_cycles", "<i8"),
        ("base_ns", "<i8"),
        ("ns_per_cycle_q32", "<i8"),
        ("utc_offset_ns", "<i8"),
        ("source", "<i8"),
        ("mode", "<i8"),
        ("speed_q16", "<i8"),
        ("logic_base_ns", "<i8"),
        ("tape_addr", "<i8"),
        ("reserved", "<i8", (7,)),
        ("driven_ns", "<i8"),
        ("driven_reserved", "<i8", (7,)),
    ]
)

assert CLOCK_PAGE.itemsize == 192
assert CLOCK_PAGE.fields["reserved"][1] == 72

CLOCK_SOURCE_TSC = 1
CLOCK_SOURCE_DRIVEN = 3  # latency time is virtual, the driver's word: replay gives the same bytes every time
CLOCK_SOURCE_SYSCALL = 2  # clock_gettime(CLOCK_MONOTONIC): no invariant counter, or the JIT is off
CLOCK_SOURCE_TAPE = 4  # each stamp is kept on a tape, or comes from one: a role that is recorded, or runs again

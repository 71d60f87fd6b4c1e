"""Tape: the latency stamps that a recorded role takes, in order, so that it can take the same ones again.

Private memory of one process. Writer and reader: the hot thread, through `stamp_ns` (shm/clock.py), and the recording
loop, which begins the tape anew at each step. One line, then the stamps.

off  size  type   field        meaning
---  ----  -----  -----------  ----------------------------------------------------------------
  0     8  i8     clock_addr   address of the CLOCK_PAGE that tells the time while it records
  8     8  i8     first_addr   address of the first stamp
 16     8  i8     next_addr    address of the next stamp
 24     8  i8     end_addr     where the stamps end
 32     8  i8     playing      0 records, 1 plays
 40     8  i8     missed       stamps that were asked for behind the end
 48    16  i8x2   reserved     zero
"""

import numpy as np

TAPE = np.dtype(
    [
        ("clock_addr", "<i8"),
        ("first_addr", "<i8"),
        ("next_addr", "<i8"),
        ("end_addr", "<i8"),
        ("playing", "<i8"),
        ("missed", "<i8"),
        ("reserved", "<i8", (2,)),
    ]
)
STAMP = np.dtype([("value", "<i8")])

assert TAPE.itemsize == 64
assert STAMP.itemsize == 8

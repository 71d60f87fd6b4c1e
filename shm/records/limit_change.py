"""Limit change: one word of a row of limits that risk_gate took over, as journalled before it decides by it.

Writer: risk_gate (its journal, JOURNAL_LIMITS, an entry for each changed word of a row). Readers: cold roles, and
risk_gate itself when it starts again. One cache line.

off  size  type   field           meaning
---  ----  -----  --------------  ----------------------------------------
  0     8  i8     before          value decided by so far
  8     8  i8     after           value from now on
 16     8  i8     version_before  version of the row so far
 24     8  i8     version         version of the row from now on
 32     8  i8     expires_ns      logic time at which it ends by itself; 0 stays
 40     8  i8     now_ns          logic time; of a change found at a start, that of the last decision before
 48     4  i4     row             row of `limits`
 52     2  u2     field           number of the word in the row (order of shm/records/limits.py)
 54     1  u1     cause           LIMIT_TAKEN, LIMIT_EXPIRED
 55     1  u1     reserved0       zero
 56     8  i8     reserved        zero
"""

import numpy as np

LIMIT_CHANGE = np.dtype(
    [
        ("before", "<i8"),
        ("after", "<i8"),
        ("version_before", "<i8"),
        ("version", "<i8"),
        ("expires_ns", "<i8"),
        ("now_ns", "<i8"),
        ("row", "<i4"),
        ("field", "<u2"),
        ("cause", "u1"),
        ("reserved0", "u1"),
        ("reserved", "<i8"),
    ]
)

LIMIT_TAKEN = 1  # a newer version of the row was there
LIMIT_EXPIRED = 2  # an override ended

assert LIMIT_CHANGE.itemsize == 64
assert LIMIT_CHANGE.fields["row"][1] == 48

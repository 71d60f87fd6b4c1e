"""ErrorRow: one distinct error of an instance: how often, when, and with which numbers last.

Writer: the instance's hot thread (rows 0..47) and its control thread (rows 48..63). Readers: status. One line.

off  size  type   field     meaning
---  ----  -----  --------  ----------------------------------------
  0     8  i8     code      ERROR_* (shm/error_log.py); 0 is a free row
  8     8  i8     count     occurrences
 16     8  i8     first_ns  stamp of the first
 24     8  i8     last_ns   stamp of the last
 32     8  i8     detail_a  number that explains the last one
 40     8  i8     detail_b  second number
 48    16  i8x2   reserved  zero
"""

import numpy as np

ERROR_ROW = np.dtype(
    [
        ("code", "<i8"),
        ("count", "<i8"),
        ("first_ns", "<i8"),
        ("last_ns", "<i8"),
        ("detail_a", "<i8"),
        ("detail_b", "<i8"),
        ("reserved", "<i8", (2,)),
    ]
)

assert ERROR_ROW.itemsize == 64
assert ERROR_ROW.fields["reserved"][1] == 48

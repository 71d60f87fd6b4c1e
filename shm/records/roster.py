"""Roster: which life of a fabric is current, who made it, and with which configuration.

One object `/quintet.<name>` per fabric; this record follows the segment header, `blob_bytes` bytes of JSON follow it.
Writer: the fabric step, under the object's lock. Readers: status, whoever looks for the current epoch. One line.

off  size  type   field             meaning
---  ----  -----  ----------------  ----------------------------------------
  0     8  i8     epoch             current life
  8     8  i8     creator_pid       process that made it
 16     8  i8     creator_start_ns  start time of that process, /proc/<pid>/stat, clock ticks * 10^7
 24     8  i8     created_ns        CLOCK_REALTIME
 32     8  i8     blob_bytes        used bytes of the effective configuration
 40    24  i8x3   reserved          zero
"""

import numpy as np

ROSTER = np.dtype(
    [
        ("epoch", "<i8"),
        ("creator_pid", "<i8"),
        ("creator_start_ns", "<i8"),
        ("created_ns", "<i8"),
        ("blob_bytes", "<i8"),
        ("reserved", "<i8", (3,)),
    ]
)

assert ROSTER.itemsize == 64
assert ROSTER.fields["reserved"][1] == 40

ROSTER_OFFSET = 512
ROSTER_BLOB_OFFSET = ROSTER_OFFSET + ROSTER.itemsize
ROSTER_BLOB_BYTES_MAX = 65536  # the demo's whole configuration is under 10 KiB

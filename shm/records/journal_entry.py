"""JournalEntry: the head of every journal entry, in memory and on disk; the payload follows it.

Writer: the journal's one writer. Readers: its copier, recovery, readers behind. One cache line, then payload_bytes.

off  size  type   field          meaning
---  ----  -----  -------------  ----------------------------------------
  0     8  i8     journal_seq    sequence + 1; stored last, with release
  8     8  i8     stamp_ns       latency time of the append
 16     8  i8     now_ns         logic time of the append
 24     8  i8     crc            CRC32C over all other words but reserved, and the payload
 32     8  i8     prev_crc       crc of the entry before; 0 for the first
 40     4  i4     kind           JOURNAL_* (shm/codes.py)
 44     4  i4     payload_bytes  used bytes of the payload
 48     8  i8     epoch          epoch in which it was written
 56     8  i8     reserved       zero
"""

import numpy as np

JOURNAL_ENTRY = np.dtype(
    [
        ("journal_seq", "<i8"),
        ("stamp_ns", "<i8"),
        ("now_ns", "<i8"),
        ("crc", "<i8"),
        ("prev_crc", "<i8"),
        ("kind", "<i4"),
        ("payload_bytes", "<i4"),
        ("epoch", "<i8"),
        ("reserved", "<i8"),
    ]
)

assert JOURNAL_ENTRY.itemsize == 64
assert JOURNAL_ENTRY.fields["reserved"][1] == 56

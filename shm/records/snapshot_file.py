"""SnapshotFile: the first line of a snapshot on disk; what was kept follows it, from byte 64 to the end.

Writer: the role whose journal it shortens. Reader: the same role's recovery. One line. The file's name is `next_seq` in
twenty digits. `chain_crc` ties it to one journal: it is the crc of the last entry that the snapshot contains.

off  size  type   field        meaning
---  ----  -----  -----------  ---------------------------------------------------
  0     8  i8     magic        SNAPSHOT_FILE_MAGIC
  8     8  i8     next_seq     first journal entry that it does not contain
 16     8  i8     chain_crc    crc of entry next_seq - 1
 24     8  i8     layout       what follows, and in which layout: a number of the role's
 32     8  i8     body_bytes   bytes that follow
 40     8  i8     body_crc     zlib.crc32 of them
 48     8  i8     created_ns   CLOCK_REALTIME
 56     8  i8     crc          zlib.crc32 of the 56 bytes before
"""

import numpy as np

SNAPSHOT_FILE = np.dtype(
    [
        ("magic", "<i8"),
        ("next_seq", "<i8"),
        ("chain_crc", "<i8"),
        ("layout", "<i8"),
        ("body_bytes", "<i8"),
        ("body_crc", "<i8"),
        ("created_ns", "<i8"),
        ("crc", "<i8"),
    ]
)

assert SNAPSHOT_FILE.itemsize == 64
assert SNAPSHOT_FILE.fields["crc"][1] == 56

SNAPSHOT_FILE_MAGIC = 0x51554554534E5001  # "QUETSNP", a version byte

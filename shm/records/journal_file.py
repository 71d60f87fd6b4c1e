"""JournalFile: the first line of every journal file on disk; entries follow from byte 512.

Writer: the copier, when it makes the file. Readers: recovery, readers of the journal. One line. The file's name is
its first sequence in twenty digits; its entries are laid out as in memory (records/journal_entry.py).

off  size  type   field        meaning
---  ----  -----  -----------  ---------------------------------------------------
  0     8  i8     magic        JOURNAL_FILE_MAGIC
  8     8  i8     entry_bytes  size of one entry, head and payload
 16     8  i8     entries      room of this file, entries
 24     8  i8     first_seq    sequence of its first entry
 32     8  i8     prev_crc     crc of entry first_seq - 1; 0 for the first
 40     8  i8     created_ns   CLOCK_REALTIME
 48     8  i8     reserved     zero
 56     8  i8     crc          zlib.crc32 of the 56 bytes before
"""

import numpy as np

JOURNAL_FILE = np.dtype(
    [
        ("magic", "<i8"),
        ("entry_bytes", "<i8"),
        ("entries", "<i8"),
        ("first_seq", "<i8"),
        ("prev_crc", "<i8"),
        ("created_ns", "<i8"),
        ("reserved", "<i8"),
        ("crc", "<i8"),
    ]
)

assert JOURNAL_FILE.itemsize == 64
assert JOURNAL_FILE.fields["crc"][1] == 56

JOURNAL_FILE_MAGIC = 0x515545544A524E01  # "QUETJRN", a version byte
JOURNAL_FILE_ENTRIES_OFFSET = 512

"""JournalEnd: the writer's private view of its journal. Lives in the private memory of its process, never in a segment.

Writer and reader: the hot thread that appends. Two cache lines.

off  size  type   field              meaning
---  ----  -----  -----------------  -----------------------------------------------------------------
  0     8  i8     entries_addr       address of entry slot 0
  8     8  i8     entry_bytes        size of a slot: head and payload, a multiple of 64
 16     8  i8     mask               capacity - 1
 24     8  i8     capacity           slots, a power of two
 32     8  i8     next_seq           sequence of the next entry, the tail
 40     8  i8     watermark_cached   last seen watermark
 48     8  i8     prev_crc           crc of entry next_seq - 1
 56     8  i8     epoch              epoch that is written into entries
 64     8  i8     payload_bytes_max  room for the payload of one entry
 72     8  i8     watermark_addr     address of the copier's line: watermark_seq, failed
 80     8  i8     start_addr         address of the start line: started, first_seq, first_prev_crc
 88     8  i8     refusals           claims answered with 0
 96    32  i8x4   reserved           zero
"""

import numpy as np

JOURNAL_END = np.dtype(
    [
        ("entries_addr", "<i8"),
        ("entry_bytes", "<i8"),
        ("mask", "<i8"),
        ("capacity", "<i8"),
        ("next_seq", "<i8"),
        ("watermark_cached", "<i8"),
        ("prev_crc", "<i8"),
        ("epoch", "<i8"),
        ("payload_bytes_max", "<i8"),
        ("watermark_addr", "<i8"),
        ("start_addr", "<i8"),
        ("refusals", "<i8"),
        ("reserved", "<i8", (4,)),
    ]
)

assert JOURNAL_END.itemsize == 128
assert JOURNAL_END.fields["reserved"][1] == 96

# offsets inside the journal object (drawn in shm/journal.py)
JOURNAL_WATERMARK_OFFSET = 512
JOURNAL_FAILED_OFFSET = 520
JOURNAL_START_OFFSET = 576
JOURNAL_ENTRIES_OFFSET = 1024
JOURNAL_HEAD_BYTES = 64


def journal_entry_bytes(payload_bytes_max: int) -> int:
    """Size of one slot, in memory and on disk: the head's line and the payload rounded up to whole lines."""
    return JOURNAL_HEAD_BYTES + (payload_bytes_max + 63) // 64 * 64


def journal_bytes(payload_bytes_max: int, capacity: int) -> int:
    """Size of the journal object, segment header included."""
    return JOURNAL_ENTRIES_OFFSET + capacity * journal_entry_bytes(payload_bytes_max)

"""RingEnd: one side's private view of a ring. Lives in the private memory of its process, never in a segment.

Writer and reader: the process that owns this side. One record is two cache lines.

off  size  type   field           meaning
---  ----  -----  --------------  ---------------------------------------------------------------------------
  0     8  i8     slots_addr      address of slot 0 in the data object
  8     8  i8     slot_bytes      size of one record
 16     8  i8     mask            capacity - 1
 24     8  i8     capacity        slots, a power of two
 32     8  i8     next_seq        producer: next sequence to publish; consumer: next sequence to read
 40     8  i8     head_cached     producer: last seen head_seq; consumer: last stored head_seq
 48     8  i8     head_addr       address of head_seq in the head object
 56     8  i8     stats_addr      address of high_water, refusals in the data object; producer only
 64     8  i8     high_water      producer: greatest depth seen, records; a sample below capacity / 8
 72     8  i8     refusals        producer: claims answered with 0
 80     8  i8     behind_addr     address of the behind word in the data object
 88     8  i8     caught_up_addr  address of caught_up_seq in the head object
 96     8  i8     behind          producer: 1 while records are left out
104     8  i8     next_addr       address of the slot of next_seq; both move together, in shm/ring.py only
112    16  i8x2   reserved        zero
"""

import numpy as np

RING_END = np.dtype(
    [
        ("slots_addr", "<i8"),
        ("slot_bytes", "<i8"),
        ("mask", "<i8"),
        ("capacity", "<i8"),
        ("next_seq", "<i8"),
        ("head_cached", "<i8"),
        ("head_addr", "<i8"),
        ("stats_addr", "<i8"),
        ("high_water", "<i8"),
        ("refusals", "<i8"),
        ("behind_addr", "<i8"),
        ("caught_up_addr", "<i8"),
        ("behind", "<i8"),
        ("next_addr", "<i8"),
        ("reserved", "<i8", (2,)),
    ]
)

assert RING_END.itemsize == 128

# offsets inside the two shared objects (drawn in shm/ring.py)
RING_STATS_OFFSET = 512
RING_BEHIND_OFFSET = 576
RING_SLOTS_OFFSET = 1024
RING_HEAD_OFFSET = 512
RING_CAUGHT_UP_OFFSET = 576
RING_HEAD_BYTES = 1024

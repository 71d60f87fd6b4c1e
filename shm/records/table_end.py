"""TableEnd: a private view of a latest table. Lives in the private memory of its process, never in a segment.

Writer and reader: the process that attached. One record is one cache line.

off  size  type   field        meaning
---  ----  -----  -----------  ---------------------------------------------------------------------
  0     8  i8     rows_addr    address of row 0
  8     8  i8     stride       bytes from row to row: 64 + 2 * copy_bytes
 16     8  i8     copy_bytes   size of one copy, the record's size
 24     8  i8     rows         number of rows
 32    32  i8x4   reserved     zero
"""

import numpy as np

TABLE_END = np.dtype(
    [
        ("rows_addr", "<i8"),
        ("stride", "<i8"),
        ("copy_bytes", "<i8"),
        ("rows", "<i8"),
        ("reserved", "<i8", (4,)),
    ]
)

assert TABLE_END.itemsize == 64

LATEST_ROWS_OFFSET = 512
LATEST_VERSION_BYTES = 64


def latest_stride(record_bytes: int) -> int:
    """Bytes from row to row of a latest table of records of `record_bytes`."""
    return LATEST_VERSION_BYTES + 2 * record_bytes

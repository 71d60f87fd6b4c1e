"""Frame: one datagram or one piece of a byte stream, in private memory beside its bytes.

Writer and reader: one role (`poll_in` and `step`, or `step` and `poll_out`). Row i describes `frame_bytes[i]`, a row of
FRAME_BYTES uint8. One record is half a cache line.

off  size  type   field      meaning
---  ----  -----  ---------  ----------------------------------------
  0     8  i8     stamp_ns   latency time: return of the receive call
  8     8  i8     size       bytes used
 16     4  i4     line       which socket (index in the role's io array)
 20     4  i4     flags      FRAME_FLAG_*
 24     8  i8     kernel_ns  kernel's receive stamp (wall clock); 0 when the backend has none
"""

import numpy as np

FRAME = np.dtype(
    [
        ("stamp_ns", "<i8"),
        ("size", "<i8"),
        ("line", "<i4"),
        ("flags", "<i4"),
        ("kernel_ns", "<i8"),
    ]
)

assert FRAME.itemsize == 32

FRAME_BYTES = 2048  # one Ethernet frame without jumbo payloads, and a power of two
FRAME_FLAG_CLOSED = 1  # the peer closed the stream
FRAME_FLAG_TRUNCATED = 2  # the datagram was longer than FRAME_BYTES: the rest is lost, refuse it

"""Histogram: the head of one latency histogram; its counts follow in memory.

Writer: the hot thread of its instance. Readers: status, bench. Two cache lines, then HISTOGRAM_BUCKETS int64 counts.
Buckets are log-linear as in HdrHistogram: 64 to each power of two, so a value is kept to 1.6 %.

off  size  type   field     meaning
---  ----  -----  --------  ----------------------------------------
  0     8  i8     count     values recorded
  8     8  i8     sum_ns    their sum
 16     8  i8     min_ns    smallest; 0 before the first
 24     8  i8     max_ns    greatest
 32    64  S64    label     what is measured, `feed_handler->strategy` for a hop
 96    32  i8x4   reserved  zero
"""

import numpy as np

HISTOGRAM = np.dtype(
    [
        ("count", "<i8"),
        ("sum_ns", "<i8"),
        ("min_ns", "<i8"),
        ("max_ns", "<i8"),
        ("label", "S64"),
        ("reserved", "<i8", (4,)),
    ]
)

assert HISTOGRAM.itemsize == 128
assert HISTOGRAM.fields["reserved"][1] == 96

HISTOGRAM_SUB_BITS = 6
HISTOGRAM_MAGNITUDES = 36  # up to 2^42 ns, 73 minutes; greater values fall into the last bucket
HISTOGRAM_BUCKETS = (1 << HISTOGRAM_SUB_BITS) * (HISTOGRAM_MAGNITUDES + 1)
HISTOGRAM_BYTES = 128 + HISTOGRAM_BUCKETS * 8

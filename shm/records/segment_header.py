"""SegmentHeader: the first 512 bytes of every shared-memory object.

Writer: the fabric step; the owner writes its line at attach. `ready` is stored last, with release. Readers: all.

off  size  type   field           meaning
---  ----  -----  --------------  ----------------------------------------
  0     8  i8     magic           SEGMENT_MAGIC
  8     8  i8     header_version  SEGMENT_HEADER_VERSION
 16     8  i8     kind            SEGMENT_KIND_*
 24     8  i8     record_bytes    size of one record
 32     8  i8     capacity        records, rows or words
 40     8  i8     total_bytes     size of the object
 48     8  i8     epoch           life of the fabric that made it
 56     8  i8     created_ns      CLOCK_REALTIME
 64    32  S32    fingerprint     SHA-256 of the record's dtype description
 96    32  S32    build           SHA-256 of the sources that made it
128    96  S96    object_name     object name after the epoch, for people
224    32  S32    owner           instance that may write it
256     8  i8     owner_pid       pid of the owner now; 0 before it attached; the owner's line
264     8  i8     owner_start_ns  start time of that process, /proc/<pid>/stat, clock ticks * 10^7
272     8  i8     owner_attached  number of times an owner attached
280    40  i8x5   owner_reserved  zero
320   184  i8x23  reserved        zero
504     8  i8     ready           SEGMENT_READY, stored last
"""

import numpy as np

SEGMENT_HEADER = np.dtype(
    [
        ("magic", "<i8"),
        ("header_version", "<i8"),
        ("kind", "<i8"),
        ("record_bytes", "<i8"),
        ("capacity", "<i8"),
        ("total_bytes", "<i8"),
        ("epoch", "<i8"),
        ("created_ns", "<i8"),
        ("fingerprint", "S32"),
        ("build", "S32"),
        ("object_name", "S96"),
        ("owner", "S32"),
        ("owner_pid", "<i8"),
        ("owner_start_ns", "<i8"),
        ("owner_attached", "<i8"),
        ("owner_reserved", "<i8", (5,)),
        ("reserved", "<i8", (23,)),
        ("ready", "<i8"),
    ]
)

assert SEGMENT_HEADER.itemsize == 512
assert SEGMENT_HEADER.fields["reserved"][1] == 320

SEGMENT_MAGIC = 0x5145544E49555101  # "QUINTE" and a version byte, little-endian
SEGMENT_HEADER_VERSION = 1
SEGMENT_READY = 0x5245414459  # "READY"

SEGMENT_KIND_RING_DATA = 1
SEGMENT_KIND_RING_HEAD = 2
SEGMENT_KIND_LATEST = 3
SEGMENT_KIND_JOURNAL = 4
SEGMENT_KIND_INSTANCE = 5
SEGMENT_KIND_CLOCK = 6
SEGMENT_KIND_CONTROL = 7
SEGMENT_KIND_ROSTER = 8

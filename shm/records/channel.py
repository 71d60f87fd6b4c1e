"""Channel: whether one market-data channel may be believed.

Writer: feed_handler. Readers: risk_gate, the venue in driven time, cold roles (latest `channels`, a row per channel).
Two cache lines. Going stale the row is published twice: first with state STALE and stale_stamp_ns 0, then with the
stamp, so that whoever read FRESH did so before stale_stamp_ns.

off  size  type   field           meaning
---  ----  -----  --------------  ----------------------------------------
  0     8  i8     next_seq        next MoldUDP64 sequence expected; everything before it is in the books and published
  8     8  i8     heard_ns        logic time when any line last brought a packet, heartbeats included
 16     8  i8     stale_stamp_ns  latency time at which it last became stale
 24     8  i8     fresh_stamp_ns  latency time at which it last became fresh
 32     8  i8     stale_ns        total time spent stale since the start, latency time
 40     8  i8     gaps            times that it became stale because of a hole
 48     8  i8     recovered       messages delivered from retransmission
 56     8  i8     datagrams       datagrams received on all lines
 64     8  i8     messages        messages delivered in sequence
 72     8  i8     ahead_seq       highest sequence seen + 1; next_seq when nothing is missing
 80     1  u1     state           CHANNEL_*
 81     1  u1     lines           number of lines heard within the line's silence limit
 82     2  u2     reserved0       zero
 84     4  u4     reserved1       zero
 88    40  i8x5   reserved        zero
"""

import numpy as np

CHANNEL = np.dtype(
    [
        ("next_seq", "<i8"),
        ("heard_ns", "<i8"),
        ("stale_stamp_ns", "<i8"),
        ("fresh_stamp_ns", "<i8"),
        ("stale_ns", "<i8"),
        ("gaps", "<i8"),
        ("recovered", "<i8"),
        ("datagrams", "<i8"),
        ("messages", "<i8"),
        ("ahead_seq", "<i8"),
        ("state", "u1"),
        ("lines", "u1"),
        ("reserved0", "<u2"),
        ("reserved1", "<u4"),
        ("reserved", "<i8", (5,)),
    ]
)

assert CHANNEL.itemsize == 128
assert CHANNEL.fields["reserved"][1] == 88

"""Top: best bid and ask of one instrument with its trading state.

Writer: feed_handler. Readers: risk_gate, position_keeper, cold roles (latest `tops`, a row per instrument). One line.

off  size  type   field             meaning
---  ----  -----  ----------------  ----------------------------------------
  0     8  i8     bid_price_ticks   best bid; 0 when empty
  8     8  i8     bid_qty_lots      size at the best bid
 16     8  i8     ask_price_ticks   best ask; 0 when empty
 24     8  i8     ask_qty_lots      size at the best ask
 32     8  i8     last_price_ticks  last trade price; 0 before the first
 40     8  i8     changed_ns        logic time of the last message for this instrument; its age
 48     8  i8     venue_seq         sequence number of that message
 56     4  i4     channel_id        row of `channels`
 60     1  u1     trading_state     TRADING_*; 0 unknown, treated as halted
 61     1  u1     flags             TOP_FLAG_*, OR-ed
 62     2  u2     reserved          zero
"""

import numpy as np

TOP = np.dtype(
    [
        ("bid_price_ticks", "<i8"),
        ("bid_qty_lots", "<i8"),
        ("ask_price_ticks", "<i8"),
        ("ask_qty_lots", "<i8"),
        ("last_price_ticks", "<i8"),
        ("changed_ns", "<i8"),
        ("venue_seq", "<i8"),
        ("channel_id", "<i4"),
        ("trading_state", "u1"),
        ("flags", "u1"),
        ("reserved", "<u2"),
    ]
)

assert TOP.itemsize == 64
assert TOP.fields["reserved"][1] == 62

"""Fill: one execution, or the break or correction of one, as position_keeper applied it.

Writer: position_keeper (its journal). Readers: its own recovery, cold roles. Two cache lines. The payload of a
JOURNAL_FILL entry is a Fill, then the Position row as it is after it; that of a JOURNAL_SNAPSHOT is a Position alone.
`fee_micro`, the realised amounts and `spread_micro` say by how much the row changed: a break gives all of it back, and
a realised amount of a break or correction is what replaying the executions that stand made of the row.

off  size  type   field                meaning
---  ----  -----  -------------------  ----------------------------------------
  0     8  i8     report_seq           report that it came with
  8     8  i8     match_number         venue's match number
 16     8  i8     order_id             order that traded
 24     8  i8     intent_id            intent of that order
 32     8  i8     price_ticks          execution price; of a correction the new one
 40     8  i8     qty_lots             execution size; of a correction the new one
 48     8  i8     fee_micro            fee, negative for a rebate, micro-units
 56     8  i8     realised_micro       P&L that it realised by average cost, micro-units
 64     8  i8     spread_micro         earned against the mid when it was learnt, micro-units; 0 without one
 72     8  i8     mark_half_ticks      that mid, bid + ask; 0 not known
 80     8  i8     venue_ns             the venue's timestamp, nanoseconds since its midnight
 88     4  i4     instrument_id        row of `instruments`
 92     4  i4     strategy_id          row of the strategy
 96     1  u1     kind                 REPORT_EXECUTED, REPORT_BROKEN or REPORT_CORRECTED
 97     1  u1     side                 SIDE_* of our order
 98     1  u1     liquidity            LIQUIDITY_*; of a correction the new one
 99     1  u1     session_id           index of the venue session
100     4  u4     reserved0            zero
104     8  i8     fifo_realised_micro  P&L that it realised first in first out, micro-units; 0 while not usable
112    16  i8x2   reserved             zero
"""

import numpy as np

FILL = np.dtype(
    [
        ("report_seq", "<i8"),
        ("match_number", "<i8"),
        ("order_id", "<i8"),
        ("intent_id", "<i8"),
        ("price_ticks", "<i8"),
        ("qty_lots", "<i8"),
        ("fee_micro", "<i8"),
        ("realised_micro", "<i8"),
        ("spread_micro", "<i8"),
        ("mark_half_ticks", "<i8"),
        ("venue_ns", "<i8"),
        ("instrument_id", "<i4"),
        ("strategy_id", "<i4"),
        ("kind", "u1"),
        ("side", "u1"),
        ("liquidity", "u1"),
        ("session_id", "u1"),
        ("reserved0", "<u4"),
        ("fifo_realised_micro", "<i8"),
        ("reserved", "<i8", (2,)),
    ]
)

assert FILL.itemsize == 128
assert FILL.fields["reserved"][1] == 112

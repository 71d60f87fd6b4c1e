"""Ledger: what the venue itself says that one account did in one instrument; the oracle of every run.

Writer: venue. Readers: demo, tests, status (latest `ledger`, a row per instrument). Three cache lines.

off  size  type   field              meaning
---  ----  -----  -----------------  ----------------------------------------
  0     4  i4     instrument_id      row of `instruments`
  4     4  i4     reserved0          zero
  8     8  i8     position_lots      bought less sold
 16     8  i8     bought_lots        total bought
 24     8  i8     sold_lots          total sold
 32     8  i8     bought_micro       paid, micro-units, before fees
 40     8  i8     sold_micro         received, micro-units, before fees
 48     8  i8     fees_micro         fees less rebates
 56     8  i8     fills              executions
 64     8  i8     orders_accepted    orders accepted
 72     8  i8     orders_open        orders resting now
 80     8  i8     orders_rejected    entries refused
 88     8  i8     orders_canceled    orders cancelled
 96     8  i8     last_match_number  last execution's match number
104     8  i8     now_ns             logic time of the last change
112     8  i8     added_lots         of bought and sold: lots that added liquidity
120     8  i8     added_micro        of bought and sold: their value
128     8  i8     added_fees_micro   of the fees: theirs
136    56  i8x7   reserved           zero
"""

import numpy as np

LEDGER = np.dtype(
    [
        ("instrument_id", "<i4"),
        ("reserved0", "<i4"),
        ("position_lots", "<i8"),
        ("bought_lots", "<i8"),
        ("sold_lots", "<i8"),
        ("bought_micro", "<i8"),
        ("sold_micro", "<i8"),
        ("fees_micro", "<i8"),
        ("fills", "<i8"),
        ("orders_accepted", "<i8"),
        ("orders_open", "<i8"),
        ("orders_rejected", "<i8"),
        ("orders_canceled", "<i8"),
        ("last_match_number", "<i8"),
        ("now_ns", "<i8"),
        ("added_lots", "<i8"),
        ("added_micro", "<i8"),
        ("added_fees_micro", "<i8"),
        ("reserved", "<i8", (7,)),
    ]
)

assert LEDGER.itemsize == 192
assert LEDGER.fields["reserved"][1] == 136

"""Pnl: one strategy's profit in one instrument, marked to the market.

Writer: position_keeper. Readers: risk_engine, cold roles (latest `pnl`, rows as `positions`). One line.

off  size  type   field             meaning
---  ----  -----  ----------------  ----------------------------------------
  0     8  i8     realised_micro    realised P&L before fees, micro-units of the currency
  8     8  i8     unrealised_micro  open position against the mark, micro-units
 16     8  i8     fees_micro        fees less rebates, micro-units
 24     8  i8     mark_half_ticks   mark: bid + ask, that is twice the mid in price ticks; 0 before the first
 32     8  i8     position_lots     position marked
 40     8  i8     now_ns            logic time of the mark
 48     8  i8     reports_seq       last report that the position contains
 56     8  i8     reserved          zero
"""

import numpy as np

PNL = np.dtype(
    [
        ("realised_micro", "<i8"),
        ("unrealised_micro", "<i8"),
        ("fees_micro", "<i8"),
        ("mark_half_ticks", "<i8"),
        ("position_lots", "<i8"),
        ("now_ns", "<i8"),
        ("reports_seq", "<i8"),
        ("reserved", "<i8"),
    ]
)

assert PNL.itemsize == 64
assert PNL.fields["reserved"][1] == 56

"""Position: what one strategy holds in one instrument, exactly.

Writer: position_keeper. Readers: strategy, risk_gate, risk_engine, cold roles (latest `positions`, row =
strategy_id * instruments + instrument_id). Two cache lines. Money is an integer in micro-units of the currency.
There is no stored average price: cost_micro over position_lots is exact. FIFO figures are in `pnl`.

off  size  type   field             meaning
---  ----  -----  ----------------  ----------------------------------------
  0     8  i8     reports_seq       last report applied to this row (report_seq of its order_sender)
  8     8  i8     position_lots     signed: long positive
 16     8  i8     cost_micro        signed cost of the open position (average-cost method), micro-units
 24     8  i8     realised_micro    realised P&L before fees, micro-units
 32     8  i8     fees_micro        fees paid less rebates received, micro-units
 40     8  i8     bought_lots       total bought
 48     8  i8     sold_lots         total sold
 56     8  i8     bought_micro      total paid for purchases, before fees
 64     8  i8     sold_micro        total received for sales, before fees
 72     8  i8     fills             executions applied
 80     8  i8     spread_micro      spread earned against the mid at each fill, micro-units
 88     8  i8     now_ns            logic time of the last report applied
 96     4  i4     instrument_id     row of `instruments`
100     4  i4     strategy_id       row of the strategy
104     8  i8     added_lots        of bought and sold: lots that added liquidity
112     8  i8     added_micro       of bought and sold: their value, micro-units
120     8  i8     added_fees_micro  of the fees: theirs, micro-units
"""

import numpy as np

POSITION = np.dtype(
    [
        ("reports_seq", "<i8"),
        ("position_lots", "<i8"),
        ("cost_micro", "<i8"),
        ("realised_micro", "<i8"),
        ("fees_micro", "<i8"),
        ("bought_lots", "<i8"),
        ("sold_lots", "<i8"),
        ("bought_micro", "<i8"),
        ("sold_micro", "<i8"),
        ("fills", "<i8"),
        ("spread_micro", "<i8"),
        ("now_ns", "<i8"),
        ("instrument_id", "<i4"),
        ("strategy_id", "<i4"),
        ("added_lots", "<i8"),
        ("added_micro", "<i8"),
        ("added_fees_micro", "<i8"),
    ]
)

assert POSITION.itemsize == 128
assert POSITION.fields["added_lots"][1] == 104

"""Total: what rows of `pnl` add up to for one scope in one currency. Amounts of two currencies are never added.

Writer: position_keeper. Readers: risk_engine, cold roles (latest `totals`). Three cache lines. A scope has a row for
each currency of the instruments: firm, then venue sessions, strategies; then a row for each instrument with a currency.
Lots of different instruments add up to a number of lots and to nothing else.

off  size  type   field                  meaning
---  ----  -----  ---------------------  ----------------------------------------
  0     8  i8     realised_micro         realised P&L before fees, average cost, micro-units of the currency
  8     8  i8     unrealised_micro       open positions at their marks less their average cost
 16     8  i8     fees_micro             fees less rebates
 24     8  i8     fifo_realised_micro    realised P&L before fees, first in first out
 32     8  i8     fifo_unrealised_micro  open positions at their marks less the cost of their open lots
 40     8  i8     spread_micro           spread earned against the mid at each fill
 48     8  i8     bought_micro           total paid for purchases, before fees
 56     8  i8     sold_micro             total received for sales, before fees
 64     8  i8     bought_lots            total bought
 72     8  i8     sold_lots              total sold
 80     8  i8     position_lots          bought less sold
 88     8  i8     fills                  executions that stand
 96     8  i8     added_lots             of bought and sold: lots that added liquidity
104     8  i8     added_micro            of bought and sold: their value
112     8  i8     added_fees_micro       of the fees: theirs
120     8  i8     fifo_unusable          rows whose FIFO figures are not usable; above 0 neither are these
128     8  i8     now_ns                 logic time of the last change
136     4  i4     scope                  TOTAL_*
140     4  i4     scope_id               session, strategy or instrument; 0 for the firm; -1 all others
144     4  i4     currency_id            place among the currencies in order of first appearance in instruments.toml
148     4  i4     reserved0              zero
152    40  i8x5   reserved               zero
"""

import numpy as np

TOTAL = np.dtype(
    [
        ("realised_micro", "<i8"),
        ("unrealised_micro", "<i8"),
        ("fees_micro", "<i8"),
        ("fifo_realised_micro", "<i8"),
        ("fifo_unrealised_micro", "<i8"),
        ("spread_micro", "<i8"),
        ("bought_micro", "<i8"),
        ("sold_micro", "<i8"),
        ("bought_lots", "<i8"),
        ("sold_lots", "<i8"),
        ("position_lots", "<i8"),
        ("fills", "<i8"),
        ("added_lots", "<i8"),
        ("added_micro", "<i8"),
        ("added_fees_micro", "<i8"),
        ("fifo_unusable", "<i8"),
        ("now_ns", "<i8"),
        ("scope", "<i4"),
        ("scope_id", "<i4"),
        ("currency_id", "<i4"),
        ("reserved0", "<i4"),
        ("reserved", "<i8", (5,)),
    ]
)

assert TOTAL.itemsize == 192
assert TOTAL.fields["now_ns"][1] == 128
assert TOTAL.fields["reserved"][1] == 152

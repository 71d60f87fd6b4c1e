"""Pnl: one strategy's profit in one instrument, by average cost and by FIFO, marked to the market.

Writer: position_keeper. Readers: risk_engine, cold roles (latest `pnl`, rows as `positions`). Three cache lines.
The first sixteen words add up (see records/total). Money is an integer in micro-units of the instrument's currency.
realised + unrealised is the same under both methods; before the first mid a position is worth its average cost.

off  size  type   field                  meaning
---  ----  -----  ---------------------  ----------------------------------------
  0     8  i8     realised_micro         realised P&L before fees, average cost
  8     8  i8     unrealised_micro       open position at the mark less its average cost
 16     8  i8     fees_micro             fees less rebates
 24     8  i8     fifo_realised_micro    realised P&L before fees, first in first out; 0 while not usable
 32     8  i8     fifo_unrealised_micro  open position at the mark less the cost of its open lots; 0 while not usable
 40     8  i8     spread_micro           spread earned against the mid at each fill
 48     8  i8     bought_micro           total paid for purchases, before fees
 56     8  i8     sold_micro             total received for sales, before fees
 64     8  i8     bought_lots            total bought
 72     8  i8     sold_lots              total sold
 80     8  i8     position_lots          position marked
 88     8  i8     fills                  executions that stand
 96     8  i8     added_lots             of bought and sold: lots that added liquidity
104     8  i8     added_micro            of bought and sold: their value
112     8  i8     added_fees_micro       of the fees: theirs
120     8  i8     fifo_unusable          1: no lot was free, FIFO figures are not usable until the position is flat
128     8  i8     cost_micro             signed average cost of the open position
136     8  i8     fifo_cost_micro        signed cost of the open lots; 0 while not usable
144     8  i8     mark_half_ticks        mark: bid + ask, that is twice the mid in price ticks; 0 before the first
152     8  i8     now_ns                 logic time of the mark
160     8  i8     reports_seq            last report that the position contains
168     4  i4     instrument_id          row of `instruments`
172     4  i4     strategy_id            row of the strategy
176    16  i8x2   reserved               zero
"""

import numpy as np

PNL = np.dtype(
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
        ("cost_micro", "<i8"),
        ("fifo_cost_micro", "<i8"),
        ("mark_half_ticks", "<i8"),
        ("now_ns", "<i8"),
        ("reports_seq", "<i8"),
        ("instrument_id", "<i4"),
        ("strategy_id", "<i4"),
        ("reserved", "<i8", (2,)),
    ]
)

SUMMED_WORDS = 16  # the leading words, the same in records/total
SUMMED = PNL.names[:SUMMED_WORDS]

assert PNL.itemsize == 192
assert PNL.fields["fifo_unusable"][1] == (SUMMED_WORDS - 1) * 8
assert PNL.fields["reserved"][1] == 176

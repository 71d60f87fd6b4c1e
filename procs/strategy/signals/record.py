"""SIGNALS: what the signals remember of one instrument, in private memory of the strategy process.

Distances are from the others' mid; `mid2` is twice the mid, so that it is whole. Times are logic time.

off  size  type   field         meaning
---  ----  -----  ------------  ----------------------------------------
  0     8  f8     flow_lots     signed traded size, decayed up to `flow_ns`
  8     8  i8     flow_ns       when the flow was last decayed; 0 before the first trade
 16     8  i8     sample_ns     when the mid was last sampled for volatility; 0 before the first
 24     8  i8     sample_mid2   that mid, twice
 32     8  f8     last_move     the last sampled move, price ticks
 40     8  f8     square_sum    decayed sum of bounce-corrected squares, squared price ticks
 48     8  f8     square_s      decayed sum of the seconds that they took
 56     8  i8     samples       moves sampled
 64     8  i8     cell          microprice cell of the last book, or -1: not learned there; valid when `cell_mid2` > 0
 72     8  i8     cell_sign     1 when bids were heavier, -1 when asks were, 0 when neither
 80     8  i8     cell_mid2     twice the mid of that book; 0 before the first
 88     8  i8     cell_lean     what the microprice added to that mid, millionths of a price tick
 96   120  i8x15  lean          expected drift of the mid in each cell, millionths of a price tick
216   120  i8x15  visits        how often each cell was left
336     8  i8     deepest_buy   greatest distance of the buyers' trades not yet counted, half steps; -1 none
344     8  i8     deepest_sell  the same for sellers
352   128  f8x16  reach         decayed number of market orders by the distance that they reached, half steps
480     8  f8     reach_s       decayed seconds of watching
488     8  i8     reach_ns      when both were last decayed; 0 before the first
496     8  i8     fitted_ns     when A and k were last fitted
504     8  i8     reserved      zero
"""

import numpy as np

LEAN_CELLS = 15  # three spreads (1, 2, 3 quoting steps) by five strengths of imbalance
REACH_BUCKETS = 16  # half steps: eight quoting steps from the mid; what reaches farther counts as the last

SIGNALS = np.dtype(
    [
        ("flow_lots", "<f8"),
        ("flow_ns", "<i8"),
        ("sample_ns", "<i8"),
        ("sample_mid2", "<i8"),
        ("last_move", "<f8"),
        ("square_sum", "<f8"),
        ("square_s", "<f8"),
        ("samples", "<i8"),
        ("cell", "<i8"),
        ("cell_sign", "<i8"),
        ("cell_mid2", "<i8"),
        ("cell_lean", "<i8"),
        ("lean", "<i8", (LEAN_CELLS,)),
        ("visits", "<i8", (LEAN_CELLS,)),
        ("deepest_buy", "<i8"),
        ("deepest_sell", "<i8"),
        ("reach", "<f8", (REACH_BUCKETS,)),
        ("reach_s", "<f8"),
        ("reach_ns", "<i8"),
        ("fitted_ns", "<i8"),
        ("reserved", "<i8"),
    ]
)

assert SIGNALS.itemsize == 512
assert SIGNALS.fields["deepest_buy"][1] == 336


def new_signals(rows: int) -> np.ndarray:
    """A record for each instrument that has seen nothing."""
    signals = np.zeros(rows, SIGNALS)
    signals["deepest_buy"] = -1
    signals["deepest_sell"] = -1
    return signals

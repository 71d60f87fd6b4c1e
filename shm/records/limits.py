"""Limits: the pre-trade limits of one scope row. Zero means none allowed: a zero-filled row rejects everything.

Writer: the fabric step and `quintet` (one writer at a time, under the roster's lock). Readers: risk_gate, cold roles
(latest `limits`; rows: instruments first, then strategies, then one firm row). Two cache lines. A limit that has no
meaning for a scope holds LIMIT_NONE, written out, never zero.

off  size  type   field                   meaning
---  ----  -----  ----------------------  ----------------------------------------
  0     8  i8     qty_lots_max            greatest size of one order (instrument)
  8     8  i8     notional_micro_max      greatest price * size of one order (instrument)
 16     8  i8     collar_bps              greatest distance from the reference price, basis points (instrument)
 24     8  i8     position_lots_max       greatest worst-case position a side, open orders counted (instrument)
 32     8  i8     strategy_lots_max       the same for one strategy in one instrument (strategy)
 40     8  i8     open_orders_max         greatest number of open orders (instrument, strategy, firm)
 48     8  i8     rate_orders_max         new orders and replaces in one window (strategy, firm)
 56     8  i8     rate_window_ns          length of that window, logic time (strategy, firm)
 64     8  i8     age_ns_max              greatest age of the instrument's top before it is no reference (instrument)
 72     8  i8     channel_silence_ns_max  greatest silence of its channel (instrument)
 80     8  i8     version                 counts changes; written into every decision
 88    40  i8x5   reserved                zero
"""

import numpy as np

LIMITS = np.dtype(
    [
        ("qty_lots_max", "<i8"),
        ("notional_micro_max", "<i8"),
        ("collar_bps", "<i8"),
        ("position_lots_max", "<i8"),
        ("strategy_lots_max", "<i8"),
        ("open_orders_max", "<i8"),
        ("rate_orders_max", "<i8"),
        ("rate_window_ns", "<i8"),
        ("age_ns_max", "<i8"),
        ("channel_silence_ns_max", "<i8"),
        ("version", "<i8"),
        ("reserved", "<i8", (5,)),
    ]
)

assert LIMITS.itemsize == 128
assert LIMITS.fields["reserved"][1] == 88

LIMIT_NONE = (1 << 62) - 1  # "this scope does not limit it", said aloud

"""Depth: five price levels a side of one instrument, best first.

Writer: feed_handler. Readers: strategy, cold roles (latest `depth`, a row per instrument). Six cache lines.

off  size  type   field             meaning
---  ----  -----  ----------------  ----------------------------------------
  0    40  i8x5   bid_price_ticks   prices; 0 where there is no such level
 40    40  i8x5   bid_qty_lots      total displayed size
 80    40  i8x5   bid_orders        number of orders
120    40  i8x5   ask_price_ticks   prices; 0 where there is no such level
160    40  i8x5   ask_qty_lots      total displayed size
200    40  i8x5   ask_orders        number of orders
240     8  i8     venue_seq         sequence number of the message that made it
248     8  i8     publish_stamp_ns  just before publication
256     8  i8     venue_ns          the venue's timestamp
264     8  i8     now_ns            logic time of publication
272     8  i8     levels            5, the number of levels a side
280     8  i8     trading_state     TRADING_*
288    96  i8x12  reserved          zero
"""

import numpy as np

DEPTH = np.dtype(
    [
        ("bid_price_ticks", "<i8", (5,)),
        ("bid_qty_lots", "<i8", (5,)),
        ("bid_orders", "<i8", (5,)),
        ("ask_price_ticks", "<i8", (5,)),
        ("ask_qty_lots", "<i8", (5,)),
        ("ask_orders", "<i8", (5,)),
        ("venue_seq", "<i8"),
        ("publish_stamp_ns", "<i8"),
        ("venue_ns", "<i8"),
        ("now_ns", "<i8"),
        ("levels", "<i8"),
        ("trading_state", "<i8"),
        ("reserved", "<i8", (12,)),
    ]
)

assert DEPTH.itemsize == 384
assert DEPTH.fields["reserved"][1] == 288

DEPTH_LEVELS = 5

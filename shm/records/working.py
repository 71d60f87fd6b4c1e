"""Working: one open order as order_sender knows it.

Writer: order_sender. Readers: cold roles, and order_sender itself after a restart (latest `working`, a row per slot).
Two cache lines. A row with order_id 0 is free.

off  size  type   field            meaning
---  ----  -----  ---------------  ----------------------------------------
  0     8  i8     order_id         0: the row is free
  8     8  i8     intent_id        intent that made it
 16     8  i8     user_ref_num     venue session's reference
 24     8  i8     venue_order_ref  venue's order reference; 0 before acceptance
 32     8  i8     price_ticks      resting price
 40     8  i8     qty_lots         order size
 48     8  i8     leaves_lots      open size
 56     8  i8     cum_lots         executed size
 64     8  i8     send_stamp_ns    when its bytes were handed to send
 72     8  i8     now_ns           logic time of the last change
 80     4  i4     instrument_id    row of `instruments`
 84     4  i4     strategy_id      row of the strategy
 88     1  u1     state            ORDER_STATE_* (procs/order_sender)
 89     1  u1     side             SIDE_*
 90     2  u2     reserved0        zero
 92     4  u4     reserved1        zero
 96    32  i8x4   reserved         zero
"""

import numpy as np

WORKING = np.dtype(
    [
        ("order_id", "<i8"),
        ("intent_id", "<i8"),
        ("user_ref_num", "<i8"),
        ("venue_order_ref", "<i8"),
        ("price_ticks", "<i8"),
        ("qty_lots", "<i8"),
        ("leaves_lots", "<i8"),
        ("cum_lots", "<i8"),
        ("send_stamp_ns", "<i8"),
        ("now_ns", "<i8"),
        ("instrument_id", "<i4"),
        ("strategy_id", "<i4"),
        ("state", "u1"),
        ("side", "u1"),
        ("reserved0", "<u2"),
        ("reserved1", "<u4"),
        ("reserved", "<i8", (4,)),
    ]
)

assert WORKING.itemsize == 128
assert WORKING.fields["reserved"][1] == 96

"""OrderRow: one order as order_sender knows it, in private memory; the journal rebuilds it after a crash.

Writer and reader: the hot thread. Four cache lines. A row keeps its order after it closed, until its slot is the oldest
closed one and is needed: answers that crossed on the wire still find it.

off  size  type   field            meaning
---  ----  -----  ---------------  ----------------------------------------
  0     8  i8     order_id         0: never used
  8     8  i8     intent_id        intent that made it
 16     8  i8     user_ref_num     venue session's reference
 24     8  i8     venue_order_ref  venue's order reference; 0 before acceptance
 32     8  i8     match_number     of the last execution; 0 before the first
 40     8  i8     price_ticks      resting price
 48     8  i8     qty_lots         total size, executed included
 56     8  i8     leaves_lots      open size
 64     8  i8     cum_lots         executed size; a replacement carries on its original's
 72     8  i8     now_ns           logic time of the last change
 80     8  i8     recv_stamp_ns    datagram that caused the order
 88     8  i8     tick_stamp_ns    tick published
 96     8  i8     decide_stamp_ns  intent published
104     8  i8     pass_stamp_ns    gate decision
112     8  i8     order_stamp_ns   order published by the gate
120     8  i8     send_stamp_ns    just before its bytes were handed to send
128     8  i8     old_order_id     of the order that this one replaces; 0 for a new order
136     8  i8     old_intent_id    intent of that order
144     8  i8     original         slot of that order; -1 for a new order
152     8  i8     replacement      slot of the unanswered replacement of this order; -1 when there is none
160     8  i8     working_row      row of `working`; -1 when it has none
168     8  i8     cancel_asked     1 from the first cancel until the venue refuses it
176     8  i8     cancel_due       1 while that cancel's bytes are not yet encoded on this connection
184     4  i4     instrument_id    row of `instruments`
188     4  i4     strategy_id      row of the strategy
192     1  u1     state            ORDER_STATE_* (life_cycle.py)
193     1  u1     side             SIDE_*
194     1  u1     tif              TIF_*
195     1  u1     kind             INTENT_NEW or INTENT_REPLACE
196     4  u4     reserved0        zero
200     8  i8     reduce_to        total size asked for by an unanswered reduce; 0 when there is none
208     8  i8     reduce_due       1 while that reduce's bytes are not yet encoded on this connection
216    40  i8x5   reserved         zero
"""

import numpy as np

ORDER_ROW = np.dtype(
    [
        ("order_id", "<i8"),
        ("intent_id", "<i8"),
        ("user_ref_num", "<i8"),
        ("venue_order_ref", "<i8"),
        ("match_number", "<i8"),
        ("price_ticks", "<i8"),
        ("qty_lots", "<i8"),
        ("leaves_lots", "<i8"),
        ("cum_lots", "<i8"),
        ("now_ns", "<i8"),
        ("recv_stamp_ns", "<i8"),
        ("tick_stamp_ns", "<i8"),
        ("decide_stamp_ns", "<i8"),
        ("pass_stamp_ns", "<i8"),
        ("order_stamp_ns", "<i8"),
        ("send_stamp_ns", "<i8"),
        ("old_order_id", "<i8"),
        ("old_intent_id", "<i8"),
        ("original", "<i8"),
        ("replacement", "<i8"),
        ("working_row", "<i8"),
        ("cancel_asked", "<i8"),
        ("cancel_due", "<i8"),
        ("instrument_id", "<i4"),
        ("strategy_id", "<i4"),
        ("state", "u1"),
        ("side", "u1"),
        ("tif", "u1"),
        ("kind", "u1"),
        ("reserved0", "<u4"),
        ("reduce_to", "<i8"),
        ("reduce_due", "<i8"),
        ("reserved", "<i8", (5,)),
    ]
)

assert ORDER_ROW.itemsize == 256
assert ORDER_ROW.fields["reserved"][1] == 216

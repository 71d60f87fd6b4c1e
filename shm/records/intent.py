"""Intent: what a strategy wants to do with one order.

Writer: strategy. Reader: risk_gate (rings `intents.*`). Two cache lines.
A cancel or replace names its target by the intent id of the entry that made the order (`target_intent_id`): a strategy
can pull an order before any answer to it. A replace makes an order under its own new intent id; a reduce names an order
and leaves it as it is but for its size.

off  size  type   field             meaning
---  ----  -----  ----------------  ----------------------------------------
  0     8  i8     ring_seq          written by the ring only
  8     8  i8     intent_id         unique for ever; from the strategy's id block
 16     8  i8     target_intent_id  REPLACE, REDUCE, CANCEL: intent id of the order meant; NEW: 0
 24     8  i8     cause_seq         ring sequence of the input record that caused it
 32     8  i8     price_ticks       limit price; REDUCE, CANCEL: 0
 40     8  i8     qty_lots          NEW: size; REPLACE, REDUCE: new total size (OUCH: with what executed); CANCEL: 0
 48     8  i8     expires_ns        logic time after which it must die unsent; REDUCE and CANCEL never expire
 56     8  i8     now_ns            logic time of the decision
 64     8  i8     recv_stamp_ns     from the tick that caused it; 0 when no tick did
 72     8  i8     tick_stamp_ns     publish stamp of that tick
 80     8  i8     decide_stamp_ns   just before publication; the hop to risk_gate starts here
 88     4  i4     instrument_id     row of `instruments`
 92     4  i4     strategy_id       row of the strategy, from 0 in topology order
 96     1  u1     kind              INTENT_*
 97     1  u1     side              SIDE_*
 98     1  u1     tif               TIF_*
 99     1  u1     cause_ring        index of the input ring of `cause_seq`
100     2  u2     part              this is part k, from 0, of the cause's outputs
102     2  u2     parts             number of parts of the cause's outputs
104     8  i8     reduce_only       1: as under REDUCING, whatever the state
112    16  i8x2   reserved          zero
"""

import numpy as np

INTENT = np.dtype(
    [
        ("ring_seq", "<i8"),
        ("intent_id", "<i8"),
        ("target_intent_id", "<i8"),
        ("cause_seq", "<i8"),
        ("price_ticks", "<i8"),
        ("qty_lots", "<i8"),
        ("expires_ns", "<i8"),
        ("now_ns", "<i8"),
        ("recv_stamp_ns", "<i8"),
        ("tick_stamp_ns", "<i8"),
        ("decide_stamp_ns", "<i8"),
        ("instrument_id", "<i4"),
        ("strategy_id", "<i4"),
        ("kind", "u1"),
        ("side", "u1"),
        ("tif", "u1"),
        ("cause_ring", "u1"),
        ("part", "<u2"),
        ("parts", "<u2"),
        ("reduce_only", "<i8"),
        ("reserved", "<i8", (2,)),
    ]
)

assert INTENT.itemsize == 128
assert INTENT.fields["reserved"][1] == 112

"""Order: an intent that passed the risk gate; an instruction to the venue session.

Writer: risk_gate. Reader: order_sender (rings `orders.*`). Three cache lines.

off  size  type   field             meaning
---  ----  -----  ----------------  ----------------------------------------
  0     8  i8     ring_seq          written by the ring only
  8     8  i8     order_id          NEW, REPLACE: unique for ever, from the gate's id block; REDUCE, CANCEL: 0
 16     8  i8     target_order_id   REPLACE, REDUCE, CANCEL: order id of the order meant; NEW: 0
 24     8  i8     intent_id         intent that this answers; gate's own cancels: the cancelled order's intent id
 32     8  i8     target_intent_id  as in the intent
 40     8  i8     cause_seq         ring sequence of the intent
 48     8  i8     price_ticks       limit price; REDUCE, CANCEL: 0
 56     8  i8     qty_lots          NEW: size; REPLACE, REDUCE: new total size; CANCEL: 0
 64     8  i8     expires_ns        logic time after which it must die unsent; REDUCE and CANCEL never expire
 72     8  i8     now_ns            logic time of the gate's decision
 80     8  i8     recv_stamp_ns     datagram received
 88     8  i8     tick_stamp_ns     tick published
 96     8  i8     decide_stamp_ns   intent published
104     8  i8     pass_stamp_ns     gate decision: taken before the channel's state was read
112     8  i8     publish_stamp_ns  just before publication; the hop to order_sender starts here
120     8  i8     limits_version    version of the limits row that it passed
128     4  i4     instrument_id     row of `instruments`
132     4  i4     strategy_id       row of the strategy
136     1  u1     kind              INTENT_*
137     1  u1     side              SIDE_*
138     1  u1     tif               TIF_*
139     1  u1     cause_ring        index of the gate's input ring
140     2  u2     part              part k of the cause's outputs
142     2  u2     parts             number of parts
144     4  u4     flags             ORDER_FLAG_*, OR-ed
148     4  u4     seal              risk_gate's CRC32C over what it approved (shm/order_seal.py)
152     8  i8     decision_seq      entries in the gate's journal when it left, its own decision among them
160    32  i8x4   reserved          zero
"""

import numpy as np

ORDER = np.dtype(
    [
        ("ring_seq", "<i8"),
        ("order_id", "<i8"),
        ("target_order_id", "<i8"),
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
        ("pass_stamp_ns", "<i8"),
        ("publish_stamp_ns", "<i8"),
        ("limits_version", "<i8"),
        ("instrument_id", "<i4"),
        ("strategy_id", "<i4"),
        ("kind", "u1"),
        ("side", "u1"),
        ("tif", "u1"),
        ("cause_ring", "u1"),
        ("part", "<u2"),
        ("parts", "<u2"),
        ("flags", "<u4"),
        ("seal", "<u4"),
        ("decision_seq", "<i8"),
        ("reserved", "<i8", (4,)),
    ]
)

assert ORDER.itemsize == 192
assert ORDER.fields["reserved"][1] == 160

ORDER_FLAG_SHORT = 2  # a sale that must be marked short (Reg SHO rule 200(g)); order_sender tells the venue
ORDER_FLAG_GATE = 1  # made by the gate itself (cancel for a dead strategy, stale feed or halt), not by an intent

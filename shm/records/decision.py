"""Decision: one answer of the risk gate, as journalled before anything leaves it.

Writer: risk_gate (its journal). Readers: cold roles. Three cache lines.

off  size  type   field                   meaning
---  ----  -----  ----------------------  ----------------------------------------
  0     8  i8     order_id                PASS of NEW or REPLACE: id given; else 0
  8     8  i8     intent_id               intent answered
 16     8  i8     target_intent_id        as in the intent
 24     8  i8     cause_seq               ring sequence of the intent
 32     8  i8     price_ticks             as asked
 40     8  i8     qty_lots                as asked
 48     8  i8     limit_value             limit that decided; 0 for PASS
 56     8  i8     found_value             what the intent would have made it; 0 for PASS
 64     8  i8     reference_ticks         mid of the touches that the collar used; open positions are valued at it
 72     8  i8     limits_version          version of the limits row
 80     8  i8     now_ns                  logic time
 88     8  i8     recv_stamp_ns           datagram received
 96     8  i8     tick_stamp_ns           tick published
104     8  i8     decide_stamp_ns         intent published
112     8  i8     pass_stamp_ns           decision stamp
120     4  i4     instrument_id           row of `instruments`
124     4  i4     strategy_id             row of the strategy
128     2  u2     code                    PASS or REJECT_*
130     1  u1     kind                    INTENT_*
131     1  u1     side                    SIDE_*
132     1  u1     cause_ring              index of the gate's input ring
133     1  u1     channel_state           CHANNEL_* when decided
134     2  u2     scope                   LIMIT_SCOPE_* of the limit that decided; 0 for PASS
136     8  i8     channel_stale_stamp_ns  stale stamp of the channel as read at the decision
144     8  i8     incarnation             incarnation of the strategy whose intent it was, to know its orders later
152     8  i8     order_flags             ORDER_FLAG_* of the order that it let pass; else 0
160     8  i8     released                RELEASED_*, OR-ed: it passed since a person let that go on: counts start again
168    24  i8x3   reserved                zero
"""

import numpy as np

DECISION = np.dtype(
    [
        ("order_id", "<i8"),
        ("intent_id", "<i8"),
        ("target_intent_id", "<i8"),
        ("cause_seq", "<i8"),
        ("price_ticks", "<i8"),
        ("qty_lots", "<i8"),
        ("limit_value", "<i8"),
        ("found_value", "<i8"),
        ("reference_ticks", "<i8"),
        ("limits_version", "<i8"),
        ("now_ns", "<i8"),
        ("recv_stamp_ns", "<i8"),
        ("tick_stamp_ns", "<i8"),
        ("decide_stamp_ns", "<i8"),
        ("pass_stamp_ns", "<i8"),
        ("instrument_id", "<i4"),
        ("strategy_id", "<i4"),
        ("code", "<u2"),
        ("kind", "u1"),
        ("side", "u1"),
        ("cause_ring", "u1"),
        ("channel_state", "u1"),
        ("scope", "<u2"),
        ("channel_stale_stamp_ns", "<i8"),
        ("incarnation", "<i8"),
        ("order_flags", "<i8"),
        ("released", "<i8"),
        ("reserved", "<i8", (3,)),
    ]
)

RELEASED_STRATEGY = 1  # held for its executions or for what the venue refused it
RELEASED_SESSION = 2  # the venue session, held for what the venue refused the firm

assert DECISION.itemsize == 192
assert DECISION.fields["reserved"][1] == 168

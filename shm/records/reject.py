"""Reject: the gate's coded answer to an intent that may not pass, with the numbers.

Writer: risk_gate. Reader: strategy (rings `rejects.*`). Two cache lines.

off  size  type   field             meaning
---  ----  -----  ----------------  ----------------------------------------
  0     8  i8     ring_seq          written by the ring only
  8     8  i8     intent_id         intent refused
 16     8  i8     target_intent_id  as in the intent
 24     8  i8     cause_seq         ring sequence of the intent
 32     8  i8     limit_value       the limit in the unit of the check
 40     8  i8     found_value       what the intent would have made it
 48     8  i8     limits_version    version of the limits row
 56     8  i8     now_ns            logic time of the decision
 64     8  i8     publish_stamp_ns  just before publication
 72     4  i4     instrument_id     row of `instruments`
 76     4  i4     strategy_id       row of the strategy
 80     2  u2     code              REJECT_* (shm/codes.py)
 82     1  u1     kind              INTENT_* of the intent
 83     1  u1     side              SIDE_* of the intent
 84     2  u2     scope             LIMIT_SCOPE_*: whose limit it is
 86     2  u2     reserved0         zero
 88    40  i8x5   reserved          zero
"""

import numpy as np

REJECT = np.dtype(
    [
        ("ring_seq", "<i8"),
        ("intent_id", "<i8"),
        ("target_intent_id", "<i8"),
        ("cause_seq", "<i8"),
        ("limit_value", "<i8"),
        ("found_value", "<i8"),
        ("limits_version", "<i8"),
        ("now_ns", "<i8"),
        ("publish_stamp_ns", "<i8"),
        ("instrument_id", "<i4"),
        ("strategy_id", "<i4"),
        ("code", "<u2"),
        ("kind", "u1"),
        ("side", "u1"),
        ("scope", "<u2"),
        ("reserved0", "<u2"),
        ("reserved", "<i8", (5,)),
    ]
)

assert REJECT.itemsize == 128
assert REJECT.fields["reserved"][1] == 88

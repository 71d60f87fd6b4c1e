"""Sent: what order_sender adds to an ORDER in its journal, before the first byte of it may leave.

Writer: order_sender (journal entries JOURNAL_ORDER_SENT and JOURNAL_CANCEL_SENT: an ORDER's 192 bytes, then these).
Readers: order_sender after a restart, cold roles. One line.

off  size  type   field                meaning
---  ----  -----  -------------------  ----------------------------------------
  0     8  i8     user_ref_num         reference: of an order its own, of a cancel or reduce the target's
  8     8  i8     target_user_ref_num  replace: reference of the order replaced; else 0
 16     8  i8     stamp_ns             latency time of the journal entry; bytes leave after it
 24     8  i8     connection           counts connections of this process; 0: no connection, a cancel that waits
 32     4  i4     session_id           index of the venue session
 36     4  u4     reserved0            zero
 40    24  i8x3   reserved             zero
"""

import numpy as np

SENT = np.dtype(
    [
        ("user_ref_num", "<i8"),
        ("target_user_ref_num", "<i8"),
        ("stamp_ns", "<i8"),
        ("connection", "<i8"),
        ("session_id", "<i4"),
        ("reserved0", "<u4"),
        ("reserved", "<i8", (3,)),
    ]
)

assert SENT.itemsize == 64
assert SENT.fields["reserved"][1] == 40

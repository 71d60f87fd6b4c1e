"""SessionEntry: one event of a venue session in order_sender's journal (entries JOURNAL_SESSION).

Writer: order_sender. Readers: order_sender after a restart, cold roles. One line. A sequenced message that changed no
order is journalled too: the highest `venue_seq` of all entries is where the next login goes on.

off  size  type   field          meaning
---  ----  -----  -------------  ----------------------------------------
  0     8  i8     venue_seq      last applied sequence number of the venue's stream
  8     8  i8     detail         QUERY_ANSWERED: next free reference number; LOST: LOST_*; PASSED: the message's letter
 16     8  i8     connection     counts connections of this process
 24     4  i4     kind           SESSION_*
 28     4  i4     session_id     index of the venue session
 32    16  S16    venue_session  the venue's name of the session, ten letters
 48    16  i8x2   reserved       zero
"""

import numpy as np

SESSION_ENTRY = np.dtype(
    [
        ("venue_seq", "<i8"),
        ("detail", "<i8"),
        ("connection", "<i8"),
        ("kind", "<i4"),
        ("session_id", "<i4"),
        ("venue_session", "S16"),
        ("reserved", "<i8", (2,)),
    ]
)

assert SESSION_ENTRY.itemsize == 64
assert SESSION_ENTRY.fields["reserved"][1] == 48

SESSION_LOGGED_IN = 1  # the stream goes on at venue_seq + 1
SESSION_QUERY_ANSWERED = 2
SESSION_LOST = 3
SESSION_PASSED = 4  # a sequenced message that changed no order

"""Desk: the scalars of order_sender that change while it runs, in private memory. Writer and reader: the hot thread.

off  size  type   field                meaning
---  ----  -----  -------------------  ----------------------------------------
  0     8  i8     session_id           index of the venue session, constant
  8     8  i8     phase                PHASE_*
 16     8  i8     connection           counts connections taken over from the control thread; 0 before the first
 24     8  i8     venue_seq            last applied sequence number of the venue's stream
 32     8  i8     heard_stamp_ns       latency time when bytes last came
 40     8  i8     spoke_stamp_ns       latency time when bytes were last handed to send
 48     8  i8     waiting_stamp_ns     latency time since when bytes wait in the transmit buffer; 0 while none do
 56     8  i8     order_at             where the last encoded order begins in it; -1 when none waits whole
 64     8  i8     order_bytes          its size
 72     8  i8     order_slot           its slot
 80     8  i8     order_expires_ns     logic time after which it must not leave
 88     8  i8     order_recv_stamp_ns  datagram that caused it; 0 when none did, or when its hop is recorded
 96     8  i8     received_to          end of the bytes in the receive buffer
104     8  i8     report_seq           last report_seq given out
112     8  i8     order_id_last        greatest order id consumed: smaller ones came before and are dropped
120     8  i8     order_id_replayed    greatest that the journal knew at start: dropping those is no error
128     8  i8     free_head            closed slots taken so far; slot = free[free_head & mask]
136     8  i8     free_tail            closed slots given back so far
144     8  i8     orders_open          open orders, unanswered included
152     8  i8     cancels_due          cancels whose bytes are not yet encoded on this connection
160     8  i8     working_free         free rows of `working` on the stack
168     8  i8     held_head            orders that left the queue of held orders
176     8  i8     held_tail            orders that joined it
184     8  i8     sweep                SWEEP_*
192     8  i8     sweep_slot           next slot of the sweep
200     8  i8     next_ref_num         SWEEP_EVIDENCE: the venue's next free reference number
208     8  i8     orphan               slot of a replacement whose original closed; -1 when none
216     8  i8     recent_first         first report_seq in the ring of recent reports
224     8  i8     trades               executions remembered so far
232     8  i8     heartbeat_ns         our silence after which a heartbeat goes out
240     8  i8     silence_ns           the venue's silence after which the session is lost
248     8  i8     unsent_ns            age of waiting bytes after which the session is unusable
256     8  i8     cancel_slot          next slot when due cancels are looked for
264    56  i8x7   reserved             zero
"""

import numpy as np

DESK = np.dtype(
    [
        ("session_id", "<i8"),
        ("phase", "<i8"),
        ("connection", "<i8"),
        ("venue_seq", "<i8"),
        ("heard_stamp_ns", "<i8"),
        ("spoke_stamp_ns", "<i8"),
        ("waiting_stamp_ns", "<i8"),
        ("order_at", "<i8"),
        ("order_bytes", "<i8"),
        ("order_slot", "<i8"),
        ("order_expires_ns", "<i8"),
        ("order_recv_stamp_ns", "<i8"),
        ("received_to", "<i8"),
        ("report_seq", "<i8"),
        ("order_id_last", "<i8"),
        ("order_id_replayed", "<i8"),
        ("free_head", "<i8"),
        ("free_tail", "<i8"),
        ("orders_open", "<i8"),
        ("cancels_due", "<i8"),
        ("working_free", "<i8"),
        ("held_head", "<i8"),
        ("held_tail", "<i8"),
        ("sweep", "<i8"),
        ("sweep_slot", "<i8"),
        ("next_ref_num", "<i8"),
        ("orphan", "<i8"),
        ("recent_first", "<i8"),
        ("trades", "<i8"),
        ("heartbeat_ns", "<i8"),
        ("silence_ns", "<i8"),
        ("unsent_ns", "<i8"),
        ("cancel_slot", "<i8"),
        ("reserved", "<i8", (7,)),
    ]
)

assert DESK.itemsize == 320
assert DESK.fields["reserved"][1] == 264

PHASE_DOWN = 1  # no connection
PHASE_REPLAYING = 2  # logged in; what we missed is coming, then the answer to the account query
PHASE_READY = 3  # the fate of every entry is known: new ones may go out

HOP_ORDERS, HOP_TICK_TO_ORDER, HOP_SEND = 0, 1, 2  # histogram ids
HISTOGRAMS = ("risk_gate->order_sender", "tick_to_order", "send")

SWEEP_NONE = 0
SWEEP_LOST = 1  # every unanswered entry becomes UNKNOWN
SWEEP_EVIDENCE = 2  # the account query was answered: what never arrived is closed, then PHASE_READY

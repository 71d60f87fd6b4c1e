"""Report: one thing that happened to an order, in the order in which order_sender learnt it.

Writer: order_sender; `report_seq` is assigned in its journal, the rings are copies. Readers: strategy, risk_gate,
position_keeper (rings `reports.*`). Four cache lines. The order's own history travels with each report.

off  size  type   field             meaning
---  ----  -----  ----------------  ----------------------------------------
  0     8  i8     ring_seq          written by the ring only
  8     8  i8     report_seq        position in the stream of this order_sender, from 1
 16     8  i8     order_id          order meant; 0 when the venue names one that we do not know
 24     8  i8     intent_id         intent that made the order
 32     8  i8     venue_order_ref   venue's order reference number; 0 before it is known
 40     8  i8     match_number      EXECUTED, BROKEN, CORRECTED: venue's match number
 48     8  i8     user_ref_num      venue session's reference of this order
 56     8  i8     old_order_id      REPLACED: order that this one replaces
 64     8  i8     old_intent_id     REPLACED: intent of that order
 72     8  i8     price_ticks       ACCEPTED, REPLACED, RESTATED: resting; of a trade: execution; else limit price
 80     8  i8     qty_lots          EXECUTED, BROKEN, CORRECTED: this execution; CANCELED: size removed; else order size
 88     8  i8     leaves_lots       still open after this event; 0 closes the order
 96     8  i8     cum_lots          executed in total after this event
104     8  i8     venue_ns          the venue's timestamp, nanoseconds since its midnight
112     8  i8     venue_seq         SoupBinTCP sequence number; 0 for reports that order_sender makes itself
120     8  i8     now_ns            logic time when order_sender learnt it
128     8  i8     recv_stamp_ns     datagram that caused the order
136     8  i8     tick_stamp_ns     tick published
144     8  i8     decide_stamp_ns   intent published
152     8  i8     pass_stamp_ns     gate decision
160     8  i8     order_stamp_ns    order published by the gate
168     8  i8     send_stamp_ns     just before the order's bytes were handed to send; 0 if they never were
176     8  i8     ack_stamp_ns      return of the receive call that brought this message
184     8  i8     publish_stamp_ns  just before publication; the hops to the readers start here
192     4  i4     instrument_id     row of `instruments`
196     4  i4     strategy_id       row of the strategy
200     1  u1     kind              REPORT_*
201     1  u1     side              SIDE_*
202     1  u1     liquidity         LIQUIDITY_*; 0 where it does not apply
203     1  u1     session_id        index of the venue session
204     2  u2     reason            venue's reason code or letter; for EXPIRED a REJECT_*
206     2  u2     reserved0         zero
208    48  i8x6   reserved          zero
"""

import numpy as np

REPORT = np.dtype(
    [
        ("ring_seq", "<i8"),
        ("report_seq", "<i8"),
        ("order_id", "<i8"),
        ("intent_id", "<i8"),
        ("venue_order_ref", "<i8"),
        ("match_number", "<i8"),
        ("user_ref_num", "<i8"),
        ("old_order_id", "<i8"),
        ("old_intent_id", "<i8"),
        ("price_ticks", "<i8"),
        ("qty_lots", "<i8"),
        ("leaves_lots", "<i8"),
        ("cum_lots", "<i8"),
        ("venue_ns", "<i8"),
        ("venue_seq", "<i8"),
        ("now_ns", "<i8"),
        ("recv_stamp_ns", "<i8"),
        ("tick_stamp_ns", "<i8"),
        ("decide_stamp_ns", "<i8"),
        ("pass_stamp_ns", "<i8"),
        ("order_stamp_ns", "<i8"),
        ("send_stamp_ns", "<i8"),
        ("ack_stamp_ns", "<i8"),
        ("publish_stamp_ns", "<i8"),
        ("instrument_id", "<i4"),
        ("strategy_id", "<i4"),
        ("kind", "u1"),
        ("side", "u1"),
        ("liquidity", "u1"),
        ("session_id", "u1"),
        ("reason", "<u2"),
        ("reserved0", "<u2"),
        ("reserved", "<i8", (6,)),
    ]
)

assert REPORT.itemsize == 256
assert REPORT.fields["reserved"][1] == 208

"""Tick: one normalised market-data event of an instrument, with the top of book after it.

Writer: feed_handler. Reader: strategy (rings `ticks.*`). One record is two cache lines: the design's 64 bytes do not
hold the event, the top after it and the three stamps that every later record carries on.
Price 0 and quantity 0 mean that the side is empty. Clocks: `*_stamp_ns` latency time, `venue_ns` the venue's own clock.

off  size  type   field             meaning
---  ----  -----  ----------------  ----------------------------------------
  0     8  i8     ring_seq          written by the ring only; sequence + 1 when published
  8     8  i8     venue_seq         MoldUDP64 sequence number of the message that caused it
 16     8  i8     recv_stamp_ns     return of the receive call that brought the datagram
 24     8  i8     publish_stamp_ns  just before publication; the hop to strategy starts here
 32     8  i8     venue_ns          the venue's timestamp, nanoseconds since its midnight
 40     8  i8     price_ticks       price of the event, finest increment of the wire
 48     8  i8     qty_lots          size of the event (added, traded, removed)
 56     8  i8     order_ref         venue's order reference; 0 where the event has none
 64     8  i8     bid_price_ticks   best bid after the event; 0 when empty
 72     8  i8     bid_qty_lots      size at the best bid
 80     8  i8     ask_price_ticks   best ask after the event; 0 when empty
 88     8  i8     ask_qty_lots      size at the best ask
 96     8  i8     old_order_ref     TICK_REPLACE: the reference that went away
104     4  i4     instrument_id     row of `instruments`
108     1  u1     kind              TICK_*
109     1  u1     side              SIDE_* of the resting order; 0 where the event has none
110     1  u1     trading_state     TRADING_* after the event
111     1  u1     flags             TICK_FLAG_*, OR-ed
112     8  i8     old_price_ticks   TICK_REPLACE: price of the order that went away; 0 not told
120     8  i8     old_qty_lots      TICK_REPLACE: its size
"""

import numpy as np

TICK = np.dtype(
    [
        ("ring_seq", "<i8"),
        ("venue_seq", "<i8"),
        ("recv_stamp_ns", "<i8"),
        ("publish_stamp_ns", "<i8"),
        ("venue_ns", "<i8"),
        ("price_ticks", "<i8"),
        ("qty_lots", "<i8"),
        ("order_ref", "<i8"),
        ("bid_price_ticks", "<i8"),
        ("bid_qty_lots", "<i8"),
        ("ask_price_ticks", "<i8"),
        ("ask_qty_lots", "<i8"),
        ("old_order_ref", "<i8"),
        ("instrument_id", "<i4"),
        ("kind", "u1"),
        ("side", "u1"),
        ("trading_state", "u1"),
        ("flags", "u1"),
        ("old_price_ticks", "<i8"),
        ("old_qty_lots", "<i8"),
    ]
)

assert TICK.itemsize == 128
assert TICK.fields["old_qty_lots"][1] == 120

TICK_FLAG_LAST = 1  # last tick of its datagram: logic that may coalesce acts here

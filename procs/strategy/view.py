"""View and Out: what a strategy's `quote` function sees of one instrument, and what it answers.

Both live in private memory of the strategy process, a row for each instrument. Prices are in price ticks, the finest
increment of the wire (1e-4 of the currency for ITCH and OUCH); sizes in lots. Best prices and sums are those of the
others: our own resting quotes are taken out, so that a strategy never chases itself. `quote` is called only while the
channel is fresh, the instrument is open, and others stand on both sides; so both best prices are positive.

off  size  type   field                meaning of VIEW
---  ----  -----  -------------------  ----------------------------------------
  0     8  i8     now_ns               logic time
  8     8  i8     bid_price_ticks      best bid of the others
 16     8  i8     bid_qty_lots         their size there
 24     8  i8     ask_price_ticks      best ask of the others
 32     8  i8     ask_qty_lots         their size there
 40     8  i8     bid_depth_lots       their size over the five best levels
 48     8  i8     ask_depth_lots       the same for the ask
 56     8  i8     top_bid_price_ticks  best bid, ours included
 64     8  i8     top_ask_price_ticks  best ask, ours included
 72     8  i8     own_bid_price_ticks  price of our working bid; 0 when there is none
 80     8  i8     own_bid_lots         its open size
 88     8  i8     own_ask_price_ticks  price of our working ask; 0 when there is none
 96     8  i8     own_ask_lots         its open size
104     8  i8     position_lots        our position, every reported fill included; long is positive
112     8  i8     last_price_ticks     price of the last trade seen; 0 before the first
120     8  i8     last_qty_lots        its size
128     8  i8     last_side            SIDE_* of the order that rested; 0 unknown
136     8  i8     traded_lots          size traded since the last call
144     8  i8     ticks                ticks since the last call; 0 when a timer or a report caused it
152     8  i8     tick_kind            TICK_* of the last tick; 0 before the first
160     8  i8     trading_state        TRADING_*
168     8  i8     quote_tick_ticks     smallest quoting step, price ticks
176     8  i8     lot_lots             smallest size step
184     8  i8     instrument_id        row of `instruments`
192     8  i8     microprice_milli     where the mid tends to go (signals/microprice.py), thousandths of a price tick
200     8  i8     imbalance_1_ppm      (bids - asks) / (bids + asks) of the best level, millionths
208     8  i8     imbalance_3_ppm      the same over three levels
216     8  i8     imbalance_5_ppm      the same over five levels
224     8  i8     flow_lots            size bought less size sold by aggressors, decayed
232     8  i8     volatility_milli     of the mid, thousandths of a price tick per square root of a second; 0 unknown
240     8  i8     arrival_micro        A: market orders a second and side at the mid, millionths; 0 unknown
248     8  i8     decay_milli          k: how fast they fade with distance, thousandths per quoting step; 0 unknown

off  size  type   field                meaning of OUT
---  ----  -----  -------------------  ----------------------------------------
  0     8  i8     bid_price_ticks      wanted bid; rounded down to the quoting step
  8     8  i8     bid_qty_lots         wanted open size; 0 (as it is before the call) wants no bid
 16     8  i8     ask_price_ticks      wanted ask; rounded up to the quoting step
 24     8  i8     ask_qty_lots         wanted open size; 0 wants no ask
 32    32  i8x4   reserved             zero
"""

import numpy as np

VIEW = np.dtype(
    [
        ("now_ns", "<i8"),
        ("bid_price_ticks", "<i8"),
        ("bid_qty_lots", "<i8"),
        ("ask_price_ticks", "<i8"),
        ("ask_qty_lots", "<i8"),
        ("bid_depth_lots", "<i8"),
        ("ask_depth_lots", "<i8"),
        ("top_bid_price_ticks", "<i8"),
        ("top_ask_price_ticks", "<i8"),
        ("own_bid_price_ticks", "<i8"),
        ("own_bid_lots", "<i8"),
        ("own_ask_price_ticks", "<i8"),
        ("own_ask_lots", "<i8"),
        ("position_lots", "<i8"),
        ("last_price_ticks", "<i8"),
        ("last_qty_lots", "<i8"),
        ("last_side", "<i8"),
        ("traded_lots", "<i8"),
        ("ticks", "<i8"),
        ("tick_kind", "<i8"),
        ("trading_state", "<i8"),
        ("quote_tick_ticks", "<i8"),
        ("lot_lots", "<i8"),
        ("instrument_id", "<i8"),
        ("microprice_milli", "<i8"),
        ("imbalance_1_ppm", "<i8"),
        ("imbalance_3_ppm", "<i8"),
        ("imbalance_5_ppm", "<i8"),
        ("flow_lots", "<i8"),
        ("volatility_milli", "<i8"),
        ("arrival_micro", "<i8"),
        ("decay_milli", "<i8"),
    ]
)

assert VIEW.itemsize == 256
assert VIEW.fields["decay_milli"][1] == 248

OUT = np.dtype(
    [
        ("bid_price_ticks", "<i8"),
        ("bid_qty_lots", "<i8"),
        ("ask_price_ticks", "<i8"),
        ("ask_qty_lots", "<i8"),
        ("reserved", "<i8", (4,)),
    ]
)

assert OUT.itemsize == 64

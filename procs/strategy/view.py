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
 72     8  i8     own_bid_price_ticks  price of our best working bid; 0 when there is none
 80     8  i8     own_bid_lots         our open size there
 88     8  i8     own_ask_price_ticks  price of our best working ask; 0 when there is none
 96     8  i8     own_ask_lots         our open size there
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
256     8  i8     bid_ahead_lots       size that stands before our best bid in its queue; -1 unknown, or no bid
264     8  i8     ask_ahead_lots       the same for our best ask
272     8  i8     obligation_spread_ticks  widest pair of quotes that counts as present
280     8  i8     obligation_lots      smallest size of it that counts
288     8  i8     own_bids             our working bids, all levels
296     8  i8     own_asks             our working asks, all levels
304     8  i8     firm_lots            executor only: what all desks hold in the instrument
312     8  i8     work_lots            executor only: what it is asked to trade now; a buy is positive

off  size  type   field                  meaning of OUT
---  ----  -----  ---------------------  ----------------------------------------
  0    32  i8x4   bid_level_price_ticks  wanted bids in any order; rounded down to the quoting step
 32    32  i8x4   bid_level_qty_lots     wanted open sizes; 0 (as they are before the call) wants no bid
 64    32  i8x4   ask_level_price_ticks  wanted asks in any order; rounded up to the quoting step
 96    32  i8x4   ask_level_qty_lots     wanted open sizes; 0 wants no ask
  0     8  i8     bid_price_ticks        level 0 of each, under a name of its own
 32     8  i8     bid_qty_lots
 64     8  i8     ask_price_ticks
 96     8  i8     ask_qty_lots
"""

import numpy as np

from procs.strategy.params import LEVELS

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
        ("bid_ahead_lots", "<i8"),
        ("ask_ahead_lots", "<i8"),
        ("obligation_spread_ticks", "<i8"),
        ("obligation_lots", "<i8"),
        ("own_bids", "<i8"),
        ("own_asks", "<i8"),
        ("firm_lots", "<i8"),
        ("work_lots", "<i8"),
    ]
)

assert VIEW.itemsize == 320
assert VIEW.fields["decay_milli"][1] == 248

OUT = np.dtype(
    {
        "names": [
            "bid_level_price_ticks",
            "bid_level_qty_lots",
            "ask_level_price_ticks",
            "ask_level_qty_lots",
            "bid_price_ticks",
            "bid_qty_lots",
            "ask_price_ticks",
            "ask_qty_lots",
        ],
        "formats": [("<i8", (LEVELS,))] * 4 + ["<i8"] * 4,
        "offsets": [0, 32, 64, 96] * 2,
        "itemsize": 128,
    }
)

assert LEVELS == 4

"""Quote: what a strategy saw, what its signals said and what it wanted, when it decided on intents.

Writer: strategy (its journal, right behind the intents' publication). Readers: cold roles. Three cache lines.

off  size  type   field             meaning
---  ----  -----  ----------------  ----------------------------------------
  0     8  i8     first_intent_id   intents of this decision: the first
  8     8  i8     last_intent_id    and the last
 16     8  i8     now_ns            logic time
 24     8  i8     decide_stamp_ns   as in its intents
 32     8  i8     venue_seq         message of the market-data channel that was the last for this instrument
 40     8  i8     cause_seq         ring sequence of the record that caused it
 48     8  i8     position_lots     our position; the fields from here to decay_milli are those of the view
 56     8  i8     bid_price_ticks   best bid of the others
 64     8  i8     bid_qty_lots      their size there
 72     8  i8     ask_price_ticks   best ask of the others
 80     8  i8     ask_qty_lots      their size there
 88     8  i8     microprice_milli  thousandths of a price tick
 96     4  i4     imbalance_1_ppm   millionths
100     4  i4     imbalance_3_ppm   millionths
104     4  i4     imbalance_5_ppm   millionths
108     4  i4     instrument_id     row of `instruments`
112     8  i8     flow_lots         bought less sold by aggressors, decayed
120     8  i8     volatility_milli  thousandths of a price tick per square root of a second; 0 unknown
128     8  i8     arrival_micro     market orders a second and side, millionths; 0 unknown
136     8  i8     decay_milli       thousandths per quoting step; 0 unknown
144     8  i8     wanted_bid_ticks  what the strategy wanted at level 0
152     8  i8     wanted_bid_lots   0: no bid
160     8  i8     wanted_ask_ticks  the same for the ask
168     8  i8     wanted_ask_lots   0: no ask
176     4  i4     strategy_id       row of the strategy
180     4  i4     cause_ring        input ring of `cause_seq`: rejects, then reports, then ticks, in topology order
184     8  i8     reserved          zero
"""

import numpy as np

QUOTE = np.dtype(
    [
        ("first_intent_id", "<i8"),
        ("last_intent_id", "<i8"),
        ("now_ns", "<i8"),
        ("decide_stamp_ns", "<i8"),
        ("venue_seq", "<i8"),
        ("cause_seq", "<i8"),
        ("position_lots", "<i8"),
        ("bid_price_ticks", "<i8"),
        ("bid_qty_lots", "<i8"),
        ("ask_price_ticks", "<i8"),
        ("ask_qty_lots", "<i8"),
        ("microprice_milli", "<i8"),
        ("imbalance_1_ppm", "<i4"),
        ("imbalance_3_ppm", "<i4"),
        ("imbalance_5_ppm", "<i4"),
        ("instrument_id", "<i4"),
        ("flow_lots", "<i8"),
        ("volatility_milli", "<i8"),
        ("arrival_micro", "<i8"),
        ("decay_milli", "<i8"),
        ("wanted_bid_ticks", "<i8"),
        ("wanted_bid_lots", "<i8"),
        ("wanted_ask_ticks", "<i8"),
        ("wanted_ask_lots", "<i8"),
        ("strategy_id", "<i4"),
        ("cause_ring", "<i4"),
        ("reserved", "<i8"),
    ]
)

assert QUOTE.itemsize == 192
assert QUOTE.fields["reserved"][1] == 184

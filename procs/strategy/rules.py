"""RULES: what holds for every quote of one strategy on one instrument. Private memory of the strategy process.

off  size  type   field                    meaning of RULES
---  ----  -----  -----------------------  ----------------------------------------
  0     8  i8     in_universe              1: this strategy quotes the instrument
  8     8  i8     quote_tick_ticks         smallest quoting step
 16     8  i8     lot_lots                 smallest size step
 24     8  i8     price_ticks_max          greatest valid price
 32     8  i8     requote_price_ticks      a working quote moves only if it is at least this far off
 40     8  i8     refill_percent           refill below this share of the wanted size
 48     8  i8     refresh_ns               call quote at least this often
 56     8  i8     intent_life_ns           new orders and replaces die unsent after this
 64     8  i8     backoff_ns               first pause after a refusal; doubles up to BACKOFF_DOUBLINGS times
 72     8  i8     channel_id               row of `channels`
 80     8  i8     flow_halflife_ns         memory of the trade flow
 88     8  i8     volatility_halflife_ns   memory of the volatility
 96     8  i8     intensity_halflife_ns    memory of the trading intensity
104     8  i8     jump_sigmas_milli        a jump is more than this, thousandths of a standard deviation; 0 never
112     8  i8     jump_window_ns           within which the mid jumps
120     8  i8     jump_pause_ns            how long quotes stay away after a jump
128     8  i8     obligation_spread_ticks  widest pair of quotes that counts as present
136     8  i8     obligation_lots          smallest open size that counts as present
144     8  i8     hold_ticks               a working quote also stays while its wanted price is this far off its step
152     8  i8     unit_micro               money of one price tick and one lot, micro-units of the currency
160     8  i8     may_take                 1: its orders may meet the others' (the executor's); 0: it only makes
168    24  i8x3   reserved                 zero
"""

import numpy as np

RULES = np.dtype(
    [
        ("in_universe", "<i8"),
        ("quote_tick_ticks", "<i8"),
        ("lot_lots", "<i8"),
        ("price_ticks_max", "<i8"),
        ("requote_price_ticks", "<i8"),
        ("refill_percent", "<i8"),
        ("refresh_ns", "<i8"),
        ("intent_life_ns", "<i8"),
        ("backoff_ns", "<i8"),
        ("channel_id", "<i8"),
        ("flow_halflife_ns", "<i8"),
        ("volatility_halflife_ns", "<i8"),
        ("intensity_halflife_ns", "<i8"),
        ("jump_sigmas_milli", "<i8"),
        ("jump_window_ns", "<i8"),
        ("jump_pause_ns", "<i8"),
        ("obligation_spread_ticks", "<i8"),
        ("obligation_lots", "<i8"),
        ("hold_ticks", "<i8"),
        ("unit_micro", "<i8"),
        ("may_take", "<i8"),
        ("reserved", "<i8", (3,)),
    ]
)

assert RULES.itemsize == 192

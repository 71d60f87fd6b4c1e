"""Limits: the pre-trade limits of one scope row. Zero means none allowed: a zero-filled row rejects everything.

Writer: the fabric step and `quintet` (one writer at a time, under the roster's lock). Readers: risk_gate, cold roles
(latest `limits`; rows: instruments first, then strategies, then one firm row; `standing`: what an override ends with).
Seven cache lines. A limit that has no
meaning for a scope holds LIMIT_NONE, written out, never zero. Money is in micro-units of the firm's currency, but for
`notional_micro_max`, which is in the instrument's own.

off  size  type   field                      meaning
---  ----  -----  -------------------------  ----------------------------------------
  0     8  i8     open_orders_max            greatest number of open orders (all scopes)
  8     8  i8     open_micro_max             greatest notional of open orders, both sides added (all scopes)
 16     8  i8     gross_micro_max            greatest worst-case gross exposure (all scopes)
 24     8  i8     net_micro_max              greatest worst-case net exposure, long or short (strategy, firm)
 32     8  i8     burst_lots_max             lots entered in one burst window (all scopes)
 40     8  i8     burst_micro_max            notional entered in one burst window (all scopes)
 48     8  i8     burst_window_ns            length of that window, logic time (all scopes)
 56     8  i8     messages_per_fill_max      order-to-trade ratio: messages for each execution (all scopes)
 64     8  i8     messages_floor             so many messages are free before the ratio counts (all scopes)
 72     8  i8     qty_lots_max               greatest size of one order (instrument)
 80     8  i8     notional_micro_max         greatest price * size of one order (instrument)
 88     8  i8     collar_near_bps            greatest distance from the best price of its own side (instrument)
 96     8  i8     collar_far_bps             greatest crossing of the best price of the other side (instrument)
104     8  i8     long_lots_max              worst-case long position (instrument; strategy: of it in one instrument)
112     8  i8     short_lots_max             worst-case short position (the same)
120     8  i8     age_ns_max                 greatest age of the instrument's top before it is no reference (instrument)
128     8  i8     channel_silence_ns_max     greatest silence of its channel (instrument)
136     8  i8     fx_ppm                     firm's currency for one million of the instrument's; 0: no rate, no order
144     8  i8     version                    counts changes; written into every decision
152     8  i8     rate_window_ns             length of the rate window, logic time (strategy, firm)
160     8  i8     rate_orders_max            new orders and replaces in one window (strategy, firm)
168     8  i8     rate_messages_max          messages of all kinds in one window (strategy, firm)
176     8  i8     rate_headroom              so many of them are left to cancels and reduces (strategy, firm)
184     8  i8     rate_cancels_max           cancels and reduces in one window, before new orders stop (strategy, firm)
192     8  i8     concentration_bps_max      one instrument's part of the firm's gross exposure (firm)
200     8  i8     concentration_floor_micro  up to this gross of the instrument its part does not count (firm)
208     8  i8     collar_near_ticks          as collar_near_bps, in price ticks; both hold (instrument)
216     8  i8     collar_far_ticks           as collar_far_bps, in price ticks; both hold (instrument)
224     8  i8     permitted                  PERMIT_*, OR-ed; 0: restricted, nothing may be entered (instrument)
232     8  i8     locate_lots                lots located that may be sold short and stay so (instrument)
240     8  i8     scale_age_ns_max           greatest age of the instrument's row of `greeks` (instrument)
248     8  i8     delta_micro_max            worst-case delta of all that has this underlying (instrument)
256     8  i8     gamma_micro_max            the same of gamma (instrument)
264     8  i8     vega_micro_max             the same of vega (instrument)
272     8  i8     same_window_ns             in this time ... (strategy)
280     8  i8     same_orders_max            ... so many new orders of the same instrument, side, price, size (strategy)
288     8  i8     executions_max             executions until a person lets it trade on (strategy)
296     8  i8     fill_window_ns             in this time ... (strategy)
304     8  i8     fill_lots_max              ... so many lots may execute (strategy)
312     8  i8     fill_delta_micro_max       ... so much delta, one side of the market (strategy)
320     8  i8     fill_vega_micro_max        ... so much vega, one side of the market (strategy)
328     8  i8     fill_reset_ns              after a burst it goes on so much later; LIMIT_NONE: by a person (strategy)
336     8  i8     loss_micro_max             realised and unrealised loss (strategy, firm)
344     8  i8     drawdown_micro_max         loss from the highest P&L of the day (strategy, firm)
352     8  i8     self_trade                 SELF_TRADE_*: what gives way before a trade with ourselves (firm)
360     8  i8     risk_age_ns_max            greatest age of risk_engine's rows before trading reduces (firm)
368     8  i8     mark_age_ns_max            greatest age of a mark before risk counts it as a breach (firm)
376     8  i8     expires_ns                 logic time from which row `standing_row` of `standing` holds; 0: this does
384     8  i8     standing_row               that row; in a row of `standing`: the row of `limits` that it is for
392     8  i8     venue_rejects_window_ns    in this time ... (strategy, firm)
400     8  i8     venue_rejects_max          ... so many orders may be refused by the venue (strategy, firm)
408    40  i8x5   reserved                   zero
"""

import numpy as np

LIMITS = np.dtype(
    [
        ("open_orders_max", "<i8"),
        ("open_micro_max", "<i8"),
        ("gross_micro_max", "<i8"),
        ("net_micro_max", "<i8"),
        ("burst_lots_max", "<i8"),
        ("burst_micro_max", "<i8"),
        ("burst_window_ns", "<i8"),
        ("messages_per_fill_max", "<i8"),
        ("messages_floor", "<i8"),
        ("qty_lots_max", "<i8"),
        ("notional_micro_max", "<i8"),
        ("collar_near_bps", "<i8"),
        ("collar_far_bps", "<i8"),
        ("long_lots_max", "<i8"),
        ("short_lots_max", "<i8"),
        ("age_ns_max", "<i8"),
        ("channel_silence_ns_max", "<i8"),
        ("fx_ppm", "<i8"),
        ("version", "<i8"),
        ("rate_window_ns", "<i8"),
        ("rate_orders_max", "<i8"),
        ("rate_messages_max", "<i8"),
        ("rate_headroom", "<i8"),
        ("rate_cancels_max", "<i8"),
        ("concentration_bps_max", "<i8"),
        ("concentration_floor_micro", "<i8"),
        ("collar_near_ticks", "<i8"),
        ("collar_far_ticks", "<i8"),
        ("permitted", "<i8"),
        ("locate_lots", "<i8"),
        ("scale_age_ns_max", "<i8"),
        ("delta_micro_max", "<i8"),
        ("gamma_micro_max", "<i8"),
        ("vega_micro_max", "<i8"),
        ("same_window_ns", "<i8"),
        ("same_orders_max", "<i8"),
        ("executions_max", "<i8"),
        ("fill_window_ns", "<i8"),
        ("fill_lots_max", "<i8"),
        ("fill_delta_micro_max", "<i8"),
        ("fill_vega_micro_max", "<i8"),
        ("fill_reset_ns", "<i8"),
        ("loss_micro_max", "<i8"),
        ("drawdown_micro_max", "<i8"),
        ("self_trade", "<i8"),
        ("risk_age_ns_max", "<i8"),
        ("mark_age_ns_max", "<i8"),
        ("expires_ns", "<i8"),
        ("standing_row", "<i8"),
        ("venue_rejects_window_ns", "<i8"),
        ("venue_rejects_max", "<i8"),
        ("reserved", "<i8", (5,)),
    ]
)

assert LIMITS.itemsize == 448
assert LIMITS.fields["reserved"][1] == 408

STANDING_ROWS = 64  # so many scopes may have a temporary override at once
LIMIT_NONE = (1 << 62) - 1  # "this scope does not limit it", said aloud
NOT_LIMITS = (
    *("messages_floor", "fx_ppm", "version", "rate_headroom", "concentration_floor_micro"),
    *("permitted", "locate_lots", "self_trade", "expires_ns", "standing_row", "reserved"),
)
POSITIVE = tuple(name for name in LIMITS.names if name not in NOT_LIMITS)  # what no row may leave at zero

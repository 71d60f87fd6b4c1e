"""Instrument: the identity and the rules of one instrument.

Writer: the fabric step fills the rows from the configuration; feed_handler writes locate and state from the directory.
Readers: every role (latest `instruments`, a row per instrument). Three cache lines.

off  size  type   field             meaning
---  ----  -----  ----------------  ----------------------------------------
  0    16  S16    symbol            venue symbol, padded with zero bytes
 16     8  i8     locate            ITCH stock locate of the day; 0 before the directory message
 24     8  i8     quote_tick_ticks  quoting step in price ticks where the instrument trades now: what a strategy uses
 32     8  i8     lot_lots          smallest order size step
 40     8  i8     price_ticks_max   greatest valid price
 48     8  i8     multiplier        units of the underlying per lot; money = price_ticks * qty_lots * multiplier
 56     8  i8     price_tick_micro  value of one price tick of one unit, in micro-units of its currency
 64     8  S8     currency          ISO 4217 code
 72     4  i4     instrument_id     this row
 76     4  i4     channel_id        market-data channel that carries it
 80     4  i4     session_id        venue session that trades it
 84     4  i4     trading_state     TRADING_*
 88     8  i8     strike_ticks      option: strike in price ticks of its underlying; else 0
 96     8  i8     expiry_ns         future, option: UTC time at which it expires; else 0
104     8  i8     luld_low_ticks    lowest price of the venue's price band in force; 0 none
112     8  i8     luld_high_ticks   highest price of it; 0 none
120     4  i4     underlying_id     row of its underlying; its own row where it is none's derivative
124     1  u1     kind              KIND_*
125     1  u1     option_type       option: OPTION_*; else 0
126     1  u1     exercise          option: EXERCISE_*; else 0
127     1  u1     reserved0         zero
128    32  i8x4   band_from_ticks   quoting bands in force today: from this price on, rising
160    32  i8x4   band_tick_ticks   that band's quoting step; 0 for a band that is not used
"""

import numpy as np

INSTRUMENT = np.dtype(
    [
        ("symbol", "S16"),
        ("locate", "<i8"),
        ("quote_tick_ticks", "<i8"),
        ("lot_lots", "<i8"),
        ("price_ticks_max", "<i8"),
        ("multiplier", "<i8"),
        ("price_tick_micro", "<i8"),
        ("currency", "S8"),
        ("instrument_id", "<i4"),
        ("channel_id", "<i4"),
        ("session_id", "<i4"),
        ("trading_state", "<i4"),
        ("strike_ticks", "<i8"),
        ("expiry_ns", "<i8"),
        ("luld_low_ticks", "<i8"),
        ("luld_high_ticks", "<i8"),
        ("underlying_id", "<i4"),
        ("kind", "u1"),
        ("option_type", "u1"),
        ("exercise", "u1"),
        ("reserved0", "u1"),
        ("band_from_ticks", "<i8", (4,)),
        ("band_tick_ticks", "<i8", (4,)),
    ]
)

assert INSTRUMENT.itemsize == 192
assert INSTRUMENT.fields["reserved0"][1] == 127

BANDS_MAX = 4  # Reg NMS needs two; a band more costs the gate one comparison

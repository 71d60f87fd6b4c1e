"""ItchEvent: one decoded ITCH 5.0 message, and the source of an encoded one. Private memory, two cache lines.

`decode_itch` sets every number; what the message does not carry is zero. `directory` fields are set by R alone.

off  size  type   field                 meaning
---  ----  -----  --------------------  ----------------------------------------
  0     8  i8     venue_ns              nanoseconds since midnight, venue's clock
  8     8  i8     order_ref             order meant; U: the old order
 16     8  i8     new_order_ref         U: the order that takes its place
 24     8  i8     qty_lots              shares added, executed, cancelled or traded; U: new size; R: round lot
 32     8  i8     price_ticks           1e-4 USD, as on the wire
 40     8  i8     match_number          E, C, P: number of the trade
 48     8  i8     symbol                eight letters as one integer (`text_word`)
 56     8  i8     kind                  ITCH_*: the type letter
 64     8  i8     side                  SIDE_*
 72     8  i8     locate                stock locate of the day
 80     8  i8     tracking              tracking number
 88     8  i8     note                  four letters as one integer: F attribution, H reason
 96     4  i4     trading_state         H: TRADING_*; a letter outside the specification reads as TRADING_HALTED
100     4  i4     event_code            S: ITCH_EVENT_*, the letter
104     4  i4     printable             C: the letter Y or N
108     4  u4     etp_leverage          R
112     1  u1     market_category       R
113     1  u1     financial_status      R
114     1  u1     round_lots_only       R
115     1  u1     issue_classification  R
116     2  u2     issue_subtype         R
118     1  u1     authenticity          R
119     1  u1     short_sale_threshold  R
120     1  u1     ipo_flag              R
121     1  u1     luld_tier             R
122     1  u1     etp_flag              R
123     1  u1     inverse_indicator     R
124     4  i4     reserved              zero
"""

import numpy as np

ITCH_EVENT = np.dtype(
    [
        ("venue_ns", "<i8"),
        ("order_ref", "<i8"),
        ("new_order_ref", "<i8"),
        ("qty_lots", "<i8"),
        ("price_ticks", "<i8"),
        ("match_number", "<i8"),
        ("symbol", "<i8"),
        ("kind", "<i8"),
        ("side", "<i8"),
        ("locate", "<i8"),
        ("tracking", "<i8"),
        ("note", "<i8"),
        ("trading_state", "<i4"),
        ("event_code", "<i4"),
        ("printable", "<i4"),
        ("etp_leverage", "<u4"),
        ("market_category", "u1"),
        ("financial_status", "u1"),
        ("round_lots_only", "u1"),
        ("issue_classification", "u1"),
        ("issue_subtype", "<u2"),
        ("authenticity", "u1"),
        ("short_sale_threshold", "u1"),
        ("ipo_flag", "u1"),
        ("luld_tier", "u1"),
        ("etp_flag", "u1"),
        ("inverse_indicator", "u1"),
        ("reserved", "<i4"),
    ]
)

assert ITCH_EVENT.itemsize == 128
assert ITCH_EVENT.fields["reserved"][1] == 124

# kinds are the letters of the wire
ITCH_SYSTEM = ord("S")
ITCH_DIRECTORY = ord("R")
ITCH_TRADING_ACTION = ord("H")
ITCH_ADD = ord("A")
ITCH_ADD_ATTRIBUTED = ord("F")
ITCH_EXECUTED = ord("E")
ITCH_EXECUTED_PRICE = ord("C")
ITCH_CANCEL = ord("X")
ITCH_DELETE = ord("D")
ITCH_REPLACE = ord("U")
ITCH_TRADE = ord("P")

# system event codes
ITCH_EVENT_START_OF_MESSAGES = ord("O")
ITCH_EVENT_START_OF_SYSTEM_HOURS = ord("S")
ITCH_EVENT_START_OF_MARKET_HOURS = ord("Q")
ITCH_EVENT_END_OF_MARKET_HOURS = ord("M")
ITCH_EVENT_END_OF_SYSTEM_HOURS = ord("E")
ITCH_EVENT_END_OF_MESSAGES = ord("C")

ITCH_PRINTABLE = ord("Y")
ITCH_NOT_PRINTABLE = ord("N")

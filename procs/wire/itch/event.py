"""ItchEvent: one decoded ITCH 5.0 message, and the source of an encoded one. Private memory, four cache lines.

The first two carry what books and trading states need; the hot path touches no other. What a message does not carry of
the fields before `etp_leverage` is zero; from there on a field is set by the types that its row names, and by no other.

off  size  type   field                 meaning
---  ----  -----  --------------------  ----------------------------------------
  0     8  i8     venue_ns              nanoseconds since midnight, venue's clock
  8     8  i8     order_ref             order meant; U: the old order
 16     8  i8     new_order_ref         U: the order that takes its place
 24     8  i8     qty_lots              shares added, executed, cancelled, traded; U: new size; R: round lot; I: paired
 32     8  i8     price_ticks           1e-4 USD, as on the wire; K: of the offering
 40     8  i8     match_number          E, C, P, Q, B: number of the trade
 48     8  i8     symbol                eight letters as one integer (`text_word`)
 56     8  i8     kind                  ITCH_*: the type letter
 64     8  i8     side                  SIDE_*
 72     8  i8     locate                stock locate of the day
 80     8  i8     tracking              tracking number
 88     8  i8     note                  four letters as one integer: F attribution, H reason, L firm
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
128     8  i8     imbalance_lots        I: shares that find no partner
136     8  i8     level_1_e8            V: first decline level of the index, 1e-8
144     8  i8     level_2_e8            V: second
152     8  i8     level_3_e8            V: third
160     8  i8     near_execution_ns     O: time of the near execution price, nanoseconds since midnight
168     4  u4     reference_ticks       J, I: 1e-4 USD, as all prices below
172     4  u4     far_ticks             I: price if only auction orders traded
176     4  u4     near_ticks            I: price if all orders traded; O: near execution price
180     4  u4     upper_ticks           J, O: upper collar
184     4  u4     lower_ticks           J, O: lower collar
188     4  u4     min_ticks             O: least allowed price
192     4  u4     max_ticks             O: greatest allowed price
196     4  u4     release_s             K: release time, seconds since midnight
200     4  u4     extension             J: how often the reopening was put off
204     1  u1     reg_sho_action        Y
205     1  u1     primary_market_maker  L
206     1  u1     market_maker_mode     L
207     1  u1     participant_state     L
208     1  u1     breached_level        W
209     1  u1     release_qualifier     K
210     1  u1     market_code           h
211     1  u1     halt_action           h
212     1  u1     cross_type            Q, I
213     1  u1     imbalance_side        I
214     1  u1     price_variation       I
215     1  u1     interest_side         N
216     1  u1     open_eligible         O
217    39  39u1   reserved_2            zero
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
        ("imbalance_lots", "<i8"),
        ("level_1_e8", "<i8"),
        ("level_2_e8", "<i8"),
        ("level_3_e8", "<i8"),
        ("near_execution_ns", "<i8"),
        ("reference_ticks", "<u4"),
        ("far_ticks", "<u4"),
        ("near_ticks", "<u4"),
        ("upper_ticks", "<u4"),
        ("lower_ticks", "<u4"),
        ("min_ticks", "<u4"),
        ("max_ticks", "<u4"),
        ("release_s", "<u4"),
        ("extension", "<u4"),
        ("reg_sho_action", "u1"),
        ("primary_market_maker", "u1"),
        ("market_maker_mode", "u1"),
        ("participant_state", "u1"),
        ("breached_level", "u1"),
        ("release_qualifier", "u1"),
        ("market_code", "u1"),
        ("halt_action", "u1"),
        ("cross_type", "u1"),
        ("imbalance_side", "u1"),
        ("price_variation", "u1"),
        ("interest_side", "u1"),
        ("open_eligible", "u1"),
        ("reserved_2", "u1", (39,)),
    ]
)

assert ITCH_EVENT.itemsize == 256
assert ITCH_EVENT.fields["imbalance_lots"][1] == 128
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

# carried by decode_itch_all and encode_itch_all alone
ITCH_REG_SHO = ord("Y")
ITCH_PARTICIPANT = ord("L")
ITCH_BREAKER_LEVELS = ord("V")
ITCH_BREAKER_STATUS = ord("W")
ITCH_QUOTING_PERIOD = ord("K")
ITCH_AUCTION_COLLAR = ord("J")
ITCH_OPERATIONAL_HALT = ord("h")
ITCH_CROSS = ord("Q")
ITCH_BROKEN = ord("B")
ITCH_IMBALANCE = ord("I")
ITCH_RETAIL_INTEREST = ord("N")
ITCH_DIRECT_LISTING = ord("O")

# system event codes
ITCH_EVENT_START_OF_MESSAGES = ord("O")
ITCH_EVENT_START_OF_SYSTEM_HOURS = ord("S")
ITCH_EVENT_START_OF_MARKET_HOURS = ord("Q")
ITCH_EVENT_END_OF_MARKET_HOURS = ord("M")
ITCH_EVENT_END_OF_SYSTEM_HOURS = ord("E")
ITCH_EVENT_END_OF_MESSAGES = ord("C")

ITCH_PRINTABLE = ord("Y")
ITCH_NOT_PRINTABLE = ord("N")

"""OuchEvent: one decoded OUCH 5.0 message of either direction, and the source of an encoded one. Two cache lines.

Private memory. The decoders set every field; what the message does not carry is zero.

off  size  type   field             meaning
---  ----  -----  ----------------  ----------------------------------------
  0     8  i8     venue_ns          outbound: nanoseconds since midnight, venue's clock
  8     8  i8     user_ref_num      the order (replace, replaced: the new one); account query response: next free number
 16     8  i8     orig_user_ref_num  replace, replaced: the order replaced
 24     8  i8     qty_lots          shares; executed: of this one; canceled: taken away; cancel: new total, 0 all
 32     8  i8     price_ticks       1e-4 USD, as on the wire
 40     8  i8     order_ref         the venue's order number, the one that its market data shows
 48     8  i8     match_number      executed, broken, correction: number of the trade
 56     8  i8     symbol            eight letters as one integer (`text_word`)
 64     8  i8     kind              OUCH_*: the type letter
 72     8  i8     side              SIDE_*; on encoding used where side_letter is 0
 80     8  i8     reason            rejected: number; canceled, AIQ canceled, broken, correction, restated: letter
 88     8  i8     cl_ord_id_hi      first eight letters of the client's order text as one integer
 96     8  i8     cl_ord_id_lo      last six letters
104     4  i4     appendage_offset  decode only: where the TagValues begin in the array
108     4  u4     firm              mass cancel, order entry off and on: four letters as one integer
112     4  u4     prevented_lots    AIQ canceled: shares kept from trading with ourselves (u4 on the wire)
116     1  u1     side_letter       B buy, S sell, T short, E short exempt
117     1  u1     time_in_force     OUCH_TIF_*
118     1  u1     display           Y, N, A, Z
119     1  u1     capacity          A, P, R, O
120     1  u1     sweep             intermarket sweep: Y or N
121     1  u1     cross_type        N: continuous market
122     1  u1     order_state       L live, D dead
123     1  u1     liquidity_flag    see OUCH_LIQUIDITY_*
124     1  u1     event_code        system event: S, E
125     1  u1     aiq_strategy      AIQ canceled
126     2  u2     appendage_bytes   decode only: length of the TagValues; 0 when there are none
"""

import numpy as np

OUCH_EVENT = np.dtype(
    [
        ("venue_ns", "<i8"),
        ("user_ref_num", "<i8"),
        ("orig_user_ref_num", "<i8"),
        ("qty_lots", "<i8"),
        ("price_ticks", "<i8"),
        ("order_ref", "<i8"),
        ("match_number", "<i8"),
        ("symbol", "<i8"),
        ("kind", "<i8"),
        ("side", "<i8"),
        ("reason", "<i8"),
        ("cl_ord_id_hi", "<i8"),
        ("cl_ord_id_lo", "<i8"),
        ("appendage_offset", "<i4"),
        ("firm", "<u4"),
        ("prevented_lots", "<u4"),
        ("side_letter", "u1"),
        ("time_in_force", "u1"),
        ("display", "u1"),
        ("capacity", "u1"),
        ("sweep", "u1"),
        ("cross_type", "u1"),
        ("order_state", "u1"),
        ("liquidity_flag", "u1"),
        ("event_code", "u1"),
        ("aiq_strategy", "u1"),
        ("appendage_bytes", "<u2"),
    ]
)

assert OUCH_EVENT.itemsize == 128
assert OUCH_EVENT.fields["appendage_bytes"][1] == 126

# client to venue
OUCH_ENTER = ord("O")
OUCH_REPLACE = ord("U")
OUCH_CANCEL = ord("X")
OUCH_MODIFY = ord("M")
OUCH_MASS_CANCEL = ord("C")
OUCH_DISABLE_ENTRY = ord("D")
OUCH_ENABLE_ENTRY = ord("E")
OUCH_ACCOUNT_QUERY = ord("Q")

# venue to client
OUCH_SYSTEM = ord("S")
OUCH_ACCEPTED = ord("A")
OUCH_REPLACED = ord("U")
OUCH_CANCELED = ord("C")
OUCH_AIQ_CANCELED = ord("D")
OUCH_EXECUTED = ord("E")
OUCH_BROKEN = ord("B")
OUCH_CORRECTION = ord("F")
OUCH_REJECTED = ord("J")
OUCH_CANCEL_PENDING = ord("P")
OUCH_CANCEL_REJECT = ord("I")
OUCH_PRIORITY = ord("T")
OUCH_MODIFIED = ord("M")
OUCH_RESTATED = ord("R")
OUCH_MASS_CANCEL_REPLY = ord("X")
OUCH_DISABLE_ENTRY_REPLY = ord("G")
OUCH_ENABLE_ENTRY_REPLY = ord("K")
OUCH_ACCOUNT_REPLY = ord("Q")

# time in force
OUCH_TIF_DAY = ord("0")
OUCH_TIF_IOC = ord("3")
OUCH_TIF_GTX = ord("5")
OUCH_TIF_GTT = ord("6")
OUCH_TIF_AFTER_HOURS = ord("E")

# order state
OUCH_STATE_LIVE = ord("L")
OUCH_STATE_DEAD = ord("D")

# liquidity of an execution in the continuous market; the venue has more flags, none of which the simulated one sends
OUCH_LIQUIDITY_ADDED = ord("A")
OUCH_LIQUIDITY_REMOVED = ord("R")

# why an order was cancelled
OUCH_CANCELED_USER = ord("U")
OUCH_CANCELED_IOC = ord("I")
OUCH_CANCELED_TIMEOUT = ord("T")
OUCH_CANCELED_SUPERVISORY = ord("S")
OUCH_CANCELED_SELF_MATCH = ord("Q")
OUCH_CANCELED_SYSTEM = ord("Z")
OUCH_CANCELED_HALTED = ord("H")

# why an order was rejected (two bytes on the wire)
OUCH_REJECT_HALTED = 0x0007
OUCH_REJECT_SIDE = 0x0009
OUCH_REJECT_OTHER = 0x000F
OUCH_REJECT_QUANTITY = 0x0013
OUCH_REJECT_REPLACE = 0x0015
OUCH_REJECT_SYMBOL = 0x0017
OUCH_REJECT_PRICE = 0x001D

OUCH_QTY_MAX = 999_999  # shares in one order
OUCH_PRICE_MAX = 1_999_999_900  # 199,999.99 USD

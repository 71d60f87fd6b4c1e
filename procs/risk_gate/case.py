"""Case: one intent that is being decided. What it asks, the market, the rows that limit it, and then the answer."""

import numpy as np

INTENT_INPUTS = (
    *("kind", "tif", "side", "intent_id", "last_intent_id", "price", "qty", "expires_ns", "now_ns"),
    *("instrument", "limits", "behind", "state", "netting"),  # codes and states found for it
    *("target", "target_side", "target_slot", "target_order_id"),  # of the order that it replaces
    *("open_after", "added_lots", "added_orders", "family_value"),  # what it would leave open, and what is so already
)
MARKET_INPUTS = ("trading_state", "bid", "ask", "reference2", "age_ns", "channel_state", "silence_ns")
ROW_INPUTS = ("instrument_addr", "strategy_addr", "firm_addr", "pair_addr")  # ACCOUNT, ACCOUNT, ACCOUNT, HOLDING
ROOM_INPUTS = ("state_room", "journal_room", "orders_room")
ANSWERS = (
    *("code", "scope", "limit_value", "found_value"),
    *("value", "added_value"),  # of the order, in the firm's currency; what it adds to what is open
    *("pass_stamp_ns", "channel_stale_stamp_ns", "limits_version"),
    *("cause_ring", "cause_seq", "order_id", "session", "strategy", "incarnation"),
)
CASE = np.dtype([(name, "<i8") for name in INTENT_INPUTS + MARKET_INPUTS + ROW_INPUTS + ROOM_INPUTS + ANSWERS])

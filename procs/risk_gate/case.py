"""Case: one intent that is being decided. What it asks, the market, the rows that limit it, and then the answer."""

import numpy as np

from shm.jit import hot

INTENT_INPUTS = (
    *("kind", "tif", "side", "intent_id", "last_intent_id", "price", "qty", "expires_ns", "now_ns"),
    *("instrument", "limits", "behind", "state", "netting"),  # codes and states found for it
    *("target", "target_side", "target_slot", "target_order_id"),  # of the order that it replaces
    *("open_after", "added_lots", "added_orders"),  # what it would leave open
    *("family_value", "family_lots", "target_short"),  # of the order that it replaces: what is open, and its mark
    *("instrument_id", "own_open", "own_price"),  # 1 when the firm has orders at the other side, and the best of them
    "released",  # 1 when the strategy was held and a person let it go on
    "storm",  # STORM_* of its session (venue_rejects.py)
)
MARKET_INPUTS = ("trading_state", "bid", "ask", "reference2", "age_ns", "channel_state", "silence_ns", "top_flags")
ROW_INPUTS = (
    *("instrument_addr", "strategy_addr", "firm_addr", "pair_addr"),  # ACCOUNT, ACCOUNT, ACCOUNT, HOLDING
    *("underlying_addr", "scale_addr", "sums_addr"),  # ACCOUNT, SCALE, SUMS
)
ROOM_INPUTS = ("state_room", "journal_room", "orders_room")
ANSWERS = (
    *("code", "scope", "limit_value", "found_value"),
    *("value", "added_value"),  # of the order, in the firm's currency; what it adds to what is open
    "short",  # 1: the order must be marked as a short sale
    *("pass_stamp_ns", "channel_stale_stamp_ns", "limits_version"),
    *("cause_ring", "cause_seq", "order_id", "session", "strategy", "incarnation"),
)
# what the venue refused the firm, on the session of the intent (venue_rejects.py)
STORM_NONE = 0
STORM_STANDS = 1  # too much: nothing new
STORM_RESUMED = 2  # a person let it go on, and nothing passed since

CASE = np.dtype([(name, "<i8") for name in INTENT_INPUTS + MARKET_INPUTS + ROW_INPUTS + ROOM_INPUTS + ANSWERS])


@hot
def say(case, limit_value, found_value):
    """The numbers of a refusal, in the unit of its check (table.py)."""
    case["limit_value"] = limit_value
    case["found_value"] = found_value

"""Case: one intent that is being decided. What it asks, the market, the rows that limit it, and then the answer."""

import numpy as np

from shm.jit import hot

INTENT_INPUTS = (
    *("kind", "tif", "side", "intent_id", "last_intent_id", "price", "qty", "expires_ns", "now_ns"),
    *("instrument", "limits", "behind", "state", "netting"),  # codes and states found for it
    *("target", "target_slot"),  # of the order that it replaces
    *("open_after", "added_lots", "added_orders"),  # what it would leave open
    *("instrument_id", "own_price"),  # the firm's best order of the other side
)
FOUND = (  # zero until something is found; side by side, to be cleared with a few stores
    *("trading_state", "bid", "ask", "reference2", "age_ns", "channel_state", "silence_ns", "top_flags"),  # the market
    *("target_side", "target_order_id"),  # of the order that it replaces
    *("family_value", "family_lots", "target_short"),  # of that, too: what is open, and its mark
    "own_open",  # 1 when the firm has orders at the other side
    "released",  # 1 when the strategy was held and a person let it go on
    "storm",  # STORM_* of its session (venue_rejects.py)
)
CLEARED = (  # answers that are cleared with them
    *("order_id", "channel_stale_stamp_ns", "limits_version"),
    "short",  # 1: the order must be marked as a short sale
)
ROW_INPUTS = (
    *("instrument_addr", "strategy_addr", "firm_addr", "pair_addr"),  # ACCOUNT, ACCOUNT, ACCOUNT, HOLDING
    *("underlying_addr", "scale_addr", "sums_addr"),  # ACCOUNT, SCALE, SUMS
)
ROOM_INPUTS = ("state_room", "journal_room", "orders_room")
ANSWERS = (
    *CLEARED,
    *("code", "scope", "limit_value", "found_value"),
    *("value", "added_value"),  # of the order, in the firm's currency; what it adds to what is open
    *("pass_stamp_ns", "cause_ring", "cause_seq", "session", "strategy", "incarnation"),
)
# what the venue refused the firm, on the session of the intent (venue_rejects.py)
STORM_NONE = 0
STORM_STANDS = 1  # too much: nothing new
STORM_RESUMED = 2  # a person let it go on, and nothing passed since

CASE = np.dtype(
    [(name, "<i8") for name in dict.fromkeys(INTENT_INPUTS + FOUND + CLEARED + ROW_INPUTS + ROOM_INPUTS + ANSWERS)]
)


@hot
def say(case, limit_value, found_value):
    """The numbers of a refusal, in the unit of its check (table.py)."""
    case["limit_value"] = limit_value
    case["found_value"] = found_value

"""Named codes of every record field. Zero is never valid, so zeroed memory never reads as permission.

One block per field; numbers are part of the record layouts and are never reused for another meaning.
"""

# side
SIDE_BUY = 1
SIDE_SELL = 2

# tick kind (records/tick.py)
TICK_ADD = 1  # an order joined the book
TICK_EXECUTE = 2  # a resting order traded; qty_lots is the traded size
TICK_REDUCE = 3  # a resting order became smaller without trading
TICK_DELETE = 4  # a resting order left the book
TICK_REPLACE = 5  # a resting order was replaced under a new reference (order_ref new, old_order_ref old)
TICK_TRADE = 6  # a trade against an order that the book does not show
TICK_STATE = 7  # trading state of the instrument changed
TICK_RESYNC = 8  # ticks were skipped or the book was rebuilt: top and depth are valid, history is not
TICK_STALE = 9  # the channel became stale: nothing may be quoted on it
TICK_FRESH = 10  # the channel is contiguous and heard again

# trading state of an instrument (records/top.py); unknown (0) is treated as halted
TRADING_OPEN = 1
TRADING_HALTED = 2
TRADING_PAUSED = 3
TRADING_QUOTE_ONLY = 4

# what an instrument is (records/instrument.py)
KIND_EQUITY = 1
KIND_FUTURE = 2
KIND_OPTION = 3
OPTION_CALL = 1
OPTION_PUT = 2
EXERCISE_EUROPEAN = 1
EXERCISE_AMERICAN = 2

# flags of a top (records/top.py)
TOP_FLAG_SHORT_RESTRICTED = 1  # Reg SHO rule 201 is in effect: short sales above the best bid only

# what may be entered in an instrument (records/limits.py)
PERMIT_BUY = 1
PERMIT_SELL = 2
PERMIT_SHORT = 4

# what gives way before a trade with ourselves (records/limits.py)
SELF_TRADE_REJECT = 1  # the new order is refused
SELF_TRADE_CANCEL = 2  # the resting orders are cancelled first; the new order is refused until they are gone

# scope of a row of risk (records/risk.py)
RISK_SCOPE_FIRM = 1
RISK_SCOPE_STRATEGY = 2
RISK_SCOPE_UNDERLYING = 3
RISK_SCOPE_NAMES = {1: "firm", 2: "strategy", 3: "underlying"}

# available methods of value at risk (records/risk.py), OR-ed
RISK_METHOD_PARAMETRIC = 1
RISK_METHOD_HISTORICAL = 2
RISK_METHOD_MONTE_CARLO = 4

# why a scope is not as it should be (records/risk.py, records/risk_entry.py): the measure that reached its threshold
RISK_REASON_STALE = 1  # an input older than its limit, or missing
RISK_REASON_DELTA = 2
RISK_REASON_GAMMA = 3
RISK_REASON_VEGA = 4
RISK_REASON_RHO = 5
RISK_REASON_GROSS = 6
RISK_REASON_NET = 7
RISK_REASON_LOSS = 8
RISK_REASON_DRAWDOWN = 9
RISK_REASON_MARGIN = 10
RISK_REASON_STRESS = 11
RISK_REASON_VAR_PARAMETRIC = 12
RISK_REASON_VAR_HISTORICAL = 13
RISK_REASON_VAR_MONTE_CARLO = 14
RISK_REASON_ES_PARAMETRIC = 15
RISK_REASON_ES_HISTORICAL = 16
RISK_REASON_ES_MONTE_CARLO = 17
RISK_REASON_NAMES = {
    1: "stale",
    2: "delta",
    3: "gamma",
    4: "vega",
    5: "rho",
    6: "gross",
    7: "net",
    8: "loss",
    9: "drawdown",
    10: "margin",
    11: "stress",
    12: "var_parametric",
    13: "var_historical",
    14: "var_monte_carlo",
    15: "es_parametric",
    16: "es_historical",
    17: "es_monte_carlo",
}

# what a threshold makes risk_engine do (records/risk_entry.py), milder first
RISK_STEP_NONE = 1
RISK_STEP_WARN = 2
RISK_STEP_REDUCING = 3
RISK_STEP_FLATTEN = 4  # REDUCING, and the executor is asked to trade it away
RISK_STEP_HALTED = 5
RISK_STEP_NAMES = {1: "none", 2: "warn", 3: "reducing", 4: "flatten", 5: "halted"}

# what an entry of risk_engine's journal is about (records/risk_entry.py)
RISK_EVENT_ROW = 1  # a row of `risk` as it was published
RISK_EVENT_STEP = 2  # a threshold was reached and acted on
RISK_EVENT_AGAIN = 3  # acknowledged, then grown: acted on again
RISK_EVENT_EASED = 4  # the measure is below a threshold that it had reached; what was said stays said
RISK_EVENT_NAMES = {1: "row", 2: "step", 3: "again", 4: "eased"}

# channel state (records/channel.py)
CHANNEL_FRESH = 1
CHANNEL_STALE = 2
CHANNEL_ENDED = 3

# intent and order kind (records/intent.py, records/order.py)
INTENT_NEW = 1
INTENT_REPLACE = 2
INTENT_CANCEL = 3
INTENT_REDUCE = 4  # smaller total size in place: keeps its order and its place in the queue

# order ids (records/order.py): risk_gate numbers from 1 and never comes here (shm/ids_disk.py)
ORDER_ID_EXTERNAL = 1 << 62  # from here on: orders of our venue session that no gate passed, adopted by order_sender

# time in force (records/intent.py)
TIF_DAY = 1
TIF_IOC = 2

# report kind (records/report.py)
REPORT_ACCEPTED = 1
REPORT_REPLACED = 2
REPORT_CANCELED = 3
REPORT_EXECUTED = 4
REPORT_REJECTED = 5  # refused by the venue
REPORT_CANCEL_REJECTED = 6
REPORT_CANCEL_PENDING = 7
REPORT_RESTATED = 8  # price or quantity changed by the venue
REPORT_BROKEN = 9  # a trade was broken
REPORT_EXPIRED = 10  # died in order_sender before any byte of it left (expired, halted, session unusable)
REPORT_UNKNOWN = 11  # fate unknown: session lost before an answer; exposure is kept
REPORT_NEVER_ARRIVED = 12  # the venue's answer proves that the entry never reached it
REPORT_CORRECTED = 13  # the venue changed the terms of a trade; match_number names it, price and size are new

# liquidity of an execution (records/report.py)
LIQUIDITY_ADDED = 1
LIQUIDITY_REMOVED = 2

# scope of a total (records/total.py)
TOTAL_FIRM = 1
TOTAL_SESSION = 2
TOTAL_STRATEGY = 3
TOTAL_INSTRUMENT = 4

# risk state by scope (records/control.py); 0 is treated as HALTED
STATE_ACTIVE = 1
STATE_REDUCING = 2
STATE_CANCEL_ONLY = 3
STATE_HALTED = 4
STATE_NAMES = {1: "ACTIVE", 2: "REDUCING", 3: "CANCEL_ONLY", 4: "HALTED"}

# instance life (records/instance.py)
LIFE_STARTING = 1
LIFE_COMPILING = 2
LIFE_WARMING = 3
LIFE_RUNNING = 4
LIFE_CATCHING_UP = 5
LIFE_CLOSING = 6
LIFE_CLOSED = 7
LIFE_FAILED = 8
LIFE_NAMES = {
    1: "starting",
    2: "compiling",
    3: "warming",
    4: "running",
    5: "catching-up",
    6: "closing",
    7: "closed",
    8: "failed",
}

# why the hot loop returned to its control thread (runtime)
EXIT_STOP = 1
EXIT_CATCH_UP = 2

# clock mode (records/clock_page.py)
CLOCK_REAL = 1
CLOCK_SCALED = 2
CLOCK_DRIVEN = 3

# kind of a journal entry (records/journal_entry.py)
JOURNAL_ORDER_SENT = 1
JOURNAL_REPORT = 2
JOURNAL_DECISION = 3
JOURNAL_FILL = 4
JOURNAL_SNAPSHOT = 5
JOURNAL_CANCEL_SENT = 6
JOURNAL_SESSION = 7
JOURNAL_CONTROL = 8
JOURNAL_QUOTE = 9
JOURNAL_LIMITS = 10
JOURNAL_RISK = 11

# decision of a pre-trade check (records/reject.py, records/decision.py); PASS is not zero
PASS = 1
REJECT_INSTRUMENT = 10  # unknown instrument or outside the strategy's universe
REJECT_TRADING_STATE = 11  # instrument not open
REJECT_SIDE = 12
REJECT_TICK_SIZE = 13  # price not a multiple of the quoting tick
REJECT_PRICE_RANGE = 14  # price not positive or above the wire's maximum
REJECT_LOT_SIZE = 15  # quantity not a positive multiple of the lot
REJECT_QTY_MAX = 16
REJECT_NOTIONAL_MAX = 17
REJECT_REFERENCE_STALE = 18  # channel stale, instrument too old, or no usable reference price
REJECT_COLLAR_NEAR = 19  # too far from the best price of its own side
REJECT_POSITION_MAX = 20  # worst case long or short, by the order's side
REJECT_OPEN_ORDERS_MAX = 21
REJECT_RATE = 22
REJECT_HALTED = 23
REJECT_CANCEL_ONLY = 24
REJECT_REDUCING = 25  # would raise worst-case exposure while REDUCING
REJECT_EXPIRED = 26
REJECT_DUPLICATE = 27  # intent id seen before
REJECT_UNKNOWN_TARGET = 28  # replace or cancel of an order that is not working
REJECT_ALREADY_CANCELLING = 29  # its cancel or its replace is on the way; for a reduce another reduce too
REJECT_NO_LIMITS = 30  # limits row missing or zero
REJECT_ORDERS_FULL = 31  # ring to order_sender has only its cancel headroom left
REJECT_STATE_FULL = 32  # the gate's own order table is full
REJECT_SENDER_BEHIND = 33  # the gate has not applied every report yet
REJECT_KIND = 34  # unknown intent kind
REJECT_JOURNAL_FULL = 35  # no room behind the journal's watermark: nothing new until the disk catches up
REJECT_SESSION = 36  # the venue session cannot take it: down, not yet reconciled, no room
REJECT_COLLAR_FAR = 37  # crosses the best price of the other side too far
REJECT_FX_RATE = 38  # no rate of the instrument's currency into the firm's
REJECT_OPEN_NOTIONAL_MAX = 39
REJECT_GROSS_MAX = 40
REJECT_NET_MAX = 41
REJECT_CONCENTRATION = 42  # too great a part of the firm's gross in one instrument
REJECT_MESSAGE_RATE = 43  # only what is left for cancels
REJECT_CANCEL_RATE = 44  # so many cancels that nothing new may follow
REJECT_BURST_LOTS = 45  # lots entered in a short window
REJECT_BURST_NOTIONAL = 46  # notional entered in a short window
REJECT_ORDER_TO_TRADE = 47  # too many messages for the executions that they led to
REJECT_REDUCE_SIZE = 48  # a reduce that is not to a positive size below the present one
REJECT_SAME_ORDER = 49  # as many new orders with the same content in the window already
REJECT_SELF_TRADE = 50  # would trade with an order of ours
REJECT_EXECUTIONS = 51  # executed so often that a person must let it go on
REJECT_FILL_BURST = 52  # so much executed in a short window
REJECT_RESTRICTED = 53  # the side is not permitted in this instrument
REJECT_LOCATE = 54  # short by more than was located
REJECT_SHORT_PRICE = 55  # short sale at or below the best bid while Reg SHO restricts it
REJECT_PRICE_BAND = 56  # outside of the venue's price band
REJECT_COLLAR_NEAR_TICKS = 57  # as COLLAR_NEAR, in ticks
REJECT_COLLAR_FAR_TICKS = 58  # as COLLAR_FAR, in ticks
REJECT_DELTA = 59  # worst-case delta of the underlying
REJECT_GAMMA = 60  # worst-case gamma
REJECT_VEGA = 61  # worst-case vega
REJECT_GREEKS_STALE = 62  # no valid row of greeks young enough
REJECT_LOSS = 63  # realised and unrealised loss
REJECT_DRAWDOWN = 64  # loss from the highest P&L
REJECT_RISK_STALE = 65  # risk_engine's row, or a mark in it, is too old
REJECT_NOT_APPROVED = 66  # order_sender: not what risk_gate approved
REJECT_VENUE_REJECTS = 67  # the venue refused so many orders in a short window that a person must let it go on
REJECT_NAMES = {
    10: "instrument",
    11: "trading_state",
    12: "side",
    13: "tick_size",
    14: "price_range",
    15: "lot_size",
    16: "qty_max",
    17: "notional_max",
    18: "reference_stale",
    19: "collar_near",
    20: "position_max",
    21: "open_orders_max",
    22: "rate",
    23: "halted",
    24: "cancel_only",
    25: "reducing",
    26: "expired",
    27: "duplicate",
    28: "unknown_target",
    29: "already_cancelling",
    30: "no_limits",
    31: "orders_full",
    32: "state_full",
    33: "sender_behind",
    34: "kind",
    35: "journal_full",
    36: "session",
    37: "collar_far",
    38: "fx_rate",
    39: "open_notional_max",
    40: "gross_max",
    41: "net_max",
    42: "concentration",
    43: "message_rate",
    44: "cancel_rate",
    45: "burst_lots",
    46: "burst_notional",
    47: "order_to_trade",
    48: "reduce_size",
    49: "same_order",
    50: "self_trade",
    51: "executions",
    52: "fill_burst",
    53: "restricted",
    54: "locate",
    55: "short_price",
    56: "price_band",
    57: "collar_near_ticks",
    58: "collar_far_ticks",
    59: "delta",
    60: "gamma",
    61: "vega",
    62: "greeks_stale",
    63: "loss",
    64: "drawdown",
    65: "risk_stale",
    66: "not_approved",
    67: "venue_rejects",
}

# whose limit a reject names (records/reject.py, records/decision.py)
LIMIT_SCOPE_ORDER = 1  # the intent alone, or the market that it is compared with
LIMIT_SCOPE_INSTRUMENT = 2  # all strategies in the instrument
LIMIT_SCOPE_PAIR = 3  # the strategy in the instrument
LIMIT_SCOPE_STRATEGY = 4
LIMIT_SCOPE_FIRM = 5
LIMIT_SCOPE_UNDERLYING = 6  # all that has the same underlying
LIMIT_SCOPE_NAMES = {
    1: "order",
    2: "instrument",
    3: "strategy in instrument",
    4: "strategy",
    5: "firm",
    6: "underlying",
}

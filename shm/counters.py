"""Every counter of every instance: id, label, unit, and the value that is an alarm. Imports nothing of ours.

A counter is one int64 word in its instance's object (`COUNTERS_OFFSET`), written by the hot thread (ids below 96, and
from 128 on) or by the control thread (96 to 127). Ids are stable; a retired id is never reused. A role leaves others'
counters at zero.
"""

from typing import NamedTuple


class Counter(NamedTuple):
    """`alarm` says which value needs a person: "" never, ">0" any."""

    id: int
    label: str
    unit: str
    meaning: str
    alarm: str = ""


# feed_handler
FEED_DATAGRAMS, FEED_MESSAGES, FEED_DUPLICATES, FEED_GAPS, FEED_RECOVERED, FEED_REQUESTS = 0, 1, 2, 3, 4, 5
FEED_MALFORMED, FEED_UNKNOWN_TYPE, FEED_FOREIGN_SESSION, FEED_BOOK_ERRORS, FEED_AHEAD_DROPPED = 6, 7, 8, 9, 10
FEED_STALE_NS, FEED_LINE_A, FEED_LINE_B, FEED_TICKS, FEED_TICKS_SKIPPED = 11, 12, 13, 14, 15
FEED_UNLISTED = 122
# strategy
STRATEGY_TICKS, STRATEGY_QUOTES, STRATEGY_INTENTS, STRATEGY_REJECTS, STRATEGY_REPORTS, STRATEGY_RESYNCS = (
    16,
    17,
    18,
    19,
    20,
    21,
)
STRATEGY_FOREIGN, STRATEGY_OBLIGED_NS, STRATEGY_PRESENT_NS, STRATEGY_WIDE_NS, STRATEGY_THIN_NS = 22, 23, 59, 78, 79
STRATEGY_HELD_BACK, STRATEGY_JUMPS = 84, 85
STRATEGY_MARKOUT_MICRO = 200  # three, one for each horizon of procs/strategy/markout.py
STRATEGY_MARKED_LOTS = 203  # three
STRATEGY_REDUCES, STRATEGY_PARAMS, STRATEGY_UNRECORDED = 206, 207, 208
EXECUTOR_REQUESTS, EXECUTOR_REFUSED, EXECUTOR_TIMEOUTS = 244, 245, 246
# risk_gate
GATE_INTENTS, GATE_PASSED, GATE_REJECTED, GATE_CANCELS, GATE_OWN_CANCELS, GATE_REPORTS = 24, 25, 26, 27, 28, 29
GATE_OPEN_ORDERS, GATE_BREAKS, GATE_UNKNOWN_REPORTS = 30, 31, 32
GATE_REJECT_BASE = 128  # GATE_REJECT_BASE + (code - 10) for each REJECT_* code 10..73; 33 to 58 are retired
GATE_REDUCES = 192
# order_sender
SENDER_ORDERS, SENDER_SENT, SENDER_CANCELS_SENT, SENDER_REPLACES_SENT, SENDER_EXPIRED, SENDER_REPORTS = (
    60,
    61,
    62,
    63,
    64,
    65,
)
SENDER_ACCEPTED, SENDER_CANCELED, SENDER_FILLS, SENDER_VENUE_REJECTS, SENDER_MALFORMED, SENDER_UNKNOWN = (
    66,
    67,
    68,
    69,
    70,
    71,
)
SENDER_SESSIONS, SENDER_HEARTBEATS, SENDER_OPEN_ORDERS, SENDER_BYTES_WAITING, SENDER_REPLACED = 72, 73, 74, 75, 76
SENDER_CANCEL_REJECTS = 77
SENDER_REDUCES_SENT, SENDER_MASS_CANCELS = 120, 121
SENDER_EXTERNAL, SENDER_ASKED, SENDER_ASKED_ORDERS = 193, 194, 195
# position_keeper
KEEPER_REPORTS, KEEPER_FILLS, KEEPER_MARKS, KEEPER_CATCH_UPS, KEEPER_BROKEN, KEEPER_CORRECTED = 80, 81, 82, 83, 210, 211
# venue
VENUE_MESSAGES, VENUE_DATAGRAMS, VENUE_REQUESTS, VENUE_ORDERS, VENUE_FILLS, VENUE_DIVERGED = 86, 87, 88, 89, 90, 91
VENUE_MALFORMED, VENUE_HISTORY_DONE, VENUE_IGNORED = 92, 93, 94
# control thread of every role
JOURNAL_COPIED, JOURNAL_LAG_BYTES, CONTROL_TICKS = 96, 97, 99
JOURNAL_FREE_BYTES, JOURNAL_LOW_SPACE = 100, 101
RECORDING_BYTES = 102
# oms
OMS_ENTRIES, OMS_BEHIND, OMS_BREAKS = 110, 111, 112
OMS_COPY_STATE, OMS_COPY_HEARD_NS, OMS_COPY_MESSAGES, OMS_COPY_AGREED = 113, 114, 115, 116
OMS_COPY_REPEATS, OMS_COPY_MALFORMED, OMS_VENUE_BREAKS, OMS_COPY_WATCHED = 117, 118, 119, 123
# risk_engine
RISK_COMPUTED, RISK_FULL, RISK_STEPS, RISK_BREACHED, RISK_STALE, RISK_FULL_NS = 103, 104, 105, 106, 107, 108

COUNTERS = (
    Counter(FEED_DATAGRAMS, "feed_datagrams", "datagrams", "received on all lines"),
    Counter(FEED_MESSAGES, "feed_messages", "messages", "delivered in sequence"),
    Counter(FEED_DUPLICATES, "feed_duplicates", "messages", "already seen on another line"),
    Counter(FEED_GAPS, "feed_gaps", "gaps", "holes that made the channel stale"),
    Counter(FEED_RECOVERED, "feed_recovered", "messages", "delivered from retransmission"),
    Counter(FEED_REQUESTS, "feed_requests", "requests", "retransmission requests sent"),
    Counter(FEED_MALFORMED, "feed_malformed", "datagrams", "refused whole: header, count or lengths wrong", ">0"),
    Counter(FEED_UNKNOWN_TYPE, "feed_unknown_type", "messages", "type outside the specification", ">0"),
    Counter(FEED_FOREIGN_SESSION, "feed_foreign_session", "datagrams", "another session id", ">0"),
    Counter(FEED_BOOK_ERRORS, "feed_book_errors", "messages", "impossible content for the book", ">0"),
    Counter(FEED_AHEAD_DROPPED, "feed_ahead_dropped", "datagrams", "ahead of a gap and no room to keep them"),
    Counter(FEED_STALE_NS, "feed_stale", "ns", "time spent stale since the start"),
    Counter(FEED_LINE_A, "feed_line_a", "datagrams", "received on line A"),
    Counter(FEED_LINE_B, "feed_line_b", "datagrams", "received on line B"),
    Counter(FEED_TICKS, "feed_ticks", "ticks", "published"),
    Counter(FEED_UNLISTED, "feed_unlisted", "messages", "on books of instruments that have no row, or lost it"),
    Counter(FEED_TICKS_SKIPPED, "feed_ticks_skipped", "ticks", "left out for a strategy whose ring was full"),
    Counter(STRATEGY_TICKS, "strategy_ticks", "ticks", "consumed"),
    Counter(STRATEGY_QUOTES, "strategy_quotes", "calls", "quote decisions taken"),
    Counter(STRATEGY_INTENTS, "strategy_intents", "intents", "published"),
    Counter(STRATEGY_REJECTS, "strategy_rejects", "rejects", "received from risk_gate"),
    Counter(STRATEGY_REPORTS, "strategy_reports", "reports", "received from order_sender"),
    Counter(STRATEGY_RESYNCS, "strategy_resyncs", "ticks", "resync ticks received"),
    Counter(STRATEGY_FOREIGN, "strategy_foreign", "reports", "about orders that are not ours any more, not a fault"),
    Counter(STRATEGY_OBLIGED_NS, "strategy_obliged", "ns", "logic time in which an instrument was open and fresh"),
    Counter(STRATEGY_PRESENT_NS, "strategy_present", "ns", "of it with two quotes as the obligation wants them"),
    Counter(STRATEGY_WIDE_NS, "strategy_wide", "ns", "of it with two quotes too far apart"),
    Counter(STRATEGY_THIN_NS, "strategy_thin", "ns", "of it with two quotes of which one was too small"),
    Counter(STRATEGY_HELD_BACK, "strategy_held_back", "messages", "waited for the message budget"),
    Counter(STRATEGY_JUMPS, "strategy_jumps", "jumps", "of the mid that pulled the quotes"),
    Counter(STRATEGY_MARKOUT_MICRO, "strategy_markout_1s", "micro", "moves of the mid within 1 s of our fills"),
    Counter(STRATEGY_MARKOUT_MICRO + 1, "strategy_markout_10s", "micro", "the same within 10 s"),
    Counter(STRATEGY_MARKOUT_MICRO + 2, "strategy_markout_60s", "micro", "the same within 60 s"),
    Counter(STRATEGY_MARKED_LOTS, "strategy_marked_1s", "lots", "filled, and at least 1 s old"),
    Counter(STRATEGY_MARKED_LOTS + 1, "strategy_marked_10s", "lots", "the same, 10 s"),
    Counter(STRATEGY_MARKED_LOTS + 2, "strategy_marked_60s", "lots", "the same, 60 s"),
    Counter(STRATEGY_REDUCES, "strategy_reduces", "intents", "of orders made smaller in place"),
    Counter(STRATEGY_PARAMS, "strategy_params", "changes", "of parameters taken over while running"),
    Counter(STRATEGY_UNRECORDED, "strategy_unrecorded", "decisions", "that their journal had no room for", ">0"),
    Counter(EXECUTOR_REQUESTS, "executor_requests", "requests", "to flatten, hedge or withdraw"),
    Counter(
        EXECUTOR_REFUSED, "executor_refused", "requests", "that the state of their scope, or what they ask for, forbids"
    ),
    Counter(EXECUTOR_TIMEOUTS, "executor_timeouts", "requests", "of which something remained when time was up", ">0"),
    Counter(GATE_INTENTS, "gate_intents", "intents", "consumed"),
    Counter(GATE_PASSED, "gate_passed", "orders", "new orders and replaces passed"),
    Counter(GATE_REJECTED, "gate_rejected", "intents", "answered with a reject"),
    Counter(GATE_CANCELS, "gate_cancels", "cancels", "cancels passed"),
    Counter(GATE_REDUCES, "gate_reduces", "reduces", "smaller sizes in place passed"),
    Counter(GATE_OWN_CANCELS, "gate_own_cancels", "cancels", "made by the gate itself"),
    Counter(GATE_REPORTS, "gate_reports", "reports", "applied to exposure"),
    Counter(GATE_OPEN_ORDERS, "gate_open_orders", "orders", "open, in flight included"),
    Counter(GATE_BREAKS, "gate_breaks", "breaks", "positions that differ from position_keeper's", ">0"),
    Counter(GATE_UNKNOWN_REPORTS, "gate_unknown_reports", "reports", "for orders that the gate does not know", ">0"),
    Counter(SENDER_ORDERS, "sender_orders", "orders", "consumed"),
    Counter(SENDER_SENT, "sender_sent", "orders", "new orders handed to send"),
    Counter(SENDER_CANCELS_SENT, "sender_cancels_sent", "cancels", "cancels handed to send"),
    Counter(SENDER_REPLACES_SENT, "sender_replaces_sent", "orders", "replaces handed to send"),
    Counter(SENDER_EXPIRED, "sender_expired", "orders", "died here unsent"),
    Counter(SENDER_REPORTS, "sender_reports", "reports", "published"),
    Counter(SENDER_ACCEPTED, "sender_accepted", "orders", "accepted by the venue"),
    Counter(SENDER_CANCELED, "sender_canceled", "orders", "cancelled at the venue"),
    Counter(SENDER_FILLS, "sender_fills", "executions", "reported by the venue"),
    Counter(SENDER_VENUE_REJECTS, "sender_venue_rejects", "orders", "rejected by the venue"),
    Counter(SENDER_MALFORMED, "sender_malformed", "packets", "undecodable bytes from the venue", ">0"),
    Counter(SENDER_UNKNOWN, "sender_unknown", "messages", "about orders that we do not know", ">0"),
    Counter(SENDER_SESSIONS, "sender_sessions", "logins", "venue sessions established"),
    Counter(SENDER_HEARTBEATS, "sender_heartbeats", "packets", "heartbeats received"),
    Counter(SENDER_OPEN_ORDERS, "sender_open_orders", "orders", "open at the venue, unanswered included"),
    Counter(SENDER_BYTES_WAITING, "sender_bytes_waiting", "bytes", "not yet taken by the socket"),
    Counter(SENDER_REPLACED, "sender_replaced", "orders", "replaced at the venue"),
    Counter(SENDER_CANCEL_REJECTS, "sender_cancel_rejects", "cancels", "refused by the venue"),
    Counter(SENDER_REDUCES_SENT, "sender_reduces_sent", "orders", "made smaller in place, handed to send"),
    Counter(SENDER_MASS_CANCELS, "sender_mass_cancels", "messages", "mass cancels handed to send"),
    Counter(
        SENDER_EXTERNAL,
        "sender_external",
        "orders",
        "none of ours entered them: adopted, cancelled",
        ">0",
    ),
    Counter(SENDER_ASKED, "sender_asked", "generation", "of the last `quintet cancel` that was done"),
    Counter(SENDER_ASKED_ORDERS, "sender_asked_orders", "orders", "that it ended or asked to end"),
    Counter(KEEPER_REPORTS, "keeper_reports", "reports", "applied"),
    Counter(KEEPER_FILLS, "keeper_fills", "executions", "applied to positions"),
    Counter(KEEPER_MARKS, "keeper_marks", "rows", "P&L rows marked"),
    Counter(KEEPER_CATCH_UPS, "keeper_catch_ups", "times", "read reports from the journal"),
    Counter(KEEPER_BROKEN, "keeper_broken", "executions", "taken back because the venue broke them", ">0"),
    Counter(KEEPER_CORRECTED, "keeper_corrected", "executions", "changed because the venue corrected them", ">0"),
    Counter(VENUE_MESSAGES, "venue_messages", "messages", "ITCH messages published"),
    Counter(VENUE_DATAGRAMS, "venue_datagrams", "datagrams", "sent on both lines"),
    Counter(VENUE_REQUESTS, "venue_requests", "requests", "retransmission requests answered"),
    Counter(VENUE_ORDERS, "venue_orders", "orders", "accepted from members"),
    Counter(VENUE_FILLS, "venue_fills", "executions", "matched for members"),
    Counter(VENUE_DIVERGED, "venue_diverged", "events", "history clipped because members changed the book"),
    Counter(VENUE_MALFORMED, "venue_malformed", "packets", "undecodable requests or order bytes", ">0"),
    Counter(VENUE_HISTORY_DONE, "venue_history_done", "flag", "1 when the whole file was played"),
    Counter(VENUE_IGNORED, "venue_ignored", "messages", "repeated numbers, and cancels that came too late"),
    Counter(JOURNAL_COPIED, "journal_copied", "entries", "copied to disk and synced"),
    Counter(RECORDING_BYTES, "recording_bytes", "bytes", "of the recording of this life written"),
    Counter(JOURNAL_LAG_BYTES, "journal_lag", "bytes", "appended but not yet on disk"),
    Counter(CONTROL_TICKS, "control_ticks", "ticks", "turns of the control thread"),
    Counter(JOURNAL_FREE_BYTES, "journal_free", "bytes", "free where the journal's files are"),
    Counter(JOURNAL_LOW_SPACE, "journal_low_space", "flag", "room for ten minutes of writing or less: make room", ">0"),
    Counter(RISK_COMPUTED, "risk_computed", "times", "Greeks and exposures published"),
    Counter(RISK_FULL, "risk_full", "times", "value at risk, stress and margin computed"),
    Counter(RISK_STEPS, "risk_steps", "steps", "that thresholds took, warnings included"),
    Counter(RISK_BREACHED, "risk_breached", "thresholds", "reached now: `quintet risk`", ">0"),
    Counter(RISK_STALE, "risk_stale", "inputs", "of what is held too old or missing", ">0"),
    Counter(RISK_FULL_NS, "risk_full_ns", "ns", "the last full computation took"),
    Counter(OMS_ENTRIES, "oms_entries", "entries", "of all journals taken into the record"),
    Counter(OMS_BEHIND, "oms_behind", "entries", "journalled in this epoch and not in the record yet"),
    Counter(OMS_COPY_STATE, "oms_copy_state", "state", "drop copies: 0 none configured, 1 heard, 2 one of them silent"),
    Counter(OMS_COPY_HEARD_NS, "oms_copy_heard", "ns", "real monotonic time: the quietest drop copy was heard"),
    Counter(OMS_COPY_MESSAGES, "oms_copy_messages", "messages", "of drop copies taken into the record"),
    Counter(OMS_COPY_AGREED, "oms_copy_agreed", "comparisons", "of an order or execution that ended in agreement"),
    Counter(OMS_COPY_REPEATS, "oms_copy_repeats", "executions", "told again by a drop copy; each counts once"),
    Counter(OMS_COPY_MALFORMED, "oms_copy_malformed", "messages", "of drop copies that cannot be read", ">0"),
    Counter(OMS_COPY_WATCHED, "oms_copy_watched", "things", "told by one side and not yet by the other"),
    Counter(OMS_VENUE_BREAKS, "oms_venue_breaks", "breaks", "that reduce trading: `quintet breaks`", ">0"),
    Counter(OMS_BREAKS, "oms_breaks", "breaks", "entries that contradict what came before: `quintet oms check`", ">0"),
)

"""Distinct errors: one code for each thing that should not happen, by the role that sees it. Imports nothing of ours.

The hot thread notes a code with two numbers (`note_error`, shm/instance.py); status prints label and meaning. A code is
never reused. Blocks: 100 feed_handler, 200 strategy, 300 risk_gate, 400 order_sender, 500 position_keeper, 600 venue,
700 the runtime of any role, 800 oms, 900 risk_engine.
"""

from typing import NamedTuple


class ErrorCode(NamedTuple):
    """`details` names the two numbers that are kept of the last occurrence."""

    code: int
    label: str
    details: str
    meaning: str


# feed_handler
ERROR_FEED_BOOK, ERROR_FEED_MESSAGE, ERROR_FEED_LOCATE, ERROR_FEED_FULL = 100, 101, 102, 103

# strategy
ERROR_QUOTE_CROSSED, ERROR_PARAMS_LAYOUT, ERROR_REQUEST_TIMED_OUT = 200, 201, 202

# risk_gate
ERROR_GATE_UNKNOWN_REPORT, ERROR_GATE_OVERFILL, ERROR_GATE_IMPOSSIBLE_REPORT = 301, 302, 303
ERROR_GATE_POSITION_BREAK, ERROR_GATE_FOREIGN_INTENT = 304, 305
ERROR_GATE_EXECUTIONS, ERROR_GATE_FILL_BURST, ERROR_GATE_CORRUPT = 306, 307, 308
ERROR_GATE_VENUE_REJECTS, ERROR_GATE_SESSION_REJECTS = 309, 310

# order_sender
(
    ERROR_SENDER_UNKNOWN_ORDER,
    ERROR_SENDER_ILLEGAL_EVENT,
    ERROR_SENDER_OVERFILL,
    ERROR_SENDER_UNKNOWN_TRADE,
    ERROR_SENDER_MALFORMED,
) = (401, 402, 403, 404, 405)
(
    ERROR_SENDER_SESSION_LOST,
    ERROR_SENDER_LOGIN_REFUSED,
    ERROR_SENDER_BAD_ORDER,
    ERROR_SENDER_UNKNOWN_TARGET,
    ERROR_SENDER_NO_IDS,
) = (406, 407, 408, 409, 410)
(
    ERROR_SENDER_JOURNAL,
    ERROR_SENDER_NO_EVIDENCE,
    ERROR_SENDER_DUPLICATE,
    ERROR_SENDER_NO_SLOT,
    ERROR_SENDER_SEQUENCE,
) = (411, 412, 413, 414, 415)
ERROR_SENDER_MASS_CANCEL, ERROR_SENDER_EXTERNAL, ERROR_SENDER_TRADE_TWICE = 416, 417, 418
ERROR_SENDER_NOT_APPROVED = 419

# position_keeper
ERROR_REPORT_ROW, ERROR_REPORT_VALUE, ERROR_BREAK_UNKNOWN, ERROR_LOTS_FULL = 500, 501, 502, 503

# venue
ERROR_VENUE_NO_ROOM = 600

# runtime of any role
ERROR_JOURNAL_FAILED, ERROR_JOURNAL_FULL, ERROR_IDS_FAILED, ERROR_IDS_EXHAUSTED = 700, 701, 702, 703
ERROR_LATE_COMPILE, ERROR_JOURNAL_TAIL = 704, 705

# oms
ERROR_RECORD_BREAK = 800

# risk_engine
ERROR_RISK_THRESHOLD, ERROR_RISK_UNVALUED, ERROR_RISK_NO_EXECUTOR = 900, 901, 902

ERRORS = (
    ErrorCode(
        ERROR_FEED_BOOK,
        "feed_book",
        "instrument, BOOK_* code",
        "a message that the book cannot follow: its instrument is closed to trading until feed_handler starts again",
    ),
    ErrorCode(
        ERROR_FEED_MESSAGE,
        "feed_message",
        "type letter, WIRE_* code",
        "a message of a known type and size holds a value that no field can have",
    ),
    ErrorCode(
        ERROR_FEED_LOCATE,
        "feed_locate",
        "instrument, locate",
        "the directory gave an instrument a second locate, or one that another has; it was not taken",
    ),
    ErrorCode(
        ERROR_FEED_FULL,
        "feed_full",
        "instrument, BOOK_* code",
        "no room in the books: the instrument gave back what it held and is closed until feed_handler starts "
        "again; raise book_orders_max (-8) or book_levels_max (-9) of the host profile",
    ),
    ErrorCode(
        ERROR_QUOTE_CROSSED,
        "quote_crossed",
        "instrument, bid wanted",
        "the model wanted a bid at or above its own ask; neither was quoted",
    ),
    ErrorCode(
        ERROR_PARAMS_LAYOUT,
        "params_layout",
        "instrument, layout found",
        "parameters were written for another strategy file: the ones before stay in force",
    ),
    ErrorCode(
        ERROR_REQUEST_TIMED_OUT,
        "request_timed_out",
        "lots that remained, 0",
        "the executor ran out of time: what remains must be looked at by a person",
    ),
    ErrorCode(
        ERROR_GATE_UNKNOWN_REPORT,
        "unknown_report",
        "report_seq, order_id",
        "a report is about an order that the gate does not know",
    ),
    ErrorCode(
        ERROR_GATE_OVERFILL,
        "overfill",
        "report_seq, order_id",
        "more was executed than the order had open",
    ),
    ErrorCode(
        ERROR_GATE_IMPOSSIBLE_REPORT,
        "impossible_report",
        "report_seq, kind",
        "a report of a kind or with a value that cannot be",
    ),
    ErrorCode(
        ERROR_GATE_POSITION_BREAK,
        "position_break",
        "position_keeper's lots, the gate's lots",
        "gate and position_keeper disagree at the same report",
    ),
    ErrorCode(
        ERROR_GATE_FOREIGN_INTENT,
        "foreign_intent",
        "ring, strategy_id that the intent names",
        "an intent names another strategy than the ring it came from",
    ),
    ErrorCode(
        ERROR_GATE_EXECUTIONS,
        "executions",
        "strategy, executions since a person let it go on",
        "a strategy executed as often as it may: it is HALTED until its scope is resumed",
    ),
    ErrorCode(
        ERROR_GATE_FILL_BURST,
        "fill_burst",
        "strategy, 1 lots 2 delta 3 vega 4 no usable greeks 5 more than is remembered, 0 found at a restart",
        "a strategy executed too much in a short window: its orders are cancelled, it waits for a time or a person",
    ),
    ErrorCode(
        ERROR_GATE_CORRUPT,
        "corrupt_record",
        "input ring, ring sequence",
        "a record in a ring is not what its writer can have written: trading is HALTED, the ring is kept",
    ),
    ErrorCode(
        ERROR_GATE_VENUE_REJECTS,
        "venue_rejects",
        "strategy, rejects in the window",
        "the venue refused more orders of a strategy than it may: it is HALTED until its scope is resumed",
    ),
    ErrorCode(
        ERROR_GATE_SESSION_REJECTS,
        "session_rejects",
        "strategy of the last order, rejects of the firm in the window",
        "the venue refused more orders of the firm than it may: the session is CANCEL_ONLY until its scope is resumed",
    ),
    ErrorCode(
        ERROR_SENDER_UNKNOWN_ORDER,
        "sender_unknown_order",
        "reference, letter of the message",
        "the venue speaks of an order that we never sent",
    ),
    ErrorCode(
        ERROR_SENDER_ILLEGAL_EVENT,
        "sender_illegal_event",
        "order id, state << 8 | report kind",
        "the venue's answer does not fit the order's state",
    ),
    ErrorCode(
        ERROR_SENDER_OVERFILL,
        "sender_overfill",
        "order id, executed in total",
        "the venue executed more than was ordered; the instrument is halted",
    ),
    ErrorCode(
        ERROR_SENDER_UNKNOWN_TRADE,
        "sender_unknown_trade",
        "order id, match number",
        "the venue broke or corrected a trade that we do not have, or that is broken already",
    ),
    ErrorCode(
        ERROR_LOTS_FULL,
        "lots_full",
        "strategy, instrument",
        "no lot was free for FIFO: those figures are not usable until the position is flat; average cost is exact",
    ),
    ErrorCode(
        ERROR_SENDER_MALFORMED,
        "sender_malformed",
        "code of the codec, last applied sequence number",
        "the venue's bytes cannot be decoded; the session was dropped",
    ),
    ErrorCode(
        ERROR_SENDER_SESSION_LOST,
        "sender_session_lost",
        "LOST_* of procs/order_sender/session.py, connection",
        "the venue session was lost",
    ),
    ErrorCode(
        ERROR_SENDER_LOGIN_REFUSED,
        "sender_login_refused",
        "letter of the venue, 0",
        "the venue refused the login; the session is halted",
    ),
    ErrorCode(
        ERROR_SENDER_BAD_ORDER,
        "sender_bad_order",
        "order id, kind",
        "a record in the orders ring that no gate may write",
    ),
    ErrorCode(
        ERROR_SENDER_UNKNOWN_TARGET,
        "sender_unknown_target",
        "order id, intent id",
        "a cancel names an order that order_sender never had",
    ),
    ErrorCode(
        ERROR_SENDER_NO_IDS,
        "sender_no_ids",
        "order id, 0",
        "no reserved reference number was left",
    ),
    ErrorCode(
        ERROR_SENDER_JOURNAL,
        "sender_journal",
        "entries not yet on disk, error number of the copier",
        "the journal's copier failed or is too far behind; no new orders go out",
    ),
    ErrorCode(
        ERROR_SENDER_NO_EVIDENCE,
        "sender_no_evidence",
        "order id, reference",
        "the venue counts an entry as received and never answered it; it stays unknown",
    ),
    ErrorCode(
        ERROR_SENDER_DUPLICATE,
        "sender_duplicate",
        "order id, greatest id seen",
        "an order id came a second time and was dropped",
    ),
    ErrorCode(
        ERROR_SENDER_NO_SLOT,
        "sender_no_slot",
        "order id, open orders",
        "more open orders than order_sender has slots",
    ),
    ErrorCode(
        ERROR_SENDER_SEQUENCE,
        "sender_sequence",
        "sequence number offered, asked for",
        "the venue offers another sequence number than was asked for; the session is halted",
    ),
    ErrorCode(
        ERROR_SENDER_MASS_CANCEL,
        "sender_mass_cancel",
        "reference, reason; 0 when no answer came",
        "the venue did not do a mass cancel: its orders are cancelled one by one",
    ),
    ErrorCode(
        ERROR_SENDER_EXTERNAL,
        "sender_external",
        "order id that it got, reference",
        "the venue has an order under our session that our journal does not know: adopted, counted and cancelled",
    ),
    ErrorCode(
        ERROR_SENDER_TRADE_TWICE,
        "sender_trade_twice",
        "order id, match number",
        "the venue told an execution a second time under another sequence number; it was counted once",
    ),
    ErrorCode(
        ERROR_SENDER_NOT_APPROVED,
        "sender_not_approved",
        "order id, ring sequence",
        "a record is not what risk_gate approved: it was not sent and the session is HALTED",
    ),
    ErrorCode(
        ERROR_REPORT_ROW,
        "report_row",
        "strategy, instrument",
        "a report names a strategy or an instrument that does not exist",
    ),
    ErrorCode(
        ERROR_REPORT_VALUE,
        "report_value",
        "report_seq, quantity",
        "an execution with an impossible side, price or quantity was not applied",
    ),
    ErrorCode(
        ERROR_BREAK_UNKNOWN,
        "break_unknown",
        "report_seq, match number",
        "the venue broke a trade that we do not have",
    ),
    ErrorCode(
        ERROR_VENUE_NO_ROOM,
        "venue_no_room",
        "instrument of the venue, orders of history held",
        "the simulated venue has no room for another order of history: it was left out",
    ),
    ErrorCode(
        ERROR_JOURNAL_FAILED,
        "journal_failed",
        "error number, watermark",
        "a write or sync of the journal failed: the firm is HALTED, only cancels leave, nothing is tried again; "
        "start again on a sound disk",
    ),
    ErrorCode(
        ERROR_JOURNAL_TAIL,
        "journal_tail",
        "first missing entry, torn bytes cut",
        "a power loss took the end of the journal: what was appended behind that entry is not known here; fills come "
        "again from the venue",
    ),
    ErrorCode(
        ERROR_JOURNAL_FULL,
        "journal_full",
        "next sequence, watermark",
        "no room in memory behind the journal's watermark: the disk does not keep up",
    ),
    ErrorCode(
        ERROR_IDS_FAILED,
        "ids_failed",
        "error number, high-water mark",
        "a block of identifiers could not be reserved durably",
    ),
    ErrorCode(
        ERROR_IDS_EXHAUSTED,
        "ids_exhausted",
        "high-water mark, 0",
        "no identifier was left in either block: nothing may be sent",
    ),
    ErrorCode(
        ERROR_LATE_COMPILE,
        "late_compile",
        "functions, 0",
        "something was compiled after warm-up: a branch that warm-up did not run",
    ),
    ErrorCode(
        ERROR_RECORD_BREAK,
        "record_break",
        "breaks in the batch, logic time of its last entry",
        "a journal contradicts itself: the record has it as it is, and says where (quintet oms check)",
    ),
    ErrorCode(
        ERROR_RISK_THRESHOLD,
        "risk_threshold",
        "RISK_REASON_* code, value in micro-units",
        "a threshold of risk_engine was reached, and it acted: `quintet risk --history`",
    ),
    ErrorCode(
        ERROR_RISK_UNVALUED,
        "risk_unvalued",
        "instrument, lots",
        "a position that cannot be valued: no mark, no rate of its currency, or no instrument of the configuration",
    ),
    ErrorCode(
        ERROR_RISK_NO_EXECUTOR,
        "risk_no_executor",
        "scope, RISK_REASON_* code",
        "a threshold asks to trade the position away and the topology has no executor: the scope stays REDUCING",
    ),
)

BY_CODE = {error.code: error for error in ERRORS}


def error_label(code: int) -> str:
    """Short name of a code for status and --json; an unlisted code names itself."""
    return BY_CODE[code].label if code in BY_CODE else f"error_{code}"


def error_text(code: int, detail_a: int, detail_b: int) -> str:
    """One sentence for people."""
    if code not in BY_CODE:
        return f"error {code}, which this version does not know ({detail_a}, {detail_b})"
    error = BY_CODE[code]
    return f"{error.meaning} ({error.details}: {detail_a}, {detail_b})"


assert len(BY_CODE) == len(ERRORS)
assert len({error.label for error in ERRORS}) == len(ERRORS)

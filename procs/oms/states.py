"""States: what each event means for the record's state of an order. The table is the rule; the code only reads it.

A cell names the next state, `.` stays, `-` contradicts: the event is recorded all the same, with a break beside it. The
states are those of order_sender (its life cycle is the authority; a test compares every cell). Two cells are wider
here: a cancel that order_sender asked for by itself, because its scope was halted, is in no journal, so its answer may
meet an order of which the record does not know that a cancel is on the way.

In the store a state is two words, `state` and `pending`: S_CANC is `sent` with `cancel` pending. A closed order says
how: filled, canceled, replaced, rejected, expired, never_arrived.
"""

from typing import NamedTuple

TRANSITIONS = """
event            SENT     S_CANC   S_REPL   WORKING  CANC     REPL     UNKNOWN  CLOSED   EXTERNAL
CANCEL_SENT      S_CANC   .        S_CANC   CANC     .        CANC     .        -        .
REDUCE_SENT      .        -        .        .        -        .        .        -        -
REPLACE_SENT     S_REPL   -        -        REPL     -        -        -        -        -
REPLACE_DIED     .        .        SENT     .        .        WORKING  .        .        .
REPLACED_AWAY    CLOSED   CLOSED   CLOSED   CLOSED   CLOSED   CLOSED   CLOSED   -        CLOSED
ACCEPTED         WORKING  CANC     REPL     .        .        .        WORKING  -        .
ACCEPTED_DEAD    CLOSED   CLOSED   CLOSED   -        -        -        CLOSED   .        -
EXECUTED         WORKING  CANC     REPL     .        .        .        WORKING  -        .
FILLED           CLOSED   CLOSED   CLOSED   CLOSED   CLOSED   CLOSED   CLOSED   -        CLOSED
REDUCED          WORKING  CANC     REPL     .        .        .        WORKING  -        .
CANCELED         CLOSED   CLOSED   CLOSED   CLOSED   CLOSED   CLOSED   CLOSED   .        CLOSED
REJECTED         CLOSED   CLOSED   CLOSED   -        -        -        CLOSED   .        -
CANCEL_REJECTED  .        SENT     .        .        WORKING  .        .        .        .
CANCEL_PENDING   .        .        .        .        .        .        .        .        .
RESTATED         -        -        -        .        .        .        WORKING  .        .
RESTATED_EMPTY   -        -        -        -        -        -        -        .        -
BROKEN           -        -        -        .        .        .        .        .        .
CORRECTED        -        -        -        .        .        .        .        .        .
SESSION_LOST     UNKNOWN  UNKNOWN  UNKNOWN  .        .        .        .        .        .
NEVER_ARRIVED    CLOSED   CLOSED   CLOSED   -        -        -        CLOSED   -        -
UNSENT           CLOSED   CLOSED   CLOSED   -        -        -        -        -        -
"""

CLOSED = "CLOSED"
UNKNOWN = "UNKNOWN"
WORDS = {  # state of the table: (state, pending) as stored
    "SENT": ("sent", ""),
    "S_CANC": ("sent", "cancel"),
    "S_REPL": ("sent", "replace"),
    "WORKING": ("working", ""),
    "CANC": ("working", "cancel"),
    "REPL": ("working", "replace"),
    UNKNOWN: ("unknown", ""),
    "EXTERNAL": ("external", ""),
}
CLOSED_WORDS = {  # event that closed an order: how the record says it
    "REPLACED_AWAY": "replaced",
    "ACCEPTED_DEAD": "canceled",
    "FILLED": "filled",
    "CANCELED": "canceled",
    "REJECTED": "rejected",
    "NEVER_ARRIVED": "never_arrived",
    "UNSENT": "expired",
}
PASSED = "passed"  # risk_gate let it through and order_sender's journal does not have it (yet)
STATES = (PASSED, "sent", "working", "unknown", "external", *dict.fromkeys(CLOSED_WORDS.values()))
OPEN_STATES = (PASSED, "sent", "working", "unknown", "external")

REPORT_EVENTS = {  # report kind by name (shm/codes.py): (event, event when nothing is left open)
    "accepted": ("ACCEPTED", "ACCEPTED_DEAD"),
    "replaced": ("ACCEPTED", "ACCEPTED_DEAD"),
    "canceled": ("REDUCED", "CANCELED"),
    "executed": ("EXECUTED", "FILLED"),
    "rejected": ("REJECTED", "REJECTED"),
    "cancel_rejected": ("CANCEL_REJECTED", "CANCEL_REJECTED"),
    "cancel_pending": ("CANCEL_PENDING", "CANCEL_PENDING"),
    "restated": ("RESTATED", "RESTATED_EMPTY"),
    "broken": ("BROKEN", "BROKEN"),
    "corrected": ("CORRECTED", "CORRECTED"),
    "expired": ("UNSENT", "UNSENT"),
    "unknown": ("SESSION_LOST", "SESSION_LOST"),
    "never_arrived": ("NEVER_ARRIVED", "NEVER_ARRIVED"),
}
REPLACE_DIES = ("rejected", "never_arrived", "expired")  # reports of a replacement that leave its original as it was


class Step(NamedTuple):
    """What an event does: the words after it, and whether the life cycle allows it."""

    state: str
    pending: str
    legal: bool


def _parse(text: str) -> dict[tuple[str, str], str]:
    """{(event, state): next state, "" where it contradicts}."""
    lines = text.strip().splitlines()
    states = lines[0].split()[1:]
    found = {}
    for line in lines[1:]:
        event, *cells = line.split()
        for state, cell in zip(states, cells, strict=True):
            found[event, state] = {".": state, "-": ""}.get(cell, cell)
    return found


NEXT = _parse(TRANSITIONS)
_BY_WORDS = {words: state for state, words in WORDS.items()}


def place_of(state: str, pending: str) -> str:
    """The table's column of an order's stored words."""
    if state == "unknown":
        return UNKNOWN
    return _BY_WORDS.get((state, "" if pending == "reduce" else pending), CLOSED)


def _step(event: str, state: str, pending: str) -> Step:
    before = place_of(state, pending)
    after = NEXT[event, before]
    if after in ("", CLOSED) or before == CLOSED:
        closes = after == CLOSED and before != CLOSED
        return Step(CLOSED_WORDS[event] if closes else state, "" if closes else pending, after != "")
    word, waits = WORDS[after]
    if before == UNKNOWN or after == UNKNOWN:  # what was asked for before the loss may still be answered
        waits = pending if pending == "cancel" or after == UNKNOWN else ""
        waits = "cancel" if event == "CANCEL_SENT" else waits
    elif event == "REDUCE_SENT" and not waits:
        waits = "reduce"
    elif pending == "reduce" and not waits and event not in ("REDUCED", "CANCEL_REJECTED"):
        waits = "reduce"
    return Step(word, waits, True)


_PENDING = ("", "cancel", "replace", "reduce")
_STEPS = {
    (event, state, pending): _step(event, state, pending)
    for event in {held for held, _ in NEXT}
    for state in STATES[1:]
    for pending in _PENDING
}


def step(event: str, state: str, pending: str) -> Step:
    """The step that `event` makes from the stored words `state` and `pending`."""
    return _STEPS[event, state, pending]


def event_of(kind: str, leaves_lots: int) -> str:
    """Event that a report of this kind means when `leaves_lots` are open after it; "" for a kind that has none."""
    both = REPORT_EVENTS.get(kind)
    return "" if both is None else both[0 if leaves_lots > 0 else 1]

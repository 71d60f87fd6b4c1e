"""Life cycle: the states of an order, the events that can meet it, and the one table of legal transitions.

The table below is the rule; the code only reads it. A cell names the next state, `.` stays, `-` is illegal: it changes
nothing and is a counted error, never a crash. The venue's sequenced stream and our own sends cross on the wire, so a
fill may meet an order that is being cancelled, an answer may meet one that is already closed, and so on; each such race
has its cell.

Quantities are not in the table: `EVENT_EXECUTED` and `EVENT_REDUCED` leave something open, `EVENT_FILLED` and
`EVENT_CANCELED` leave nothing. `executed_event` and `canceled_event` choose by arithmetic.

UNKNOWN is an entry whose answer the lost session may still hold: its whole exposure stays until the venue tells, by its
stream or by the next number of its account query; no time ends it. Our venue's protocol has no suspended order of its
own. What is suspended here is a whole session: an order that the venue acknowledged keeps its state while the session
is lost (what may trade of it is known and counted), nothing new leaves, and the replay says what became of it.
EXTERNAL is an order of our session that no journal of ours knows: our tail was lost, or somebody else entered it. It is
adopted from the venue's acknowledgement (external.py), counts, and is cancelled; it is never reduced nor replaced.
"""

import numpy as np

from shm.jit import hot

# states; 0 is never valid, so a zeroed row is no order
ORDER_STATE_SENT = 1  # entered, unanswered
ORDER_STATE_SENT_CANCELLING = 2  # entered, unanswered, a cancel behind it
ORDER_STATE_SENT_REPLACING = 3  # entered, unanswered, a replacement behind it
ORDER_STATE_WORKING = 4  # the venue has it
ORDER_STATE_CANCEL_SENT = 5  # the venue has it, a cancel is on the way
ORDER_STATE_REPLACE_SENT = 6  # the venue has it, a replacement is on the way
ORDER_STATE_UNKNOWN = 7  # entered, unanswered, and the session or this process was lost: exposure is kept
ORDER_STATE_CLOSED = 8  # nothing open; the row stays until its slot is needed, for late answers
ORDER_STATE_EXTERNAL = 9  # the venue has it under our session, and none of ours entered it
STATES = 10

# events
EVENT_CANCEL_SENT = 1  # ours
EVENT_REPLACE_SENT = 2  # ours, on the order that is to be replaced
EVENT_REPLACE_DIED = 3  # on the original: its replacement was rejected, never arrived or was never sent
EVENT_REPLACED_AWAY = 4  # on the original: its replacement took its place
EVENT_ACCEPTED = 5  # on a new order, or on a replacement that took its original's place
EVENT_ACCEPTED_DEAD = 6  # accepted and dead at once
EVENT_EXECUTED = 7
EVENT_FILLED = 8
EVENT_REDUCED = 9
EVENT_CANCELED = 10
EVENT_REJECTED = 11
EVENT_CANCEL_REJECTED = 12
EVENT_CANCEL_PENDING = 13
EVENT_RESTATED = 14
EVENT_BROKEN = 15
EVENT_SESSION_LOST = 16
EVENT_NEVER_ARRIVED = 17  # evidence that the entry has and will have no effect
EVENT_UNSENT = 18  # died here after its journal entry and before its first byte
EVENT_REDUCE_SENT = 19  # ours: a smaller total; whether one is unanswered is a column of the row, not a state
EVENT_CORRECTED = 20  # a trade got other terms
EVENT_RESTATED_EMPTY = 21  # the venue restates an order of which nothing is open
EVENTS = 22

ILLEGAL = 0

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
CANCEL_REJECTED  -        SENT     -        .        WORKING  .        .        .        .
CANCEL_PENDING   -        .        -        .        .        .        .        .        .
RESTATED         -        -        -        .        .        .        WORKING  .        .
RESTATED_EMPTY   -        -        -        -        -        -        -        .        -
BROKEN           -        -        -        .        .        .        .        .        .
CORRECTED        -        -        -        .        .        .        .        .        .
SESSION_LOST     UNKNOWN  UNKNOWN  UNKNOWN  .        .        .        .        .        .
NEVER_ARRIVED    CLOSED   CLOSED   CLOSED   -        -        -        CLOSED   -        -
UNSENT           CLOSED   CLOSED   CLOSED   -        -        -        -        -        -
"""

_STATE_OF = {
    "SENT": ORDER_STATE_SENT,
    "S_CANC": ORDER_STATE_SENT_CANCELLING,
    "S_REPL": ORDER_STATE_SENT_REPLACING,
    "WORKING": ORDER_STATE_WORKING,
    "CANC": ORDER_STATE_CANCEL_SENT,
    "REPL": ORDER_STATE_REPLACE_SENT,
    "UNKNOWN": ORDER_STATE_UNKNOWN,
    "CLOSED": ORDER_STATE_CLOSED,
    "EXTERNAL": ORDER_STATE_EXTERNAL,
}


def _parse(text: str) -> np.ndarray:
    """NEXT_STATE[event, state] from the table. Refuses a table that is not complete."""
    table = np.full((EVENTS, STATES), -1, np.int64)
    table[0] = table[:, 0] = ILLEGAL
    lines = text.strip().splitlines()
    columns = [_STATE_OF[word] for word in lines[0].split()[1:]]
    for line in lines[1:]:
        name, *cells = line.split()
        event = globals()["EVENT_" + name]
        for state, cell in zip(columns, cells, strict=True):
            table[event, state] = state if cell == "." else ILLEGAL if cell == "-" else _STATE_OF[cell]
    if (table < 0).any():
        raise ValueError("life cycle: TRANSITIONS leaves out an event or a state")
    return table


NEXT_STATE = _parse(TRANSITIONS)
STATE_NAMES = {state: name for name, state in _STATE_OF.items()}


@hot
def next_state(state, event):
    """State after `event`, or ILLEGAL. A state or event out of range is ILLEGAL."""
    if state <= 0 or state >= STATES or event <= 0 or event >= EVENTS:
        return ILLEGAL
    return NEXT_STATE[event, state]


@hot
def is_unanswered(state):
    """1 for an entry that the venue has not answered on this connection."""
    if state == ORDER_STATE_SENT or state == ORDER_STATE_SENT_CANCELLING or state == ORDER_STATE_SENT_REPLACING:
        return 1
    return 0


@hot
def is_open(state):
    """1 while the order may still trade, as far as we know."""
    if state > 0 and state != ORDER_STATE_CLOSED:
        return 1
    return 0


@hot
def leaves_after(leaves_lots, taken_lots):
    """Open size after `taken_lots` left the order; never negative."""
    if taken_lots >= leaves_lots:
        return 0
    return leaves_lots - taken_lots


@hot
def executed_event(leaves_lots):
    """EVENT_* of an execution after which `leaves_lots` are open."""
    if leaves_lots > 0:
        return EVENT_EXECUTED
    return EVENT_FILLED


@hot
def canceled_event(leaves_lots):
    """EVENT_* of a cancellation after which `leaves_lots` are open."""
    if leaves_lots > 0:
        return EVENT_REDUCED
    return EVENT_CANCELED


@hot
def accepted_event(leaves_lots):
    """EVENT_* of an acceptance after which `leaves_lots` are open."""
    if leaves_lots > 0:
        return EVENT_ACCEPTED
    return EVENT_ACCEPTED_DEAD


@hot
def restated_event(leaves_lots):
    """EVENT_* of a restatement after which `leaves_lots` are open."""
    if leaves_lots > 0:
        return EVENT_RESTATED
    return EVENT_RESTATED_EMPTY

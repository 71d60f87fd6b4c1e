"""The record's states of an order against order_sender's life cycle, cell by cell."""

import pytest

from procs.oms import states
from procs.oms.states import NEXT, REPORT_EVENTS, TRANSITIONS, WORDS, event_of, place_of, step
from procs.order_sender import life_cycle
from procs.order_sender.reports import event_of as sender_event_of
from shm import codes

# cells where the record must allow what order_sender's journal can hold and its own table cannot meet
WIDER = {(event, state) for event in ("CANCEL_REJECTED", "CANCEL_PENDING") for state in ("SENT", "S_REPL")}
KINDS = {
    value: name.removeprefix("REPORT_").lower() for name, value in vars(codes).items() if name.startswith("REPORT_")
}


def sender_cell(event: str, state: str) -> str:
    """order_sender's next state, "" where it is illegal."""
    numbers = {name: number for number, name in life_cycle.STATE_NAMES.items()}
    after = int(life_cycle.NEXT_STATE[getattr(life_cycle, f"EVENT_{event}"), numbers[state]])
    return "" if after == life_cycle.ILLEGAL else life_cycle.STATE_NAMES[after]


def test_every_cell_is_order_senders_but_for_cancels_that_no_journal_has():
    compared = 0
    for (event, state), after in NEXT.items():
        if not hasattr(life_cycle, f"EVENT_{event}") or state not in life_cycle.STATE_NAMES.values():
            continue
        compared += 1
        if (event, state) in WIDER:
            assert (after, sender_cell(event, state)) == (state, ""), (event, state)
        else:
            assert after == sender_cell(event, state), (event, state)
    assert compared >= 18 * 8
    known = {name.removeprefix("EVENT_") for name in vars(life_cycle) if name.startswith("EVENT_")}
    assert known <= {event for event, _ in NEXT}, "order_sender has an event that the record does not know"


def test_every_kind_of_report_has_its_event_and_it_is_order_senders():
    assert set(REPORT_EVENTS) == set(KINDS.values())
    for number, kind in KINDS.items():
        for leaves_lots in (0, 5):
            theirs = int(
                sender_event_of.py_func(number, leaves_lots)
                if hasattr(sender_event_of, "py_func")
                else sender_event_of(number, leaves_lots)
            )
            if theirs:
                assert getattr(life_cycle, f"EVENT_{event_of(kind, leaves_lots)}") == theirs, kind


def test_words_and_columns_of_the_table_name_each_other():
    for column, (state, pending) in WORDS.items():
        assert place_of(state, pending) == column
    for word in dict.fromkeys(states.CLOSED_WORDS.values()):
        assert place_of(word, "") == states.CLOSED
    assert set(TRANSITIONS.split("\n")[1].split()[1:]) == {*WORDS, states.CLOSED}


STEPS = """
event            state     pending   -> state          pending   legal
CANCEL_SENT      sent      -            sent           cancel    yes
CANCEL_SENT      working   replace      working        cancel    yes
CANCEL_SENT      unknown   -            unknown        cancel    yes
CANCEL_SENT      filled    -            filled         -         no
REDUCE_SENT      working   -            working        reduce    yes
REDUCE_SENT      working   cancel       working        cancel    no
REDUCED          working   reduce       working        -         yes
EXECUTED         working   reduce       working        reduce    yes
FILLED           working   reduce       filled         -         yes
CANCEL_REJECTED  working   cancel       working        -         yes
SESSION_LOST     sent      cancel       unknown        cancel    yes
SESSION_LOST     working   -            working        -         yes
ACCEPTED         unknown   cancel       working        cancel    yes
ACCEPTED         unknown   replace      working        -         yes
NEVER_ARRIVED    unknown   replace      never_arrived  -         yes
ACCEPTED_DEAD    sent      -            canceled       -         yes
EXECUTED         canceled  -            canceled       -         no
FILLED           canceled  -            canceled       -         no
CANCELED         filled    -            filled         -         yes
BROKEN           filled    -            filled         -         yes
CORRECTED        working   cancel       working        cancel    yes
REPLACED_AWAY    working   replace      replaced       -         yes
REPLACE_DIED     working   replace      working        -         yes
"""


@pytest.mark.parametrize("line", STEPS.strip().splitlines()[1:])
def test_a_step_changes_state_and_what_is_pending(line):
    event, state, pending, after, waits, legal = line.split()
    found = step(event, state, pending.strip("-"))
    assert found == (after, waits.strip("-"), legal == "yes")

"""What a threshold does, step by step: exactly at its number, below it, after `resume`, and as it grows."""

import random
import re

import pytest

from procs.risk_engine.ladder import STEP_STATES, Ladder
from shm.codes import (
    RISK_EVENT_AGAIN,
    RISK_EVENT_EASED,
    RISK_EVENT_NAMES,
    RISK_STEP_FLATTEN,
    RISK_STEP_HALTED,
    RISK_STEP_NAMES,
    RISK_STEP_NONE,
    RISK_STEP_REDUCING,
    RISK_STEP_WARN,
    STATE_ACTIVE,
    STATE_NAMES,
)

NUMBERS = {RISK_STEP_WARN: 100, RISK_STEP_REDUCING: 200, RISK_STEP_FLATTEN: 300, RISK_STEP_HALTED: 400}
TENTH = 100_000

# value of the measure, * when an operator resumed the scope before it; what happens, step that holds, state said
TABLE = """
climbs one by one           99 -              none      -         | 100 step warn ACTIVE  | 199 -          warn      -        | 200 step reducing REDUCING | 300 step flatten REDUCING | 400 step halted HALTED
one over each number       101 step           warn      ACTIVE    | 201 step reducing REDUCING | 401 step halted HALTED
jumps over steps           400 step           halted    HALTED
gross breach          9999999 step           halted    HALTED
a warning eases             150 step warn ACTIVE | 99 eased none - | 100 step warn ACTIVE
said stays said             250 step reducing REDUCING | 0 - reducing - | 250 - reducing - | 0 - reducing -
milder is not said          400 step halted HALTED | 250 - halted - | 0 - halted -
resumed above the number    200 step reducing REDUCING | *200 - reducing - | *219 - reducing - | *220 again reducing REDUCING
resumed, then fell, rose    200 step reducing REDUCING | *150 eased warn - | *199 - warn - | 200 step reducing REDUCING
resumed, then worse step    200 step reducing REDUCING | *210 - reducing - | *300 step flatten REDUCING
resumed from halted         400 step halted HALTED | *250 eased reducing - | *260 - reducing - | *275 again reducing REDUCING
"""


def cases() -> list:
    """A line: a name, two spaces or more, then steps between bars."""
    lines = [re.split(r"  +(?=[*0-9])", line, maxsplit=1) for line in TABLE.strip().splitlines()]
    return [pytest.param([piece.split() for piece in steps.split("|")], id=name) for name, steps in lines]


@pytest.mark.parametrize("steps", cases())
def test_a_ladder_climbs_and_stays_as_the_table_says(steps):
    ladder = Ladder(NUMBERS, TENTH)
    for value, event, *rest in steps:
        act = ladder.look(int(value.strip("*")), value.startswith("*"))
        wanted_step, said = rest if len(rest) == 2 else (rest[0], "-")
        assert (RISK_EVENT_NAMES[act.event] if act else "-") == event, (value, act)
        assert RISK_STEP_NAMES[ladder.step] == wanted_step, value
        if act and act.event != RISK_EVENT_EASED:
            assert STATE_NAMES[act.state] == said
            assert act.found == int(value.strip("*")) >= act.threshold


def test_after_a_death_a_ladder_goes_on_where_it_stood():
    first, second = Ladder(NUMBERS, TENTH), Ladder(NUMBERS, TENTH)
    first.look(200, False)
    second.resume_at(first.step, first.again)
    for value in (200, 219):
        assert second.look(value, True) is None, "it was acknowledged: a restart is no new breach"
    assert second.look(220, True).event == RISK_EVENT_AGAIN


def test_a_number_that_a_changed_configuration_does_not_have_is_no_trap():
    ladder = Ladder({RISK_STEP_WARN: 100}, TENTH)
    ladder.resume_at(RISK_STEP_HALTED, 500)
    assert ladder.look(50, True).event == RISK_EVENT_EASED and ladder.step == RISK_STEP_NONE


def test_over_random_walks_nothing_said_is_weaker_than_what_was_reached_and_nothing_goes_back_by_itself():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(200):
        ladder, said, value = Ladder(NUMBERS, TENTH), STATE_ACTIVE, rng.randrange(500)
        for _ in range(60):
            value = max(0, value + rng.randrange(-120, 121))
            before = ladder.step
            act = ladder.look(value, acknowledged=False)
            said = max(said, act.state if act else STATE_ACTIVE)
            assert STEP_STATES[ladder.reached(value)] <= said, "reached and not said"
            assert STEP_STATES[ladder.step] >= STEP_STATES[before], "never goes back by itself"
            assert STEP_STATES[ladder.step] == said

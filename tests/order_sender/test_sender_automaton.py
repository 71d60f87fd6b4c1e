"""The whole table of transitions against the oracle of one order: every order that can come to be, every event."""

from procs.order_sender import life_cycle
from procs.order_sender.life_cycle import EVENTS, ILLEGAL, STATE_NAMES, next_state
from tests.oracles.order import Facts, on

EVENT_NAMES = {
    value: name.removeprefix("EVENT_")
    for name, value in vars(life_cycle).items()
    if name.startswith("EVENT_") and isinstance(value, int)
}
STATE_OF = {name: state for state, name in STATE_NAMES.items()}


def test_every_event_in_every_order_that_can_come_to_be_is_what_the_oracle_says():
    """Walks to closure, so the depth of the interleavings has no limit."""
    assert sorted(EVENT_NAMES) == list(range(1, EVENTS))
    seen, todo, cells = set(), [Facts(), Facts(known=True, external=True)], set()
    while todo:
        facts = todo.pop()
        if facts in seen:
            continue
        seen.add(facts)
        for event, name in EVENT_NAMES.items():
            wanted = on(facts, name)
            found = next_state(STATE_OF[facts.name], event)
            cells.add((event, facts.name))
            where = f"{name} in {facts}"
            if wanted is None:
                assert found == ILLEGAL, f"{where}: the table allows what cannot happen"
                continue
            assert found != ILLEGAL, f"{where}: the table forbids what can happen"
            assert STATE_NAMES[int(found)] == wanted.name, where
            todo.append(wanted)
    assert len(cells) == (EVENTS - 1) * len(STATE_NAMES), "a cell that no order ever reaches is not a rule"

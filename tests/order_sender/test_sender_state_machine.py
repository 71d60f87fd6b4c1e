"""Model-based: hypothesis plays any twelve actions on an order, deaths of order_sender among them, and shrinks what fails.

The walk of test_sender_interleavings.py is complete to a small depth; this one goes deeper, by samples. After each action
the rows keep their invariants and every reader has a prefix of one story; at the end venue, rows and readers agree.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from procs.order_sender.state import check, forget
from shm.error_log import ERROR_SENDER_SESSION_LOST
from shm.jit import JIT_OFF
from tests.oracles.told import believe
from tests.support.kept import Kept
from tests.support.order_path import ACTIONS, Path, new_bench
from tests.support.sender_bench import GATE, KEEPER

DEPTH = 12
EXAMPLES = 25 if JIT_OFF else 150
EXAMPLES_SOAK = int(os.environ.get("QUINTET_EXAMPLES", "20000"))
STORY = ("report_seq", "kind", "order_id", "leaves_lots", "cum_lots", "qty_lots", "match_number")


class OrderLife(RuleBasedStateMachine):
    """One life of one order on a bench of its own: what one example leaves behind (slots, references, a sweep that is
    under way) decides what is possible in the next, and the same choices must make the same example."""

    examples = 0

    def __init__(self):
        super().__init__()
        OrderLife.examples += 1
        self.actions, self.kept = [], Kept()
        self.path = Path(new_bench())

    def act(self, action):
        self.actions.append(action)
        self.path.act(action)
        bench = self.path.bench
        check(bench.state)
        for reader in bench.readers:
            reader.read()
        gate, keeper = (
            [[report[name] for name in STORY] for report in bench.readers[reader].reports] for reader in (GATE, KEEPER)
        )
        assert gate == keeper
        for order_id, told in believe(bench.readers[KEEPER].reports).items():
            assert told.closed_times <= 1, order_id

    def teardown(self):
        where = " ".join(self.actions)
        self.path.deliver()
        self.path.agree(where)
        assert set(self.path.bench.errors()) <= {ERROR_SENDER_SESSION_LOST}, where
        forget(self.path.bench.state)
        self.path = None
        self.kept.let_go()


def _add(action):
    @precondition(lambda life: action in life.path.possible())
    def play(life):
        life.act(action)

    play.__name__ = action
    setattr(OrderLife, action, rule()(play))


for _action in ACTIONS:
    _add(_action)


def play(examples):
    OrderLife.examples = 0
    run_state_machine_as_test(
        OrderLife,
        settings=settings(
            max_examples=examples,
            stateful_step_count=DEPTH,
            deadline=None,
            derandomize=True,  # the same examples in each run; a failure prints the actions
            database=None,
            print_blob=True,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert OrderLife.examples >= examples


def test_any_twelve_actions_end_with_venue_rows_and_readers_in_agreement():
    play(EXAMPLES)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_any_twelve_actions_end_in_agreement_many_times():
    play(EXAMPLES_SOAK)

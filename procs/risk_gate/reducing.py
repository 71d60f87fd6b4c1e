"""Reducing: what REDUCING lets through, where an executor trades for the firm and where none does.

| desk                      | its position in the instrument shrinks, never turns | the firm's does too |
|---------------------------|------------------------------------------------------|---------------------|
| of a firm without executor | asked                                                | follows only if alone |
| beside an executor         | asked                                                | asked               |
| the executor               |                                                      | asked               |

The executor nets what other desks hold on its own desk, so its own position says nothing, and theirs no longer all. An
intent that is `reduce_only` is held to this whatever the state. Open orders of every desk count: together they cannot
pass flat.
"""

from procs.risk_gate.checks import check_reducing
from procs.risk_gate.sides import open_lots
from shm.codes import LIMIT_SCOPE_INSTRUMENT, LIMIT_SCOPE_PAIR, PASS, STATE_REDUCING
from shm.jit import hot

# of a desk
NETTING_NONE = 0  # nobody trades for the firm
NETTING_BESIDE = 1
NETTING_FIRM = 2  # it is the executor


def netting_of(strategies: int, executor: int) -> list[int]:
    """NETTING_* by strategy_id; `executor` -1: there is none. Cold."""
    if executor < 0:
        return [NETTING_NONE] * strategies
    return [NETTING_FIRM if row == executor else NETTING_BESIDE for row in range(strategies)]


@hot
def state_for(state, reduce_only):
    """The STATE_* that an intent is held to."""
    return max(state, STATE_REDUCING) if reduce_only != 0 else state


@hot
def raised_scope(case, own, pair):
    """0 when the order lowers what is held, else the LIMIT_SCOPE_* whose position it does not lower.

    `own` is what all desks hold in the instrument, `pair` what the order's desk does.
    """
    side, added = case["side"], case["added_lots"]
    if case["netting"] != NETTING_FIRM:
        if check_reducing(STATE_REDUCING, side, pair["position"], open_lots(side, pair), added) != PASS:
            return LIMIT_SCOPE_PAIR
    if case["netting"] != NETTING_NONE:
        if check_reducing(STATE_REDUCING, side, own["position"], open_lots(side, own), added) != PASS:
            return LIMIT_SCOPE_INSTRUMENT
    return 0


@hot
def not_reducing(case, own, pair):
    """`raised_scope` where REDUCING is in force, else 0."""
    return raised_scope(case, own, pair) if case["state"] == STATE_REDUCING else 0

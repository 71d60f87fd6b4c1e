"""Holds: a strategy that executed too often, or was refused too often, stops until a person lets it go on.

```
executions   as many as executions_max since a person last let it go on                            -> HALTED
fill burst   more than fill_lots_max, fill_delta_micro_max or fill_vega_micro_max in fill_window_ns;
             fill_reset_ns a time: its open orders are cancelled, new ones refused for so long
             fill_reset_ns LIMIT_NONE                                                              -> HALTED
rejects      more than venue_rejects_max of the venue in venue_rejects_window_ns (venue_rejects.py)     -> HALTED
```

HALTED is the gate's own control word of the strategy: latched, seen by everybody, taken back by the operator's
acknowledgement (`quintet resume --scope strategy:NAME`). Its first order that passes after that starts all counts
again; that decision is marked `released` in the journal, so a restart counts from there too. A restart that finds a
strategy over its count raises the word again: one that a person resumed while the gate was dead is to be resumed again.
"""

from procs.risk_gate.rows import MEMORY
from shm.atomics import record_at
from shm.codes import STATE_HALTED
from shm.control import control_own_state, control_set, control_strategy_scope
from shm.error_log import ERROR_GATE_EXECUTIONS
from shm.instance import note_error
from shm.jit import hot, hot_inline
from shm.records.control_end import CONTROL_END
from shm.records.instance_end import INSTANCE_END

HELD_EXECUTIONS = 1
HELD_BURST = 2
HELD_REJECTS = 4


@hot
def limit_strategy(gate, strategy_id, state):
    """Say `state` for a strategy in the gate's own control row, unless it says something stricter already."""
    control = record_at(gate["control_addr"], CONTROL_END)
    scope = control_strategy_scope(control, strategy_id)
    if control_own_state(control, scope) < state:
        control_set(control, scope, state)


@hot
def hold(gate, strategy_id, account, reason, error, detail):
    """Halt a strategy for HELD_* `reason`, once for each time."""
    if account["held"] & reason:
        return
    account["held"] |= reason
    limit_strategy(gate, strategy_id, STATE_HALTED)
    note_error(record_at(gate["me_addr"], INSTANCE_END), error, strategy_id, detail)


@hot_inline
def check_count(gate, strategy_id, account):
    """Halt a strategy whose next execution would be one too many. Cost where nothing limits it: one compare."""
    if account["executions_counted"] >= account["executions_max"]:
        hold(gate, strategy_id, account, HELD_EXECUTIONS, ERROR_GATE_EXECUTIONS, account["executions_counted"])


@hot_inline
def is_released(gate, strategy_id, account):
    """1 when a strategy was held and a person has acknowledged it since."""
    if account["held"] == 0:
        return 0
    control = record_at(gate["control_addr"], CONTROL_END)
    return 1 if control_own_state(control, control_strategy_scope(control, strategy_id)) == 0 else 0


@hot
def release(account):
    """Start the counts of a strategy again."""
    account["held"] = 0
    account["executions_counted"] = 0
    account["burst_until_ns"] = 0
    memory = record_at(account["memory_addr"], MEMORY)
    memory["fill_first"] = memory["fill_count"]
    memory["reject_first"] = memory["reject_count"]

"""Corrupt records: what no writer of an input ring can have written halts trading and is left where it is.

```
intents    of no kind, or with another strategy's number: that strategy is HALTED, the intent refused
reports    of no kind, or of an order in an instrument or strategy that does not exist: the firm is HALTED
either     a sequence word that belongs to no lap of the ring: the ring stands still, HALTED likewise
```

The words are latched in the gate's own row; a person takes them back. Cancels pass in every state.
"""

from procs.risk_gate.holds import limit_strategy
from procs.risk_gate.state import ring_at
from shm.atomics import record_at
from shm.codes import (
    INTENT_CANCEL,
    INTENT_NEW,
    INTENT_REDUCE,
    INTENT_REPLACE,
    REPORT_ACCEPTED,
    REPORT_CORRECTED,
    STATE_HALTED,
)
from shm.control import SCOPE_FIRM, control_own_state, control_set
from shm.error_log import ERROR_GATE_CORRUPT
from shm.instance import note_error
from shm.jit import hot
from shm.records.control_end import CONTROL_END
from shm.records.instance_end import INSTANCE_END
from shm.ring import ring_is_torn

assert (INTENT_NEW, INTENT_REPLACE, INTENT_CANCEL, INTENT_REDUCE) == (1, 2, 3, 4)


@hot
def _note(gate, ring, sequence):
    note_error(record_at(gate["me_addr"], INSTANCE_END), ERROR_GATE_CORRUPT, ring, sequence)


@hot
def _halt_firm(gate, ring, sequence):
    control = record_at(gate["control_addr"], CONTROL_END)
    if control_own_state(control, SCOPE_FIRM) != STATE_HALTED:
        _note(gate, ring, sequence)
        control_set(control, SCOPE_FIRM, STATE_HALTED)


@hot
def watch_intent(gate, strategy_id, sequence, intent):
    """Halt a strategy whose ring holds what it cannot have written."""
    kind = int(intent["kind"])
    if INTENT_NEW <= kind <= INTENT_REDUCE and int(intent["strategy_id"]) == strategy_id:
        return
    _note(gate, gate["sessions"] + strategy_id, sequence)
    limit_strategy(gate, strategy_id, STATE_HALTED)


@hot
def watch_report(gate, session, sequence, report):
    """Halt the firm when a report cannot be one: then nobody knows what is open."""
    kind = int(report["kind"])
    instrument_id, strategy_id = int(report["instrument_id"]), int(report["strategy_id"])
    known = REPORT_ACCEPTED <= kind <= REPORT_CORRECTED
    if known and report["order_id"] > 0:  # 0: of an order that we never sent, told by order_sender
        known = 0 <= instrument_id < gate["instruments"] and 0 <= strategy_id <= gate["strategies"]
    if not known:
        _halt_firm(gate, session, sequence)


@hot
def watch_rings(gate):
    """Halt for an input ring whose next slot can never be read. Cost: one look a ring; when there is nothing to do."""
    for session in range(gate["sessions"]):
        end = ring_at(gate["reports_addr"], session)
        if ring_is_torn(end) == 1:
            _halt_firm(gate, session, end["next_seq"])
    for strategy_id in range(gate["strategies"]):
        end = ring_at(gate["intents_addr"], strategy_id)
        if ring_is_torn(end) == 1:
            _note(gate, gate["sessions"] + strategy_id, end["next_seq"])
            limit_strategy(gate, strategy_id, STATE_HALTED)

"""Approval: the last hop refuses what risk_gate did not approve.

```
seal            CRC32C of the record is what the gate wrote (shm/order_seal.py): when it is read, and again right before
                it is journalled and encoded
decision_seq    rises in the ring: a record that an earlier lap or a second writer left is not the next decision
order id        rises (entries.py)
parent          a replace names an order that was approved before it
size            what is encoded is the sealed size; an execution beyond it halts the instrument (answers.py)
```

What is not approved is answered with REJECT_NOT_APPROVED, stays in the ring's memory until the ring comes round, and
halts the session: somebody writes orders who is not the gate, or memory is not what it was. A cancel or a reduce is
carried out all the same, because it can only lower what is open; the session is halted after it.
"""

from procs.order_sender.desk import control_of, me_of, orders_of
from shm.atomics import record_at
from shm.codes import STATE_HALTED
from shm.control import control_own_state, control_session_scope, control_set
from shm.error_log import ERROR_SENDER_NOT_APPROVED
from shm.instance import note_error
from shm.jit import hot
from shm.order_seal import is_sealed
from shm.records.order import ORDER
from shm.ring import ring_is_torn


@hot
def halt_not_approved(desk, order_id, sequence):
    """Say HALTED for our session; only the operator takes it back."""
    note_error(me_of(desk), ERROR_SENDER_NOT_APPROVED, order_id, sequence)
    control_set(control_of(desk), control_session_scope(control_of(desk), desk["session_id"]), STATE_HALTED)


@hot
def is_approved(desk, order_addr, sequence):
    """1 when the ORDER is as the gate sealed it; else the session is halted."""
    if is_sealed(order_addr) == 1:
        return 1
    halt_not_approved(desk, record_at(order_addr, ORDER)["order_id"], sequence)
    return 0


@hot
def take_approved(desk, order_addr, sequence):
    """The same for a record that was just read, whose decision must be later than the last one's."""
    if is_approved(desk, order_addr, sequence) == 0:
        return 0
    order = record_at(order_addr, ORDER)
    if order["decision_seq"] <= desk["decision_seq_last"]:
        halt_not_approved(desk, order["order_id"], sequence)
        return 0
    desk["decision_seq_last"] = order["decision_seq"]
    return 1


@hot
def watch_ring(desk):
    """Halt when the next slot of the ring can never be read. Returns 0. Caller: a cycle without work."""
    end = orders_of(desk)
    control = control_of(desk)
    if ring_is_torn(end) == 1:
        if control_own_state(control, control_session_scope(control, desk["session_id"])) != STATE_HALTED:
            halt_not_approved(desk, 0, end["next_seq"])
    return 0


@hot
def has_parent(desk, order, sequence):
    """1 when a replace names an order older than itself; whether that is still open is another question."""
    target = order["target_order_id"]
    if 0 < target < order["order_id"]:
        return 1
    halt_not_approved(desk, order["order_id"], sequence)
    return 0

"""Publish: complete a decision in the journal, then let its answer leave. In this order, always (why: step.py)."""

from procs.risk_gate.answer import write_reject
from procs.risk_gate.state import ring_at
from shm.atomics import record_at
from shm.counters import GATE_REJECT_BASE, GATE_REJECTED
from shm.instance import count, stamp
from shm.jit import hot
from shm.journal import JOURNAL_DECISION, journal_commit
from shm.order_seal import seal_order
from shm.records.decision import DECISION
from shm.records.instance_end import INSTANCE_END
from shm.records.journal_end import JOURNAL_END
from shm.records.order import ORDER
from shm.ring import ring_publish

DECISION_BYTES = DECISION.itemsize
FIRST_CODE = 10  # of REJECT_*


@hot
def commit_decision(gate, stamp_ns, now_ns):
    """Complete the claimed decision in the journal."""
    journal_commit(record_at(gate["journal_addr"], JOURNAL_END), JOURNAL_DECISION, DECISION_BYTES, stamp_ns, now_ns)


@hot
def publish_order(gate, session, order_addr):
    """Seal the filled ORDER at `order_addr` and let it leave. Its decision stands in the journal."""
    order = record_at(order_addr, ORDER)
    order["decision_seq"] = record_at(gate["journal_addr"], JOURNAL_END)["next_seq"]
    seal_order(order_addr)
    order["publish_stamp_ns"] = stamp(record_at(gate["me_addr"], INSTANCE_END))
    ring_publish(ring_at(gate["orders_addr"], session))


@hot
def publish_reject(gate, strategy_id, reject_addr, decision):
    """Answer a refused intent, and count why."""
    me = record_at(gate["me_addr"], INSTANCE_END)
    reject = write_reject(reject_addr, decision)
    reject["publish_stamp_ns"] = stamp(me)
    ring_publish(ring_at(gate["rejects_addr"], strategy_id))
    count(me, GATE_REJECTED, 1)
    count(me, GATE_REJECT_BASE + int(decision["code"]) - FIRST_CODE, 1)

"""Objects: the rings and journals of a configuration, with sizes and owners: what is created is what is attached."""

from typing import NamedTuple

import numpy as np

from config.topology import RING_RECORDS
from shm.records.decision import DECISION
from shm.records.intent import INTENT
from shm.records.order import ORDER
from shm.records.quote import QUOTE
from shm.records.reject import REJECT
from shm.records.report import REPORT
from shm.records.tick import TICK

RING_DTYPES = {"tick": TICK, "intent": INTENT, "order": ORDER, "reject": REJECT, "report": REPORT}
JOURNAL_PAYLOADS = {
    "strategy": QUOTE.itemsize,
    "risk_gate": DECISION.itemsize,
    "order_sender": REPORT.itemsize,
    "position_keeper": REPORT.itemsize,
}
REST_SECONDS = 0.002
# What stands in a strategy's journal explains trading and holds nothing up (procs/strategy/quote_journal.py), so it
# has less memory than journals without whose room no order leaves; shared memory in a container is 64 MiB.
JOURNAL_DIVISORS = {"strategy": 2}
JOURNAL_REST_SECONDS = {"strategy": 0.05}  # nor does a power loss that takes 50 ms of it: its copier rests longer


class RingObject(NamedTuple):
    """One ring of the topology with its record and both ends."""

    name: str
    noun: str
    dtype: np.dtype
    capacity: int
    headroom: int
    resume: str
    producer: str
    consumer: str


class JournalObject(NamedTuple):
    """One journal's part in memory."""

    name: str
    payload_bytes: int
    entries: int
    owner: str
    rest_seconds: float  # how long its copier rests when all of it is on disk


def rings_of(config) -> list[RingObject]:
    """Every ring in topology order."""
    found = []
    for ring in config.topology.rings:
        producer, consumer = config.topology.ends(ring)
        dtype = RING_DTYPES[RING_RECORDS[ring.noun][2]]
        found.append(
            RingObject(ring.name, ring.noun, dtype, ring.capacity, ring.headroom, ring.resume, producer, consumer)
        )
    return found


def journals_of(config) -> dict[str, JournalObject]:
    """Every journal by instance name."""
    return {
        instance.name: JournalObject(
            f"journal.{instance.name}",
            JOURNAL_PAYLOADS[instance.role],
            max(2, config.topology.journal_entries // JOURNAL_DIVISORS.get(instance.role, 1)),
            instance.name,
            JOURNAL_REST_SECONDS.get(instance.role, REST_SECONDS),
        )
        for instance in config.topology.instances
        if instance.role in JOURNAL_PAYLOADS
    }

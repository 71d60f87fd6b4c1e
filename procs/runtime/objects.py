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
from shm.records.risk import RISK
from shm.records.risk_entry import RISK_ENTRY
from shm.records.tick import TICK

RING_DTYPES = {"tick": TICK, "intent": INTENT, "order": ORDER, "reject": REJECT, "report": REPORT}
JOURNAL_PAYLOADS = {
    "strategy": QUOTE.itemsize,
    "risk_gate": DECISION.itemsize,
    "order_sender": REPORT.itemsize,
    "position_keeper": REPORT.itemsize,
    "risk_engine": RISK_ENTRY.itemsize + RISK.itemsize,
}
JOURNAL_FILE_DIVISORS = {"risk_engine": 16}  # files are made whole: 1.8 MB hold hours of it
REST_SECONDS = 0.002
# What stands in a strategy's journal explains trading and holds nothing up (procs/strategy/quote_journal.py), so it
# has less memory than journals without whose room no order leaves; shared memory in a container is 64 MiB.
# risk_engine writes a few entries a second, and may wait.
JOURNAL_DIVISORS = {"strategy": 2, "risk_engine": 16}
JOURNAL_REST_SECONDS = {"strategy": 0.05, "risk_engine": 0.05}  # what a power loss takes of it: its copier rests longer


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

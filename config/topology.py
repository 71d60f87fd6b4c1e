"""Topology: which instances run, and which ring joins which two of them. Declared once, in flow order."""

from typing import Literal

from msgspec import Struct

ROLES = (
    "venue",
    "feed_handler",
    "strategy",
    "risk_gate",
    "order_sender",
    "position_keeper",
    "risk_engine",
    "oms",
)  # flow
COLD_ROLES = (
    "risk_engine",
    "oms",
)  # they read tables and journals, have no core and no ring, and nothing waits for them
RING_RECORDS = {  # ring noun -> (role that produces, roles that may consume, record file in shm/records)
    "ticks": ("feed_handler", ("strategy",), "tick"),
    "intents": ("strategy", ("risk_gate",), "intent"),
    "rejects": ("risk_gate", ("strategy",), "reject"),
    "orders": ("risk_gate", ("order_sender",), "order"),
    "reports": ("order_sender", ("strategy", "risk_gate", "position_keeper"), "report"),
}


class Instance(Struct, forbid_unknown_fields=True, frozen=True):
    """One running copy of a role. `core` -1 lets the host decide; `idle` "" takes the host's word.

    Instances with the same `process` word are fused: one process steps them in turn. "" gives each its own process.
    """

    name: str
    role: Literal[
        "venue", "feed_handler", "strategy", "risk_gate", "order_sender", "position_keeper", "risk_engine", "oms"
    ]
    core: int = -1
    idle: Literal["", "spin", "yield", "backoff"] = ""
    process: str = ""

    @property
    def cold(self) -> bool:
        """Whether it runs in plain Python beside the hot path, with no thread on a core of its own."""
        return self.role in COLD_ROLES


class Ring(Struct, forbid_unknown_fields=True, frozen=True):
    """One ring `noun.producer.consumer`. Capacity in records, a power of two; `headroom` slots are for cancels only."""

    name: str
    capacity: int
    headroom: int = 0
    resume: Literal["continue", "newest"] = "continue"

    @property
    def noun(self) -> str:
        return self.name.split(".", 1)[0]


class Topology(Struct, forbid_unknown_fields=True, frozen=True, rename={"instances": "instance", "rings": "ring"}):
    """The whole machine. `journal_entries` and `working_rows` size the journals and the table of open orders.

    A strategy's journal has half as many entries in memory.
    `journal_file_entries`: room of one journal file; files are made whole, so it is what a small disk must have free;
    `id_block` identifiers are reserved with one sync; a snapshot is due after `snapshot_entries` of a journal.
    `executor` adds the instance that trades for the firm (config/executor.py).
    """

    instances: tuple[Instance, ...]
    rings: tuple[Ring, ...]
    journal_entries: int
    working_rows: int
    journal_file_entries: int = 65_536
    id_block: int = 65_536
    snapshot_entries: int = 65_536
    executor: bool = False

    def of_role(self, role: str) -> tuple[Instance, ...]:
        """Instances of a role in topology order: the row numbers of strategies, sessions and channels."""
        return tuple(instance for instance in self.instances if instance.role == role)

    def processes(self) -> dict[str, tuple[Instance, ...]]:
        """Process name -> its instances, in flow order."""
        grouped: dict[str, list[Instance]] = {}
        for instance in self.instances:
            grouped.setdefault(instance.process or instance.name, []).append(instance)
        return {name: tuple(instances) for name, instances in grouped.items()}

    def instance(self, name: str) -> Instance:
        """The instance called `name`. Raises KeyError."""
        for instance in self.instances:
            if instance.name == name:
                return instance
        raise KeyError(name)

    def ends(self, ring: Ring) -> tuple[str, str]:
        """(producer, consumer) instance names of a ring. Raises ValueError when its name does not name two."""
        noun, rest = ring.name.split(".", 1)
        names = {instance.name for instance in self.instances}
        for cut in range(1, len(rest)):
            if rest[cut] == "." and rest[:cut] in names and rest[cut + 1 :] in names:
                return rest[:cut], rest[cut + 1 :]
        raise ValueError(ring.name)

"""The simulation finds what it is for: faults planted in cold code are caught by few seeds. Hot ones are elsewhere."""

import pytest

import procs.risk_gate.recover as gate_recover
import tests.support.simulation.machine as machine_module
from procs.order_sender.recover import finish_replay
from shm.codes import JOURNAL_DECISION
from shm.ids_disk import IdFile
from tests.simulation.test_simulated_power import run_to_power_loss
from tests.support.simulation.disk import SimulatedDisk
from tests.support.simulation.runner import StateFolder, run_seed
from tests.support.simulation.scheduler import SimulationFailed

SEEDS_MAX = 30

pytestmark = pytest.mark.usefixtures("no_leftovers")


def first_failure(run, words: tuple[str, ...]) -> str:
    """The first line of the first failure among SEEDS_MAX seeds, which must have one of the words."""
    with StateFolder():
        for seed in range(SEEDS_MAX):
            try:
                run(seed)
            except SimulationFailed as failure:
                line = str(failure).splitlines()[0]
                print(line)
                assert any(word in line for word in words), line
                return line
    raise AssertionError(f"{SEEDS_MAX} seeds did not find it")


def test_a_sender_that_forgets_its_journal_is_found(monkeypatch):
    monkeypatch.setattr(machine_module, "replay", lambda state, _reader: finish_replay(state.desk[0]))
    first_failure(run_seed, ("HALTED", "P6", "INV-", "report", "P1"))


def test_identifiers_that_are_not_durable_are_found(monkeypatch):
    def write(self, mark):
        self._turn, self.mark = self._turn + 1, mark

    monkeypatch.setattr(IdFile, "_write", write)
    first_failure(run_seed, ("P2", "INV-4", "HALTED", "KeyError"))


def test_a_gate_that_forgets_its_last_approval_is_found(monkeypatch):
    whole = gate_recover.read_entries

    def read_entries(reader, kind, *rest):
        found = whole(reader, kind, *rest)
        return (
            found._replace(records=found.records[:-1], stamps=found.stamps[:-1]) if kind == JOURNAL_DECISION else found
        )

    monkeypatch.setattr(gate_recover, "read_entries", read_entries)
    first_failure(run_seed, ("P6", "INV-", "not within", "HALTED by ['order_sender']"))  # the seal tells, too


def test_a_copier_that_moves_its_watermark_before_the_sync_is_found(monkeypatch):
    monkeypatch.setattr(SimulatedDisk, "sync", lambda self: None)
    first_failure(run_to_power_loss, ("P4",))

"""Power loss in the deterministic simulation: what was synced is there, what is missing is named, numbers go on."""

import os
import shutil

import pytest

from tests.support.simulation.runner import StateFolder
from tests.support.simulation.scheduler import Simulation

SEEDS, TURNS, FIRST = 16, 700, 500_000

pytestmark = pytest.mark.usefixtures("no_leftovers")


def run_to_power_loss(seed: int) -> dict[str, int]:
    """Missing entries of each journal. Raises SimulationFailed."""
    run = Simulation(seed, TURNS)
    try:
        return run.run_to_power_loss()
    finally:
        run.close()
        shutil.rmtree(os.environ["QUINTET_STATE"])


def check_all(seeds: range) -> None:
    with StateFolder():
        missing = [run_to_power_loss(seed) for seed in seeds]
    lost = [max(found.values()) for found in missing]
    print(f"{len(lost)} power losses; entries missing in the worst journal: {sorted(lost)}")
    assert any(lost), "no run lost anything: the copiers were never behind"


def test_a_power_loss_takes_only_what_was_not_synced_and_numbers_go_on():
    check_all(range(FIRST, FIRST + SEEDS))


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_hundreds_of_power_losses():
    check_all(range(FIRST + SEEDS, FIRST + SEEDS + 400))

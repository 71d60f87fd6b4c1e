"""Runner: seeds one after the other. `python -m tests.support.simulation.runner SEED...` prints their digests."""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.support.simulation.scheduler import TURNS, Simulation

MEMORY = Path("/dev/shm")  # a folder in memory: the state is written and synced all the time


class StateFolder:
    """State and runtime folders of the simulated machines, in memory where that is possible."""

    def __enter__(self) -> Path:
        self.folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=MEMORY if MEMORY.is_dir() else None))
        self.kept = {name: os.environ.get(name) for name in ("QUINTET_STATE", "QUINTET_RUNTIME")}
        os.environ["QUINTET_STATE"] = str(self.folder / "state")
        os.environ["QUINTET_RUNTIME"] = str(self.folder / "run")
        return self.folder

    def __exit__(self, *_) -> None:
        for name, value in self.kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        shutil.rmtree(self.folder)


def run_seed(seed: int, turns: int = TURNS) -> Simulation:
    """One run in the current state folder. Raises SimulationFailed. `digest` is set on what is returned."""
    run = Simulation(seed, turns)
    try:
        run.digest = run.run()
    finally:
        run.close()
        shutil.rmtree(os.environ["QUINTET_STATE"])
    return run


def main() -> None:
    """Digest of each seed that was named; SEED-SEED is a range."""
    with StateFolder():
        for word in sys.argv[1:]:
            first, _, last = word.partition("-")
            for seed in range(int(first), int(last or first) + 1):
                begun = time.perf_counter()
                run = run_seed(seed)
                spent = time.perf_counter() - begun
                print(f"{seed} {run.digest} {run.turn} turns {run.checks.wire.orders} orders "
                      f"{len(run.checks.reported)} fills {run.faults.struck} {spent:.2f} s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

"""Runner: seeds one after the other. `python -m tests.support.simulation.runner [--hot] SEED...` prints their digests.

A seed is a number or a range FIRST-LAST. `--hot`, only with NUMBA_DISABLE_JIT=1, lets roles die at hot failpoints too.
"""

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


def run_seed(seed: int, turns: int = TURNS, *, hot_failpoints: bool = False) -> Simulation:
    """One run in the current state folder. Raises SimulationFailed. `digest` is set on what is returned."""
    run = Simulation(seed, turns, hot_failpoints=hot_failpoints)
    try:
        run.digest = run.run()
    finally:
        run.close()
        shutil.rmtree(os.environ["QUINTET_STATE"])
    return run


def main() -> None:
    """One line for each run."""
    hot_failpoints = "--hot" in sys.argv
    with StateFolder():
        for word in sys.argv[1:]:
            if word == "--hot":
                continue
            first, _, last = word.partition("-")
            for seed in range(int(first), int(last or first) + 1):
                begun = time.perf_counter()
                run = run_seed(seed, hot_failpoints=hot_failpoints)
                spent = time.perf_counter() - begun
                parts = (f"{run.turn} turns", f"{run.checks.wire.orders} orders", f"{len(run.checks.reported)} fills")
                print(seed, run.digest, *parts, dict(run.faults.struck), sorted(run.inside.died_at), f"{spent:.2f} s",
                      flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

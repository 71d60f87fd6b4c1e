"""Does it slow an order down that somebody reads the journals while it happens?

```
five roles as in tick_to_order, journals copied to disk  +  oms and `quintet journal order_sender --follow --json`
                                                            stopped | going on, by turns (beside.py)
```

The figure is p99 over all turns in which they read, the reference p99 over all in which they did not. The copiers of
the journals belong to the roles and run in both: nothing runs without them.
"""

import os
import subprocess
import sys

import numpy as np

from bench.beside import by_turns, config_with, ratios, together
from bench.result import Result
from bench.tick_to_order import ROOT, Machine, at, own_folders

QUESTION = "By how much does a reader that follows the journals, and oms, change the p99 of tick-to-order?"
RATIO_MAX = 1.05
SPAN = "tick_to_order"


class Readers:
    """`quintet journal order_sender --follow --json`, its output thrown away, and oms."""

    def __init__(self, machine: Machine):
        command = [sys.executable, "-m", "procs.cli", "journal", "order_sender", "--follow", "--json"]
        command += ["--name", machine.config.name]
        self.child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.oms = machine.supervisor.processes["oms"]

    def pids(self) -> list[int]:
        """Both. Raises RuntimeError when the follower has ended."""
        if self.child.poll() is not None:
            raise RuntimeError(f"journal_readers: the follower ended with exit code {self.child.returncode}")
        return [self.child.pid, self.oms.popen.pid]

    def close(self) -> None:
        self.child.kill()
        self.child.wait()


def run(smoke: bool) -> list[Result]:
    """Turns with and without readers."""
    rounds, orders, warm = (1, 100, 50) if smoke else (8, 1_500, 500)
    with own_folders(), Machine(config_with(f"readers-{os.getpid()}", "oms")) as machine:
        readers = Readers(machine)
        try:
            machine.wait_for_orders(warm, 60)
            spans = by_turns(machine, readers.pids, (SPAN,), rounds=rounds, orders=orders)
            machine.finish()
        finally:
            readers.close()
    read, alone = together(spans[True], SPAN), together(spans[False], SPAN)
    return [
        Result(
            name="journal_readers",
            question=QUESTION,
            unit="ns",
            samples=None,
            value=float(np.percentile(read, 99)),
            reference=float(np.percentile(alone, 99)),
            reference_is="p99 of tick-to-order in the turns in which the readers were stopped",
            goal=f"p99 at most {RATIO_MAX} x the p99 without readers",
            ratio_max=RATIO_MAX,
            notes=(
                f"{rounds} rounds of two turns, {len(read):,} and {len(alone):,} orders",
                f"p50 {at(read, 50)} us with readers, {at(alone, 50)} us without",
                f"ratio of p99 in each round: {', '.join(f'{ratio:.3f}' for ratio in ratios(spans, SPAN, 99))}",
            ),
        )
    ]

"""Does risk_engine slow the gate down while it works?

```
five roles as in tick_to_order  +  risk_engine: Greeks and rows at every change, full revaluation every second
                                   stopped | going on, by turns (beside.py)
```

The span is that of the gate: from the publication of an intent to its decision stamp, waiting for its turn on the core
included. p50 over all turns in which risk_engine worked, against p50 over all in which it was stopped.
"""

import os

import numpy as np

from bench.beside import by_turns, config_with, ratios, together
from bench.result import Result
from bench.tick_to_order import Machine, at, own_folders

QUESTION = "By how much does a working risk_engine change the time from an intent to the gate's decision?"
RATIO_MAX = 1.05
GATE, WHOLE = "strategy->risk_gate", "tick_to_order"


def run(smoke: bool) -> list[Result]:
    """Turns with and without risk_engine."""
    rounds, orders, warm = (1, 100, 50) if smoke else (8, 1_500, 500)
    with own_folders(), Machine(config_with(f"beside-{os.getpid()}", "risk_engine")) as machine:
        engine = machine.supervisor.processes["risk_engine"]
        machine.wait_for_orders(warm, 60)
        spans = by_turns(machine, lambda: [engine.popen.pid], (GATE, WHOLE), rounds=rounds, orders=orders)
        machine.finish()
    busy, alone = together(spans[True], GATE), together(spans[False], GATE)
    whole, whole_alone = together(spans[True], WHOLE), together(spans[False], WHOLE)
    return [
        Result(
            name="risk_engine_beside",
            question=QUESTION,
            unit="ns",
            samples=None,
            value=float(np.percentile(busy, 50)),
            reference=float(np.percentile(alone, 50)),
            reference_is="p50 of the same span in the turns in which risk_engine was stopped",
            goal=f"p50 at most {RATIO_MAX} x the p50 without it: within noise",
            ratio_max=RATIO_MAX,
            notes=(
                f"{rounds} rounds of two turns, {len(busy):,} and {len(alone):,} intents",
                f"p99 {at(busy, 99)} us with risk_engine, {at(alone, 99)} us without",
                f"ratio of p50 in each round: {', '.join(f'{ratio:.3f}' for ratio in ratios(spans, GATE, 50))}",
                f"tick-to-order p50 {at(whole, 50)} and {at(whole_alone, 50)} us,"
                f" p99 {at(whole, 99)} and {at(whole_alone, 99)} us",
            ),
        )
    ]

"""How soon does a kill stop the machine, with a thousand orders open and strategies that send as fast as they can?

```
store of HALTED ──► order_sender reads the word right before its next send ──► last byte of a new order
               └──► one mass cancel for all                                ──► its message handed to send
exec of `quintet halt` ──► store of HALTED
```

A whole machine as it trades: the venue, 42 instruments, three strategies with eight orders in each that move two of
them at every turn. Stamps are order_sender's own, read from its journal; the store is this process's. Every kill is
checked: nothing of ours is open at the venue afterwards, and no order was journalled later than 20 ms after the store.
1 ns stands for a last order that left before the store.
The reference is one turn of order_sender's loop while all of it goes on, mean over a second; of the command, a Python
process that does nothing.
"""

import os
import subprocess
import sys
import time

import numpy as np

from bench.kill_machine import KillMachine, Trial, go_on, kill_config, trial
from bench.result import Result
from bench.tick_to_order import ROOT, own_folders
from shm.codes import STATE_HALTED

QUESTION = "How long from the store of the kill to the last byte of a new order, and from the command to the store?"
LAST_ORDER_NS, HANDED_NS, COMMAND_NS = 20_000_000, 50_000_000, 150_000_000


def by_command(machine: KillMachine) -> int:
    """`quintet halt` as an operator types it. Returns the time of its exec, ns; the word was stored meanwhile."""
    command = [sys.executable, "-m", "procs.cli", "halt", "--reason", "bench", "--name", machine.config.name]
    begun_ns = time.monotonic_ns()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, **quiet) as child:  # `quintet up` lets other sessions go before its own
        while machine.fabric.control.effective(0) != STATE_HALTED:
            if time.monotonic_ns() - begun_ns > 60_000_000_000:
                raise RuntimeError("kill: `quintet halt` stored nothing")
            time.sleep(0.0005)
        stored_ns = time.monotonic_ns()
        child.wait()
    return stored_ns - begun_ns


def turn_ns(machine: KillMachine) -> float:
    """Mean time of a turn of order_sender's loop, over a second."""
    page = machine.fabric.page("order_sender").row
    begun_ns, steps = time.monotonic_ns(), int(page["steps"])
    until = time.monotonic() + 1.0
    machine.wait(lambda: time.monotonic() > until, "a second")
    return (time.monotonic_ns() - begun_ns) / max(1, int(page["steps"]) - steps)


def nothing_ns() -> float:
    """Median time of a Python process that does nothing, of five."""
    spans = []
    for _ in range(5):
        begun_ns = time.monotonic_ns()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        spans.append(time.monotonic_ns() - begun_ns)
    return float(np.median(spans))


def checked(found: Trial) -> Trial:
    """A trial that stopped everything. Raises RuntimeError."""
    if found.new_after:
        raise RuntimeError(f"kill: {found.new_after} orders were entered later than 20 ms after the word")
    return found


def run(smoke: bool) -> list[Result]:
    """Kills by the word, each with a thousand orders open; then commands, timed from their exec to the store."""
    kills, commands = (2, 2) if smoke else (100, 20)
    trials, spans = [], []
    with own_folders(), KillMachine(kill_config(f"kill-{os.getpid()}")) as machine:
        for _ in range(kills):
            trials.append(checked(trial(machine)))
            go_on(machine)
        turn = turn_ns(machine)
        idle = nothing_ns()
        for _ in range(commands):
            spans.append(by_command(machine))
            go_on(machine)
    opened = min(one.open_orders for one in trials)
    notes = (f"{kills} kills with at least {opened} orders open",)
    figures = (
        ("kill_last_order", [max(1, one.last_order_ns) for one in trials], LAST_ORDER_NS, "p99.9 at most 20 ms", turn),
        ("kill_cancels_handed", [one.handed_ns for one in trials], HANDED_NS, "all within 50 ms", turn),
        ("kill_command", spans, COMMAND_NS, "at most 150 ms from exec to store", idle),
    )
    of_command = "a Python process that does nothing, beside the machine"
    return [
        Result(
            name=name,
            question=QUESTION,
            unit="ns",
            samples=np.array(samples, np.int64),
            value=None,
            reference=reference,
            reference_is=of_command if name == "kill_command" else "one turn of order_sender's loop, mean",
            goal=goal,
            limit_p99=limit,  # of a hundred samples it is the greatest
            notes=notes if name != "kill_command" else (f"{commands} commands beside the machine as it trades",),
        )
        for name, samples, limit, goal, reference in figures
    ]

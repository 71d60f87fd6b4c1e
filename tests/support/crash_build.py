"""Crash build: the loops of some roles with failpoints in them, beside the ordinary ones of the others.

`python -m tests.support.crash_build FABRIC ROLE` compiles one of them for a fabric that is there, or finds it compiled.
"""

import os
import subprocess
import sys

import pytest

from config.load import decode
from procs.runtime.prepare import compile_process
from procs.runtime.supervisor import Process, StartFailed, Supervisor
from shm.failpoints import VARIABLE
from shm.roster import read_roster
from tests.support.system import ROOT, System


class CrashSupervisor(Supervisor):
    """Starts the processes named in `built_in` with failpoints, whose lines are the file `points`."""

    def __init__(self, *words, points: str, built_in: tuple[str, ...], **named):
        super().__init__(*words, **named)
        self.environment = {VARIABLE: points}
        self.built_in = built_in

    def prepare(self, progress, leave: object = None) -> None:
        """As every supervisor's; then the loops with failpoints, side by side."""
        super().prepare(progress, leave)
        command = [sys.executable, "-m", "tests.support.crash_build", self.fabric.config.name]
        environment = {**os.environ, **self.environment}
        children = [
            subprocess.Popen([*command, name], env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)
            for name in self.built_in
        ]
        said = [child.communicate()[1] for child in children]
        if any(child.returncode for child in children):
            raise StartFailed("compiling with failpoints failed:\n" + "\n".join(said))

    def spawn(self, process: Process) -> None:
        """With failpoints for those that have them."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items() if process.name in self.built_in else ():
                patch.setenv(name, value)
            super().spawn(process)


class CrashSystem(System):
    """A machine of which some roles have failpoints."""

    def __init__(self, config, venue: dict, *, points: str, built_in: tuple[str, ...], restarts_max: int):
        self.crash = {"points": points, "built_in": built_in}
        super().__init__(config, venue, restarts_max=restarts_max)

    def make_supervisor(self, restarts_max: int) -> Supervisor:
        """One that knows who has failpoints."""
        return CrashSupervisor(self.fabric, restarts_max=restarts_max, **self.crash)


def main() -> None:
    """Compile one loop in this process, whose environment says that failpoints are built in."""
    fabric, name = sys.argv[1:]
    compile_process(decode(read_roster(fabric).blob), "procs", (name,))


if __name__ == "__main__":
    main()

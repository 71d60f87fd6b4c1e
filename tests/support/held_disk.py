"""Held disk: a role's process whose syncs do not return while a file stands, as on a disk that stalls.

`python -m tests.support.held_disk MODULE ...` runs a role so; `hold_disks` lets every role of a machine start that way.
"""

import os
import runpy
import sys
import time
from pathlib import Path

from procs.runtime.supervisor import Process

VARIABLE = "QUINTET_TEST_HELD_DISK"
LOOK_SECONDS = 0.005  # how soon a held sync goes on; a good one takes as long


def hold_disks(monkeypatch, path: Path) -> None:
    """From now on processes of a machine start with disks that stall while `path` exists."""
    plain = Process.command

    def command(self, fabric_name: str) -> list[str]:
        python, flag, module, *words = plain(self, fabric_name)
        return [python, flag, "tests.support.held_disk", module, *words]

    monkeypatch.setattr(Process, "command", command)
    monkeypatch.setenv(VARIABLE, str(path))


def main() -> None:
    """Run the module that the command line names."""
    path, sync = os.environ[VARIABLE], os.fdatasync

    def held(handle: int) -> None:
        while os.path.exists(path):
            time.sleep(LOOK_SECONDS)
        sync(handle)

    os.fdatasync = held
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

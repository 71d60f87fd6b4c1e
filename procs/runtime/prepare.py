"""Prepare: compile every loop of a fabric once, in one process, with progress, and calibrate its clock.

`python -m procs.runtime.prepare --fabric NAME` is started by the supervisor between creating the segments and starting
the roles. It prints one JSON object a line: {"done", "of", "what", "seconds", "compiled"}; the last has done == of.
"""

import argparse
import importlib
import json
import sys
import time

import numpy as np

from config.load import decode
from procs.runtime.compiled import compiled_count
from procs.runtime.loop import load_loop
from procs.runtime.wiring import ScratchWiring
from shm.atomics import address_of
from shm.clock import calibrate
from shm.codes import CLOCK_DRIVEN, CLOCK_REAL, CLOCK_SCALED
from shm.records.clock_page import CLOCK_PAGE
from shm.records.segment_header import SEGMENT_KIND_CLOCK
from shm.roster import read_roster
from shm.segment import HEADER_BYTES, attach_segment


def load_role(package: str, role: str):
    """The ROLE object of a role package."""
    return importlib.import_module(f"{package}.{role}.__main__").ROLE


def compile_process(config, package: str, instances) -> None:
    """Compile (or load) the loop of one process's instances and run each role's warm-up on scratch memory."""
    roles = [load_role(package, instance.role) for instance in instances]
    wirings = [ScratchWiring(config, instance.name) for instance in instances]
    states = [role.open_(wiring) for role, wiring in zip(roles, wirings, strict=True)]
    loop = load_loop(roles, config, [instance.name for instance in instances], wirings[0].place.idle)
    stopped = np.ones(1, np.int64)  # the loop is compiled or loaded, and returns at once
    loop(address_of(stopped), 0, *states)
    for role, state in zip(roles, states, strict=True):
        role.warm_up(state)


def calibrate_fabric(config, epoch: int) -> None:
    """Fill the fabric's clock page in the mode that the run asks for."""
    run = config.run
    mode = CLOCK_DRIVEN if run.speed == 0 else CLOCK_REAL if run.speed == 1 and not run.replay else CLOCK_SCALED
    with attach_segment(config.name, epoch, "clock", SEGMENT_KIND_CLOCK, CLOCK_PAGE, 1, writable=True) as segment:
        page = segment.view(HEADER_BYTES, CLOCK_PAGE)
        calibrate(page, mode, run.speed or 1.0, run.logic_start_ns or None)
        del page


def main(argv: list[str] | None = None) -> int:
    """Compile and calibrate; exit code 0 when everything is ready."""
    parser = argparse.ArgumentParser(description="Compile Quintet's loops and calibrate a fabric's clock.")
    parser.add_argument("--fabric", required=True)
    parser.add_argument("--package", default="procs", help="package that holds the role packages")
    arguments = parser.parse_args(argv)
    roster = read_roster(arguments.fabric)
    config = decode(roster.blob)
    processes = config.topology.processes()
    began = time.monotonic()

    def tell(done: int, what: str) -> None:
        row = {"done": done, "of": len(processes) + 1, "what": what, "compiled": compiled_count()}
        print(json.dumps({**row, "seconds": round(time.monotonic() - began, 1)}), flush=True)

    for done, (name, instances) in enumerate(processes.items()):
        tell(done, name)
        compile_process(config, arguments.package, instances)
    tell(len(processes), "clock")
    calibrate_fabric(config, roster.epoch)
    tell(len(processes) + 1, "ready")
    return 0


if __name__ == "__main__":
    sys.exit(main())

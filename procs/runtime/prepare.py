"""Prepare: compile every loop of a fabric before any role starts, with progress, and calibrate its clock.

`python -m procs.runtime.prepare --fabric NAME` is started by the supervisor between creating the segments and starting
the roles. It prints one JSON object a line: {"done", "of", "what", "seconds", "compiled"}; the last has done == of.
Loops that are not in the cache yet are compiled side by side, one worker a core; a finished loop leaves a file
`<loop>.ready` beside its source, so that a start with a warm cache compiles and loads nothing here.

With `--profile` it compiles from the configuration files alone, before there is a fabric: so the user who may write the
cache need not be the one who may write the fabric.
"""

import argparse
import errno
import importlib
import importlib.util
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from config.errors import ConfigError
from config.load import Config, decode, encode, load
from config.placement import place
from procs.runtime.compiled import compiled_count
from procs.runtime.loop import load_loop, loop_path, recorded_rows
from procs.runtime.recorder import warm_recorder
from procs.runtime.wiring import ScratchWiring
from shm.atomics import address_of
from shm.clock import calibrate
from shm.code_cache import generated_folder, sources_stamp
from shm.codes import CLOCK_DRIVEN, CLOCK_REAL, CLOCK_SCALED
from shm.errors import EXIT_FATAL
from shm.jit import JIT_OFF
from shm.records.clock_page import CLOCK_PAGE
from shm.records.segment_header import SEGMENT_KIND_CLOCK
from shm.roster import read_roster
from shm.segment import HEADER_BYTES, attach_segment

DO = "run the prepare step as its owner (systemctl start quintet-prepare.service)"
COMPILED_COLD_ROLES = ("risk_engine",)  # cold roles with compiled code: their ROLE.compiled names what compiles it
WORKERS_MAX = 4  # a loop takes 10-25 s and about 400 MB to compile


def load_role(package: str, role: str):
    """The ROLE object of a role package."""
    return importlib.import_module(f"{package}.{role}.__main__").ROLE


def _roles(config: Config, package: str, instances: tuple[str, ...]) -> list:
    return [load_role(package, config.topology.instance(name).role) for name in instances]


def ready_mark(config: Config, package: str, instances: tuple[str, ...]) -> Path:
    """The file that says that the loop of these instances is compiled."""
    idle = place(config)[instances[0]].idle
    path = loop_path(_roles(config, package, instances), config, list(instances), idle)
    return path.with_suffix(f".{sources_stamp(path)}.ready")


def compile_process(config: Config, package: str, instances: tuple[str, ...]) -> int:
    """Compile (or load) one process's loop, run each role's warm-up on scratch memory. Returns functions compiled."""
    roles = _roles(config, package, instances)
    wirings = [ScratchWiring(config, name) for name in instances]
    states = [role.open_(wiring) for role, wiring in zip(roles, wirings, strict=True)]
    loop = load_loop(roles, config, list(instances), wirings[0].place.idle)
    stopped = np.ones(1, np.int64)  # the loop is compiled or loaded, and returns at once
    recorders = [warm_recorder() for _ in recorded_rows(roles, config)]
    loop(address_of(stopped), 0, *states, *recorders)
    for role, state in zip(roles, states, strict=True):
        role.warm_up(state)
    return compiled_count()


def _worker(blob: bytes, package: str, instances: tuple[str, ...]) -> int:
    before, config = compiled_count(), decode(blob)
    role = config.topology.instance(instances[0]).role
    if role not in COMPILED_COLD_ROLES:
        return compile_process(config, package, instances) - before
    module, function = load_role(package, role).compiled.split(":")
    getattr(importlib.import_module(module), function)(config)
    return compiled_count() - before


def cold_mark(package: str, role: str) -> Path:
    """The file that says that what a cold role has of compiled code is compiled."""
    module = load_role(package, role).compiled.split(":")[0]
    source = Path(importlib.util.find_spec(module).origin)
    return generated_folder() / f"cold.{package}.{role}.{sources_stamp(source)}.ready"


def hot_processes(config: Config) -> dict[str, tuple[str, ...]]:
    """Process name -> names of its instances, of the processes that have a loop to compile: cold roles have none."""
    return {
        name: tuple(instance.name for instance in instances)
        for name, instances in config.topology.processes().items()
        if not instances[0].cold
    }


def compiled_processes(config: Config) -> dict[str, tuple[str, ...]]:
    """The same with the cold processes that have compiled code."""
    cold = [held.name for held in config.topology.instances if held.role in COMPILED_COLD_ROLES]
    return hot_processes(config) | {name: (name,) for name in cold}


def compile_missing(config: Config, package: str, tell) -> None:
    """Compile what has no mark yet, several loops at a time; `tell(done, what, compiled)` after each."""
    processes = compiled_processes(config)
    marks = {
        name: cold_mark(package, role)
        if (role := config.topology.instance(instances[0]).role) in COMPILED_COLD_ROLES
        else ready_mark(config, package, instances)
        for name, instances in processes.items()
    }
    missing = [name for name in processes if not JIT_OFF and not marks[name].exists()]
    done, compiled = len(processes) - len(missing), 0
    if not missing:
        return
    tell(done, missing[0], compiled)
    workers = min(len(missing), WORKERS_MAX, len(os.sched_getaffinity(0)))
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(_worker, encode(config), package, processes[name]): name for name in missing}
        for future in as_completed(futures):
            compiled += future.result()
            marks[futures.pop(future)].touch()
            done += 1
            if futures:
                tell(done, next(iter(futures.values())), compiled)
    tell(done, "clock", compiled)


def calibrate_fabric(config: Config, epoch: int) -> None:
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
    parser.add_argument("--profile", default="", help="compile only, for this profile of the configuration files")
    arguments = parser.parse_args(argv)
    try:
        return prepare(arguments.fabric, arguments.profile, arguments.package)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_FATAL
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        print(f"{error.filename}: not compiled yet, and this user may not write the cache: {DO}", file=sys.stderr)
        return EXIT_FATAL


def prepare(fabric: str, profile: str, package: str) -> int:
    """Compile what is missing; without a profile, for the living fabric, whose clock is then calibrated."""
    roster = None if profile else read_roster(fabric)
    config = load(fabric, profile) if profile else decode(roster.blob)
    steps = len(compiled_processes(config)) + 1
    began = time.monotonic()
    told = {"compiled": 0}

    def tell(done: int, what: str, compiled: int) -> None:
        told["compiled"] = compiled
        row = {"done": done, "of": steps, "what": what, "compiled": compiled}
        print(json.dumps({**row, "seconds": round(time.monotonic() - began, 1)}), flush=True)

    compile_missing(config, package, tell)
    if roster is not None:
        calibrate_fabric(config, roster.epoch)
    tell(steps, "ready", told["compiled"])
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Cold: one process of a cold role. It reads what others write, may wait, and can never slow them. No numba.

open -> step, rest, step ... -> drain -> close. There is one thread and no loop that spins: a step does a batch of work
in plain Python, and when there was none it rests. The process is nice, keeps off the cores of hot threads, and is no
condition of anything: when it dies it is started again, when it stays down trading goes on without it. On the page it
looks like any other instance, without a core of its own.
"""

import argparse
import os
import signal
import sys
import threading
import time
import traceback

import numpy as np
import psutil

from config.load import decode
from config.placement import place
from procs.runtime.affinity import keep_off, leave_with_parent, name_thread
from procs.runtime.control_names import CONTROL_WORD, control_writers, scope_names
from procs.runtime.notify import Notifier
from procs.runtime.page import introduce, note_error
from procs.runtime.paths import state_folder
from procs.runtime.role import ColdRole
from procs.runtime.tables import tables_of
from shm.codes import (
    CLOCK_DRIVEN,
    CLOCK_SCALED,
    LIFE_CLOSED,
    LIFE_CLOSING,
    LIFE_FAILED,
    LIFE_NAMES,
    LIFE_RUNNING,
)
from shm.control_words import ControlWords
from shm.errors import EXIT_FATAL, QuintetError
from shm.process import process_alive
from shm.records.clock_page import CLOCK_PAGE
from shm.records.error_row import ERROR_ROW
from shm.records.instance import (
    COUNTERS_MAX,
    COUNTERS_OFFSET,
    ERRORS_MAX,
    ERRORS_OFFSET,
    INSTANCE,
    INSTANCE_OFFSET,
)
from shm.records.segment_header import (
    SEGMENT_KIND_CLOCK,
    SEGMENT_KIND_CONTROL,
    SEGMENT_KIND_INSTANCE,
    SEGMENT_KIND_LATEST,
)
from shm.roster import read_roster
from shm.segment import HEADER_BYTES, Segment, attach_segment

NICENESS = 5  # a third of an ordinary process's share of a busy core
DRAIN_SECONDS = 4.0  # for work that the others leave while they stop; the supervisor waits for 5
DRAIN_ALONE_SECONDS = 0.5  # when none of the others is stopping, only this process was meant
CORE_SECONDS = 1.0  # how often the core that it last ran on is looked up


class ColdWiring:
    """What a cold role attaches to: the fabric's configuration, its own page, and the pages of others, read-only."""

    def __init__(self, fabric: str, instance: str):
        roster = read_roster(fabric)
        self.name, self.epoch, self.instance = fabric, roster.epoch, instance
        self.config = decode(roster.blob)
        self.role = self.config.topology.instance(instance).role
        self.state_folder = state_folder(fabric)
        self._clock = None
        self._segments: list[Segment] = []
        self._me = self._attach(instance, adopt=True, owner=instance)
        self.page = self._me.view(INSTANCE_OFFSET, INSTANCE)[0]
        self.counters = self._me.view(COUNTERS_OFFSET, np.dtype("<i8"), COUNTERS_MAX)
        self._errors = self._me.view(ERRORS_OFFSET, ERROR_ROW, ERRORS_MAX)
        introduce(self.page, self.role, -1)

    def _attach(self, instance: str, **words) -> Segment:
        made = f"instance.{instance}"
        segment = attach_segment(self.name, self.epoch, made, SEGMENT_KIND_INSTANCE, INSTANCE, 1, **words)
        self._segments.append(segment)
        return segment

    def pages(self, roles: tuple[str, ...]) -> dict[str, np.void]:
        """{instance: INSTANCE page} of every instance of some roles."""
        found = [held.name for role in roles for held in self.config.topology.of_role(role)]
        return {name: self._attach(name).view(INSTANCE_OFFSET, INSTANCE)[0] for name in found}

    def table(self, name: str) -> Segment:
        """A latest table: adopted when the topology says that we write it, else read-only. Raises KeyError."""
        table = tables_of(self.config)[name]
        words = {"adopt": True, "owner": self.instance} if table.owner == self.instance else {}
        segment = attach_segment(
            self.name, self.epoch, table.name, SEGMENT_KIND_LATEST, table.dtype, table.rows, **words
        )
        self._segments.append(segment)
        return segment

    def logic_ns(self) -> int:
        """Logic time now, UTC ns; 0 before the clock is calibrated."""
        if self._clock is None:
            segment = attach_segment(self.name, self.epoch, "clock", SEGMENT_KIND_CLOCK, CLOCK_PAGE, 1)
            self._segments.append(segment)
            self._clock = segment.view(HEADER_BYTES, CLOCK_PAGE)[0]
        page = self._clock
        if page["mode"] == CLOCK_DRIVEN:
            return int(page["driven_ns"])
        if page["base_ns"] == 0:
            return 0
        speed_q16 = int(page["speed_q16"]) if page["mode"] == CLOCK_SCALED else 1 << 16
        return int(page["logic_base_ns"]) + ((time.monotonic_ns() - int(page["base_ns"])) * speed_q16 >> 16)

    def control(self) -> tuple[ControlWords, int]:
        """The control object, writable, and the number of our own row in it."""
        segment = attach_segment(
            self.name, self.epoch, "control", SEGMENT_KIND_CONTROL, CONTROL_WORD, None, writable=True
        )
        self._segments.append(segment)
        writers = control_writers(self.config)
        return ControlWords(segment.bytes, writers, scope_names(self.config)), writers.index(self.instance)

    def count(self, counter_id: int, amount: int) -> None:
        """Add to one of our counters (shm/counters.py)."""
        self.counters[counter_id] += amount

    def gauge(self, counter_id: int, value: int) -> None:
        """Set one of our counters."""
        self.counters[counter_id] = value

    def note_error(self, code: int, detail_a: int = 0, detail_b: int = 0) -> None:
        """Count one occurrence of an ERROR_* code."""
        note_error(self._errors, code, detail_a, detail_b)

    def detach(self) -> None:
        """Give up every object."""
        for segment in self._segments:
            segment.close()


def has_left(page: np.void) -> bool:
    """Whether the process of an instance closed, failed or died, or never was."""
    if int(page["life"]) in (LIFE_CLOSED, LIFE_FAILED):
        return True
    return not process_alive(int(page["pid"]), int(page["start_ns"]))


def is_leaving(page: np.void) -> bool:
    """Whether the process of an instance left or is about to."""
    return int(page["life"]) == LIFE_CLOSING or has_left(page)


class ColdAgent:
    """One cold instance and the one thread that serves it."""

    def __init__(self, role: ColdRole, fabric: str, instance: str):
        self.wiring = ColdWiring(fabric, instance)
        self.role = role
        self.leave = threading.Event()
        self.notifier = Notifier()
        self.worker = None
        self._core_ns = 0

    def life(self, life: int) -> None:
        """Tell the machine what this process is doing."""
        self.wiring.page["life"] = life
        self.notifier.status(f"{LIFE_NAMES[life]}; {self.wiring.instance}")

    def run(self) -> None:
        """Open, then step until asked to stop; then drain and close."""
        page = self.wiring.page
        self.worker = self.role.open_(self.wiring)
        page["hot_tid"] = threading.get_native_id()
        page["started_ns"] = time.monotonic_ns()
        self.life(LIFE_RUNNING)
        while not self.leave.is_set() and not int(page["stop"]):
            if not self._step():
                self.leave.wait(self.role.rest_seconds)
        self.life(LIFE_CLOSING)
        self.notifier.stopping()
        self._drain()
        self.worker.close()
        self.life(LIFE_CLOSED)
        self.wiring.detach()

    def _step(self) -> int:
        """One step of the worker, with what the page says about it."""
        page, begun_ns = self.wiring.page, time.monotonic_ns()
        work = self.worker.step()
        now_ns = time.monotonic_ns()
        page["steps"] += 1
        page["work"] += work
        page["idle_steps"] += 0 if work else 1
        page["step_ns_max"] = max(int(page["step_ns_max"]), now_ns - begun_ns)
        page["step_ns"] = page["alive_ns"] = page["step_seen_ns"] = now_ns
        if now_ns - self._core_ns > CORE_SECONDS * 1e9:
            self._core_ns = now_ns
            page["core_actual"] = psutil.Process().cpu_num()
        self.notifier.beat(now_ns, [int(page["steps"])])
        return work

    def _drain(self) -> None:
        """Take what those that we read leave behind while they stop with us; then say whether it is all."""
        living = [page for page in self.wiring.pages(self.role.reads).values() if not has_left(page)]
        begun, gone = time.monotonic(), False
        while True:
            gone = all(has_left(page) for page in living)  # before the step: it then saw their last word
            work = self._step()
            waited = time.monotonic() - begun
            alone = waited > DRAIN_ALONE_SECONDS and not any(is_leaving(page) for page in living)
            if (gone and not work) or alone or waited > DRAIN_SECONDS:
                break
            if not work:
                time.sleep(self.role.rest_seconds / 5)
        self.worker.finish(gone)


def main(role: ColdRole, argv: list[str] | None = None) -> int:
    """Entry of `python -m procs.<cold role>`: run one instance in this process until told to stop."""
    parser = argparse.ArgumentParser(description="Run an instance of a cold Quintet role (started by the supervisor).")
    parser.add_argument("--fabric", required=True, help="name of the fabric to attach to")
    parser.add_argument("--instance", required=True, help="instance to run")
    arguments = parser.parse_args(argv)
    name_thread(arguments.instance)
    leave_with_parent()
    agent = None
    try:
        agent = ColdAgent(role, arguments.fabric, arguments.instance)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: agent.leave.set())
        keep_off({held.core for held in place(agent.wiring.config).values()})
        os.nice(NICENESS)
        agent.run()
        return 0
    except QuintetError as error:
        print(f"{arguments.instance}: {error}", file=sys.stderr, flush=True)
        code = getattr(error, "exit_code", EXIT_FATAL)
    except Exception:
        traceback.print_exc()
        code = 1
    if agent is not None:
        agent.life(LIFE_FAILED)
    return code

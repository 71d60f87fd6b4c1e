"""Supervisor: starts the processes of a fabric, starts a dead one again, stops them in order. Imports no numba.

One supervisor owns one fabric: it creates the segments, prepares the compiled code, spawns one process for each entry
of the topology, and holds the supervisor's lines of the INSTANCE pages. A dead process is seen within POLL_SECONDS and
started again at once; one that dies `restarts_max` times within RESTART_WINDOW_SECONDS stays down: the firm is HALTED.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from procs.runtime.fabric import Fabric
from procs.runtime.kill import held_back
from procs.runtime.paths import runtime_folder
from shm.codes import LIFE_RUNNING
from shm.errors import EXIT_FATAL

POLL_SECONDS = 0.02
START_SECONDS = 30.0
STOP_SECONDS = 5.0
RESTARTS_MAX = 5
RESTART_WINDOW_SECONDS = 30.0
STOP_ORDER = ("strategy", "feed_handler", "risk_gate", "order_sender", "position_keeper", "venue", "risk_engine", "oms")


class StartFailed(Exception):
    """A process did not come up; the message carries the end of its log."""


class Process:
    """One process of the topology and the instances in it."""

    def __init__(self, name: str, instances, package: str, restarts_max: int):
        self.name, self.instances, self.package = name, instances, package
        self.popen: subprocess.Popen | None = None
        self.deaths: deque[float] = deque(maxlen=restarts_max)
        self.given_up = False

    @property
    def cold(self) -> bool:
        """Whether it is a cold role: nothing waits for it, and trading goes on without it."""
        return self.instances[0].cold

    def command(self, fabric_name: str) -> list[str]:
        """The command line; a fused process names all its instances."""
        words = [sys.executable, "-m"]
        if len(self.instances) == 1:
            words.append(f"{self.package}.{self.instances[0].role}")
        else:
            words += ["procs.runtime.fused", "--package", self.package]
        words += ["--fabric", fabric_name]
        for instance in self.instances:
            words += ["--instance", instance.name]
        return words


class Supervisor:
    """Runs one fabric. Use `start`, then `poll` at least every POLL_SECONDS, then `stop`."""

    def __init__(self, fabric: Fabric, package: str = "procs", restarts_max: int = RESTARTS_MAX):
        self.fabric = fabric
        self.package = package
        self.restarts_max = restarts_max
        self.log_folder = runtime_folder(fabric.config.name) / "log"
        self.log_folder.mkdir(parents=True, exist_ok=True)
        self.preparation: subprocess.Popen | None = None
        self.processes = {
            name: Process(name, instances, package, restarts_max)
            for name, instances in fabric.config.topology.processes().items()
        }

    # --- start ---------------------------------------------------------------------------------------------------

    def prepare(self, progress: Callable[[dict], None], leave: object = None) -> None:
        """Compile what is not compiled yet and calibrate the clock. Raises StartFailed, also once `leave` is true."""
        command = [sys.executable, "-m", "procs.runtime.prepare"]
        command += ["--fabric", self.fabric.config.name, "--package", self.package]
        log = self.log_folder / "prepare.log"
        with open(log, "wb") as errors:
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, start_new_session=True)
            self.preparation = child
            if leave:  # asked before there was something to abandon
                self.abandon()
            try:
                for line in child.stdout:
                    progress(json.loads(line))
            except BaseException:
                self.abandon()
                raise
            finally:
                code = child.wait()
                self.preparation = None
        if code != 0:
            raise StartFailed(f"preparing the compiled code failed (exit {code}):\n{_tail(log)}")

    def abandon(self) -> None:
        """Stop a preparation that is under way, with its workers; `prepare` then raises. Safe in a signal handler."""
        child = self.preparation
        if child is not None and child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)  # not SIGKILL: it spares the one that removes their semaphores

    def spawn(self, process: Process) -> None:
        """Start one process; its output goes to its log file."""
        with open(self.log_folder / f"{process.name}.log", "ab") as log, held_back():
            process.popen = subprocess.Popen(
                process.command(self.fabric.config.name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def start(self, seconds: float = START_SECONDS, leave: object = None) -> None:
        """Start every process and wait until every hot instance runs.

        Raises StartFailed when one ends, when none came a step further for `seconds`, and once `leave` is true.
        """
        for process in self.processes.values():
            self.spawn(process)
        lives, deadline = [], 0.0
        while not self.all_running():
            now = [self.fabric.page(name).life for name in self._hot()]
            if now != lives:  # a busy host is slow, not stuck
                lives, deadline = now, time.monotonic() + seconds
            if leave:
                raise StartFailed("asked to leave while starting")
            for process in self.processes.values():
                if process.popen.poll() is not None and not process.cold:
                    raise StartFailed(
                        f"{process.name} ended with exit code {process.popen.returncode} while starting:\n"
                        + _tail(self.log_folder / f"{process.name}.log")
                    )
            if time.monotonic() > deadline:
                late = [name for name in self._hot() if self.fabric.page(name).life != LIFE_RUNNING]
                raise StartFailed(
                    f"for {seconds:.0f} s no step nearer to running: {', '.join(late)}; logs in {self.log_folder}"
                )
            time.sleep(POLL_SECONDS)

    def all_running(self) -> bool:
        """Whether every hot instance's loop runs in the process that we started. Arming does not wait for cold ones."""
        pids = {process.name: process.popen.pid for process in self.processes.values() if process.popen}
        for process in self.processes.values():
            for instance in process.instances if not process.cold else ():
                page = self.fabric.page(instance.name)
                if page.life != LIFE_RUNNING or page.pid != pids.get(process.name):
                    return False
        return True

    def _hot(self) -> list[str]:
        """Names of the hot instances."""
        return [
            instance.name for process in self.processes.values() if not process.cold for instance in process.instances
        ]

    # --- watch ---------------------------------------------------------------------------------------------------

    def given_up(self) -> list[str]:
        """Processes that stay down: starting them again cannot help."""
        return [process.name for process in self.processes.values() if process.given_up]

    def poll(self) -> list[str]:
        """Reap the dead and start them again. Returns one sentence for each event."""
        events = []
        for process in self.processes.values():
            if process.given_up or process.popen is None or process.popen.poll() is None:
                continue
            code = process.popen.returncode
            now = time.monotonic()
            process.deaths.append(now)
            for instance in process.instances:
                self.fabric.page(instance.name).note_restart(code)
            reason = self._hopeless(process, code, now)
            if reason and process.cold:
                process.given_up = True
                events.append(f"{reason}: it stays down, trading goes on without it; see {self.log_folder}")
            elif reason:
                process.given_up = True
                self.fabric.halt("firm", reason)
                events.append(f"{reason}: it stays down and the firm is HALTED; see {self.log_folder}")
            else:
                self.spawn(process)
                events.append(f"{process.name} died ({_death(code)}) and was started again")
        return events

    def _hopeless(self, process: Process, code: int, now: float) -> str:
        """Why starting this process again cannot help; "" when it may."""
        if code == EXIT_FATAL:
            return f"{process.name} failed for good: {_tail(self.log_folder / f'{process.name}.log', 1)}"
        if len(process.deaths) == self.restarts_max and now - process.deaths[0] < RESTART_WINDOW_SECONDS:
            return f"{process.name} died {self.restarts_max} times in {RESTART_WINDOW_SECONDS:.0f} s"
        return ""

    # --- stop ----------------------------------------------------------------------------------------------------

    def stop(self) -> list[str]:
        """Ask every process to leave, in STOP_ORDER; kill what does not. Returns the names that had to be killed."""
        living = [process for process in self.processes.values() if process.popen and process.popen.poll() is None]
        living.sort(key=lambda process: STOP_ORDER.index(process.instances[0].role))
        killed = []
        for process in living:
            process.popen.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in living:
            try:
                process.popen.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.popen.kill()
                process.popen.wait()
                killed.append(process.name)
        return killed


def _death(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _tail(path: Path, lines: int = 20) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return f"(no log at {path})"

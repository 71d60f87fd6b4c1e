"""Agent: one process, its hot thread and its control thread. The only place where a loop is run.

open -> warm up -> recover -> loop -> close. The hot thread runs the generated loop without the GIL and never returns to
Python while it runs. The control thread (the process's main thread) handles signals, sessions, the heartbeat and
whatever else may be slow; between the two there are only words in memory.
"""

import argparse
import gc
import os
import signal
import sys
import threading
import time
import traceback

import numpy as np

from config.load import decode
from config.placement import place
from procs.runtime.affinity import (
    HostRefused,
    keep_off,
    leave_with_parent,
    lock_memory,
    name_thread,
    pin_thread,
    take_realtime,
)
from procs.runtime.compiled import compiled_count, compiled_names
from procs.runtime.kill import Kill
from procs.runtime.loop import load_loop, recorded_rows
from procs.runtime.notify import Notifier
from procs.runtime.preconditions import refuse_open_cache
from procs.runtime.recorded_wiring import RecordedWiring
from procs.runtime.recorder import warm_recorder
from procs.runtime.wiring import ScratchWiring, Wiring
from shm.atomics import address_of
from shm.codes import (
    EXIT_CATCH_UP,
    LIFE_CATCHING_UP,
    LIFE_CLOSED,
    LIFE_CLOSING,
    LIFE_COMPILING,
    LIFE_FAILED,
    LIFE_NAMES,
    LIFE_RUNNING,
    LIFE_STARTING,
    LIFE_WARMING,
)
from shm.counters import CONTROL_TICKS
from shm.errors import EXIT_FATAL, QuintetError
from shm.records.instance import (
    WARNING_NOT_LOCKED,
    WARNING_NOT_PINNED,
    WARNING_NOT_REALTIME,
    WARNING_NOT_RECORDED,
)
from shm.records.recording_entry import SECTION_CAUGHT_UP, SECTION_RECOVERED
from shm.roster import read_roster

TEND_SECONDS = 0.005  # sessions and heartbeats need no better; a shorter turn would take time from shared cores
JOIN_SECONDS = 5.0


class Agent:
    """The instances of one process and the two threads that serve them."""

    def __init__(self, roles: list, fabric: str, instances: list[str]):
        self.roles = roles
        config = decode(read_roster(fabric).blob)
        self.recorded = recorded_rows(roles, config)
        self.wirings = [
            RecordedWiring(fabric, instance) if row in self.recorded else Wiring(fabric, instance)
            for row, instance in enumerate(instances)
        ]
        self.stop_word = np.zeros(1, np.int64)
        self.exit_reason = 0
        self.hot_error: BaseException | None = None
        self.warnings = 0
        self.states: list = []
        self.sends = any(role.name == "order_sender" for role in roles)  # who must see a halt file by itself
        self.notifier = Notifier()
        first = self.wirings[0]
        self.kill = Kill(first.state_folder, first.runtime_folder, " ".join(instances))

    def life(self, life: int) -> None:
        """Tell the machine what this process is doing."""
        for wiring in self.wirings:
            wiring.page["life"] = life
        self.notifier.status(f"{LIFE_NAMES[life]}; {' '.join(wiring.instance for wiring in self.wirings)}")

    def warn(self, bit: int, text: str) -> None:
        """Note a degradation: on the page for `status`, on stderr for people."""
        if text:
            self.warnings |= bit
            print(f"{self.wirings[0].instance}: warning: {text}", file=sys.stderr, flush=True)
            for wiring in self.wirings:
                wiring.page["warnings"] = self.warnings

    def open(self) -> None:
        """Compile or load the loop on scratch memory, warm it up, then attach for real and recover."""
        self.life(LIFE_COMPILING)
        config = self.wirings[0].config
        idle = self.wirings[0].place.idle
        self.loop = load_loop(self.roles, config, [wiring.instance for wiring in self.wirings], idle)
        scratch = [
            role.open_(ScratchWiring(config, wiring.instance))
            for role, wiring in zip(self.roles, self.wirings, strict=True)
        ]
        stopped = np.ones(1, np.int64)
        self.loop(address_of(stopped), 0, *scratch, *(warm_recorder() for _ in self.recorded))
        self.life(LIFE_WARMING)
        for role, state in zip(self.roles, scratch, strict=True):
            role.warm_up(state)
        del scratch
        self.states = [role.open_(wiring) for role, wiring in zip(self.roles, self.wirings, strict=True)]
        for role, wiring, state in zip(self.roles, self.wirings, self.states, strict=True):
            wiring.label_histograms(role.histograms)
            if wiring.recorder is not None:
                wiring.recorder.set_ports(role, state)
            self.cold(role.recover, wiring, state, SECTION_RECOVERED)
        self.compiled = compiled_count()
        if compiled_names():
            names = ", ".join(sorted(set(compiled_names())))
            print(
                f"{self.wirings[0].instance}: compiled at start, not in the cache: {names}", file=sys.stderr, flush=True
            )
        gc.collect()
        gc.freeze()

    def cold(self, part, wiring, state, section: int) -> None:
        """Run a part of a role that is not hot, and log what it gave out where the instance is recorded."""
        if wiring.recorder is None:
            part(wiring, state)
            return
        wiring.begin_section()
        part(wiring, state)
        wiring.end_section(section)

    def _hot(self) -> None:
        core = self.wirings[0].place.core
        host = self.wirings[0].config.host
        name_thread(f"{self.wirings[0].instance}.hot")
        for wiring in self.wirings:
            wiring.page["hot_tid"] = threading.get_native_id()
        try:
            if not pin_thread(core):
                text = f"the hot thread is not pinned to core {core}: allow that core, AllowedCPUs= of its slice"
                if host.core_sharing == "refuse":
                    raise HostRefused(text)
                self.warn(WARNING_NOT_PINNED, text)
            self.warn(WARNING_NOT_REALTIME, take_realtime(host.realtime, host.realtime_priority))
            self.exit_reason = int(
                self.loop(address_of(self.stop_word), host.step_budget_us * 1000, *self.states, *self._recorders())
            )
        except BaseException as error:  # the hot thread must never die unseen: the control thread raises it again
            self.hot_error = error

    def _recorders(self) -> list[np.ndarray]:
        return [self.wirings[row].recorder.row for row in self.recorded]

    def run(self) -> None:
        """Run the loop until asked to stop; leave and re-enter it when a role must catch up from a journal."""
        while not self._asked_to_stop():
            thread = threading.Thread(target=self._hot, name="hot", daemon=True)
            self.exit_reason = 0
            thread.start()
            for wiring in self.wirings:
                wiring.page["started_ns"] = wiring.page["started_ns"] or time.monotonic_ns()
            self.life(LIFE_RUNNING)
            self._control(thread)
            thread.join(JOIN_SECONDS)
            if self.hot_error is not None:
                raise self.hot_error
            if thread.is_alive():
                raise RuntimeError(f"{self.wirings[0].instance}: the hot thread did not stop within {JOIN_SECONDS} s")
            for wiring in self.wirings:
                wiring.page["exit_code"] = self.exit_reason
            if self.exit_reason == EXIT_CATCH_UP:
                self.life(LIFE_CATCHING_UP)
                self.notifier.catching_up()
                for role, wiring, state in zip(self.roles, self.wirings, self.states, strict=True):
                    if state.exit_request[0] == EXIT_CATCH_UP:
                        self.cold(role.catch_up, wiring, state, SECTION_CAUGHT_UP)
                        state.exit_request[0] = 0
                self.notifier.caught_up()

    def _asked_to_stop(self) -> bool:
        return bool(self.stop_word[0]) or any(int(wiring.page["stop"]) for wiring in self.wirings)

    def _control(self, thread: threading.Thread) -> None:
        """The control thread's turns while the hot thread runs."""
        steps_seen = [-1] * len(self.wirings)
        while thread.is_alive():
            now_ns = time.monotonic_ns()
            for row, (role, wiring, state) in enumerate(zip(self.roles, self.wirings, self.states, strict=True)):
                page = wiring.page
                page["alive_ns"] = now_ns
                if int(page["steps"]) != steps_seen[row]:
                    steps_seen[row] = int(page["steps"])
                    page["step_seen_ns"] = now_ns
                page["compile_count"] = compiled_count() - self.compiled
                wiring.count_control(CONTROL_TICKS, 1)
                wiring.raise_background_error()
                wiring.watch_journal(now_ns * 1e-9)
                self.warn(WARNING_NOT_RECORDED, wiring.watch_recording())
                role.tend(wiring, state)
            if why := self.kill.look(files=self.sends):
                print(f"{self.kill.who}: HALTED: {why}", file=sys.stderr, flush=True)
            self.notifier.beat(now_ns, steps_seen)
            if any(int(wiring.page["stop"]) for wiring in self.wirings):
                self.stop_word[0] = 1
            thread.join(TEND_SECONDS)

    def close(self) -> None:
        """Let the roles close, flush the journals, say that it was on purpose."""
        self.life(LIFE_CLOSING)
        self.notifier.stopping()
        for role, wiring, state in zip(self.roles, self.wirings, self.states, strict=True):
            role.close(wiring, state)
        for wiring in self.wirings:
            wiring.close_background()
        self.life(LIFE_CLOSED)
        for wiring in self.wirings:
            wiring.detach()


def main(*roles, argv: list[str] | None = None) -> int:
    """Entry of `python -m procs.<role>`: run the named instances of `roles` in this process until told to stop."""
    parser = argparse.ArgumentParser(
        description="Run one or more instances of a Quintet role (started by the supervisor)."
    )
    parser.add_argument("--fabric", required=True, help="name of the fabric to attach to")
    parser.add_argument(
        "--instance", required=True, action="append", help="instance to run; repeat for a fused process"
    )
    arguments = parser.parse_args(argv)
    name_thread(arguments.instance[0])
    leave_with_parent()
    try:
        agent = Agent(list(roles), arguments.fabric, arguments.instance)
    except (QuintetError, HostRefused) as error:
        print(f"{arguments.instance[0]}: {error}", file=sys.stderr, flush=True)
        return getattr(error, "exit_code", EXIT_FATAL)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.stop_word.__setitem__(0, 1))
    agent.kill.use(agent.wirings[0].control_words())
    agent.kill.on_signal()
    try:
        agent.life(LIFE_STARTING)
        refuse_open_cache(agent.wirings[0].config)
        keep_off({held.core for held in place(agent.wirings[0].config).values()})
        agent.warn(WARNING_NOT_LOCKED, lock_memory(agent.wirings[0].config.host.memory_lock))
        agent.open()
        agent.run()
        agent.close()
        return 0
    except (QuintetError, HostRefused) as error:
        print(f"{arguments.instance[0]}: {error}", file=sys.stderr, flush=True)
        code = getattr(error, "exit_code", EXIT_FATAL)
    except Exception:
        traceback.print_exc()
        code = 1
    if code == EXIT_FATAL:
        for wiring in agent.wirings:
            wiring.halt_firm()
    agent.life(LIFE_FAILED)
    os._exit(code)  # a hot thread that still spins must not keep a failed process alive

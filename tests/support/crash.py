"""Crash: one machine whose roles die where a test says, and what it took them to come back.

A death is a role and where: a failpoint, or a signal at whatever instant. After the deaths of a round every role is
started again by the supervisor; the round is over when each is ready and new orders and new fills were seen, and then
the promises are asked (tests/support/promises.py). `finish` compares everything with the venue's own words.
"""

import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from msgspec import structs

from shm.codes import LIFE_RUNNING, STATE_ACTIVE, STATE_CANCEL_ONLY
from tests.support.crash_build import CrashSystem
from tests.support.failpoints import Failpoints
from tests.support.promises import Promises
from tests.support.system import System, system_config
from tests.support.venue_stream import read_stream

REACH_SECONDS = 60.0  # a failpoint that is not reached by then is never reached
BACK_SECONDS = 60.0
SIZES = {"journal_file_entries": 1024, "id_block": 128, "snapshot_entries": 64}  # used up within seconds
NOTICED_S, READY_S, KNOWN_S = 0.5, 3.0, 3.0  # goals on two cores that nobody else uses
OTHERS_MAX = 0.5  # of the cores: how a machine shared with more than ourselves behaves is not its promise
NO_PARTIAL = 0


class Death(NamedTuple):
    """A role, the failpoint where it dies ("": at once, wherever it is), and how that is brought about."""

    role: str
    point: str = ""
    how: str = ""  # "stop": the firm under CANCEL_ONLY; "gap": datagrams lost; "start": while it starts again
    hit: int = 1
    limit: int = NO_PARTIAL


class Return(NamedTuple):
    """What became of one death, all in seconds after it."""

    death: Death
    company: int  # deaths in its round, itself included
    noticed_s: float
    ready_s: float


class Cores:
    """How much of the cores others took: goals are for cores that nobody else uses."""

    def __init__(self, machine: System):
        self.machine = machine
        self.begun = self._now()

    def _now(self) -> tuple[float, float, float]:
        times = psutil.cpu_times()
        reaped = os.times()
        ours = reaped.user + reaped.system + reaped.children_user + reaped.children_system
        for process in self.machine.supervisor.processes.values():
            if process.popen is not None and process.popen.poll() is None:
                held = psutil.Process(process.popen.pid).cpu_times()
                ours += held.user + held.system
        return time.monotonic(), sum(times) - times.idle - times.iowait - times.guest - times.guest_nice, ours

    def others(self) -> float:
        """Share of the cores' time that went to others, 0 to 1."""
        wall_s, busy_s, ours_s = (now - before for now, before in zip(self._now(), self.begun, strict=True))
        return min(1.0, max(0.0, busy_s - ours_s) / (wall_s * os.cpu_count()))


class Crash:
    """The machine under test. Use as a context manager; the roles `built_in` have failpoints, in `<folder>/failpoints`."""

    def __init__(self, name: str, folder: Path, built_in: tuple[str, ...]):
        self.points, self.built_in = Failpoints(folder / "failpoints"), built_in
        config = system_config(name, params={"levels": 2})
        config = structs.replace(config, topology=structs.replace(config.topology, **SIZES))
        self.returns: list[Return] = []
        self.deaths = 0
        try:
            self.machine = CrashSystem(
                config, {"input_log": True}, points=str(self.points.path), built_in=built_in, restarts_max=100_000
            )
        except BaseException:
            self.points.close()
            raise
        self.promises, self.cores = Promises(self.machine), Cores(self.machine)

    def __enter__(self) -> "Crash":
        return self

    def __exit__(self, *_) -> None:
        try:
            self.machine.close()
        finally:
            self.points.close()

    # --- deaths ---

    def pid(self, role: str) -> int:
        """Process of a role now."""
        return self.machine.fabric.page(role).pid

    def kill(self, *deaths: Death) -> None:
        """One round: let them all happen, wait until each role is ready, look at the promises."""
        before = {death.role: self.pid(death.role) for death in deaths}
        for death in deaths:
            if death.point:
                self._arm(death)
        self._provoke({death.how for death in deaths}, deaths)
        for death in deaths:
            if not death.point:
                os.kill(before[death.role], signal.SIGKILL)
        died_s = {death: time.monotonic() for death in deaths if not death.point}
        self._wait_back(deaths, before, died_s)
        self.deaths += len(deaths)
        self._calm()
        self.check(deaths)

    def kill_by(self, role: str, act, what: str) -> None:
        """Let `act(pid)` bring the death of one role about; wait until it is ready, look at the promises."""
        died, sessions = self.pid(role), self._sessions()
        act(died)
        self.machine.wait(lambda: self.pid(role) != died, what, REACH_SECONDS)
        self.machine.wait(lambda: self._is_ready(role, died, sessions), f"{role} after {what}", BACK_SECONDS)
        self.deaths += 1
        self.check(what)

    def _arm(self, death: Death) -> None:
        if death.how == "start":
            self.points.arm_next(death.point)
        else:
            self.points.arm(death.point, self.pid(death.role), death.hit, limit=death.limit)

    def _provoke(self, hows: set[str], deaths) -> None:
        if "stop" in hows:
            self.machine.fabric.control.operator_set(0, STATE_CANCEL_ONLY)
        if "gap" in hows:
            self.machine.turn(loss_ppm=(400_000, 400_000))
        for role in {death.role for death in deaths if death.how == "start"}:
            os.kill(self.pid(role), signal.SIGKILL)

    def _calm(self) -> None:
        self.machine.turn(loss_ppm=(0, 0))
        self.machine.fabric.control.operator_set(0, STATE_ACTIVE)

    def _wait_back(self, deaths, before: dict[str, int], died_s: dict[Death, float]) -> None:
        """Poll until every death happened and every role is ready again; takes the times."""
        sessions = dict.fromkeys(deaths, self._sessions())  # each as it was at the death
        waiting, deadline = set(deaths), time.monotonic() + REACH_SECONDS
        while waiting:
            self.machine.poll()
            for death in list(waiting):
                if death not in died_s and (died_ns := self.points.died_ns(death.point)):
                    died_s[death] = died_ns * 1e-9
                    sessions[death] = self._sessions()
                    deadline = time.monotonic() + BACK_SECONDS
                    if died_s.keys() >= set(deaths):
                        self._calm()
                if death in died_s and self._is_ready(death.role, before[death.role], sessions[death]):
                    waiting.remove(death)
                    self._note(death, len(deaths), died_s[death])
            late = sorted(f"{d.role} at {d.point} ({'not ready' if d in died_s else 'not reached'})" for d in waiting)
            assert time.monotonic() < deadline, f"{', '.join(late)}: {self.machine.events[-5:]} {self.machine.logs()}"
            time.sleep(0.005)

    def _sessions(self) -> int:
        return self.machine.counters().get("sender_sessions", 0)

    def _is_ready(self, role: str, died: int, sessions: int) -> bool:
        page = self.machine.fabric.page(role)
        if page.pid == died or page.life != LIFE_RUNNING:
            return False
        if role == "order_sender":
            return self._sessions() > sessions
        return role != "feed_handler" or self.machine.snapshot.feed()[0]["state"] == "fresh"

    def _note(self, death: Death, company: int, died_s: float) -> None:
        page = self.machine.fabric.page(death.role)
        if death.how != "start":  # died again on its way
            noticed_s = int(page.row["restarted_ns"]) * 1e-9 - died_s
            self.returns.append(Return(death, company, noticed_s, time.monotonic() - died_s))

    def check(self, what: object) -> None:
        """New orders and fills are seen, and the promises hold so far."""
        machine = self.machine
        sent, fills = machine.sent(), machine.fills()
        machine.wait(lambda: machine.sent() > sent and machine.fills() > fills, f"trading after {what}", BACK_SECONDS)
        try:
            self.promises.check_journals()
            self.promises.check_ledger()
        except AssertionError as error:
            raise AssertionError(f"after {what}: {error}") from error

    # --- stops ---

    def stop(self, role: str, seconds: float, point: str = "") -> int:
        """SIGSTOP for a while, at a failpoint or at once; then go on, and look at the promises.

        Returns the id of the order that was journalled last when it stopped.
        """
        pid = self.pid(role)
        if point:
            self.points.arm(point, pid, number=signal.SIGSTOP)
            self.machine.wait(lambda: self.points.died_ns(point) > 0, f"{role} stops at {point}", REACH_SECONDS)
        else:
            os.kill(pid, signal.SIGSTOP)
        stopped = time.monotonic()
        self.promises.refresh()
        held = list(self.promises.entries.values())
        self.machine.wait(lambda: time.monotonic() - stopped > seconds, "the time to pass", seconds + BACK_SECONDS)
        os.kill(pid, signal.SIGCONT)
        self.check(f"{role} was stopped for {seconds} s {point}")
        assert self.pid(role) == pid, f"{role} went on in the same process"
        return held[-1].order_id

    # --- the end ---

    def finish(self) -> None:
        """Wind down and compare every order, execution, position and fee with the venue's."""
        report = self.machine.finish()
        left = [text for text in report["failures"] if not text.startswith("error")]
        assert left == [], f"{left}\n{self.machine.logs()}"
        assert int(self.machine.snapshot.ledger()["orders_open"].sum()) == 0
        assert report["counters"].get("gate_breaks", 0) == 0
        assert report["counters"].get("gate_unknown_reports", 0) == 0
        self.promises.check_journals()
        os.kill(self.pid("order_sender"), signal.SIGKILL)  # the venue has one connection for each member
        self.promises.check_venue(read_stream(self.machine.config.venues[0].session))

    def _figures(self) -> list[tuple[str, list[float], float]]:
        """(label, values, goal); the goals are those of a role that dies alone: others start on the same cores."""
        alone = [row for row in self.returns if row.company == 1]
        senders = [row.ready_s for row in alone if row.death.role == "order_sender"]
        return [
            ("dead role noticed", [row.noticed_s for row in self.returns], NOTICED_S),
            ("role back and ready, alone", [row.ready_s for row in alone], READY_S),
            ("role back and ready, up to five at once", [row.ready_s for row in self.returns], np.inf),
            ("live orders known after order_sender's death", senders, KNOWN_S),
        ]

    def figures(self) -> list[str]:
        """Lines of a table: what it took to come back; each beside its goal."""
        lines = [f"{'seconds':46}{'n':>5}{'median':>9}{'p99':>9}{'max':>9}{'goal':>9}"]
        for label, values, goal in self._figures():
            shown = [np.percentile(values, 50), np.percentile(values, 99), max(values), goal] if values else []
            lines.append(f"{label:46}{len(values):5}" + "".join(f"{value:9.3f}" for value in shown))
        return [*lines, f"{self.deaths} deaths; others took {self.cores.others():.0%} of the cores' time"]

    def missed(self) -> list[str]:
        """Goals that were missed at p99. What others took of the cores is allowed for; beyond half of it, no goal is."""
        others = self.cores.others()
        if others > OTHERS_MAX:
            return []
        found = []
        for label, values, goal in self._figures():
            seen = float(np.percentile(values, 99)) if values else 0.0
            if seen > goal / (1.0 - others):
                found.append(f"{label}: p99 {seen:.2f} s, goal {goal} s, others took {others:.0%} of the cores")
        return found

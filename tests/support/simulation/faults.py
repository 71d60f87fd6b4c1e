"""Faults: what strikes between two turns. Each is drawn from the plan's weights and undone when the faults end."""

import contextlib

from shm.codes import STATE_CANCEL_ONLY, STATE_HALTED
from shm.errors import JournalWriteFailed
from tests.support.simulation.machine import ROLES
from tests.support.simulation.network import MS, LineFaults

SECOND = 1_000_000_000
RECOVERING = 5


class Faults:
    """The faults of one run."""

    def __init__(self, run):
        self.run, self.rng, self.plan = run, run.rng, run.plan
        self.names = [name for name, weight in self.plan.weights.items() if weight]
        self.weights = [self.plan.weights[name] for name in self.names]
        self.slow_until_ns: dict[str, int] = {}
        self.line_back_ns = self.network_back_ns = 0
        self.may_halt = False
        self.struck: dict[str, int] = {}
        self.over = False
        self.halted_until_ns = self.orders_seen = 0

    def strike(self) -> None:
        """Perhaps a fault: once in `fault_every` turns while orders go out, more rarely while it recovers."""
        self._end_what_is_over()
        orders = self.run.checks.wire.orders
        rarer = 1 if orders > self.orders_seen else RECOVERING
        if self.rng.randrange(self.plan.fault_every * rarer) == 0:
            self.orders_seen = orders
            name = self.rng.choices(self.names, self.weights)[0]
            self.struck[name] = self.struck.get(name, 0) + 1
            getattr(self, f"_{name}")()

    def bring_back(self) -> None:
        """The supervisor: start what died when its time has come."""
        for seat in self.run.seats.values():
            if seat.alive or self.run.clock.stamp_ns < seat.back_at_ns:
                continue
            if seat.failed is not None and not self.over:
                continue
            seat.failed = None
            self.run.note(f"{seat.name} starts again")
            if not self.run.machine.start(seat):
                self.run.note(f"{seat.name} did not come up: {seat.failed}")
            seat.back_at_ns = self.run.clock.stamp_ns + 50 * MS

    def end(self) -> None:
        """No more faults: what was taken away comes back; what failed for good is looked at by a person."""
        self.over = True
        self.run.inside.left.clear()
        self.line_back_ns = self.network_back_ns = 1
        self._end_what_is_over()
        self.slow_until_ns.clear()
        self.run.world.away_until_ns = 0
        for seat in self.run.seats.values():
            seat.away_until_ns = 0
            if seat.wiring is not None and seat.wiring.disk is not None:
                seat.wiring.disk.failing = ""

    def disk_is_slow(self, seat) -> bool:
        """Whether this journal's disk takes nothing now."""
        return self.run.clock.stamp_ns < self.slow_until_ns.get(seat.name, 0)

    # --- one function for each name of the plan's weights ---

    def _kill(self, seats) -> None:
        for seat in seats:
            if seat.alive:
                self.run.machine.kill(seat)
                seat.back_at_ns = self.run.clock.stamp_ns + self.rng.randrange(MS // 10, 30 * MS)
        self.run.note(f"killed {', '.join(seat.name for seat in seats)}")

    def _kill_one(self) -> None:
        self._kill([self.run.seats[self.rng.choice(ROLES)]])

    def _kill_some(self) -> None:
        self._kill([self.run.seats[name] for name in self.rng.sample(ROLES, self.rng.choice((2, 3)))])

    def _kill_all(self) -> None:
        self._kill(list(self.run.seats.values()))

    def _kill_inside(self) -> None:
        """At one of the next failpoints; perhaps only those of its next life's recovery."""
        name = self.rng.choice(ROLES)
        self.run.inside.arm(name, self.rng.choice((1, 2, 3, 5, 8, 13, 40) if self.run.inside.hot else (1, 2, 3, 5, 8)))
        self.run.note(f"{name} is to die at a failpoint")
        if self.rng.random() < 0.4:
            self._kill([self.run.seats[name]])

    def _kill_in_copy(self) -> None:
        """Between the copier's write and its sync, or between the sync and the watermark."""
        seat = self.run.seats[self.rng.choice(("risk_gate", "order_sender", "position_keeper"))]
        if seat.alive and not seat.wiring.disk.failed:
            view, disk = seat.wiring.copier.view, seat.wiring.disk
            runs, sequence = view.pieces(view.watermark, self.rng.choice((1, 16, 4096))), view.watermark
            with contextlib.suppress(JournalWriteFailed):  # the disk was about to fail: dead is dead
                for run in runs:
                    disk.append(sequence, run)
                    sequence += len(run)
            if self.rng.random() < 0.5:
                with contextlib.suppress(JournalWriteFailed):
                    disk.sync()
        self._kill([seat])

    def _stop(self) -> None:
        seat = self.run.seats[self.rng.choice(ROLES)]
        ns = self.rng.choice((100 * MS, 600 * MS, 1500 * MS, 6 * SECOND))
        seat.away_until_ns = self.run.clock.stamp_ns + ns // self.rng.choice((1, 1, 10))
        self.run.note(f"{seat.name} stopped for {ns // MS} ms")
        if self.rng.random() < 0.5:  # the others see a part of it as silence
            self.run.clock.advance(self.rng.randrange(ns))

    def _break(self) -> None:
        self.run.note(f"{self.run.world.network.break_all()} connections fail")

    def _half_open(self) -> None:
        ns = self.rng.choice((40 * MS, SECOND, 8 * SECOND))
        self.run.note(f"{self.run.world.network.hold_all(ns)} connections silent for {ns // MS} ms")

    def _unreachable(self) -> None:
        self.run.world.network.unreachable = True
        self.network_back_ns = self.run.clock.stamp_ns + self.rng.randrange(500 * MS)
        self._break()

    def _line_off(self) -> None:
        """One line, or both, carry nothing for a while."""
        for line in self.rng.choice(((0,), (1,), (0, 1))):
            self.run.world.feed_lines[line].faults = LineFaults(loss=1.0)
        self.line_back_ns = self.run.clock.stamp_ns + self.rng.randrange(200 * MS)
        self.run.note("multicast off")

    def _disk_slow(self) -> None:
        name = self.rng.choice(("risk_gate", "order_sender", "position_keeper"))
        self.slow_until_ns[name] = self.run.clock.stamp_ns + self.rng.randrange(400 * MS)
        self.run.note(f"the disk of {name} takes nothing")

    def _disk_fails(self) -> None:
        """P5: the next write or sync of one journal fails, once and for all."""
        if self.may_halt:
            return
        seat = self.run.seats[self.rng.choice(("risk_gate", "order_sender", "position_keeper"))]
        if seat.alive:
            seat.wiring.disk.failing = self.rng.choice(("write", "sync"))
            self.may_halt = True
            self.run.note(f"the disk of {seat.name} fails at its next {seat.wiring.disk.failing}")

    def _halt(self) -> None:
        """The operator: CANCEL_ONLY or HALTED for a while, then active again."""
        control = self.run.machine.fabric.control
        state = self.rng.choice((STATE_CANCEL_ONLY, STATE_HALTED))
        if control.in_force(0, 0) < STATE_CANCEL_ONLY:
            control.operator_set(0, state)
            self.halted_until_ns = self.run.clock.stamp_ns + self.rng.randrange(50 * MS)
            self.run.note(f"the operator says {state} for the firm")

    def _end_what_is_over(self) -> None:
        now_ns = self.run.clock.stamp_ns
        if self.line_back_ns and now_ns >= self.line_back_ns:
            self.line_back_ns = 0
            for line, faults in zip(self.run.world.feed_lines, self.plan.lines, strict=False):
                line.faults = faults
        if self.network_back_ns and now_ns >= self.network_back_ns:
            self.network_back_ns = 0
            self.run.world.network.unreachable = False
        if self.halted_until_ns and (now_ns >= self.halted_until_ns or self.over):
            self.halted_until_ns = 0
            self.run.machine.fabric.control.operator_set(0, 1)

"""Scheduler: one seed decides who steps next, how far time goes, and what breaks. Nothing else does.

A turn is one step of one actor: the venue, a role's hot thread, a control thread, a journal's copier. Between any two
turns time moves and a fault may strike. The invariants are asked after each turn.

A run: everything starts and gets ready (BOOT), is armed, lives through faults (FAULTS), is left in peace until it
trades again (CALM), stops quoting until nothing is open (STOP), is killed whole and started again (AGAIN).
"""

import contextlib
import random
from collections import deque

from procs.order_sender.desk import PHASE_READY
from shm.codes import CHANNEL_FRESH, STATE_ACTIVE, STATE_CANCEL_ONLY, STATE_HALTED
from shm.errors import JournalWriteFailed
from shm.ids import IDS_NEXT
from tests.support.simulation.faults import Faults
from tests.support.simulation.inside import Inside
from tests.support.simulation.invariants import Invariants
from tests.support.simulation.machine import ROLES, Machine, PatchedTime
from tests.support.simulation.network import MS, LineFaults, StreamFaults
from tests.support.simulation.power import check_disk, lose_power
from tests.support.simulation.settings import Plan, draw_plan, simulation_config
from tests.support.simulation.world import World

TURNS = 1500  # with faults
PEACE_TURNS = 20_000  # within these the machine must be ready, trade, and come to rest
LAST_EVENTS = 40
DOWN_FACTOR = 8
ACTORS = (
    *("venue",) * 6,
    *("feed_handler",) * 6,
    *("strategy",) * 5,
    *("risk_gate",) * 6,
    *("order_sender",) * 8,
    *("position_keeper",) * 3,
    *("copy",) * 4,
    *("tend",) * 3,
)


class SimulationFailed(AssertionError):
    """An invariant does not hold. Says how to repeat the run, and what happened last."""


class Simulation:
    """One run. `digest` after `run` is a number for everything that it did."""

    def __init__(self, seed: int, turns: int = TURNS, *, hot_failpoints: bool = False):
        self.inside = Inside(hot=hot_failpoints)
        self.plan: Plan = draw_plan(seed, turns)
        self.rng = random.Random(seed)
        self.turn = 0
        self.events: deque[str] = deque(maxlen=LAST_EVENTS)
        config = simulation_config(self.plan)
        self.machine = None
        self.world = World(config, self.rng)
        try:
            self.clock = self.world.clock
            self.machine = Machine(config, self.world, self.inside, self.note)
            self.seats = self.machine.seats
            self.checks = Invariants(self.world, self.machine.config)
            self.checks.attach(self.machine.fabric)
            self.world.tap = self.checks.hear
            self.faults = Faults(self)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Everything goes: processes, shared memory, what modules kept."""
        if self.machine is not None:
            self.machine.destroy()
        self.world.close()

    def run(self) -> str:
        """The whole run. Returns the digest; raises SimulationFailed."""
        self._guarded(self._run)
        return self.checks.digest()

    def _guarded(self, work):
        try:
            with self.inside, PatchedTime(self.clock, self._copy_all):
                return work()
        except Exception as error:
            raise SimulationFailed(
                f"seed {self.plan.seed}, turn {self.turn}: {type(error).__name__}: {error}\n"
                f"again: QUINTET_SEED={self.plan.seed} python -m pytest tests/simulation -k one_seed -s\n"
                f"plan: {self.plan}\nlast events:\n  " + "\n  ".join(self.events)
            ) from error

    def run_to_power_loss(self) -> dict[str, int]:
        """Faults, then a power loss, then a new life. Returns the missing entries of each journal.

        Raises SimulationFailed. In the new life the wire alone is watched: no order may leave before the
        positions are the venue's again, and no number comes back.
        """
        return self._guarded(self._run_to_power_loss)

    def note(self, text: str) -> None:
        """Remember an event for the message of a failure."""
        self.events.append(f"turn {self.turn} at {self.clock.stamp_ns / 1e9:.6f} s: {text}")

    # --- phases ---

    def _boot(self) -> None:
        for name in ROLES:
            self.machine.start(self.seats[name])
        self._until(self._is_ready, "BOOT: ready")
        self.machine.fabric.arm()
        self._until(lambda: self.checks.wire.orders > 0, "BOOT: a first order")

    def _run_to_power_loss(self) -> dict[str, int]:
        self._boot()
        self.world.set_faults(self.plan.lines, self.plan.stream)
        for _ in range(self.rng.randrange(1, self.plan.turns)):
            self.faults.strike()
            self._turn()
        marks = lose_power(self)
        self.faults.end()
        self.world.set_faults([LineFaults(), LineFaults()], StreamFaults())
        missing = {name: check_disk(mark) for name, mark in marks.items()}
        orders, self.checks.sleeping = self.checks.wire.orders, True
        self.checks.attach(self.machine.fabric)
        self.machine.fabric.arm()
        ids = (max(self.checks.sent), self.checks.last_order_id)
        for _ in range(self.plan.turns):
            self._turn()
        assert self.checks.wire.orders == orders, "an order left while positions differ from the venue's"
        self._check_ids_grow(*ids)
        return missing

    def _check_ids_grow(self, last_ref: int, last_order_id: int) -> None:
        """P2: the blocks in use start behind everything that was ever given out."""
        for name, last in (("order_sender", last_ref), ("risk_gate", last_order_id)):
            words = self.seats[name].wiring.id_files[0].words
            assert words[IDS_NEXT] > last, f"P2: {name} goes on at {words[IDS_NEXT]}, {last} was used"

    def _run(self) -> None:
        self._boot()
        self.world.set_faults(self.plan.lines, self.plan.stream)
        for _ in range(self.plan.turns):
            self.faults.strike()
            self._turn()
        self.faults.end()
        self.world.set_faults([LineFaults(), LineFaults()], StreamFaults())
        self.note("the faults are over")
        self._until(self._is_ready, "CALM: ready again")
        self._resume()
        orders = self.checks.wire.orders
        self._until(lambda: self.checks.wire.orders > orders, "CALM: an order after the faults")
        self.note("CANCEL_ONLY for the firm")
        self.machine.fabric.control.operator_set(0, STATE_CANCEL_ONLY)
        self._until(self._at_rest, "STOP: nothing open, everything applied")
        self.checks.check_end()
        for seat in self.seats.values():
            self.machine.kill(seat)
        for seat in self.seats.values():
            self.machine.start(seat)
        self._until(lambda: self._is_ready() and self._at_rest(), "AGAIN: the same after a start of everything")
        self.checks.check_end()

    def _until(self, condition, what: str) -> None:
        """Turns until `condition()`; it is a failure when that takes too long."""
        for n in range(PEACE_TURNS):
            if n % 8 == 0 and condition():
                return
            self._turn()
        raise AssertionError(f"{what}: not within {PEACE_TURNS} turns; {self._where()}")

    def _where(self) -> str:
        """Where the machine stands, for a failure's message."""
        desk = self.seats["order_sender"].state
        parts = [f"{seat.name} {'up' if seat.alive else seat.failed or 'down'}" for seat in self.seats.values()]
        channel = self.checks.channels.row(0)
        parts.append(f"channel {int(channel['state']) if channel is not None else 0}")
        parts.append(f"phase {int(desk.desk[0]['phase'])}" if desk is not None else "no desk")
        parts.append(f"control {self.machine.fabric.control.matrix()}")
        parts.append(f"open at the venue {len(self.checks.venue.orders)}, wire orders {self.checks.wire.orders}")
        return "; ".join(parts)

    def _is_up(self) -> bool:
        """Every process up, the session reconciled."""
        for seat in self.seats.values():
            if seat.state is None:
                return False
        return self.seats["order_sender"].state.desk[0]["phase"] == PHASE_READY

    def _is_ready(self) -> bool:
        """And the channel fresh."""
        channel = self.checks.channels.row(0)
        return channel is not None and int(channel["state"]) == CHANNEL_FRESH and self._is_up()

    def _at_rest(self) -> bool:
        """Nothing open anywhere, and every report applied by all of its readers."""
        if not all(seat.alive for seat in self.seats.values()) or self.checks.venue.orders:
            return False
        sender, keeper = self.seats["order_sender"].state, self.seats["position_keeper"].state
        if int(sender.desk[0]["orders_open"]) or len(self.checks.reported) != len(self.checks.venue.executions):
            return False
        return int(keeper.applied_seq[0]) == self.checks.report_seq

    def _resume(self) -> None:
        """A person looks and takes back what faults were meant to halt; anything else that is halted is a failure."""
        words = self.machine.fabric.control
        for scope in range(len(words.scopes)):
            if words.effective(scope) == STATE_HALTED:
                label = words.scopes.labels[scope]
                assert self.faults.may_halt, (
                    f"{label} is HALTED by {words.holders(scope)}: nothing was meant to do that"
                )
                words.operator_acknowledge(scope)
                words.operator_set(scope, STATE_ACTIVE)
                self.note(f"{label} resumed by a person")

    # --- turns ---

    def _turn(self) -> None:
        self.turn += 1
        self.clock.advance(self._gap_ns())
        actor = ACTORS[self.rng.randrange(len(ACTORS))]
        self.faults.bring_back()
        if actor == "venue":
            if self.clock.stamp_ns >= self.world.away_until_ns:
                self.world.step()
                self.checks.after_venue(self.seats["risk_gate"])
        elif actor == "copy":
            self._copy(self.seats[self.rng.choice(("risk_gate", "order_sender", "position_keeper"))])
        elif actor == "tend":
            self.world.tend()
            for seat in self.seats.values():
                if self._runs(seat):
                    self.machine.tend(seat)
        else:
            self.step(self.seats[actor])

    def step(self, seat) -> None:
        """One duty cycle and what is asked after it."""
        if self._runs(seat):
            self.checks.before(seat.name)
            self.machine.step(seat)
            self.checks.after(seat)

    def _runs(self, seat) -> bool:
        return seat.alive and self.clock.stamp_ns >= seat.away_until_ns

    def _copy(self, seat) -> None:
        if self._runs(seat) and not self.faults.disk_is_slow(seat):
            self.machine.copy(seat)

    def _copy_all(self) -> None:
        """While cold code waits for room in a journal: the copiers run on."""
        running, self.inside.running = self.inside.running, ""
        for seat in self.seats.values():
            if seat.wiring is not None and seat.wiring.copier is not None:
                with contextlib.suppress(JournalWriteFailed):  # its process hears of it at the copier's next turn
                    seat.wiring.copier.copy_some()
        self.inside.running = running

    def _gap_ns(self) -> int:
        """Time to the next turn: mostly microseconds, now and then a pause of the whole host.

        While something is down time goes faster: what is waited for are restarts, back-off and silence.
        """
        return self._plain_gap_ns() * (1 if self._is_up() else DOWN_FACTOR)

    def _plain_gap_ns(self) -> int:
        roll = self.rng.random()
        if roll < 0.7:
            return self.rng.randrange(500, 20_000)
        if roll < 0.97:
            return self.rng.randrange(20_000, 300_000)
        if roll < 0.998:
            return self.rng.randrange(MS, 5 * MS)
        return self.rng.randrange(10 * MS, 200 * MS)

"""Machine: the five roles of one fabric in this thread, each opened by its own code, stepped, tended and killed.

A killed role loses what a process loses: private memory, sockets, locks. Its successor runs the role's real `open_` and
`recover` on the same shared memory, the same journal folder and the same identifier files.
"""

import contextlib
import importlib
from dataclasses import dataclass

import procs.feed_handler.__main__ as feed_main
import procs.order_sender.state as sender_state
import procs.position_keeper.__main__ as keeper_main
import procs.position_keeper.recovery as keeper_recovery
import procs.risk_gate.state as gate_state
import procs.strategy.__main__ as strategy_main
from procs.order_sender.login import SessionClient
from procs.order_sender.recover import replay
from procs.order_sender.state import check
from procs.order_sender.wire_out import note_send
from procs.runtime.fabric import Fabric
from procs.runtime.loop import step_target
from procs.runtime.prepare import load_role
from shm.codes import EXIT_CATCH_UP, LIFE_RUNNING
from shm.errors import Fatal, QuintetError
from shm.failpoints import FP_SEND_AFTER, FP_SEND_BEFORE, reach
from shm.records.clock_page import CLOCK_PAGE
from shm.records.segment_header import SEGMENT_KIND_CLOCK
from shm.segment import HEADER_BYTES, attach_segment
from tests.support.simulation.inside import Inside, ProcessDied
from tests.support.simulation.ports import (
    receive_datagrams,
    receive_streams,
    send_datagrams,
    send_streams,
)
from tests.support.simulation.wiring import SimulatedWiring

ROLES = ("feed_handler", "strategy", "risk_gate", "order_sender", "position_keeper")
REQUEST_LINE = 2
PRIVATE = {  # module state that is a process's own: gone with it
    "feed_handler": (feed_main._parts, feed_main._symbols),
    "risk_gate": (gate_state._parts,),
    "order_sender": (sender_state._arrays,),
    "strategy": (strategy_main._id_blocks, strategy_main._journals),
    "position_keeper": (keeper_main._books, keeper_main._journals),
}


@dataclass
class Seat:
    """One role: its process, or none."""

    name: str
    role: object
    step: object
    wiring: SimulatedWiring | None = None
    state: object = None
    client: SessionClient | None = None
    back_at_ns: int = 0  # when the supervisor starts it again
    away_until_ns: int = 0  # stopped: neither steps nor tends before
    failed: QuintetError | None = None  # ended for good, until a person looked

    @property
    def alive(self) -> bool:
        """Whether there is a process."""
        return self.state is not None


class Machine:
    """The fabric and its roles. `world` has the lines, the network and the clock; it outlives every fabric."""

    def __init__(self, config, world, inside: Inside, note):
        self.config, self.world, self.clock = config, world, world.clock
        self.inside, self.note = inside, note
        self.seats = {}
        for name in ROLES:
            role = load_role("procs", name)
            module, function = step_target(role, config, name).split(":")
            self.seats[name] = Seat(name, role, getattr(importlib.import_module(module), function))
        self.create(fresh=True)

    def create(self, *, fresh: bool) -> None:
        """A new life of the fabric: empty shared memory."""
        self.fabric = Fabric(self.config, fresh=fresh)
        self.config = self.fabric.config
        arguments = (self.config.name, self.fabric.epoch, "clock", SEGMENT_KIND_CLOCK, CLOCK_PAGE, 1)
        self.clock_segment = attach_segment(*arguments, writable=True)
        self.clock.attach(self.clock_segment.view(HEADER_BYTES, CLOCK_PAGE))

    def destroy(self) -> None:
        """Every process and all shared memory at once."""
        for seat in self.seats.values():
            if seat.alive:
                self.kill(seat)
        self.clock.pages.pop()
        self.clock_segment.close()
        self.fabric.destroy()

    # --- life and death ---

    def start(self, seat: Seat) -> bool:
        """What a new process does before its loop. Returns whether it got there; a Fatal error stays for a person."""
        seat.wiring = SimulatedWiring(self.config.name, seat.name)
        with self._living(seat):
            self._open(seat)
        return seat.alive

    @contextlib.contextmanager
    def _living(self, seat: Seat):
        """Around everything that a process does: it may die at a failpoint, or end by itself."""
        self.inside.running = seat.name
        try:
            yield
        except ProcessDied as death:
            self.note(f"{seat.name} dies at failpoint {death}")
            self.kill(seat)
        except QuintetError as error:
            self.note(f"{seat.name} ends: {error}")
            self._failed(seat, error)
        finally:
            self.inside.running = ""

    def _open(self, seat: Seat) -> None:
        state = seat.role.open_(seat.wiring)
        seat.wiring.label_histograms(seat.role.histograms)
        if seat.name == "order_sender":
            self._recover_sender(seat, state)
        else:
            seat.role.recover(seat.wiring, state)
        seat.state = state
        seat.wiring.page["life"] = LIFE_RUNNING

    def _recover_sender(self, seat: Seat, state) -> None:
        """As `recover` of procs/order_sender/__main__.py, with this network and this clock."""
        replay(state, seat.wiring.journal_reader(seat.name))
        check(state)
        settings = self.config.venues[0].session
        network, seed = self.world.network, self.world.rng.randrange(1 << 30)
        seat.client = SessionClient(
            settings, state, seat.wiring.note_error, clock=self.clock.monotonic, connect=network.connect, seed=seed
        )

    def _failed(self, seat: Seat, error: QuintetError) -> None:
        """As the end of procs/runtime/agent.py: an error that a restart cannot help halts the firm."""
        if isinstance(error, Fatal):
            seat.wiring.halt_firm()
            seat.failed = error
        self.kill(seat)

    def kill(self, seat: Seat, *, power_lost: bool = False) -> None:
        """kill -9."""
        wiring, seat.wiring, state, seat.state = seat.wiring, None, seat.state, None
        if wiring.disk is not None:
            wiring.disk.power_lost(self.world.rng) if power_lost else wiring.disk.process_died()
        if seat.client is not None:
            seat.client.close()
            seat.client = None
        if seat.name == "feed_handler":
            self.world.forget_feed()
        for private in PRIVATE.get(seat.name, ()):
            private.clear()
        wiring.die()
        del state

    # --- turns ---

    def step(self, seat: Seat) -> None:
        """One duty cycle of the hot thread, as the generated loop does it."""
        with self._living(seat):
            self._step(seat)

    def _step(self, seat: Seat) -> None:
        state, clock, world = seat.state, self.clock, self.world
        page = seat.wiring.page
        if state.exit_request[0] == EXIT_CATCH_UP:
            seat.role.catch_up(seat.wiring, state)
            state.exit_request[0] = 0
        if seat.name == "feed_handler":
            work = receive_datagrams(state.port_in, world.feed_lines, clock.stamp_ns)
            work += seat.step(state, clock.now_ns)
            work += send_datagrams(state.port_out, [None, None, world.requests])
        elif seat.name == "order_sender":
            work = receive_streams(state.port_in, world.network, clock.stamp_ns)
            work += seat.step(state, clock.now_ns)
            reach(FP_SEND_BEFORE)
            taken = send_streams(state.port_out, world.network, clock.stamp_ns, world.tap)
            reach(FP_SEND_AFTER)
            note_send(state.desk[0], taken)
            work += taken
        else:
            work = seat.step(state, clock.now_ns)
        page["work"] += work
        page["idle_steps"] += work == 0
        page["steps"] += 1
        page["step_ns"] = clock.stamp_ns

    def tend(self, seat: Seat) -> None:
        """One turn of the control thread."""
        with self._living(seat):
            if seat.client is not None:
                seat.client.turn()
                seat.wiring.id_block.extend()
            elif seat.name != "feed_handler":  # its sockets are always open here
                seat.role.tend(seat.wiring, seat.state)

    def copy(self, seat: Seat) -> None:
        """One turn of the journal's copier. A failed write ends the process, as its control thread would."""
        with self._living(seat):
            seat.wiring.copier.copy_some()


class PatchedTime:
    """Cold code that asks for the time of day gets the simulated one, while this context is entered."""

    MODULES = (keeper_main, keeper_recovery)

    def __init__(self, clock, waited):
        self.clock, self.waited = clock, waited

    def __enter__(self):
        self.kept = [module.time for module in self.MODULES]
        for module in self.MODULES:
            module.time = self
        return self

    def __exit__(self, *_):
        for module, kept in zip(self.MODULES, self.kept, strict=True):
            module.time = kept

    def monotonic(self) -> float:
        """Seconds of simulated time."""
        return self.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Time passes, and what the waiter waits for gets its turn."""
        self.clock.advance(round(seconds * 1e9))
        self.waited()

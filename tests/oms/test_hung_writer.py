"""A process that is stopped is late, not wrong: nothing is told of it, and what was told too soon is taken back."""

import os

import numpy as np
import pytest

from config.load import load
from procs.oms import progress as progress_module
from procs.oms import reconcile as reconcile_module
from procs.oms import venue_breaks as breaks_module
from procs.oms.loader import Loader
from procs.oms.progress import HUNG_NS, Progress
from procs.oms.query import Filter, executions
from procs.oms.reconcile import ALLOWED_NS, GRACE_NS, Read, Reconciler
from procs.oms.schema import columns
from procs.oms.store import open_reader
from procs.oms.venue_breaks import HOLD_NS, Alarms, VenueBreaks
from procs.runtime.control_names import scope_names
from shm.codes import LIFE_CLOSED, LIFE_RUNNING, STATE_ACTIVE, STATE_REDUCING
from shm.control_words import ControlWords
from shm.process import process_start_ns
from shm.records.control_end import control_bytes
from shm.records.instance import INSTANCE
from tests.support.copy_bench import Clock, FakeSession, copy_of
from tests.support.record_bench import Scribe, Trading

pytestmark = pytest.mark.usefixtures("folders")
TURN_NS = 20_000_000
TICK_NS = 5_000_000  # a turn of a control thread
OMS = 1


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    for module in (progress_module, reconcile_module, breaks_module):
        monkeypatch.setattr(module, "time", made)
    return made


# --- who is away ------------------------------------------------------------------------------------------------------


class Tails:
    """Stands in for the loader: everything is in the record at once."""

    tail = 0

    def place(self, _instance):
        return self.tail, self.tail


@pytest.fixture
def page() -> np.void:
    """The page of a process that runs: this one."""
    made = np.zeros(1, INSTANCE)[0]
    made["pid"], made["life"] = os.getpid(), LIFE_RUNNING
    made["start_ns"] = process_start_ns(os.getpid())
    return made


def test_a_process_that_steps_is_read_to_now_and_one_that_hangs_only_to_its_last_step_and_is_away(clock, page):
    progress, tails = Progress("position_keeper", page), Tails()
    for _ in range(200):
        clock.now_ns += TICK_NS
        page["step_seen_ns"] = clock.now_ns
        read = progress.look(tails)
    assert read == Read(through_ns=clock.now_ns - TICK_NS, away_ns=0)
    stepped_ns = clock.now_ns
    while clock.now_ns < stepped_ns + HUNG_NS:  # as the page of a stopped process: everything says running
        clock.now_ns += TICK_NS
        read = progress.look(tails)
        assert read == Read(through_ns=stepped_ns, away_ns=0), "a pause is no absence, but nothing is read in it"
    for _ in range(400):
        clock.now_ns += TICK_NS
        assert progress.look(tails) == Read(through_ns=stepped_ns, away_ns=clock.now_ns)
    hung_until_ns = clock.now_ns
    for _ in range(10):
        clock.now_ns += TICK_NS
        page["step_seen_ns"] = clock.now_ns
        read = progress.look(tails)
    assert read == Read(through_ns=clock.now_ns - TICK_NS, away_ns=hung_until_ns)


@pytest.mark.parametrize("how", ["closed", "dead"])
def test_a_process_that_left_is_away_at_once(clock, page, how):
    clock.now_ns += TICK_NS
    page["step_seen_ns"] = clock.now_ns
    if how == "closed":
        page["life"] = LIFE_CLOSED
    else:
        page["start_ns"] += 1  # its number belongs to another process now
    assert Progress("position_keeper", page).look(Tails()).away_ns == clock.now_ns


# --- what is told of it -----------------------------------------------------------------------------------------------


class Lagging:
    """A day in the record, agreed by the copy, of which position_keeper has not written the last fill of one place."""

    def __init__(self, name: str, clock: Clock):
        self.name, self.clock, self.away_ns = name, clock, 0
        scopes = scope_names(load())
        size = control_bytes(2, len(scopes.sessions), len(scopes.strategies), len(scopes.instruments))
        self.words = ControlWords(bytearray(size), ["operator", "oms"], scopes)
        for scope in range(len(scopes)):
            self.words.operator_set(scope, STATE_ACTIVE)
        scribe = Scribe(name, 1)
        trading = Trading(scribe, 11)
        for _ in range(120):
            trading.turn()
        scribe.write()
        self.open_()
        self.clock.now_ns += HOLD_NS + TURN_NS
        self.loader.load()
        self.last = self._last_execution()
        fields = (self.last["report_seq"], self.last["order_id"])
        run = self.loader.store.connection.execute
        self.fill = run("SELECT * FROM fills WHERE report_seq = ? AND order_id = ?", fields).fetchone()
        assert self.fill is not None
        with self.loader.store.transaction():
            run("DELETE FROM fills WHERE report_seq = ? AND order_id = ?", fields)
        reader = open_reader(name)
        self.reconciler.session.coming = [message for _, message in copy_of(reader, 1)]
        reader.close()

    def _last_execution(self) -> dict:
        reader = open_reader(self.name)
        rows = list(executions(reader, Filter(epoch=1)))
        reader.close()
        return max(rows, key=lambda row: row["report_seq"])

    @property
    def scope_state(self) -> int:
        """State of the instrument whose fill is missing, as the gate sees it."""
        symbol = load().instruments[self.last["instrument_id"]].symbol
        return self.words.effective(self.words.scopes.index(f"instrument:{symbol}"))

    def open_(self) -> None:
        self.loader = Loader(self.name, None)
        self.breaks = VenueBreaks(self.loader.store, 1, Alarms(self.words, OMS))
        config = load(self.name).venues[0].drop_copy
        self.reconciler = Reconciler(self.loader.store, 1, 0, "order_sender", config, self.breaks)
        self.reconciler.session = FakeSession(self.clock, self.reconciler.session.next_seq)

    def kill_oms(self) -> None:
        self.loader.close()
        self.open_()

    def turns(self, span_ns: int, keeper_away: bool = False) -> None:
        """Steps of oms for that long; both sides of the session are read to now, and position_keeper too or not."""
        until_ns, stopped_ns = self.clock.now_ns + span_ns, self.clock.now_ns
        while self.clock.now_ns < until_ns:
            self.clock.now_ns += TURN_NS
            now_ns = self.reconciler.session.drained_ns = self.clock.now_ns
            self.away_ns = now_ns if keeper_away else self.away_ns
            keeper = Read(stopped_ns if keeper_away else now_ns, self.away_ns)
            self.reconciler.step(Read(now_ns, 0), keeper)
            self.reconciler.session.coming = []
            self.breaks.tend()

    def write_fill(self) -> None:
        """position_keeper goes on."""
        with self.loader.store.transaction():
            self.loader.store.put("fills", [self.fill])


@pytest.fixture
def lagging(clock):
    made = Lagging(f"lag-{os.getpid()}", clock)
    yield made
    made.loader.close()


def test_while_position_keeper_is_away_its_missing_fill_is_told_only_after_all_that_is_allowed(lagging):
    lagging.turns(ALLOWED_NS - 10 * TURN_NS, keeper_away=True)
    assert not lagging.breaks.open and lagging.scope_state == STATE_ACTIVE
    lagging.turns(20 * TURN_NS, keeper_away=True)
    assert [held.kind for held in lagging.breaks.open.values()] == ["position"]
    assert lagging.scope_state == STATE_REDUCING


def test_a_position_keeper_that_was_stopped_and_catches_up_was_never_accused(lagging):
    lagging.turns(2_000_000_000, keeper_away=True)
    lagging.turns(GRACE_NS // 2)
    lagging.write_fill()
    lagging.turns(ALLOWED_NS)
    assert lagging.breaks.last == 0 and lagging.scope_state == STATE_ACTIVE


@pytest.mark.parametrize("oms_dies", [False, True])
def test_a_fill_that_comes_after_its_break_gives_the_instrument_back_without_another_execution(lagging, oms_dies):
    lagging.turns(1_000_000_000)
    assert [held.kind for held in lagging.breaks.open.values()] == ["position"]
    assert lagging.scope_state == STATE_REDUCING
    if oms_dies:
        lagging.kill_oms()
        lagging.turns(HOLD_NS + 1_000_000_000)
        assert lagging.scope_state == STATE_REDUCING, "its fill is still missing"
    lagging.write_fill()
    lagging.turns(2 * TURN_NS)
    assert not lagging.breaks.open and lagging.scope_state == STATE_ACTIVE
    assert lagging.breaks.last == 1


def test_a_fill_that_comes_with_another_position_keeps_the_break_and_says_what_was_found(lagging):
    lagging.turns(1_000_000_000)
    held = next(iter(lagging.breaks.open.values()))
    assert held.found == "none"
    row, at = list(lagging.fill), columns("fills").index("position_lots")
    row[at] += 100
    lagging.fill = row
    lagging.write_fill()
    lagging.turns(ALLOWED_NS)
    assert lagging.scope_state == STATE_REDUCING and held.found == f"{row[at]:+}"

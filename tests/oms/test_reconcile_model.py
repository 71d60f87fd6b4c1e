"""Random trading against random drop copies: the breaks are those of a slow comparison of both, however they interleave."""

import os
import random

import pytest

from config.load import load
from procs.oms import loader as loader_module
from procs.oms import reconcile as reconcile_module
from procs.oms import venue_breaks as breaks_module
from procs.oms.loader import Loader
from procs.oms.query import Filter, executions, orders, venue_breaks
from procs.oms.reconcile import Read, Reconciler
from procs.oms.schema import FILE
from procs.oms.store import open_reader
from procs.oms.venue_breaks import Alarms, VenueBreaks
from procs.runtime.control_names import scope_names
from procs.runtime.paths import state_folder
from shm.codes import STATE_ACTIVE, STATE_REDUCING
from shm.control_words import ControlWords, operator_resume
from shm.records.control_end import control_bytes
from tests.oracles.drop_copy import expected_breaks
from tests.support.copy_bench import Clock, FakeSession, copy_of, outbound
from tests.support.record_bench import Scribe, Trading

pytestmark = pytest.mark.usefixtures("folders")
TURN_NS = 20_000_000
ENTRIES = 5  # of our journal in one turn
LEAD = 15  # entries that one side may be ahead of the other: less than the settling time
SENDER, OMS = "order_sender", 1


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(reconcile_module, "time", made)
    monkeypatch.setattr(breaks_module, "time", made)
    monkeypatch.setattr(loader_module, "BATCH_ENTRIES", ENTRIES)
    return made


def day_of(name: str, seed: int, turns: int) -> tuple[list[tuple[int, bytes]], list[dict], list[dict]]:
    """A day in the journals, and nothing in the record: what an honest drop copy says of it, its orders, executions."""
    scribe = Scribe(name, 1)
    trading = Trading(scribe, seed)
    for _ in range(turns):
        trading.turn()
    scribe.write()
    loader = Loader(name, None)
    loader.load()
    loader.close()
    connection = open_reader(name)
    held = list(orders(connection, Filter(epoch=1))), list(executions(connection, Filter(epoch=1)))
    honest = copy_of(connection, 1)
    connection.close()
    for path in state_folder(name).glob(FILE + "*"):
        path.unlink()
    return honest, *held


def spoil(dice: random.Random, honest: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """The same copy with messages left out, altered, told twice, invented, or late."""
    found: list[tuple[int, bytes]] = []
    for seq, message in honest:
        chance, at = dice.random(), seq
        if chance < 0.02 and message[:1] in (b"E", b"C"):
            continue
        if chance < 0.04 and message[:1] == b"E":
            place = dice.choice((16, 24))  # lowest byte of the size, of the price
            message = message[:place] + bytes([message[place] ^ dice.randrange(1, 64)]) + message[place + 1 :]
        elif chance < 0.06 and message[:1] == b"E":
            found.append((seq, message))
        elif chance < 0.07:
            given = {"match_number": 1 << 40 | seq, "qty_lots": 100, "price_ticks": 5, "liquidity_flag": "A"}
            found.append((seq, outbound("E", user_ref_num=int.from_bytes(message[9:13], "big"), **given)))
        elif chance < 0.08:
            entry = {"user_ref_num": 1 << 30 | seq, "side_letter": "B", "symbol": "QNTA", "qty_lots": 100}
            found.append((seq, outbound("A", **entry)))
        elif chance < 0.10 and message[:1] == b"E":
            at += dice.randrange(300)  # a second and more
        found.append((at, message))
    return sorted(found, key=lambda row: row[0])


class Turning:
    """A loader and a reconciler over the same record, in turns, as the process runs them."""

    def __init__(self, name: str, clock: Clock, words: ControlWords | None = None):
        self.name, self.clock, self.words = name, clock, words
        self.seen = clock.now_ns, clock.now_ns  # when our side, and the copy, had all that had happened
        self.open_()

    def open_(self) -> None:
        self.loader = Loader(self.name, None)
        store = self.loader.store
        self.breaks = VenueBreaks(store, 1, Alarms(self.words, OMS))
        config = load(self.name).venues[0].drop_copy
        self.reconciler = Reconciler(store, 1, 0, SENDER, config, self.breaks)
        self.reconciler.session = FakeSession(self.clock, self.reconciler.session.next_seq)

    def own_seq(self) -> int:
        held = self.loader.store.cursors().get((1, SENDER))
        return held[0] if held else 0

    def turn(self, coming: list[bytes], caught_up: tuple[bool, bool]) -> None:
        """One step of the process, 20 ms later; `caught_up`: whether each side has everything that happened."""
        self.clock.now_ns += TURN_NS
        self.seen = tuple(self.clock.now_ns if now else at for now, at in zip(caught_up, self.seen, strict=True))
        session = self.reconciler.session
        session.coming, session.drained_ns = coming, self.seen[1]
        self.reconciler.step(Read(self.seen[0], 0), Read(0, 0))
        self.breaks.tend()

    def kill(self) -> None:
        """The process dies between two steps and another takes its place."""
        self.loader.close()
        self.open_()


def play(name: str, clock: Clock, told: list[tuple[int, bytes]], dice: random.Random, kills: float) -> Turning:
    """Our journal and the copy, interleaved at random, to their ends and until everything has settled."""
    machine, at, last = Turning(name, clock), 0, -1
    while True:
        before = machine.own_seq()
        if dice.random() < 0.9:
            machine.loader.step()
        own = machine.own_seq()
        reach = own + dice.randrange(-LEAD, LEAD)
        coming = []
        while at < len(told) and told[at][0] <= reach:
            coming.append(told[at][1])
            last = max(last, told[at][0])
            at += 1
        behind = at < len(told) and told[at][0] < own  # the copy lacks something that we have
        machine.turn(coming, (own > last, not behind))
        if dice.random() < kills:
            machine.kill()
        if own == before and not machine.loader.load() and at == len(told):
            break
    for _ in range(100):
        machine.turn([], (True, True))
    return machine


def standing(name: str) -> set[tuple]:
    connection = open_reader(name)
    rows = [row for row in venue_breaks(connection, Filter(epoch=1)) if row["state"] == "open"]
    connection.close()
    found = {(row["kind"], row["user_ref_num"], row["match_number"]) for row in rows}
    assert len(found) == len(rows), "each is told once"
    return found


@pytest.mark.parametrize("turns", [250, pytest.param(8_000, marks=pytest.mark.soak)])
def test_the_breaks_of_a_spoilt_copy_are_those_of_a_slow_comparison_whatever_dies_meanwhile(turns, clock):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    name, dice = f"spoilt-{os.getpid()}", random.Random(seed)
    honest, own_orders, own_executions = day_of(name, seed, turns)
    told = spoil(dice, honest)
    machine = play(name, clock, told, dice, kills=0.03)
    expected = expected_breaks([message for _, message in told], own_orders, own_executions)
    print(f"{len(honest)} messages, {len(expected)} breaks")
    assert standing(name) == expected and len(expected) > 3
    machine.loader.close()


@pytest.mark.parametrize("turns", [250, pytest.param(8_000, marks=pytest.mark.soak)])
def test_an_honest_copy_is_never_accused_however_both_sides_interleave(turns, clock):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    name, dice = f"honest-{os.getpid()}", random.Random(seed)
    honest, own_orders, own_executions = day_of(name, seed, turns)
    machine = play(name, clock, honest, dice, kills=0.03)
    assert machine.breaks.last == 0 and not machine.breaks.open
    assert machine.reconciler.watched == {}
    copied = machine.loader.store.connection.execute("SELECT count(*), sum(qty_lots) FROM copied_executions").fetchone()
    assert copied == (len(own_executions), sum(row["qty_lots"] for row in own_executions))
    machine.loader.close()


@pytest.fixture
def words() -> ControlWords:
    """Control words of the shipped configuration with two writers: the operator and oms."""
    scopes = scope_names(load())
    size = control_bytes(2, len(scopes.sessions), len(scopes.strategies), len(scopes.instruments))
    made = ControlWords(bytearray(size), ["operator", "oms"], scopes)
    for scope in range(len(scopes)):
        made.operator_set(scope, STATE_ACTIVE)
    return made


def test_a_break_holds_its_instrument_until_the_operator_looked_and_the_next_one_holds_it_again(clock, words, tmp_path):
    name = f"held-{os.getpid()}"
    honest, _, _ = day_of(name, 7, 120)
    machine = Turning(name, clock, words)
    machine.loader.load()
    for _ in range(200):  # no message of the copy comes at all
        machine.turn([], (True, True))
    scope = next(held.scope for held in machine.breaks.open.values())
    index = words.scopes.index(scope)
    assert words.effective(index) == STATE_REDUCING and words.effective(0) == STATE_ACTIVE
    operator_resume(words, tmp_path, scope, "looked at it")
    machine.turn([], (True, True))
    assert words.effective(index) == STATE_ACTIVE
    assert {held.holds for held in machine.breaks.open.values() if held.scope == scope} == {False}
    machine.kill()
    for _ in range(200):
        machine.turn([], (True, True))
    assert words.effective(index) == STATE_ACTIVE, "what was acknowledged is not told again after a restart"
    trade = {"user_ref_num": 1 << 20, "match_number": 1 << 20, "qty_lots": 1, "price_ticks": 1, "liquidity_flag": "A"}
    entry = {"user_ref_num": 1 << 20, "side_letter": "B", "symbol": scope.partition(":")[2], "qty_lots": 100}
    machine.turn([outbound("A", **entry), outbound("E", **trade)], (True, True))
    for _ in range(30):
        machine.turn([], (True, True))
    assert words.effective(index) == STATE_REDUCING, "a new break counts again"
    machine.kill()
    assert words.effective(index) == STATE_REDUCING, "and its word survives oms"
    for _ in range(20):
        machine.turn([message for _, message in honest] if honest else [], (True, True))
        honest = []
    assert words.effective(index) == STATE_REDUCING, "the others are cleared, it stands"
    open_now = {(held.kind, held.user_ref_num) for held in machine.breaks.open.values()}
    assert open_now == {("execution_not_recorded", 1 << 20)}
    machine.loader.close()


def test_silence_reduces_the_firm_until_the_copy_is_heard_again(clock, words):
    name = f"silent-{os.getpid()}"
    Scribe(name, 1).write()
    machine = Turning(name, clock, words)
    session = machine.reconciler.session
    for _ in range(240):
        machine.turn([], (True, True))
    assert words.effective(0) == STATE_ACTIVE
    session.poll = lambda: []  # nothing more is heard
    for _ in range(240):
        machine.turn([], (True, True))
    assert words.effective(0) == STATE_ACTIVE, "4.8 s are no silence yet"
    for _ in range(20):
        machine.turn([], (True, True))
    assert words.effective(0) == STATE_REDUCING
    assert [held.kind for held in machine.breaks.open.values()] == ["silence"]
    session.heard_ns = clock.now_ns
    machine.turn([], (True, True))
    assert words.effective(0) == STATE_ACTIVE and not machine.breaks.open
    machine.loader.close()

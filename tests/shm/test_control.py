"""Control words: strictness, acknowledgement, scope names, and the latch file."""

import json
import random

import numpy as np
import pytest

from shm.atomics import address_of
from shm.codes import STATE_ACTIVE, STATE_CANCEL_ONLY, STATE_HALTED, STATE_NAMES, STATE_REDUCING
from shm.control import (
    control_instrument_scope,
    control_session_scope,
    control_set,
    control_state,
    control_strategy_scope,
)
from shm.control_words import (
    ControlWords,
    LatchUnreadable,
    ScopeNames,
    ScopeUnknown,
    control_arm,
    control_restore,
    latch_automatic,
    latch_load,
    latch_store,
    operator_resume,
    operator_stop,
)
from shm.ends import control_end_at
from shm.errors import SegmentTooSmall
from shm.records.control_end import CONTROL_END, CONTROL_OPERATOR, CONTROL_WORDS_OFFSET, control_bytes
from shm.scratch import scratch_control, scratch_control_as

WRITERS = ["operator", "monitor", "risk_gate", "order_sender.nasdaq"]
SCOPES = ScopeNames(["nasdaq"], ["mm1", "mm2"], ["AAPL", "MSFT", "ESH4"])
SIZES = (len(WRITERS), 1, 2, 3)


class Bench:
    """One control object in private memory, with an end for each writer."""

    def __init__(self):
        self.memory = np.zeros(control_bytes(*SIZES) // 8 + 8, np.int64)
        skip = -address_of(self.memory) // 8 % 8  # the object starts on a cache line, as a mapping does
        self.object = self.memory[skip : skip + control_bytes(*SIZES) // 8]
        self.ends = [control_end_at(address_of(self.object), *SIZES, writer=k) for k in range(len(WRITERS))]
        self.reader = control_end_at(address_of(self.object), *SIZES)
        self.words = ControlWords(memoryview(self.object).cast("B"), WRITERS, SCOPES)

    def state(self, session=-1, strategy=-1, instrument=-1):
        return control_state(self.reader[0], session, strategy, instrument)


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def active(bench, tmp_path):
    control_restore(bench.words, tmp_path)
    assert control_arm(bench.words, tmp_path) is None
    return bench


def test_zeroed_memory_reads_halted_at_every_scope(bench):
    assert bench.state() == STATE_HALTED
    assert bench.state(0, 1, 2) == STATE_HALTED
    assert all(bench.words.effective(scope) == STATE_HALTED for scope in range(len(SCOPES)))


def test_start_state_is_halted_and_arming_makes_it_active(bench, tmp_path):
    control_restore(bench.words, tmp_path)
    assert bench.state(0, 0, 0) == STATE_HALTED
    control_arm(bench.words, tmp_path)
    assert bench.state(0, 0, 0) == STATE_ACTIVE


def test_strictest_of_the_four_scopes_wins(active):
    monitor = active.ends[1][0]
    assert control_set(monitor, control_instrument_scope(monitor, 2), STATE_REDUCING) == 1
    assert active.state(0, 0, 2) == STATE_REDUCING
    assert active.state(0, 0, 1) == STATE_ACTIVE
    control_set(monitor, control_strategy_scope(monitor, 0), STATE_CANCEL_ONLY)
    assert active.state(0, 0, 2) == STATE_CANCEL_ONLY
    assert active.state(0, 1, 2) == STATE_REDUCING
    control_set(monitor, control_session_scope(monitor, 0), STATE_HALTED)
    assert active.state(0, 1, 1) == STATE_HALTED
    assert active.state(-1, 1, 1) == STATE_ACTIVE


def test_index_out_of_range_reads_halted(active):
    for indices in ((1, -1, -1), (-1, 2, -1), (-1, -1, 3), (-2, 0, 0), (0, 1 << 40, 0)):
        assert active.state(*indices) == STATE_HALTED


def test_word_with_an_unknown_state_reads_halted(active):
    gate = active.ends[2][0]
    control_set(gate, 0, 77)
    assert active.state() == STATE_HALTED
    assert active.words.effective(0) == STATE_HALTED


def test_a_reader_and_a_bad_scope_write_nothing(active):
    before = active.object.copy()
    assert control_set(active.reader[0], 0, STATE_HALTED) == 0
    assert control_set(active.ends[2][0], len(SCOPES), STATE_HALTED) == 0
    assert control_set(active.ends[2][0], -1, STATE_HALTED) == 0
    assert np.array_equal(active.object, before)


def test_resume_takes_back_what_was_seen_and_keeps_a_halt_raised_meanwhile(active, tmp_path):
    gate = active.ends[2][0]
    control_set(gate, 0, STATE_HALTED)
    operator_resume(active.words, tmp_path, "firm", "looked at it")
    assert active.state() == STATE_ACTIVE
    assert control_set(gate, 0, STATE_HALTED) == 2, "the same state after an acknowledgement is a new generation"
    assert active.state() == STATE_HALTED
    assert control_set(gate, 0, STATE_HALTED) == 2, "still in force: nothing new"


def test_resume_of_one_scope_leaves_the_others(active, tmp_path):
    operator_stop(active.words, tmp_path, "strategy:mm1", STATE_HALTED, "odd quotes")
    operator_stop(active.words, tmp_path, "instrument:MSFT", STATE_CANCEL_ONLY, "news")
    operator_resume(active.words, tmp_path, "strategy:mm1", "fixed")
    assert active.state(0, 0, 0) == STATE_ACTIVE
    assert active.state(0, 0, 1) == STATE_CANCEL_ONLY


def test_a_stop_never_weakens_the_operators_word(active, tmp_path):
    operator_stop(active.words, tmp_path, "firm", STATE_HALTED, "fire")
    operator_stop(active.words, tmp_path, "firm", STATE_CANCEL_ONLY, "cancel all")
    assert active.state() == STATE_HALTED
    assert latch_load(tmp_path)["firm"]["reason"] == "fire"


def test_latched_halt_survives_a_new_fabric_and_arming(active, tmp_path):
    operator_stop(active.words, tmp_path, "firm", STATE_HALTED, "fire", by="anna")
    operator_stop(active.words, tmp_path, "strategy:mm2", STATE_REDUCING, "slow")
    fresh = Bench()
    control_restore(fresh.words, tmp_path)
    held = control_arm(fresh.words, tmp_path)
    assert held["reason"] == "fire" and held["by"] == "anna"
    assert fresh.state() == STATE_HALTED
    operator_resume(fresh.words, tmp_path, "firm", "out")
    assert fresh.state(0, 0, 0) == STATE_ACTIVE
    assert fresh.state(0, 1, 0) == STATE_REDUCING


def test_stop_and_resume_without_a_fabric_change_the_latch(tmp_path):
    operator_stop(None, tmp_path, "firm", STATE_HALTED, "closed")
    assert latch_load(tmp_path)["firm"]["state"] == "HALTED"
    operator_resume(None, tmp_path, "firm", "open")
    assert latch_load(tmp_path) == {}


def test_automatic_halt_can_be_latched_and_an_acknowledged_one_is_not(active, tmp_path):
    gate = active.ends[2][0]
    control_set(gate, control_strategy_scope(gate, 1), STATE_HALTED)
    control_set(gate, 0, STATE_CANCEL_ONLY)
    assert latch_automatic(active.words, tmp_path) == ["strategy:mm2"]
    assert latch_automatic(active.words, tmp_path) == []
    assert latch_load(tmp_path)["strategy:mm2"]["by"] == "risk_gate"
    operator_resume(active.words, tmp_path, "strategy:mm2", "fine")
    assert latch_automatic(active.words, tmp_path) == []


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"version": 9, "scopes": {}}', '{"version": 1, "scopes": {"firm": {"state": "?"}}}'],
)
def test_unreadable_latch_halts_everything_and_does_not_stop_a_halt(content, tmp_path):
    (tmp_path / "control.json").write_text(content)
    bench = Bench()
    control_restore(bench.words, tmp_path)
    assert bench.state(-1, -1, -1) == STATE_HALTED and bench.words.effective(3) == STATE_HALTED
    with pytest.raises(LatchUnreadable):
        control_arm(bench.words, tmp_path)
    with pytest.raises(LatchUnreadable):
        operator_resume(bench.words, tmp_path, "firm", "try")
    assert bench.state() == STATE_HALTED
    operator_stop(bench.words, tmp_path, "strategy:mm1", STATE_HALTED, "stop")
    assert set(latch_load(tmp_path)) == {"firm", "strategy:mm1"}
    assert (tmp_path / "control.json.damaged").read_text() == content


def test_latch_store_that_dies_before_its_rename_leaves_the_old_latch(tmp_path, monkeypatch):
    latch_store(tmp_path, {"firm": {"state": "HALTED", "reason": "old"}})

    def die(*_):
        raise OSError("power")

    monkeypatch.setattr("shm.control_words.os.replace", die)
    with pytest.raises(OSError, match="power"):
        latch_store(tmp_path, {})
    assert latch_load(tmp_path)["firm"]["reason"] == "old"


def test_a_halt_is_in_force_even_when_the_latch_cannot_be_written(active, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shm.control_words.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        operator_stop(active.words, tmp_path, "firm", STATE_HALTED, "fire")
    assert active.state() == STATE_HALTED


def test_scope_texts():
    assert [SCOPES.index(label) for label in SCOPES.labels] == list(range(7))
    assert SCOPES.index("strategy:mm2") == 3
    for text in ("", "strategy", "strategy:", "strategy:zz", "venue:nasdaq", "firm:x"):
        with pytest.raises(ScopeUnknown):
            SCOPES.index(text)
    with pytest.raises(ValueError, match="operator_resume"):
        operator_stop(None, ".", "firm", STATE_ACTIVE, "")


def test_matrix_names_who_holds_a_scope(active):
    control_set(active.ends[3][0], 0, STATE_CANCEL_ONLY)
    rows = {row["scope"]: row for row in active.words.matrix()}
    assert rows["firm"]["state"] == "CANCEL_ONLY"
    assert rows["firm"]["held_by"] == ["order_sender.nasdaq"]
    assert json.loads(json.dumps(rows["firm"])) == rows["firm"]


def test_too_small_object_is_refused():
    with pytest.raises(SegmentTooSmall, match="4 writers"):
        ControlWords(bytearray(600), WRITERS, SCOPES)


def test_random_writers_and_operator_agree_with_a_plain_model(active):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    scopes = len(SCOPES)
    operator = [STATE_ACTIVE] * scopes
    opinion = [[None] * scopes for _ in WRITERS]
    for _ in range(400):
        scope = chance.randrange(scopes)
        action = chance.random()
        if action < 0.6:
            writer, state = chance.randrange(1, len(WRITERS)), chance.choice(list(STATE_NAMES))
            control_set(active.ends[writer][0], scope, state)
            opinion[writer][scope] = state
        elif action < 0.8:
            operator[scope] = chance.choice(list(STATE_NAMES))
            active.words.operator_set(scope, operator[scope])
        else:
            active.words.operator_acknowledge(scope)
            for row in opinion:
                row[scope] = None
        session, strategy, instrument = chance.randrange(-1, 1), chance.randrange(-1, 2), chance.randrange(-1, 3)
        asked = [0]
        asked += [1 + session] if session >= 0 else []
        asked += [2 + strategy] if strategy >= 0 else []
        asked += [4 + instrument] if instrument >= 0 else []
        expected = max(max([operator[s]] + [row[s] for row in opinion if row[s] is not None]) for s in asked)
        assert active.state(session, strategy, instrument) == expected, f"seed {seed}"
        assert max(active.words.effective(s) for s in asked) == expected, f"seed {seed}"


def test_scratch_control_is_active_and_its_operator_can_halt():
    control = scratch_control(1, 1, 2)
    assert control_state(control[0], 0, 0, 1) == STATE_ACTIVE
    operator = scratch_control_as(control, CONTROL_OPERATOR)
    control_set(operator[0], control_instrument_scope(operator[0], 1), STATE_HALTED)
    assert control_state(control[0], 0, 0, 1) == STATE_HALTED
    assert control_state(control[0], 0, 0, 0) == STATE_ACTIVE


def test_layout_keeps_writers_on_their_own_cache_lines():
    assert CONTROL_END.itemsize == 64
    end = control_end_at(4096, 5, 2, 3, 10)[0]
    assert end["words_addr"] == 4096 + CONTROL_WORDS_OFFSET
    assert end["block_bytes"] % 64 == 0 and end["block_bytes"] >= 16 * 8
    assert end["acks_addr"] == end["words_addr"] + 5 * end["block_bytes"]
    assert control_bytes(5, 2, 3, 10) == 512 + 10 * end["block_bytes"] + 64, "and a line of the operator's cancels"

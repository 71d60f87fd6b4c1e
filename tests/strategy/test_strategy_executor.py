"""The executor: what it trades for a request, and that it never passes flat; on scratch memory, no gate behind it."""

import random

import numpy as np
import pytest

from procs.strategy.look import sample_position
from procs.strategy.requests import resume_requests
from shm.atomics import address_of, record_view
from shm.codes import (
    INTENT_CANCEL,
    INTENT_NEW,
    INTENT_REDUCE,
    INTENT_REPLACE,
    REJECT_HALTED,
    REJECT_INSTRUMENT,
    REJECT_KIND,
    REJECT_LOT_SIZE,
    REJECT_REDUCING,
    REPORT_ACCEPTED,
    REPORT_CANCELED,
    REPORT_EXECUTED,
    REPORT_REPLACED,
    SIDE_BUY,
    SIDE_SELL,
    STATE_ACTIVE,
    STATE_CANCEL_ONLY,
    STATE_HALTED,
    STATE_REDUCING,
    TICK_STALE,
)
from shm.control import SCOPE_FIRM, control_instrument_scope, control_set, control_strategy_scope
from shm.latest import latest_claim, latest_publish, latest_read, latest_version
from shm.records.control_end import CONTROL_OPERATOR
from shm.records.request import (
    REQUEST,
    REQUEST_DONE,
    REQUEST_FLATTEN,
    REQUEST_HEDGE,
    REQUEST_REFUSED,
    REQUEST_STATE,
    REQUEST_TIMED_OUT,
    REQUEST_WITHDRAW,
    REQUEST_WITHDRAWN,
    REQUEST_WORKING,
    REQUESTER_OPERATOR,
    REQUESTER_RISK_ENGINE,
    REQUESTERS,
    reason_text,
    reason_words,
)
from shm.scratch import scratch_control_as
from tests.support.strategy_bench import StrategyBench

MS = 1_000_000
EXECUTOR, MAKER = 0, 1  # strategy ids; the third desk is the house
BID, ASK = 1_000_000, 1_000_200


class ExecutorBench(StrategyBench):
    """An executor, a maker's desk and the house; a venue that does what the test says."""

    def __init__(self, **params):
        super().__init__("executor", desks=3, **params)
        self.instruments = len(self.state.rules)
        self.operator = scratch_control_as(self.control, CONTROL_OPERATOR)
        self.now_ns = 1_000 * MS
        self.last_id = [0] * REQUESTERS
        self.open: dict[int, list[int]] = {}  # intent id -> row, side, price, leaves
        self.own = [0] * self.instruments
        self.fresh()
        for row in range(2):
            self.book([(BID, 500)], [(ASK, 500)], row=row)

    def say(self, state: int, scope: int = SCOPE_FIRM):
        control_set(self.operator[0], scope, state)

    def desk(self, desk: int, lots: int, row: int = 0):
        """position_keeper's row of another desk."""
        self.position(lots, reports_seq=0, row=desk * self.instruments + row)

    def ask(self, kind: int, requester: int = REQUESTER_OPERATOR, **fields):
        self.last_id[requester] += 1
        ask = {"strategy_id": -1, "instrument_id": -1, "request_id": self.last_id[requester], "kind": kind} | fields
        record = record_view(latest_claim(self.requests[0], requester), REQUEST)
        for name in REQUEST.names:
            record[name] = ask.get(name, 0)
        latest_publish(self.requests[0], requester)

    def answer(self, requester: int = REQUESTER_OPERATOR) -> dict:
        held = np.zeros(1, REQUEST_STATE)
        assert latest_read(self.request_states[0], requester, address_of(held)) > 0
        return {name: int(held[0][name]) for name in REQUEST_STATE.names}

    def known(self) -> bool:
        """Whether the executor has answered at all."""
        return latest_version(self.request_states[0], 0) > 0

    def turn(self, ms: float = 2.0) -> list:
        """A step; the venue answers each intent at once. Returns the intents."""
        self.now_ns += int(ms * MS)
        self.step(self.now_ns)
        taken = self.intents()
        for intent in taken:
            self.take(intent)
        return taken

    def take(self, intent):
        row, side = int(intent["instrument_id"]), int(intent["side"])
        about = {"row": row, "strategy_id": EXECUTOR}
        if intent["kind"] == INTENT_CANCEL:
            target = int(intent["target_intent_id"])
            if self.open.pop(target, None) is not None:
                self.report(REPORT_CANCELED, target, side, leaves_lots=0, **about)
            return
        if intent["kind"] == INTENT_REDUCE:  # to a smaller total, what has executed among it
            target = int(intent["target_intent_id"])
            order = self.open[target]
            order[3] = max(0, int(intent["qty_lots"]) - order[4])
            self.report(REPORT_CANCELED, target, side, leaves_lots=order[3], **about)
            if order[3] == 0:
                del self.open[target]
            return
        assert intent["kind"] in (INTENT_NEW, INTENT_REPLACE)
        price, lots, kind = int(intent["price_ticks"]), int(intent["qty_lots"]), REPORT_ACCEPTED
        if intent["kind"] == INTENT_REPLACE:
            old = self.open.pop(int(intent["target_intent_id"]))
            lots, kind = lots - old[4], REPORT_REPLACED
        self.open[int(intent["intent_id"])] = [row, side, price, lots, 0]
        self.report(kind, int(intent["intent_id"]), side, price_ticks=price, leaves_lots=lots, qty_lots=lots, **about)

    def fill(self, intent_id: int, lots: int):
        order = self.open[intent_id]
        row, side, price = order[:3]
        order[3] -= lots
        order[4] += lots
        self.own[row] += lots if side == SIDE_BUY else -lots
        self.report(REPORT_EXECUTED, intent_id, side, row=row, price_ticks=price, qty_lots=lots, leaves_lots=order[3])
        if order[3] == 0:
            del self.open[intent_id]

    def settle(self, ms: int = 120):
        for _ in range(ms // 2):
            self.turn()


@pytest.fixture
def bench():
    made = ExecutorBench()
    made.desk(MAKER, 250)
    made.say(STATE_REDUCING)
    return made


def test_a_flatten_works_the_firms_position_off_in_slices_at_the_far_touch_and_says_done(bench):
    bench.ask(REQUEST_FLATTEN)
    sizes = []
    for _ in range(100):
        for intent in bench.turn():
            assert (intent["side"], intent["price_ticks"], intent["reduce_only"]) == (SIDE_SELL, BID, 1)
            sizes.append(int(intent["qty_lots"]))
        for intent_id in list(bench.open):
            bench.fill(intent_id, bench.open[intent_id][3])
    assert sizes == [100, 100, 50] and bench.own[0] == -250
    answer = bench.answer()
    assert (answer["state"], answer["done_lots"], answer["remaining_lots"]) == (REQUEST_DONE, 250, 0)
    assert bench.turn() == [] and bench.open == {}


def test_passive_it_joins_the_near_touch(bench):
    bench.live_params(passive=1)
    bench.ask(REQUEST_FLATTEN)
    assert [int(intent["price_ticks"]) for intent in bench.turn()] == [ASK]


def test_without_a_request_it_wants_nothing(bench):
    bench.settle()
    assert bench.open == {}


@pytest.mark.parametrize(
    ("state", "code"),
    [(STATE_ACTIVE, REJECT_REDUCING), (STATE_CANCEL_ONLY, REJECT_HALTED), (STATE_HALTED, REJECT_HALTED)],
)
def test_a_flatten_is_refused_in_every_state_but_reducing(bench, state, code):
    bench.say(state)
    bench.ask(REQUEST_FLATTEN)
    assert bench.turn() == []
    assert (bench.answer()["state"], bench.answer()["code"]) == (REQUEST_REFUSED, code)
    bench.say(STATE_REDUCING)
    assert bench.turn() == [], "what was refused must be asked for again"


def test_a_halt_ends_what_is_under_way_and_pulls_its_orders(bench):
    bench.ask(REQUEST_FLATTEN)
    assert len(bench.turn()) == 1
    bench.say(STATE_HALTED)
    bench.turn()
    bench.turn()
    assert bench.open == {} and bench.answer()["code"] == REJECT_HALTED
    bench.say(STATE_REDUCING)
    bench.settle()
    assert bench.open == {}


BAD = [
    (dict(kind=7), REJECT_KIND),
    (dict(kind=REQUEST_FLATTEN, instrument_id=99), REJECT_INSTRUMENT),
    (dict(kind=REQUEST_FLATTEN, instrument_id=4), REJECT_INSTRUMENT),  # outside its universe
    (dict(kind=REQUEST_FLATTEN, strategy_id=EXECUTOR), REJECT_KIND),
    (dict(kind=REQUEST_FLATTEN, strategy_id=2), REJECT_KIND),  # the house
    (dict(kind=REQUEST_HEDGE, instrument_id=-1, lots=5), REJECT_INSTRUMENT),
    (dict(kind=REQUEST_HEDGE, instrument_id=0, lots=0), REJECT_LOT_SIZE),
]


@pytest.mark.parametrize(("fields", "code"), BAD)
def test_what_names_nothing_is_refused(bench, fields, code):
    bench.ask(**fields)
    assert bench.turn() == []
    assert (bench.answer()["state"], bench.answer()["code"]) == (REQUEST_REFUSED, code)


def test_what_lasts_too_long_is_timed_out_with_an_alarm_and_its_orders_are_pulled(bench):
    bench.ask(REQUEST_FLATTEN, life_ns=100 * MS)
    bench.settle(200)
    answer = bench.answer()
    assert (answer["state"], answer["remaining_lots"]) == (REQUEST_TIMED_OUT, 250)
    assert bench.open == {}


def test_nothing_is_sent_on_a_stale_channel_and_nothing_is_said_to_be_done(bench):
    bench.tick(kind=TICK_STALE, row=-1)
    bench.ask(REQUEST_FLATTEN)
    bench.settle()
    assert bench.open == {}
    assert (bench.answer()["state"], bench.answer()["remaining_lots"]) == (REQUEST_WORKING, 250)
    bench.fresh()
    assert len(bench.turn()) == 1


def test_withdrawing_pulls_the_orders(bench):
    bench.ask(REQUEST_FLATTEN)
    bench.turn()
    bench.ask(REQUEST_WITHDRAW)
    bench.turn()
    bench.turn()
    assert bench.open == {} and bench.answer()["state"] == REQUEST_WITHDRAWN


def test_a_flatten_of_one_instrument_leaves_the_others(bench):
    bench.desk(MAKER, -100, row=1)
    bench.say(STATE_ACTIVE)
    bench.say(STATE_REDUCING, control_instrument_scope(bench.control[0], 1))
    bench.ask(REQUEST_FLATTEN, instrument_id=1)
    taken = bench.turn()
    assert [(int(i["instrument_id"]), int(i["side"])) for i in taken] == [(1, SIDE_BUY)]


@pytest.mark.parametrize(("house", "wanted"), [(0, 250), (-100, 150), (-250, 0), (-400, 0), (300, 250)])
def test_a_flatten_of_a_strategy_trades_what_it_holds_and_never_more_than_the_firm_does(bench, house, wanted):
    bench.say(STATE_ACTIVE)
    bench.say(STATE_REDUCING, control_strategy_scope(bench.control[0], MAKER))
    bench.desk(2, house)
    bench.ask(REQUEST_FLATTEN, strategy_id=MAKER)
    for _ in range(100):
        bench.turn()
        for intent_id in list(bench.open):
            bench.fill(intent_id, bench.open[intent_id][3])
    assert bench.own[0] == -wanted
    assert (bench.answer()["state"], bench.answer()["done_lots"]) == (REQUEST_DONE, wanted)


def test_a_hedge_trades_so_many_lots_waits_for_a_flatten_and_is_not_reduce_only(bench):
    bench.ask(REQUEST_HEDGE, REQUESTER_RISK_ENGINE, instrument_id=0, lots=70)
    bench.ask(REQUEST_FLATTEN)
    sides = []
    for _ in range(200):
        for intent in bench.turn():
            sides.append((int(intent["side"]), int(intent["reduce_only"]), int(intent["qty_lots"])))
        if bench.answer()["state"] == REQUEST_DONE and bench.answer(REQUESTER_RISK_ENGINE)["state"] != REQUEST_DONE:
            bench.say(STATE_ACTIVE)
        for intent_id in list(bench.open):
            bench.fill(intent_id, bench.open[intent_id][3])
        if bench.own[0] == -250 and bench.answer()["state"] == REQUEST_WORKING:
            bench.ask(REQUEST_WITHDRAW)
    assert sides == [(SIDE_SELL, 1, 100), (SIDE_SELL, 1, 100), (SIDE_SELL, 1, 50), (SIDE_BUY, 0, 70)]
    answer = bench.answer(REQUESTER_RISK_ENGINE)
    assert (answer["state"], answer["done_lots"]) == (REQUEST_DONE, 70)


@pytest.mark.parametrize(
    "seed", [1, 2, pytest.param(3, marks=pytest.mark.soak), pytest.param(4, marks=pytest.mark.soak)]
)
def test_random_fills_of_all_desks_never_let_it_pass_flat(seed):
    """Oracle: the firm's position as this test adds it up. Every order lowers it as it was known when it left."""
    print("seed", seed)
    draw = random.Random(seed)
    for _ in range(6):
        bench = ExecutorBench(slice_lots=draw.choice((1, 30, 100)))
        others = {(desk, row): draw.randrange(-300, 301) for desk in (MAKER, 2) for row in (0, 1)}
        for (desk, row), lots in others.items():
            bench.desk(desk, lots, row)
        bench.say(STATE_REDUCING)
        bench.ask(REQUEST_FLATTEN)
        for _ in range(1500):
            if bench.known() and bench.answer()["state"] == REQUEST_DONE:
                break
            firm = [bench.own[row] + sum(others[desk, row] for desk in (MAKER, 2)) for row in (0, 1)]
            for intent in bench.turn():
                if intent["kind"] in (INTENT_NEW, INTENT_REPLACE):
                    row, sign = int(intent["instrument_id"]), 1 if intent["side"] == SIDE_BUY else -1
                    assert firm[row] * sign < 0, "only against the position"
                    working = sum(order[3] for order in bench.open.values() if order[0] == row)
                    assert working <= abs(firm[row]), (working, firm)
            for intent_id in list(bench.open):
                if draw.random() < 0.5:
                    bench.fill(intent_id, draw.randrange(1, bench.open[intent_id][3] + 1))
            if draw.random() < 0.05:  # another desk closes some of what it holds, which lowers the firm's
                (desk, row), lots = draw.choice(list(others.items()))
                free = firm[row] + sum(
                    (1 if o[1] == SIDE_BUY else -1) * o[3] for o in bench.open.values() if o[0] == row
                )
                if lots and free * lots > 0:
                    step = draw.randrange(0, min(abs(lots), abs(free)) + 1)
                    others[desk, row] = lots - step * (1 if lots > 0 else -1)
                    bench.desk(desk, others[desk, row], row)
        firm = [bench.own[row] + sum(others[desk, row] for desk in (MAKER, 2)) for row in (0, 1)]
        assert firm == [0, 0], (firm, bench.answer())


def test_the_reason_travels_in_words_and_is_cut_at_a_whole_character():
    assert reason_text(reason_words("limit breached")) == "limit breached"
    assert reason_text(reason_words("x" * 63 + "é")) == "x" * 63


def again(bench: ExecutorBench) -> None:
    """The process dies and starts: private memory is new, tables and position_keeper's row stay; the gate cancelled."""
    bench.open.clear()
    for row in range(2):
        bench.position(bench.own[row], reports_seq=bench.report_seq, row=row)
    fresh = StrategyBench("executor", desks=3).state
    shared = ("positions", "requests", "request_states", "control", "depth", "params")
    bench.state = fresh._replace(
        **{name: getattr(bench, name) for name in shared}, ticks=bench.state.ticks, reports=bench.state.reports,
        rejects=bench.state.rejects, intents=bench.state.intents,
    )  # fmt: skip
    for row in range(2):
        sample_position(bench.state, row)
    resume_requests(bench.state, bench.now_ns)
    bench.fresh()


def test_a_restarted_executor_goes_on_and_counts_what_its_earlier_life_hedged(bench):
    bench.say(STATE_ACTIVE)
    bench.ask(REQUEST_HEDGE, instrument_id=0, lots=150)
    bench.turn()
    (first,) = bench.open
    bench.fill(first, 80)
    bench.turn()
    again(bench)
    for _ in range(60):
        bench.turn()
        for intent_id in list(bench.open):
            bench.fill(intent_id, bench.open[intent_id][3])
    assert bench.own[0] == 150 and bench.answer()["state"] == REQUEST_DONE


def test_a_restarted_executor_works_a_firm_on_to_flat_and_refuses_what_it_cannot_know(bench):
    bench.ask(REQUEST_FLATTEN)
    bench.turn()
    again(bench)
    for _ in range(60):
        bench.turn()
        for intent_id in list(bench.open):
            bench.fill(intent_id, bench.open[intent_id][3])
    assert bench.own[0] == -250 and bench.answer()["state"] == REQUEST_DONE
    bench.desk(MAKER, 500)
    bench.ask(REQUEST_FLATTEN, strategy_id=MAKER)
    bench.turn()
    again(bench)
    assert bench.turn() == [] and bench.answer()["state"] == REQUEST_REFUSED

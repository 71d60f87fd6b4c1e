"""risk_gate's step on scratch rings: states, stale market data, strategies that die; what it does by itself."""

import pytest

import shm.codes as codes
from procs.risk_gate.state import CANCEL_RETRY_NS, SCAN_BATCH
from shm.control import control_set
from shm.counters import (
    GATE_OWN_CANCELS,
)
from shm.instance import stamp
from shm.records.order import ORDER_FLAG_GATE
from tests.support.gate import (
    FIRM,
    SCOPES,
    STRATEGY_0,
    Gate,
    accepted,
    counter,
    kinds,
    passed,
)


@pytest.fixture
def gate():
    return Gate()


# --- states -----------------------------------------------------------------------------------------------------------


STATES = """
scope           state              new order             that shrinks a long
--------------  -----------------  --------------------  --------------------
FIRM            STATE_REDUCING     REJECT_REDUCING       PASS
SESSION         STATE_REDUCING     REJECT_REDUCING       PASS
STRATEGY_0      STATE_REDUCING     REJECT_REDUCING       PASS
INSTRUMENT_0    STATE_REDUCING     REJECT_REDUCING       PASS
FIRM            STATE_CANCEL_ONLY  REJECT_CANCEL_ONLY    REJECT_CANCEL_ONLY
STRATEGY_0      STATE_CANCEL_ONLY  REJECT_CANCEL_ONLY    REJECT_CANCEL_ONLY
FIRM            STATE_HALTED       REJECT_HALTED         REJECT_HALTED
SESSION         STATE_HALTED       REJECT_HALTED         REJECT_HALTED
INSTRUMENT_0    STATE_HALTED       REJECT_HALTED         REJECT_HALTED
"""


@pytest.mark.parametrize("line", STATES.strip().splitlines()[2:])
def test_states_by_scope_and_cancels_always_pass(gate, line):
    scope, state, wanted, shrinking = line.split()
    _, bought = accepted(gate, qty_lots=20)
    gate.report(codes.REPORT_EXECUTED, bought, qty_lots=20, leaves_lots=0)
    intent_id, _ = accepted(gate)
    gate.step()
    control_set(gate.operator[0], SCOPES[scope], getattr(codes, state))
    gate.cancel(intent_id)
    gate.intent()
    gate.intent(side=codes.SIDE_SELL, qty_lots=20)
    gate.step()
    assert kinds(gate.orders()) == ["cancel"] + (["new"] if shrinking == "PASS" else [])
    answers = [wanted] + ([shrinking] if shrinking != "PASS" else [])
    assert gate.codes() == [getattr(codes, name) for name in answers]
    gate.intent(1, instrument_id=1)
    gate.step()
    free = scope in ("STRATEGY_0", "INSTRUMENT_0")
    assert kinds([order for order in gate.orders() if not order["flags"] & ORDER_FLAG_GATE]) == (
        ["new"] if free else []
    )


def test_a_stopped_scope_makes_the_gate_cancel_what_is_open_once(gate):
    ids = [accepted(gate)[0] for _ in range(3)]
    other, _ = accepted(gate, strategy=1, instrument_id=1)
    control_set(gate.operator[0], STRATEGY_0, codes.STATE_HALTED)
    gate.step(times=4)
    orders = gate.orders()
    assert kinds(orders) == ["cancel"] * 3 and {int(order["intent_id"]) for order in orders} == set(ids)
    assert all(order["flags"] == ORDER_FLAG_GATE and order["cause_ring"] == 255 for order in orders)
    gate.step(times=10)
    assert gate.orders() == [] and counter(gate, GATE_OWN_CANCELS) == 3
    gate.exposure.slots["cancel_stamp_ns"][gate.exposure.slots["cancelling"] == 1] -= CANCEL_RETRY_NS
    gate.step(times=10)
    assert len(gate.orders()) == 3, "still open after the retry time: cancelled again"
    gate.cancel(ids[0])
    gate.cancel(other, strategy=1)
    gate.step()
    assert gate.codes(0) == [codes.REJECT_ALREADY_CANCELLING] and kinds(gate.orders()) == ["cancel"]


def test_own_cancels_are_bounded_in_a_step(gate):
    for _ in range(40):
        gate.intent(qty_lots=1)
    gate.step(times=3)
    gate.orders()
    control_set(gate.operator[0], FIRM, codes.STATE_CANCEL_ONLY)
    assert gate.step() == SCAN_BATCH
    gate.step(times=5)
    assert len(gate.orders()) == 40


# --- market data ------------------------------------------------------------------------------------------------------


MARKETS = """
what                     top                             channel                         -> answer
-----------------------  ------------------------------  ------------------------------  ------------------------
fresh                    bid=9900 ask=10100              state=1                         -> PASS
channel stale            bid=9900 ask=10100              state=2                         -> REJECT_REFERENCE_STALE
channel ended            bid=9900 ask=10100              state=3                         -> REJECT_REFERENCE_STALE
channel unknown          bid=9900 ask=10100              state=0                         -> REJECT_REFERENCE_STALE
silent, exactly          bid=9900 ask=10100              state=1 silent=3000000000       -> PASS
silent, one too long     bid=9900 ask=10100              state=1 silent=3000000001       -> REJECT_REFERENCE_STALE
old, exactly             bid=9900 ask=10100 age=10000000000  state=1                     -> PASS
old, one too long        bid=9900 ask=10100 age=10000000001  state=1                     -> REJECT_REFERENCE_STALE
only a bid               bid=10000 ask=0                 state=1                         -> PASS
only an ask, far         bid=0 ask=11200                 state=1                         -> REJECT_COLLAR_NEAR
empty book               bid=0 ask=0                     state=1                         -> REJECT_REFERENCE_STALE
crossed book             bid=10001 ask=9999              state=1                         -> REJECT_REFERENCE_STALE
fresh a moment ago       bid=9900 ask=10100              state=1 fresh=-1                -> PASS
fresh only after stamp   bid=9900 ask=10100              state=1 fresh=1000000000000     -> REJECT_REFERENCE_STALE
trading halted           bid=9900 ask=10100 trading=2    state=1                         -> REJECT_TRADING_STATE
"""


@pytest.mark.parametrize("line", MARKETS.strip().splitlines()[2:])
def test_no_order_without_a_fresh_reference(gate, line):
    left, answer = line[25:].split("->")
    words = {name: int(number) for name, number in (word.split("=") for word in left.split())}
    gate.top(0, words["bid"], words["ask"], words.get("trading", 1), gate.now_ns - words.get("age", 0))
    fresh = stamp(gate.me[0]) + words.get("fresh", -1)
    gate.channel(words["state"], gate.now_ns - words.get("silent", 0), fresh_stamp_ns=fresh, stale_stamp_ns=7)
    gate.intent()
    gate.step()
    orders, found = gate.orders(), gate.codes()
    assert (found or [codes.PASS]) == [getattr(codes, answer.strip())]
    for order in orders:
        assert order["pass_stamp_ns"] > fresh
    assert gate.decisions()[0][0]["channel_stale_stamp_ns"] == (7 if words["state"] else 0)


def test_nothing_passes_before_tops_and_channel_were_ever_written():
    gate = Gate()
    gate.tables["channels"][0]["rows"] = 0
    gate.intent()
    gate.step()
    assert gate.codes() == [codes.REJECT_REFERENCE_STALE]


def test_a_channel_that_goes_stale_or_silent_makes_the_gate_cancel(gate):
    accepted(gate)
    gate.channel(codes.CHANNEL_STALE)
    gate.step()
    assert [int(order["flags"]) for order in gate.orders()] == [ORDER_FLAG_GATE]
    gate.channel()
    accepted(gate)
    gate.now_ns += 3_000_000_001
    gate.step(times=2)
    assert [int(order["flags"]) for order in gate.orders()] == [ORDER_FLAG_GATE]


# --- strategies that die ----------------------------------------------------------------------------------------------


def test_orders_of_a_strategy_whose_step_word_is_old_are_cancelled(gate):
    intent_id, _ = accepted(gate)
    accepted(gate, strategy=1)
    gate.page(0)["step_ns"] -= 60_000_000_001
    gate.step(times=3)
    (cancel,) = gate.orders()
    assert (cancel["intent_id"], cancel["flags"]) == (intent_id, ORDER_FLAG_GATE)


def test_a_restarted_strategy_starts_with_no_orders_and_no_old_intents(gate):
    intent_id, _ = accepted(gate)
    gate.intent()
    gate.intent()
    gate.page(0)["incarnation"] += 1
    gate.step(times=3)
    (cancel,) = gate.orders()
    assert (cancel["intent_id"], cancel["flags"]) == (intent_id, ORDER_FLAG_GATE)
    assert gate.codes() == [codes.REJECT_EXPIRED] * 2
    passed(gate)
    gate.step(times=3)
    assert gate.orders() == []

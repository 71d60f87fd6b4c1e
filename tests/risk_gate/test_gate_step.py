"""risk_gate's step on scratch rings: what passes, what is answered, what waits, what the gate does by itself."""

import pytest

import shm.codes as codes
from procs.risk_gate.recover import apply_all
from procs.risk_gate.state import CANCEL_RETRY_NS, INTENT_BATCH, SCAN_BATCH, parts_of
from shm.atomics import address_of
from shm.control import control_set, control_state
from shm.counters import GATE_BREAKS, GATE_OWN_CANCELS, GATE_PASSED, GATE_REJECT_BASE, GATE_UNKNOWN_REPORTS
from shm.error_log import (
    ERROR_GATE_FOREIGN_INTENT,
    ERROR_GATE_IMPOSSIBLE_REPORT,
    ERROR_GATE_OVERFILL,
    ERROR_GATE_POSITION_BREAK,
    ERROR_GATE_UNKNOWN_REPORT,
)
from shm.instance import stamp
from shm.journal import journal_drain
from shm.records.order import ORDER_FLAG_GATE
from shm.records.report import REPORT
from shm.ring import ring_caught_up_seq, ring_clear_behind, ring_mark_behind
from tests.support.gate import OPERATOR, Gate, np, view_at

FIRM, SESSION, STRATEGY_0, INSTRUMENT_0 = 0, 1, 2, 4  # scopes of two strategies and two instruments
KINDS = {codes.INTENT_NEW: "new", codes.INTENT_REPLACE: "replace", codes.INTENT_CANCEL: "cancel"}


@pytest.fixture
def gate():
    return Gate()


def kinds(orders):
    return [KINDS[int(order["kind"])] for order in orders]


def counter(gate, counter_id):
    return view_at(int(gate.me[0]["counters_addr"]) + counter_id * 8, np.dtype([("value", "<i8")]))["value"]


def holding(gate, instrument=0, strategy=None):
    exposure = gate.exposure
    row = exposure.instruments[instrument]
    if strategy is not None:
        row = exposure.pairs[strategy * gate.instruments + instrument]
    return tuple(int(row[name]) for name in ("position", "open_buy", "open_sell", "orders"))


def passed(gate, **fields):
    """Send one intent that passes; returns (intent id, its order)."""
    intent_id = gate.intent(**fields)
    gate.step()
    (order,) = gate.orders()
    return intent_id, order


def accepted(gate, **fields):
    intent_id, order = passed(gate, **fields)
    gate.report(codes.REPORT_ACCEPTED, order, leaves_lots=order["qty_lots"])
    gate.step()
    return intent_id, order


# --- answers ---------------------------------------------------------------------------------------------------------


def test_a_pass_names_its_cause_and_carries_the_history(gate):
    first = gate.intent()
    second = gate.intent(strategy=1, instrument_id=1, side=codes.SIDE_SELL)
    assert gate.step() == 2
    orders = {int(order["intent_id"]): order for order in gate.orders()}
    assert set(orders) == {first, second} and gate.rejects(0) == gate.rejects(1) == []
    order = orders[second]
    assert (order["cause_ring"], order["cause_seq"], order["part"], order["parts"]) == (2, 0, 0, 1)
    assert (order["recv_stamp_ns"], order["tick_stamp_ns"], order["strategy_id"]) == (11, 22, 1)
    assert order["decide_stamp_ns"] <= order["pass_stamp_ns"] <= order["publish_stamp_ns"]
    assert orders[first]["order_id"] != order["order_id"] > 0
    decisions, _ = gate.decisions()
    assert sorted(decisions["order_id"]) == sorted(int(order["order_id"]) for order in orders.values())
    assert (decisions["code"] == codes.PASS).all() and (decisions["reference_ticks"] == 10_000).all()
    assert counter(gate, GATE_PASSED) == 2
    assert holding(gate, 0) == (0, 10, 0, 1) and holding(gate, 1) == (0, 0, 10, 1)


def test_a_reject_carries_the_numbers_and_is_journalled(gate):
    intent_id = gate.intent(qty_lots=1001)
    gate.step()
    (reject,) = gate.rejects()
    assert (reject["intent_id"], reject["code"]) == (intent_id, codes.REJECT_QTY_MAX)
    assert (reject["limit_value"], reject["found_value"], reject["limits_version"]) == (1000, 1001, 1)
    decisions, _ = gate.decisions()
    assert (decisions[0]["code"], decisions[0]["order_id"]) == (codes.REJECT_QTY_MAX, 0)
    assert counter(gate, GATE_REJECT_BASE + codes.REJECT_QTY_MAX - 10) == 1
    assert gate.orders() == [] and holding(gate) == (0, 0, 0, 0)


def test_the_same_intent_twice_gives_one_order(gate):
    gate.intent(intent_id=500)
    gate.intent(intent_id=500)
    gate.intent(intent_id=499)
    gate.step()
    assert kinds(gate.orders()) == ["new"]
    assert gate.codes() == [codes.REJECT_DUPLICATE, codes.REJECT_DUPLICATE]


def test_the_same_intent_id_of_two_strategies_gives_one_order(gate):
    gate.intent(0, intent_id=500)
    gate.step()
    gate.intent(1, intent_id=500)
    gate.step()
    assert len(gate.orders()) == 1 and gate.codes(1) == [codes.REJECT_DUPLICATE]


def test_an_expired_intent_is_answered_and_its_exact_expiry_passes(gate):
    gate.intent(expires_ns=gate.now_ns - 1)
    gate.intent(expires_ns=gate.now_ns)
    gate.step()
    assert gate.codes() == [codes.REJECT_EXPIRED] and len(gate.orders()) == 1


def test_an_intent_that_names_another_strategy_is_refused_and_noted(gate):
    gate.intent(0, strategy_id=1)
    gate.step()
    assert gate.codes(0) == [codes.REJECT_INSTRUMENT] and gate.errors() == [ERROR_GATE_FOREIGN_INTENT]


def test_an_instrument_outside_the_universe_is_refused(gate):
    parts_of(gate.state).allowed[0, 1] = 0
    for instrument in (1, 2, -1, 1 << 30):
        gate.intent(instrument_id=instrument)
    gate.step()
    assert gate.codes() == [codes.REJECT_INSTRUMENT] * 4


def test_unwritten_or_zero_limits_refuse_everything(gate):
    gate.limit(4, open_orders_max=0)
    gate.intent()
    gate.step()
    gate.write("limits", 4)
    gate.intent()
    gate.step()
    assert gate.codes() == [codes.REJECT_NO_LIMITS] * 2


def test_a_burst_before_any_answer_never_passes_the_position_limit(gate):
    for _ in range(60):
        gate.intent(qty_lots=50)
    gate.step(times=8)
    assert holding(gate)[1] == 2000
    assert set(gate.codes()) == {codes.REJECT_POSITION_MAX}


def test_message_rate_counts_only_what_passed_and_cancels_never(gate):
    gate.limit(2, rate_orders_max=2, rate_window_ns=100)
    intent_id = gate.intent()
    gate.intent(qty_lots=0)
    gate.intent()
    gate.intent()
    gate.cancel(intent_id)
    gate.step()
    assert kinds(gate.orders()) == ["new", "new", "cancel"]
    assert gate.codes() == [codes.REJECT_LOT_SIZE, codes.REJECT_RATE]
    gate.now_ns += 99
    gate.intent()
    gate.step()
    assert gate.codes() == [codes.REJECT_RATE]
    gate.now_ns += 1
    gate.intent()
    gate.step()
    assert len(gate.orders()) == 1


def test_rings_of_strategies_take_turns_and_a_step_is_bounded(gate):
    for _ in range(INTENT_BATCH + 4):
        gate.intent(0, qty_lots=1)
    gate.intent(1, qty_lots=1)
    assert gate.step() == INTENT_BATCH + 1
    assert {int(order["strategy_id"]) for order in gate.orders()} == {0, 1}
    assert gate.step() == 4


# --- cancels and replaces --------------------------------------------------------------------------------------------


def test_a_cancel_names_its_order_and_a_second_one_is_answered(gate):
    intent_id, order = accepted(gate)
    gate.cancel(intent_id)
    gate.cancel(intent_id)
    gate.cancel(12345)
    gate.cancel(intent_id, strategy=1)
    gate.step()
    (cancel,) = gate.orders()
    assert (cancel["target_order_id"], cancel["order_id"], cancel["flags"]) == (order["order_id"], 0, 0)
    assert gate.codes(0) == [codes.REJECT_ALREADY_CANCELLING, codes.REJECT_UNKNOWN_TARGET]
    assert gate.codes(1) == [codes.REJECT_UNKNOWN_TARGET]
    assert holding(gate)[1] == 10, "exposure stays until the venue says otherwise"
    gate.report(codes.REPORT_CANCELED, order, leaves_lots=0)
    gate.step()
    assert holding(gate) == (0, 0, 0, 0)


def test_an_order_can_be_cancelled_before_any_answer_and_again_after_a_refusal(gate):
    intent_id = gate.intent()
    gate.cancel(intent_id)
    gate.step()
    new, _cancel = gate.orders()
    gate.report(codes.REPORT_CANCEL_REJECTED, new, leaves_lots=10)
    gate.cancel(intent_id)
    gate.step(times=2)
    assert kinds(gate.orders()) == ["cancel"]


def test_a_replace_in_flight_counts_the_greater_of_both_and_one_open_order(gate):
    intent_id, order = accepted(gate, qty_lots=50)
    second = gate.replace(intent_id, qty_lots=80)
    gate.step()
    (bigger,) = gate.orders()
    assert bigger["target_order_id"] == order["order_id"] and holding(gate) == (0, 80, 0, 1)
    gate.report(codes.REPORT_REPLACED, bigger, old_order_id=order["order_id"], leaves_lots=80)
    gate.replace(second, qty_lots=30)
    gate.step(times=2)
    (smaller,) = gate.orders()
    assert holding(gate) == (0, 80, 0, 1), "the old size can still trade"
    gate.report(codes.REPORT_REPLACED, smaller, old_order_id=bigger["order_id"], leaves_lots=30)
    gate.step()
    assert holding(gate) == (0, 30, 0, 1)


def test_a_replace_that_the_venue_refuses_leaves_its_order(gate):
    intent_id, order = accepted(gate, qty_lots=50)
    gate.replace(intent_id, qty_lots=80)
    gate.step()
    (bigger,) = gate.orders()
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=20, leaves_lots=30)
    gate.step()
    assert holding(gate) == (20, 60, 0, 1), "the total of a replace includes what has traded"
    gate.report(codes.REPORT_REJECTED, bigger)
    gate.step()
    assert holding(gate) == (20, 30, 0, 1)


def test_a_replace_keeps_side_and_instrument_and_needs_a_free_target(gate):
    intent_id, _order = accepted(gate)
    gate.replace(intent_id, side=codes.SIDE_SELL)
    gate.replace(intent_id, instrument_id=1)
    gate.replace(999)
    gate.replace(intent_id)
    gate.replace(intent_id)
    gate.step()
    assert kinds(gate.orders()) == ["replace"]
    unknown = codes.REJECT_UNKNOWN_TARGET
    assert gate.codes() == [codes.REJECT_SIDE, unknown, unknown, codes.REJECT_ALREADY_CANCELLING]


def test_new_orders_leave_the_headroom_of_the_order_ring_to_cancels():
    gate = Gate(ring=32, headroom=8)
    ids = [gate.intent(qty_lots=1) for _ in range(24)]
    gate.step(times=2)
    for _ in range(4):
        gate.intent(qty_lots=1)
    for intent_id in ids[:8]:
        gate.cancel(intent_id)
    gate.step(times=2)
    assert gate.codes() == [codes.REJECT_ORDERS_FULL] * 4
    gate.cancel(ids[8])
    assert gate.step() == 0, "without any slot a cancel waits in its ring"
    assert kinds(gate.orders()) == ["new"] * 24 + ["cancel"] * 8
    assert gate.step() == 1 and kinds(gate.orders()) == ["cancel"] and gate.codes() == []


def test_an_intent_whose_reject_has_no_room_stays_in_its_ring():
    gate = Gate(rejects=2)
    for _ in range(5):
        gate.intent(qty_lots=0)
    assert [gate.step(), gate.step()] == [2, 0]
    assert gate.codes() == [codes.REJECT_LOT_SIZE] * 2
    gate.step(times=1)
    assert gate.codes() == [codes.REJECT_LOT_SIZE] * 2
    gate.step()
    assert len(gate.codes()) == 1 and len(gate.decisions()[0]) == 5


def test_a_full_journal_refuses_new_orders_and_makes_cancels_wait():
    gate = Gate(journal=4)
    intent_id = gate.intent()
    for _ in range(4):
        gate.intent()
    gate.cancel(intent_id)
    assert gate.step(drain=False) == 5
    assert gate.codes() == [codes.REJECT_JOURNAL_FULL] and kinds(gate.orders()) == ["new"] * 4
    assert gate.step(drain=False) == 0
    journal_drain(gate.journal[0])
    assert gate.step() == 1 and kinds(gate.orders()) == ["cancel"]


# --- states ----------------------------------------------------------------------------------------------------------

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
    control_set(gate.operator[0], globals()[scope], getattr(codes, state))
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
    assert kinds([order for order in gate.orders() if not order["flags"]]) == (["new"] if free else [])


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


# --- market data -------------------------------------------------------------------------------------------------------

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


# --- strategies that die -----------------------------------------------------------------------------------------------


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


# --- reports -----------------------------------------------------------------------------------------------------------


def test_reports_are_applied_once_and_in_order(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=4, leaves_lots=6)
    gate.publish_report(1)
    gate.publish_report(0)
    gate.step()
    assert holding(gate) == (4, 6, 0, 1) == holding(gate, 0, 0)
    assert gate.errors() == []


def test_more_executed_than_open_halts_the_instrument(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=11, leaves_lots=0)
    gate.step()
    assert gate.errors() == [ERROR_GATE_OVERFILL] and holding(gate) == (11, 0, 0, 0)
    assert control_state(gate.control[0], 0, 0, 0) == codes.STATE_HALTED
    assert control_state(gate.control[0], 0, 0, 1) == codes.STATE_ACTIVE
    assert OPERATOR != int(gate.control[0]["writer"])


def test_a_fill_of_an_unknown_order_still_moves_the_position_and_is_noted(gate):
    gate.report(codes.REPORT_EXECUTED, order_id=77, qty_lots=5, side=codes.SIDE_SELL)
    gate.step()
    assert holding(gate) == (-5, 0, 0, 0) and gate.errors() == [ERROR_GATE_UNKNOWN_REPORT]
    assert counter(gate, GATE_UNKNOWN_REPORTS) == 1


def test_an_order_that_nobody_passed_is_adopted_counted_and_cancelled(gate):
    gate.report(codes.REPORT_ACCEPTED, order_id=77, intent_id=9, qty_lots=5, leaves_lots=5)
    gate.step()
    assert holding(gate) == (0, 5, 0, 1)
    gate.step(times=2)
    assert [int(order["target_order_id"]) for order in gate.orders()] == [77]


@pytest.mark.parametrize(
    "fields",
    [dict(instrument_id=2), dict(instrument_id=-1), dict(strategy_id=9), dict(side=0), dict(qty_lots=0)]
    + [dict(qty_lots=-3), dict(qty_lots=1 << 40), dict(kind=0), dict(kind=99), dict(strategy_id=1)],
    ids=str,
)
def test_an_impossible_report_changes_nothing_and_is_noted(gate, fields):
    _, order = accepted(gate)
    gate.report(**dict(kind=codes.REPORT_EXECUTED, order=order, qty_lots=3, leaves_lots=7) | fields)
    gate.step()
    assert holding(gate) == (0, 10, 0, 1) and gate.errors() == [ERROR_GATE_IMPOSSIBLE_REPORT]


def test_the_end_of_an_order_that_lived_is_not_believed_from_a_rejection(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_NEVER_ARRIVED, order)
    gate.step()
    assert holding(gate) == (0, 10, 0, 1) and gate.errors() == [ERROR_GATE_IMPOSSIBLE_REPORT]


def test_an_unknown_fate_keeps_exposure_until_the_venue_speaks(gate):
    _, order = passed(gate)
    gate.report(codes.REPORT_UNKNOWN, order, leaves_lots=10)
    gate.step()
    assert holding(gate) == (0, 10, 0, 1)
    gate.report(codes.REPORT_NEVER_ARRIVED, order)
    gate.step()
    assert holding(gate) == (0, 0, 0, 0)


def test_a_broken_trade_moves_the_position_back_and_opens_nothing(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=10, leaves_lots=0)
    gate.report(codes.REPORT_BROKEN, order, qty_lots=10)
    gate.step()
    assert holding(gate) == (0, 0, 0, 0)


def test_a_different_position_at_the_same_report_is_a_break(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=4, leaves_lots=6)
    gate.step()
    for lots, seq, breaks in ((0, 1, 0), (9, 3, 0), (4, 2, 0), (5, 2, 1)):  # older, newer, equal, different
        gate.write("positions", 0, reports_seq=seq, position_lots=lots)
        gate.step(times=8)
        assert counter(gate, GATE_BREAKS) == breaks, (lots, seq)
    assert gate.errors() == [ERROR_GATE_POSITION_BREAK]
    assert control_state(gate.control[0], 0, 0, 0) == codes.STATE_REDUCING


# --- behind --------------------------------------------------------------------------------------------------------------


def caught_up(gate):
    """What the control thread does on EXIT_CATCH_UP, with the test's log in the place of the journal."""
    assert gate.state.exit_request[0] == codes.EXIT_CATCH_UP
    apply_all(gate.state, 0, np.frombuffer(bytearray(b"".join(gate.report_log)), REPORT))
    gate.state.exit_request[0] = 0


def test_a_reader_behind_passes_only_cancels_until_it_read_the_journal(gate):
    intent_id, order = accepted(gate)
    producer = gate.report_ends[0][0][0]
    ring_mark_behind(producer)
    gate.report(codes.REPORT_EXECUTED, order, publish=False, qty_lots=4, leaves_lots=6)
    gate.intent()
    gate.cancel(intent_id)
    gate.step()
    assert gate.codes() == [codes.REJECT_SENDER_BEHIND] and kinds(gate.orders()) == ["cancel"]
    caught_up(gate)
    assert ring_caught_up_seq(producer) == 2 and holding(gate) == (4, 6, 0, 1)
    ring_clear_behind(producer)
    passed(gate)


def test_a_gap_in_the_reports_is_never_skipped(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_EXECUTED, order, publish=False, qty_lots=4, leaves_lots=6)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=6, leaves_lots=0)
    gate.intent()
    gate.step()
    assert gate.codes() == [codes.REJECT_SENDER_BEHIND] and holding(gate) == (0, 10, 0, 1)
    caught_up(gate)
    passed(gate)
    assert holding(gate) == (10, 10, 0, 1) and gate.errors() == []


def test_parts_behind_the_record_are_found_again(gate):
    assert parts_of(gate.state).exposure.slots.shape == (64,)
    assert address_of(parts_of(gate.state).desks) == int(gate.state.gate[0]["desks_addr"])

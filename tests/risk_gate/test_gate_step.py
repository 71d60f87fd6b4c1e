"""risk_gate's step on scratch rings: what passes, what is answered, what waits, what the gate does by itself."""

import pytest

import shm.codes as codes
from procs.risk_gate.recover import apply_all
from procs.risk_gate.state import CANCEL_RETRY_NS, INTENT_BATCH, SCAN_BATCH, parts_of
from shm.atomics import address_of
from shm.control import control_set, control_state
from shm.counters import (
    GATE_BREAKS,
    GATE_OWN_CANCELS,
    GATE_PASSED,
    GATE_REDUCES,
    GATE_REJECT_BASE,
    GATE_UNKNOWN_REPORTS,
)
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
KINDS = {1: "new", 2: "replace", 3: "cancel", 4: "reduce"}


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


# --- reduces ---------------------------------------------------------------------------------------------------------


def test_a_reduce_keeps_its_order_and_all_its_exposure_until_the_venue_answers(gate):
    intent_id, order = accepted(gate, qty_lots=50)
    gate.reduce(intent_id, 20)
    gate.step()
    (reduce,) = gate.orders()
    assert (reduce["kind"], reduce["qty_lots"], reduce["order_id"]) == (codes.INTENT_REDUCE, 20, 0)
    assert (reduce["target_order_id"], reduce["target_intent_id"]) == (order["order_id"], intent_id)
    assert holding(gate) == (0, 50, 0, 1) and counter(gate, GATE_REDUCES) == 1
    gate.report(codes.REPORT_CANCELED, order, qty_lots=30, leaves_lots=20)
    gate.step()
    assert holding(gate) == (0, 20, 0, 1)
    assert gate.exposure.firm[0]["value_buy"] == 20 * 10_000 * 100
    gate.reduce(intent_id, 20)
    gate.reduce(intent_id, 19)
    gate.step()
    assert gate.codes() == [codes.REJECT_REDUCE_SIZE] and len(gate.orders()) == 1


REDUCES = """
what                    before it                             size  -> answer
----------------------  ------------------------------------  ----  -> ---------------------------
one less                accepted                              9     -> PASS
the least               accepted                              1     -> PASS
the same                accepted                              10    -> REJECT_REDUCE_SIZE
more                    accepted                              11    -> REJECT_REDUCE_SIZE
nothing                 accepted                              0     -> REJECT_REDUCE_SIZE
negative                accepted                              -5    -> REJECT_REDUCE_SIZE
below what executed     accepted executed                     3     -> PASS
not yet working         nothing                               5     -> REJECT_UNKNOWN_TARGET
being cancelled         accepted cancelled                    5     -> REJECT_ALREADY_CANCELLING
being reduced           accepted reduced                      5     -> REJECT_ALREADY_CANCELLING
reduced, answered       accepted reduced answered             5     -> PASS
reduced, refused        accepted reduced refused              5     -> PASS
being replaced          accepted replaced                     5     -> REJECT_ALREADY_CANCELLING
closed                  accepted closed                       5     -> REJECT_UNKNOWN_TARGET
cancel only             accepted CANCEL_ONLY                  5     -> PASS
halted                  accepted HALTED                       5     -> PASS
expired long ago        accepted late                         5     -> PASS
"""


@pytest.mark.parametrize("line", REDUCES.strip().splitlines()[2:])
def test_a_reduce_passes_whenever_a_cancel_does_and_only_to_less(gate, line):
    left, answer = line.split("->")
    *before, size = left[24:].split()
    intent_id, order = passed(gate)
    happen = dict(
        nothing=lambda: None,
        accepted=lambda: gate.report(codes.REPORT_ACCEPTED, order, leaves_lots=10),
        executed=lambda: gate.report(codes.REPORT_EXECUTED, order, qty_lots=4, leaves_lots=6),
        cancelled=lambda: gate.cancel(intent_id),
        reduced=lambda: gate.reduce(intent_id, 8),
        answered=lambda: gate.report(codes.REPORT_CANCELED, order, qty_lots=2, leaves_lots=8),
        refused=lambda: gate.report(codes.REPORT_CANCEL_REJECTED, order, leaves_lots=10),
        replaced=lambda: gate.replace(intent_id),
        closed=lambda: gate.report(codes.REPORT_CANCELED, order, qty_lots=10, leaves_lots=0),
        CANCEL_ONLY=lambda: control_set(gate.operator[0], FIRM, codes.STATE_CANCEL_ONLY),
        HALTED=lambda: control_set(gate.operator[0], FIRM, codes.STATE_HALTED),
        late=lambda: None,
    )
    for name in before:
        happen[name]()
        if name not in ("CANCEL_ONLY", "HALTED"):
            gate.step()
    gate.orders()
    gate.reduce(intent_id, int(size), expires_ns=gate.now_ns - 1)
    gate.step()
    found = gate.codes() or [codes.PASS]
    assert found == [getattr(codes, answer.strip())], line
    wanted = ["reduce"] if found == [codes.PASS] else []
    assert kinds([order for order in gate.orders() if not order["flags"]]) == wanted


def test_a_cancel_passes_while_a_reduce_is_on_its_way_and_another_strategy_cannot_reduce(gate):
    intent_id, order = accepted(gate)
    gate.reduce(intent_id, 5)
    gate.reduce(intent_id, 5, strategy=1)
    gate.cancel(intent_id)
    gate.step(times=2)
    assert kinds(gate.orders()) == ["reduce", "cancel"] and gate.codes(1) == [codes.REJECT_UNKNOWN_TARGET]
    gate.report(codes.REPORT_CANCELED, order, qty_lots=5, leaves_lots=5)
    gate.cancel(intent_id)
    gate.step(times=2)
    assert gate.codes() == [codes.REJECT_ALREADY_CANCELLING], "what the reduce left is still being cancelled"


# --- money and flow --------------------------------------------------------------------------------------------------


def test_a_reject_names_the_scope_of_its_limit_in_record_and_journal(gate):
    gate.limit(4, gross_micro_max=10_000_000)
    for qty, strategy, instrument in ((9, 0, 0), (1, 1, 1), (1, 1, 0)):
        gate.intent(strategy, qty_lots=qty, instrument_id=instrument)
        gate.step()
    (reject,) = gate.rejects(1)
    wanted = (codes.REJECT_GROSS_MAX, codes.LIMIT_SCOPE_FIRM, 10_000_000, 11_000_000)
    for record in (reject, gate.decisions()[0][-1]):
        assert tuple(int(record[name]) for name in ("code", "scope", "limit_value", "found_value")) == wanted


def test_positions_are_worth_what_the_market_says_when_the_next_intent_looks(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=10, leaves_lots=0, price_ticks=9_000)
    gate.step()
    assert int(gate.exposure.firm[0]["value"]) == 10 * 10_000 * 100, "its mark is the market of its intent"
    gate.top(0, 10_900, 11_100)
    gate.intent(qty_lots=0)
    gate.step()
    assert int(gate.exposure.firm[0]["value"]) == 10 * 11_000 * 100 == int(gate.exposure.strategies[0]["value"])


def test_a_limit_that_the_market_broke_still_lets_a_position_shrink(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=10, leaves_lots=0)
    gate.limit(0, gross_micro_max=5_000_000)
    gate.intent(qty_lots=1)
    gate.intent(qty_lots=10, side=codes.SIDE_SELL)
    gate.intent(qty_lots=11, side=codes.SIDE_SELL)
    gate.step(times=2)
    assert gate.codes() == [codes.REJECT_GROSS_MAX] * 2 and kinds(gate.orders()) == ["new"]


def test_instruments_of_several_currencies_count_in_the_firms(gate):
    gate.limit(0, fx_ppm=2_000_000)
    gate.limit(1, fx_ppm=500_000)
    gate.limit(4, open_micro_max=25_000_000)
    gate.intent(qty_lots=10)
    gate.intent(qty_lots=11, instrument_id=1)
    gate.intent(qty_lots=10, instrument_id=1)
    gate.step()
    assert gate.codes() == [codes.REJECT_OPEN_NOTIONAL_MAX] and len(gate.orders()) == 2
    assert int(gate.exposure.firm[0]["value_buy"]) == 25_000_000


def test_an_instrument_without_a_rate_is_not_traded(gate):
    gate.limit(1, fx_ppm=0)
    gate.intent(instrument_id=1)
    gate.step()
    assert gate.codes() == [codes.REJECT_FX_RATE]


def test_cancels_have_headroom_in_the_messages_and_stop_new_orders_only(gate):
    gate.limit(2, rate_messages_max=4, rate_headroom=2, rate_window_ns=100)
    first, second, third = (gate.intent() for _ in range(3))
    gate.step()
    assert kinds(gate.orders()) == ["new", "new"] and gate.codes() == [codes.REJECT_MESSAGE_RATE]
    gate.limit(2, rate_cancels_max=2, rate_window_ns=100)
    gate.cancel(first)
    gate.intent()
    gate.cancel(second)
    gate.intent()
    gate.step()
    assert kinds(gate.orders()) == ["cancel", "new", "cancel"] and gate.codes() == [codes.REJECT_CANCEL_RATE]
    gate.now_ns += 100
    gate.intent()
    gate.step()
    assert kinds(gate.orders()) == ["new"], third


def test_a_burst_window_forgets_and_a_longer_one_remembers_again(gate):
    gate.limit(0, burst_lots_max=20, burst_window_ns=100)
    gate.intent(qty_lots=15)
    gate.step()
    gate.now_ns += 99
    gate.intent(qty_lots=6)
    gate.intent(qty_lots=5)
    gate.step()
    assert gate.codes() == [codes.REJECT_BURST_LOTS]
    gate.now_ns += 1
    gate.intent(qty_lots=15)
    gate.step()
    gate.limit(0, burst_lots_max=20, burst_window_ns=1000)
    gate.intent(qty_lots=1)
    gate.step()
    (reject,) = gate.rejects()
    assert (int(reject["found_value"]), int(reject["scope"])) == (36, codes.LIMIT_SCOPE_INSTRUMENT)


def test_executions_pay_for_messages(gate):
    gate.limit(3, messages_per_fill_max=2, messages_floor=2)
    _, order = accepted(gate, strategy=1)
    gate.intent(1)
    gate.intent(1)
    gate.step()
    assert gate.codes(1) == [codes.REJECT_ORDER_TO_TRADE]
    for leaves in (9, 8):
        gate.report(codes.REPORT_EXECUTED, order, qty_lots=1, leaves_lots=leaves)
    gate.intent(1)
    gate.intent(1)
    gate.intent(1)
    gate.step()
    assert gate.codes(1) == [codes.REJECT_ORDER_TO_TRADE]


# --- corrections -----------------------------------------------------------------------------------------------------


def test_a_corrected_trade_moves_the_position_by_the_difference_and_a_broken_one_by_what_it_became(gate):
    _, order = accepted(gate, side=codes.SIDE_SELL)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=6, leaves_lots=4, match_number=77)
    gate.report(codes.REPORT_CORRECTED, order, qty_lots=2, leaves_lots=4, match_number=77, price_ticks=9_990)
    gate.step()
    assert holding(gate) == (-2, 0, 4, 1) and gate.errors() == []
    gate.report(codes.REPORT_CORRECTED, order, qty_lots=5, leaves_lots=4, match_number=77)
    gate.report(codes.REPORT_BROKEN, order, qty_lots=5, leaves_lots=4, match_number=77)
    gate.step()
    assert holding(gate) == (0, 0, 4, 1) and gate.errors() == []
    gate.report(codes.REPORT_CORRECTED, order, qty_lots=5, leaves_lots=4, match_number=77)
    gate.step()
    assert holding(gate) == (0, 0, 4, 1) and gate.errors() == [ERROR_GATE_IMPOSSIBLE_REPORT]


def test_a_correction_counts_in_the_total_of_a_replace_in_flight(gate):
    intent_id, order = accepted(gate, qty_lots=50)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=20, leaves_lots=30, match_number=1)
    gate.replace(intent_id, qty_lots=80)
    gate.step(times=2)
    assert holding(gate) == (20, 60, 0, 1)
    gate.report(codes.REPORT_CORRECTED, order, qty_lots=5, leaves_lots=30, match_number=1)
    gate.step()
    assert holding(gate) == (5, 75, 0, 1)


def test_a_restated_order_counts_at_the_venues_price_and_size(gate):
    _, order = accepted(gate)
    gate.report(codes.REPORT_RESTATED, order, price_ticks=9_900, qty_lots=8, leaves_lots=8)
    gate.step()
    assert holding(gate) == (0, 8, 0, 1) and int(gate.exposure.firm[0]["value_buy"]) == 8 * 9_900 * 100


# --- quoting steps ---------------------------------------------------------------------------------------------------


def test_the_price_is_held_against_the_step_of_its_band(gate):
    rules = dict(lot_lots=1, price_ticks_max=1_000_000, multiplier=1, price_tick_micro=100, quote_tick_ticks=100)
    gate.write("instruments", 0, band_from_ticks=(0, 10_000, 0, 0), band_tick_ticks=(1, 50, 0, 0), **rules)
    for price in (9_999, 10_000, 10_050, 10_049, 10_001):
        gate.intent(price_ticks=price)
    gate.step()
    assert [int(order["price_ticks"]) for order in gate.orders()] == [9_999, 10_000, 10_050]
    assert [(int(reject["code"]), int(reject["limit_value"])) for reject in gate.rejects()] == [
        (codes.REJECT_TICK_SIZE, 50)
    ] * 2

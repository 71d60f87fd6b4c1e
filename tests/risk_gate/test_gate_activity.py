"""What the firm and a strategy did lately: own orders that would meet, executions without a person, bursts of fills."""

import numpy as np
import pytest

import shm.codes as codes
from shm.error_log import ERROR_GATE_CORRUPT, ERROR_GATE_EXECUTIONS, ERROR_GATE_FILL_BURST
from shm.records.limits import LIMIT_NONE
from shm.records.order import ORDER_FLAG_GATE
from tests.support.gate import FIRM, STRATEGY_0, Gate, accepted, passed, view_at

BUY, SELL = codes.SIDE_BUY, codes.SIDE_SELL
WORD = np.dtype([("word", "<i8")])


@pytest.fixture
def gate():
    return Gate()


def refusal(gate, strategy=0):
    (reject,) = gate.rejects(strategy)
    return tuple(int(reject[name]) for name in ("code", "scope", "limit_value", "found_value"))


def try_order(gate, strategy=0, **fields):
    """One intent and its answer: the code, or PASS."""
    gate.intent(strategy, **fields)
    gate.step()
    sent = [order for order in gate.orders() if not int(order["flags"]) & ORDER_FLAG_GATE]
    return codes.PASS if sent else gate.codes(strategy)[0]


# --- self-trade -------------------------------------------------------------------------------------------------------


@pytest.fixture
def firm(gate):
    gate.limit(4, self_trade=codes.SELF_TRADE_REJECT)
    return gate


MEETS = """
what                              side  price   -> answer
below our ask                     BUY   10020   -> PASS
at our ask                        BUY   10030   -> REJECT_SELF_TRADE
through our ask                   BUY   10040   -> REJECT_SELF_TRADE
above our bid                     SELL  9980    -> PASS
at our bid                        SELL  9970    -> REJECT_SELF_TRADE
through our bid                   SELL  9960    -> REJECT_SELF_TRADE
joins our own bid                 BUY   9970    -> PASS
joins our own ask                 SELL  10030   -> PASS
"""


@pytest.mark.parametrize("line", MEETS.strip().splitlines()[1:])
@pytest.mark.parametrize("strategy", [0, 1], ids=["the same strategy", "another strategy"])
def test_nothing_is_entered_that_would_meet_an_order_of_the_firm(firm, line, strategy):
    left, answer = line.split("->")
    side, price = left.split()[-2:]
    accepted(firm, side=SELL, price_ticks=10_030)
    accepted(firm, side=BUY, price_ticks=9_970)
    found = try_order(firm, strategy, side=getattr(codes, f"SIDE_{side}"), price_ticks=int(price))
    assert found == getattr(codes, answer.strip())
    elsewhere = try_order(firm, strategy, instrument_id=1, side=BUY, price_ticks=10_040)
    assert elsewhere == codes.PASS, "another instrument is another market"


def test_a_self_trade_names_the_own_price_and_the_firm(firm):
    accepted(firm, side=SELL, price_ticks=10_010)
    firm.intent(1, side=BUY, price_ticks=10_030)
    firm.step()
    assert refusal(firm, 1) == (codes.REJECT_SELF_TRADE, codes.LIMIT_SCOPE_FIRM, 10_010, 10_030)


def test_orders_in_flight_of_unknown_fate_leaving_or_adopted_count_until_the_venue_says_that_they_are_gone(firm):
    intent_id, order = passed(firm, side=SELL)
    assert try_order(firm, 1) == codes.REJECT_SELF_TRADE, "in flight"
    firm.report(codes.REPORT_UNKNOWN, order, leaves_lots=10)
    firm.step()
    assert try_order(firm, 1) == codes.REJECT_SELF_TRADE, "of unknown fate"
    firm.cancel(intent_id)
    firm.step()
    assert [int(sent["kind"]) for sent in firm.orders()] == [codes.INTENT_CANCEL]
    assert try_order(firm, 1) == codes.REJECT_SELF_TRADE, "its cancel is on the way"
    firm.report(codes.REPORT_CANCELED, order, leaves_lots=0)
    firm.step()
    adopted = dict(
        order_id=codes.ORDER_ID_EXTERNAL + 1, intent_id=codes.ORDER_ID_EXTERNAL + 1, strategy_id=2, side=SELL
    )
    firm.report(codes.REPORT_ACCEPTED, **adopted, price_ticks=10_000, qty_lots=5, leaves_lots=5)
    firm.step()
    assert try_order(firm, 1) == codes.REJECT_SELF_TRADE, "nobody here passed it, but it is ours"
    firm.report(codes.REPORT_CANCELED, **adopted, leaves_lots=0)
    firm.step()
    assert try_order(firm, 1) == codes.PASS


def test_the_price_that_counts_is_the_one_that_the_venue_says(firm):
    _, order = accepted(firm, side=SELL, price_ticks=10_030)
    firm.report(codes.REPORT_RESTATED, order, price_ticks=10_000, leaves_lots=10)
    firm.step()
    assert try_order(firm, 1, price_ticks=10_000) == codes.REJECT_SELF_TRADE


def test_a_replace_is_compared_with_both_prices_of_a_family_at_the_other_side_and_never_with_its_own(firm):
    ask, _ = accepted(firm, side=SELL, price_ticks=10_030)
    bid, _ = accepted(firm, side=BUY, price_ticks=9_970)
    firm.replace(bid, side=BUY, price_ticks=9_980)
    firm.step()
    assert len(firm.orders()) == 1, "its own family does not stand in its way"
    firm.replace(ask, side=SELL, price_ticks=10_060)
    firm.step()
    assert len(firm.orders()) == 1
    assert try_order(firm, 1, side=BUY, price_ticks=10_040) == codes.REJECT_SELF_TRADE, "the old ask may still be alive"
    assert try_order(firm, 1, side=SELL, price_ticks=9_970) == codes.REJECT_SELF_TRADE


def test_a_replace_into_an_own_order_is_refused(firm):
    bid, _ = accepted(firm, side=BUY, price_ticks=9_970)
    accepted(firm, strategy=1, side=SELL, price_ticks=10_030)
    firm.replace(bid, side=BUY, price_ticks=10_030)
    firm.step()
    assert firm.codes() == [codes.REJECT_SELF_TRADE] and firm.orders() == []


def test_quotes_of_both_sides_that_never_cross_never_meet_it(firm):
    bid, ask = None, None
    for move in range(40):
        middle = 10_000 + 10 * (move % 7)
        prices = dict(BUY=middle - 20, SELL=middle + 80)  # wider than any move
        answers = []
        for side in (BUY, SELL):
            price = prices["BUY" if side == BUY else "SELL"]
            target = bid if side == BUY else ask
            if target is None:
                made, order = accepted(firm, side=side, price_ticks=price)
            else:
                made = firm.replace(target, side=side, price_ticks=price)
                firm.step()
                (order,) = firm.orders()
                firm.report(codes.REPORT_REPLACED, order, old_order_id=order["target_order_id"], leaves_lots=10)
                firm.step()
            bid, ask = (made, ask) if side == BUY else (bid, made)
            answers += firm.codes()
        assert answers == []


def test_by_configuration_the_resting_orders_are_cancelled_first_and_the_new_one_waits_until_they_are_gone(gate):
    gate.limit(4, self_trade=codes.SELF_TRADE_CANCEL)
    met = [accepted(gate, side=SELL, price_ticks=price)[1] for price in (10_000, 10_020)]
    accepted(gate, side=SELL, price_ticks=10_030)
    gate.intent(1, side=BUY, price_ticks=10_020)
    gate.step()
    assert refusal(gate, 1)[:3] == (codes.REJECT_SELF_TRADE, codes.LIMIT_SCOPE_FIRM, 10_000)
    cancels = gate.orders()
    assert [int(order["kind"]) for order in cancels] == [codes.INTENT_CANCEL] * 2
    assert all(int(order["flags"]) & ORDER_FLAG_GATE for order in cancels)
    assert {int(order["target_order_id"]) for order in cancels} == {int(order["order_id"]) for order in met}
    gate.intent(1, side=BUY, price_ticks=10_020)
    gate.step()
    assert gate.codes(1) == [codes.REJECT_SELF_TRADE] and gate.orders() == [], "their cancels are on the way"
    for order in met:
        gate.report(codes.REPORT_CANCELED, order, leaves_lots=0)
    gate.step()
    assert try_order(gate, 1, side=BUY, price_ticks=10_020) == codes.PASS
    gate.restart()
    assert try_order(gate, 0, side=SELL, price_ticks=10_020) == codes.REJECT_SELF_TRADE, "after a restart too"


# --- same order -------------------------------------------------------------------------------------------------------


def test_the_same_order_passes_so_often_in_the_window_and_the_window_slides(gate):
    gate.limit(2, same_orders_max=2, same_window_ns=100)
    answers = []
    for advance in (0, 30, 30, 39, 1, 29, 1):
        gate.now_ns += advance
        answers.append(try_order(gate))
    same = codes.REJECT_SAME_ORDER
    assert answers == [codes.PASS, codes.PASS, same, same, codes.PASS, same, codes.PASS]
    assert try_order(gate, 1) == codes.PASS, "another strategy has its own count"
    assert try_order(gate, 0, qty_lots=11) == codes.PASS and try_order(gate, 0, price_ticks=9_990) == codes.PASS
    gate.intent()
    gate.step()
    assert refusal(gate) == (same, codes.LIMIT_SCOPE_STRATEGY, 2, 3)


def test_what_was_refused_is_not_counted_and_a_restart_remembers_what_passed(gate):
    gate.limit(2, same_orders_max=2, same_window_ns=100)
    assert try_order(gate) == codes.PASS
    gate.limit(0, qty_lots_max=5)
    assert try_order(gate) == codes.REJECT_QTY_MAX
    gate.limit(0)
    assert try_order(gate) == codes.PASS
    gate.restart()
    assert try_order(gate) == codes.REJECT_SAME_ORDER
    gate.now_ns += 100
    assert try_order(gate) == codes.PASS


# --- executions -------------------------------------------------------------------------------------------------------


def execute(gate, order, leaves, qty=1, **fields):
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=qty, leaves_lots=leaves, now_ns=gate.now_ns, **fields)
    gate.step()


def test_executions_halt_their_strategy_until_a_person_lets_it_go_on_and_are_then_counted_again(gate):
    gate.limit(2, executions_max=3)
    _, order = accepted(gate)
    execute(gate, order, 9)
    execute(gate, order, 8)
    assert gate.said(STRATEGY_0) == 0 and try_order(gate) == codes.PASS
    execute(gate, order, 7)
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED and gate.errors() == [ERROR_GATE_EXECUTIONS]
    gate.step(times=4)
    assert {int(cancel["target_order_id"]) for cancel in gate.orders()} >= {int(order["order_id"])}, "its orders go"
    gate.intent()
    gate.step()
    assert refusal(gate) == (codes.REJECT_EXECUTIONS, codes.LIMIT_SCOPE_STRATEGY, 3, 4)
    assert try_order(gate, 1) == codes.PASS, "the other strategy trades on"
    execute(gate, order, 6)
    gate.acknowledge(STRATEGY_0)
    gate.intent(qty_lots=0)
    gate.step()
    assert gate.codes() == [codes.REJECT_LOT_SIZE], "it may ask again"
    _, order = accepted(gate)
    execute(gate, order, 9)
    execute(gate, order, 8)
    assert gate.said(STRATEGY_0) == 0
    execute(gate, order, 7)
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED, "three more, then a person looks again"


def test_a_restart_counts_executions_since_the_person_too(gate):
    gate.limit(2, executions_max=3)
    _, order = accepted(gate)
    execute(gate, order, 9)
    execute(gate, order, 8)
    gate.restart()
    assert try_order(gate) == codes.PASS
    execute(gate, order, 7)
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED
    gate.restart()
    assert try_order(gate) == codes.REJECT_EXECUTIONS
    gate.acknowledge(STRATEGY_0)
    assert try_order(gate) == codes.PASS
    execute(gate, order, 6)
    gate.restart()
    execute(gate, order, 5)
    assert gate.said(STRATEGY_0) == 0 and try_order(gate) == codes.PASS
    execute(gate, order, 4)
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED


def test_a_person_who_let_it_go_on_while_the_gate_was_dead_has_to_do_it_again(gate):
    gate.limit(2, executions_max=1)
    _, order = accepted(gate)
    execute(gate, order, 9)
    gate.acknowledge(STRATEGY_0)
    gate.restart()
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED and try_order(gate) == codes.REJECT_EXECUTIONS


def test_a_limit_that_was_lowered_below_the_count_halts_at_the_next_intent(gate):
    _, order = accepted(gate)
    for leaves in (9, 8, 7):
        execute(gate, order, leaves)
    gate.limit(2, executions_max=3)
    assert try_order(gate) == codes.REJECT_EXECUTIONS and gate.said(STRATEGY_0) == codes.STATE_HALTED


# --- fill bursts ------------------------------------------------------------------------------------------------------


def burst_limits(gate, **limits):
    gate.limit(2, **dict(fill_window_ns=100, fill_reset_ns=1_000) | limits)


def test_lots_of_a_window_at_the_limit_trade_on_and_one_more_cancels_and_waits(gate):
    burst_limits(gate, fill_lots_max=10)
    _, order = accepted(gate, qty_lots=50)
    _, other = accepted(gate, qty_lots=5, price_ticks=9_990)
    execute(gate, order, 40, qty=10)
    assert try_order(gate, side=SELL, price_ticks=10_100) == codes.PASS, "exactly at the limit"
    gate.now_ns += 99
    execute(gate, order, 39)
    assert gate.errors() == [ERROR_GATE_FILL_BURST] and gate.said(STRATEGY_0) == 0, "it waits; no person is needed"
    gate.step(times=4)
    targets = {int(cancel["target_order_id"]) for cancel in gate.orders()}
    assert targets >= {int(order["order_id"]), int(other["order_id"])}, "its open orders are cancelled by the gate"
    gate.intent(side=SELL)
    gate.step()
    assert refusal(gate) == (codes.REJECT_FILL_BURST, codes.LIMIT_SCOPE_STRATEGY, 10, 11)
    gate.now_ns += 999
    assert try_order(gate, side=SELL) == codes.REJECT_FILL_BURST
    gate.now_ns += 1
    assert try_order(gate, side=SELL) == codes.PASS


def test_executions_are_counted_by_the_last_row_while_a_newer_one_waits_for_room_in_the_journal():
    gate = Gate(journal=16)
    burst_limits(gate, fill_lots_max=10)
    _, order = accepted(gate, qty_lots=50)
    gate.step()
    for _ in range(20):
        gate.intent(qty_lots=0)
        gate.step(drain=False)
    gate.codes()
    burst_limits(gate, fill_lots_max=12, version=2)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=10, leaves_lots=40, now_ns=gate.now_ns)
    gate.step(drain=False)
    gate.step()  # the disk catches up, and the row is taken over
    execute(gate, order, 38, qty=2)
    assert gate.errors() == [], "ten and two are twelve"
    execute(gate, order, 37)
    assert gate.errors() == [ERROR_GATE_FILL_BURST]


def test_an_execution_that_left_the_window_counts_no_more(gate):
    burst_limits(gate, fill_lots_max=10)
    _, order = accepted(gate, qty_lots=50)
    execute(gate, order, 40, qty=10)
    gate.now_ns += 100
    execute(gate, order, 30, qty=10)
    assert gate.errors() == [] and try_order(gate) == codes.PASS


SIDES = """
delta a lot  vega a lot  fills            limits             -> found
100          0           BUY 5            delta 500          -> 0
100          0           BUY 5, BUY 1     delta 500          -> 600
100          0           BUY 5, SELL 5    delta 500          -> 0
100          0           BUY 5, SELL 6    delta 500          -> 600
-100         0           BUY 6            delta 500          -> 600
-100         0           BUY 5, SELL 5    delta 500          -> 0
0            7           BUY 3, BUY 3     vega 41            -> 42
0            7           BUY 3, SELL 3    vega 21            -> 0
0            -7          SELL 4           vega 27            -> 28
100          7           BUY 5            delta 500, vega 34 -> 35
"""


@pytest.mark.parametrize("line", SIDES.strip().splitlines()[1:])
def test_delta_and_vega_of_one_side_of_the_market_never_net_the_other(gate, line):
    left, found = line.split("->")
    delta, vega, rest = left.split(None, 2)
    fills, limits = [part.strip() for part in rest.split("  ", 1)]
    named = dict(limit.split() for limit in limits.split(","))
    burst_limits(gate, **{f"fill_{name}_micro_max": int(limit) for name, limit in named.items()})
    gate.greek(0, delta=int(delta), vega=int(vega))
    orders = {"BUY": accepted(gate, qty_lots=20)[1], "SELL": accepted(gate, side=SELL, qty_lots=20)[1]}
    left_over = {"BUY": 20, "SELL": 20}
    for fill in fills.split(","):
        side, lots = fill.split()
        left_over[side] -= int(lots)
        execute(gate, orders[side], left_over[side], qty=int(lots))
    gate.intent(side=SELL, price_ticks=10_090)
    gate.step()
    if found.strip() == "0":
        assert gate.codes() == []
    else:
        assert refusal(gate)[0::3] == (codes.REJECT_FILL_BURST, int(found))


@pytest.mark.parametrize("scale", ["none", "invalid", "old", "beyond"])
def test_an_execution_whose_delta_nobody_knows_counts_as_a_burst(gate, scale):
    burst_limits(gate, fill_delta_micro_max=10**15)
    gate.limit(0, scale_age_ns_max=50)
    if scale != "none":
        fields = dict(invalid=dict(flags=0), old=dict(now_ns=gate.now_ns - 51), beyond=dict(delta_micro=1 << 60))[scale]
        gate.greek(0, **dict(delta=1) | fields)
    _, order = accepted(gate)
    execute(gate, order, 9)
    gate.intent()
    gate.step()
    assert refusal(gate) == (codes.REJECT_FILL_BURST, codes.LIMIT_SCOPE_STRATEGY, 0, 0)


def test_without_a_time_the_strategy_waits_for_a_person_and_its_window_starts_again(gate):
    burst_limits(gate, fill_lots_max=3, fill_reset_ns=LIMIT_NONE)
    _, order = accepted(gate)
    execute(gate, order, 6, qty=4)
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED and try_order(gate) == codes.REJECT_FILL_BURST
    gate.now_ns += 10**12
    gate.channel()
    gate.top()
    assert try_order(gate) == codes.REJECT_FILL_BURST
    gate.restart()
    assert try_order(gate) == codes.REJECT_FILL_BURST
    gate.acknowledge(STRATEGY_0)
    assert try_order(gate) == codes.PASS
    execute(gate, order, 3, qty=3)
    assert gate.said(STRATEGY_0) == 0 and try_order(gate) == codes.PASS


def test_a_restart_sums_lots_exactly_and_waits_where_it_cannot_know_delta(gate):
    burst_limits(gate, fill_lots_max=5, fill_reset_ns=40)
    _, order = accepted(gate)
    execute(gate, order, 5, qty=5)
    gate.restart()
    assert try_order(gate) == codes.PASS
    execute(gate, order, 4)
    assert try_order(gate) == codes.REJECT_FILL_BURST
    gate.restart()
    assert try_order(gate) == codes.REJECT_FILL_BURST
    gate.now_ns += 40
    assert try_order(gate) == codes.PASS
    burst_limits(gate, fill_delta_micro_max=10**9)
    gate.greek(0, delta=1)
    gate.restart()
    assert try_order(gate) == codes.REJECT_FILL_BURST, "an execution of unknown delta is in the window"
    gate.now_ns += 60
    assert try_order(gate) == codes.PASS


# --- corrupt records --------------------------------------------------------------------------------------------------


def test_an_intent_of_no_kind_halts_its_strategy_alone(gate):
    gate.intent(kind=77)
    gate.step()
    assert gate.codes() == [codes.REJECT_KIND] and gate.errors() == [ERROR_GATE_CORRUPT]
    assert gate.said(STRATEGY_0) == codes.STATE_HALTED and gate.said(FIRM) == 0
    assert try_order(gate) == codes.REJECT_HALTED and try_order(gate, 1) == codes.PASS


@pytest.mark.parametrize("ring, scope", [("intents", STRATEGY_0), ("reports", FIRM)])
def test_a_slot_that_can_never_be_read_halts_what_the_ring_is_about(gate, ring, scope):
    end = (gate.intent_ends[0] if ring == "intents" else gate.report_ends[0])[0][0]
    view_at(int(end["next_addr"]), WORD)["word"] = end["next_seq"] + 3
    gate.step(times=3)
    assert gate.said(scope) == codes.STATE_HALTED and gate.errors() == [ERROR_GATE_CORRUPT]
    gate.step(times=3)
    assert gate.errors() == [ERROR_GATE_CORRUPT]

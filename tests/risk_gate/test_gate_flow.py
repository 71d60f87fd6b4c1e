"""risk_gate's step on scratch rings: money, rates, windows, quoting steps."""

import pytest

import shm.codes as codes
from tests.support.gate import (
    Gate,
    accepted,
    kinds,
)


@pytest.fixture
def gate():
    return Gate()


# --- money and flow ---------------------------------------------------------------------------------------------------


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


# --- quoting steps ----------------------------------------------------------------------------------------------------


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

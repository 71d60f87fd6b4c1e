"""What the market, a restriction, the portfolio and the P&L do to a gate that has orders open."""

import pytest

import shm.codes as codes
from shm.records.order import ORDER_FLAG_GATE, ORDER_FLAG_SHORT
from tests.support.gate import Gate, accepted, passed

BUY, SELL = codes.SIDE_BUY, codes.SIDE_SELL
FIRM_ROW = 4  # of two instruments and two strategies


@pytest.fixture
def gate():
    return Gate()


def answer(gate, strategy=0, **fields):
    gate.intent(strategy, **fields)
    gate.step()
    (code,) = gate.codes(strategy) or [codes.PASS]
    return codes.REJECT_NAMES.get(code, "pass")


RESTRICTIONS = """
permitted         -> of a buy, a long sale and a short sale that work, cancelled
buy sell short    -> 0 0 0
sell short        -> 1 0 0
buy short         -> 0 1 1
buy sell          -> 0 0 1
buy               -> 0 1 1
nothing           -> 1 1 1
"""
BITS = dict(buy=codes.PERMIT_BUY, sell=codes.PERMIT_SELL, short=codes.PERMIT_SHORT, nothing=0)


@pytest.mark.parametrize("line", RESTRICTIONS.strip().splitlines()[1:])
def test_a_restriction_cancels_the_working_orders_of_its_side_and_blocks_new_ones(gate, line):
    words, cancelled = (part.split() for part in line.split("->"))
    _, bought = accepted(gate)
    gate.report(codes.REPORT_EXECUTED, bought, qty_lots=10, leaves_lots=0, match_number=1)
    gate.step()
    orders = [accepted(gate, side=BUY), accepted(gate, side=SELL, price_ticks=10_010)]
    orders.append(accepted(gate, side=SELL, price_ticks=10_020))
    assert [int(order["flags"]) for _, order in orders] == [0, 0, ORDER_FLAG_SHORT]
    permitted = sum(BITS[word] for word in words)
    gate.limit(0, permitted=permitted)
    gate.step(times=4)
    gone = {int(order["intent_id"]) for order in gate.orders()}
    assert [int(intent_id in gone) for intent_id, _ in orders] == [int(word) for word in cancelled], line
    assert answer(gate) == ("pass" if permitted & codes.PERMIT_BUY else "restricted")
    short = permitted & codes.PERMIT_SELL and permitted & codes.PERMIT_SHORT
    assert answer(gate, side=SELL, price_ticks=10_030) == ("pass" if short else "restricted")


def test_a_cancel_passes_whatever_restricts(gate):
    intent_id, _ = accepted(gate, side=SELL)
    gate.page(0)["step_ns"] += 10**12  # nothing else makes the gate cancel
    gate.limit(0, permitted=0, delta_micro_max=1, locate_lots=0)
    gate.limit(2, loss_micro_max=1, drawdown_micro_max=1)
    gate.limit(FIRM_ROW, risk_age_ns_max=1)
    gate.cancel(intent_id)
    gate.step()
    assert [int(order["kind"]) for order in gate.orders()] == [codes.INTENT_CANCEL] and gate.codes() == []


def test_a_sale_is_short_when_what_is_held_does_not_cover_it_whole(gate):
    _, order = accepted(gate, qty_lots=100)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=100, leaves_lots=0, match_number=1)
    gate.step()
    marks = [int(passed(gate, side=SELL, price_ticks=10_010, qty_lots=qty)[1]["flags"]) for qty in (60, 40, 1)]
    assert marks == [0, 0, ORDER_FLAG_SHORT]
    decisions = gate.decisions()[0]
    assert [int(flags) for flags in decisions["order_flags"]] == [0, 0, 0, ORDER_FLAG_SHORT]


def test_the_replace_of_a_short_sale_stays_short_and_one_of_a_long_sale_may_become_it(gate):
    _, order = accepted(gate, qty_lots=100)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=100, leaves_lots=0, match_number=1)
    gate.step()
    long_id, _ = accepted(gate, side=SELL, price_ticks=10_010, qty_lots=100)
    gate.replace(long_id, side=SELL, price_ticks=10_020, qty_lots=100)
    gate.step()
    (same,) = gate.orders()
    assert same["flags"] == 0, "its own lots cover it"
    gate.report(codes.REPORT_REPLACED, same, leaves_lots=100, old_order_id=same["target_order_id"])
    gate.step()
    gate.replace(int(same["intent_id"]), side=SELL, price_ticks=10_020, qty_lots=101)
    gate.step()
    (more,) = gate.orders()
    assert more["flags"] == ORDER_FLAG_SHORT
    gate.report(codes.REPORT_REPLACED, more, leaves_lots=101, old_order_id=more["target_order_id"])
    gate.step()
    gate.replace(int(more["intent_id"]), side=SELL, price_ticks=10_030, qty_lots=50)
    gate.step()
    assert gate.orders()[0]["flags"] == ORDER_FLAG_SHORT


def test_marks_and_sums_of_greeks_are_found_again_after_a_restart(gate):
    gate.greek(0, delta=-7, gamma=3, vega=2)
    gate.step()
    accepted(gate, side=SELL)
    accepted(gate, side=BUY, qty_lots=5)
    before = gate.exposure.sums[0].copy(), gate.exposure.slots["short"].copy()
    assert (int(before[0]["delta_up"]), int(before[0]["delta_down"])) == (70, 35) and before[1].any()
    gate.restart()
    assert gate.exposure.sums[0] == before[0] and (gate.exposure.slots["short"] == before[1]).all()


def test_a_new_row_of_greeks_takes_the_old_one_out_exactly(gate):
    gate.limit(0, delta_micro_max=1_000)
    gate.greek(0, delta=10)
    accepted(gate, qty_lots=60)
    gate.greek(0, delta=-3, vega=5)
    assert answer(gate, side=SELL, qty_lots=1) == "pass", "the row of the order's own instrument counts at once"
    sums = gate.exposure.sums[0]
    assert [int(sums[name]) for name in ("delta_up", "delta_down", "vega_up", "vega_down")] == [3, 180, 300, 5]
    gate.greek(0, flags=0)
    assert answer(gate) == "greeks_stale"
    assert [int(sums[name]) for name in ("delta_up", "delta_down", "unknown")] == [0, 0, 1]


def test_an_unknown_instrument_of_the_underlying_blocks_the_others_until_it_is_known_or_flat(gate):
    rules = dict(quote_tick_ticks=10, lot_lots=1, price_ticks_max=1_000_000, multiplier=1, price_tick_micro=100)
    gate.write("instruments", 1, instrument_id=1, underlying_id=0, **rules)
    gate.step()
    gate.greek(0, delta=10)
    intent_id, order = accepted(gate, instrument_id=1)
    gate.limit(0, delta_micro_max=1_000)
    assert answer(gate) == "greeks_stale"
    gate.greek(1, delta=-10, underlying_id=0)
    gate.step(times=2)
    assert answer(gate) == "pass"
    gate.greek(1, underlying_id=1)
    gate.step(times=2)
    assert answer(gate) == "greeks_stale"
    gate.report(codes.REPORT_CANCELED, order, leaves_lots=0, intent_id=intent_id)
    gate.step(times=2)
    assert answer(gate) == "pass"


def test_the_limits_of_the_underlying_hold_for_what_is_derived_from_it(gate):
    rules = dict(quote_tick_ticks=10, lot_lots=1, price_ticks_max=1_000_000, multiplier=1, price_tick_micro=100)
    gate.write("instruments", 1, instrument_id=1, underlying_id=0, kind=codes.KIND_OPTION, **rules)
    gate.greek(0, delta=10)
    gate.greek(1, delta=-5, underlying_id=0)
    gate.step(times=2)
    gate.limit(0, delta_micro_max=100)
    assert answer(gate, instrument_id=1, qty_lots=20) == "pass", "short 100 by puts"
    assert answer(gate, instrument_id=1, qty_lots=1) == "delta"
    assert answer(gate, qty_lots=10) == "pass", "long 100 by shares: nothing is netted"
    assert answer(gate, qty_lots=1) == "delta"
    gate.intent(qty_lots=1)
    gate.step()
    (reject,) = gate.rejects()
    assert (reject["limit_value"], reject["found_value"], reject["scope"]) == (100, 110, codes.LIMIT_SCOPE_UNDERLYING)
    gate.limit(0, delta_micro_max=0)
    assert answer(gate, instrument_id=1) == "no_limits"


LOSSES = """
limits of               row says               side  -> answer
strategy loss=100       s pnl=-99              buy   -> pass
strategy loss=100       s pnl=-100             buy   -> loss
strategy loss=100       s pnl=-100             sell  -> pass
strategy drawdown=50    s drawdown=50          buy   -> drawdown
strategy drawdown=50    s drawdown=50          sell  -> pass
strategy loss=100       s pnl=5 stale=1        buy   -> risk_stale
strategy loss=100       nothing                buy   -> risk_stale
strategy loss=100       nothing                sell  -> pass
firm loss=100           f pnl=-100             buy   -> loss
firm loss=100           f pnl=-99              buy   -> pass
firm risk_age=1000      f now=1000             buy   -> pass
firm risk_age=1000      f now=1001             buy   -> risk_stale
firm risk_age=1000      f now=1001             sell  -> pass
firm risk_age=1000      nothing                buy   -> risk_stale
"""
LIMIT_FIELDS = dict(loss="loss_micro_max", drawdown="drawdown_micro_max", risk_age="risk_age_ns_max")


@pytest.mark.parametrize("line", LOSSES.strip().splitlines()[1:])
def test_after_a_breach_only_what_reduces_the_strategys_position_passes(gate, line):
    left, wanted = line.split("->")
    words = left.split()
    _, order = accepted(gate, qty_lots=10)
    gate.report(codes.REPORT_EXECUTED, order, qty_lots=10, leaves_lots=0, match_number=1)
    gate.step()
    name, limit = words[1].split("=")
    gate.limit(2 if words[0] == "strategy" else FIRM_ROW, **{LIMIT_FIELDS[name]: int(limit)})
    said = [word.split("=") for word in words[3:-1]]
    fields = {f"{key}_micro" if key in ("pnl", "drawdown") else key: int(number) for key, number in said}
    if words[2] != "nothing":
        fields["now_ns"] = gate.now_ns - fields.pop("now", 0)
        gate.risk(0 if words[2] == "s" else None, **fields)
    assert answer(gate, side=BUY if words[-1] == "buy" else SELL) == wanted.strip(), line
    assert all(not order["flags"] & ORDER_FLAG_GATE for order in gate.orders()), "nothing that works is cancelled"

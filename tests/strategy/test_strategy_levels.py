"""Several levels a side: one message moves a ladder, sizes shrink in place, a top-up leaves the first order its place."""

import re
from pathlib import Path

import numpy as np
import pytest

from procs.strategy.ladder import LADDER, normalise
from procs.strategy.load import load_strategy
from procs.strategy.rules import RULES
from procs.strategy.slot import SLOT_REDUCE_IN_FLIGHT, SLOTS, check, first_slot
from procs.strategy.view import OUT, VIEW
from shm.codes import (
    INTENT_CANCEL,
    INTENT_NEW,
    INTENT_REDUCE,
    INTENT_REPLACE,
    REJECT_RATE,
    REPORT_ACCEPTED,
    REPORT_CANCELED,
    REPORT_EXECUTED,
    REPORT_REPLACED,
    SIDE_BUY,
    SIDE_SELL,
)
from shm.jit import hot
from tests.support.strategy_bench import ROW, StrategyBench

MS = 1_000_000
MID = 1_000_000
WISHES = str(Path(__file__).parents[1] / "support/strategies/wishes.py")


class Quoter:
    """A bench whose strategy quotes what `want` was told; `settle` answers every intent as the venue would."""

    def __init__(self, **params):
        self.bench = StrategyBench(WISHES, **params)
        self.bench.fresh()
        self.bench.book([(MID - 100, 300)], [(MID + 100, 300)])
        self.now_ns = MS
        self.params = load_strategy(WISHES).params_dtype.names

    def want(self, bids, asks=()):
        """Publish the wish as the strategy's parameters and step; returns the intents as (kind, side, price, qty)."""
        values = dict.fromkeys(self.params, 0)
        for side, levels in (("bid", bids), ("ask", asks)):
            for level, (price, lots) in enumerate(levels):
                values |= {f"{side}_ticks_{level}": price, f"{side}_lots_{level}": lots}
        self.bench.live_params(**values)
        return self.step()

    def step(self):
        self.now_ns += MS
        self.bench.step(self.now_ns)
        self.intents = self.bench.intents()
        for slot in self.bench.state.slots:
            check(slot)
        return [tuple(int(i[name]) for name in ("kind", "side", "price_ticks", "qty_lots")) for i in self.intents]

    def settle(self):
        """Accept, replace, reduce and cancel whatever was asked for last; nothing new may come of it."""
        for intent in self.intents:
            kind, side = int(intent["kind"]), int(intent["side"])
            ids = int(intent["intent_id"]), int(intent["target_intent_id"])
            if kind == INTENT_NEW:
                about = dict(price_ticks=int(intent["price_ticks"]), leaves_lots=int(intent["qty_lots"]))
                self.bench.report(REPORT_ACCEPTED, ids[0], side, **about)
            elif kind == INTENT_REPLACE:
                leaves = int(intent["qty_lots"]) - self.slot(ids[1])["cum_lots"]
                about = dict(price_ticks=int(intent["price_ticks"]), leaves_lots=leaves, old_intent_id=ids[1])
                self.bench.report(REPORT_REPLACED, ids[0], side, **about)
            else:
                slot = self.slot(ids[1])
                leaves = int(intent["qty_lots"]) - int(slot["cum_lots"]) if kind == INTENT_REDUCE else 0
                about = dict(qty_lots=int(slot["leaves_lots"]) - leaves, leaves_lots=leaves)
                self.bench.report(REPORT_CANCELED, ids[1], side, **about)
        assert self.step() == []

    def slot(self, intent_id):
        (found,) = [slot for slot in self.bench.state.slots if slot["intent_id"] == intent_id]
        return found

    def fill(self, price, lots):
        (slot,) = [slot for slot in self.resting(SIDE_BUY) if slot["price_ticks"] == price][:1]
        about = dict(price_ticks=price, qty_lots=lots, leaves_lots=int(slot["leaves_lots"]) - lots)
        self.bench.report(REPORT_EXECUTED, int(slot["intent_id"]), SIDE_BUY, **about)
        return self.step()

    def resting(self, side):
        slots = self.bench.state.slots[first_slot(ROW, side) : first_slot(ROW, side) + SLOTS]
        return sorted((slot for slot in slots if slot["intent_id"]), key=lambda slot: slot["intent_id"])

    def sizes(self, side=SIDE_BUY):
        return [(int(slot["price_ticks"]), int(slot["leaves_lots"])) for slot in self.resting(side)]


@pytest.fixture
def quoter():
    return Quoter()


def ladder(best, lots=10, levels=4):
    return [(best - 100 * level, lots) for level in range(levels)]


def test_a_ladder_of_four_is_four_orders_of_one_cause(quoter):
    asked = quoter.want(ladder(MID - 100))
    assert asked == [(INTENT_NEW, SIDE_BUY, MID - 100 * k, 10) for k in (1, 2, 3, 4)]
    assert [int(i["part"]) for i in quoter.intents] == [0, 1, 2, 3]
    assert {int(i["parts"]) for i in quoter.intents} == {4}


@pytest.mark.parametrize("shift, moved_from, moved_to", [(100, MID - 500, MID - 100), (-100, MID - 200, MID - 600)])
def test_a_ladder_that_shifts_by_a_step_moves_one_order(quoter, shift, moved_from, moved_to):
    quoter.want(ladder(MID - 200))
    quoter.settle()
    asked = quoter.want(ladder(MID - 200 + shift))
    assert asked == [(INTENT_REPLACE, SIDE_BUY, moved_to, 10)]
    assert quoter.slot(int(quoter.intents[0]["target_intent_id"]))["price_ticks"] == moved_from
    quoter.settle()
    assert sorted(quoter.sizes()) == sorted(ladder(MID - 200 + shift))


def test_levels_in_any_order_are_the_same_ladder(quoter):
    quoter.want(ladder(MID - 100))
    quoter.settle()
    assert quoter.want(ladder(MID - 100)[::-1]) == []


def test_a_smaller_size_is_a_reduce_in_place_with_the_new_total(quoter):
    quoter.want([(MID - 100, 80)])
    quoter.settle()
    quoter.fill(MID - 100, 10)
    assert quoter.want([(MID - 100, 30)]) == [(INTENT_REDUCE, SIDE_BUY, 0, 40)]  # ten of them are executed
    reduce = quoter.intents[0]
    assert (reduce["expires_ns"], reduce["target_intent_id"]) == (0, quoter.resting(SIDE_BUY)[0]["intent_id"])
    assert quoter.resting(SIDE_BUY)[0]["state"] == SLOT_REDUCE_IN_FLIGHT
    assert quoter.want([(MID - 100, 20)]) == []  # one action in flight
    quoter.intents = [reduce]
    quoter.bench.report(REPORT_CANCELED, int(reduce["target_intent_id"]), SIDE_BUY, qty_lots=40, leaves_lots=30)
    assert quoter.step() == [(INTENT_REDUCE, SIDE_BUY, 0, 30)]
    quoter.settle()
    assert quoter.sizes() == [(MID - 100, 20)]


def test_a_fill_while_a_reduce_is_on_its_way_changes_nothing_about_it(quoter):
    quoter.want([(MID - 100, 80)])
    quoter.settle()
    quoter.want([(MID - 100, 30)])
    target = int(quoter.intents[0]["target_intent_id"])
    quoter.bench.report(REPORT_EXECUTED, target, SIDE_BUY, qty_lots=60, leaves_lots=20)
    assert quoter.step() == []
    quoter.bench.report(REPORT_CANCELED, target, SIDE_BUY, qty_lots=20, leaves_lots=0)  # 30 in all are done: it is gone
    assert quoter.step() == [(INTENT_NEW, SIDE_BUY, MID - 100, 30)]


def test_a_refused_reduce_pulls_the_order_after_the_pause(quoter):
    quoter.want([(MID - 100, 80)])
    quoter.settle()
    quoter.want([(MID - 100, 30)])
    quoter.bench.reject(REJECT_RATE, int(quoter.intents[0]["intent_id"]), SIDE_BUY)
    assert quoter.step() == []
    quoter.now_ns += 25 * MS
    assert [kind for kind, *_ in quoter.step()] == [INTENT_CANCEL]


def test_a_larger_size_is_held_until_little_is_left_then_topped_up_behind_the_first(quoter):
    quoter.want([(MID - 100, 80)])
    quoter.settle()
    assert quoter.want([(MID - 100, 100)]) == []  # 80 of 100 are there
    assert quoter.fill(MID - 100, 30) == []  # half is left
    first = int(quoter.resting(SIDE_BUY)[0]["intent_id"])
    assert quoter.fill(MID - 100, 10) == [(INTENT_NEW, SIDE_BUY, MID - 100, 60)]
    quoter.settle()
    assert quoter.sizes() == [(MID - 100, 40), (MID - 100, 60)]
    assert quoter.resting(SIDE_BUY)[0]["intent_id"] == first
    assert quoter.want([(MID - 100, 70)]) == [(INTENT_REDUCE, SIDE_BUY, 0, 30)]  # the younger one gives way
    assert int(quoter.intents[0]["target_intent_id"]) != first
    quoter.settle()
    assert [kind for kind, *_ in quoter.want([(MID - 100, 40)])] == [INTENT_CANCEL]
    quoter.settle()
    assert quoter.sizes() == [(MID - 100, 40)]


def test_a_level_that_goes_takes_its_order_with_it_and_one_that_comes_is_new(quoter):
    quoter.want(ladder(MID - 100, levels=3))
    quoter.settle()
    assert [kind for kind, *_ in quoter.want(ladder(MID - 100, levels=2))] == [INTENT_CANCEL]
    quoter.settle()
    assert quoter.sizes() == ladder(MID - 100, levels=2)
    assert quoter.want(ladder(MID - 100, levels=4)) == [
        (INTENT_NEW, SIDE_BUY, MID - 300, 10),
        (INTENT_NEW, SIDE_BUY, MID - 400, 10),
    ]


def test_no_level_crosses_our_own_quotes_of_the_other_side(quoter):
    quoter.want([(MID - 100, 10), (MID - 200, 10)], [(MID + 100, 10)])
    quoter.settle()
    quoter.bench.book([(MID + 900, 300)], [(MID + 1_100, 300)])
    asked = quoter.want([(MID + 800, 10), (MID + 100, 10)], [(MID + 1_200, 10)])
    assert asked == [(INTENT_REPLACE, SIDE_SELL, MID + 1_200, 10)]  # our ask stands in the way of both bids
    quoter.bench.report(
        REPORT_REPLACED, int(quoter.intents[0]["intent_id"]), SIDE_SELL, price_ticks=MID + 1_200, leaves_lots=10
    )
    assert sorted(quoter.step()) == [
        (INTENT_REPLACE, SIDE_BUY, MID + 100, 10),
        (INTENT_REPLACE, SIDE_BUY, MID + 800, 10),
    ]


@pytest.mark.parametrize(
    "hold, wish, expected",
    [(0, 60, []), (0, 100, [100]), (0, -10, [-100]), (40, 139, []), (40, 140, [100]), (40, -40, []), (40, -41, [-100])],
)
def test_a_working_quote_stays_while_its_wish_is_within_tolerance(hold, wish, expected):
    quoter = Quoter(hold_percent=hold)
    base = MID - 1_000
    quoter.want([(base, 10)])
    quoter.settle()
    assert [price - base for _, _, price, _ in quoter.want([(base + wish, 10)])] == expected


def test_holding_never_breaks_the_obligation_that_moving_keeps():
    quoter = Quoter(hold_percent=90, obligation_spread_ticks=400)
    quoter.want([(MID - 200, 10)], [(MID + 200, 10)])
    quoter.settle()
    assert quoter.want([(MID - 180, 10)], [(MID + 180, 10)]) == []
    # the bid is within tolerance of its place, but there it would be 500 from the ask that moves away
    assert quoter.want([(MID - 100, 10)], [(MID + 300, 10)]) == [
        (INTENT_REPLACE, SIDE_BUY, MID - 100, 10),
        (INTENT_REPLACE, SIDE_SELL, MID + 300, 10),
    ]


WANTED = """
bids (price lots)            asks (price lots)    bids sent                    asks sent
999950 10                    1000050 10           999900 10                    1000100 10
999950 10  999920 5          -                    999900 15                    -
999800 10  999900 5          -                    999900 5  999800 10          -
1000150 10                   -                    1000000 10                   -
-                            999800 10            -                            1000000 10
999900 0                     1000050 -5           -                            -
0 10                         3000000 10           -                            -
1000000 10                   1000000 10           -                            -
999900 7                     1000100 14           999900 5                     1000100 10
"""


@hot
def normalise_first(outs, views, rules, bids, asks):
    """Rows of arrays, as the step has them: numpy hands no record with fields at one offset to compiled code."""
    return normalise(outs[0], views[0], rules[0], bids[0], asks[0])


@pytest.mark.parametrize("row", WANTED.strip().splitlines()[1:])
def test_what_a_model_wants_is_brought_to_what_may_be_sent(row):
    cells = [[int(word) for word in cell.split() if word != "-"] for cell in re.split(r"\s{3,}", row.strip())]
    outs, views, all_rules = np.zeros(1, OUT), np.zeros(1, VIEW), np.zeros(1, RULES)
    out, view, rules = outs[0], views[0], all_rules[0]
    view["bid_price_ticks"], view["ask_price_ticks"] = 999_900, 1_000_100
    rules["quote_tick_ticks"], rules["lot_lots"], rules["price_ticks_max"] = 100, 5, 2_000_000
    for side, wishes in (("bid", cells[0]), ("ask", cells[1])):
        for level in range(len(wishes) // 2):
            out[f"{side}_level_price_ticks"][level] = wishes[2 * level]
            out[f"{side}_level_qty_lots"][level] = wishes[2 * level + 1]
    bid, ask = np.zeros(1, LADDER), np.zeros(1, LADDER)
    normalise_first(outs, views, all_rules, bid, ask)
    for made, expected in ((bid[0], cells[2]), (ask[0], cells[3])):
        found = []
        for level in range(made["levels"]):
            found += [int(made["price_ticks"][level]), int(made["qty_lots"][level])]
        assert found == expected

"""A strategy is one file: what a user may write, and what is refused with which words."""

import pytest

from procs.strategy.generate import generate_strategy_module
from procs.strategy.load import load_strategy
from procs.strategy.params import StrategyRefused
from procs.strategy.state import rules_of
from shm.codes import SIDE_BUY, SIDE_SELL
from tests.support.strategy_bench import StrategyBench, config_with

MINE = '''
"""Joins the best prices and counts how often it was asked."""
import numpy as np
from procs.strategy.params import Param

PARAMS = {"qty_lots": Param(7, 1, 100, "size"), "fade": Param(0.5, 0.0, 1.0, "unused share")}
STATE = np.dtype([("calls", "i8")])


def quote(view, params, state, out):
    state["calls"] += 1
    out["bid_price_ticks"] = view["bid_price_ticks"]
    out["ask_price_ticks"] = view["ask_price_ticks"]
    out["bid_qty_lots"] = params["qty_lots"]
    out["ask_qty_lots"] = params["qty_lots"] if state["calls"] > 1 else 0
'''


def test_a_users_own_file_trades_from_anywhere(tmp_path):
    path = tmp_path / "join.py"
    path.write_text(MINE)
    bench = StrategyBench(str(path), qty_lots=9)
    bench.fresh()
    bench.book([(1_000_000, 300)], [(1_000_200, 300)])
    bench.tick()
    bench.step(1)
    assert [(i["side"], i["price_ticks"], i["qty_lots"]) for i in bench.intents()] == [(SIDE_BUY, 1_000_000, 9)]
    bench.tick()
    bench.step(2)
    assert [(i["side"], i["price_ticks"], i["qty_lots"]) for i in bench.intents()] == [(SIDE_SELL, 1_000_200, 9)]


def test_an_edited_file_is_another_module(tmp_path):
    path = tmp_path / "edited.py"
    path.write_text(MINE)
    before = generate_strategy_module(str(path))
    assert generate_strategy_module(str(path)) == before
    (tmp_path / "helper.py").write_text("x = 1\n")
    assert generate_strategy_module(str(path)) != before


@pytest.mark.parametrize(
    "text, words",
    [
        ("x = 1\n", "a function quote(view, params, state, out)"),
        ("def quote(view, out):\n    pass\n", "found quote(view, out)"),
        ("PARAMS = {'a': 3}\ndef quote(view, params, state, out):\n    pass\n", "Param(default, low, high, meaning)"),
        (MINE.replace("Param(7, 1, 100", "Param(700, 1, 100"), "and a default within bounds"),
        (MINE.replace("qty_lots", "refresh_ms"), "parameters with own names"),
    ],
)
def test_a_file_that_cannot_be_a_strategy_is_refused_with_what_was_expected(tmp_path, text, words):
    path = tmp_path / f"bad_{abs(hash(text))}.py"
    path.write_text(text)
    with pytest.raises(StrategyRefused) as refusal:
        load_strategy(str(path))
    assert words in str(refusal.value)


def test_a_name_that_is_no_file_is_refused():
    with pytest.raises(StrategyRefused, match="no_such_strategy"):
        load_strategy("no_such_strategy")


@pytest.mark.parametrize(
    "params, words",
    [
        ({"half_spread": 1}, "parameter half_spread: expected one of requote_price_ticks"),
        ({"half_spread_ticks": 0}, "expected 1 .. 1000000, found 0"),
        ({"half_spread_ticks": 1.5}, "expected a whole number, found 1.5"),
        ({"refill_percent": 101}, "expected 0 .. 100, found 101"),
    ],
)
def test_parameters_are_checked_against_their_table(params, words):
    with pytest.raises(StrategyRefused) as refusal:
        rules_of(config_with("fixed_spread", **params), "strategy")
    assert words in str(refusal.value) and "strategy.toml: strategy, QNTA" in str(refusal.value)


def test_whole_numbers_are_good_enough_for_a_float_parameter():
    _rules, _views, params = rules_of(config_with("avellaneda_stoikov", horizon_s=2), "strategy")
    assert params[0]["horizon_s"] == 2.0


def test_a_model_that_crosses_itself_quotes_nothing_and_is_an_error(tmp_path):
    path = tmp_path / "crossed.py"
    path.write_text(
        MINE.replace('out["bid_price_ticks"] = view["bid_price_ticks"]', 'out["bid_price_ticks"] = 1000150')
        .replace('out["ask_price_ticks"] = view["ask_price_ticks"]', 'out["ask_price_ticks"] = 1000050')
        .replace('if state["calls"] > 1 else 0', "")
    )
    bench = StrategyBench(str(path))
    bench.fresh()
    bench.book([(1_000_000, 300)], [(1_000_200, 300)])
    bench.tick()
    bench.step(1)
    assert bench.intents() == []

"""Parameters changed while a strategy runs: in force within one step, typed, and refused when the layout differs."""

import numpy as np
import pytest

from procs.strategy.load import load_strategy
from procs.strategy.params import StrategyRefused, layout_of
from procs.strategy.state import rules_of
from shm.atomics import record_view
from shm.error_log import ERROR_PARAMS_LAYOUT
from shm.latest import latest_claim, latest_publish
from shm.records.error_row import ERROR_ROW
from shm.records.live_params import LIVE_PARAMS
from tests.support.strategy_bench import ROW, StrategyBench, config_with

MS = 1_000_000
MID = 1_000_000


def made(**params):
    bench = StrategyBench("fixed_spread", half_spread_ticks=200, qty_lots=100, **params)
    bench.fresh()
    bench.book([(MID - 100, 300)], [(MID + 100, 300)])
    return bench


def prices(bench, now_ns):
    bench.step(now_ns)
    return [int(intent["price_ticks"]) for intent in bench.intents()]


def test_a_change_moves_the_quotes_in_the_next_step_without_any_tick():
    bench = made()
    assert prices(bench, MS) == [MID - 200, MID + 200]
    bench.live_params(half_spread_ticks=500)
    assert prices(bench, 2 * MS) == []  # both are in flight: one action a slot
    bench = made()
    bench.live_params(half_spread_ticks=500)
    bench.live_params(row=1, half_spread_ticks=700)
    assert prices(bench, MS) == [MID - 500, MID + 500]
    bench.book([(MID - 100, 300)], [(MID + 100, 300)], row=1)
    bench.tick(row=1)
    assert prices(bench, 2 * MS) == [MID - 700, MID + 700]


def test_what_every_strategy_has_is_changed_too():
    bench = made()
    bench.live_params(refresh_ms=7, jump_sigmas=2.5, hold_percent=40, obligation_spread_ticks=600, obligation_lots=9)
    bench.step(MS)
    rules, view = bench.state.rules[ROW], bench.state.views[ROW]
    assert (rules["refresh_ns"], rules["jump_sigmas_milli"], rules["hold_ticks"]) == (7 * MS, 2_500, 40)
    assert (view["obligation_spread_ticks"], view["obligation_lots"]) == (600, 9)
    assert bench.state.desk[0]["refresh_ns"] == 7 * MS
    assert bench.state.rules[1]["refresh_ns"] == 100 * MS


def test_a_row_of_another_layout_is_an_error_and_changes_nothing():
    bench = made()
    bench.live_params(half_spread_ticks=500)
    record_view(latest_claim(bench.params[0], ROW), LIVE_PARAMS)["layout"] = layout_of({}) + 5
    latest_publish(bench.params[0], ROW)
    assert prices(bench, MS) == [MID - 200, MID + 200]
    errors = record_view(int(bench.state.me[0]["errors_addr"]), ERROR_ROW)
    assert errors["code"] == ERROR_PARAMS_LAYOUT


DECLARED = """
from procs.strategy.params import Param
DEFAULTS = {defaults}
PARAMS = {{"share": Param({share}), "size": Param(5, 1, 9, "lots", "i8")}}


def quote(view, params, state, out):
    out["bid_price_ticks"] = view["bid_price_ticks"]
    out["bid_qty_lots"] = int(params["share"] * 10)
"""


def test_a_declared_dtype_stands_over_that_of_the_default(tmp_path):
    path = tmp_path / "declared.py"
    path.write_text(DECLARED.format(defaults="{'hold_percent': 30}", share="1, 0, 4, 'of ten lots', 'f8'"))
    strategy = load_strategy(str(path))
    assert strategy.params_dtype == np.dtype([("share", "<f8"), ("size", "<i8")])
    assert strategy.quoting["hold_percent"].default == 30 and strategy.quoting["refill_percent"].default == 50
    rules, _views, params = rules_of(config_with(str(path), share=0.7), "strategy")
    assert (params[ROW]["share"], params[ROW]["size"], rules[ROW]["hold_ticks"]) == (0.7, 5, 30)


@pytest.mark.parametrize(
    "defaults, share, words",
    [
        ("{'hold_percent': 2_000}", "1, 0, 4, '', 'f8'", "expected 0 .. 1000, found 2000"),
        ("{'hold': 1}", "1, 0, 4, '', 'f8'", "found hold"),
        ("{}", "1, 0, 4, '', 'f4'", "a type of theirs"),
        ("{}", "1.5, 0, 4, '', 'i8'", "a type of theirs"),
    ],
)
def test_declarations_that_cannot_be_are_refused(tmp_path, defaults, share, words):
    path = tmp_path / f"bad_{abs(hash((defaults, share)))}.py"
    path.write_text(DECLARED.format(defaults=defaults, share=share))
    with pytest.raises(StrategyRefused) as refusal:
        load_strategy(str(path))
    assert words in str(refusal.value)

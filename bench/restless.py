"""A strategy for the kill: four levels a side, far from the market; the last one moves at every call."""

from procs.strategy.params import LEVELS, Param

PARAMS = {"away_ticks": Param(10_000, 100, 1_000_000, "of the best level from the others' mid, price ticks")}
DEFAULTS = {"refresh_ms": 1, "jump_sigmas": 0.0, "refill_percent": 0}
STATE = [("turn", "<i8"), ("mid", "<i8")]


def quote(view, params, state, out):
    step = view["quote_tick_ticks"]
    if state["mid"] == 0:
        state["mid"] = (view["bid_price_ticks"] + view["ask_price_ticks"]) // 2 // step * step
    state["turn"] = 1 - state["turn"]
    for level in range(LEVELS):
        away = params["away_ticks"] + level * 10 * step
        if level == LEVELS - 1:
            away += state["turn"] * step
        out["bid_level_price_ticks"][level] = state["mid"] - away
        out["ask_level_price_ticks"][level] = state["mid"] + away
        out["bid_level_qty_lots"][level] = view["lot_lots"]
        out["ask_level_qty_lots"][level] = view["lot_lots"]

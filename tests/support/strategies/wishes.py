"""Quotes what its parameters say, level by level."""

from procs.strategy.params import Param

PARAMS = {
    f"{side}_{what}_{level}": Param(0, 0, 2_000_000, "wish")
    for side in ("bid", "ask")
    for what in ("ticks", "lots")
    for level in range(4)
}


def quote(view, params, state, out):
    out["bid_level_price_ticks"][0] = params["bid_ticks_0"]
    out["bid_level_price_ticks"][1] = params["bid_ticks_1"]
    out["bid_level_price_ticks"][2] = params["bid_ticks_2"]
    out["bid_level_price_ticks"][3] = params["bid_ticks_3"]
    out["bid_level_qty_lots"][0] = params["bid_lots_0"]
    out["bid_level_qty_lots"][1] = params["bid_lots_1"]
    out["bid_level_qty_lots"][2] = params["bid_lots_2"]
    out["bid_level_qty_lots"][3] = params["bid_lots_3"]
    out["ask_level_price_ticks"][0] = params["ask_ticks_0"]
    out["ask_level_qty_lots"][0] = params["ask_lots_0"]

"""Accumulate: joins the best bid with more than it offers, so that what it holds grows until somebody stops it.

For drills (`quintet demo --scenario breach`): it has no view of risk but its own greatest position.
"""

from procs.strategy.params import Param

PARAMS = {
    "bid_lots": Param(100, 1, 1_000_000, "size of the bid"),
    "ask_lots": Param(20, 0, 1_000_000, "size of the offer, never more than is held"),
    "position_lots_max": Param(1_000, 0, 1_000_000_000, "no bid that could take the position beyond this"),
}


def quote(view, params, state, out):
    out["bid_price_ticks"] = view["bid_price_ticks"]
    out["bid_qty_lots"] = max(0, min(params["bid_lots"], params["position_lots_max"] - view["position_lots"]))
    out["ask_price_ticks"] = view["ask_price_ticks"]
    out["ask_qty_lots"] = max(0, min(params["ask_lots"], view["position_lots"]))

"""Fixed spread: a bid and an ask at one distance from the others' mid, leaning against the position."""

from procs.strategy.params import Param

PARAMS = {
    "half_spread_ticks": Param(100, 1, 1_000_000, "distance of each quote from the mid, price ticks"),
    "skew_ticks": Param(50, 0, 1_000_000, "shift of both quotes per quote size held, price ticks"),
    "qty_lots": Param(100, 1, 1_000_000, "size of each quote"),
    "position_lots_max": Param(1_000, 0, 1_000_000_000, "no quote that could take the position beyond this"),
}


def quote(view, params, state, out):
    position = view["position_lots"]
    qty = params["qty_lots"]
    mid = (view["bid_price_ticks"] + view["ask_price_ticks"]) // 2
    centre = mid - params["skew_ticks"] * position // qty
    out["bid_price_ticks"] = centre - params["half_spread_ticks"]
    out["ask_price_ticks"] = centre + params["half_spread_ticks"]
    out["bid_qty_lots"] = max(0, min(qty, params["position_lots_max"] - position))
    out["ask_qty_lots"] = max(0, min(qty, params["position_lots_max"] + position))

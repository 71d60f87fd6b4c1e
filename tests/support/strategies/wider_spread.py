"""Fixed spread: levels at one distance from the others' mid and from each other, leaning against the position."""

from procs.strategy.params import LEVELS, Param

PARAMS = {
    "half_spread_ticks": Param(100, 1, 1_000_000, "distance of each quote from the mid, price ticks"),
    "skew_ticks": Param(50, 0, 1_000_000, "shift of both quotes per quote size held, price ticks"),
    "levels": Param(1, 1, LEVELS, "quotes a side"),
    "level_ticks": Param(100, 1, 1_000_000, "distance from one level to the next, price ticks"),
    "qty_lots": Param(100, 1, 1_000_000, "size of each level"),
    "position_lots_max": Param(1_000, 0, 1_000_000_000, "no quote that could take the position beyond this"),
}


def quote(view, params, state, out):
    position = view["position_lots"]
    qty = params["qty_lots"]
    mid = (view["bid_price_ticks"] + view["ask_price_ticks"]) // 2
    centre = mid - params["skew_ticks"] * position // qty
    bid_room = max(0, params["position_lots_max"] - position)
    ask_room = max(0, params["position_lots_max"] + position)
    for level in range(params["levels"]):
        away = params["half_spread_ticks"] + (level + 1) * params["level_ticks"]
        out["bid_level_price_ticks"][level] = centre - away
        out["ask_level_price_ticks"][level] = centre + away
        out["bid_level_qty_lots"][level] = min(qty, bid_room)
        out["ask_level_qty_lots"][level] = min(qty, ask_room)
        bid_room -= out["bid_level_qty_lots"][level]
        ask_room -= out["ask_level_qty_lots"][level]

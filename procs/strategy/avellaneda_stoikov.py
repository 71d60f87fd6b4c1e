"""Avellaneda and Stoikov (2008), "High-frequency trading in a limit order book": quotes around a reservation price.

With mid s, position q, variance v a second, horizon T, risk aversion g and order-flow decay k, in units of one quoting
step and one quote size:

    reservation price   r = s - q g v T
    full spread         d = g v T + (2 / g) ln(1 + g / k)

The variance is estimated from the mid itself, exponentially weighted over `halflife_s`.
"""

import math

import numpy as np

from procs.strategy.params import Param
from procs.strategy.slot import LEVELS

PARAMS = {
    "risk_aversion": Param(0.05, 1e-6, 100.0, "g, per quoting step and quote size"),
    "flow_decay": Param(2.5, 1e-6, 1_000.0, "k, how fast fills fade with distance, per quoting step"),
    "horizon_s": Param(1.0, 1e-3, 86_400.0, "T, seconds over which the position is carried"),
    "halflife_s": Param(10.0, 1e-3, 86_400.0, "memory of the variance estimate"),
    "variance_floor": Param(0.05, 0.0, 1e6, "smallest v, squared quoting steps a second"),
    "levels": Param(1, 1, LEVELS, "quotes a side"),
    "level_steps": Param(1, 1, 1_000, "distance from one level to the next, quoting steps"),
    "qty_lots": Param(100, 1, 1_000_000, "size of each level"),
    "position_lots_max": Param(1_000, 0, 1_000_000_000, "no quote that could take the position beyond this"),
}

STATE = np.dtype([("mid", "f8"), ("variance", "f8"), ("seen_ns", "i8")])


def quote(view, params, state, out):
    step = view["quote_tick_ticks"]
    mid = (view["bid_price_ticks"] + view["ask_price_ticks"]) / (2.0 * step)

    elapsed_s = (view["now_ns"] - state["seen_ns"]) * 1e-9
    if state["seen_ns"] == 0:
        state["mid"], state["seen_ns"] = mid, view["now_ns"]
    elif elapsed_s > 0.01:  # finer samples would measure the bounce between bid and ask
        sample = (mid - state["mid"]) ** 2 / elapsed_s
        weight = 1.0 - 0.5 ** (elapsed_s / params["halflife_s"])
        state["variance"] += weight * (sample - state["variance"])
        state["mid"], state["seen_ns"] = mid, view["now_ns"]
    variance = max(state["variance"], params["variance_floor"])

    aversion = params["risk_aversion"]
    held = view["position_lots"] / params["qty_lots"]
    risk = aversion * variance * params["horizon_s"]
    reservation = mid - held * risk
    half_spread = 0.5 * risk + math.log(1.0 + aversion / params["flow_decay"]) / aversion

    bid = math.floor(reservation - half_spread) * step
    ask = math.ceil(reservation + half_spread) * step
    apart = params["level_steps"] * step
    bid_room = max(0, params["position_lots_max"] - view["position_lots"])
    ask_room = max(0, params["position_lots_max"] + view["position_lots"])
    for level in range(params["levels"]):
        out["bid_level_price_ticks"][level] = bid - level * apart
        out["ask_level_price_ticks"][level] = ask + level * apart
        out["bid_level_qty_lots"][level] = min(params["qty_lots"], bid_room)
        out["ask_level_qty_lots"][level] = min(params["qty_lots"], ask_room)
        bid_room -= out["bid_level_qty_lots"][level]
        ask_room -= out["ask_level_qty_lots"][level]

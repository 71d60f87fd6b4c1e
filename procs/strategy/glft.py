"""Guéant, Lehalle and Fernandez-Tapia: quotes around the microprice, by the volatility and the flow seen lately.

With volatility s, intensity A exp(-k d), risk aversion g and position q, in quoting steps, seconds and quote sizes:

    c1 = (1 / g) ln(1 + g / k)
    c2 = s sqrt( g / (2 k A) (1 + g / k)^(1 + k / g) )
    bid distance  = c1 + (2 q + 1) / 2 c2          half spread  c1 + c2 / 2
    ask distance  = c1 - (2 q - 1) / 2 c2          skew         c2 a quote size held

Guéant, Lehalle and Fernandez-Tapia (2013), "Dealing with the inventory risk: a solution to the market making problem",
the closed-form approximations from the asymptotics of the optimal quotes; the same in Guéant (2017), "Optimal market
making", (4.6) and (4.7) with xi = gamma and Delta = 1. s, A and k come from the view; until they are known, and below
their floors, the parameters stand in.

The pair of the first level is never wider than the quoting obligation, rounding included, and a side is never withdrawn
before the position limit: the skew moves both quotes instead. Deeper levels stand `level_steps` behind one another. A
quote that is within `hold_percent` of a step of where it should be stays, and keeps its place in the queue.
"""

import math

from procs.strategy.params import Param
from procs.strategy.slot import LEVELS

PARAMS = {
    "risk_aversion": Param(0.05, 1e-6, 100.0, "g, per quoting step and quote size"),
    "arrival_per_s": Param(1.0, 1e-6, 1e6, "A until it is known, market orders a second and side"),
    "decay_per_step": Param(1.5, 1e-3, 1_000.0, "k until it is known, per quoting step"),
    "volatility_steps_min": Param(0.2, 1e-6, 1e6, "smallest s, quoting steps per square root of a second"),
    "half_spread_steps_min": Param(0.5, 0.0, 1e6, "no quote nearer to the microprice, before the skew"),
    "half_spread_steps_max": Param(8.0, 0.5, 1e6, "half spread and skew are cut to this"),
    "levels": Param(1, 1, LEVELS, "quotes a side"),
    "level_steps": Param(1.0, 0.5, 1_000.0, "distance from one level to the next, quoting steps"),
    "qty_lots": Param(100, 1, 1_000_000, "size of each level"),
    "position_lots_max": Param(1_000, 0, 1_000_000_000, "no quote that could take the position beyond this"),
}
DEFAULTS = {"hold_percent": 50}


def quote(view, params, state, out):
    step = view["quote_tick_ticks"]
    aversion = params["risk_aversion"]
    volatility = max(view["volatility_milli"] / (1_000.0 * step), params["volatility_steps_min"])
    arrival, decay = params["arrival_per_s"], params["decay_per_step"]
    if view["arrival_micro"] > 0 and view["decay_milli"] > 0:
        arrival, decay = view["arrival_micro"] * 1e-6, view["decay_milli"] * 1e-3

    premium = math.log(1.0 + aversion / decay) / aversion
    power = (1.0 + aversion / decay) ** (1.0 + decay / aversion)
    risk = volatility * math.sqrt(aversion / (2.0 * decay * arrival) * power)
    limit = params["half_spread_steps_max"]
    obliged = 0.5 * (view["obligation_spread_ticks"] // step - 1)  # rounding takes up to a step on each side
    half_spread = max(premium + 0.5 * risk, params["half_spread_steps_min"])
    half_spread = max(0.0, min(half_spread, limit, obliged))
    held = view["position_lots"] / params["qty_lots"]
    skew = min(max(held * risk, -limit), limit)

    centre = view["microprice_milli"] / (1_000.0 * step) - skew
    bid_wish, ask_wish = math.floor((centre - half_spread) * step), math.ceil((centre + half_spread) * step)
    apart = int(params["level_steps"] * step)
    bid_room = max(0, params["position_lots_max"] - view["position_lots"])
    ask_room = max(0, params["position_lots_max"] + view["position_lots"])
    for level in range(params["levels"]):
        out["bid_level_price_ticks"][level] = bid_wish - level * apart
        out["ask_level_price_ticks"][level] = ask_wish + level * apart
        out["bid_level_qty_lots"][level] = min(params["qty_lots"], bid_room)
        out["ask_level_qty_lots"][level] = min(params["qty_lots"], ask_room)
        bid_room -= out["bid_level_qty_lots"][level]
        ask_room -= out["ask_level_qty_lots"][level]

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

A quote that is within `hold_percent` of a step of where it should be stays, and keeps its place in the queue.
"""

import math

from procs.strategy.params import Param

PARAMS = {
    "risk_aversion": Param(0.05, 1e-6, 100.0, "g, per quoting step and quote size"),
    "arrival_per_s": Param(1.0, 1e-6, 1e6, "A until it is known, market orders a second and side"),
    "decay_per_step": Param(1.5, 1e-3, 1_000.0, "k until it is known, per quoting step"),
    "volatility_steps_min": Param(0.2, 1e-6, 1e6, "smallest s, quoting steps per square root of a second"),
    "half_spread_steps_min": Param(0.5, 0.0, 1e6, "no quote nearer to the microprice, before the skew"),
    "half_spread_steps_max": Param(8.0, 0.5, 1e6, "half spread and skew are cut to this"),
    "hold_percent": Param(50, 0, 1_000, "a quote stays while it is off by no more than this share of a step"),
    "qty_lots": Param(100, 1, 1_000_000, "size of each quote"),
    "position_lots_max": Param(1_000, 0, 1_000_000_000, "no quote that could take the position beyond this"),
}


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
    half_spread = min(max(premium + 0.5 * risk, params["half_spread_steps_min"]), limit)
    held = view["position_lots"] / params["qty_lots"]
    skew = min(max(held * risk, -limit), limit)

    centre = view["microprice_milli"] / (1_000.0 * step) - skew
    bid, ask = centre - half_spread, centre + half_spread
    bid_steps, ask_steps = math.floor(bid), math.ceil(ask)
    slack = params["hold_percent"] * 0.01
    if view["own_bid_lots"] > 0:
        own = view["own_bid_price_ticks"] // step
        if own - slack <= bid < own + 1 + slack:
            bid_steps = own
    if view["own_ask_lots"] > 0:
        own = view["own_ask_price_ticks"] // step
        if own - 1 - slack < ask <= own + slack:
            ask_steps = own

    out["bid_price_ticks"] = bid_steps * step
    out["ask_price_ticks"] = ask_steps * step
    out["bid_qty_lots"] = max(0, min(params["qty_lots"], params["position_lots_max"] - view["position_lots"]))
    out["ask_qty_lots"] = max(0, min(params["qty_lots"], params["position_lots_max"] + view["position_lots"]))

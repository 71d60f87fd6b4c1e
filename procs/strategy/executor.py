"""Executor: works off what it is asked to trade, in slices, at the others' touch. Quotes nothing of its own.

It is asked by `quintet flatten` and by risk_engine (procs/strategy/requests.py says how much, for whom and until when).
Not passive it takes what stands at the far touch and rests what is left of the slice there; passive it joins the near
one.
"""

from procs.strategy.params import Param

PARAMS = {
    "slice_lots": Param(100, 1, 1_000_000, "open at once in an instrument"),
    "passive": Param(0, 0, 1, "1: rest at the near touch, 0: take the far one"),
    "cross_ticks": Param(0, 0, 1_000_000, "through the far touch by this much, not passive only"),
}
DEFAULTS = {"jump_sigmas": 0.0, "refresh_ms": 20, "refill_percent": 100}  # a fast move is when it is needed


def quote(view, params, state, out):
    work = view["work_lots"]
    lots = min(abs(work), params["slice_lots"])
    lots -= lots % view["lot_lots"]
    if work > 0:
        out["bid_qty_lots"] = lots
        out["bid_price_ticks"] = view["ask_price_ticks"] + params["cross_ticks"]
        if params["passive"] == 1:
            out["bid_price_ticks"] = view["bid_price_ticks"]
    elif work < 0:
        out["ask_qty_lots"] = lots
        out["ask_price_ticks"] = max(1, view["bid_price_ticks"] - params["cross_ticks"])
        if params["passive"] == 1:
            out["ask_price_ticks"] = view["ask_price_ticks"]

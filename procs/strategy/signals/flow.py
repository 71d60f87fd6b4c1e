"""Trade flow: size bought at the ask less size sold at the bid, older trades counting for less.

    F(t) = sum over trades of s v 2^-((t - t_trade) / h),   s = 1 when the buyer was the aggressor, -1 the seller

in lots, h the half-life in logic time. A trade whose resting side is unknown counts for nothing. Source: the signed
order flow of Hasbrouck (1991), "Measuring the information content of stock trades", with exponential memory.
"""

from shm.codes import SIDE_BUY, SIDE_SELL
from shm.jit import hot


@hot
def flow_at(signals, now_ns, halflife_ns):
    """F now, lots, a float; the record is brought up to now."""
    elapsed_ns = now_ns - signals["flow_ns"]
    if elapsed_ns > 0:
        signals["flow_lots"] *= 0.5 ** (elapsed_ns / halflife_ns)
        signals["flow_ns"] = now_ns
    return signals["flow_lots"]


@hot
def add_trade(signals, resting_side, qty_lots, now_ns, halflife_ns):
    """A trade of `qty_lots` against a resting order of `resting_side`."""
    flow_at(signals, now_ns, halflife_ns)
    if resting_side == SIDE_SELL:
        signals["flow_lots"] += qty_lots
    elif resting_side == SIDE_BUY:
        signals["flow_lots"] -= qty_lots

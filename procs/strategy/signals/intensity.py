"""Trading intensity: how often a quote at a distance from the mid would be reached, and how fast that fades.

    lambda(d) = A exp(-k d),   ln lambda_j = ln A - k d_j

A market order that trades at distance x of the mid reaches every quote up to x. lambda_j counts those that reached d_j,
per second and side; k and A are the least-squares line through ln lambda_j, each point weighted by its count, older
orders and seconds counting for less. Sources: Avellaneda and Stoikov (2008), section 2.5; the regression on arrival
counts by distance, Lehalle and Laruelle (2018), "Market Microstructure in Practice", and Laruelle (2013), "Practical
calibration of the order flow intensity". Distances d_j are half quoting steps. All executions of one datagram on one
side count as one market order, at the deepest price: that is what a sweep is.
"""

import math

from procs.strategy.signals.record import REACH_BUCKETS
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.jit import hot

FIT_NS = 1_000_000_000
ORDERS_MIN = 3.0  # a distance that fewer orders reached says nothing
MILLION = 1_000_000


@hot
def reach_trade(signals, resting_side, price_ticks, mid2, quote_tick_ticks):
    """A trade at `price_ticks`, the mid before it known as `mid2`."""
    if mid2 <= 0:
        return
    away2 = 2 * price_ticks - mid2
    if resting_side == SIDE_SELL:
        signals["deepest_buy"] = max(signals["deepest_buy"], _bucket(away2, quote_tick_ticks))
    elif resting_side == SIDE_BUY:
        signals["deepest_sell"] = max(signals["deepest_sell"], _bucket(-away2, quote_tick_ticks))


@hot
def _bucket(away2_ticks, quote_tick_ticks):
    # half steps of distance: away2 / 2 price ticks over half a step
    return max(0, min(REACH_BUCKETS - 1, away2_ticks // quote_tick_ticks))


@hot
def settle_reach(signals, now_ns, halflife_ns):
    """Let time pass, then count the market orders of the datagram that has ended."""
    elapsed_ns = now_ns - signals["reach_ns"] if signals["reach_ns"] > 0 else 0
    if elapsed_ns > 0:
        keep = 0.5 ** (elapsed_ns / halflife_ns)
        signals["reach_s"] = signals["reach_s"] * keep + elapsed_ns * 1e-9
        for bucket in range(REACH_BUCKETS):
            signals["reach"][bucket] *= keep
    signals["reach_ns"] = now_ns
    if signals["deepest_buy"] >= 0:
        signals["reach"][signals["deepest_buy"]] += 1.0
        signals["deepest_buy"] = -1
    if signals["deepest_sell"] >= 0:
        signals["reach"][signals["deepest_sell"]] += 1.0
        signals["deepest_sell"] = -1


@hot
def _first(signals):
    # no order trades inside the spread: distances that all of them reach would only flatten the line
    for bucket in range(REACH_BUCKETS):
        if signals["reach"][bucket] >= 0.5:
            return bucket
    return REACH_BUCKETS


@hot
def fit_intensity(signals, view):
    """Put A (millionths a second and side) and k (thousandths a quoting step) into `view`; 0 and 0 when unknown."""
    view["arrival_micro"] = 0
    view["decay_milli"] = 0
    first = _first(signals)
    count, weight, sum_d, sum_y, sum_dd, sum_dy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for back in range(REACH_BUCKETS - first):
        bucket = REACH_BUCKETS - 1 - back
        count += signals["reach"][bucket]
        if count < ORDERS_MIN:
            continue
        away, log_rate = 0.5 * bucket, math.log(0.5 * count / signals["reach_s"])
        weight += count
        sum_d += count * away
        sum_y += count * log_rate
        sum_dd += count * away * away
        sum_dy += count * away * log_rate
    spread = weight * sum_dd - sum_d * sum_d
    if spread <= 1e-9 * max(weight, 1.0):
        return
    decay = (sum_d * sum_y - weight * sum_dy) / spread
    level = (sum_y + decay * sum_d) / weight
    if decay <= 1e-3 or decay > 1e3 or level > 20.0:
        return
    view["arrival_micro"] = int(math.exp(level) * MILLION)
    view["decay_milli"] = int(decay * 1_000)


@hot
def update_intensity(signals, view, now_ns, halflife_ns):
    """Count what ended, and fit again once a second."""
    if now_ns == signals["reach_ns"] and signals["deepest_buy"] < 0 and signals["deepest_sell"] < 0:
        return
    settle_reach(signals, now_ns, halflife_ns)
    if now_ns - signals["fitted_ns"] >= FIT_NS and signals["reach_s"] > 1.0:
        signals["fitted_ns"] = now_ns
        fit_intensity(signals, view)

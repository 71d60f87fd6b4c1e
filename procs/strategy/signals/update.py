"""Bring all signals of one instrument up to its newest book and put them into its view."""

from procs.strategy.signals.flow import flow_at
from procs.strategy.signals.imbalance import imbalance_ppm
from procs.strategy.signals.intensity import update_intensity
from procs.strategy.signals.microprice import update_microprice
from procs.strategy.signals.volatility import update_volatility
from shm.jit import hot


@hot
def interrupt_signals(signals):
    """The market is closed or out of sight: what comes after is no move from what was before, and no time passes."""
    signals["cell_mid2"] = 0
    signals["sample_ns"] = 0
    signals["reach_ns"] = 0
    signals["deepest_buy"] = -1
    signals["deepest_sell"] = -1


@hot
def update_signals(signals, view, rules, bid_near_lots, ask_near_lots, now_ns):
    """`view` holds the others' book; `bid_near_lots`, `ask_near_lots` are its three best levels."""
    bid, ask = view["bid_price_ticks"], view["ask_price_ticks"]
    view["imbalance_1_ppm"] = imbalance_ppm(view["bid_qty_lots"], view["ask_qty_lots"])
    view["imbalance_3_ppm"] = imbalance_ppm(bid_near_lots, ask_near_lots)
    view["imbalance_5_ppm"] = imbalance_ppm(view["bid_depth_lots"], view["ask_depth_lots"])
    view["microprice_milli"] = update_microprice(signals, bid, ask, rules["quote_tick_ticks"], view["imbalance_1_ppm"])
    view["flow_lots"] = int(flow_at(signals, now_ns, rules["flow_halflife_ns"]))
    sigma = update_volatility(signals, bid + ask, now_ns, rules["volatility_halflife_ns"])
    view["volatility_milli"] = int(sigma * 1000.0)
    update_intensity(signals, view, now_ns, rules["intensity_halflife_ns"])

"""Ladder: what a model wants of one side, brought to what may be sent.

Two LADDERs, bid and ask, are reused for every instrument; `normalise` fills them from a model's OUT, level 0 nearest
to the market. Private memory.

off  size  type   field        meaning of LADDER
---  ----  -----  -----------  ----------------------------------------
  0     8  i8     levels       used entries
  8     8  i8     touch_ticks  price of the most aggressive level; 0 when there is none
 16    32  i8x4   wish_ticks   price as the model said it, not rounded
 48    32  i8x4   price_ticks  the same rounded away from the market, then the price of the order that is held for it
 80    32  i8x4   qty_lots     wanted open size
112    16  i8x2   reserved     zero
"""

import numpy as np

from procs.strategy.params import LEVELS
from shm.codes import SIDE_BUY, SIDE_SELL
from shm.jit import hot

LADDER = np.dtype(
    [
        ("levels", "<i8"),
        ("touch_ticks", "<i8"),
        ("wish_ticks", "<i8", (LEVELS,)),
        ("price_ticks", "<i8", (LEVELS,)),
        ("qty_lots", "<i8", (LEVELS,)),
        ("reserved", "<i8", (2,)),
    ]
)

assert LADDER.itemsize == 128

QTY_LOTS_MAX = 1_000_000_000  # an open size above this is a fault of the model, and no quote


@hot
def ahead_of(side, price, other):
    """Whether `price` is more aggressive than `other` on this side."""
    return price > other if side == SIDE_BUY else price < other


@hot
def reaches(side, price, other):
    """Whether an order of `side` at `price` would meet one at `other` on the opposite side; 0 is no order."""
    if other == 0:
        return False
    return price >= other if side == SIDE_BUY else price <= other


@hot
def _rounded(side, wish, step):
    # away from the market: makers do not take
    over = wish % step
    if side == SIDE_BUY or over == 0:
        return wish - over
    return wish + step - over


@hot
def _bounded(side, wish, view, rules):
    # never through the others, but for who may take; nor far from where prices can be
    if rules["may_take"] == 1:
        return min(max(0, wish), rules["price_ticks_max"] + 1)
    if side == SIDE_BUY:
        return max(0, min(wish, view["ask_price_ticks"] - 1))
    return min(max(wish, view["bid_price_ticks"] + 1), rules["price_ticks_max"] + 1)


@hot
def _put(ladder, side, wish, price, lots):
    # keep the ladder sorted, most aggressive first; sizes at one price add up
    at = ladder["levels"]
    for level in range(ladder["levels"]):
        if ladder["price_ticks"][level] == price:
            ladder["qty_lots"][level] += lots
            return
        if ahead_of(side, price, ladder["price_ticks"][level]):
            at = level
            break
    for back in range(ladder["levels"] - at):
        level = ladder["levels"] - back
        ladder["wish_ticks"][level] = ladder["wish_ticks"][level - 1]
        ladder["price_ticks"][level] = ladder["price_ticks"][level - 1]
        ladder["qty_lots"][level] = ladder["qty_lots"][level - 1]
    ladder["wish_ticks"][at] = wish
    ladder["price_ticks"][at] = price
    ladder["qty_lots"][at] = lots
    ladder["levels"] += 1


@hot
def _fill(ladder, side, out, view, rules):
    ladder["levels"] = 0
    ladder["touch_ticks"] = 0
    step, lot = rules["quote_tick_ticks"], rules["lot_lots"]
    for level in range(LEVELS):
        lots = out["bid_level_qty_lots"][level] if side == SIDE_BUY else out["ask_level_qty_lots"][level]
        if lots < lot or lots > QTY_LOTS_MAX:
            continue
        wish = out["bid_level_price_ticks"][level] if side == SIDE_BUY else out["ask_level_price_ticks"][level]
        wish = _bounded(side, wish, view, rules)
        price = _rounded(side, wish, step)
        if 0 < price <= rules["price_ticks_max"]:
            _put(ladder, side, wish, price, lots - lots % lot)
    if ladder["levels"] > 0:
        ladder["touch_ticks"] = ladder["price_ticks"][0]


@hot
def normalise(out, view, rules, bid, ask):
    """Fill the ladders `bid` and `ask` from a model's answer: quoting steps, lots, never through the others.

    Bids go down to a step and stay below the others' ask, asks likewise. A price or size that makes no sense is no
    quote; levels that meet at one step become one. Returns 1, or 0 (and two empty ladders) when bids and asks met: a
    fault of the model.
    """
    side = np.int64(SIDE_BUY)
    _fill(bid, side, out, view, rules)
    side = np.int64(SIDE_SELL)
    _fill(ask, side, out, view, rules)
    if bid["touch_ticks"] == 0 or ask["touch_ticks"] == 0 or bid["touch_ticks"] < ask["touch_ticks"]:
        return 1
    bid["levels"] = 0
    bid["touch_ticks"] = 0
    ask["levels"] = 0
    ask["touch_ticks"] = 0
    return 0

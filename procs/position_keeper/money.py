"""Money: every rule by which an amount arises, and the one rule by which it is rounded.

All amounts are integers in micro-units of the instrument's currency; unit = multiplier * price_tick_micro is the value
of one price tick of one lot. **Rounding: to the nearest, a half away from zero.** Nothing else rounds anywhere.

amount                   rule                                                      what becomes of the remainder
-----------------------  --------------------------------------------------------  ----------------------------------
value of a trade         lots * price_ticks * unit                                 exact
cost released by a       rounded(cost * closed lots / held lots)                   stays in the cost of what is open;
  close, average cost                                                              the last lot releases all of it
cost released, FIFO      closed lots * price of their own lot * unit               exact
realised by a close      value of the closing lots less the cost released          none beside the cost's
fee of an execution      lots * micro_per_lot                                      given up at each execution, as the
                           + rounded(value * e8_of_notional / 1e8),                venue does: a broken trade gives
                           at least fill_min_micro if that is set                  back exactly what it cost
value at the mark        rounded(lots * (bid + ask) * unit / 2)                    given up; a mark is no booking
spread earned            rounded(lots * (mid - price) * unit), selling reversed    given up; a statistic
"""

import numpy as np

from shm.codes import LIQUIDITY_ADDED, SIDE_BUY
from shm.jit import hot

E8 = 100_000_000
QTY_LOTS_MAX = 1 << 31  # with it the product of two sizes stays inside int64

# off  size  type  field           meaning: fees of one session, instrument and liquidity
#   0     8  i8    micro_per_lot   negative is a rebate
#   8     8  i8    e8_of_notional  1e-8 of the value traded
#  16     8  i8    fill_min_micro  least fee of an execution; 0 none
#  24     8  i8    reserved        zero
FEE_RULE = np.dtype(
    [("micro_per_lot", "<i8"), ("e8_of_notional", "<i8"), ("fill_min_micro", "<i8"), ("reserved", "<i8")]
)

assert FEE_RULE.itemsize == 32


@hot
def rounded(amount, divisor):
    """amount / divisor to the nearest, a half away from zero. divisor > 0."""
    size = abs(amount)
    whole = size // divisor
    rest = size - whole * divisor
    if rest >= divisor - rest:
        whole += 1
    return whole if amount >= 0 else -whole


@hot
def share_of(cost_micro, part_lots, whole_lots):
    """rounded(cost * part / whole), without the product that could overflow. 0 <= part <= whole < 2^31, whole > 0."""
    size = abs(cost_micro)
    share = size // whole_lots * part_lots + rounded(size % whole_lots * part_lots, whole_lots)
    return share if cost_micro >= 0 else -share


@hot
def fee_of(rule, qty_lots, price_ticks, unit_micro):
    """Fee of an execution under a FEE_RULE, negative for a rebate."""
    value = qty_lots * price_ticks * unit_micro
    e8 = rule["e8_of_notional"]
    whole = value // E8
    fee = qty_lots * rule["micro_per_lot"] + whole * e8 + rounded((value - whole * E8) * e8, E8)
    least = rule["fill_min_micro"]
    return least if 0 < least and fee < least else fee


@hot
def fee_row(sessions_first, instrument, liquidity):
    """Row of a FEE_RULE table. An unknown liquidity code pays as a remover. `sessions_first`: session * instruments."""
    return (sessions_first + instrument) * 2 + (0 if liquidity == LIQUIDITY_ADDED else 1)


@hot
def mark_half_of(bid_price_ticks, ask_price_ticks):
    """Twice the mid in price ticks, or 0 when a side is empty."""
    if bid_price_ticks <= 0 or ask_price_ticks <= 0:
        return 0
    return bid_price_ticks + ask_price_ticks


@hot
def spread_of(side, qty_lots, price_ticks, mark_half_ticks, unit_micro):
    """What a fill earned against the mid, micro-units; 0 without a mid."""
    if mark_half_ticks == 0:
        return 0
    half = mark_half_ticks - 2 * price_ticks
    return rounded((half if side == SIDE_BUY else -half) * qty_lots * unit_micro, 2)


@hot
def unrealised_of(position_lots, cost_micro, mark_half_ticks, unit_micro):
    """Open position at the mid less its cost, micro-units; 0 before the first mid: it is worth its average cost."""
    if mark_half_ticks == 0:
        return 0
    return rounded(position_lots * mark_half_ticks * unit_micro, 2) - cost_micro

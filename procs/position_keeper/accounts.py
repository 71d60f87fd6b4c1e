"""Accounts: exact average-cost arithmetic on one POSITION row. Integers only; no average price is ever stored.

A trade of q lots at p has value v = p * q * unit micro-units. What opens or adds carries its whole value into
`cost_micro` (negative for a short). What closes c of n lots releases cost, and this is the one rounding rule:

    released = sign(cost) * floor(|cost| * c / n)

The remainder stays in the cost of what is left open, so nothing is lost and the last lot releases all of it. Realised
P&L is the cash of the closing part less the released cost. Hence, after any sequence of trades and to the last unit,

    realised_micro - cost_micro == sold_micro - bought_micro        position_lots == bought_lots - sold_lots

A broken trade is booked as its opposite at its own price, and leaves the totals as if it had never been. Position, cash
and total P&L are then exactly right; how they split into realised and open cost may differ from a history without it.
"""

from shm.codes import LIQUIDITY_ADDED, SIDE_BUY
from shm.jit import hot

QTY_LOTS_MAX = 1 << 31  # with it the product of two sizes stays inside int64


@hot
def share_of(cost_micro, part_lots, whole_lots):
    """sign(cost) * floor(|cost| * part / whole), without the product that could overflow. 0 <= part <= whole."""
    size = abs(cost_micro)
    share = size // whole_lots * part_lots + size % whole_lots * part_lots // whole_lots
    return share if cost_micro >= 0 else -share


@hot
def trade(position, signed_lots, price_ticks, unit_micro):
    """Book `signed_lots` (bought positive) at `price_ticks` into position, cost and realised P&L; totals untouched.

    `unit_micro`: value of one price tick of one lot. Returns the P&L that it realised.
    """
    held = position["position_lots"]
    realised = 0
    opening = signed_lots
    if held != 0 and (held > 0) != (signed_lots > 0):
        closing = min(abs(held), abs(signed_lots))
        if signed_lots < 0:
            closing = -closing
        released = share_of(position["cost_micro"], abs(closing), abs(held))
        realised = -closing * price_ticks * unit_micro - released
        position["cost_micro"] -= released
        position["realised_micro"] += realised
        opening = signed_lots - closing
    position["cost_micro"] += opening * price_ticks * unit_micro
    position["position_lots"] = held + signed_lots
    return realised


@hot
def _total(position, side, qty_lots, value_micro):
    if side == SIDE_BUY:
        position["bought_lots"] += qty_lots
        position["bought_micro"] += value_micro
    else:
        position["sold_lots"] += qty_lots
        position["sold_micro"] += value_micro


@hot
def execute(position, side, qty_lots, price_ticks, unit_micro):
    """Book an execution of our order on `side`. Returns the P&L that it realised."""
    _total(position, side, qty_lots, qty_lots * price_ticks * unit_micro)
    position["fills"] += 1
    return trade(position, qty_lots if side == SIDE_BUY else -qty_lots, price_ticks, unit_micro)


@hot
def undo(position, side, qty_lots, price_ticks, unit_micro):
    """Book the break of an earlier execution on `side`. Returns the P&L that it realised."""
    _total(position, side, -qty_lots, -qty_lots * price_ticks * unit_micro)
    position["fills"] -= 1
    return trade(position, -qty_lots if side == SIDE_BUY else qty_lots, price_ticks, unit_micro)


@hot
def fee_of(liquidity, qty_lots, added_micro, removed_micro):
    """Fee of an execution in micro-units, negative for a rebate. An unknown liquidity code pays as a remover."""
    return qty_lots * (added_micro if liquidity == LIQUIDITY_ADDED else removed_micro)


@hot
def mark_half_of(bid_price_ticks, ask_price_ticks):
    """Twice the mid in price ticks, or 0 when a side is empty."""
    if bid_price_ticks <= 0 or ask_price_ticks <= 0:
        return 0
    return bid_price_ticks + ask_price_ticks


@hot
def spread_of(side, qty_lots, price_ticks, mark_half_ticks, unit_micro):
    """What a fill earned against the mid, micro-units, rounded down; 0 without a mid. A statistic, not money."""
    if mark_half_ticks == 0:
        return 0
    half = mark_half_ticks - 2 * price_ticks
    return (half if side == SIDE_BUY else -half) * qty_lots * unit_micro // 2


@hot
def unrealised_of(position_lots, cost_micro, mark_half_ticks, unit_micro):
    """Open position at the mid less its cost, micro-units, rounded down; 0 before the first mid."""
    if mark_half_ticks == 0:
        return 0
    return position_lots * mark_half_ticks * unit_micro // 2 - cost_micro


def check(position) -> None:
    """Assert the rules of one POSITION row, in order."""
    words = {name: int(position[name]) for name in position.dtype.names if name != "reserved"}
    assert words["position_lots"] == words["bought_lots"] - words["sold_lots"], words
    assert words["realised_micro"] - words["cost_micro"] == words["sold_micro"] - words["bought_micro"], words
    assert words["position_lots"] != 0 or words["cost_micro"] == 0, words
    assert words["fills"] >= 0 and words["bought_lots"] >= 0 and words["sold_lots"] >= 0, words

"""Accounts: exact average-cost arithmetic on one POSITION row. Integers only; no average price is ever stored.

What opens or adds carries its whole value into `cost_micro` (negative for a short). What closes releases its share of
the cost by the rule of money.py; the remainder stays in the cost of what is left open, so nothing is lost and the last
lot releases all of it. Realised P&L is the cash of the closing part less the released cost. Hence, after any sequence
of executions and to the last unit,

    realised_micro - cost_micro == sold_micro - bought_micro        position_lots == bought_lots - sold_lots

A broken or corrected execution is no trade of its own: the row becomes what replaying the executions that stand, in
the order in which they came, each with its present price and size, makes of it (`clear`, then `execute` for each).
"""

from procs.position_keeper.money import share_of
from shm.codes import LIQUIDITY_ADDED, SIDE_BUY
from shm.jit import hot


@hot
def _trade(position, signed_lots, price_ticks, unit_micro):
    """Book `signed_lots` (bought positive) into position, cost and realised P&L. Returns what it realised."""
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
def execute(position, side, qty_lots, price_ticks, unit_micro):
    """Book an execution of our order on `side`, without fee. Returns the P&L that it realised."""
    value = qty_lots * price_ticks * unit_micro
    if side == SIDE_BUY:
        position["bought_lots"] += qty_lots
        position["bought_micro"] += value
    else:
        position["sold_lots"] += qty_lots
        position["sold_micro"] += value
    position["fills"] += 1
    return _trade(position, qty_lots if side == SIDE_BUY else -qty_lots, price_ticks, unit_micro)


@hot
def charge(position, liquidity, qty_lots, value_micro, fee_micro):
    """Book the fee of an execution, and what it adds to the totals by liquidity."""
    position["fees_micro"] += fee_micro
    if liquidity == LIQUIDITY_ADDED:
        position["added_lots"] += qty_lots
        position["added_micro"] += value_micro
        position["added_fees_micro"] += fee_micro


@hot
def clear(position):
    """Make a row what it was before its first execution; which row it is and what it has seen stays."""
    position["position_lots"], position["cost_micro"], position["realised_micro"] = 0, 0, 0
    position["bought_lots"], position["bought_micro"] = 0, 0
    position["sold_lots"], position["sold_micro"] = 0, 0
    position["fees_micro"], position["spread_micro"], position["fills"] = 0, 0, 0
    position["added_lots"], position["added_micro"], position["added_fees_micro"] = 0, 0, 0


def check(position) -> None:
    """Assert the rules of one POSITION row, in order."""
    words = {name: int(position[name]) for name in position.dtype.names}
    assert words["position_lots"] == words["bought_lots"] - words["sold_lots"], words
    assert words["realised_micro"] - words["cost_micro"] == words["sold_micro"] - words["bought_micro"], words
    assert words["position_lots"] != 0 or words["cost_micro"] == 0, words
    assert words["position_lots"] * words["cost_micro"] >= 0, words
    assert words["fills"] >= 0 and words["bought_lots"] >= 0 and words["sold_lots"] >= 0, words
    assert 0 <= words["added_lots"] <= words["bought_lots"] + words["sold_lots"], words

"""Sides: what a holding or an account has open, holds and allows on the side of an order."""

from procs.risk_gate.money import worst_gross
from shm.codes import SIDE_BUY
from shm.jit import hot


@hot
def open_lots(side, holding):
    """Lots open on a side."""
    return holding["open_buy"] if side == SIDE_BUY else holding["open_sell"]


@hot
def lots_max(side, account):
    """The limit of the worst-case position that a side leads to: long for a buy."""
    return account["long_lots_max"] if side == SIDE_BUY else account["short_lots_max"]


@hot
def open_value(account):
    """Value of open orders, both sides added."""
    return account["value_buy"] + account["value_sell"]


@hot
def net_value(side, account):
    """Net exposure if all of one side trades and none of the other: long for a buy, short for a sell."""
    return account["value"] + account["value_buy"] if side == SIDE_BUY else account["value_sell"] - account["value"]


@hot
def gross_added(side, value, holding):
    """How much `value` more on a side raises the worst case of an instrument or of a strategy in it."""
    buys = holding["value_buy"] + (value if side == SIDE_BUY else 0)
    sells = holding["value_sell"] + (0 if side == SIDE_BUY else value)
    return worst_gross(holding["value"], buys, sells) - holding["gross"]

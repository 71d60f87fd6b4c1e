"""Trades: size and price of the last executions. A broken trade names only its number; a correction, only what is new.

One row for each execution, the oldest is forgotten. Both sides of a trade may be ours: then two rows have one number,
and the order's reference tells them apart.
"""

from procs.order_sender.desk import trade_of
from shm.jit import hot


@hot
def remember_trade(desk, report):
    """Keep an execution. Caller: once for each REPORT_EXECUTED with a match number."""
    trade = trade_of(desk, desk["trades"])
    trade["match_number"] = report["match_number"]
    trade["user_ref_num"] = report["user_ref_num"]
    trade["qty_lots"] = report["qty_lots"]
    trade["price_ticks"] = report["price_ticks"]
    desk["trades"] += 1


@hot
def find_trade(desk, match_number, user_ref_num):
    """Number of the execution of this order with this match number, newest first, or -1. Broken ones have none left.

    Cost: a look at each; few trades are ever broken or corrected.
    """
    if match_number == 0:
        return -1
    for n in range(desk["trades"] - 1, max(-1, desk["trades"] - 1 - desk["trades_max"]), -1):
        trade = trade_of(desk, n)
        if trade["match_number"] == match_number and trade["user_ref_num"] == user_ref_num:
            return n
    return -1


@hot
def break_trade(desk, report):
    """Forget the execution that a REPORT_BROKEN undid: a trade breaks once."""
    n = find_trade(desk, report["match_number"], report["user_ref_num"])
    if n >= 0:
        trade_of(desk, n)["match_number"] = 0


@hot
def correct_trade(desk, report):
    """Give the execution of a REPORT_CORRECTED its new size and price; it may be corrected or broken again."""
    n = find_trade(desk, report["match_number"], report["user_ref_num"])
    if n >= 0:
        trade = trade_of(desk, n)
        trade["qty_lots"] = report["qty_lots"]
        trade["price_ticks"] = report["price_ticks"]

"""Trades: the last executions. A broken trade names only its number; a correction, only what is new.

They come minutes after the execution, when the order's own slot is long another's: the row says whose trade it was. One
row for each execution, the oldest is forgotten. Both sides of a trade may be ours: then two rows have one number,
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
    trade["order_id"] = report["order_id"]
    trade["intent_id"] = report["intent_id"]
    trade["instrument_id"] = report["instrument_id"]
    trade["strategy_id"] = report["strategy_id"]
    trade["side"] = report["side"]
    desk["trades"] += 1
    desk["match_greatest"] = max(desk["match_greatest"], report["match_number"])


@hot
def is_repeated(desk, match_number, user_ref_num):
    """1 when this execution of this order was reported before, broken since or not: a position moves once.

    The stream's numbers already say each message once; this is for a venue that tells a trade again under a new one.
    Cost: a comparison, because match numbers grow; a look at each only for one that does not.
    """
    if match_number == 0 or match_number > desk["match_greatest"]:
        return 0
    if find_trade(desk, match_number, user_ref_num) >= 0 or find_trade(desk, -match_number, user_ref_num) >= 0:
        return 1
    return 0


@hot
def find_trade(desk, match_number, user_ref_num):
    """Number of the execution of this order with this match number, newest first, or -1. A broken one has its negative.

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
    """Mark the execution that a REPORT_BROKEN undid by the negative of its number: a trade breaks once."""
    n = find_trade(desk, report["match_number"], report["user_ref_num"])
    if n >= 0:
        trade_of(desk, n)["match_number"] = -report["match_number"]


@hot
def correct_trade(desk, report):
    """Give the execution of a REPORT_CORRECTED its new size and price; it may be corrected or broken again."""
    n = find_trade(desk, report["match_number"], report["user_ref_num"])
    if n >= 0:
        trade = trade_of(desk, n)
        trade["qty_lots"] = report["qty_lots"]
        trade["price_ticks"] = report["price_ticks"]

"""Own orders: the firm's open orders of one side of an instrument, best price first, for self-trade prevention.

A list through the slots: every open order is in it, whoever wanted it and whatever its fate: in flight, working, being
cancelled, unknown, adopted. The members of a family each stand at their own price. Heads are in the instrument's
ACCOUNT with their prices. Cost: the best price is one look; an order joins after a walk over the better ones, leaves
without any.
"""

from procs.risk_gate.rows import NO_SLOT, account_at, order_at
from shm.codes import SIDE_BUY
from shm.jit import hot


@hot
def best_slot(account, side):
    """Slot of the best open order of the firm on `side`, or NO_SLOT. `account` is the instrument's."""
    return (account["own_bid"] if side == SIDE_BUY else account["own_ask"]) - 1  # zeroed memory holds none


@hot
def best_price(account, side):
    """Price of that order; of no order anything."""
    return account["own_bid_price"] if side == SIDE_BUY else account["own_ask_price"]


@hot
def _set_best(book, account, side, slot):
    price = order_at(book, slot)["price_ticks"] if slot != NO_SLOT else 0
    if side == SIDE_BUY:
        account["own_bid"] = slot + 1
        account["own_bid_price"] = price
    else:
        account["own_ask"] = slot + 1
        account["own_ask_price"] = price


@hot
def _is_better(side, price, than):
    return price > than if side == SIDE_BUY else price < than


@hot
def enlist(book, slot):
    """Put a newly opened order in its place, behind those of the same price."""
    order = order_at(book, slot)
    side, price = order["side"], order["price_ticks"]
    account = account_at(book, order["instrument_id"])
    better, worse = NO_SLOT, best_slot(account, side)
    while worse != NO_SLOT:
        other = order_at(book, worse)
        if _is_better(side, price, other["price_ticks"]):
            break
        better = worse
        worse = other["worse"]
    order["better"] = better
    order["worse"] = worse
    if better == NO_SLOT:
        _set_best(book, account, side, slot)
    else:
        above = order_at(book, better)
        above["worse"] = slot
    if worse != NO_SLOT:
        below = order_at(book, worse)
        below["better"] = slot


@hot
def delist(book, slot):
    """Take an order out."""
    order = order_at(book, slot)
    better, worse = order["better"], order["worse"]
    if better == NO_SLOT:
        _set_best(book, account_at(book, order["instrument_id"]), order["side"], worse)
    else:
        above = order_at(book, better)
        above["worse"] = worse
    if worse != NO_SLOT:
        below = order_at(book, worse)
        below["better"] = better


@hot
def reprice(book, slot, price):
    """The venue says that an open order stands at `price`."""
    order = order_at(book, slot)
    if order["price_ticks"] == price:
        return
    delist(book, slot)
    order["price_ticks"] = price
    enlist(book, slot)


@hot
def would_trade(side, price, own_price):
    """1 when an order would trade with one of the other side at `own_price`: at the same price or through it."""
    crosses = price >= own_price if side == SIDE_BUY else price <= own_price
    return 1 if crosses else 0

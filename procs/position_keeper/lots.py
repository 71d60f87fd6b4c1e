"""Lots: first in, first out. Each row has a queue of open lots, all of them in one pool of fixed size.

A closing execution takes the oldest lots first and releases their own cost: nothing is ever divided. What opens joins
the end of the queue; a lot of the same price as the last one joins that. Of a row whose figures are usable

    fifo_realised - fifo_cost == sold_micro - bought_micro

as under average cost, so both methods agree on realised + unrealised always, and on realised alone whenever a position
is flat. That is also how a row recovers that found no free lot: its figures are unusable until the position is flat or
turns round, where what it realised is its cash. Average cost never depends on the pool.

LOT                                     QUEUE, one a row                           POOL, one record
off  field        meaning               off  field            meaning              off  field       meaning
---  -----------  -------------------   ---  ---------------  ------------------   ---  ----------  -----------------
  0  price_ticks  opening price           0  first            oldest lot, 0 none     0  lots_addr   address of lot 0
  8  qty_lots     still open              8  last             newest lot             8  lots        capacity and one
 16  next         younger lot or, free,  16  cost_micro       signed, open lots     16  free        first free, 0 none
                  the next free; 0 none  24  realised_micro   before fees           24  used        lots in queues
 24  reserved     zero                   32  unusable         1: see above
                                         40  reserved x3      zero
Lot 0 is nobody's.
"""

import numpy as np

from shm.atomics import address_of, record_at
from shm.jit import hot

LOT = np.dtype([("price_ticks", "<i8"), ("qty_lots", "<i8"), ("next", "<i8"), ("reserved", "<i8")])
QUEUE = np.dtype(
    [
        ("first", "<i8"),
        ("last", "<i8"),
        ("cost_micro", "<i8"),
        ("realised_micro", "<i8"),
        ("unusable", "<i8"),
        ("reserved", "<i8", (3,)),
    ]
)
POOL = np.dtype([("lots_addr", "<i8"), ("lots", "<i8"), ("free", "<i8"), ("used", "<i8")])
LOT_BYTES = LOT.itemsize

assert (LOT_BYTES, QUEUE.itemsize, POOL.itemsize) == (32, 64, 32)

LOTS_KEPT = 0
LOTS_FULL = 1  # this trade made the row's FIFO figures unusable


def lots_for(capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """(POOL[1], LOT[capacity + 1]), every lot free. Keep both alive."""
    lots = np.zeros(capacity + 1, LOT)
    lots["next"][1:-1] = np.arange(2, capacity + 1)
    pool = np.zeros(1, POOL)
    pool["lots_addr"], pool["lots"], pool["free"] = address_of(lots), capacity + 1, 1 if capacity else 0
    return pool, lots


@hot
def _lot(pool, at):
    return record_at(pool["lots_addr"] + at * LOT_BYTES, LOT)


@hot
def _drop_first(pool, queue):
    at = queue["first"]
    lot = _lot(pool, at)
    queue["first"] = lot["next"]
    if queue["first"] == 0:
        queue["last"] = 0
    lot["next"] = pool["free"]
    pool["free"] = at
    pool["used"] -= 1


@hot
def drop_all(pool, queue):
    """Give every lot of a row back and forget what it realised: the queue as it was before the first execution."""
    while queue["first"] != 0:
        _drop_first(pool, queue)
    queue["cost_micro"], queue["realised_micro"], queue["unusable"] = 0, 0, 0


@hot
def _open(pool, queue, signed_lots, price_ticks, unit_micro):
    """Add lots at the end of the queue. Returns LOTS_KEPT or LOTS_FULL."""
    last = queue["last"]
    if last != 0 and _lot(pool, last)["price_ticks"] == price_ticks:
        _lot(pool, last)["qty_lots"] += abs(signed_lots)
    else:
        at = pool["free"]
        if at == 0:
            drop_all(pool, queue)
            queue["unusable"] = 1
            return LOTS_FULL
        lot = _lot(pool, at)
        pool["free"] = lot["next"]
        pool["used"] += 1
        lot["price_ticks"], lot["qty_lots"], lot["next"] = price_ticks, abs(signed_lots), 0
        if last != 0:
            _lot(pool, last)["next"] = at
        else:
            queue["first"] = at
        queue["last"] = at
    queue["cost_micro"] += signed_lots * price_ticks * unit_micro
    return LOTS_KEPT


@hot
def _close(pool, queue, closing, price_ticks, unit_micro):
    """Match signed `closing` lots (bought positive) with the oldest open ones."""
    left = abs(closing)
    sign = 1 if closing > 0 else -1
    while left > 0 and queue["first"] != 0:
        lot = _lot(pool, queue["first"])
        taken = min(left, lot["qty_lots"])
        queue["realised_micro"] += -sign * taken * (price_ticks - lot["price_ticks"]) * unit_micro
        queue["cost_micro"] += sign * taken * lot["price_ticks"] * unit_micro
        lot["qty_lots"] -= taken
        left -= taken
        if lot["qty_lots"] == 0:
            _drop_first(pool, queue)


@hot
def trade_lots(pool, queue, held_lots, cash_micro, signed_lots, price_ticks, unit_micro):
    """Book an execution (bought positive) on a row that held `held_lots` and had `cash_micro` = sold - bought before.

    Returns LOTS_KEPT, or LOTS_FULL when from now on the row's figures are unusable. Cost: by the lots that it closes.
    """
    opening = signed_lots
    if held_lots != 0 and (held_lots > 0) != (signed_lots > 0):
        closing = -held_lots if abs(signed_lots) >= abs(held_lots) else signed_lots
        opening = signed_lots - closing
        if queue["unusable"] == 0:
            _close(pool, queue, closing, price_ticks, unit_micro)
        elif closing == -held_lots:
            queue["unusable"] = 0
            queue["realised_micro"] = cash_micro - closing * price_ticks * unit_micro
    if opening == 0 or queue["unusable"] == 1:
        return LOTS_KEPT
    return _open(pool, queue, opening, price_ticks, unit_micro)


def lots_of(pool: np.ndarray, queue: np.void) -> list[tuple[int, int]]:
    """(price, lots) of the open lots of a row, oldest first; for people and tests."""
    found, at = [], int(queue["first"])
    while at:
        lot = _lot(pool[0], at)
        found.append((int(lot["price_ticks"]), int(lot["qty_lots"])))
        at = int(lot["next"])
    return found

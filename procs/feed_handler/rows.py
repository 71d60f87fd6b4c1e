"""The rows of the books, in private memory: what an order, a level, a side and the whole look like.

Hot code reaches them by address through one BOOK_ROW: a function that takes one record compiles in a tenth of the time
of one that takes a NamedTuple of arrays, and is called at a fraction of the cost.

ORDER_ROW, 32 bytes                                LEVEL_ROW, 32 bytes
off  type  field       meaning                     off  type  field        meaning
  0  i8    order_ref   venue's reference             0  i8    price_ticks  price of the level
  8  i8    qty_lots    what is left of it            8  i8    qty_lots     sum of its orders
 16  i4    level       level that it rests on       16  i4    orders       number of orders
 20  i4    next        next younger; free list      20  i4    head         oldest order; free list
 24  i4    prev        next older                   24  i4    tail         youngest order
 28  i4    reserved    zero                         28  i4    side_index   whose level it is
"""

import numpy as np

WORD = np.dtype([("word", "<i8")])
ORDER_ROW = np.dtype(
    [("order_ref", "<i8"), ("qty_lots", "<i8"), ("level", "<i4"), ("next", "<i4"), ("prev", "<i4"), ("reserved", "<i4")]
)
LEVEL_ROW = np.dtype(
    [
        ("price_ticks", "<i8"),
        ("qty_lots", "<i8"),
        ("orders", "<i4"),
        ("head", "<i4"),
        ("tail", "<i4"),
        ("side_index", "<i4"),
    ]
)
SIDE_ROW = np.dtype([("price_ticks", "<i8"), ("qty_lots", "<i8"), ("levels", "<i8"), ("reserved", "<i8")])
BOOK_ROW = np.dtype(
    [
        ("orders_addr", "<i8"),
        ("places_addr", "<i8"),
        ("places_mask", "<i8"),
        ("levels_addr", "<i8"),
        ("ladder_addr", "<i8"),
        ("rungs_max", "<i8"),  # levels that one side can have
        ("sides_addr", "<i8"),
        ("sides", "<i8"),  # two for each instrument
        ("orders_max", "<i8"),
        ("orders", "<i8"),  # live orders
        ("order_free", "<i8"),  # first free order slot; 0 none
        ("levels", "<i8"),  # live levels
        ("level_free", "<i8"),  # first free level; 0 none
        ("price_ticks", "<i8"),  # what the last success did: price, size and side of the order,
        ("qty_lots", "<i8"),
        ("left_lots", "<i8"),  # and what is left of it
        ("side", "<i8"),
        ("old_price_ticks", "<i8"),  # of a replace: price of the order that left
        ("reserved", "<i8", (6,)),
    ]
)

ORDER_BYTES = ORDER_ROW.itemsize
LEVEL_BYTES = LEVEL_ROW.itemsize
SIDE_BYTES = SIDE_ROW.itemsize

assert ORDER_BYTES == LEVEL_BYTES == SIDE_BYTES == 32  # both sides of an instrument share a cache line
assert BOOK_ROW.itemsize == 192

"""The rows of the books, in private memory: what an order, a level, a side and the whole look like.

Hot code reaches them by address through one BOOK_ROW: a function that takes one record compiles in a tenth of the time
of one that takes a NamedTuple of arrays, and is called at a fraction of the cost.

Orders and levels are nodes of one array and share one numbering: levels first, orders behind them. A level's queue is a
ring of nodes through the level itself, so an order joins and leaves without asking whether it has neighbours. Node 0
is none.

ORDER_ROW, 32 bytes                                LEVEL_ROW, 32 bytes
off  type  field       meaning                     off  type  field        meaning
  0  i8    order_ref   venue's reference             0  i8    qty_lots     sum of its orders
  8  u4    qty_lots    what is left of it            8  u4    price_ticks  price of the level
 12  i4    level       level that it rests on       12  i4    side_index   whose level it is; -1 free
 16  i4    next        next younger, or the level   16  i4    next         oldest order
 20  i4    prev        next older, or the level     20  i4    prev         youngest order
 24  i4    chain       next of its hash bucket      24  i4    chain        next of its hash bucket
 28  i4    reserved    zero                         28  i4    orders       number of orders

`next` also links what is free. An order is free while its level is 0.
"""

import numpy as np

WORD = np.dtype([("word", "<i8")])
HALF = np.dtype([("half", "<i4")])
ORDER_ROW = np.dtype(
    [
        ("order_ref", "<i8"),
        ("qty_lots", "<u4"),
        ("level", "<i4"),
        ("next", "<i4"),
        ("prev", "<i4"),
        ("chain", "<i4"),
        ("reserved", "<i4"),
    ]
)
LEVEL_ROW = np.dtype(
    [
        ("qty_lots", "<i8"),
        ("price_ticks", "<u4"),
        ("side_index", "<i4"),
        ("next", "<i4"),
        ("prev", "<i4"),
        ("chain", "<i4"),
        ("orders", "<i4"),
    ]
)
SIDE_ROW = np.dtype(
    [
        ("block", "<i4"),  # where its ladder stands in the pool of ladder words; 0 none
        ("size_class", "<i4"),  # of that block: ladder_pool.py
        ("levels", "<i4"),
        ("best", "<i4"),  # level; 0 none, whose row is all zero
    ]
)
BOOK_ROW = np.dtype(
    [
        ("nodes_addr", "<i8"),  # LEVEL_ROW and ORDER_ROW
        ("order_heads_addr", "<i8"),  # HALF: first order of each hash bucket
        ("order_heads_mask", "<i8"),
        ("level_heads_addr", "<i8"),  # HALF: first level of each hash bucket
        ("level_heads_mask", "<i8"),
        ("sides_addr", "<i8"),  # SIDE_ROW
        ("sides", "<i8"),  # two for each instrument
        ("order_free", "<i8"),  # first free order; 0 none
        ("level_free", "<i8"),  # first free level; 0 none
        ("orders", "<i8"),  # live orders
        ("levels", "<i8"),  # live levels
        ("ref_max", "<i8"),  # greatest order reference ever taken: a greater one is no duplicate
        ("price_ticks", "<i8"),  # what the last success did: price, size and side of the order,
        ("qty_lots", "<i8"),
        ("left_lots", "<i8"),  # and what is left of it
        ("side", "<i8"),
        ("ladder_addr", "<i8"),  # WORD: the pool of ladder words
        ("ladder_free_addr", "<i8"),  # WORD: first free block of each class
        ("ladder_marks_addr", "<i8"),  # u1 for each smallest block: class + 1 where a free block starts
        ("ladder_classes", "<i8"),
        ("old_price_ticks", "<i8"),  # of a replace: price of the order that left
        ("reserved", "<i8", (3,)),
    ]
)

NODE_BYTES = ORDER_ROW.itemsize
SIDE_BYTES = SIDE_ROW.itemsize
HALF_BYTES = HALF.itemsize
LINK_OFFSET = ORDER_ROW.fields["chain"][1]

assert NODE_BYTES == LEVEL_ROW.itemsize == 32
assert SIDE_BYTES == 16  # both sides of an instrument share a cache line
assert BOOK_ROW.itemsize == 192
for _field in ("next", "prev", "chain"):
    assert ORDER_ROW.fields[_field] == LEVEL_ROW.fields[_field]

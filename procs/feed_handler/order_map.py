"""OrderMap: order reference -> order, the one structure that every order message goes through. Hot.

Chains in the orders themselves behind one int32 a bucket. A lookup answers with the address of the link that names the
order, in the bucket or in the order before it; so removal needs no second search, and nothing ever moves.

Sixteen consecutive references share a line of buckets and the lines are spread: venues number orders in sequence, so
consecutive adds hit a line that is already here.
"""

import numpy as np

from procs.feed_handler.rows import HALF, HALF_BYTES, LINK_OFFSET, NODE_BYTES, ORDER_ROW
from shm.atomics import crc32c_word, record_at
from shm.jit import hot

NO_LINK = 0


@hot
def order_bucket(book, order_ref):
    """Address of the link to the first order of the bucket."""
    mixed = crc32c_word(0, order_ref >> 4)
    bucket = ((mixed << 4) ^ (mixed >> 28) ^ (order_ref & 15)) & book["order_heads_mask"]
    return book["order_heads_addr"] + bucket * HALF_BYTES


@hot
def node_at(link):
    """Node that a link names; 0 none."""
    return np.int64(record_at(link, HALF)["half"])


@hot
def link_of(book, order_ref):
    """Address of the link that names the order, NO_LINK for an unknown one. It is good until the next change."""
    link = order_bucket(book, order_ref)
    slot = node_at(link)
    while slot != 0:
        address = book["nodes_addr"] + slot * NODE_BYTES
        if record_at(address, ORDER_ROW)["order_ref"] == order_ref:
            return link
        link = address + LINK_OFFSET
        slot = node_at(link)
    return NO_LINK


@hot
def put_order(book, order_ref, slot):
    """Name `slot`, whose reference is in no chain, first in its bucket."""
    head = record_at(order_bucket(book, order_ref), HALF)
    record_at(book["nodes_addr"] + slot * NODE_BYTES, ORDER_ROW)["chain"] = head["half"]
    head["half"] = slot


@hot
def remove_order(book, link):
    """Take the order that `link` names out of its chain."""
    chain = record_at(book["nodes_addr"] + node_at(link) * NODE_BYTES, ORDER_ROW)["chain"]
    record_at(link, HALF)["half"] = chain

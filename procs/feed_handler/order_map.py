"""OrderMap: order reference -> order slot, the one structure that every order message goes through. Hot.

One int64 word a place: a 36-bit tag of the reference in front of a 26-bit slot, so eight places share a cache line; the
full reference stands in the order itself and decides. The tag's low bits are the home place, therefore a word can be
moved without looking at its order. Linear probing, backward shift on removal, no tombstones. 0 is an empty place.

Eight consecutive references share a line and the lines are spread: venues number orders in sequence, so consecutive
adds hit a line that is already here (generic `shm/int_map.py` costs a miss on each and twice the bytes).
"""

import numpy as np

from procs.feed_handler.rows import ORDER_BYTES, ORDER_ROW, WORD
from shm.atomics import record_at
from shm.jit import hot

SLOT_BITS = 26
SLOT_MASK = (1 << SLOT_BITS) - 1
ORDERS_MAX = SLOT_MASK - 1  # slots that a word can name, without the null slot and the spare one


def order_map(orders_max: int) -> np.ndarray:
    """An empty map for `orders_max` live orders, at most a third full: 24 to 48 bytes an order."""
    places = 64
    while places < 3 * orders_max:
        places *= 2
    return np.zeros(places, np.int64)


@hot
def tag_of(order_ref):
    """36 bits of `order_ref`: its low three bits under 33 mixed ones. No product leaves int64, so both modes agree."""
    group = order_ref >> 3
    mixed = ((group & 0xFFFFFFFF) * 0x5851F42D) ^ (((group >> 32) & 0x1FFFFFFF) * 0x4C957F2D)
    return ((((mixed >> 20) ^ mixed) & 0x1FFFFFFFF) << 3) | (order_ref & 7)


@hot
def place_of(book, order_ref):
    """Place that holds `order_ref`, or -1 - (empty place where it would go)."""
    places = book["places_addr"]
    mask = book["places_mask"]
    tag = tag_of(order_ref)
    place = tag & mask
    while True:
        word = record_at(places + place * 8, WORD)["word"]
        if word == 0:
            return -1 - place
        if word >> SLOT_BITS == tag:
            order = record_at(book["orders_addr"] + (word & SLOT_MASK) * ORDER_BYTES, ORDER_ROW)
            if order["order_ref"] == order_ref:
                return place
        place = (place + 1) & mask


@hot
def slot_at(book, place):
    """Order slot that `place` names."""
    return record_at(book["places_addr"] + place * 8, WORD)["word"] & SLOT_MASK


@hot
def put_at(book, place, order_ref, slot):
    """Fill the empty `place` that `place_of` found."""
    record_at(book["places_addr"] + place * 8, WORD)["word"] = (tag_of(order_ref) << SLOT_BITS) | slot


@hot
def remove_at(book, place):
    """Empty `place`; later words of the probe run move back over the hole."""
    places = book["places_addr"]
    mask = book["places_mask"]
    hole = place
    probe = (place + 1) & mask
    while True:
        word = record_at(places + probe * 8, WORD)["word"]
        if word == 0:
            break
        home = (word >> SLOT_BITS) & mask
        if ((probe - home) & mask) >= ((probe - hole) & mask):
            record_at(places + hole * 8, WORD)["word"] = word
            hole = probe
        probe = (probe + 1) & mask
    record_at(places + hole * 8, WORD)["word"] = 0

"""Order seal: a CRC32C that risk_gate writes over what it approved, and order_sender compares before a byte leaves.

It covers what goes to the wire, what it answers and under which limits: every word of an ORDER that is not a stamp, the
ring's or the seal itself. So a record that was changed, torn, written by anybody else or left from another life of the
ring is not an order. It is no signature: who may write the ring is a matter of file permissions.
"""

from shm.atomics import crc32c_word, load_relaxed, record_at
from shm.jit import hot
from shm.records.order import ORDER

ALL_ONES = (1 << 32) - 1
FIRST, FIRST_END = ORDER.fields["order_id"][1], ORDER.fields["now_ns"][1]  # ids, price, size, expiry
LIMITS, LIMITS_END = ORDER.fields["limits_version"][1], ORDER.fields["flags"][1]  # limits, instrument to parts
SEQUENCE = ORDER.fields["decision_seq"][1]


@hot
def order_seal(order_addr):
    """The seal of the ORDER at `order_addr`: 0..2^32-1. Cost: thirteen words in two chains that do not wait for each
    other, the second then folded into the first.
    """
    asked = ALL_ONES
    for offset in range(FIRST, FIRST_END, 8):
        asked = crc32c_word(asked, load_relaxed(order_addr + offset))
    passed = crc32c_word(ALL_ONES, record_at(order_addr, ORDER)["flags"])
    for offset in range(LIMITS, LIMITS_END, 8):
        passed = crc32c_word(passed, load_relaxed(order_addr + offset))
    passed = crc32c_word(passed, load_relaxed(order_addr + SEQUENCE))
    return crc32c_word(asked, passed) ^ ALL_ONES


@hot
def seal_order(order_addr):
    """Seal a filled ORDER. Caller: risk_gate, after its decision stands in the journal."""
    order = record_at(order_addr, ORDER)
    order["seal"] = order_seal(order_addr)


@hot
def is_sealed(order_addr):
    """1 when the ORDER is what was sealed."""
    return 1 if int(record_at(order_addr, ORDER)["seal"]) == order_seal(order_addr) else 0

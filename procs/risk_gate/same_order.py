"""Same order: how often a strategy entered the same instrument, side, price and size in its window of logic time.

Each strategy has a ring of its last new orders, chained by a hash of their content, newest first. Nothing is expired or
counted up: a chain is followed until the window ends, or as far as the limit, so the answer is exact for all that the
ring remembers. A ring that would have to forget an order of the window refuses instead. Recorded only while there is a
limit: one that is set while running counts from then on.
"""

from procs.risk_gate.rows import BUCKETS, MEMORY, SAME_BYTES, SAME_RING, SAME_SLOT, word_at
from shm.atomics import record_at
from shm.jit import hot

PRIME = 1_000_003  # times a price below 2^40 it stays below 2^60


@hot
def _memory(account):
    return record_at(account["memory_addr"], MEMORY)


@hot
def _slot(memory, number):
    return record_at(memory["same_addr"] + (number & (SAME_RING - 1)) * SAME_BYTES, SAME_SLOT)


@hot
def _bucket(memory, instrument_id, side, price, qty):
    mixed = price * PRIME + qty * 8191 + instrument_id * 4 + side
    return word_at(memory["buckets_addr"], (mixed ^ mixed >> 17 ^ mixed >> 34) & (BUCKETS - 1))


@hot
def same_in_window(account, case, most):
    """New orders like that of CASE inside the window, counted up to `most`. Cost: a look at each, newest first."""
    memory = _memory(account)
    instrument_id, side, price, qty = case["instrument_id"], case["side"], case["price"], case["qty"]
    edge_ns = case["now_ns"] - account["same_window_ns"]
    oldest = max(0, memory["same_count"] - SAME_RING)
    number = _bucket(memory, instrument_id, side, price, qty)["value"] - 1
    found = 0
    while number >= oldest and found < most:
        made = _slot(memory, number)
        if made["now_ns"] <= edge_ns:
            break
        if made["price"] == price and made["qty"] == qty:
            if made["instrument_id"] == instrument_id and made["side"] == side:
                found += 1
        number = made["earlier"]
    return found


@hot
def same_is_full(account, case):
    """1 when remembering one more would forget one of the window."""
    memory = _memory(account)
    oldest = memory["same_count"] - SAME_RING
    if oldest < 0:
        return 0
    return 1 if _slot(memory, oldest)["now_ns"] > case["now_ns"] - account["same_window_ns"] else 0


@hot
def remember_new(account, instrument_id, side, price, qty, now_ns):
    """Remember a NEW that passed. `account` is the strategy's. Caller: only while it has a limit."""
    memory = _memory(account)
    number = memory["same_count"]
    if number > 0:  # times never fall, whatever the clock does
        now_ns = max(now_ns, _slot(memory, number - 1)["now_ns"])
    bucket = _bucket(memory, instrument_id, side, price, qty)
    made = _slot(memory, number)
    made["now_ns"] = now_ns
    made["instrument_id"] = instrument_id
    made["side"] = side
    made["price"] = price
    made["qty"] = qty
    made["earlier"] = bucket["value"] - 1
    bucket["value"] = number + 1
    memory["same_count"] = number + 1

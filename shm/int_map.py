"""IntMap: int64 -> int64 in private memory, open addressing, no allocation after creation. Hot.

A map is a 2-D int64 array of shape (slots, 2), slots a power of two, column 0 the key and column 1 the value. Keys are
any int64 but MAP_EMPTY. Linear probing with backward-shift deletion: no tombstones, so a long-lived map never slows.
Keep it at most half full: `map_put` refuses beyond that (result code 0) and the caller counts it.
Row MAP_COUNT_ROW (the extra last row) holds the number of keys.
"""

import numpy as np

from shm.jit import hot

MAP_EMPTY = np.int64(-(1 << 62))
MAP_MISSING = np.int64(-(1 << 61))


def int_map(capacity: int) -> np.ndarray:
    """A map that takes `capacity` keys: at least twice as many slots, and one row for the count."""
    slots = 16
    while slots < 2 * capacity:
        slots *= 2
    table = np.zeros((slots + 1, 2), np.int64)
    table[:, 0] = MAP_EMPTY
    table[slots, 0] = 0
    return table


@hot
def _home(key, mask):
    # Fibonacci hashing on 32-bit halves by odd 31-bit factors: no product leaves int64, so the result is the same with
    # the JIT off
    low = key & 0xFFFFFFFF
    high = (key >> 32) & 0xFFFFFFFF
    mixed = (low * 0x4F1BBCDD) ^ (high * 0x45D9F3B7)
    return ((mixed >> 29) ^ mixed) & mask


@hot
def map_get(table, key):
    """Value of `key`, or MAP_MISSING."""
    mask = table.shape[0] - 2
    slot = _home(key, mask)
    while table[slot, 0] != MAP_EMPTY:
        if table[slot, 0] == key:
            return table[slot, 1]
        slot = (slot + 1) & mask
    return MAP_MISSING


@hot
def map_put(table, key, value):
    """Set `key` to `value`. Returns 1, or 0 when the key is new and the map is half full (nothing changed)."""
    mask = table.shape[0] - 2
    slot = _home(key, mask)
    while table[slot, 0] != MAP_EMPTY:
        if table[slot, 0] == key:
            table[slot, 1] = value
            return 1
        slot = (slot + 1) & mask
    if table[mask + 1, 0] * 2 > mask:
        return 0
    table[slot, 0] = key
    table[slot, 1] = value
    table[mask + 1, 0] += 1
    return 1


@hot
def map_remove(table, key):
    """Forget `key`. Returns its value, or MAP_MISSING. Later entries of the probe run move back over the hole."""
    mask = table.shape[0] - 2
    slot = _home(key, mask)
    while table[slot, 0] != key:
        if table[slot, 0] == MAP_EMPTY:
            return MAP_MISSING
        slot = (slot + 1) & mask
    value = table[slot, 1]
    hole = slot
    probe = (slot + 1) & mask
    while table[probe, 0] != MAP_EMPTY:
        home = _home(table[probe, 0], mask)
        if ((probe - home) & mask) >= ((probe - hole) & mask):
            table[hole, 0] = table[probe, 0]
            table[hole, 1] = table[probe, 1]
            hole = probe
        probe = (probe + 1) & mask
    table[hole, 0] = MAP_EMPTY
    table[mask + 1, 0] -= 1
    return value


@hot
def map_len(table):
    """Number of keys."""
    return table[table.shape[0] - 1, 0]

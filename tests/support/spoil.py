"""Valid messages spoilt at random, between guard bytes: shows that a codec neither reads nor writes outside its array.

A message lies in the middle of an arena. The bytes around it are set to 0x00, then to 0xFF: an answer that differs comes
from bytes that are not the message's. What a codec writes lies between guards as well, which must keep their value. With
the JIT off or `NUMBA_BOUNDSCHECK=1` an index outside raises instead.
"""

import numpy as np

from shm.jit import JIT_OFF, hot

GUARD_BYTES = 64  # above the longest fixed part, so that a broken variant stays inside the arena
MESSAGE_BYTES_MAX = 160
ARENA_BYTES = GUARD_BYTES + MESSAGE_BYTES_MAX + GUARD_BYTES
ROOM_MAX = 72  # arrays that encoders are given have 0..71 bytes


class Corpus:
    """Valid messages as an array that compiled code takes from, and the arenas to spoil them in."""

    def __init__(self, messages: list[bytes], seed: int):
        self.rows = np.zeros((len(messages), MESSAGE_BYTES_MAX), np.uint8)
        self.sizes = np.array([len(message) for message in messages])
        for row, message in enumerate(messages):
            self.rows[row, : len(message)] = np.frombuffer(message, np.uint8)
        self.random = np.array([seed])
        self.arena, self.out = np.zeros(ARENA_BYTES, np.uint8), np.zeros(ARENA_BYTES, np.uint8)
        self.seen = np.zeros(64, np.int64)  # how often each code came, from -8 on


@hot
def draw(random, below):
    """A random number from 0 to `below` - 1, at most 2**20: the high bits of a linear congruence modulo 2**31."""
    random[0] = (random[0] * 1103515245 + 12345) & 0x7FFFFFFF
    return int(((random[0] >> 11) * below) >> 20)


@hot
def spoil(random, rows, sizes, arena):
    """Copy a message of the corpus behind the left guard and change it up to three times. Returns its size."""
    row = draw(random, rows.shape[0])
    size = int(sizes[row])
    for i in range(size):
        arena[GUARD_BYTES + i] = rows[row, i]
    for _ in range(draw(random, 4)):
        what = draw(random, 4)
        at = draw(random, max(size, 1))
        if what == 0 and size > 0:
            arena[GUARD_BYTES + at] = int(arena[GUARD_BYTES + at]) ^ (1 << draw(random, 8))
        elif what == 1 and size > 0:
            arena[GUARD_BYTES + at] = draw(random, 256)
        elif what == 2:
            size = at
        elif size < MESSAGE_BYTES_MAX:
            arena[GUARD_BYTES + size] = draw(random, 256)
            size += 1
    return size


@hot
def fill(values, start, end, value):
    """Set `values[start:end]`."""
    for i in range(start, end):
        values[i] = value


@hot
def all_are(values, start, end, value):
    """Whether `values[start:end]` are all `value`."""
    for i in range(start, end):
        if values[i] != value:
            return False
    return True


@hot
def are_equal(one, other):
    """Whether two arrays of one size hold the same."""
    for i in range(one.size):
        if one[i] != other[i]:
            return False
    return True


if JIT_OFF:  # the same three by numpy, which takes a thirtieth of the time; compiled code may not allocate as they do

    def fill(values, start, end, value):
        values[start:end] = value

    def all_are(values, start, end, value):
        return bool((values[start:end] == value).all())

    def are_equal(one, other):
        return bool((one == other).all())


@hot
def set_guards(arena, size, value):
    """Everything but the `size` bytes behind the left guard."""
    fill(arena, 0, GUARD_BYTES, value)
    fill(arena, GUARD_BYTES + size, arena.size, value)


@hot
def guards_hold(arena, size, value):
    """Whether everything but the `size` bytes behind the left guard still has its value."""
    return all_are(arena, 0, GUARD_BYTES, value) and all_are(arena, GUARD_BYTES + size, arena.size, value)


@hot
def rows_agree(event_bytes):
    """Of five rows: 1 and 3 are equal, and the guards 0, 2 and 4 zero."""
    for row in (0, 2, 4):
        if not all_are(event_bytes[row], 0, event_bytes.shape[1], 0):
            return False
    return are_equal(event_bytes[1], event_bytes[3])


@hot
def clear_row(event_bytes, row):
    """Zero one of the five rows."""
    fill(event_bytes[row], 0, event_bytes.shape[1], 0)

"""IntMap against dict, removal included, and its probe runs on the keys that we really have."""

import random

import numpy as np
import pytest

from shm.int_map import MAP_EMPTY, MAP_MISSING, _home, int_map, map_get, map_len, map_put, map_remove
from shm.jit import hot


@hot
def longest_probe(table):
    mask = table.shape[0] - 2
    longest = 0
    for slot in range(mask + 1):
        if table[slot, 0] != MAP_EMPTY:
            longest = max(longest, (slot - _home(table[slot, 0], mask)) & mask)
    return longest


def keys_sequential(rng):
    return rng.randrange(200)


def keys_strided(rng):
    return rng.randrange(100) * 4096


def keys_wide(rng):
    return rng.choice([1, -1]) * (rng.randrange(40) << rng.randrange(57))


def keys_high_half(rng):
    return rng.randrange(100) << 40


@pytest.mark.parametrize("keys", [keys_sequential, keys_strided, keys_wide, keys_high_half])
@pytest.mark.parametrize("seed", range(2))
def test_random_operations_agree_with_a_dict(keys, seed):
    rng = random.Random(f"{keys.__name__} {seed}")
    print(f"seed: '{keys.__name__} {seed}'")
    table, model = int_map(40), {}
    room = (table.shape[0] - 1) // 2
    assert room >= 40
    for turn in range(2000):
        key, action = keys(rng), rng.choice(["put", "put", "get", "remove"])
        if action == "put":
            done = map_put(table, key, turn)
            assert done == (1 if key in model or len(model) < room else 0)
            if done:
                model[key] = turn
        elif action == "get":
            assert map_get(table, key) == model.get(key, MAP_MISSING)
        else:
            assert map_remove(table, key) == model.pop(key, MAP_MISSING)
        assert map_len(table) == len(model)
        if turn % 20 == 0:
            assert all(map_get(table, held) == value for held, value in model.items())
            stored = {int(row[0]): int(row[1]) for row in table[:-1] if row[0] != MAP_EMPTY}
            assert stored == model


def test_extreme_keys_are_keys():
    table = int_map(8)
    for key in (0, -1, 2**63 - 1, -(2**63), 2**32, int(MAP_MISSING)):
        assert map_put(table, key, 7) == 1 and map_get(table, key) == 7
    assert map_len(table) == 6


@pytest.mark.parametrize("step", [1, 2, 64, 1 << 20, 1 << 32, (1 << 32) + 1])
def test_ids_that_count_up_do_not_pile_up(step):
    table = int_map(2048)
    for number in range(2048):
        assert map_put(table, 1_000_000 + number * step, number) == 1
    assert longest_probe(table) <= 200, "a look-up would walk a long run"


def test_a_full_map_refuses_new_keys_and_takes_them_after_a_removal():
    table = int_map(8)
    taken = 0
    while map_put(table, taken, taken) == 1:
        taken += 1
    assert taken == (table.shape[0] - 1) // 2
    before = table.copy()
    assert map_put(table, 1000, 1) == 0 and np.array_equal(before, table)
    assert map_put(table, 0, 5) == 1, "a key that is there may change"
    map_remove(table, 3)
    assert map_put(table, 1000, 1) == 1

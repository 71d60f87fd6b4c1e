"""Ring against collections.deque: random operations of both sides, restarts included, invariants after each."""

import random
from collections import deque

import pytest

from shm.ring import (
    ring_advance,
    ring_claim_part,
    ring_free,
    ring_peek,
    ring_publish_parts,
    ring_release,
    ring_resume_consumer,
    ring_resume_newest,
    ring_resume_producer,
)
from shm.scratch import scratch_ring
from tests.support.ring_work import SMALL
from tests.support.words import peek_record, read_word


class Model:
    """The obvious ring: what is published, of which `taken` records are read but not given back."""

    def __init__(self, capacity):
        self.capacity, self.waiting, self.taken, self.made = capacity, deque(), 0, 0

    def publish(self, parts, headroom):
        if len(self.waiting) + parts + headroom > self.capacity:
            return False
        self.waiting.extend(range(self.made, self.made + parts))
        self.made += parts
        return True

    def take(self):
        if self.taken == len(self.waiting):
            return None
        self.taken += 1
        return self.waiting[self.taken - 1]

    def release(self):
        for _ in range(self.taken):
            self.waiting.popleft()
        self.taken = 0


def check(model, producer, consumer):
    end = producer[0]
    head, tail = read_word(end["head_addr"]), int(end["next_seq"])
    assert 0 <= tail - head <= model.capacity
    assert tail == model.made and tail - head == len(model.waiting)
    assert consumer[0]["next_seq"] == head + model.taken
    for sequence in range(max(0, tail - model.capacity), tail + model.capacity):
        word = read_word(int(end["slots_addr"]) + (sequence & int(end["mask"])) * SMALL.itemsize)
        assert (word == sequence + 1) == (sequence < tail)


@pytest.mark.parametrize("capacity", [1, 2, 4, 16])
@pytest.mark.parametrize("seed", range(3))
def test_random_operations_agree_with_a_deque(capacity, seed):
    rng = random.Random(f"{capacity} {seed}")
    print(f"seed: random.Random('{capacity} {seed}')")
    model = Model(capacity)
    producer, consumer = scratch_ring(SMALL, capacity)
    for _ in range(600):
        action = rng.choices(
            ["publish", "take", "release", "abandon", "restart", "restart_reader", "newest"], [9, 9, 4, 2, 1, 1, 0.3]
        )[0]
        if action in ("publish", "abandon"):
            parts, headroom = rng.randint(1, min(3, capacity)), rng.choice([0, 0, 1, capacity // 2])
            addresses = []
            for part in range(parts):
                address = ring_claim_part(producer[0], part, headroom)
                if address == 0:
                    break
                addresses.append(address)
                peek_record(address, SMALL)["cause"] = model.made + part if action == "publish" else -1
            if action == "publish" and len(addresses) == parts:
                ring_publish_parts(producer[0], parts)
                assert model.publish(parts, headroom)
            elif action == "publish":
                assert not model.publish(parts, headroom)
        elif action == "take":
            address = ring_peek(consumer[0])
            expected = model.take()
            assert (address == 0) == (expected is None)
            if address:
                assert peek_record(address, SMALL)["cause"] == expected
                ring_advance(consumer[0])
        elif action == "release":
            ring_release(consumer[0])
            model.release()
        elif action == "restart":
            ring_resume_producer(producer[0])
            assert ring_free(producer[0]) == capacity - len(model.waiting)
        elif action == "restart_reader":
            ring_resume_consumer(consumer[0])
            model.taken = 0
        else:
            skipped = ring_resume_newest(consumer[0])
            assert skipped == len(model.waiting)
            model.taken = len(model.waiting)
            model.release()
        check(model, producer, consumer)

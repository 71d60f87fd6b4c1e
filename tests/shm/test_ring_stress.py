"""Ring between two real processes: tiny rings that wrap and fill, every word of every record checked, restarts by kill.

Pinned to two cores where the host has them; each side gives its core away when it waits. Larger counts under -m soak.
"""

import os
import random
import signal
import time

import numpy as np
import pytest

from shm.jit import JIT_OFF
from shm.ring import ring_resume_consumer, ring_resume_producer
from shm.segment_kinds import (
    attach_ring_consumer,
    attach_ring_producer,
    create_latest,
    create_ring,
    ring_end_consumer,
    ring_end_producer,
)
from tests.support.ring_work import (
    CONSUME,
    PRODUCE,
    RECORDS,
    SMALL,
    VALUE,
    consume_until,
    consume_with_snapshot,
    expected_sum,
    pipe,
    produce_forever,
    resumed_cause,
    start,
    warm_up,
)

EPOCH = 7
DEADLINE_S = 60
CAUSES = 2_000 if JIT_OFF else 200_000
KILLS = 5 if JIT_OFF else 40


@pytest.fixture(scope="module", autouse=True)
def compiled():
    warm_up()


def make_ring(fabric, record="small", capacity=8):
    for segment in create_ring(fabric, EPOCH, "r", RECORDS[record], capacity, "producer", "consumer"):
        segment.close()


def answer_of(receiver, child, deadline_s=DEADLINE_S):
    give_up = time.monotonic() + deadline_s
    while not receiver.poll(0.05):
        assert child.is_alive() or receiver.poll(0), f"the child ended with {child.exitcode} and no answer"
        assert time.monotonic() < give_up, f"no answer within {deadline_s} s"
    return receiver.recv()


def kill(child):
    os.kill(child.pid, signal.SIGKILL)
    child.join()


def run_two_processes(fabric, record, capacity, causes, deadline_s=DEADLINE_S):
    make_ring(fabric, record, capacity)
    receiver, sender = pipe()
    consumer = start(consume_until, fabric, EPOCH, record, causes, sender)
    producer = start(produce_forever, fabric, EPOCH, record, causes)
    verdict, code, progress = answer_of(receiver, consumer, deadline_s)
    assert (verdict, code) == ("good", 0), f"record {progress} is not what was published: {code}"
    total, records = expected_sum(causes, RECORDS[record]["words"].shape[0])
    assert progress == [causes, 0, total, records]
    producer.join(DEADLINE_S)
    assert producer.exitcode == 0


@pytest.mark.parametrize("record, capacity", [("small", 4), ("small", 64), ("large", 8)])
def test_two_processes_exchange_every_record_in_order_and_whole(fabric, record, capacity):
    run_two_processes(fabric, record, capacity, CAUSES)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("record, capacity", [("small", 4), ("small", 1024), ("large", 8)])
def test_soak_two_processes_exchange_every_record_in_order_and_whole(fabric, record, capacity):
    run_two_processes(fabric, record, capacity, 50 * CAUSES, deadline_s=600)


def kill_producer_trials(fabric, seed, kills):
    """A consumer here, a producer that is killed at random moments and started again, multi-part causes throughout."""
    rng = random.Random(seed)
    print(f"seed: {seed}")
    make_ring(fabric)
    data, head = attach_ring_consumer(fabric, EPOCH, "r", SMALL, 8, "consumer")
    ends, progress = ring_end_consumer(data, head), np.zeros(4, np.int64)
    ring_resume_consumer(ends[0])
    for _ in range(kills):
        child = start(produce_forever, fabric, EPOCH, "small", 1 << 40)
        goal, give_up = progress[3] + rng.choice([1, 10, 1000]), time.monotonic() + DEADLINE_S
        while progress[3] < goal:
            assert CONSUME[SMALL](ends[0], progress, progress[0] + 50, 3) >= 0, f"after {progress.tolist()}"
            assert child.is_alive() and time.monotonic() < give_up
            os.sched_yield()
        for _ in range(rng.randrange(200)):
            CONSUME[SMALL](ends[0], progress, progress[0] + 1, 3)
        kill(child)
        result = CONSUME[SMALL](ends[0], progress, 1 << 40, 3)
        assert result >= 0, f"torn, lost or out of order after {progress.tolist()}: {result}"
        assert progress[1] == 0, "a part of a cause without the others"
    total, records = expected_sum(int(progress[0]), 4)
    assert progress.tolist() == [progress[0], 0, total, records]
    data.close(), head.close()


def test_producer_killed_at_random_moments_loses_tears_and_reorders_nothing(fabric):
    kill_producer_trials(fabric, random.randrange(1 << 32), KILLS)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_soak_producer_killed_at_random_moments(fabric):
    kill_producer_trials(fabric, random.randrange(1 << 32), 1000)


def kill_consumer_trials(fabric, seed, kills):
    """A producer here, a consumer that keeps its progress in a latest table and is killed at random moments."""
    rng = random.Random(seed)
    print(f"seed: {seed}")
    make_ring(fabric)
    create_latest(fabric, EPOCH, "done", VALUE, 1, "consumer").close()
    data, head = attach_ring_producer(fabric, EPOCH, "r", SMALL, 8, "producer")
    ends = ring_end_producer(data, head)
    ring_resume_producer(ends[0])
    cause = 0
    for _ in range(kills):
        receiver, sender = pipe()
        child = start(consume_with_snapshot, fabric, EPOCH, 1 << 40, sender)
        goal, give_up = cause + rng.choice([10, 100, 1000]), time.monotonic() + DEADLINE_S
        while cause < goal:
            cause = PRODUCE[SMALL](ends[0], cause, goal)
            assert not receiver.poll(0), receiver.recv()
            assert child.is_alive() and time.monotonic() < give_up
            os.sched_yield()
        kill(child)
    until = cause + 10
    receiver, sender = pipe()
    child = start(consume_with_snapshot, fabric, EPOCH, until, sender)
    while cause < until:
        cause = PRODUCE[SMALL](ends[0], cause, until)
        os.sched_yield()
    total, records = expected_sum(until, 4)
    assert answer_of(receiver, child) == ("good", 0, [until, 0, total, records])
    child.join()
    data.close(), head.close()


def test_consumer_killed_at_random_moments_applies_each_record_exactly_once(fabric):
    kill_consumer_trials(fabric, random.randrange(1 << 32), KILLS)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_soak_consumer_killed_at_random_moments(fabric):
    kill_consumer_trials(fabric, random.randrange(1 << 32), 1000)


def test_a_restarted_producer_knows_the_last_cause_from_the_ring(fabric):
    make_ring(fabric)
    data, head = attach_ring_producer(fabric, EPOCH, "r", SMALL, 8, "producer")
    ends = ring_end_producer(data, head)
    ring_resume_producer(ends[0])
    cause = PRODUCE[SMALL](ends[0], 0, 100)  # until it is full
    data.close(), head.close()
    data, head = attach_ring_producer(fabric, EPOCH, "r", SMALL, 8, "producer")
    again = ring_end_producer(data, head)
    ring_resume_producer(again[0])
    assert resumed_cause(again) == cause and again[0]["next_seq"] == ends[0]["next_seq"]
    assert data.header["owner_attached"] == 2
    data.close(), head.close()

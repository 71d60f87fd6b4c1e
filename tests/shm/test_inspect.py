"""Inspect: status sees what hot code did, from outside, by name."""

import subprocess
import sys

import numpy as np
import pytest

from shm import inspect
from shm.latest import latest_claim, latest_publish
from shm.records.top import TOP
from shm.ring import (
    ring_advance,
    ring_caught_up,
    ring_claim,
    ring_claim_part,
    ring_mark_behind,
    ring_peek,
    ring_publish,
    ring_release,
    ring_resume_consumer,
    ring_resume_producer,
)
from shm.roster import create_fabric_epoch
from shm.segment_kinds import (
    attach_ring_consumer,
    attach_ring_producer,
    create_instance,
    create_latest,
    create_ring,
    ring_end_consumer,
    ring_end_producer,
    table_end,
)
from tests.support.ring_work import SMALL
from tests.support.words import peek_record


@pytest.fixture
def living(fabric):
    """(view, producer row, consumer row, tops table row) of a small fabric."""
    epoch = create_fabric_epoch(fabric, b"{}")
    made = [*create_ring(fabric, epoch, "intents.mm1.risk_gate", SMALL, 8, "mm1", "risk_gate")]
    made += [create_latest(fabric, epoch, "tops", TOP, 3, "feed_handler"), create_instance(fabric, epoch, "mm1")]
    producer = attach_ring_producer(fabric, epoch, "intents.mm1.risk_gate", SMALL, 8, "mm1")
    consumer = attach_ring_consumer(fabric, epoch, "intents.mm1.risk_gate", SMALL, 8, "risk_gate")
    ends = ring_end_producer(*producer), ring_end_consumer(*consumer)
    ring_resume_producer(ends[0][0]), ring_resume_consumer(ends[1][0])
    with inspect.FabricView(fabric) as view:
        yield view, ends[0], ends[1], table_end(made[2])
    for segment in (*made, *producer, *consumer):
        segment.close()


def publish(producer, cause):
    peek_record(ring_claim(producer[0], 0), SMALL)["cause"] = cause
    ring_publish(producer[0])


def test_a_ring_is_seen_with_depth_high_water_refusals_and_owners(living):
    view, producer, consumer, _ = living
    for cause in range(8):
        publish(producer, cause)
    assert ring_claim(producer[0], 0) == 0
    for _ in range(5):
        ring_peek(consumer[0]), ring_advance(consumer[0])
    ring_release(consumer[0])
    publish(producer, 8)
    ring_mark_behind(producer[0])
    ring_caught_up(consumer[0], 4)
    (status,) = view.rings().values()
    assert (status.capacity, status.head_seq, status.tail_seq, status.depth) == (8, 5, 9, 4)
    assert (status.high_water, status.refusals, status.behind, status.caught_up_seq) == (8, 1, True, 4)
    assert status.producer_pid == status.consumer_pid > 0
    data, head = (view._segments[f"intents.mm1.risk_gate.{part}"] for part in ("data", "head"))
    assert inspect.ring_records(data, head, SMALL)["cause"].tolist() == [5, 6, 7, 8]


def test_marks_behind_a_hole_are_not_depth(living):
    view, producer, _, _ = living
    publish(producer, 0)
    for part in range(3):
        ring_claim_part(producer[0], part, 0)
    end = producer[0]
    for sequence in (2, 3):  # parts of sequence 1 that is never stored
        peek_record(int(end["slots_addr"]) + sequence * SMALL.itemsize, SMALL)["ring_seq"] = sequence + 1
    assert view.ring("intents.mm1.risk_gate").depth == 1


@pytest.mark.parametrize("head", [0, 5, 7, 8, 1 << 40])
def test_a_published_run_is_counted_over_the_wrap(head):
    for depth in range(9):
        words = np.zeros(8, np.int64)
        for sequence in range(max(0, head + depth - 8), head + depth):
            words[sequence & 7] = sequence + 1
        assert inspect.published_run(words, head) == depth


def test_latest_rows_are_copies_with_their_versions(living):
    view, _, _, tops = living
    for price in (10, 20):
        peek_record(latest_claim(tops[0], 1), TOP)["bid_price_ticks"] = price
        latest_publish(tops[0], 1)
    versions, values = view.table("tops", TOP)
    assert versions.tolist() == [0, 2, 0]
    assert values["bid_price_ticks"].tolist() == [0, 20, 0]
    assert inspect.latest_row(view._segments["tops"], TOP, 0)[1]["bid_price_ticks"] == 0
    with pytest.raises(IndexError):
        inspect.latest_row(view._segments["tops"], TOP, 3)


def test_instances_are_found_by_name(living):
    view, *_ = living
    assert list(view.instances()) == ["mm1"]
    assert sorted(view.objects()) == [
        "instance.mm1",
        "intents.mm1.risk_gate.data",
        "intents.mm1.risk_gate.head",
        "tops",
    ]


def test_cold_files_do_not_import_numba():
    code = "import sys, shm.inspect, shm.roster, shm.segment, shm.errors, shm.ends; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

"""Ring: examples, one rule each, on scratch memory."""

import numpy as np
import pytest

from shm.atomics import store_release
from shm.jit import JIT_OFF, hot
from shm.ring import (
    ring_advance,
    ring_caught_up,
    ring_caught_up_seq,
    ring_claim,
    ring_claim_part,
    ring_clear_behind,
    ring_find,
    ring_is_behind,
    ring_mark_behind,
    ring_peek,
    ring_publish,
    ring_publish_parts,
    ring_release,
    ring_resume_consumer,
    ring_resume_newest,
    ring_resume_producer,
)
from shm.scratch import scratch_ring
from tests.support.ring_work import SMALL
from tests.support.words import peek_record, read_word

CAPACITY = 8


@hot
def store_word(address, value):
    store_release(address, value)


@pytest.fixture
def ring():
    producer, consumer = scratch_ring(SMALL, CAPACITY)
    ring_resume_producer(producer[0])
    ring_resume_consumer(consumer[0])
    return producer, consumer


def publish(producer, cause, headroom=0):
    address = ring_claim(producer[0], headroom)
    if address == 0:
        return 0
    peek_record(address, SMALL)["cause"] = cause
    ring_publish(producer[0])
    return address


def take(consumer):
    address = ring_peek(consumer[0])
    if address == 0:
        return None
    cause = int(peek_record(address, SMALL)["cause"])
    ring_advance(consumer[0])
    return cause


def slots(producer):
    end = producer[0]
    return [peek_record(int(end["slots_addr"]) + k * SMALL.itemsize, SMALL).copy() for k in range(CAPACITY)]


def test_empty_ring_gives_no_record(ring):
    _, consumer = ring
    assert ring_peek(consumer[0]) == 0


def test_records_arrive_in_order_and_claimed_ones_do_not(ring):
    producer, consumer = ring
    assert ring_claim(producer[0], 0) == ring_claim(producer[0], 0)
    assert take(consumer) is None
    for cause in range(3):
        publish(producer, cause)
    assert [take(consumer) for _ in range(4)] == [0, 1, 2, None]


def test_claim_of_a_full_ring_returns_0_changes_nothing_and_is_counted(ring):
    producer, consumer = ring
    for cause in range(CAPACITY):
        assert publish(producer, cause)
    before, sequence = slots(producer), int(producer[0]["next_seq"])
    assert ring_claim(producer[0], 0) == 0
    assert ring_claim_part(producer[0], 1, 0) == 0
    assert slots(producer) == before and producer[0]["next_seq"] == sequence
    assert producer[0]["refusals"] == 2
    assert read_word(producer[0]["stats_addr"] + 8) == 2
    assert read_word(producer[0]["stats_addr"]) == CAPACITY
    assert [take(consumer) for _ in range(CAPACITY + 1)] == [*range(CAPACITY), None]


def test_a_read_slot_is_reused_only_after_release(ring):
    producer, consumer = ring
    for cause in range(CAPACITY):
        publish(producer, cause)
    assert take(consumer) == 0
    assert publish(producer, 99) == 0
    ring_release(consumer[0])
    assert publish(producer, 99)
    assert publish(producer, 100) == 0


def test_headroom_keeps_slots_for_those_who_ask_without_it(ring):
    producer, _ = ring
    made = 0
    while publish(producer, made, headroom=3):
        made += 1
    assert made == CAPACITY - 3
    assert [publish(producer, 50 + k) != 0 for k in range(4)] == [True, True, True, False]


def test_parts_of_one_cause_become_visible_together(ring):
    producer, consumer = ring
    for part in range(3):
        peek_record(ring_claim_part(producer[0], part, 0), SMALL)["cause"] = 70 + part
        assert ring_peek(consumer[0]) == 0
    ring_publish_parts(producer[0], 3)
    assert [take(consumer) for _ in range(4)] == [70, 71, 72, None]


def test_parts_beyond_the_free_slots_are_refused_and_what_was_claimed_stays_invisible(ring):
    producer, consumer = ring
    for cause in range(CAPACITY - 2):
        publish(producer, cause)
    assert ring_claim_part(producer[0], 0, 0) and ring_claim_part(producer[0], 1, 0)
    assert ring_claim_part(producer[0], 2, 0) == 0
    assert len([cause for cause in iter(lambda: take(consumer), None)]) == CAPACITY - 2


def test_a_producer_that_died_before_the_first_part_is_stored_leaves_nothing_visible(ring):
    producer, consumer = ring
    for cause in range(2):
        publish(producer, cause)
    for part in range(3):
        peek_record(ring_claim_part(producer[0], part, 0), SMALL)["cause"] = 70 + part
    for part in (2, 1):  # ring_publish_parts stores 2, 1, 0; it died after 1
        store_word(int(producer[0]["slots_addr"]) + (2 + part) * SMALL.itemsize, 2 + part + 1)
    assert [take(consumer) for _ in range(3)] == [0, 1, None]
    again = producer.copy()
    ring_resume_producer(again[0])
    assert again[0]["next_seq"] == 2
    publish(again, 80)
    assert [take(consumer) for _ in range(2)] == [80, None], "old parts 1 and 2 must not follow the new record"


def test_a_restarted_producer_goes_on_at_the_first_unpublished_slot_even_of_a_full_ring(ring):
    producer, consumer = ring
    for cause in range(CAPACITY):
        publish(producer, cause)
    ring_resume_producer(producer[0])
    assert producer[0]["next_seq"] == CAPACITY and producer[0]["high_water"] == CAPACITY
    assert ring_claim(producer[0], 0) == 0
    for _ in range(5):
        take(consumer)
    ring_release(consumer[0])
    ring_resume_producer(producer[0])
    assert producer[0]["next_seq"] == CAPACITY and producer[0]["refusals"] == 1
    assert publish(producer, CAPACITY)
    assert [take(consumer) for _ in range(5)] == [5, 6, 7, 8, None]


def test_a_restarted_consumer_continues_at_head_seq_and_reads_unreleased_records_again(ring):
    producer, consumer = ring
    for cause in range(6):
        publish(producer, cause)
    take(consumer), take(consumer)
    ring_release(consumer[0])
    take(consumer)
    ring_resume_consumer(consumer[0])
    assert [take(consumer) for _ in range(5)] == [2, 3, 4, 5, None]


def test_a_record_is_found_by_its_sequence_while_its_slot_holds_it(ring):
    producer, consumer = ring
    assert ring_find(consumer[0], 0) == ring_find(consumer[0], -1) == 0
    for cause in range(3):
        publish(producer, cause)
    take(consumer)
    assert peek_record(ring_find(consumer[0], 0), SMALL)["cause"] == 0
    assert peek_record(ring_find(consumer[0], 2), SMALL)["cause"] == 2
    assert [ring_find(consumer[0], sequence) for sequence in (-1, 3, CAPACITY, 1 << 40)] == [0, 0, 0, 0]


def test_resume_newest_skips_everything_published_and_frees_it(ring):
    producer, consumer = ring
    for cause in range(CAPACITY):
        publish(producer, cause)
    assert ring_resume_newest(consumer[0]) == CAPACITY
    assert take(consumer) is None
    assert publish(producer, 90)
    assert take(consumer) == 90
    assert ring_resume_newest(consumer[0]) == 1, "unreleased records are skipped, too"


@pytest.mark.parametrize("head", [-5, 3, 1 << 40])
def test_a_head_that_runs_backwards_or_past_the_tail_never_frees_an_unread_slot(ring, head):
    producer, consumer = ring
    for cause in range(4):
        publish(producer, cause)
        take(consumer)
    ring_release(consumer[0])
    for cause in range(4, 4 + CAPACITY):
        assert publish(producer, cause)
    store_word(int(producer[0]["head_addr"]), head)
    assert ring_claim(producer[0], 0) == 0
    store_word(int(producer[0]["head_addr"]), 5)
    assert ring_claim(producer[0], 0) != 0


@pytest.mark.parametrize("near", [2**31 - 2, 2**32 - 2, 2**53 - 2, 2**62 - 2 * CAPACITY - 2])
def test_sequences_pass_the_widths_at_which_integers_break(near):
    producer, consumer = scratch_ring(SMALL, CAPACITY)
    store_word(int(producer[0]["head_addr"]), near)
    for resume, end in ((ring_resume_producer, producer), (ring_resume_consumer, consumer)):
        resume(end[0])
        assert end[0]["next_seq"] == near
    for cause in range(2 * CAPACITY):
        assert publish(producer, cause)
        assert take(consumer) == cause
        ring_release(consumer[0])
    assert consumer[0]["next_seq"] == near + 2 * CAPACITY
    ring_resume_producer(producer[0])
    assert producer[0]["next_seq"] == near + 2 * CAPACITY


def test_behind_and_caught_up_words_cross_the_ring(ring):
    producer, consumer = ring
    assert ring_is_behind(consumer[0]) == 0
    ring_mark_behind(producer[0])
    assert ring_is_behind(consumer[0]) == 1 and producer[0]["behind"] == 1
    ring_caught_up(consumer[0], 12345)
    assert ring_caught_up_seq(producer[0]) == 12345
    ring_clear_behind(producer[0])
    assert ring_is_behind(consumer[0]) == 0 and producer[0]["behind"] == 0


def test_capacity_one_works():
    producer, consumer = scratch_ring(SMALL, 1)
    for cause in range(5):
        assert publish(producer, cause)
        assert publish(producer, 99) == 0
        assert take(consumer) == cause
        ring_release(consumer[0])


@pytest.mark.skipif(JIT_OFF, reason="the claim is about compiled code")
def test_compiling_happens_once_for_all_rings():
    before = len(ring_claim.signatures)
    other, _ = scratch_ring(np.dtype([("ring_seq", "<i8"), ("x", "<i8", (7,))]), 4)
    ring_claim(other[0], 0)
    assert len(ring_claim.signatures) == before

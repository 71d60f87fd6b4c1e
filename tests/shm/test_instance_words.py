"""Counters, distinct errors and histograms: what the hot thread writes is what the cold reader sees."""

import bisect
import math
import random

import numpy as np
import pytest

from shm import inspect
from shm.counters import COUNTERS
from shm.errors import QuintetError
from shm.instance import HOT_ERROR_ROWS, bucket_of, count, gauge, note_error, record_span, stamp
from shm.records.clock_page import CLOCK_PAGE
from shm.records.error_row import ERROR_ROW
from shm.records.histogram import HISTOGRAM_BUCKETS, HISTOGRAM_SUB_BITS
from shm.records.instance import COUNTERS_MAX, INSTANCE, INSTANCE_OFFSET
from shm.scratch import scratch_clock
from shm.segment import HEADER_BYTES
from shm.segment_kinds import create_clock, create_instance, instance_end
from tests.support.words import peek_record

EPOCH = 3


@pytest.fixture
def mine(fabric):
    """(me, the instance object read-only): a real segment, hot words on one side, inspect on the other."""
    instance, clock = create_instance(fabric, EPOCH, "strategy.mm1"), create_clock(fabric, EPOCH, "fabric")
    clock.view(HEADER_BYTES, CLOCK_PAGE)[0] = peek_record(scratch_clock(), CLOCK_PAGE)
    yield instance_end(instance, clock), instance
    instance.close(), clock.close()


def oracle_bounds():
    """Lower bounds of all buckets by the definition: unit steps, then 64 equal steps to each power of two."""
    bounds = list(range(128))
    power = 128
    while len(bounds) < HISTOGRAM_BUCKETS:
        bounds += [power + step * (power // 64) for step in range(64)]
        power *= 2
    return bounds


def test_buckets_are_log_linear_to_1_6_percent():
    bounds = oracle_bounds()
    assert len(bounds) == HISTOGRAM_BUCKETS
    rng = random.Random(5)
    values = [rng.randrange(1 << rng.randrange(1, 45)) for _ in range(1500)]
    values += [edge + step for edge in bounds[::37] for step in (-1, 0, 1) if edge + step >= 0] + [2**62, 2**63 - 1]
    for value in values:
        bucket = bucket_of(value)
        assert bucket == bisect.bisect_right(bounds, value) - 1, value
        lowest, highest = inspect.bucket_bounds(bucket)
        assert lowest == bounds[bucket]
        if bucket < HISTOGRAM_BUCKETS - 1:
            assert lowest <= value <= highest == bounds[bucket + 1] - 1
            assert highest - lowest <= lowest / (1 << HISTOGRAM_SUB_BITS)
    assert bucket_of(-1) == bucket_of(-(2**62)) == 0


def test_percentiles_are_those_of_the_sorted_values(mine):
    me, instance = mine
    rng = random.Random(6)
    values = [int(rng.lognormvariate(8, 2)) for _ in range(3000)]
    for value in values:
        record_span(me[0], 2, value)
    (seen,) = inspect.histograms(instance)
    values.sort()
    assert (seen.count, seen.min, seen.max, seen.sum) == (len(values), values[0], values[-1], sum(values))
    assert seen.counts.sum() == len(values)
    for q, found in ((0.5, seen.p50), (0.99, seen.p99), (0.999, seen.p99_9)):
        exact = values[math.ceil(q * len(values)) - 1]
        assert exact <= found <= exact + exact / 64 + 1
    assert inspect.percentile(seen.counts, 0.0) <= values[0] * 1.02 + 1
    assert inspect.percentile(np.zeros(HISTOGRAM_BUCKETS, np.int64), 0.5) == 0


def test_the_percentile_text_ends_at_the_greatest_value(mine, tmp_path):
    me, instance = mine
    for value in (1, 50, 1000, 123_456):
        record_span(me[0], 0, value)
    (seen,) = inspect.histograms(instance)
    inspect.write_hgrm(seen, tmp_path / "x.hgrm")
    lines = (tmp_path / "x.hgrm").read_text().splitlines()
    rows = [line.split() for line in lines[2:] if not line.startswith("#")]
    assert [int(row[2]) for row in rows] == [1, 2, 3, 4] and rows[-1][0] == "123456" and rows[-1][3] == "inf"
    assert lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    assert "Total count    =            4" in lines[-2]


def test_counters_are_read_by_label(mine):
    me, instance = mine
    assert inspect.counters(instance) == {}
    for counter in COUNTERS:
        count(me[0], counter.id, counter.id + 1)
        count(me[0], counter.id, 1)
    gauge(me[0], COUNTERS[0].id, -7)
    seen = inspect.counters(instance)
    assert seen == {counter.label: counter.id + 2 for counter in COUNTERS} | {COUNTERS[0].label: -7}


def test_counter_ids_and_labels_are_unique_and_fit():
    ids, labels = {counter.id for counter in COUNTERS}, {counter.label for counter in COUNTERS}
    assert len(ids) == len(labels) == len(COUNTERS)
    assert 0 <= min(ids) and max(ids) < COUNTERS_MAX


def test_distinct_errors_take_one_row_each_and_keep_first_last_and_detail(mine):
    me, instance = mine
    before = stamp(me[0])
    for turn in range(5):
        note_error(me[0], 7, turn, -turn)
        note_error(me[0], 9, 100 + turn, 0)
    first, second = inspect.errors(instance)
    assert (first.code, first.count, first.detail_a, first.detail_b) == (7, 5, 4, -4)
    assert (second.code, second.count, second.detail_a) == (9, 5, 104)
    assert before <= first.first_ns <= second.first_ns <= first.last_ns <= second.last_ns <= stamp(me[0])


def test_more_distinct_errors_than_rows_end_in_the_last_hot_row_and_spare_the_control_threads(mine):
    me, instance = mine
    for code in range(1, HOT_ERROR_ROWS + 11):
        note_error(me[0], code, 0, 0)
    seen = inspect.errors(instance)
    assert [row.code for row in seen[:-1]] == list(range(1, HOT_ERROR_ROWS))
    assert len(seen) == HOT_ERROR_ROWS and seen[-1].count == 11 and seen[-1].code == HOT_ERROR_ROWS + 10
    assert not peek_record(me[0]["errors_addr"] + HOT_ERROR_ROWS * 64, ERROR_ROW)["code"]


def test_the_instance_page_is_read_by_field_name(mine):
    me, instance = mine
    page = instance.view(INSTANCE_OFFSET, INSTANCE)[0]
    page["pid"], page["step_ns"], page["stop"] = 5, 6, 7
    seen = inspect.instance_page(instance)
    assert (seen["pid"], seen["step_ns"], seen["stop"]) == (5, 6, 7)
    assert not any("reserved" in field for field in seen)
    assert me[0]["page_addr"] == instance.address + INSTANCE_OFFSET
    assert issubclass(QuintetError, Exception)


def test_no_two_counters_share_a_word_or_a_label():
    assert len({counter.id for counter in COUNTERS}) == len({counter.label for counter in COUNTERS}) == len(COUNTERS)
    assert all(0 <= counter.id < COUNTERS_MAX for counter in COUNTERS)

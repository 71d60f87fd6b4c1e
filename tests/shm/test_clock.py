"""Clocks: latency time follows CLOCK_MONOTONIC; logic time is real, scaled or driven."""

import time

import numpy as np
import pytest

from shm.clock import calibrate, drive_now_ns, now_ns, stamp_ns
from shm.codes import CLOCK_DRIVEN, CLOCK_REAL, CLOCK_SCALED
from shm.records.clock_page import CLOCK_PAGE, CLOCK_SOURCE_DRIVEN, CLOCK_SOURCE_SYSCALL
from shm.scratch import scratch_clock, scratch_me
from tests.support.words import peek_record

SLACK_NS = 200_000_000  # a busy machine may take the core away between two readings
SECOND = 1_000_000_000


def between(read, reference, slack=0):
    """Assert that `read()` lies between two readings of `reference`, within `slack`."""
    before = reference()
    value = read()
    assert before - slack <= value <= reference() + slack
    return value


def test_stamps_are_monotonic_nanoseconds():
    clock = scratch_clock()
    slack = 1_000_000  # rate error 1e-6 of the seconds since calibration, with room
    last = 0
    for _ in range(1000):
        value = between(lambda: stamp_ns(clock), time.monotonic_ns, slack)
        assert value >= last
        last = value


def test_the_counter_is_calibrated_well_enough_over_half_a_second():
    clock = scratch_clock()
    outside = []
    for _ in range(20):
        before, stamp, after = time.monotonic_ns(), stamp_ns(clock), time.monotonic_ns()
        outside.append((after - before, max(before - stamp, stamp - after, 0)))
        time.sleep(0.025)
    _, error = min(outside[10:])
    assert error < 20_000, f"{error} ns off after half a second"


def test_the_system_call_source_gives_the_same_time():
    clock = scratch_clock()
    peek_record(clock, CLOCK_PAGE)["source"] = CLOCK_SOURCE_SYSCALL
    between(lambda: stamp_ns(clock), time.monotonic_ns)


def test_real_logic_time_is_utc():
    clock = scratch_clock(CLOCK_REAL)
    between(lambda: now_ns(clock), time.time_ns, SLACK_NS)


def test_scaled_time_starts_where_told_and_runs_at_its_speed():
    clock = scratch_clock(CLOCK_SCALED, speed=60.0, logic_start_ns=5 * SECOND)
    base = int(peek_record(clock, CLOCK_PAGE)["base_ns"])
    between(lambda: now_ns(clock), lambda: 5 * SECOND + 60 * (time.monotonic_ns() - base), 60_000_000)


@pytest.mark.parametrize("speed, days", [(0.5, 4), (1.0, 30), (100.0, 10), (1.25, 365)])
def test_scaled_time_is_exact_after_days(speed, days):
    clock = scratch_clock(CLOCK_SCALED, speed=speed, logic_start_ns=0)
    page = peek_record(clock, CLOCK_PAGE)
    page["source"] = CLOCK_SOURCE_DRIVEN  # latency time is a word here: no waiting for days
    page["driven_ns"] = page["base_ns"] + days * 86_400 * SECOND + 8
    assert now_ns(clock) == (days * 86_400 * SECOND + 8) * int(speed * 4) // 4


def test_driven_time_stands_still_until_it_is_driven():
    clock = scratch_clock(CLOCK_DRIVEN, logic_start_ns=1000)
    assert now_ns(clock) == now_ns(clock) == 1000
    drive_now_ns(clock, 2**53 + 1)
    assert now_ns(clock) == 2**53 + 1
    between(lambda: stamp_ns(clock), time.monotonic_ns, 1_000_000)


def test_virtual_stamps_are_the_drivers_word_too():
    clock = scratch_clock(CLOCK_DRIVEN, logic_start_ns=77, virtual_stamps=True)
    assert stamp_ns(clock) == now_ns(clock) == 77
    drive_now_ns(clock, 78)
    assert stamp_ns(clock) == now_ns(clock) == 78


def test_scratch_instances_share_one_clock():
    assert scratch_me()[0]["clock_addr"] == scratch_me()[0]["clock_addr"]


def test_calibration_fills_every_word():
    page = np.zeros(1, CLOCK_PAGE)
    calibrate(page)
    for field in ("base_ns", "base_cycles", "ns_per_cycle_q32", "utc_offset_ns", "source", "mode", "speed_q16"):
        assert page[0][field] != 0, field
    assert not page[0]["reserved"].any() and not page[0]["driven_reserved"].any()

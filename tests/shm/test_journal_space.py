"""The low-space alarm comes while there is room for two files and for ten minutes at the fastest pace seen."""

import pytest

from shm.journal_space import RESERVE_FILES, RESERVE_SECONDS, JournalSpace

FILE_BYTES = 10_000_000


def test_an_idle_journal_keeps_two_files_in_reserve():
    space = JournalSpace(FILE_BYTES)
    assert not space.low(0.0, 0, RESERVE_FILES * FILE_BYTES)
    assert space.low(1.0, 0, RESERVE_FILES * FILE_BYTES - 1)


@pytest.mark.parametrize(
    "pace, free, low",
    [
        (1_000_000, 600_000_000, False),
        (1_000_000, 599_999_999, True),
        (10_000, 20_000_000, False),
        (10_000, 19_999_999, True),
    ],
)
def test_a_busy_journal_keeps_ten_minutes_in_reserve(pace, free, low):
    space = JournalSpace(FILE_BYTES)
    for second in range(31):
        found = space.low(100.0 + second, second * pace, free)
    assert found == low


def test_the_fastest_pace_is_remembered_when_it_is_quiet_again():
    space = JournalSpace(FILE_BYTES)
    written = 0
    for second in range(60):
        written += 2_000_000 if second < 20 else 0
        space.low(float(second), written, 1 << 40)
    assert space.reserve_bytes() == pytest.approx(2_000_000 * RESERVE_SECONDS, rel=0.01)


def test_it_clears_when_somebody_made_room():
    space = JournalSpace(FILE_BYTES)
    assert space.low(0.0, 0, 5)
    assert not space.low(1.0, 0, 1 << 40)

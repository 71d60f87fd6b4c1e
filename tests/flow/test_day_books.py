"""A generated day through the venue's and feed_handler's own steps in one thread: every book, order by order."""

import random

import numpy as np
import pytest

from bench.day_file import write_day_file
from procs.feed_handler.book_check import contents
from procs.feed_handler.state import FRAMES_IN_MAX
from procs.venue.day_file import read_directory
from shm.codes import SIDE_BUY, SIDE_SELL
from tests.oracles.day import DayBooks
from tests.support.feed_bench import FeedBench
from tests.support.venue_day import DayRig

pytestmark = pytest.mark.timeout(1800)
MOVED = 1 << 62
SAMPLES = 20
SIZES = [
    pytest.param(12_000, 500, 3000, id="12000 messages of 500"),
    pytest.param(10_000_000, 500, 200_000, id="ten million messages of 500", marks=pytest.mark.soak),
    pytest.param(300_000, 8_000, 70_000, id="300000 messages of 8000", marks=pytest.mark.soak),
]


class Machine:
    """The venue plays; each of its datagrams goes into feed_handler's step; its row of `channels` goes back."""

    def __init__(self, path, symbols, orders_max):
        self.feed = FeedBench(symbols, [{"QNTA", "QNTB"}], driven=True, capacity=1 << 15)
        self.feed.settings |= {"orders_max": orders_max, "levels_max": max(orders_max, 4096)}
        self.feed._open()
        self.venue = DayRig(path, channels=self.feed.settings["channels"])

    def run_to(self, message):
        """Play and deliver up to that message of the day."""
        self.venue.pause_at(message)
        while int(self.feed.channel()["next_seq"]) <= message:
            datagrams = self.venue.turn()
            for first in range(0, len(datagrams), FRAMES_IN_MAX):
                self.feed.step(*((0, raw) for raw in datagrams[first : first + FRAMES_IN_MAX]))
                self.feed.take()


def plain(book):
    """[(price, [size, ...])]: history's orders in the matching engine have other references."""
    return [(price, [size for _, size in queue]) for price, queue in book]


@pytest.mark.parametrize("messages, instruments, live", SIZES)
def test_every_book_is_the_files_order_by_order_at_sampled_points_and_at_the_end(tmp_path, messages, instruments, live):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    path = tmp_path / "day.itch"
    write_day_file(path, messages, instruments, seed=seed)
    locates = read_directory(path).locates
    machine, oracle = Machine(path, list(locates), live), DayBooks(path)
    head = 2 + 2 * instruments
    stops = sorted(random.Random(seed).sample(range(head + 1, messages), SAMPLES))
    for stop in [*stops, messages]:
        machine.run_to(stop)
        oracle.play(stop)
        assert int(machine.feed.parts.book.row[0]["orders"]) == len(oracle.where)
        for row, (symbol, locate) in enumerate(locates.items()):
            for side in (SIDE_BUY, SIDE_SELL):
                found = [(price, queue) for price, _, queue in contents(machine.feed.parts.book, row, side)]
                expected = oracle.queues(locate, side)
                if symbol.startswith("QNT"):
                    assert plain(found) == plain(expected), (stop, symbol, side)
                else:
                    moved = [(price, [(ref | MOVED, size) for ref, size in queue]) for price, queue in expected]
                    assert found == moved, (stop, symbol, side)
    assert not np.any(machine.feed.parts.instruments["suspect"])

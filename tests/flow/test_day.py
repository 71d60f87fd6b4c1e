"""A whole generated Nasdaq day through the live machine: no gap, and books equal to an independent reading of the file.

The machine plays the day at maximum speed, with a strategy that never quotes, so that every published message is one of
the file. The venue pauses at the sampled points; there the latest tables are compared: top of book of every instrument,
five levels a side and their orders of those that go through the matching engine.
"""

import os
import random
import time
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from bench.day_file import write_day_file
from procs.cli.demo import replay_day
from procs.runtime.instrument_ids import IDS_FILE, read_ids
from shm.records.depth import DEPTH
from shm.records.instrument import INSTRUMENT
from shm.records.top import TOP
from tests.oracles.day import BUY, SELL, DayBooks
from tests.support.system import System, system_config

pytestmark = [pytest.mark.timeout(1800), pytest.mark.usefixtures("no_leftovers")]
SAMPLES = 100
FAULTLESS = ("feed_requests", "feed_recovered", "feed_gaps", "feed_malformed", "feed_unknown_type", "feed_book_errors") + (
    *("feed_unlisted", "feed_foreign_session", "feed_ahead_dropped", "feed_ticks_skipped", "venue_diverged"),
)  # fmt: skip
SIZES = [
    pytest.param(60_000, 500, id="60000 messages of 500"),
    pytest.param(50_000, 8_000, id="50000 messages of 8000", marks=pytest.mark.soak),
    pytest.param(10_000_000, 500, id="ten million messages of 500", marks=pytest.mark.soak),
    pytest.param(300_000, 8_000, id="300000 messages of 8000", marks=pytest.mark.soak),
]


def quiet_config(path: Path, name: str):
    """The shipped configuration on a day, with quotes of no size; and the symbols of the day."""
    return replay_day(system_config(name, params={"position_lots_max": 0}), str(path), 0.0)


class Comparison:
    """Tables of a running machine beside the oracle's books."""

    def __init__(self, machine: System, oracle: DayBooks, head: int):
        self.machine, self.oracle = machine, oracle
        oracle.play(head)
        ids = read_ids(machine.fabric.state_folder / IDS_FILE)
        self.rows = {locate: ids[symbol] for locate, symbol in oracle.symbols.items()}
        configured = {row for row, held in enumerate(machine.fabric.config.instruments) if held.configured}
        self.seats = {locate: row for locate, row in self.rows.items() if row in configured}

    def at(self, message: int) -> None:
        """Everything equal behind that message of the file."""
        self.oracle.play(message)
        _, tops = self.machine.snapshot.view.table("tops", TOP)
        names = ("bid_price_ticks", "bid_qty_lots", "ask_price_ticks", "ask_qty_lots")
        found = np.stack([tops[name] for name in names], axis=1)[list(self.rows.values())]
        expected = np.array([self.oracle.top(locate) for locate in self.rows])
        wrong = np.flatnonzero((found != expected).any(axis=1))
        assert wrong.size == 0, (message, wrong[:5], found[wrong[:5]], expected[wrong[:5]])
        _, depth = self.machine.snapshot.view.table("depth", DEPTH)
        for locate, row in self.seats.items():
            for side, word in ((BUY, "bid"), (SELL, "ask")):
                fields = [depth[row][f"{word}_{name}"].tolist() for name in ("price_ticks", "qty_lots", "orders")]
                levels = [level for level in zip(*fields, strict=True) if level[0]]
                assert levels == self.oracle.depth(locate, side), (message, locate, side)


@pytest.mark.parametrize("messages, instruments", SIZES)
def test_a_day_is_replayed_without_a_gap_and_its_books_are_right_wherever_one_looks(folders, messages, instruments):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    path = folders / "day.itch"
    write_day_file(path, messages, instruments, seed=seed)
    config, listed, _ = quiet_config(path, "day")
    head = 2 + 2 * instruments
    stops = sorted(random.Random(seed).sample(range(head + 1, messages), SAMPLES))
    with System(config, venue={"pause_at": stops[0]}, listed=listed) as machine:
        comparison, moving = Comparison(machine, DayBooks(path), head), 0.0
        for stop, after in zip([*stops, messages], [*stops[1:], 0, 0], strict=True):
            begun = time.monotonic()
            arrived = f"message {stop}"
            machine.wait(lambda: machine.snapshot.feed()[0]["next_seq"] >= stop + 1, arrived, 900)  # noqa: B023
            moving += time.monotonic() - begun
            assert machine.snapshot.feed()[0]["next_seq"] == stop + 1, "the venue paused there"
            comparison.at(stop)
            machine.turn(pause_at=after)
        machine.wait(lambda: machine.counters().get("venue_history_done"), "the end of the day")
        print(f"{messages / moving:,.0f} messages/s, {SAMPLES} pauses included")
        feed, counters = machine.snapshot.feed()[0], machine.counters()
        assert feed["missing"] == 0 and feed["messages"] == messages
        assert {name: counters[name] for name in FAULTLESS if counters.get(name)} == {}
        assert machine.snapshot.errors() == {}
        assert comparison.seats, "some went through the matching engine"
        _, listing = machine.snapshot.view.table("instruments", INSTRUMENT)
        assert all(listing[row]["locate"] == locate for locate, row in comparison.rows.items())


@pytest.mark.soak
def test_a_day_with_our_own_quotes_in_it_trades_and_every_stranger_stays_as_the_file_says(folders):
    path = folders / "day.itch.gz"
    write_day_file(path, 30_000, 100, seed=7)
    config, listed, _ = replay_day(system_config("quoted"), str(path), 0.0)
    with System(config, listed=listed) as machine:
        machine.wait(lambda: machine.counters().get("venue_history_done"), "the end of the day", 120)
        report = machine.finish()
        assert report["failures"] == [], machine.logs()
        assert report["fills"] > 0 and report["feed"]["gaps"] == 0
        comparison = Comparison(machine, DayBooks(path), 202)
        comparison.oracle.play(30_000)
        _, tops = machine.snapshot.view.table("tops", TOP)
        strangers = set(comparison.rows) - set(comparison.seats)
        assert len(strangers) == 96
        for locate in strangers:
            top = tops[comparison.rows[locate]]
            assert comparison.oracle.top(locate) == tuple(int(top[name]) for name in TOP.names[:4])


def test_ids_of_one_day_hold_on_the_next_whatever_its_locates(folders):
    days = [folders / "first.itch", folders / "second.itch"]
    write_day_file(days[0], 500, 40, seed=1)
    write_day_file(days[1], 700, 60, seed=2, strangers=True)
    name, seen = f"days-{os.getpid()}", []
    from procs.runtime.fabric import Fabric

    for path in days:
        config, listed, _ = replay_day(structs.replace(system_config("days"), name=name), str(path), 0.0)
        fabric = Fabric(config, fresh=True, listed=listed)
        seen.append(read_ids(fabric.state_folder / IDS_FILE))
        fabric.destroy()
    assert seen[0].items() <= seen[1].items() and len(seen[1]) == 5 + 60
    assert {f"S{number:05d}" for number in range(60)} <= set(seen[1])

"""kill -9 of position_keeper at every call that changes memory: each execution counts once, rows and journal are equal.

Interpreted only: compiled functions call each other directly. A short day of fills, a broken and a corrected trade is
played whole once; killed anywhere, once or twice, it must end in the same rows, totals and journalled executions.
"""

from random import Random

import pytest

from procs.position_keeper.state import SNAPSHOT_EVERY_NS
from shm.codes import REPORT_ACCEPTED, REPORT_BROKEN, REPORT_CORRECTED, REPORT_EXECUTED, SIDE_BUY, SIDE_SELL
from shm.jit import JIT_OFF
from shm.records.position import POSITION
from shm.records.total import TOTAL
from tests.support.keeper_bench import KeeperBench
from tests.support.killer import Killed, Killer

pytestmark = pytest.mark.skipif(not JIT_OFF, reason="run with NUMBA_DISABLE_JIT=1")

KILL_POINTS = (
    *("journal_claim", "journal_commit", "book", "latest_claim", "latest_publish", "publish_position", "publish_pnl"),
    *("ring_advance", "ring_release", "ring_caught_up", "replay", "apply_change", "publish_total", "see"),
)
PAIRS = 60  # of a first and a second death
# the spread of a fill is measured at the mid when it is heard: one that is read from the journal later has none
MOVING = ("now_ns", "spread_micro", "unrealised_micro", "fifo_unrealised_micro")
ROW = [name for name in POSITION.names if name not in MOVING]
MONEY = [name for name in TOTAL.names if name.endswith("_micro") and name not in MOVING]


class Day:
    """A few reports of two instruments; position_keeper may die anywhere in it."""

    def __init__(self, killer: Killer):
        self.killer, self.deaths = killer, 0
        self.bench = KeeperBench(lots_max=64, sent=64, journal=64, reports=16)

    def trade(self, lots, side=SIDE_BUY, price=1_000_000, **fields):
        self.bench.report(
            REPORT_EXECUTED, side, qty_lots=lots, price_ticks=price, match_number=self.bench.report_seq + 1, **fields
        )

    def run(self, at: int = 0, **how) -> "Day":
        bench = self.bench
        bench.top(999_900, 1_000_300)
        self.killer.arm(at, **{"after": False, **how})
        self.trade(10)
        bench.report(REPORT_ACCEPTED, qty_lots=5, price_ticks=1_000_000, instrument_id=1)
        self.trade(5, SIDE_SELL, 1_000_200, instrument_id=1)
        self.step(1)
        self.trade(4, SIDE_SELL, 1_000_500)
        bench.report(REPORT_CORRECTED, SIDE_BUY, qty_lots=9, price_ticks=999_900, match_number=1)
        self.trade(7, SIDE_BUY, 1_000_100, instrument_id=1)
        self.step(2)
        bench.report(REPORT_BROKEN, SIDE_SELL, match_number=4, qty_lots=4, price_ticks=1_000_500)
        self.trade(3, ring=False)  # order_sender left us behind
        self.trade(2, SIDE_SELL, 1_000_400)
        self.step(SNAPSHOT_EVERY_NS)
        self.killer.at = self.killer.again = 0
        self.step(2 * SNAPSHOT_EVERY_NS)
        return self

    def step(self, now_ns):
        for _ in range(4):
            try:
                self.bench.step(now_ns)
                if self.bench.state.exit_request[0]:
                    self.bench.catch_up()
                    self.bench.forgive()
            except Killed:
                self.deaths += self.killer.rise(self.bench.start)

    def picture(self):
        """Everything that a day leaves: rows, totals in money, journalled executions by report."""
        rows = [[self.bench.position(at)[name].item() for name in ROW] for at in (0, 1)]
        totals = [[total[name].item() for name in MONEY] for total in self.bench.totals()]
        return rows, totals, self.bench.fills()


def test_the_whole_day_is_what_its_executions_say(monkeypatch):
    day = Day(Killer(monkeypatch, "procs.position_keeper", KILL_POINTS)).run()
    held = [day.bench.position(at) for at in (0, 1)]
    assert [int(row["position_lots"]) for row in held] == [9 + 3 - 2, 7 - 5]
    assert day.bench.fills() == [1, 3, 4, 5, 6, 7, 8, 9]
    assert day.deaths == 0 and day.killer.calls > 80


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_a_kill_at_any_call_counts_each_execution_once(monkeypatch, after):
    killer = Killer(monkeypatch, "procs.position_keeper", KILL_POINTS)
    whole = Day(killer).run().picture()
    calls = killer.calls
    for at in range(1, calls + 1):
        day = Day(killer).run(at, after=after)
        assert day.deaths == 1, at
        assert day.picture() == whole, f"killed at call {at} of {calls}, {after=}"


def test_a_second_kill_while_it_recovers_counts_each_execution_once(monkeypatch):
    killer = Killer(monkeypatch, "procs.position_keeper", KILL_POINTS)
    whole = Day(killer).run().picture()
    seed, calls = 5, killer.calls
    print("seed", seed)
    rng = Random(seed)
    twice = 0
    for _ in range(PAIRS):
        at, again, after = rng.randrange(1, calls), rng.randrange(1, 60), rng.random() < 0.5
        day = Day(killer).run(at, after=after, again=again)
        twice += day.deaths == 2
        assert day.picture() == whole, f"killed at call {at} and {again} later, {after=}, {seed=}"
    assert twice > PAIRS // 3

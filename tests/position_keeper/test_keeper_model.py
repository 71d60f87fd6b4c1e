"""Random executions, breaks, corrections and deaths in several currencies, against accounts replayed from lists.

Every report goes the whole way: order_sender's journal and ring, the keeper's step or catch-up, its journal, its tables.
"""

import random
from collections import defaultdict

import pytest

from procs.position_keeper.accounts import check
from shm.codes import (
    LIQUIDITY_ADDED,
    LIQUIDITY_REMOVED,
    REPORT_ACCEPTED,
    REPORT_BROKEN,
    REPORT_CORRECTED,
    REPORT_EXECUTED,
    SIDE_BUY,
    SIDE_SELL,
    TOTAL_FIRM,
    TOTAL_INSTRUMENT,
    TOTAL_SESSION,
    TOTAL_STRATEGY,
)
from shm.jit import JIT_OFF
from shm.records.pnl import SUMMED
from tests.oracles.position import Execution
from tests.support.keeper_bench import KeeperBench
from tests.support.keeper_config import account_of, several_currencies

DAYS = 2 if JIT_OFF else 20
EVENTS_OF_A_DAY = 300 if JIT_OFF else 1000
CONFIG = several_currencies()
INSTRUMENTS = len(CONFIG.instruments)
PRICE = 1_000_000


class Day:
    """One keeper and, for each of its rows, the slow account of what it was told."""

    def __init__(self, seed: int, lots_max: int):
        self.chance = random.Random(seed)
        self.bench = KeeperBench(reports=16, journal=4096, config=CONFIG, lots_max=lots_max)
        self.accounts = [account_of(CONFIG, row % INSTRUMENTS) for row in range(self.bench.rows)]
        self.told: list[tuple[int, int, int, int]] = []  # row, match, order, side of every execution
        self.mids = [0] * INSTRUMENTS
        self.matches = self.unusable = self.broken = self.corrected = 0

    def report(self, kind, row, side, match=0, order=0, **fields):
        strategy, instrument = divmod(row, INSTRUMENTS)
        where = {"strategy_id": strategy, "instrument_id": instrument}
        self.bench.report(kind, side, match_number=match, order_id=order, **where, **fields)

    def execute(self):
        chance, row = self.chance, self.chance.randrange(self.bench.rows)
        sign, adds = chance.choice((1, -1)), chance.random() < 0.7
        lots, price = chance.choice((1, 1, 2, 7, chance.randint(1, 60))), PRICE + chance.randint(-300, 300)
        if chance.random() < 0.85:
            self.matches += 1  # else both sides of one match are ours
        side, order = SIDE_BUY if sign > 0 else SIDE_SELL, len(self.told) + 1
        liquidity = LIQUIDITY_ADDED if adds else LIQUIDITY_REMOVED
        terms = {"qty_lots": lots, "price_ticks": price, "liquidity": liquidity}
        self.report(REPORT_EXECUTED, row, side, self.matches, order, **terms)
        # only what a step takes from the ring knows its mid: the model steps at once
        self.step()
        mark = int(self.bench.last_fill()["mark_half_ticks"])
        assert mark in (0, self.mids[row % INSTRUMENTS])
        self.accounts[row].execute(Execution((self.matches, order), sign, lots, price, adds, mark))
        self.told.append((row, self.matches, order, side))

    def change(self, kind):
        """Break or correct any execution ever told, also one that is broken already; or one that never was."""
        if not self.told:
            return
        row, match, order, side = self.chance.choice(self.told)
        if self.chance.random() < 0.05:
            match = 10**9
        lots, price = self.chance.randint(1, 60), PRICE + self.chance.randint(-300, 300)
        adds = self.chance.choice((None, None, True, False))
        liquidity = {None: 0, True: LIQUIDITY_ADDED, False: LIQUIDITY_REMOVED}[adds]
        self.report(kind, row, side, match, order, qty_lots=lots, price_ticks=price, liquidity=liquidity)
        if kind == REPORT_BROKEN:
            self.broken += self.accounts[row].undo((match, order))
        else:
            self.corrected += self.accounts[row].correct((match, order), lots, price, adds)
        self.step()

    def step(self):
        self.bench.step(self.bench.report_seq * 1_000_000)
        if self.bench.state.exit_request[0]:
            self.bench.catch_up()
            self.bench.forgive()

    def event(self):
        pick = self.chance.random()
        if pick < 0.72:
            self.execute()
        elif pick < 0.80:
            self.change(REPORT_BROKEN)
        elif pick < 0.88:
            self.change(REPORT_CORRECTED)
        elif pick < 0.97:
            instrument = self.chance.randrange(INSTRUMENTS)
            bid = PRICE + self.chance.randint(-300, 300)
            self.mids[instrument] = 2 * bid + self.chance.choice((1, 100, 201))
            self.bench.top(bid, self.mids[instrument] - bid, instrument)
        elif pick < 0.995:
            self.report(REPORT_ACCEPTED, self.chance.randrange(self.bench.rows), SIDE_BUY, qty_lots=1, price_ticks=1)
        else:
            self.bench.start()

    def check_row(self, row, exactly=False):
        held, pnl, account = self.bench.position(row), self.bench.pnl(row), self.accounts[row]
        self.unusable += int(pnl["fifo_unusable"])
        check(held)
        for field, value in account.totals().items():
            assert held[field] == pnl[field] == value, field
        cost, realised = account.average_cost()
        assert (held["cost_micro"], held["realised_micro"]) == (cost, realised)
        assert (pnl["cost_micro"], pnl["realised_micro"]) == (cost, realised)
        if not pnl["fifo_unusable"]:
            assert (pnl["fifo_cost_micro"], pnl["fifo_realised_micro"]) == account.fifo()
            both = [pnl[f"{method}realised_micro"] + pnl[f"{method}unrealised_micro"] for method in ("", "fifo_")]
            assert both[0] == both[1]
        if exactly:
            exact_cost, exact_realised = account.average_cost_exact()
            closes = len(account.standing)
            assert abs(cost - exact_cost) <= closes and abs(realised - exact_realised) <= closes

    def check_totals(self):
        """Every total is the sum of its rows, in its currency."""
        sums = defaultdict(lambda: dict.fromkeys(SUMMED, 0))
        for row in range(self.bench.rows):
            strategy, instrument = divmod(row, INSTRUMENTS)
            currency, pnl = CONFIG.instruments[instrument].currency, self.bench.pnl(row)
            scopes = ((TOTAL_FIRM, 0), (TOTAL_SESSION, 0), (TOTAL_STRATEGY, strategy), (TOTAL_INSTRUMENT, instrument))
            for scope in scopes:
                for name in SUMMED:
                    sums[scope, currency][name] += int(pnl[name])
        names = list(dict.fromkeys(instrument.currency for instrument in CONFIG.instruments))
        for total in self.bench.totals():
            key = ((int(total["scope"]), int(total["scope_id"])), names[total["currency_id"]])
            assert {name: int(total[name]) for name in SUMMED} == sums.pop(key), key
        assert not sums

    def run(self, events):
        for number in range(events):
            self.event()
            if number % 100 == 99:
                self.check_row(self.chance.randrange(self.bench.rows))
        for row in range(self.bench.rows):
            self.check_row(row, exactly=True)
        self.check_totals()
        self.step()
        before = [self.bench.position(row) for row in range(self.bench.rows)]
        lots = self.bench.state.queues["cost_micro"].tolist()
        self.bench.start()
        assert [self.bench.position(row) for row in range(self.bench.rows)] == before
        if not self.bench.state.queues["unusable"].any():
            assert self.bench.state.queues["cost_micro"].tolist() == lots
        for row in range(self.bench.rows):
            self.check_row(row)


def run_days(seeds):
    for seed in seeds:
        print("seed", seed)
        scarce = seed % 4 == 0
        day = Day(seed, lots_max=12 if scarce else 5000)
        day.run(EVENTS_OF_A_DAY)
        assert day.broken > 5 and day.corrected > 5
        assert (day.unusable > 0) == scarce, "a scarce pool must be seen full, another one never"


def test_random_days_equal_accounts_replayed_from_their_lists():
    run_days(range(DAYS))


@pytest.mark.soak
def test_a_million_events_equal_accounts_replayed_from_their_lists():
    run_days(range(100, 1100))

"""Power losses under order_sender and position_keeper: fills come again from the venue, each is applied once, in both.

Orders are on disk before they fill (an order that only the venue remembers is adopted: test_sender_external.py); what
order_sender learns of them is lost from any point behind the watermark on, and so is position_keeper's journal.
"""

import random

import numpy as np
import pytest

from config.load import load
from shm.codes import JOURNAL_REPORT, REPORT_EXECUTED, SIDE_BUY, SIDE_SELL
from shm.errors import JournalCorrupt
from shm.records.report import REPORT
from tests.support.power import Power, PowerLost
from tests.support.power_bench import PowerKeeper, PowerSender

LIVES = 6


class Both:
    """The two roles, the power beneath them, and what the venue executed."""

    def __init__(self, folder, power: Power, chance: random.Random):
        self.power, self.chance = power, chance
        self.sender = PowerSender(folder / "order_sender", report_capacity=1024, journal_capacity=1024)
        self.keeper = PowerKeeper(folder / "position_keeper", self.sender, load())
        self.sender.ready()
        self.resting: dict[int, int] = {}  # venue reference -> order id
        self.wanted: dict[tuple[int, int], list[int]] = {}  # (strategy, instrument) -> bought, sold, executions
        self.side_of: dict[int, tuple[int, int]] = {}
        self.fills = 0

    def place(self) -> None:
        """A few orders, accepted and on disk."""
        self.sender.venue.auto = True
        for _ in range(self.chance.randrange(1, 4)):
            side, instrument = self.chance.choice((SIDE_BUY, SIDE_SELL)), self.chance.randrange(2)
            order = self.sender.new(qty=1000, side=side, instrument=instrument)
            self.sender.settle()
            ref = self.sender.ref(order)
            self.resting[ref], self.side_of[ref] = order, (side, instrument)
        while self.sender.copier.copy_some():
            pass

    def execute(self) -> None:
        """The venue executes; some of it reaches us."""
        for _ in range(self.chance.randrange(1, 6)):
            ref, qty = self.chance.choice(list(self.resting)), self.chance.randrange(1, 20)
            if self.sender.venue.orders[ref].leaves <= qty:
                continue
            self.sender.venue.execute(ref, qty)
            side, instrument = self.side_of[ref]
            row = self.wanted.setdefault((0, instrument), [0, 0, 0])
            row[0 if side == SIDE_BUY else 1] += qty
            row[2] += 1
            self.fills += 1
        if self.chance.random() < 0.8:
            self.sender.settle()

    def copy(self) -> None:
        """Both copiers and the keeper get some way."""
        if self.chance.random() < 0.5:
            self.sender.copier.copy_some(self.chance.randrange(1, 20))
        self.keeper.catch_up()
        self.keeper.copier.copy_some(100)  # it would be ahead of order_sender's files if it could

    def run(self) -> None:
        """Until the power goes."""
        while True:
            self.execute()
            self.copy()

    def start_again(self) -> tuple[int, int]:
        """Power is back. Returns (entries of order_sender lost, bytes torn)."""
        tail = self.sender.tail()
        self.power.lose()
        self.sender.lose_power()
        self.keeper.lose_power()
        self.sender.start()
        lost = tail - self.sender.found.tail_seq
        self.keeper.start()
        self.keeper.catch_up()  # as at its start, before the venue told anything again
        self.sender.ready()
        self.sender.settle(200)
        self.keeper.catch_up()
        return lost, self.sender.found.cut_bytes

    def check(self, what: str) -> None:
        """The keeper has exactly what the venue executed, and the journal has each execution once."""
        assert self.keeper.lots() == {row: tuple(held) for row, held in self.wanted.items()}, what
        entries = [payload for kind, payload in self.sender.journal_entries() if kind == JOURNAL_REPORT]
        reports = np.frombuffer(b"".join(payload[: REPORT.itemsize] for payload in entries), REPORT)
        assert reports["report_seq"].tolist() == list(range(1, len(reports) + 1)), f"{what}: a number twice or missing"
        trades = reports[reports["kind"] == REPORT_EXECUTED]
        assert len(trades) == len(np.unique(trades[["match_number", "order_id"]])) == self.fills, what


@pytest.mark.parametrize("turns", [4, pytest.param(200, marks=pytest.mark.soak)])
def test_fills_of_known_orders_come_again_and_positions_are_the_venues(tmp_path, monkeypatch, turns):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    lives = lost_entries = refused = fills = 0
    for turn in range(turns):
        with monkeypatch.context() as patch:
            power = Power(patch, chance)
            both = Both(tmp_path / str(turn), power, chance)
            for life in range(LIVES):
                what = f"seed {seed}, turn {turn}, life {life}"
                both.place()
                power.lose_after(chance.randrange(1, 15))
                with pytest.raises(PowerLost):
                    both.run()
                try:
                    lost, _ = both.start_again()
                except JournalCorrupt:  # a later sector of an unsynced batch survived an earlier one: a person looks
                    refused += 1
                    break
                lives, lost_entries = lives + 1, lost_entries + lost
                both.check(what)
            fills += both.fills
    print(f"{lives} lives, {fills} fills, {lost_entries} entries lost, {refused} refused")
    assert lives > 0 and fills > 0

"""Random trading into the record, against what the trading itself knows; and the same rows however they were loaded."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from procs.oms import loader as loader_module
from procs.oms.chain import chain
from procs.oms.check import check
from procs.oms.history import orders_at, positions_at
from procs.oms.loader import Loader
from procs.oms.query import Filter, Moment, executions, orders
from procs.oms.schema import FILE
from procs.oms.store import open_reader
from procs.runtime.paths import state_folder
from tests.support.record_bench import LOGIC_NS, Scribe, Trading, dump

pytestmark = pytest.mark.usefixtures("folders")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def traded(name: str, seed: int, turns: int, epochs: int = 1) -> list[Trading]:
    """Epochs of random trading, in the journals."""
    made = []
    for epoch in range(1, epochs + 1):
        scribe = Scribe(name, epoch)
        scribe.login()
        trading = Trading(scribe, seed + epoch, first_order=101 + made[-1].next_order if made else 101)
        for _ in range(turns):
            trading.turn()
        scribe.write()
        made.append(trading)
    return made


def loaded(name: str) -> dict[str, list[tuple]]:
    """Load all there is; the rows."""
    loader = Loader(name, None)
    try:
        loader.load()
        return dump(loader.store.connection)
    finally:
        loader.close()


def agrees(name: str, days: list[Trading]) -> None:
    """The record says what the trading knows."""
    connection = open_reader(name)
    for epoch, trading in enumerate(days, start=1):
        rows = list(orders(connection, Filter(epoch=epoch)))
        assert len(rows) == trading.orders
        assert {row["order_id"] for row in rows if not row["closed"]} == set(trading.open)
        for row in rows:
            if not row["closed"]:
                held = trading.open[row["order_id"]]
                assert (row["leaves_lots"], row["cum_lots"]) == (held["leaves"], held["cum"])
        trades = list(executions(connection, Filter(epoch=epoch)))
        assert len(trades) == trading.executions and all(row["position_lots"] is not None for row in trades)
        refused = connection.execute("SELECT count(*) FROM decisions WHERE epoch = ? AND code != 'pass'", (epoch,))
        assert refused.fetchone()[0] == trading.rejects
        kept = connection.execute(
            "SELECT instrument_id, position_lots FROM positions WHERE epoch = ?", (epoch,)
        ).fetchall()
        assert {(0, row[0]): row[1] for row in kept} == trading.positions
    assert [row["found"] for row in check(connection)] == [[]] * 6
    connection.close()


@pytest.mark.parametrize("turns", [300, pytest.param(30_000, marks=pytest.mark.soak)])
def test_the_record_of_random_days_says_what_happened(turns):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    name = f"model-{os.getpid()}"
    days = traded(name, seed, turns, epochs=2)
    loaded(name)
    agrees(name, days)


KEPT = ("order_id", "state", "pending", "leaves_lots", "cum_lots", "executed_lots", "closed")


def test_orders_and_positions_of_the_past_are_what_the_record_said_then():
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    name = f"past-{os.getpid()}"
    scribe = Scribe(name, 1)
    trading = Trading(scribe, seed)
    said = []
    loader = Loader(name, None)
    for _ in range(6):
        for _ in range(60):
            trading.turn()
        scribe.write()
        loader.cursors = {key: (next_seq, False) for key, (next_seq, _) in loader.store.cursors().items()}
        loader.load()
        connection = open_reader(name)
        rows = [tuple(row[field] for field in KEPT) for row in orders(connection, Filter())]
        said.append((Moment(LOGIC_NS + scribe.clock_ns), rows, dict(trading.positions)))
        connection.close()
    connection = open_reader(name)
    for at, rows, positions in said:
        assert [tuple(row[field] for field in KEPT) for row in orders_at(connection, Filter(), at)] == rows
        held = {
            (row["strategy_id"], row["instrument_id"]): row["position_lots"] for row in positions_at(connection, at)
        }
        assert held == positions
        still = {row["order_id"] for row in orders_at(connection, Filter(open=True), at)}
        assert still == {row[0] for row in rows if not row[-1]}
    assert list(orders_at(connection, Filter(), Moment(LOGIC_NS))) == [] == positions_at(connection, Moment(LOGIC_NS))
    connection.close()
    loader.close()


def test_chains_of_random_orders_are_complete():
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    name = f"chains-{os.getpid()}"
    (day,) = traded(name, seed, 200)
    loaded(name)
    connection = open_reader(name)
    for row in list(orders(connection, Filter())):
        found = chain(connection, str(row["order_id"]))
        steps = [link["step"] for link in found["links"]]
        begun = [
            "tick received",
            "tick published",
            "intent decided",
            "gate passed",
            "order published",
            "journalled",
            "sent",
        ]
        assert steps[:7] == begun and steps.count("executed") == steps.count("position kept")
        assert (
            sum(link["details"]["qty_lots"] for link in found["links"] if link["step"] == "executed")
            == row["executed_lots"]
        )
    connection.close()


def test_any_batches_and_any_number_of_starts_give_the_same_rows_as_one_load(monkeypatch):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    name, dice = f"batches-{os.getpid()}", random.Random(seed)
    traded(name, seed, 250)
    whole = loaded(name)
    assert whole["orders"] and whole["fills"] and whole["cursors"]
    (state_folder(name) / FILE).unlink()
    for _ in range(10_000):
        monkeypatch.setattr(loader_module, "BATCH_ENTRIES", dice.randrange(1, 60))
        loader = Loader(name, None)
        for _ in range(dice.randrange(1, 12)):
            loader.step()
        ended = [held for _, held in loader.store.cursors().values()]
        loader.close()
        if len(ended) == 4 and all(ended):
            break
    else:
        pytest.fail("the journals never ended")
    assert loaded(name) == whole


def test_a_record_that_was_deleted_is_built_again_to_the_same_rows_while_journals_grow():
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    name = f"rebuild-{os.getpid()}"
    scribe = Scribe(name, 1)
    trading = Trading(scribe, seed)
    loader = Loader(name, None)
    for _ in range(3):
        for _ in range(100):
            trading.turn()
        scribe.write()
        loader.cursors = {key: (next_seq, False) for key, (next_seq, _) in loader.store.cursors().items()}
        loader.load()
    before = dump(loader.store.connection)
    loader.close()
    (state_folder(name) / FILE).unlink()
    assert loaded(name) == before
    agrees(name, [trading])


@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.soak)])
def test_a_loader_that_is_killed_at_any_moment_goes_on_and_applies_nothing_twice(kills, tmp_path):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    name, dice = f"killed-{os.getpid()}", random.Random(seed)
    traded(name, seed, 2_500)
    code = (
        "import sys; from procs.oms import loader; loader.BATCH_ENTRIES = 50\n"
        "held = loader.Loader(sys.argv[1], None); print('go', flush=True); held.load(); print('done', flush=True)"
    )
    died = 0
    for _ in range(kills):
        child = subprocess.Popen([sys.executable, "-c", code, name], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert child.stdout.readline() == "go\n"
        time.sleep(dice.random() * 0.15)  # the moment of the kill, not a wait for anything
        child.send_signal(signal.SIGKILL)
        died += child.wait() == -signal.SIGKILL
        child.stdout.close()
    assert died > 0, "no kill came while it loaded"
    after = loaded(name)
    shutil.move(state_folder(name) / FILE, tmp_path / "killed.sqlite3")
    assert loaded(name) == after and after["breaks"] == []

"""A machine that lost its power on a long day is ready again: every role from its journal, positions as they were."""

import time

import pytest
from msgspec import structs

from config.fees import with_trading_date
from config.load import encode, file_of
from procs.cli.snapshot import Snapshot
from procs.runtime.fabric import Fabric
from procs.runtime.instrument_ids import number_instruments
from procs.runtime.paths import state_folder
from procs.runtime.settled import CONFIGURATION, is_settled
from procs.runtime.supervisor import Supervisor
from shm.codes import LIFE_NAMES, LIFE_RUNNING
from tests.support.long_day import ENTRIES_AN_ORDER, LongDay
from tests.support.system import ROLES, system_config

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("folders", "no_leftovers")]

EPOCH = 1_700_000_000
SECONDS_MAX = 10.0


def long_day_config(name: str):
    """The machine without its venue, which is elsewhere and still there, and without oms, which nothing waits for."""
    config = system_config(name)
    hot = tuple(instance for instance in config.topology.instances if instance.role in ROLES)
    config = structs.replace(config, topology=structs.replace(config.topology, instances=hot))
    return with_trading_date(config, file_of("venues.toml"))


def write_day(config, records: int) -> int:
    """An unsettled life with that many journal records. Returns its orders."""
    orders = records // ENTRIES_AN_ORDER // 2 * 2
    folder = state_folder(config.name) / "journal" / str(EPOCH)
    folder.mkdir(parents=True)
    numbered = number_instruments(config, state_folder(config.name))
    (folder / CONFIGURATION).write_bytes(encode(numbered))
    assert LongDay(folder, numbered, EPOCH, orders).write() == orders * ENTRIES_AN_ORDER
    assert not is_settled(folder)
    return orders


def start(fabric: Fabric, supervisor: Supervisor) -> tuple[float, dict[str, dict[str, float]]]:
    """(seconds until all run, {role: {life: seconds in it}}), looked at every few milliseconds."""
    begun = time.monotonic()
    spent = {role: {} for role in ROLES}
    for process in supervisor.processes.values():
        supervisor.spawn(process)
    last = begun
    while not supervisor.all_running():
        assert supervisor.poll() == [], [path.read_text()[-2000:] for path in supervisor.log_folder.iterdir()]
        now = time.monotonic()
        assert now - begun < 200, spent
        for role in ROLES:
            page = fabric.page(role)
            if page.life != LIFE_RUNNING:
                life = LIFE_NAMES.get(page.life, "being spawned")
                spent[role][life] = spent[role].get(life, 0.0) + now - last
        last = now
        time.sleep(0.005)
    return time.monotonic() - begun, spent


@pytest.mark.parametrize("records", [100_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_a_cold_start_reads_the_days_journals_within_ten_seconds(records):
    config = long_day_config("cold")
    orders = write_day(config, records)
    fabric = Fabric(config)
    supervisor = Supervisor(fabric)
    snapshot = None
    try:
        assert fabric.epoch == EPOCH, "the life was not settled: it is gone on with"
        supervisor.prepare(lambda row: None)
        seconds, spent = start(fabric, supervisor)
        print(f"{records:,} records: every role runs {seconds:.2f} s after the first was started")
        for role, lives in spent.items():
            print(f"  {role:<16}", ", ".join(f"{life} {held:.2f} s" for life, held in lives.items()))
        snapshot = Snapshot(config.name)
        (row,) = [row for row in snapshot.positions() if row["fills"]]
        assert (row["fills"], row["position_lots"]) == (orders, 0)
        counters = snapshot.counters()
        assert counters.get("sender_open_orders", 0) == counters.get("gate_open_orders", 0) == 0
        said = "".join(path.read_text() for path in supervisor.log_folder.iterdir())
        for role, entries in (("risk_gate", orders), ("order_sender", 3 * orders), ("position_keeper", orders)):
            assert f"{role}: the journal ends at entry {entries}; its memory is gone" in said, said
            assert f"{role}: journal_tail" in snapshot.errors(), "status shows it"
        assert seconds <= SECONDS_MAX
    finally:
        if snapshot is not None:
            snapshot.close()
        supervisor.stop()
        fabric.destroy()

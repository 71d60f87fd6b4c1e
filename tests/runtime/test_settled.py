"""When a life is over, and which one a start goes on with: by the roles' pages, the files, and the configuration."""

from datetime import timedelta

import numpy as np
import pytest
from msgspec import structs

from config.fees import with_trading_date
from config.load import encode, file_of, load
from procs.runtime.fabric import Fabric
from procs.runtime.objects import JOURNAL_PAYLOADS
from procs.runtime.paths import state_folder
from procs.runtime.settled import CONFIGURATION, SETTLED, UnsettledEpoch, epoch_to_go_on_with, is_settled
from shm.codes import LIFE_CLOSED, LIFE_FAILED
from shm.counters import SENDER_OPEN_ORDERS
from shm.records.instance import COUNTERS_OFFSET
from tests.support.journal import JournalBench

pytestmark = pytest.mark.usefixtures("folders", "no_leftovers")


def outside(name: str):
    """The shipped configuration, dated, whose venue is not one of its processes."""
    config = load(name)
    instances = tuple(held for held in config.topology.instances if held.role != "venue")
    config = structs.replace(config, topology=structs.replace(config.topology, instances=instances))
    return with_trading_date(config, file_of("venues.toml"))


def journal_in(folder) -> None:
    bench = JournalBench(folder, 64)
    bench.start()
    bench.append(3)
    bench.copier.copy_some()
    bench.stop()


def lived(name: str, epoch: int, config) -> None:
    """A life that ended without a word."""
    folder = state_folder(name) / "journal" / str(epoch)
    journal_in(folder / "order_sender")
    (folder / CONFIGURATION).write_bytes(encode(config))


ENDS = """
every writer closed, no order open   : closed=all open=0                 -> settled
an order is open                     : closed=all open=1                 -> not
a writer was killed                  : closed=all-risk_gate open=0       -> not
a writer failed                      : closed=all-order_sender open=0    -> not
nobody ever ran                      : closed=none open=0                -> not
"""


def test_a_life_is_settled_when_every_writer_left_on_its_own_with_no_order_open():
    for number, line in enumerate(ENDS.strip().splitlines()):
        what, _, rest = line.partition(":")
        words, _, fate = rest.partition("->")
        fields = dict(word.split("=") for word in words.split())
        fabric = Fabric(outside(f"ends{number}-{id(line) % 9999}"))
        folder = fabric.state_folder / "journal" / str(fabric.epoch)
        journal_in(folder / "order_sender")
        spared = fields["closed"].removeprefix("all-")
        for page in fabric.pages:
            role = fabric.config.topology.instance(page.name).role
            if role in JOURNAL_PAYLOADS and fields["closed"] != "none":
                page.row["life"] = LIFE_FAILED if page.name == spared else LIFE_CLOSED
            if role == "order_sender":
                words = page.segment.view(COUNTERS_OFFSET + 8 * SENDER_OPEN_ORDERS, np.dtype("<i8"))
                words[0] = int(fields["open"])
        fabric.destroy()
        assert is_settled(folder) == (fate.strip() == "settled"), what


def test_a_start_goes_on_with_the_newest_life_that_is_not_settled():
    config = outside("goes-on")
    lived("goes-on", 100, config)
    lived("goes-on", 200, config)
    folder = state_folder("goes-on")
    assert epoch_to_go_on_with(folder, config) == 200
    assert epoch_to_go_on_with(folder, load("goes-on")) is None, "the embedded venue died with its fabric"
    (folder / "journal" / "200" / SETTLED).write_text("{}")
    assert epoch_to_go_on_with(folder, config) is None, "only the newest counts"


def test_it_does_not_on_another_trading_date_and_refuses_another_numbering():
    config = outside("goes-on")
    lived("goes-on", 100, config)
    folder = state_folder("goes-on")
    tomorrow = config.run.trading_date + timedelta(days=1)
    later = structs.replace(config, run=structs.replace(config.run, trading_date=tomorrow))
    assert epoch_to_go_on_with(folder, later) is None
    instances = tuple(
        structs.replace(held, name="strategy.two") if held.role == "strategy" else held
        for held in config.topology.instances
    )
    other = structs.replace(config, topology=structs.replace(config.topology, instances=instances))
    with pytest.raises(UnsettledEpoch, match="strategy.two"):
        epoch_to_go_on_with(folder, other)


def test_the_fabric_has_its_epoch_and_its_journals():
    name = "same-life"
    config = outside(name)
    lived(name, 100, config)
    fabric = Fabric(config)
    try:
        assert fabric.epoch == 100
        assert (state_folder(name) / "journal" / "100" / "order_sender").is_dir()
    finally:
        fabric.destroy()
    assert not is_settled(state_folder(name) / "journal" / "100"), "nobody ran: it is as open as before"

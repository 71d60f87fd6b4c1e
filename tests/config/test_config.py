"""The configuration: what ships is sound, and every mistake is told with file, key, expected, found."""

import shutil
from pathlib import Path

import pytest
from msgspec import structs

from config.errors import ConfigError
from config.load import PACKAGE, decode, encode, load
from config.placement import place


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """A copy of the shipped files, in force."""
    shutil.copytree(PACKAGE, tmp_path / "config", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    monkeypatch.setenv("QUINTET_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


def edit(folder: Path, file: str, old: str, new: str) -> None:
    """Replace one piece of a file; the piece must be there."""
    text = (folder / file).read_text()
    assert old in text, f"{file} has no {old!r}"
    (folder / file).write_text(text.replace(old, new, 1))


def test_shipped_configuration_is_sound_and_survives_encoding():
    config = load()
    assert decode(encode(config)) == config
    assert [instance.role for instance in config.topology.instances][1:] == [
        "feed_handler",
        "strategy",
        "risk_gate",
        "order_sender",
        "position_keeper",
        "risk_engine",
        "oms",
    ]


MISTAKES = """
file             | replace                          | by                                   | key                          | expected                     | found
topology.toml    | journal_entries = 16384          | journal_entries = "many"             | journal_entries              | int                          | str 'many'
topology.toml    | journal_entries = 16384          | journal_entries = 1000               | journal_entries              | a power of two               | 1000
topology.toml    | working_rows = 1024              | working_row = 1024                   | working_row                  | no such key                  | it
topology.toml    | role = "strategy"                | role = "trader"                      | instance[2].role             | one of the documented words  | trader
topology.toml    | name = "risk_gate"               | name = "strategy"                    | instance[3].name             | a name used once             | strategy
topology.toml    | capacity = 16384                 | capacity = 1000                      | ring[0].capacity             | a power of two               | 1000
topology.toml    | rejects.risk_gate.strategy       | intents.strategy.risk_gate           | ring[2].name                 | one producer on one ring     | intents.strategy.risk_gate
topology.toml    | ticks.feed_handler.strategy      | ticks.feed_handler.nobody            | ring[0].name                 | both of them instances       | ticks.feed_handler.nobody
topology.toml    | orders.risk_gate.order_sender    | orders.strategy.order_sender         | ring[3].name                 | orders.<risk_gate>           | orders.strategy.order_sender
topology.toml    | headroom = 256                   | headroom = 4096                      | ring[1].headroom             | 0 to 1023                    | 4096
instruments.toml | symbol = "QNTA"                  | symbol = "TOOLONGNAME"               | instrument[0].symbol         | 1 to 8 ASCII characters      | TOOLONGNAME
instruments.toml | symbol = "QNTB"                  | symbol = "QNTA"                      | instrument[1].symbol         | a symbol used once           | QNTA
instruments.toml | lot_lots = 1                     | lot_lots = 0                         | instrument[0].lot_lots       | a number above 0             | 0
limits.toml      | qty_lots_max = 1000              | qty_lots_max = 40000000000000        | instrument.QNTA              | below 2^62                   | 7999
limits.toml      | [instrument.QNTA]                | [instrument.QNTZ]                    | instrument.QNTZ              | a symbol of instruments.toml | QNTZ
limits.toml      | collar_near_bps = 200            | #                                    | instrument.QNTA              | a value                      | nothing
limits.toml      | collar_far_bps = 100             | #                                    | instrument.QNTA              | a value                      | nothing
limits.toml      | net_micro_max = 50_000_000       | # = 1                                | firm                         | a value                      | nothing
limits.toml      | burst_lots_max = 100_000         | burst_lots_max = "many"              | instrument.QNTA.burst_lots   | one of the documented words  | many
limits.toml      | long_lots_max = 2000             | long_lots_max = "none"               | strategy.strategy.long_lots  | int                          | none
limits.toml      | rate_cancels_max = 3000          | rate_cancels_max = 0                 | firm.rate_cancels_max        | a number above 0             | 0
limits.toml      | rate_headroom = 1000             | rate_headroom = 4000                 | firm.rate_headroom           | less than rate_messages_max  | 4000
limits.toml      | messages_floor = 100_000         | messages_floor = -1                  | firm.messages_floor          | a number from 0 on           | -1
limits.toml      | USD = 1_000_000                  | USD = 999_999                        | fx_ppm.USD                   | 1000000 for the firm's own   | 999999
limits.toml      | USD = 1_000_000                  | EUR = 1_000_000                      | fx_ppm.USD                   | 1000000 for the firm's own   | None
limits.toml      | USD = 1_000_000                  | USD = 0                              | fx_ppm.USD                   | 1 to 1000000000000           | 0
limits.toml      | concentration_floor_micro        | concentration_floor                  | firm.concentration_floor     | no such key                  | it
instruments.toml | price_from_ticks = 0             | price_from_ticks = 10                | instrument[0].band           | one band from price 0        | [10, 10000]
instruments.toml | price_from_ticks = 10_000        | price_from_ticks = 0                 | instrument[0].band           | at most 4 different prices   | [0, 0]
instruments.toml | price_from_ticks = 10_000        | price_from_ticks = -1                | instrument[0].band           | one band from price 0        | [-1, 0]
instruments.toml | from_date = 2006-01-31           | from_date = "soon"                   | instrument[0].band[0].from_d | a valid value                | date
limits.toml      | [strategy.strategy]              | [strategy.other]                     | strategy.strategy            | limits for every strategy    | nothing
limits.toml      | qty_lots_max = 1000              | qty_lots_max = 0                     | instrument.QNTA.qty_lots_max | a number above 0             | 0
strategy.toml    | "QNTD"                           | "QNTX"                               | strategy.strategy            | symbols of instruments.toml  | QNTX
strategy.toml    | module = "avellaneda_stoikov"    | #                                    | strategy.strategy.module     | a value                      | nothing
venues.toml      | port_a = 26400                   | port_a = 80                          | venue[0].channel.port_a      | a port from 1024 to 65535    | 80
venues.toml      | username = "qntet"               | username = "much-too-long"           | venue[0].session.username    | 1 to 6 characters            | much-too-long
hosts/dev.toml   | memory_lock = "try"              | memory_lock = "maybe"                | memory_lock                  | one of the documented words  | maybe
hosts/dev.toml   | cores = {}                       | cores = {strategy = 4096}            | cores.strategy               | one of the cores             | 4096
hosts/dev.toml   | cores = {}                       | cores = {nobody = 0}                 | cores.nobody                 | an instance of topology.toml | nobody
hosts/dev.toml   | realtime_priority = 0            | realtime_priority = = 0              | (syntax)                     | valid TOML                   | line
"""


def rows(table: str) -> list[list[str]]:
    """Cells of an aligned text table, header left out."""
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()[1:]]


@pytest.mark.parametrize("file,old,new,key,expected,found", rows(MISTAKES))
def test_a_mistake_is_told_with_file_key_expected_and_found(folder, file, old, new, key, expected, found):
    edit(folder, file, old, new)
    with pytest.raises(ConfigError) as refused:
        load()
    error = refused.value
    assert error.file == str(folder / file)
    assert error.key.startswith(key)
    assert expected in error.expected
    assert found in error.found
    for part in (error.file, error.key, error.expected, error.found):
        assert part in str(error)


def test_a_strategy_instance_without_a_table_is_refused(folder):
    (folder / "strategy.toml").write_text('[strategy.other]\nmodule = "fixed_spread"\nuniverse = ["QNTA"]\n')
    with pytest.raises(ConfigError, match="strategy.strategy: expected a table for every strategy instance"):
        load()


def test_a_missing_file_falls_back_to_the_shipped_one(folder):
    (folder / "venues.toml").unlink()
    assert load().venues[0].name == "sim"


@pytest.mark.parametrize("name", ["", "UPPER", "a.b", "x" * 33, "../up"])
def test_a_fabric_name_that_shared_memory_cannot_carry_is_refused(name):
    with pytest.raises(ConfigError, match="--name"):
        load(name)


def test_two_fabrics_get_different_ports_and_the_default_name_keeps_the_files():
    default, demo, other = load("quintet"), load("demo"), load("other")
    assert default.venues[0].session.port == 26403
    ports = {config.venues[0].session.port for config in (default, demo, other)}
    assert len(ports) == 3
    assert all(1024 <= port <= 65535 for port in ports)


PLACEMENT = """
cores            | sharing | shared | idle  | distinct
0                | allow   | yes    | yield | 1
0 1              | allow   | yes    | yield | 2
0 1 2 3          | allow   | yes    | yield | 4
0 1 2 3 4 5      | allow   | no     | spin  | 6
0 1 2 3 4 5 6 7  | allow   | no     | spin  | 6
"""


@pytest.mark.parametrize("cores,sharing,shared,idle,distinct", rows(PLACEMENT))
def test_instances_share_and_yield_on_too_few_cores_and_spin_alone_on_enough(cores, sharing, shared, idle, distinct):
    config = load()
    config = structs.replace(config, cores=tuple(int(core) for core in cores.split()))
    places = place(config)
    assert {places.pop(name).core for name in ("oms", "risk_engine")} == {-1}, "a cold role has no core"
    assert len({held.core for held in places.values()}) == int(distinct)
    assert {held.core for held in places.values()} <= set(config.cores)
    first = places["feed_handler"]
    assert (first.shared, first.idle) == (shared == "yes", idle)


def test_spare_cores_leave_the_first_one_to_housekeeping():
    config = structs.replace(load(), cores=tuple(range(16)))
    assert 0 not in {held.core for held in place(config).values()}


def test_production_refuses_to_share_cores():
    config = load()
    host = structs.replace(config.host, core_sharing="refuse")
    with pytest.raises(ConfigError, match="a core of its own"):
        place(structs.replace(config, host=host, cores=(0, 1)))

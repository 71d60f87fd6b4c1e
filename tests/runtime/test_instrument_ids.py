"""Instrument ids: one number a symbol on all days, from a file that is extended and never trusted blindly."""

import multiprocessing
import os
import random
import zlib
from pathlib import Path

import pytest
from msgspec import structs

from config.load import decode, encode, load
from procs.runtime import instrument_ids
from procs.runtime.desks import HOUSE, desk_names
from procs.runtime.fabric import Fabric
from procs.runtime.fill import instrument_rows, limit_rows
from procs.runtime.instrument_ids import (
    IDS_FILE,
    InstrumentIdsDamaged,
    InstrumentIdsFull,
    SymbolRefused,
    extend_ids,
    number_instruments,
    read_ids,
)
from procs.runtime.tables import tables_of


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """A folder whose file has three symbols."""
    assert extend_ids(tmp_path, ["QNTA", "QNTB", "ZVZZT"]) == {"QNTA": 0, "QNTB": 1, "ZVZZT": 2}
    return tmp_path


def test_a_symbol_keeps_its_id_whatever_comes_before_it_later(held):
    assert extend_ids(held, ["NEW", "ZVZZT", "QNTB", "QNTA", "NEW"]) == {"QNTA": 0, "QNTB": 1, "ZVZZT": 2, "NEW": 3}
    assert extend_ids(held, [])["NEW"] == 3 == read_ids(held / IDS_FILE)["NEW"]


def test_nothing_new_writes_nothing(held):
    before = (held / IDS_FILE).stat()
    extend_ids(held, ["ZVZZT"])
    assert (held / IDS_FILE).stat().st_ino == before.st_ino


def test_random_days_agree_with_a_list_that_only_grows(tmp_path):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rng, expected = random.Random(seed), []
    for _ in range(40):
        day = [f"S{rng.randrange(300)}" for _ in range(rng.randrange(30))]
        expected += [symbol for symbol in dict.fromkeys(day) if symbol not in expected]
        assert extend_ids(tmp_path, day) == {symbol: row for row, symbol in enumerate(expected)}


def _cut(raw: bytes) -> bytes:
    return raw[:-12]


DAMAGE = {
    "an empty file": (lambda raw: b"", "line 1: expected `quintet instruments 1`"),
    "another file": (lambda raw: b"firm ACTIVE\n", "line 1: expected"),
    "a cut file": (_cut, "a last line `end COUNT CRC`"),
    "a lost line": (lambda raw: raw.replace(b"1 QNTB\n", b""), "expected end 2"),
    "a changed symbol": (lambda raw: raw.replace(b"QNTB", b"QNTC"), "expected end 3"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_file_is_refused_and_left_alone(held, what):
    spoil, sentence = DAMAGE[what]
    raw = spoil((held / IDS_FILE).read_bytes())
    (held / IDS_FILE).write_bytes(raw)
    with pytest.raises(InstrumentIdsDamaged) as found:
        extend_ids(held, ["NEW"])
    assert sentence in str(found.value) and "restore it from a copy" in str(found.value)
    assert (held / IDS_FILE).read_bytes() == raw


def _sealed(lines: list[str]) -> bytes:
    body = "".join(f"{line}\n" for line in [instrument_ids.HEAD, *lines])
    return f"{body}end {len(lines)} {zlib.crc32(body.encode()):08x}\n".encode()


@pytest.mark.parametrize(
    "lines, sentence",
    [
        (["0 A", "1 A"], "every symbol once, found A again, which has id 0"),
        (["0 A", "2 B"], "expected `1 SYMBOL`"),
        (["0 NINELETTE"], "expected `0 SYMBOL`"),
    ],
)
def test_a_sealed_file_with_impossible_lines_is_refused(tmp_path, lines, sentence):
    (tmp_path / IDS_FILE).write_bytes(_sealed(lines))
    with pytest.raises(InstrumentIdsDamaged, match=sentence):
        read_ids(tmp_path / IDS_FILE)


def test_symbols_that_no_wire_carries_and_too_many_of_them_change_nothing(held, monkeypatch):
    for symbol in ("", "NINELETTE", "A B", "É"):
        with pytest.raises(SymbolRefused):
            extend_ids(held, ["FINE", symbol])
    monkeypatch.setattr(instrument_ids, "IDS_MAX", 4)
    with pytest.raises(InstrumentIdsFull, match="at most 4 symbols, found 5"):
        extend_ids(held, ["FINE", "FINER"])
    assert list(read_ids(held / IDS_FILE)) == ["QNTA", "QNTB", "ZVZZT"]


def _extend_much(folder: Path, first: int) -> None:
    for number in range(first, first + 30):
        extend_ids(folder, [f"P{number}"])


def test_two_processes_extend_one_file_and_lose_nothing(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_extend_much, args=(tmp_path, first)) for first in (0, 15)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    ids = read_ids(tmp_path / IDS_FILE)
    assert set(ids) == {f"P{number}" for number in range(45)} and sorted(ids.values()) == list(range(45))


def test_rows_follow_the_ids_and_strangers_cannot_be_traded(tmp_path):
    config = load("rows")
    extend_ids(tmp_path, ["OLD", "QNTB"])
    numbered = number_instruments(config, tmp_path, ("FEED1", "QNTA", "FEED2"))
    assert [instrument.symbol for instrument in numbered.instruments] == [
        *("OLD", "QNTB", "QNTA", "QNTC", "QNTD", "ESH4"),
        *("FEED1", "FEED2"),
    ]
    assert numbered.instrument_id("QNTA") == 2
    shuffled = structs.replace(config, instruments=config.instruments[::-1])
    assert number_instruments(shuffled, tmp_path).instruments == numbered.instruments[:6]
    listing, limits = instrument_rows(numbered), limit_rows(numbered)
    assert listing["symbol"].tolist() == [instrument.symbol.encode() for instrument in numbered.instruments]
    assert listing["instrument_id"].tolist() == list(range(8))
    for row in (0, 6, 7):
        assert not numbered.instruments[row].configured and limits[row]["qty_lots_max"] == 0
    assert limits[2]["qty_lots_max"] == config.limits.instruments["QNTA"].qty_lots_max
    assert desk_names(numbered) == ["strategy", HOUSE]
    rows = {name: tables_of(numbered)[name].rows for name in ("tops", "positions", "pnl", "limits")}
    assert rows == {"tops": 8, "positions": 2 * 8, "pnl": 2 * 8, "limits": 8 + 2 + 1}, "instruments, desks, firm"
    assert len(limits) == 11 and limits[9]["open_orders_max"] == limits[9]["gross_micro_max"] == 0, "the house's row"


def test_the_host_decides_how_many_known_strangers_get_a_row(tmp_path):
    config = load("rows")
    extend_ids(tmp_path, [instrument.symbol for instrument in config.instruments] + [f"S{k}" for k in range(10)])
    for most, rows in ((0, 5), (8, 8), (100, 15)):
        host = structs.replace(config.host, instruments_max=most)
        assert len(number_instruments(structs.replace(config, host=host), tmp_path).instruments) == rows


def test_eight_thousand_instruments_fit_a_roster_and_a_containers_shared_memory(folders):
    name = f"rows-{os.getpid()}"
    listed = tuple(f"N{number:05d}" for number in range(8000))
    config = load(name)
    host = structs.replace(config.host, shared_memory_bytes_max=64 << 20)
    fabric = Fabric(structs.replace(config, host=host), fresh=True, listed=listed)
    try:
        blob = encode(fabric.config)
        again = decode(blob)
        assert len(blob) < 16_384 and len(again.instruments) == 8005
        assert again.instrument_id("ESH4") == 4 and again.instruments[:5] == fabric.config.instruments[:5]
        assert not any(instrument.configured for instrument in again.instruments[5:])
        assert encode(again) == blob
        print(f"{fabric.bytes / (1 << 20):.1f} MiB of shared memory")
    finally:
        fabric.destroy()
    kept = Fabric(load(name), fresh=True)
    try:
        assert len(kept.config.instruments) == 5, "a demonstration keeps the ids, and rows only for what it needs"
        assert len(read_ids(kept.state_folder / IDS_FILE)) == 8005
    finally:
        kept.destroy()

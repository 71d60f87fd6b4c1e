"""Limits and caps of limits.toml: what is looser, what no limit may pass, and bad input told with file, key, found."""

import shutil
from ast import literal_eval
from datetime import date
from pathlib import Path

import pytest
from msgspec import structs

from config.caps import ABOUT, SHORTER_IS_LOOSER, is_looser, strictest
from config.errors import ConfigError
from config.limits import UNCAPPED, FirmLimits, InstrumentLimits, StrategyLimits
from config.load import PACKAGE, load


@pytest.fixture
def limits_file(tmp_path: Path, monkeypatch) -> Path:
    """A copy of the shipped limits.toml, in force."""
    shutil.copy(PACKAGE / "limits.toml", tmp_path / "limits.toml")
    monkeypatch.setenv("QUINTET_CONFIG", str(tmp_path))
    return tmp_path / "limits.toml"


LOOSER = """
key                  | value         | than          | looser
qty_lots_max         | 101           | 100           | yes
qty_lots_max         | 100           | 100           | no
qty_lots_max         | 99            | 100           | no
gross_micro_max      | "none"        | 10            | yes
gross_micro_max      | 10            | "none"        | no
gross_micro_max      | "none"        | "none"        | no
messages_floor       | 1             | 0             | yes
collar_near_bps      | 201           | 200           | yes
rate_headroom        | 99            | 100           | yes
rate_headroom        | 101           | 100           | no
rate_window_ms       | 999           | 1000          | yes
rate_window_ms       | 1001          | 1000          | no
burst_window_ms      | 1             | 2             | yes
same_window_ms       | "none"        | 1             | yes
same_window_ms       | 1             | "none"        | no
fill_window_ms       | 5             | 6             | yes
fill_reset_ms        | 5             | 6             | yes
fill_reset_ms        | "none"        | 6             | no
fill_reset_ms        | 6             | "none"        | yes
venue_rejects_max    | 21            | 20            | yes
venue_rejects_max    | 20            | 21            | no
venue_rejects_max    | "none"        | 200           | yes
venue_rejects_window_ms | 999           | 1000          | yes
venue_rejects_window_ms | 1001          | 1000          | no
venue_rejects_window_ms | "none"        | 1000          | yes
permitted            | ["buy"]       | ["sell"]      | yes
permitted            | ["buy"]       | ["buy","sell"]| no
permitted            | []            | ["buy"]       | no
self_trade           | "cancel"      | "reject"      | yes
self_trade           | "reject"      | "cancel"      | no
self_trade           | "cancel"      | "cancel"      | no
"""


def rows(table: str) -> list[list[str]]:
    """Cells of an aligned text table, header left out."""
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()[1:]]


@pytest.mark.parametrize("key,value,than,looser", rows(LOOSER))
def test_which_of_two_limits_is_looser(key, value, than, looser):
    assert is_looser(key, literal_eval(value), literal_eval(than)) == (looser == "yes")
    both = strictest(key, literal_eval(value), literal_eval(than))
    assert not is_looser(key, both, literal_eval(value)) and not is_looser(key, both, literal_eval(than))


def test_every_limit_of_every_scope_has_a_cap_and_somebody_who_owns_it():
    caps = load().limits.caps
    for kind, limited in (("firm", FirmLimits), ("strategy", StrategyLimits), ("instrument", InstrumentLimits)):
        held = getattr(caps, kind)
        assert set(held.__struct_fields__) == {*ABOUT, *limited.__struct_fields__} - set(UNCAPPED)
        assert held.owner and held.rationale and held.review_by > date(2026, 1, 1)
    windows = {name for kind in (FirmLimits, StrategyLimits) for name in kind.__struct_fields__ if "window" in name}
    assert windows <= set(SHORTER_IS_LOOSER)


# what stands in the shipped file is replaced once, from the place named first on
MISTAKES = """
from                | replace                    | by                                | key                         | expected                    | found
[instrument.QNTA]   | qty_lots_max = 1000        | qty_lots_max = 0                  | instrument.QNTA.qty_lots_m  | a number above 0            | 0
[instrument.QNTA]   | qty_lots_max = 1000        | qty_lots_max = -1                 | instrument.QNTA.qty_lots_m  | a number above 0            | -1
[instrument.QNTA]   | qty_lots_max = 1000        | qty_lots_max = nan                | instrument.QNTA.qty_lots_m  | int                         | float nan
[instrument.QNTA]   | qty_lots_max = 1000        | qty_lots_max = inf                | instrument.QNTA.qty_lots_m  | int                         | float inf
[instrument.QNTA]   | qty_lots_max = 1000        | qty_lots_max = -inf               | instrument.QNTA.qty_lots_m  | int                         | float -inf
[instrument.QNTA]   | qty_lots_max = 1000        | qty_lots_max = 1e3                | instrument.QNTA.qty_lots_m  | int                         | float 1000.0
[instrument.QNTA]   | qty_lots_max = 1000        | qty_lots_max = true               | instrument.QNTA.qty_lots_m  | int                         | bool True
[instrument.QNTA]   | qty_lots_max = 1000        | qty_lots_max = "1000"             | instrument.QNTA.qty_lots_m  | int                         | str '1000'
[instrument.QNTA]   | qty_lots_max = 1000        | qty_lots_max = "none"             | instrument.QNTA.qty_lots_m  | int                         | str 'none'
[instrument.QNTA]   | qty_lots_max = 1000        |                                   | instrument.QNTA.qty_lots_m  | a value                     | nothing
[instrument.QNTA]   | qty_lots_max = 1000        | qty_lots_max = 1000{N}qty_lots_max = 1 | (syntax)               | valid TOML                  | overwrite
[instrument.QNTA]   | qty_lots_max = 1000        | qty_lot_max = 1000                | instrument.QNTA.qty_lot_ma  | no such key                 | it
[instrument.QNTA]   | qty_lots_max = 1000        | qty_lots_max = 100001             | instrument.QNTA.qty_lots_m  | at most 100000 (cap.instru  | 100001
[instrument.QNTA]   | gross_micro_max = 2_000    | gross_micro_max = inf #           | instrument.QNTA.gross_micr  | int                         | float inf
[instrument.QNTA]   | gross_micro_max = 2_000    | gross_micro_max = 99999999999999999999999999999 # | instrument.QNTA.gross_micr | below 2^62  | 99999999999999999999999999999
[instrument.QNTA]   | gross_micro_max = 2_000    | gross_micro_max = 4611686018427387903 # | instrument.QNTA.gross_micr | at most 2000000000000    | 4611686018427387903
[instrument.QNTA]   | gross_micro_max = 2_000    | gross_micro_max = "none" #        | instrument.QNTA.gross_micr  | at most 200000000000000     | none
[instrument.QNTA]   | burst_window_ms = 1000     | burst_window_ms = 99              | instrument.QNTA.burst_wind  | at least 100 (cap.instrume  | 99
[instrument.QNTA]   | permitted = ["buy"         | permitted = ["by"                 | instrument.QNTA.permitted   | one of the documented wor   | by
[instrument.QNTA]   | locate_lots = 2000         | locate_lots = -1                  | instrument.QNTA.locate_lot  | a number from 0 on          | -1
[instrument.QNTA]   | locate_lots = 2000         | locate_lots = nan                 | instrument.QNTA.locate_lot  | int                         | float nan
[strategy.strategy] | rate_headroom = 1000       | rate_headroom = 99                | strategy.strategy.rate_hea  | at least 100 (cap.strategy  | 99
[strategy.strategy] | silence_ms_max = 1000      | silence_ms_max = 60_001           | strategy.strategy.silence_  | at most 60000 (cap.strateg  | 60001
[strategy.strategy] | venue_rejects_max = 20     | venue_rejects_max = nan #         | strategy.strategy.venue_rej | int                         | float nan
[strategy.strategy] | venue_rejects_max = 20     | venue_rejects_max = inf #         | strategy.strategy.venue_rej | int                         | float inf
[strategy.strategy] | venue_rejects_max = 20     | venue_rejects_max = 0 #           | strategy.strategy.venue_rej | a number above 0            | 0
[strategy.strategy] | venue_rejects_max = 20     | venue_rejects_max = -1 #          | strategy.strategy.venue_rej | a number above 0            | -1
[strategy.strategy] | venue_rejects_max = 20     | venue_rejects_max = 2.5 #         | strategy.strategy.venue_rej | int                         | float 2.5
[strategy.strategy] | venue_rejects_max = 20     | #                                 | strategy.strategy.venue_rej | a value                     | nothing
[strategy.strategy] | venue_rejects_max = 20     | venue_rejects_max = 201 #         | strategy.strategy.venue_rej | at most 200 (cap.strategy.v | 201
[strategy.strategy] | venue_rejects_max = 20     | venue_rejects_max = "none" #      | strategy.strategy.venue_rej | at most 200 (cap.strategy.v | none
[strategy.strategy] | venue_rejects_window_ms = 1000 | venue_rejects_window_ms = 999     | strategy.strategy.venue_rej | at least 1000 (cap.strategy | 999
[strategy.strategy] | venue_rejects_window_ms = 1000 | venue_rejects_window_ms = "none"  | strategy.strategy.venue_rej | a time: venue_rejects_max c | none
[firm]              | venue_rejects_max = 50     | venue_rejects_max = nan #         | firm.venue_rejects_max      | int                         | float nan
[firm]              | venue_rejects_max = 50     | venue_rejects_max = 501 #         | firm.venue_rejects_max      | at most 500 (cap.firm.venue | 501
[firm]              | venue_rejects_window_ms = 1000 | venue_rejects_window_ms = "none"  | firm.venue_rejects_window   | a time: venue_rejects_max c | none
[cap.firm]          | venue_rejects_max = 500    | venue_rejects_max = -1            | cap.firm.venue_rejects_max  | 0 to 2^62                   | -1
[firm]              | open_orders_max = 200      | open_orders_max = nan             | firm.open_orders_max        | int                         | float nan
[firm]              | open_orders_max = 200      | open_orders_max = 20_001          | firm.open_orders_max        | at most 20000 (cap.firm.op  | 20001
[firm]              | self_trade = "reject"      | self_trade = "both"               | firm.self_trade             | one of the documented wor   | both
[cap.firm]          | owner = "risk officer"     | owner = " "                       | cap.firm.owner              | who answers                 | nothing
[cap.firm]          | owner = "risk officer"     |                                   | cap.firm.owner              | a value                     | nothing
[cap.firm]          | review_by = 2027-06-30     | review_by = "soon"                | cap.firm.review_by          | a valid value               | date
[cap.firm]          | open_orders_max = 20_000   | open_orders_max = nan             | cap.firm.open_orders_max    | int                         | float nan
[cap.firm]          | open_orders_max = 20_000   | open_orders_max = -1              | cap.firm.open_orders_max    | 0 to 2^62                   | -1
[cap.firm]          | open_orders_max = 20_000   |                                   | cap.firm.open_orders_max    | a value                     | nothing
[cap.firm]          | open_orders_max = 20_000   | open_order_max = 20_000           | cap.firm.open_order_max     | no such key                 | it
[cap.instrument]    | [cap.instrument]           | [cap.instruments]                 | cap.instruments             | no such key                 | it
revision            | revision = 1               | revision = 0                      | revision                    | a number above 0            | 0
revision            | revision = 1               | revision = nan                    | revision                    | int                         | float nan
revision            | revision = 1               |                                   | revision                    | a value                     | nothing
"""


@pytest.mark.parametrize("start,old,new,key,expected,found", rows(MISTAKES))
def test_a_bad_limit_is_told_with_file_key_expected_and_found(limits_file, start, old, new, key, expected, found):
    text = limits_file.read_text()
    head, rest = text[: text.index(start)], text[text.index(start) :]
    assert old in rest
    limits_file.write_text(head + rest.replace(old, new.replace("{N}", "\n") or "#", 1))
    with pytest.raises(ConfigError) as refused:
        load()
    error = refused.value
    assert error.file == str(limits_file) and error.key.startswith(key), error
    assert expected in error.expected and found in error.found, error


@pytest.mark.parametrize(
    "data,key,found",
    [
        (b"revision = 1 # \xff\xfe", "(encoding)", "byte 0xff at offset 15"),
        (b"\x00\x01", "(syntax)", "line"),
        (b"", "revision", "nothing"),
    ],
)
def test_bytes_that_are_no_limits_file_are_refused(limits_file, data, key, found):
    limits_file.write_bytes(data)
    with pytest.raises(ConfigError) as refused:
        load()
    assert (refused.value.file, refused.value.key) == (str(limits_file), key) and found in refused.value.found


def test_a_cap_that_is_none_bounds_nothing():
    limits = load().limits
    loose = structs.replace(limits.firm, loss_micro_max=1 << 61)
    assert limits.caps.firm.loss_micro_max == "none"
    assert not is_looser("loss_micro_max", loose.loss_micro_max, limits.caps.firm.loss_micro_max)

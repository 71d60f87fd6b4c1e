"""Dated fees: which entry counts on which day, and what each mistake is told."""

from datetime import date

import pytest
from msgspec import structs

from config.day import trading_date, with_trading_date
from config.errors import ConfigError
from config.fees import Fees, check_fees, fees_by_row, fees_in_force
from config.load import decode, encode, load
from procs.position_keeper.state import fee_rules
from procs.runtime.fabric import Fabric
from procs.venue.state import make_rules


def rows(text):
    """Cells of an aligned text table, header left out."""
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()[1:]]


def fees(text):
    """Entries `class from [to]`, the n-th with n micro-units a lot."""
    found = []
    for number, entry in enumerate(text.split(",")):
        name, first, *last = entry.split()
        to_date = date.fromisoformat(last[0]) if last else None
        found.append(Fees(date.fromisoformat(first), number, -number, fee_class=name, to_date=to_date))
    return tuple(found)


def with_fees(entries, on="2026-03-02"):
    config = load()
    venue = structs.replace(config.venues[0], fees=entries)
    run = structs.replace(config.run, trading_date=date.fromisoformat(on))
    return structs.replace(config, venues=(venue,), run=run)


IN_FORCE = """
entries                                              | on         | entry
standard 2026-01-01                                  | 2026-01-01 | 0
standard 2026-01-01                                  | 2025-12-31 | none
standard 2026-01-01, standard 2026-03-01             | 2026-02-28 | 0
standard 2026-01-01, standard 2026-03-01             | 2026-03-01 | 1
standard 2026-03-01, standard 2026-01-01             | 2026-03-01 | 0
standard 2026-01-01 2026-02-28, standard 2026-03-01  | 2026-02-28 | 0
standard 2026-01-01 2026-02-28                       | 2026-03-01 | none
other 2020-01-01, standard 2026-01-01                | 2026-03-01 | 1
"""


@pytest.mark.parametrize("entries,on,entry", rows(IN_FORCE))
def test_the_entry_of_the_trading_date_counts(entries, on, entry):
    entries = fees(entries)
    venue = structs.replace(load().venues[0], fees=entries)
    expected = None if entry == "none" else entries[int(entry)]
    assert fees_in_force(venue, "standard", date.fromisoformat(on)) == expected


MISTAKES = """
entries                                             | key                           | expected                          | found
standard 2026-01-01, standard 2026-01-01            | venue[0].fees[1].from_date    | a date after 2026-01-01 (fees[0]  | both would hold
standard 2026-01-01 2026-06-30, standard 2026-06-30 | venue[0].fees[1].from_date    | a date after 2026-06-30 (fees[0]  | both would hold
standard 2026-01-01 2026-02-27, standard 2026-03-01 | venue[0].fees[1].from_date    | 2026-02-28, the day after fees[0] | 2026-03-01: a gap
standard 2026-01-01 2025-12-31                      | venue[0].fees[0].to_date      | 2026-01-01 or later               | 2025-12-31
standard 2026-04-01                                 | venue[0].fees                 | in force on 2026-03-02            | 2026-04-01 to the next
standard 2026-01-01 2026-02-28                      | venue[0].fees                 | in force on 2026-03-02            | 2026-01-01 to 2026-02-28
other 2026-01-01                                    | venue[0].fees                 | class 'standard' in force         | none of that class
"""


@pytest.mark.parametrize("entries,key,expected,found", rows(MISTAKES))
def test_gaps_overlaps_and_missing_dates_are_told(entries, key, expected, found):
    with pytest.raises(ConfigError) as refused:
        check_fees(with_fees(fees(entries)), "venues.toml")
    error = refused.value
    assert error.key == key and expected in error.expected and found in error.found


LIMITS = """
field                  | value       | expected
added_e8_of_notional   | 100000001   | -100000000 to 100000000
removed_micro_per_lot  | 1000000001  | -1000000000 to 1000000000
added_fill_min_micro   | -1          | 0, or a minimum above 0 where no rate is a rebate
removed_fill_min_micro | 5           | 0, or a minimum above 0 where no rate is a rebate
"""


@pytest.mark.parametrize("field,value,expected", rows(LIMITS))
def test_rates_out_of_range_are_told(field, value, expected):
    entry = structs.replace(Fees(date(2020, 1, 1), 1, -1), **{field: int(value)})
    with pytest.raises(ConfigError) as refused:
        check_fees(with_fees((entry,)), "venues.toml")
    assert refused.value.key == f"venue[0].fees[0].{field}"
    assert (refused.value.expected, refused.value.found) == (expected, value)


@pytest.mark.parametrize(
    "old,new,key,expected",
    [
        ("from_date = 2000-01-01", "", "venue[0].fees[0].from_date", "a value"),
        ("from_date = 2000-01-01", 'from_date = "soon"', "venue[0].fees[0].from_date", "a valid value"),
        ("from_date = 2000-01-01", "from_date = 2999-01-01", "venue[0].fees", "an entry of class 'standard'"),
        ("added_micro_per_lot = -2000", "added_micro = 1", "venue[0].fees[0].added_micro", "no such key"),
    ],
)
def test_mistakes_in_the_file_are_told_with_its_name(tmp_path, monkeypatch, old, new, key, expected):
    from config.load import PACKAGE

    text = (PACKAGE / "venues.toml").read_text()
    assert old in text
    (tmp_path / "venues.toml").write_text(text.replace(old, new))
    monkeypatch.setenv("QUINTET_CONFIG", str(tmp_path))
    with pytest.raises(ConfigError) as refused:
        load()
    assert refused.value.file == str(tmp_path / "venues.toml")
    assert refused.value.key == key and expected in refused.value.expected


def test_keeper_and_venue_take_the_same_entry_and_the_switch_is_at_its_date():
    entries = (
        Fees(date(2026, 1, 1), -2000, 3000, to_date=date(2026, 2, 28)),
        Fees(date(2026, 3, 1), -1500, 2900, removed_e8_of_notional=278, removed_fill_min_micro=10),
    )
    for on, added, removed in (("2026-02-28", -2000, (3000, 0, 0)), ("2026-03-01", -1500, (2900, 278, 10))):
        config = with_fees(entries, on)
        ours, theirs = fee_rules(config), make_rules(config)
        for row in range(len(config.instruments)):
            assert ours[2 * row]["micro_per_lot"] == theirs[row]["fee_added"] == added
            assert tuple(ours[2 * row + 1])[:3] == removed
            assert tuple(theirs[row][f"fee_removed{part}"] for part in ("", "_e8", "_least")) == removed


def test_an_instrument_pays_the_fees_of_its_class():
    config = with_fees(fees("standard 2026-01-01, future 2026-01-01"))
    instruments = (*config.instruments[:-1], structs.replace(config.instruments[-1], fee_class="future"))
    config = structs.replace(config, instruments=instruments)
    assert [entry.added_micro_per_lot for entry in fees_by_row(config)[0]] == [0, 0, 0, 0, 1]


def test_the_trading_date_is_that_of_logic_time_and_travels_with_the_fabric():
    config = load()
    replay = structs.replace(config, run=structs.replace(config.run, logic_start_ns=1_703_462_400_000_000_000))
    assert trading_date(replay) == date(2023, 12, 25)
    assert decode(encode(with_trading_date(replay))).run.trading_date == date(2023, 12, 25)


def test_a_fabric_is_not_created_for_a_day_without_fees(tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTET_STATE", str(tmp_path))
    monkeypatch.setenv("QUINTET_RUNTIME", str(tmp_path))
    config = structs.replace(load("nofees"), run=structs.replace(load().run, logic_start_ns=10**18 // 5))
    with pytest.raises(ConfigError, match="in force on 1976-05-03"):
        Fabric(config)

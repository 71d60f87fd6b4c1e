"""Dated quoting steps: which table is in force on a trading date, and what of it reaches the rows and the gate."""

from datetime import UTC, date, datetime

import pytest
from msgspec import structs

from config.instruments import Band
from config.load import Run, load
from config.trading_date import trading_date
from procs.risk_gate.checks import tick_of
from procs.risk_gate.gather import instrument_of
from procs.runtime.fill import instrument_rows, limit_rows
from shm.records.limits import LIMIT_NONE
from tests.support.gate import Gate

# one cent from one dollar on; from November 2025 half a cent there; below one dollar a hundredth of a cent since 2006
TABLES = """
from_date   price_from  step
2006-01-31  0           1
2006-01-31  10000       100
2025-11-03  10000       50
2025-11-03  0           1
2030-01-01  0           20
"""

IN_FORCE = """
day         price        -> step
2005-12-31  5000         -> 100
2005-12-31  10000        -> 100
2006-01-31  1            -> 1
2006-01-31  9999         -> 1
2006-01-31  10000        -> 100
2025-11-02  1000000      -> 100
2025-11-03  9999         -> 1
2025-11-03  10000        -> 50
2029-12-31  1000000      -> 50
2030-01-01  1            -> 20
2031-07-15  1000000      -> 20
"""


def config_on(day: date):
    """The shipped configuration with TABLES for its first instrument, on a trading date."""
    lines = [line.split() for line in TABLES.strip().splitlines()[1:]]
    bands = tuple(Band(date.fromisoformat(day), int(start), int(step)) for day, start, step in lines)
    config = load()
    instruments = (structs.replace(config.instruments[0], bands=bands), *config.instruments[1:])
    start_ns = int(datetime(day.year, day.month, day.day, 13, 30, tzinfo=UTC).timestamp()) * 10**9
    return structs.replace(config, instruments=instruments, run=Run(logic_start_ns=start_ns))


@pytest.mark.parametrize("line", IN_FORCE.strip().splitlines()[1:])
def test_the_gate_uses_the_step_of_the_band_in_force_on_the_trading_date(line):
    left, step = line.split("->")
    day, price = left.split()
    config = config_on(date.fromisoformat(day))
    assert trading_date(config) == date.fromisoformat(day)
    row, gate = instrument_rows(config)[0], Gate()
    gate.write("instruments", 0, **{name: row[name] for name in row.dtype.names if name != "reserved"})
    instrument_of(gate.state.gate[0], 0)
    account = gate.exposure.accounts[0]
    assert tick_of(account, int(price)) == int(step), line
    assert int(row["quote_tick_ticks"]) == 100, "what strategies quote with stays as configured"


def test_without_a_configured_day_the_trading_date_is_today():
    before = datetime.now(UTC).date()
    assert before <= trading_date(load()) <= datetime.now(UTC).date()


def test_limits_become_rows_with_none_said_aloud_and_a_missing_rate_as_zero():
    config = load()
    firm = structs.replace(config.limits.firm, net_micro_max="none")
    instruments = (structs.replace(config.instruments[0], currency="EUR"), *config.instruments[1:])
    limits = structs.replace(config.limits, firm=firm, fx_ppm={"USD": 1_000_000, "JPY": 6_700})
    rows = limit_rows(structs.replace(config, limits=limits, instruments=instruments))
    assert rows[-1]["net_micro_max"] == LIMIT_NONE and rows[-1]["gross_micro_max"] == firm.gross_micro_max
    assert [int(rate) for rate in rows["fx_ppm"][:2]] == [0, 1_000_000]
    assert rows[-1]["burst_window_ns"] == firm.burst_window_ms * 1_000_000
    assert rows[0]["rate_cancels_max"] == rows[-1]["qty_lots_max"] == LIMIT_NONE
    assert (rows["version"] == 1).all()

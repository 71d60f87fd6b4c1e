"""`quintet positions`: rows by scope, columns that line up, money with the decimals of its currency."""

import json

import numpy as np
import pytest
from msgspec import structs

from config.load import load
from procs.cli.positions import render, rows_by
from procs.cli.report import breaks, pnl_of
from procs.cli.snapshot import Snapshot
from procs.cli.text import money
from procs.runtime.fabric import Fabric
from procs.runtime.totals import total_rows, totals_of_pnl
from shm.records.ledger import LEDGER
from shm.records.pnl import PNL, SUMMED
from shm.records.position import POSITION
from shm.records.table_end import LATEST_ROWS_OFFSET
from tests.support.cli import call

pytestmark = pytest.mark.usefixtures("folders")


def put(fabric, table, row, fields, dtype):
    """Write one row of a latest table as its owner would."""
    segment = next(held for held in fabric._kept if held.full_name.endswith(f".{table}"))
    base = LATEST_ROWS_OFFSET + row * (64 + 2 * dtype.itemsize)
    held = segment.view(base + 64 + dtype.itemsize, dtype)[0]
    for name, value in fields.items():
        held[name] = value
    segment.view(base, np.dtype("<i8"))[0] = 1


@pytest.fixture
def fabric(name):
    """A fabric with fills in two currencies and no process."""
    config = load(name)
    instruments = tuple(
        structs.replace(held, currency="JPY") if held.symbol == "QNTB" else held for held in config.instruments
    )
    made = Fabric(structs.replace(config, instruments=instruments))
    config, totals = made.config, total_rows(made.config)
    of = totals_of_pnl(config, [0] * len(config.instruments))
    amounts = {
        "QNTA": {"realised_micro": 1_234_567_890, "fifo_realised_micro": 1_000_004_999, "position_lots": -100},
        "QNTB": {
            "realised_micro": -7_500_000,
            "fifo_realised_micro": -7_400_000,
            "position_lots": 5,
            "fifo_unusable": 1,
        },
    }
    common = {"fills": 3, "bought_lots": 10, "sold_lots": 7, "fees_micro": -20_000, "spread_micro": 1_500_000}
    for row, instrument in enumerate(config.instruments):
        fields = {**common, **amounts[instrument.symbol]} if instrument.symbol in amounts else {}
        where = {"instrument_id": row}
        kept = {key: value for key, value in fields.items() if key in POSITION.names}
        put(made, "positions", row, {**where, **kept}, POSITION)
        put(made, "pnl", row, {**where, **fields}, PNL)
        for total in of[row]:
            for key, value in fields.items():
                totals[total][key] += value
        put(
            made, "ledger", row, {**where, **{key: value for key, value in kept.items() if key in LEDGER.names}}, LEDGER
        )
    for row, total in enumerate(totals):
        put(
            made,
            "totals",
            row,
            {key: total[key] for key in (*SUMMED, "scope", "scope_id", "currency_id")},
            totals.dtype,
        )
    yield made
    made.destroy()


def words(line):
    return line.split()


def test_positions_by_strategy_have_a_row_for_each_currency_and_columns_line_up(fabric, name):
    answer = call("positions", "--by", "strategy", "--name", name)
    header, *lines = answer.out.splitlines()
    assert answer.code == 0 and answer.err == ""
    assert words(header)[:4] == ["strategy", "position", "fills", "bought"]
    assert [words(line)[0] for line in lines] == ["strategy", "strategy"]
    assert words(lines[0])[5:7] == ["1,234.57", "1,000.00"] and words(lines[0])[-1] == "USD"
    assert words(lines[1])[5:7] == ["-8", "-"] and words(lines[1])[-1] == "JPY"
    assert len({line.rindex(words(line)[-1]) for line in lines}) == 1


@pytest.mark.parametrize(
    "by,first",
    [
        ("instrument", ["QNTA", "QNTB"]),
        ("venue", ["sim", "sim"]),
        ("currency", ["USD", "JPY"]),
        ("firm", ["firm", "firm"]),
    ],
)
def test_positions_by_other_scopes(fabric, name, by, first):
    lines = call("positions", "--by", by, "--name", name).out.splitlines()[1:]
    assert [words(line)[0] for line in lines] == first
    assert [words(line)[-1] for line in lines] == ["USD", "JPY"]


def test_positions_without_a_scope_name_strategy_and_instrument(fabric, name):
    lines = call("positions", "--name", name).out.splitlines()[1:]
    assert [words(line)[:2] for line in lines] == [["strategy", "QNTA"], ["strategy", "QNTB"]]


def test_positions_as_json_are_micro_units(fabric, name):
    told = json.loads(call("positions", "--by", "firm", "--json", "--name", name).out)
    assert told["by"] == "firm" and [row["currency"] for row in told["rows"]] == ["USD", "JPY"]
    assert [row["realised_micro"] for row in told["rows"]] == [1_234_567_890, -7_500_000]
    assert told["rows"][1]["fifo_unusable"] == 1


def test_the_report_keeps_currencies_apart_and_finds_breaks_of_cash_and_fees(fabric, name):
    snapshot = Snapshot(name)
    try:
        pnl = pnl_of(snapshot.totals())
        assert set(pnl["by_currency"]) == {"USD", "JPY"} and pnl["realised"] is None
        assert pnl["by_currency"]["JPY"]["realised_fifo"] is None
        assert breaks(snapshot, snapshot.positions()) == []
        put(fabric, "ledger", 0, {"added_fees_micro": 1, "sold_micro": 5}, LEDGER)
        (found,) = breaks(snapshot, snapshot.positions())
        assert found["differs"] == ["sold_micro", "added_fees_micro"]
    finally:
        snapshot.close()


def test_nothing_traded_is_said(name):
    made = Fabric(load(name))
    try:
        assert call("positions", "--name", name).out == "no fills yet\n"
        assert call("positions", "--by", "venue", "--name", name).out == "no fills yet\n"
    finally:
        made.destroy()


def test_positions_of_a_fabric_that_does_not_exist_fail(name):
    answer = call("positions", "--name", name)
    assert answer.code == 1 and answer.err


@pytest.mark.parametrize(
    "micro,currency,text",
    [
        (1_005_000, "USD", "1.01"),
        (-1_004_999, "USD", "-1.00"),
        (-4_999, "EUR", "0.00"),
        (1_234_500_000, "JPY", "1,235"),
        (-1_500_000, "JPY", "-2"),
        (1_234_500, "KWD", "1.235"),
    ],
)
def test_money_has_the_decimals_of_its_currency(micro, currency, text):
    assert money(micro, currency) == text


def test_rows_by_and_render_agree_on_an_empty_book():
    class Empty:
        def positions(self):
            return []

        def totals(self):
            return []

    for by in (None, "strategy", "firm"):
        assert render(rows_by(Empty(), by), by) == "no fills yet"

"""Rows of `totals`: every scope has one a currency, every row of `pnl` adds to exactly four of its own currency."""

import numpy as np
from msgspec import structs

from config.fees import check_fees, fees_by_row
from config.load import load
from procs.runtime.tables import tables_of
from procs.runtime.totals import currencies_of, total_rows, totals_of_pnl
from shm.codes import TOTAL_FIRM, TOTAL_INSTRUMENT, TOTAL_SESSION, TOTAL_STRATEGY
from tests.support.keeper_config import several_currencies


def with_stranger():
    """A row that the file does not configure: no currency, no class of fees that a venue knows."""
    config = several_currencies()
    stranger = structs.replace(config.instruments[0], symbol="STRANGE", currency="", fee_class="unheard-of")
    return structs.replace(config, instruments=(stranger, *config.instruments))


def test_each_row_of_pnl_adds_to_firm_session_strategy_and_instrument_in_its_currency():
    config = several_currencies()
    rows, of = total_rows(config), totals_of_pnl(config, [0] * len(config.instruments))
    money = [currencies_of(config).index(instrument.currency) for instrument in config.instruments]
    assert len(rows) == tables_of(config)["totals"].rows == 3 + 3 + (2 + 1) * 3 + 5  # two strategies and the house
    for at, places in enumerate(of):
        strategy, instrument = divmod(at, len(config.instruments))
        assert rows["scope"][places].tolist() == [TOTAL_FIRM, TOTAL_SESSION, TOTAL_STRATEGY, TOTAL_INSTRUMENT]
        assert rows["scope_id"][places].tolist() == [0, 0, strategy, instrument]
        assert rows["currency_id"][places].tolist() == [money[instrument]] * 4


def test_no_two_rows_mean_the_same():
    rows = total_rows(several_currencies())
    assert len(np.unique(rows[["scope", "scope_id", "currency_id"]])) == len(rows)


def test_a_row_that_nobody_configured_needs_neither_currency_nor_fees():
    config = with_stranger()
    assert currencies_of(config) == ["USD", "EUR", "JPY"]
    rows, of = total_rows(config), totals_of_pnl(config, [0] * len(config.instruments))
    assert len(rows) == len(total_rows(several_currencies())) + 1
    assert rows["scope_id"][of[:6, 3]].tolist() == [-1, 1, 2, 3, 4, 5]
    check_fees(config, "venues.toml")
    assert fees_by_row(config)[0][0].added_micro_per_lot == 0


def test_one_currency_has_one_row_a_scope():
    config = load()
    assert len(total_rows(config)) == 1 + len(config.venues) + 1 + 1 + len(config.instruments)  # a strategy, the house
